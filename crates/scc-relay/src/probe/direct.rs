//! Attempts past the proxy.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, ipproto, socket_with};

use super::Tried;
use super::attempt::{Kind, Outcome};

/// The name server that engines put into containers.
const ENGINES: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 11));
/// As the kernel numbers them.
const PACKET: AddressFamily = AddressFamily::from_raw(17);
const ALG: AddressFamily = AddressFamily::from_raw(38);
const VSOCK: AddressFamily = AddressFamily::from_raw(40);

pub(super) fn unreachable(address: SocketAddr, silence: Duration) -> Tried {
    match TcpStream::connect_timeout(&address, silence) {
        Ok(_) => (Outcome::Failed, "a connection was made".to_owned()),
        // Whoever refuses was reached.
        Err(error) if is_answer(error.kind()) => (Outcome::Failed, format!("it answers: {error}")),
        Err(error) => (Outcome::Held, error.to_string()),
    }
}

fn is_answer(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
    )
}

/// By a socket for pings, which needs no privileges.
pub(super) fn unechoed(address: IpAddr, silence: Duration) -> Tried {
    match echo(address, silence) {
        Ok(()) => (Outcome::Failed, "it answers".to_owned()),
        Err(error) => (Outcome::Held, error.to_string()),
    }
}

fn echo(address: IpAddr, silence: Duration) -> io::Result<()> {
    let (family, protocol, kind) = match address {
        IpAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP, 8),
        IpAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6, 128),
    };
    let fd = socket(family, SocketType::DGRAM, Some(protocol))?;
    let socket = UdpSocket::from(fd);
    socket.set_read_timeout(Some(silence))?;
    // The kernel fills in what is missing, but for the sum of IPv4 (RFC 792).
    socket.send_to(&[kind, 0, !kind, 0xff, 0, 0, 0, 0], (address, 0))?;
    socket.recv_from(&mut [0; 512]).map(|_| ())
}

fn socket(
    family: AddressFamily,
    kind: SocketType,
    protocol: Option<Protocol>,
) -> io::Result<std::os::fd::OwnedFd> {
    Ok(socket_with(family, kind, SocketFlags::CLOEXEC, protocol)?)
}

pub(super) fn no_socket(kind: Kind) -> Tried {
    let made = match kind {
        Kind::Raw => socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::ICMP)),
        Kind::Packet => socket(PACKET, SocketType::RAW, None),
        Kind::Vsock => socket(VSOCK, SocketType::STREAM, None),
        Kind::Alg => socket(ALG, SocketType::SEQPACKET, None),
    };
    match made {
        Ok(_) => (Outcome::Failed, "it was made".to_owned()),
        Err(error) => (Outcome::Held, error.to_string()),
    }
}

/// With only the addresses that a link has by itself nothing beyond it can be reached.
pub(super) fn no_ipv6() -> Tried {
    match std::fs::read_to_string("/proc/net/if_inet6") {
        Ok(text) => match global_ipv6(&text) {
            Some(line) => (Outcome::Failed, format!("there is {line}")),
            None => (Outcome::Held, "no address but those of links".to_owned()),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {
            (Outcome::Held, "the kernel has no IPv6".to_owned())
        }
        Err(error) => (Outcome::Failed, format!("it cannot be told: {error}")),
    }
}

/// The first address of global scope and its interface, in the kernel's list: address, number, length,
/// scope, flags and name of the interface.
fn global_ipv6(list: &str) -> Option<String> {
    const GLOBAL: &str = "00";
    list.lines().find_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            [address, _, _, GLOBAL, _, name] => Some(format!("{address} at {name}")),
            _ => None,
        }
    })
}

pub(super) fn absent(path: &str) -> Tried {
    match Path::new(path).symlink_metadata() {
        Ok(_) => (Outcome::Failed, "it is there".to_owned()),
        Err(error) => (Outcome::Held, error.to_string()),
    }
}

/// Asks every name server that is configured here, and the one that engines put into containers.
pub(super) fn unknown(name: &str, silence: Duration) -> Tried {
    let configured = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let mut servers: Vec<IpAddr> = configured
        .lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"))
        .filter_map(|address| address.trim().parse().ok())
        .collect();
    servers.push(ENGINES);
    servers.dedup();
    let knows = |server: &IpAddr| {
        let answer = ask(SocketAddr::new(*server, 53), name, silence);
        answer.is_ok_and(|answer| answer.tells())
    };
    let found = thread::scope(|scope| {
        let asked: Vec<_> = servers
            .iter()
            .map(|server| (server, scope.spawn(move || knows(server))))
            .collect();
        let mut known = asked.into_iter().map(|(server, thread)| {
            // A failed question is not an answer, but must not pass for one that was made.
            thread.join().unwrap_or(true).then_some(server)
        });
        known.find_map(|server| server)
    });
    match found {
        Some(server) => (
            Outcome::Failed,
            format!("the name server {server} knows it"),
        ),
        None => (
            Outcome::Held,
            format!("{} name servers asked", servers.len()),
        ),
    }
}

pub(super) fn unanswered(server: IpAddr, name: &str, silence: Duration) -> Tried {
    match ask(SocketAddr::new(server, 53), name, silence) {
        Ok(answer) if answer.tells() => (Outcome::Failed, "it answers".to_owned()),
        Ok(answer) => (Outcome::Held, format!("it refuses, code {}", answer.code)),
        Err(error) => (Outcome::Held, error.to_string()),
    }
}

/// As programs do it.
pub(super) fn unresolved(name: &str) -> Tried {
    match (name, 443).to_socket_addrs().map(|mut all| all.next()) {
        Ok(Some(address)) => (Outcome::Failed, format!("it has {}", address.ip())),
        Ok(None) => (Outcome::Held, "no address".to_owned()),
        Err(error) => (Outcome::Held, error.to_string()),
    }
}

/// What a name server has said.
#[derive(Debug)]
struct Answer {
    code: u8,
    answers: u16,
}

impl Answer {
    /// Whoever says that there is no such name has asked somebody outside (RFC 1035, 4.1.1).
    fn tells(&self) -> bool {
        const NO_SUCH_NAME: u8 = 3;
        self.answers > 0 || self.code == 0 || self.code == NO_SUCH_NAME
    }
}

fn ask(server: SocketAddr, name: &str, silence: Duration) -> io::Result<Answer> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => [0; 4].into(),
        SocketAddr::V6(_) => [0; 16].into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.set_read_timeout(Some(silence))?;
    socket.connect(server)?;
    socket.send(&question(name))?;
    let mut answer = [0; 512];
    match socket.recv(&mut answer)? {
        0..8 => Err(ErrorKind::InvalidData.into()),
        _ => Ok(Answer {
            code: answer[3] & 15,
            answers: u16::from_be_bytes([answer[6], answer[7]]),
        }),
    }
}

/// A question for the address of a name (RFC 1035, section 4).
fn question(name: &str) -> Vec<u8> {
    const RECURSIVE: [u8; 12] = [0x5c, 0xc0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    const ADDRESS_OF_THE_INTERNET: [u8; 4] = [0, 1, 0, 1];
    let mut bytes = RECURSIVE.to_vec();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        let label = label.as_bytes().get(..63).unwrap_or(label.as_bytes());
        bytes.push(u8::try_from(label.len()).unwrap_or(0));
        bytes.extend_from_slice(label);
    }
    bytes.push(0);
    bytes.extend_from_slice(&ADDRESS_OF_THE_INTERNET);
    bytes
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    const SILENCE: Duration = Duration::from_millis(500);

    #[test]
    fn who_refuses_was_reached() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        assert_eq!(unreachable(open, SILENCE).0, Outcome::Failed);
        drop(listener);
        let (outcome, detail) = unreachable(open, SILENCE);
        assert_eq!(outcome, Outcome::Failed, "{detail}");
        // A range that nobody routes (RFC 5737), or that is dropped on the way.
        let (outcome, detail) = unreachable("192.0.2.77:9".parse().unwrap(), SILENCE);
        assert_eq!(outcome, Outcome::Held, "{detail}");
    }

    #[test]
    fn a_name_server_that_knows_is_found_out() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        thread::spawn(move || {
            let mut question = [0; 512];
            while let Ok((length, from)) = server.recv_from(&mut question) {
                let mut answer = question[..length].to_vec();
                // Known, unknown, refused.
                (answer[3], answer[7]) = match question[13] {
                    b'k' => (0, 1),
                    b'u' => (3, 0),
                    _ => (5, 0),
                };
                let _ = server.send_to(&answer, from);
            }
        });
        let tells = |name| ask(address, name, SILENCE).unwrap().tells();
        assert!(tells("known.example"));
        assert!(tells("unknown.example"));
        assert!(!tells("refused.example"));
    }

    #[test]
    fn addresses_of_links_lead_nowhere() {
        let own = "00000000000000000000000000000001 01 80 10 80       lo\n\
                   fe800000000000000042acfffe110002 0c 40 20 80     eth0\n";
        assert_eq!(global_ipv6(own), None);
        assert_eq!(global_ipv6(""), None);
        let global = format!("{own}fd000000000000000000000000000002 0c 40 00 80     eth0\n");
        let found = global_ipv6(&global).unwrap();
        assert_eq!(found, "fd000000000000000000000000000002 at eth0");
    }

    #[test]
    fn what_is_there_is_found() {
        assert_eq!(absent("/proc").0, Outcome::Failed);
        assert_eq!(absent("/no/such/file").0, Outcome::Held);
        assert_eq!(unresolved("localhost").0, Outcome::Failed);
    }
}
