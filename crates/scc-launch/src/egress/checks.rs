//! What is tried from inside a sandbox before its agent starts.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use scc_policy::{Destinations, WEB_PORTS};
use scc_relay::probe::Check;
use scc_runtime::Surroundings;

/// Ports that many machines listen at. A closed one answers too, and that counts.
const PORTS: [u16; 2] = [22, 443];
/// More addresses tell nothing new.
const MOST: usize = 32;
/// A name that nobody can have (RFC 2606), and so no list.
const NOWHERE: &str = "scc-probe.invalid:443";
/// Where clouds answer questions about the machine, credentials included.
const METADATA: [u8; 4] = [169, 254, 169, 254];

/// What is around a sandbox and must be out of its reach.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around<'a> {
    pub(crate) surroundings: &'a Surroundings,
    /// Further addresses of the machine.
    pub(crate) machine: &'a [IpAddr],
}

impl Around<'_> {
    /// The addresses of the machine and of other sandboxes, each once.
    pub(crate) fn addresses(&self) -> Vec<IpAddr> {
        let around = self.surroundings.machine.iter().chain(self.machine);
        let around: BTreeSet<&IpAddr> = around.chain(&self.surroundings.containers).collect();
        // The sandbox has an own loopback.
        let around = around.into_iter().filter(|address| !address.is_loopback());
        around.copied().take(MOST).collect()
    }

    /// They are out of reach, and so is what clouds put into every network.
    pub(crate) fn unreachable(&self) -> Vec<Check> {
        let addresses = self.addresses().into_iter().chain([METADATA.into()]);
        addresses
            .flat_map(|one| PORTS.map(|port| Check::Unreachable(SocketAddr::new(one, port))))
            .collect()
    }
}

/// What the proxy says to a host that is not on the list and to one that is.
pub(crate) fn through_the_proxy(destinations: &Destinations) -> Vec<Check> {
    let metadata = IpAddr::from(METADATA);
    let mut checks = vec![
        Check::Denied(NOWHERE.to_owned()),
        Check::Denied(format!("{metadata}:443")),
    ];
    let named = destinations
        .hosts
        .iter()
        .find(|entry| !entry.host.is_wildcard());
    if let Some(entry) = named {
        let (name, [_, tls]) = (entry.host.name(), WEB_PORTS);
        let port = entry.ports.first().copied().unwrap_or(tls);
        checks.push(Check::Unknown(name.to_owned()));
        checks.push(Check::Allowed(format!("{name}:{port}")));
    }
    checks
}

/// The checks of every launch: addresses of the machine and of other sandboxes, a name, and what the
/// proxy says.
pub(crate) fn checks(destinations: &Destinations, around: &Around<'_>) -> Vec<Check> {
    let mut checks = around.unreachable();
    checks.extend(through_the_proxy(destinations));
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_tried_once_and_loopback_never() {
        let surroundings = Surroundings {
            machine: vec!["172.17.0.1".parse().unwrap(), "127.0.0.1".parse().unwrap()],
            containers: vec!["172.17.0.2".parse().unwrap()],
        };
        let machine = ["172.17.0.1".parse().unwrap()];
        let around = Around {
            surroundings: &surroundings,
            machine: &machine,
        };
        let none = Destinations {
            hosts: Vec::new(),
            unresolved: Vec::new(),
        };
        let texts: Vec<_> = checks(&none, &around)
            .iter()
            .map(Check::to_string)
            .collect();
        assert_eq!(
            texts,
            [
                "unreachable:172.17.0.1:22",
                "unreachable:172.17.0.1:443",
                "unreachable:172.17.0.2:22",
                "unreachable:172.17.0.2:443",
                "unreachable:169.254.169.254:22",
                "unreachable:169.254.169.254:443",
                "denied:scc-probe.invalid:443",
                "denied:169.254.169.254:443",
            ]
        );
    }
}
