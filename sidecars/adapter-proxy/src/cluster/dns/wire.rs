//! What a name server is asked, and what it answers: RFC 1035.

use domain::base::iana::Rcode;
use domain::base::{Message, MessageBuilder, Name, Rtype};
use domain::rdata::{A, Aaaa};
use rustix::rand::{GetRandomFlags, getrandom};
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

/// What fits into one packet on every way: <https://www.dnsflagday.net/2020/>
pub const PACKET: u16 = 1232;
pub const NO_NAME: &str = "there is no such name";
const NO_ADDRESSES: &str = "it has no addresses";

pub type Query = Message<Vec<u8>>;

/// Kinds of addresses.
#[derive(Clone, Copy)]
pub enum Kind {
    A,
    Aaaa,
}

#[derive(PartialEq, Debug)]
pub enum Reply {
    Addresses(Vec<IpAddr>, Duration),
    Nothing(&'static str),
    /// With this code
    Refused(Rcode),
}

/// Whether who answers so may know no EDNS, and answer to a question without it (RFC 6891, 7).
pub fn is_old(code: Rcode) -> bool {
    matches!(code, Rcode::FORMERR | Rcode::NOTIMP)
}

/// With EDNS, which allows for longer answers, if it is `extended`. `None` when that cannot be a name.
pub fn query(name: &str, kind: Kind, extended: bool) -> Option<Query> {
    let name = Name::<Vec<u8>>::from_str(name).ok()?;
    let mut id = [0; 2];
    getrandom(&mut id, GetRandomFlags::empty()).ok()?;
    let mut builder = MessageBuilder::new_vec();
    builder.header_mut().set_id(u16::from_ne_bytes(id));
    builder.header_mut().set_rd(true);
    let mut question = builder.question();
    let kind = match kind {
        Kind::A => Rtype::A,
        Kind::Aaaa => Rtype::AAAA,
    };
    question.push((name, kind)).ok()?;
    let mut additional = question.additional();
    if extended {
        let options = additional.opt(|options| {
            options.set_udp_payload_size(PACKET);
            Ok(())
        });
        options.ok()?;
    }
    Some(additional.into_message())
}

/// Whether that is the answer, and if it is, whether it was cut off.
pub fn is_answer(query: &Query, bytes: &[u8]) -> Option<bool> {
    let message = Message::from_octets(bytes).ok()?;
    let (header, counts) = (message.header(), message.header_counts());
    // Who did not understand the question does not always say it again.
    let is_bare = header.qr() && header.id() == query.header().id() && counts.qdcount() == 0 && is_old(header.rcode());
    (is_bare || message.is_answer(query)).then(|| header.tc())
}

/// `None` when it makes no sense.
pub fn read(bytes: &[u8]) -> Option<Reply> {
    let message = Message::from_octets(bytes).ok()?;
    match message.header().rcode() {
        Rcode::NOERROR => {}
        Rcode::NXDOMAIN => return Some(Reply::Nothing(NO_NAME)),
        code => return Some(Reply::Refused(code)),
    }
    // Behind the last alias.
    let name = message.canonical_name()?;
    let mut addresses: Vec<IpAddr> = vec![];
    for record in message.answer().ok()?.limit_to::<A>() {
        let record = record.ok()?;
        if *record.owner() == name {
            addresses.push(record.data().addr().into());
        }
    }
    for record in message.answer().ok()?.limit_to::<Aaaa>() {
        let record = record.ok()?;
        if *record.owner() == name {
            addresses.push(record.data().addr().into());
        }
    }
    // To connect to `0.0.0.0` is to connect to this machine; some name servers answer that to say that there is nothing.
    addresses.retain(|address| !address.is_unspecified());
    if addresses.is_empty() {
        return Some(Reply::Nothing(NO_ADDRESSES));
    }
    // The addresses hold as long as the aliases do that led to them.
    let mut ttl = u32::MAX;
    for record in message.answer().ok()? {
        ttl = ttl.min(record.ok()?.ttl().as_secs());
    }
    Some(Reply::Addresses(addresses, Duration::from_secs(ttl.into())))
}

#[cfg(test)]
mod tests {
    use super::{Kind, NO_ADDRESSES, NO_NAME, Query, Reply, is_answer, query, read};
    use domain::base::iana::Rcode;
    use domain::base::{Message, MessageBuilder, Name, Ttl};
    use domain::rdata::{A, Cname};
    use std::str::FromStr;
    use std::time::Duration;

    type Owned = Name<Vec<u8>>;

    fn name(text: &str) -> Owned {
        Name::from_str(text).unwrap()
    }

    /// An alias, and two addresses of what it stands for, and one of something else.
    fn answer(query: &Query, code: Rcode, full: bool) -> Vec<u8> {
        let mut answer = MessageBuilder::new_vec().start_answer(query, code).unwrap();
        if full {
            answer.push((name("redis.test"), Ttl::from_secs(7), Cname::new(name("a.test")))).unwrap();
            for (owner, last) in [("a.test", 1), ("a.test", 2), ("evil.test", 3)] {
                answer.push((name(owner), Ttl::from_secs(30), A::from_octets(10, 0, 0, last))).unwrap();
            }
            answer.push((name("a.test"), Ttl::from_secs(30), A::from_octets(0, 0, 0, 0))).unwrap();
        }
        answer.finish()
    }

    #[test]
    fn answers() {
        let query = query("redis.test", Kind::A, true).unwrap();
        let full = answer(&query, Rcode::NOERROR, true);
        assert_eq!(is_answer(&query, &full), Some(false));
        let addresses = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse().unwrap()).to_vec();
        assert_eq!(read(&full), Some(Reply::Addresses(addresses, Duration::from_secs(7))));
        assert_eq!(read(&answer(&query, Rcode::NOERROR, false)), Some(Reply::Nothing(NO_ADDRESSES)));
        assert_eq!(read(&answer(&query, Rcode::NXDOMAIN, false)), Some(Reply::Nothing(NO_NAME)));
        assert_eq!(read(&answer(&query, Rcode::SERVFAIL, true)), Some(Reply::Refused(Rcode::SERVFAIL)));
    }

    #[test]
    fn not_the_answer() {
        let (ours, other) = (query("redis.test", Kind::A, true).unwrap(), query("other.test", Kind::A, true).unwrap());
        assert_eq!(is_answer(&ours, &answer(&other, Rcode::NOERROR, true)), None);
        assert_eq!(is_answer(&ours, ours.as_slice()), None, "a query");
        assert_eq!(is_answer(&ours, b"short"), None);
        let mut guessed = Message::from_octets(answer(&ours, Rcode::NOERROR, true)).unwrap();
        let id = guessed.header().id();
        guessed.header_mut().set_id(!id);
        assert_eq!(is_answer(&ours, guessed.as_slice()), None);
    }

    /// It is foreign input: nothing of it may be believed.
    #[test]
    fn damaged() {
        let query = query("redis.test", Kind::A, true).unwrap();
        let full = answer(&query, Rcode::NOERROR, true);
        for length in 0..full.len() {
            let _ = (is_answer(&query, &full[..length]), read(&full[..length]));
        }
        for at in 0..full.len() {
            for value in [0, 1, 0x3f, 0x40, 0x80, 0xc0, 0xff] {
                let mut damaged = full.clone();
                damaged[at] = value;
                let _ = (is_answer(&query, &damaged), read(&damaged));
            }
        }
    }

    #[test]
    fn no_name() {
        assert!(query(&"a.".repeat(200), Kind::A, true).is_none());
        assert!(query("a..b", Kind::Aaaa, true).is_none());
    }
}
