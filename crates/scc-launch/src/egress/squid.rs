//! The list of destinations as Squid's configuration.
//!
//! The order of the rules matters. Names come before addresses: a rule about addresses makes Squid
//! resolve whatever name is asked for, and a name that is asked for can carry a secret to whoever
//! answers for it. `dstdomain -n` keeps Squid from looking an address up backwards, where whoever
//! owns the address says what name it has.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use scc_policy::{Destination, Destinations};
use scc_relay::live::LIST;
use scc_runtime::SealedDirectory;

/// Where Squid finds its configuration.
pub(crate) const DIRECTORY: &str = "/etc/scc-egress";
/// The main file.
pub(crate) const CONFIGURATION: &str = "/etc/scc-egress/squid.conf";
/// Where Squid listens: only the relay in the same container can connect.
pub(crate) const LISTENS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3128);

/// Ranges that no name may lead to, also not an internal one: the proxy itself, link-local ones with
/// the metadata services of clouds, and what is no single host.
const NEVER: [&str; 12] = [
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "192.0.0.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/96",
    "64:ff9b::/96",
    "2001::/32",
    "2002::/16",
    "fe80::/10",
    "ff00::/8",
];

/// Ranges that only the name of an internal host may lead to.
const PRIVATE: [&str; 6] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "fc00::/7",
];

/// What does not depend on the rules. Limits of time are below the least time for which a name is
/// kept, so that between a check and a connection no other address can take its place.
const FIXED: &str = "\
pid_filename none
visible_hostname scc-egress
httpd_suppress_version_string on
via off
forwarded_for delete
client_persistent_connections off
global_internal_static off
cache deny all
cache_mem 4 MB
memory_pools off
pinger_enable off
netdb_filename none
icp_port 0
coredump_dir /tmp
shutdown_lifetime 0 seconds
max_filedescriptors 4096
negative_dns_ttl 60 seconds
positive_dns_ttl 10 minutes
dns_timeout 10 seconds
connect_timeout 10 seconds
forward_timeout 30 seconds
read_timeout 4 hours
client_lifetime 2 days
cache_log stdio:/dev/stderr
logformat scc {\"time\":%ts.%03tu,\"method\":\"%#rm\",\"host\":\"%#>rd\",\"port\":\"%>rP\",\"status\":%>Hs,\"result\":\"%Ss\",\"error\":\"%err_code\",\"sent\":%>st,\"received\":%<st,\"ms\":%tr,\"address\":\"%<a\"}
access_log stdio:/dev/stdout logformat=scc
";

/// Squid's configuration, as files that the proxy can read and not change. `machine` are addresses
/// of the engine's machine, which no name may lead to.
pub(crate) fn sealed(destinations: &Destinations, machine: &[IpAddr]) -> SealedDirectory {
    let hosts = &destinations.hosts;
    let internal: Vec<_> = hosts.iter().filter(|host| host.internal).cloned().collect();
    let mut files = BTreeMap::new();
    let mut add = |name: &str, hosts: &[Destination]| {
        files.insert(name.to_owned(), list(names(hosts)));
        files.insert(above_of(name), list(above(hosts)));
    };
    add("allowed", hosts);
    add("internal", &internal);
    let ports: BTreeSet<u16> = hosts.iter().flat_map(|host| host.ports.clone()).collect();
    for port in &ports {
        let there = hosts.iter().filter(|host| host.ports.contains(port));
        add(&format!("port-{port}"), &there.cloned().collect::<Vec<_>>());
    }
    files.insert("squid.conf".to_owned(), configuration(&ports, machine));
    SealedDirectory {
        path: DIRECTORY.to_owned(),
        files: files
            .into_iter()
            .map(|(name, text)| (name, text.into()))
            .collect(),
    }
}

/// The list beside another one of what that one is not meant to have.
fn above_of(list: &str) -> String {
    format!("above-{list}")
}

fn list(names: BTreeSet<String>) -> String {
    names
        .into_iter()
        .fold(String::new(), |text, name| text + &name + "\n")
}

/// Hosts as Squid writes them: `.a.example` is `a.example` and all below. No entry includes another,
/// which Squid would not start with.
fn names(hosts: &[Destination]) -> BTreeSet<String> {
    let wide: BTreeSet<&str> = hosts
        .iter()
        .filter(|host| host.host.is_wildcard())
        .map(|host| host.host.name())
        .collect();
    let below_another = |name: &str| {
        let mut ends = name.match_indices('.').map(|(at, _)| &name[at + 1..]);
        ends.any(|end| wide.contains(end))
    };
    let kept = hosts.iter().map(|host| host.host.name());
    let kept = kept.filter(|name| !below_another(name));
    kept.map(|name| match wide.contains(name) {
        true => format!(".{name}"),
        false => name.to_owned(),
    })
    .collect()
}

/// The names whose subdomains are on the list and which are not themselves: Squid's `.a.example`
/// would let them through.
fn above(hosts: &[Destination]) -> BTreeSet<String> {
    let listed = |name: &str| {
        let name = name.parse();
        name.is_ok_and(|name| hosts.iter().any(|host| host.host.includes(&name)))
    };
    let wide = hosts.iter().filter(|host| host.host.is_wildcard());
    let names = wide.map(|host| host.host.name());
    let names = names.filter(|name| !listed(name));
    names.map(str::to_owned).collect()
}

fn configuration(ports: &BTreeSet<u16>, machine: &[IpAddr]) -> String {
    let mut text = format!("http_port {LISTENS}\n{FIXED}");
    let mut others = String::new();
    for port in ports {
        let _ = write!(
            text,
            "acl port_{port} port {port}\n\
             acl hosts_{port} dstdomain -n \"{DIRECTORY}/port-{port}\"\n\
             acl above_{port} dstdomain -n \"{DIRECTORY}/above-port-{port}\"\n\
             acl also_{port} all-of port_{port} hosts_{port} !above_{port}\n"
        );
        let _ = write!(others, " !also_{port}");
    }
    let machine = machine
        .iter()
        .fold(String::new(), |text, one| format!("{text} {one}"));
    let (never, private) = (NEVER.join(" "), PRIVATE.join(" "));
    let _ = write!(
        text,
        "acl web_ports port 80 443
acl tls_port port 443
acl plain proto HTTP
acl CONNECT method CONNECT
acl allowed dstdomain -n \"{DIRECTORY}/allowed\"
acl above dstdomain -n \"{DIRECTORY}/above-allowed\"
acl live dstdomain -n \"{LIST}\"
acl internal dstdomain -n \"{DIRECTORY}/internal\"
acl above_internal dstdomain -n \"{DIRECTORY}/above-internal\"
acl never dst {never}{machine}
acl private dst {private}
deny_info 403:ERR_SCC_PORT web_ports
deny_info 403:ERR_SCC_PORT tls_port
deny_info 403:ERR_SCC_NOT_LISTED allowed
deny_info 403:ERR_SCC_NOT_LISTED above
deny_info 403:ERR_SCC_NOT_LISTED live
deny_info 403:ERR_SCC_NEVER never
deny_info 403:ERR_SCC_ADDRESS private
http_access deny !CONNECT !plain
http_access deny{others} !web_ports
http_access deny CONNECT{others} !tls_port
http_access deny !allowed !live
http_access deny above !live
http_access deny never
http_access allow internal !above_internal
http_access deny private
http_access allow allowed
http_access allow live
http_access deny all
"
    );
    text
}

#[cfg(test)]
mod tests {
    use scc_policy::{Cause, Layer, Origin};

    use scc_runtime::SealedFile;

    use super::*;

    fn host(text: &str) -> Destination {
        let (text, internal) = match text.strip_suffix('!') {
            Some(text) => (text, true),
            None => (text, false),
        };
        let (name, port) = text.split_once(':').unwrap_or((text, ""));
        Destination {
            host: name.parse().unwrap(),
            ports: port.parse().into_iter().collect(),
            internal,
            cause: Cause::AllowedHost,
            origin: Origin {
                layer: Layer::Organization,
                file: None,
                line: None,
            },
        }
    }

    fn files(hosts: &[&str]) -> BTreeMap<String, String> {
        let destinations = Destinations {
            hosts: hosts.iter().map(|text| host(text)).collect(),
            unresolved: Vec::new(),
        };
        let files = sealed(&destinations, &["198.51.100.1".parse().unwrap()]).files;
        let text = |file: SealedFile| String::from_utf8(file.content.to_vec()).unwrap();
        files
            .into_iter()
            .map(|(name, file)| (name, text(file)))
            .collect()
    }

    #[test]
    fn no_entry_includes_another() {
        let files = files(&[
            "a.example",
            "*.a.example",
            "x.a.example:4000",
            "*.b.example",
            "*.c.b.example",
            "other.example",
        ]);
        assert_eq!(files["allowed"], ".a.example\n.b.example\nother.example\n");
        assert_eq!(files["above-allowed"], "b.example\n");
        assert_eq!(files["port-4000"], "x.a.example\n");
    }

    /// Whether Squid finds a name on one of these lists, and not on the one beside it.
    fn has(files: &BTreeMap<String, String>, list: &str, asked: &str) -> bool {
        let is_on = |list: &str| {
            files[list]
                .lines()
                .any(|entry| match entry.strip_prefix('.') {
                    Some(name) => asked == name || asked.ends_with(entry),
                    None => asked == entry,
                })
        };
        is_on(list) && !is_on(&above_of(list))
    }

    /// With the port of one that is not the web's, and what `network explain` says of each.
    #[test]
    fn a_port_is_open_where_the_list_says() {
        let cases = [
            ["*.a.example:8443", "a.example"],
            ["*.a.example", "a.example:8443"],
            ["*.a.example:8443", "b.a.example"],
            ["*.a.example:8443", "a.example:8443"],
            ["*.a.example:8443", "*.b.a.example"],
        ];
        for hosts in cases {
            let destinations = Destinations {
                hosts: hosts.iter().map(|text| host(text)).collect(),
                unresolved: Vec::new(),
            };
            let files = files(&hosts);
            for asked in ["a.example", "b.a.example", "c.b.a.example", "example"] {
                let reach = destinations.find(&asked.parse().unwrap(), 8443);
                let is_open = matches!(reach, scc_policy::Reach::Allowed(_));
                assert_eq!(
                    has(&files, "port-8443", asked),
                    is_open,
                    "{hosts:?} {asked}"
                );
            }
            let text = &files["squid.conf"];
            let also = "all-of port_8443 hosts_8443 !above_8443";
            assert!(text.contains(also), "{text}");
        }
    }

    /// A name may be on the list without being marked, below which everything is.
    #[test]
    fn what_is_internal_is_what_the_list_says() {
        let files = files(&["*.a.example!", "a.example"]);
        assert!(has(&files, "internal", "x.a.example"));
        assert!(!has(&files, "internal", "a.example"));
        assert!(has(&files, "allowed", "a.example"));
    }

    #[test]
    fn what_is_allowed_is_what_the_list_says() {
        let hosts = ["*.a.example", "*.b.a.example", "d.example", "*.d.example"];
        let files = files(&hosts);
        for asked in [
            "a.example",
            "b.a.example",
            "x.a.example",
            "xa.example",
            "d.example",
            "x.d.example",
            "example",
        ] {
            let name = asked.parse().unwrap();
            let listed = hosts.iter().any(|one| host(one).host.includes(&name));
            assert_eq!(has(&files, "allowed", asked), listed, "{asked}");
        }
    }

    #[test]
    fn names_come_before_addresses_and_private_before_allowed() {
        let text = &files(&["a.example", "gw.example:8443!"])["squid.conf"];
        let rules: Vec<_> = text
            .lines()
            .filter(|l| l.starts_with("http_access"))
            .collect();
        assert_eq!(
            rules,
            [
                "http_access deny !CONNECT !plain",
                "http_access deny !also_8443 !web_ports",
                "http_access deny CONNECT !also_8443 !tls_port",
                "http_access deny !allowed !live",
                "http_access deny above !live",
                "http_access deny never",
                "http_access allow internal !above_internal",
                "http_access deny private",
                "http_access allow allowed",
                "http_access allow live",
                "http_access deny all",
            ]
        );
        let names: Vec<_> = text.lines().filter(|l| l.contains(" dstdomain ")).collect();
        assert!(names.iter().all(|line| line.contains(" -n ")), "{names:?}");
        assert!(text.contains("ff00::/8 198.51.100.1\n"), "{text}");
    }
}
