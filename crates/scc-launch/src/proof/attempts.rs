//! The attempts on the network and on the kernel, and to which claim each belongs.

use std::net::IpAddr;

use scc_config::NetworkPolicy;
use scc_policy::{Destination, Destinations, Reach, WEB_PORTS};
use scc_relay::probe::{Check, Finding, Kind, Outcome};

use super::claims::ClaimId;
use super::report::{Attempt, AttemptOutcome, Claim};
use crate::egress::checks::{self, Around};

/// Public name servers, which answer to everybody who reaches them.
const OUTSIDE: [[u8; 4]; 2] = [[1, 1, 1, 1], [9, 9, 9, 9]];
/// The same by IPv6. Where there is such a network they answer, as no address of an example does.
const OUTSIDE_IPV6: [[u16; 8]; 2] = [
    [0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1111],
    [0x2620, 0xfe, 0, 0, 0, 0, 0, 0xfe],
];
/// The first of them, as one number.
const OUTSIDE_AS_NUMBER: &str = "16843009";
/// A name that nobody can have (RFC 2606).
const NOWHERE: &str = "scc-probe.invalid";
/// A name that everybody knows (RFC 2606), where the list has none.
const KNOWN: &str = "example.com";
/// More hosts and containers tell nothing new.
const MOST: usize = 8;
const SOCKETS: [&str; 4] = [
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run/podman/podman.sock",
    "/run/containerd/containerd.sock",
];

/// The claim that an attempt is made against.
fn claim_of(check: &Check) -> ClaimId {
    match check {
        Check::Unreachable(_) | Check::Unechoed(_) | Check::NoIpv6 => ClaimId::NetworkDirect,
        Check::Unknown(_) | Check::Unanswered(..) | Check::Unresolved(_) => ClaimId::NetworkNames,
        Check::Denied(_) | Check::Unserved(..) | Check::Single(_) => ClaimId::NetworkList,
        Check::Split(_)
        | Check::Misread(_)
        | Check::Cut(..)
        | Check::CutPlain(_)
        | Check::Carried(_) => ClaimId::NetworkTls,
        Check::Allowed(_) => ClaimId::NetworkAllowed,
        Check::NoSocket(_) => ClaimId::Kernel,
        Check::Absent(_) => ClaimId::Hidden,
    }
}

/// Every attempt on a sandbox whose way out, if it has one, is this list.
pub(super) fn all(list: Option<&Destinations>, around: &Around<'_>, more: &[Check]) -> Vec<Check> {
    let mut checks: Vec<_> = SOCKETS.map(|path| Check::Absent(path.to_owned())).into();
    checks.extend([Kind::Raw, Kind::Packet, Kind::Vsock, Kind::Alg].map(Check::NoSocket));
    checks.extend(around.unreachable());
    checks.extend(past_the_proxy(list, around));
    if let Some(list) = list {
        checks.extend(checks::through_the_proxy(list));
        checks.extend(off_the_list(list));
        match plain(list).next() {
            Some(host) => checks.extend(with(host, list)),
            None => checks.extend(below_a_wildcard(list)),
        }
    }
    checks.extend(more.iter().cloned());
    let mut seen = std::collections::BTreeSet::new();
    checks.retain(|check| seen.insert(check.to_string()));
    checks
}

/// Hosts of the list with a whole name.
fn plain(list: &Destinations) -> impl Iterator<Item = &str> {
    let named = list.hosts.iter().filter(|one| !one.host.is_wildcard());
    named.map(|one| one.host.name())
}

/// Attempts on tunnels to a name that a list of nothing but wildcards has; the likeliest to exist.
fn below_a_wildcard(list: &Destinations) -> Vec<Check> {
    let wide = list.hosts.iter().find(|one| one.host.is_wildcard());
    let host = wide.map(|one| format!("www.{}", one.host.name()));
    host.map(|host| tunnels(&host)).unwrap_or_default()
}

/// What a tunnel to a host that is on the list must not carry.
fn tunnels(host: &str) -> Vec<Check> {
    let tunnel = format!("{host}:{}", WEB_PORTS[1]);
    vec![
        Check::Split(tunnel.clone()),
        Check::Misread(format!("{tunnel}:{NOWHERE}:443")),
        Check::Misread(format!("{tunnel}:443")),
        Check::Misread(format!("[{host}]:443")),
        Check::Cut(tunnel.clone(), NOWHERE.to_owned()),
        Check::Cut(tunnel.clone(), String::new()),
        Check::CutPlain(tunnel.clone()),
        Check::Carried(tunnel),
    ]
}

fn past_the_proxy(list: Option<&Destinations>, around: &Around<'_>) -> Vec<Check> {
    let name = list.and_then(|list| plain(list).next()).unwrap_or(KNOWN);
    let outside = OUTSIDE.map(IpAddr::from).into_iter();
    let outside: Vec<_> = outside.chain(OUTSIDE_IPV6.map(IpAddr::from)).collect();
    let mut checks: Vec<_> = outside
        .iter()
        .flat_map(|one| [53, 443].map(|port| Check::Unreachable((*one, port).into())))
        .collect();
    checks.push(Check::NoIpv6);
    let near = around.addresses(MOST);
    let servers = outside.iter().chain(&near);
    for server in servers {
        checks.push(Check::Unechoed(*server));
        checks.push(Check::Unanswered(*server, name.to_owned()));
    }
    checks.push(Check::Unknown(name.to_owned()));
    checks.push(Check::Unresolved(name.to_owned()));
    checks
}

/// What no list has.
fn off_the_list(list: &Destinations) -> Vec<Check> {
    let [a, b, c, d] = OUTSIDE[0];
    let outside = format!("{a}.{b}.{c}.{d}");
    let mut denied = vec![
        format!("c2VjcmV0.{NOWHERE}:443"),
        format!("{outside}:443"),
        format!("{OUTSIDE_AS_NUMBER}:443"),
        format!("[::ffff:{outside}]:443"),
        "[2001:db8::1]:443".to_owned(),
        "127.0.0.1:443".to_owned(),
        "10.0.0.1:443".to_owned(),
        "localhost:443".to_owned(),
    ];
    let wide = list.hosts.iter().filter(|one| one.host.is_wildcard());
    let above = wide
        .map(|one| one.host.name())
        .filter(|name| !listed(list, name));
    denied.extend(above.take(MOST).map(|name| format!("{name}:443")));
    let mut checks: Vec<_> = denied.into_iter().map(Check::Denied).collect();
    let unserved = [
        format!("http://{NOWHERE}/"),
        format!("http://{outside}/"),
        "http://169.254.169.254/".to_owned(),
        "http://127.0.0.1:3128/".to_owned(),
        "http://scc-egress/squid-internal-mgr/menu".to_owned(),
        "cache_object://localhost/menu".to_owned(),
    ];
    checks.extend(unserved.map(|url| Check::Unserved(url, None)));
    checks
}

/// What takes a host that is on the list.
fn with(host: &str, list: &Destinations) -> Vec<Check> {
    let own = |one: &&Destination| !one.host.is_wildcard() && one.host.name() == host;
    let ports = list.hosts.iter().find(own).map(|one| &one.ports);
    let [a, b, c, d] = OUTSIDE[0];
    let below = format!("scc-probe.{host}");
    let mut checks = vec![
        Check::Denied(format!("{host}.{NOWHERE}:443")),
        Check::Denied(format!("{host}:80")),
        Check::Unserved(format!("http://{a}.{b}.{c}.{d}/"), Some(host.to_owned())),
        Check::Unserved(format!("https://{host}/"), None),
        Check::Unserved(format!("ftp://{host}/"), None),
        Check::Single(host.to_owned()),
        Check::Unserved(format!("http://[{host}]/"), None),
    ];
    checks.extend(tunnels(host));
    if !listed(list, &below) {
        checks.push(Check::Denied(format!("{below}:443")));
    }
    let others = [22, 8080, 8443]
        .into_iter()
        .filter(|port| ports.is_none_or(|ports| !ports.contains(port)));
    for port in others {
        checks.push(Check::Denied(format!("{host}:{port}")));
        checks.push(Check::Unserved(format!("http://{host}:{port}/"), None));
    }
    checks
}

fn listed(list: &Destinations, name: &str) -> bool {
    let [_, tls] = WEB_PORTS;
    let name = name.parse();
    name.is_ok_and(|name| list.find(&name, tls) != Reach::NotListed)
}

/// The claims that are told by attempts; what was not made has failed.
pub(super) fn judge(
    policy: NetworkPolicy,
    checks: &[Check],
    findings: &[Finding],
    said: &str,
    filters: Vec<Attempt>,
) -> Vec<Claim> {
    let of = |id: ClaimId| -> Vec<Attempt> {
        let own = checks.iter().filter(|check| claim_of(check) == id);
        own.map(|check| attempt(check, findings, said)).collect()
    };
    let mut kernel = filters;
    kernel.extend(of(ClaimId::Kernel));
    let mut claims = vec![
        Claim::judged(ClaimId::Hidden, of(ClaimId::Hidden)),
        Claim::judged(ClaimId::Kernel, kernel),
    ];
    let network = [
        ClaimId::NetworkDirect,
        ClaimId::NetworkNames,
        ClaimId::NetworkList,
        ClaimId::NetworkTls,
        ClaimId::NetworkAllowed,
    ];
    claims.extend(network.map(|id| match why_not(policy, id, checks) {
        None => Claim::judged(id, of(id)),
        Some(reason) => Claim::not_applicable(id, reason, of(id)),
    }));
    claims
}

fn why_not(policy: NetworkPolicy, id: ClaimId, checks: &[Check]) -> Option<&'static str> {
    let has_proxy = policy == NetworkPolicy::WebEgressEnforced;
    let past = matches!(id, ClaimId::NetworkDirect | ClaimId::NetworkNames);
    let tried = checks.iter().any(|check| claim_of(check) == id);
    match policy {
        NetworkPolicy::Open => Some("`open`: nothing is between the sandbox and the network"),
        NetworkPolicy::LockedDownWeb if !past => Some("`locked-down-web`: there is no proxy"),
        _ if has_proxy && !tried => Some("no host is on the list by its whole name"),
        _ => None,
    }
}

fn attempt(check: &Check, findings: &[Finding], said: &str) -> Attempt {
    let what = check.to_string();
    match findings.iter().find(|finding| finding.check == what) {
        Some(found) => Attempt {
            outcome: match found.outcome {
                Outcome::Held => AttemptOutcome::Held,
                Outcome::Failed => AttemptOutcome::Failed,
                Outcome::Moot => AttemptOutcome::Moot,
            },
            detail: found.detail.clone(),
            what,
        },
        None => Attempt::new(what, false, format!("it was not made: {said}")),
    }
}

#[cfg(test)]
mod tests;
