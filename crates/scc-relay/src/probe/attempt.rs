//! What can be tried, and what came of it, as words.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Something that must or must not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// `unreachable:IP:PORT`: not even a refusal comes from there.
    Unreachable(SocketAddr),
    /// `unechoed:IP`: it does not answer a ping.
    Unechoed(IpAddr),
    /// `noipv6`: no interface has an address by which something beyond its own network could be
    /// reached.
    NoIpv6,
    /// `unknown:NAME`: no name server that is set up here knows the name.
    Unknown(String),
    /// `unanswered:IP:NAME`: this name server says nothing about the name.
    Unanswered(IpAddr, String),
    /// `unresolved:NAME`: programs that ask for the name's address get none.
    Unresolved(String),
    /// `nosocket:KIND`: no such socket can be made.
    NoSocket(Kind),
    /// `absent:PATH`: there is no such file.
    Absent(String),
    /// `denied:HOST:PORT`: the proxy refuses a tunnel there.
    Denied(String),
    /// `allowed:HOST:PORT`: the proxy does not.
    Allowed(String),
    /// `unserved:URL` or `unserved:URL HOST`: the proxy does not fetch it, whatever host the request
    /// says it is for.
    Unserved(String, Option<String>),
    /// `single:HOST`: a second request behind one that the proxy serves is not carried out.
    Single(String),
    /// `split:HOST:PORT`: a tunnel to this host with a blank in its name is refused; a proxy that takes
    /// the blank out would carry a client to a host that nobody has compared the names with.
    Split(String),
    /// `misread:TARGET`: a tunnel to what two readers take for two hosts is refused.
    Misread(String),
    /// `cut:HOST:PORT:NAME`: a tunnel in which TLS asks for another name is cut; without a name,
    /// one in which it asks for nobody.
    Cut(String, String),
    /// `cut-plain:HOST:PORT`: a tunnel in which no TLS is spoken is cut.
    CutPlain(String),
    /// `carried:HOST:PORT`: a tunnel in which TLS asks for the host itself is not cut.
    Carried(String),
}

/// A socket that no sandbox has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Packets of the own making.
    Raw,
    /// Frames of the network.
    Packet,
    /// To the hypervisor.
    Vsock,
    /// To the kernel's cryptography.
    Alg,
}

const NO_IPV6: &str = "noipv6";

const KINDS: [(Kind, &str); 4] = [
    (Kind::Raw, "raw"),
    (Kind::Packet, "packet"),
    (Kind::Vsock, "vsock"),
    (Kind::Alg, "alg"),
];

impl FromStr for Check {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is no check");
        if text == NO_IPV6 {
            return Ok(Self::NoIpv6);
        }
        let (kind, rest) = text.split_once(':').ok_or_else(bad)?;
        if rest.is_empty() || rest.contains(char::is_control) {
            return Err(bad());
        }
        let own = rest.to_owned();
        match kind {
            "unreachable" => rest.parse().ok().map(Self::Unreachable),
            "unechoed" => rest.parse().ok().map(Self::Unechoed),
            "unknown" => Some(Self::Unknown(own)),
            "unanswered" => rest.rsplit_once(':').and_then(|(server, name)| {
                let server = server.parse().ok()?;
                Some(Self::Unanswered(server, name.to_owned()))
            }),
            "unresolved" => Some(Self::Unresolved(own)),
            "nosocket" => KINDS
                .iter()
                .find(|(_, word)| *word == rest)
                .map(|(kind, _)| Self::NoSocket(*kind)),
            "absent" => Some(Self::Absent(own)),
            "denied" => target(rest).map(Self::Denied),
            "allowed" => target(rest).map(Self::Allowed),
            "unserved" => match rest.split_once(' ') {
                Some((url, host)) => {
                    url_of(url).map(|url| Self::Unserved(url, Some(host.to_owned())))
                }
                None => url_of(rest).map(|url| Self::Unserved(url, None)),
            },
            "single" => Some(Self::Single(own)),
            "split" => target(rest).map(Self::Split),
            "misread" => target(rest).map(Self::Misread),
            "cut" => rest.rsplit_once(':').and_then(|(to, name)| {
                let to = target(to)?;
                Some(Self::Cut(to, name.to_owned()))
            }),
            "cut-plain" => target(rest).map(Self::CutPlain),
            "carried" => target(rest).map(Self::Carried),
            _ => None,
        }
        .ok_or_else(bad)
    }
}

fn url_of(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    (!scheme.is_empty() && !rest.is_empty()).then(|| text.to_owned())
}

/// `HOST:PORT`.
fn target(text: &str) -> Option<String> {
    let (host, port) = text.rsplit_once(':')?;
    let fits = !host.is_empty() && port.parse::<u16>().is_ok() && !text.contains(' ');
    fits.then(|| text.to_owned())
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(address) => write!(f, "unreachable:{address}"),
            Self::Unechoed(address) => write!(f, "unechoed:{address}"),
            Self::NoIpv6 => f.write_str(NO_IPV6),
            Self::Unknown(name) => write!(f, "unknown:{name}"),
            Self::Unanswered(server, name) => write!(f, "unanswered:{server}:{name}"),
            Self::Unresolved(name) => write!(f, "unresolved:{name}"),
            Self::NoSocket(kind) => {
                let word = KINDS.iter().find(|(one, _)| one == kind);
                write!(f, "nosocket:{}", word.map_or("", |(_, word)| word))
            }
            Self::Absent(path) => write!(f, "absent:{path}"),
            Self::Denied(target) => write!(f, "denied:{target}"),
            Self::Allowed(target) => write!(f, "allowed:{target}"),
            Self::Unserved(url, None) => write!(f, "unserved:{url}"),
            Self::Unserved(url, Some(host)) => write!(f, "unserved:{url} {host}"),
            Self::Single(host) => write!(f, "single:{host}"),
            Self::Split(target) => write!(f, "split:{target}"),
            Self::Misread(target) => write!(f, "misread:{target}"),
            Self::Cut(target, name) => write!(f, "cut:{target}:{name}"),
            Self::CutPlain(target) => write!(f, "cut-plain:{target}"),
            Self::Carried(target) => write!(f, "carried:{target}"),
        }
    }
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is as it has to be.
    Held,
    /// It is not.
    Failed,
    /// It could not be tried, because what it needs outside was not there.
    Moot,
}

impl Outcome {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Held, "held"),
        (Self::Failed, "failed"),
        (Self::Moot, "moot"),
    ];

    fn word(self) -> &'static str {
        let found = Self::ALL.iter().find(|(one, _)| *one == self);
        found.map_or("", |(_, word)| word)
    }
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The check.
    pub check: String,
    /// Whether it is as it has to be.
    pub outcome: Outcome,
    /// What happened.
    pub detail: String,
}

impl Finding {
    /// Reads the lines that `probe` prints.
    pub fn read(output: &str) -> Vec<Self> {
        let line = |line: &str| {
            let mut parts = line.splitn(3, '\t');
            let word = parts.next()?;
            let (outcome, _) = Outcome::ALL.iter().find(|(_, one)| *one == word)?;
            Some(Self {
                outcome: *outcome,
                check: parts.next()?.to_owned(),
                detail: parts.next()?.to_owned(),
            })
        };
        output.lines().filter_map(line).collect()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.outcome.word();
        // What a server says must not look like a line of ours.
        let detail = self.detail.replace(['\n', '\r'], " ");
        write!(f, "{word}\t{}\t{detail}", self.check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_read_back() {
        for outcome in [Outcome::Held, Outcome::Failed, Outcome::Moot] {
            let finding = Finding {
                check: "denied:a:443".to_owned(),
                outcome,
                detail: "because\tof it".to_owned(),
            };
            let text = format!("noise\n{finding}\n");
            assert_eq!(Finding::read(&text), [finding]);
        }
        let finding = Finding {
            check: "denied:a:443".to_owned(),
            outcome: Outcome::Failed,
            detail: "one\nheld\tdenied:b:443\tmade up".to_owned(),
        };
        assert_eq!(Finding::read(&finding.to_string()).len(), 1);
    }

    #[test]
    fn checks_are_read_and_written() {
        for text in [
            "unreachable:10.0.0.1:80",
            "unreachable:[2001:db8::1]:80",
            "unechoed:10.0.0.1",
            "noipv6",
            "unknown:a.b",
            "unanswered:10.0.0.1:a.b",
            "unanswered:fd00::1:a.b",
            "unresolved:a.b",
            "nosocket:raw",
            "nosocket:packet",
            "nosocket:vsock",
            "nosocket:alg",
            "absent:/run/docker.sock",
            "denied:a:1",
            "denied:[::1]:443",
            "allowed:b:2",
            "unserved:http://a:8080/",
            "unserved:http://10.0.0.1/ a",
            "single:a",
            "split:a:443",
            "misread:a:443:b:443",
            "misread:[a]:443",
            "cut:a:443:b",
            "cut:a:443:",
            "cut-plain:a:443",
            "carried:a:443",
        ] {
            assert_eq!(text.parse::<Check>().unwrap().to_string(), text);
        }
        for text in [
            "unreachable:host:80",
            "unserved:a/b",
            "denied:a",
            "denied:a:b",
            "denied:",
            "nosocket:tcp",
            "cut:a:443",
            "unanswered:a:b",
            "denied:a\tb:443",
            "else:a",
        ] {
            assert!(text.parse::<Check>().is_err(), "{text}");
        }
    }
}
