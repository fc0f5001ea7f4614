//! Where a relay listens and what it connects to.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A place to listen at or to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `unix:/path`: a socket in the file system.
    Unix(PathBuf),
    /// `tcp:127.0.0.1:3128`.
    Tcp(SocketAddr),
    /// `toward:10.0.0.9:3128`: this port at whichever own address faces that one. Only for
    /// listening.
    Toward(SocketAddr),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is no address: unix:PATH, tcp:IP:PORT or toward:IP:PORT");
        let (kind, rest) = text.split_once(':').ok_or_else(bad)?;
        let socket = || rest.parse().map_err(|_| bad());
        match kind {
            "unix" if rest.starts_with('/') => Ok(Self::Unix(PathBuf::from(rest))),
            "tcp" => Ok(Self::Tcp(socket()?)),
            "toward" => Ok(Self::Toward(socket()?)),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
            Self::Toward(address) => write!(f, "toward:{address}"),
        }
    }
}

/// A socket that listens.
#[derive(Debug)]
pub enum Listener {
    /// In the file system.
    Unix(UnixListener),
    /// On a network.
    Tcp(TcpListener),
}

impl Address {
    /// Starts to listen here.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub fn listen(&self) -> io::Result<Listener> {
        match self {
            Self::Unix(path) => listen_unix(path).map(Listener::Unix),
            Self::Tcp(address) => TcpListener::bind(address).map(Listener::Tcp),
            Self::Toward(address) => {
                let own = own_address(*address)?;
                TcpListener::bind((own, address.port())).map(Listener::Tcp)
            }
        }
    }
}

/// Whoever sees the socket may connect: who sees it is decided by what is mounted where.
fn listen_unix(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))?;
    Ok(listener)
}

/// The own address from which packets to that one would be sent. Nothing is sent.
fn own_address(to: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = match to {
        SocketAddr::V4(_) => [0; 4].into(),
        SocketAddr::V6(_) => [0; 16].into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(to)?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for text in [
            "unix:/run/p.sock",
            "tcp:127.0.0.1:3128",
            "toward:10.0.0.9:1",
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        for text in [
            "",
            "unix:p.sock",
            "tcp:localhost:1",
            "tcp:127.0.0.1",
            "x:/y",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_address_that_faces_loopback_is_loopback() {
        let own = own_address(([127, 0, 0, 9], 1).into()).unwrap();
        assert!(own.is_loopback(), "{own}");
    }

    #[test]
    fn a_socket_that_was_left_behind_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let address = Address::Unix(directory.path().join("p.sock"));
        drop(address.listen().unwrap());
        address.listen().unwrap();
    }
}
