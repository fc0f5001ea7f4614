//! What is tried from inside a sandbox before its agent starts.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use scc_policy::{Destinations, WEB_PORTS};
use scc_relay::probe::Check;
use scc_runtime::Surroundings;

/// Ports that many machines listen at. A closed one answers too, and that counts.
const PORTS: [u16; 2] = [22, 443];
/// More containers tell nothing new. Every address of the machine does.
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
    /// All addresses of the machine, and after them those of so many containers, each once.
    pub(crate) fn addresses(&self, containers: usize) -> Vec<IpAddr> {
        // The sandbox has an own loopback.
        let outer = |address: &&IpAddr| !address.is_loopback();
        let machine = self.surroundings.machine.iter().chain(self.machine);
        let machine: BTreeSet<IpAddr> = machine.filter(outer).copied().collect();
        let others: BTreeSet<IpAddr> = self.surroundings.containers.iter().copied().collect();
        let others: Vec<_> = others.difference(&machine).take(containers).collect();
        machine.iter().chain(others).copied().collect()
    }

    /// They are out of reach, and so is what clouds put into every network.
    pub(crate) fn unreachable(&self) -> Vec<Check> {
        let addresses = self.addresses(MOST).into_iter().chain([METADATA.into()]);
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

    /// However many containers there are: what sorts after them is not left out.
    #[test]
    fn every_address_of_the_machine_is_tried() {
        let container = |number: u8| IpAddr::from([172, 18, 0, number]);
        let surroundings = Surroundings {
            machine: (1..=40).map(|net| [172, 30, net, 1].into()).collect(),
            containers: (1..=200).map(container).collect(),
        };
        let machine: [IpAddr; 1] = [[192, 168, 7, 7].into()];
        let around = Around {
            surroundings: &surroundings,
            machine: &machine,
        };
        let tried = around.addresses(MOST);
        let own = surroundings.machine.iter().chain(&machine);
        assert!(
            own.clone().all(|address| tried.contains(address)),
            "{tried:?}"
        );
        assert_eq!(tried.len(), own.count() + MOST);
        assert!(tried.contains(&container(1)) && !tried.contains(&container(200)));
    }

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
