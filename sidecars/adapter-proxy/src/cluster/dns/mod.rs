//! Names to addresses, as resolv.conf(5) and hosts(5) say, and with the time for which they hold: the C library's resolver
//! knows none, and blocks its thread.
//!
//! A name stands for its IPv4 addresses; for IPv6 ones only when it has no others. The pods of a dual-stack Service have
//! one of each, and are to be counted once.

mod exchange;
mod hosts;
pub mod wire;

use exchange::ask;
use resolv_conf::Config;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::time::Duration;
use wire::{Kind, Reply};

/// A file has no TTL.
const HOSTS: Duration = Duration::from_secs(5);
/// As many name servers as the C library asks: `MAXNS`
const SERVERS: usize = 3;

#[derive(PartialEq, Debug)]
pub struct Answer {
    pub addresses: Vec<IpAddr>,
    pub ttl: Duration,
    /// What the name was completed to; `None` where no name server was asked
    pub found: Option<String>,
}

/// Why there are no addresses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// That was the answer
    Nothing(&'static str),
    Failed(String),
    /// No name server answers
    Silent(String),
}

impl Display for Trouble {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self {
            Self::Nothing(what) => f.write_str(what),
            Self::Failed(why) | Self::Silent(why) => f.write_str(why),
        }
    }
}

/// What resolv.conf says.
struct System {
    servers: Vec<SocketAddr>,
    search: Vec<String>,
    ndots: usize,
    attempts: u32,
    timeout: Duration,
}

/// What a name stands for now. Of what it may be completed to by a search list, nothing behind `known` is asked for: a
/// name that was found once is not to become another one while it cannot be answered.
///
/// # Errors
/// When it stands for nothing, or no name server tells.
pub async fn lookup(name: &str, known: Option<&str>) -> Result<Answer, Trouble> {
    let addresses = preferred(hosts::addresses(&fs::read("/etc/hosts").unwrap_or_default(), name));
    if !addresses.is_empty() {
        return Ok(Answer { addresses, ttl: HOSTS, found: None });
    }
    // No name server is to be asked for that: RFC 6761, section 6.3.
    let absolute = name.strip_suffix('.').unwrap_or(name);
    if absolute == "localhost" || absolute.ends_with(".localhost") {
        return Ok(Answer { addresses: vec![Ipv4Addr::LOCALHOST.into()], ttl: HOSTS, found: None });
    }
    System::read().search(name, known).await
}

impl System {
    fn read() -> Self {
        Self::of(&fs::read("/etc/resolv.conf").unwrap_or_default())
    }

    fn of(text: &[u8]) -> Self {
        // What it does not understand it leaves out, as the C library does.
        let (config, _) = Config::parse_with_errors(text);
        let servers: Vec<_> =
            config.nameservers.iter().take(SERVERS).map(|server| SocketAddr::new(server.into(), 53)).collect();
        let search = config.get_last_search_or_domain().map(|domain| domain.trim_matches('.').to_owned());
        Self {
            search: search.filter(|domain| !domain.is_empty()).collect(),
            servers: if servers.is_empty() { vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 53))] } else { servers },
            ndots: usize::try_from(config.ndots).unwrap_or(1).min(15),
            attempts: config.attempts.clamp(1, 5),
            timeout: Duration::from_secs(config.timeout.clamp(1, 30).into()),
        }
    }

    /// The names to ask for, in their order.
    fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(name) = name.strip_suffix('.') {
            return vec![name.to_owned()];
        }
        let mut names: Vec<_> = self.search.iter().map(|domain| format!("{name}.{domain}")).collect();
        let enough = name.bytes().filter(|byte| *byte == b'.').count() >= self.ndots;
        names.insert(if enough { 0 } else { names.len() }, name.to_owned());
        names
    }

    async fn search(&self, name: &str, known: Option<&str>) -> Result<Answer, Trouble> {
        let mut trouble = Trouble::Nothing("there is no such name");
        let mut candidates = self.candidates(name);
        if let Some(last) = candidates.iter().position(|candidate| Some(candidate.as_str()) == known) {
            candidates.truncate(last + 1);
        }
        for candidate in candidates {
            match self.addresses(&candidate).await {
                // A failure says more than that there is nothing: it may be that there is something.
                Err(Trouble::Nothing(_)) if matches!(trouble, Trouble::Failed(_)) => {}
                // `NXDOMAIN` of the next one says less.
                Err(Trouble::Nothing(wire::NO_NAME)) => {}
                // Nor would it answer to the next one.
                Err(Trouble::Silent(why)) => return Err(Trouble::Silent(why)),
                Err(other) => trouble = other,
                found => return found,
            }
        }
        Err(trouble)
    }

    /// Both kinds are asked for at once.
    async fn addresses(&self, name: &str) -> Result<Answer, Trouble> {
        let (mut four, mut six) = (pin!(self.ask(name, Kind::A)), pin!(self.ask(name, Kind::Aaaa)));
        let mut other = None;
        let first = loop {
            tokio::select! {
                biased;
                reply = &mut four => break reply,
                reply = &mut six, if other.is_none() => other = Some(reply),
            }
        };
        match first {
            // There is none of the other kind either.
            Err(Trouble::Nothing(wire::NO_NAME)) => first,
            Err(Trouble::Nothing(_)) => match other {
                Some(reply) => reply,
                None => six.await,
            },
            found => found,
        }
    }

    /// Asks one server after the other, at first each for a short time: a lost packet is more likely than a slow server.
    async fn ask(&self, name: &str, kind: Kind) -> Result<Answer, Trouble> {
        let query = |extended| wire::query(name, kind, extended);
        let (query, plain) =
            query(true).zip(query(false)).ok_or(Trouble::Nothing("it is longer than a name can be"))?;
        let mut trouble = Trouble::Silent(String::new());
        for attempt in 0..self.attempts {
            let limit = if attempt == 0 { Duration::from_secs(1) } else { self.timeout };
            for server in &self.servers {
                let mut reply = ask(*server, &query, limit).await;
                if matches!(&reply, Ok(Reply::Refused(code)) if wire::is_old(*code)) {
                    reply = ask(*server, &plain, limit).await;
                }
                match reply {
                    Ok(Reply::Addresses(addresses, ttl)) => {
                        return Ok(Answer { addresses, ttl, found: Some(name.to_owned()) });
                    }
                    Ok(Reply::Nothing(what)) => return Err(Trouble::Nothing(what)),
                    Ok(Reply::Refused(code)) => {
                        trouble = Trouble::Failed(format!("the name server {} answered {code}", server.ip()));
                    }
                    Err(error) if matches!(trouble, Trouble::Silent(_)) => {
                        trouble = Trouble::Silent(format!("the name server {}: {error}", server.ip()));
                    }
                    Err(_) => {}
                }
            }
        }
        Err(trouble)
    }
}

/// Those of one kind.
fn preferred(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    if addresses.iter().any(IpAddr::is_ipv4) {
        addresses.retain(IpAddr::is_ipv4);
    }
    addresses
}

#[cfg(test)]
mod tests {
    use super::{System, preferred};
    use std::time::Duration;

    #[test]
    fn what_a_pod_is_given() {
        let system = System::of(
            b"nameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n",
        );
        assert_eq!(system.servers, ["10.96.0.10:53".parse().unwrap()]);
        assert_eq!(
            system.candidates("redis"),
            ["redis.shop.svc.cluster.local", "redis.svc.cluster.local", "redis.cluster.local", "redis"]
        );
        assert_eq!(system.candidates("a.b.c.d.e.f")[0], "a.b.c.d.e.f");
        assert_eq!(system.candidates("redis."), ["redis"]);
        assert_eq!((system.attempts, system.timeout), (2, Duration::from_secs(5)));
    }

    #[test]
    fn nothing_and_nonsense() {
        for text in [&b""[..], b"\xff\xfe nameserver\nnameserver x\noptions ndots:-1 timeout:0\nsearch .\n"] {
            let system = System::of(text);
            assert_eq!(system.servers, ["127.0.0.1:53".parse().unwrap()]);
            assert_eq!(system.candidates("redis"), ["redis"]);
            assert_eq!(system.candidates("redis.shop"), ["redis.shop"]);
        }
    }

    #[test]
    fn dual_stack_counts_once() {
        let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
        assert_eq!(preferred(parse(&["::1", "10.0.0.1", "10.0.0.2"])), parse(&["10.0.0.1", "10.0.0.2"]));
        assert_eq!(preferred(parse(&["::1", "::2"])), parse(&["::1", "::2"]));
    }
}
