//! hosts(5).

use std::net::IpAddr;

/// The addresses of a name, in their order.
pub fn addresses(file: &[u8], name: &str) -> Vec<IpAddr> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let mut addresses = vec![];
    for line in String::from_utf8_lossy(file).lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
        let Some(Ok(address)) = words.next().map(str::parse) else { continue };
        if words.any(|word| word.strip_suffix('.').unwrap_or(word).eq_ignore_ascii_case(name)) {
            addresses.push(address);
        }
    }
    addresses
}

#[cfg(test)]
mod tests {
    use super::addresses;

    #[test]
    fn lines() {
        let file = b"# kubelet's\n127.0.0.1\tlocalhost\n::1 localhost ip6-localhost\n10.0.0.1 Redis-A redis-b # redis-c\n\xff x\n10.0.0.300 redis-a\n10.0.0.2 redis-a.";
        let of = |name| addresses(file, name).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(of("localhost"), ["127.0.0.1", "::1"]);
        assert_eq!(of("redis-a"), ["10.0.0.1", "10.0.0.2"]);
        assert_eq!(of("redis-b."), ["10.0.0.1"]);
        assert_eq!((of("redis-c"), of("redis"), of("")), (vec![], vec![], vec![]));
    }
}
