//! The list of hosts that an enforced sandbox may reach.

#![expect(clippy::expect_used, reason = "a test's own documents are well-formed")]

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::select;
use scc_config::{Document, HostPattern, OrgConfig};
use scc_policy::{
    Cause, DestinationInput, Destinations, EffectivePolicy, Endpoint, Outcome, PersonalProfile,
    PolicyInput, Reach, evaluate,
};

const HEADER: &str = "schema_version: \"1.0.0\"\norganization: {name: Corp, id: corp}\n";

fn policy(rules: &str, team: Option<&str>) -> EffectivePolicy {
    let text = format!("{HEADER}{rules}");
    let org = Document::<OrgConfig>::parse(&text, Path::new("org.yaml")).expect("a document");
    let now = "2030-01-01T12:00:00Z".parse().expect("a time");
    let input = PolicyInput {
        org: Some(&org),
        team,
        ..PolicyInput::at(now)
    };
    evaluate(&input).expect("a policy")
}

fn host(text: &str) -> HostPattern {
    text.parse().expect("a host")
}

fn endpoint(text: &str) -> Endpoint {
    let (name, port) = text.split_once(':').unwrap_or((text, ""));
    Endpoint {
        host: host(name),
        port: port.parse().ok(),
    }
}

fn compile(policy: &EffectivePolicy, provider: &[&str], sets: &[(&str, &[&str])]) -> Destinations {
    let endpoints = |texts: &[&str]| texts.iter().map(|text| endpoint(text)).collect::<Vec<_>>();
    let sets: BTreeMap<String, Vec<Endpoint>> = sets
        .iter()
        .map(|(name, hosts)| ((*name).to_owned(), endpoints(hosts)))
        .collect();
    Destinations::compile(
        policy,
        &DestinationInput {
            provider: "agent",
            provider_endpoints: &endpoints(provider),
            sets: &sets,
        },
    )
}

fn listed(destinations: &Destinations) -> Vec<String> {
    let shown = destinations.hosts.iter().map(|entry| {
        let ports: Vec<_> = entry.ports.iter().map(|port| format!(":{port}")).collect();
        let internal = if entry.internal { " internal" } else { "" };
        format!("{}{}{internal}", entry.host, ports.concat())
    });
    shown.collect()
}

#[test]
fn everybody_who_needs_a_host_is_heard() {
    let policy = policy(
        "defaults:
  network_policy: web-egress-enforced
  network:
    allowed_hosts:
      - docs.corp.example
      - {host: gw.corp.example, internal: true}
    destination_sets: {mirror: [mirror.corp.example]}
    use_destination_sets: [github, mirror, npm, cargo]
providers: {agent: {base_url: 'https://gw.corp.example:4000/v1'}}
delegation: {teams: {allow_additional_mcp_servers: ['*']}}
profiles:
  t:
    additional_mcp_servers:
      - {name: tickets, type: http, url: 'https://mcp.corp.example:8443/x'}
    network: {allowed_hosts: ['*.team.example']}
",
        Some("t"),
    );
    let list = compile(
        &policy,
        &["api.vendor.example", "gw.corp.example:4000"],
        &[("npm", &["packages.example"])],
    );
    let hosts = listed(&list);
    assert_eq!(
        hosts,
        [
            "api.github.com",
            "api.vendor.example",
            "codeload.github.com",
            "docs.corp.example",
            "github.com",
            "*.githubusercontent.com",
            "gw.corp.example:4000 internal",
            "mcp.corp.example:8443",
            "mirror.corp.example",
            "packages.example",
            "*.team.example",
            "uploads.github.com",
        ]
    );
    let cause = |name: &str| {
        let found = list.hosts.iter().find(|entry| entry.host == host(name));
        let found = found.expect("an entry");
        (found.cause.to_string(), found.origin.to_string())
    };
    let of = |text: &str, origin: &str| (text.to_owned(), origin.to_owned());
    assert_eq!(
        cause("api.vendor.example"),
        of("needed by the agent `agent`", "organization (org.yaml:11)")
    );
    assert_eq!(
        cause("gw.corp.example"),
        of("listed in `allowed_hosts`", "organization (org.yaml:8)")
    );
    assert_eq!(
        cause("mcp.corp.example"),
        of("the MCP server `tickets`", "team (org.yaml:16)")
    );
    assert_eq!(
        cause("packages.example"),
        of("in the set `npm`", "organization (org.yaml:10)")
    );
    let unresolved: Vec<_> = list.unresolved.iter().map(|set| &set.value).collect();
    assert_eq!(unresolved, ["cargo"]);
}

#[test]
fn what_is_found_is_what_is_listed() {
    let policy = policy(
        "defaults:
  network_policy: web-egress-enforced
  network: {allowed_hosts: ['*.a.example', b.example]}
",
        None,
    );
    let list = compile(&policy, &["api.a.example:4000"], &[]);
    let by = |name: &str, port| match list.find(&host(name), port) {
        Reach::Allowed(entry) => format!("by {}", entry.host),
        Reach::OtherPort(_) => "other port".to_owned(),
        Reach::NotListed => "not listed".to_owned(),
    };
    for (name, port, expected) in [
        ("x.a.example", 443, "by *.a.example"),
        ("a.example", 443, "not listed"),
        ("api.a.example", 80, "by *.a.example"),
        ("api.a.example", 4000, "by api.a.example"),
        ("x.a.example", 4000, "other port"),
        ("b.example", 22, "other port"),
        ("b.example", 443, "by b.example"),
        ("x.b.example", 443, "not listed"),
        ("xa.example", 443, "not listed"),
    ] {
        assert_eq!(by(name, port), expected, "{name}:{port}");
    }
}

#[test]
fn nothing_is_listed_where_nothing_gets_through() {
    let policy = policy("defaults: {network_policy: locked-down-web}\n", None);
    let list = compile(&policy, &["api.vendor.example"], &[]);
    assert_eq!(listed(&list), [""; 0]);
}

#[test]
fn a_gateway_by_name_takes_the_place_of_the_vendor_and_is_not_internal_by_itself() {
    let policy = policy("defaults: {network_policy: web-egress-enforced}\n", None);
    let list = compile(&policy, &["gw.corp.example:4000"], &[]);
    assert_eq!(listed(&list), ["gw.corp.example:4000"]);
    assert_eq!(list.hosts[0].cause, Cause::Provider("agent".to_owned()));
}

/// The machine behind an internal name has more ports than the service that the organization means.
#[test]
fn only_the_organization_opens_ports_of_an_internal_host() {
    const HOST: &str = "defaults:
  network_policy: web-egress-enforced
  network:
    destination_sets: {gate: [{host: gw.corp.example, internal: true}]}
    use_destination_sets: [gate]
";
    let user = compile(&policy(HOST, None), &["gw.corp.example:22"], &[]);
    assert_eq!(listed(&user), ["gw.corp.example internal"]);
    let team = format!(
        "{HOST}profiles: {{t: {{providers: {{agent: {{base_url: 'https://gw.corp.example:4000'}}}}}}}}\n"
    );
    let team = policy(&team, Some("t"));
    let gateway = &team.gateways["agent"];
    assert_eq!(gateway.origin.to_string(), "team (org.yaml:8)");
    let list = compile(&team, &["gw.corp.example:4000"], &[]);
    assert_eq!(listed(&list), ["gw.corp.example:4000 internal"]);

    let text = format!("{HEADER}{HOST}");
    let org = Document::<OrgConfig>::parse(&text, Path::new("org.yaml")).expect("a document");
    for (url, outcome) in [
        ("https://GW.corp.example.:22/", Outcome::Blocked),
        ("https://gw.corp.example/mcp", Outcome::Allowed),
        ("https://db.corp.example:5432/", Outcome::Allowed),
    ] {
        let server = serde_json::json!({ "name": "mine", "type": "http", "url": url });
        let servers = [serde_json::from_value(server).expect("a server")];
        let personal = PersonalProfile {
            file: Path::new("mine.json"),
            plugins: &[],
            mcp_servers: &servers,
        };
        let now = "2030-01-01T12:00:00Z".parse().expect("a time");
        let policy = evaluate(&PolicyInput {
            org: Some(&org),
            personal: Some(&personal),
            ..PolicyInput::at(now)
        });
        let policy = policy.expect("a policy");
        let mine = policy.decisions.iter().find(|d| d.item == "mine");
        assert_eq!(mine.map(|d| d.outcome), Some(outcome), "{url}");
        let list = compile(&policy, &[], &[]);
        let opened = matches!(list.find(&host("gw.corp.example"), 22), Reach::Allowed(_));
        assert!(!opened, "{url}");
    }
}

fn names() -> impl Strategy<Value = Vec<&'static str>> {
    let names = vec![
        "a.example",
        "*.a.example",
        "x.a.example",
        "*.x.a.example",
        "y.x.a.example",
        "b.example",
        "A.example.",
    ];
    prop::collection::vec(select(names), 0..7)
}

fn ports() -> impl Strategy<Value = Vec<Option<u16>>> {
    prop::collection::vec(select(vec![None, Some(443), Some(4000), Some(5000)]), 7)
}

proptest! {
    /// Merging neither opens nor closes anything, and the order of a list does not matter.
    #[test]
    fn merging_changes_nothing(names in names(), ports in ports()) {
        let policy = policy("defaults: {network_policy: web-egress-enforced}\n", None);
        let wanted: Vec<String> = names
            .iter()
            .zip(ports)
            .map(|(name, port)| match port {
                Some(port) => format!("{name}:{port}"),
                None => (*name).to_owned(),
            })
            .collect();
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        let list = compile(&policy, &wanted, &[]);
        let mut reversed = wanted.clone();
        reversed.reverse();
        prop_assert_eq!(&list, &compile(&policy, &reversed, &[]));
        for asked in ["a.example", "x.a.example", "y.x.a.example", "z.a.example", "b.example"] {
            for port in [80, 443, 4000, 5000] {
                let open = wanted.iter().map(|text| endpoint(text)).any(|one| {
                    let port_fits = port < 1000 || one.port == Some(port);
                    one.host.includes(&host(asked)) && port_fits
                });
                let found = matches!(list.find(&host(asked), port), Reach::Allowed(_));
                prop_assert_eq!(found, open, "{}:{} in {:?}", asked, port, listed(&list));
            }
        }
    }
}
