//! What has to hold for every stack of layers, tried on many random ones.

#![expect(clippy::expect_used, reason = "a test's own documents are well-formed")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::select;
use scc_config::{
    BareName, ConfigDocument, Document, McpPatterns, McpServer, OrgConfig, Pattern, PluginPatterns,
    PluginRef, ProjectConfig, TeamConfig,
};
use scc_policy::{
    EffectivePolicy, ExceptionStore, ItemKind, LocalException, Outcome, PersonalProfile,
    PolicyInput, evaluate,
};
use serde_json::{Value, json};

const NOW: &str = "2030-01-01T12:00:00Z";
const LATER: &str = "2030-01-01T18:00:00Z";

/// The documents of all layers, as JSON.
#[derive(Debug, Clone)]
struct Stack {
    org: Value,
    team: bool,
    document: Value,
    personal_plugins: Vec<String>,
    personal_servers: Vec<Value>,
    project: Value,
    exceptions: Vec<String>,
}

fn plugins() -> impl Strategy<Value = Vec<String>> {
    let names = [
        "a@m", "@m/a", "A@M", "b@m", "b@n", "@n/b", "bad@m", "@n/bad", "Bad@n", "c@n", "c@own",
        "x", "d@m", "e@m",
    ];
    prop::collection::vec(select(names.to_vec()).prop_map(str::to_owned), 0..6)
}

fn plugin_patterns() -> impl Strategy<Value = Vec<String>> {
    let patterns = [
        "bad", "*@n", "b", "a@*", "@n/*", "[bc]@m", "*", "?@own", "BAD@M", "d",
    ];
    prop::collection::vec(select(patterns.to_vec()).prop_map(str::to_owned), 0..4)
}

fn servers() -> impl Strategy<Value = Vec<Value>> {
    let name = select(vec!["s1", "S1", "s2", "s3", "bad"]);
    let url = select(vec![
        "https://a.example/mcp",
        "https://x.evil.example.:8443",
        "https://u:p@x.evil.example",
        "https://10.0.0.1",
        "https://B.example",
        "nonsense",
    ]);
    let command = select(vec!["/opt/tool", "/opt/../bin/x", "//usr/bin/evil", "tool"]);
    let kind = select(vec!["http", "sse", "stdio"]);
    let server = (name, kind, url, command).prop_map(|(name, kind, url, command)| match kind {
        "stdio" => json!({"name": name, "type": kind, "command": command}),
        kind => json!({"name": name, "type": kind, "url": url}),
    });
    prop::collection::vec(server, 0..5)
}

fn server_patterns() -> impl Strategy<Value = Vec<String>> {
    let patterns = [
        "bad",
        "*.evil.example",
        "/usr/bin/*",
        "s2",
        "https://a.example/*",
        "*",
        "b.example",
    ];
    prop::collection::vec(select(patterns.to_vec()).prop_map(str::to_owned), 0..3)
}

fn network() -> impl Strategy<Value = Value> {
    let words = ["open", "web-egress-enforced", "locked-down-web"];
    prop_oneof![
        Just(Value::Null),
        select(words.to_vec()).prop_map(Value::from)
    ]
}

fn timeout() -> impl Strategy<Value = Value> {
    prop_oneof![Just(Value::Null), (1u32..25).prop_map(Value::from)]
}

fn providers() -> impl Strategy<Value = Value> {
    let ids = prop::collection::vec(select(vec!["one", "two", "three"]), 0..3);
    prop::option::of(ids).prop_map(|ids| json!(ids))
}

fn teams() -> impl Strategy<Value = Vec<&'static str>> {
    select(vec![vec![], vec!["t"], vec!["T*"], vec!["other"]])
}

fn exceptions() -> impl Strategy<Value = Value> {
    let one = (plugin_patterns(), server_patterns(), any::<bool>());
    prop::collection::vec(one, 0..2).prop_map(|all| {
        let all = all.into_iter().enumerate().map(|(i, (plugins, servers, on))| {
            json!({"id": format!("e{i}"), "reason": "r", "expires_at": if on { LATER } else { NOW },
                "allow": {"plugins": plugins, "mcp_servers": servers}})
        });
        Value::from(all.collect::<Vec<_>>())
    })
}

fn org() -> impl Strategy<Value = Value> {
    let lists = (
        (plugin_patterns(), server_patterns()),
        (
            prop::option::of(plugin_patterns()),
            prop::option::of(server_patterns()),
        ),
        (plugins(), plugin_patterns()),
    );
    let values = (network(), timeout(), providers(), any::<bool>());
    let delegation = (teams(), teams(), any::<bool>(), any::<bool>());
    (lists, values, delegation, exceptions(), profile()).prop_map(
        |(lists, (network, timeout, providers, stdio), delegation, exceptions, profile)| {
            let ((blocked, blocked_servers), (allowed, allowed_servers), (enabled, disabled)) = lists;
            let (plugin_teams, server_teams, inherit, personal) = delegation;
            json!({
                "schema_version": "1.0.0",
                "organization": {"name": "Corp", "id": "corp"},
                "marketplaces": {
                    "m": {"source": "github", "owner": "corp", "repo": "m"},
                    "n": {"source": "github", "owner": "corp", "repo": "n"},
                },
                "security": {"blocked_plugins": blocked, "blocked_mcp_servers": blocked_servers,
                    "allow_stdio_mcp": stdio, "allowed_stdio_prefixes": ["/opt", "/usr"]},
                "defaults": {"allowed_plugins": allowed, "allowed_mcp_servers": allowed_servers,
                    "enabled_plugins": enabled, "disabled_plugins": disabled,
                    "network_policy": network, "session": {"timeout_hours": timeout},
                    "allowed_providers": providers,
                    "network": {"allowed_hosts": ["*.corp.example", "a.corp.example", "z.example"]}},
                "delegation": {
                    "teams": {"allow_additional_plugins": plugin_teams,
                        "allow_additional_mcp_servers": server_teams},
                    "projects": {"inherit_team_delegation": inherit},
                    "personal": {"allow": personal}},
                "exceptions": exceptions,
                "profiles": {"t": profile},
            })
        },
    )
}

fn profile() -> impl Strategy<Value = Value> {
    let additions = (plugins(), servers());
    let values = (
        network(),
        timeout(),
        providers(),
        any::<bool>(),
        any::<bool>(),
    );
    (additions, values).prop_map(
        |((plugins, servers), (network, timeout, providers, overrides, federated))| {
            let source = json!({"source": "github", "owner": "team", "repo": "r"});
            json!({
                "additional_plugins": plugins, "additional_mcp_servers": servers,
                "network_policy": network, "session": {"timeout_hours": timeout},
                "allowed_providers": providers,
                "delegation": {"allow_project_overrides": overrides},
                "config_source": if federated { source } else { Value::Null },
                "trust": {"allow_additional_marketplaces": true,
                    "marketplace_source_patterns": ["github.com/team/*"]},
            })
        },
    )
}

fn stack() -> impl Strategy<Value = Stack> {
    let document = (plugins(), plugin_patterns()).prop_map(|(enabled, disabled)| {
        json!({"schema_version": "1.0.0", "enabled_plugins": enabled, "disabled_plugins": disabled,
            "marketplaces": {"own": {"source": "github", "owner": "team", "repo": "p"},
                "M": {"source": "github", "owner": "team", "repo": "q"}}})
    });
    let project = (plugins(), servers(), network(), timeout()).prop_map(
        |(plugins, servers, network, timeout)| {
            json!({"additional_plugins": plugins, "additional_mcp_servers": servers,
                "network_policy": network, "session": {"timeout_hours": timeout}})
        },
    );
    let exceptions = prop::collection::vec(select(vec!["a", "bad", "c@*", "b@n"]), 0..2);
    let exceptions = exceptions.prop_map(|all| all.into_iter().map(str::to_owned).collect());
    (
        org(),
        any::<bool>(),
        document,
        (plugins(), servers()),
        project,
        exceptions,
    )
        .prop_map(
            |(org, team, document, (personal_plugins, personal_servers), project, exceptions)| {
                Stack {
                    org,
                    team,
                    document,
                    personal_plugins,
                    personal_servers,
                    project,
                    exceptions,
                }
            },
        )
}

fn parse<T: ConfigDocument>(value: &Value, file: &str) -> Document<T> {
    let text = serde_json::to_string_pretty(value).expect("values can be written");
    Document::parse(&text, Path::new(file)).expect("a well-formed document")
}

fn server(value: &Value) -> McpServer {
    serde_json::from_value(value.clone()).expect("a well-formed server")
}

fn pattern(text: &str) -> [Pattern; 1] {
    [Pattern::try_from(text.to_owned()).expect("a pattern")]
}

impl Stack {
    fn evaluate(&self) -> EffectivePolicy {
        self.evaluate_with(&[])
    }

    /// Evaluates with more exceptions for MCP servers.
    fn evaluate_with(&self, servers: &[Pattern]) -> EffectivePolicy {
        let org: Document<OrgConfig> = parse(&self.org, "org.json");
        let document: Document<TeamConfig> = parse(&self.document, "team.json");
        let project: Document<ProjectConfig> = parse(&self.project, "project.json");
        let personal_servers: Vec<McpServer> = self.personal_servers.iter().map(server).collect();
        let personal = PersonalProfile {
            file: Path::new("personal.json"),
            plugins: &self.personal_plugins,
            mcp_servers: &personal_servers,
        };
        let patterns: Vec<[Pattern; 1]> =
            self.exceptions.iter().map(|text| pattern(text)).collect();
        let one = |plugins, mcp_servers| LocalException {
            id: "local",
            store: ExceptionStore::User,
            file: Path::new("exceptions.json"),
            expires_at: LATER.parse().expect("a time"),
            plugins,
            mcp_servers,
        };
        let mut exceptions: Vec<_> = patterns.iter().map(|plugins| one(plugins, &[])).collect();
        exceptions.push(one(&[], servers));
        evaluate(&PolicyInput {
            org: Some(&org),
            team: self.team.then_some("t"),
            team_document: Some(&document),
            personal: Some(&personal),
            project: Some(&project),
            exceptions: &exceptions,
            providers: &["one", "two", "three"],
            implicit_marketplaces: &["official"],
            now: NOW.parse().expect("a time"),
        })
        .expect("the team is known")
    }

    /// The stack without one of its layers.
    fn without(&self, layer: usize) -> Self {
        let mut less = self.clone();
        match layer {
            0 => less.project = json!({}),
            1 => (less.personal_plugins, less.personal_servers) = (Vec::new(), Vec::new()),
            2 => less.document = json!({"schema_version": "1.0.0"}),
            _ => less.team = false,
        }
        less
    }

    /// The same stack with every list the other way round.
    fn reversed(&self) -> Self {
        let mut other = self.clone();
        for document in [&mut other.org, &mut other.document, &mut other.project] {
            reverse(document);
        }
        other.personal_plugins.reverse();
        other.personal_servers.reverse();
        other.exceptions.reverse();
        other
    }
}

fn reverse(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.reverse();
            items.iter_mut().for_each(reverse);
        }
        Value::Object(entries) => entries.values_mut().for_each(reverse),
        _ => {}
    }
}

fn plugin_set(policy: &EffectivePolicy) -> BTreeSet<String> {
    let plugins = policy.plugins.iter();
    plugins
        .map(|entry| entry.plugin.to_string().to_lowercase())
        .collect()
}

fn server_set(policy: &EffectivePolicy) -> BTreeSet<String> {
    let servers = policy.mcp_servers.iter();
    servers.map(|entry| format!("{:?}", entry.server)).collect()
}

fn blocked(policy: &EffectivePolicy) -> BTreeSet<(String, String)> {
    let decisions = policy.decisions.iter();
    let blocked = decisions.filter(|decision| decision.outcome == Outcome::Blocked);
    blocked
        .map(|d| (format!("{:?} {:?}", d.kind, d.layer), d.item.to_lowercase()))
        .collect()
}

/// Everything but the places.
fn content(policy: &EffectivePolicy) -> (Vec<String>, Vec<String>) {
    let mut decisions: Vec<String> = policy
        .decisions
        .iter()
        .map(|d| {
            format!(
                "{:?} {:?} {:?} {:?} {}",
                d.kind,
                d.layer,
                d.outcome,
                d.reason,
                d.item.to_lowercase()
            )
        })
        .collect();
    decisions.sort();
    let hosts = policy.network.allowed_hosts.iter();
    let values = plugin_set(policy)
        .into_iter()
        .chain(server_set(policy))
        .chain(hosts.map(|host| format!("{} {}", host.host, host.internal)))
        .chain(policy.allowed_providers.clone())
        .chain([
            policy.network_policy.value.to_string(),
            format!(
                "{:?}",
                policy
                    .session
                    .timeout_hours
                    .as_ref()
                    .map(|hours| hours.value)
            ),
        ]);
    (decisions, values.collect())
}

/// What is asked for and not there, and whether an exception is said to help.
fn items(policy: &EffectivePolicy, kind: ItemKind) -> BTreeMap<String, bool> {
    let mut found = BTreeMap::new();
    for decision in policy.decisions.iter().filter(|d| d.kind == kind) {
        let liftable = found.entry(decision.item.to_lowercase()).or_insert(false);
        *liftable |= decision.liftable;
    }
    let is_in = |decision: &&scc_policy::Decision| decision.outcome == Outcome::Allowed;
    for decision in policy.decisions.iter().filter(is_in) {
        if decision.kind == kind {
            found.remove(&decision.item.to_lowercase());
        }
    }
    found
}

/// The servers of a name that an exception is said to let in, as patterns that fit each alone.
fn identities(policy: &EffectivePolicy, name: &str) -> Vec<String> {
    let said = |d: &&scc_policy::Decision| d.liftable && d.item.to_lowercase() == name;
    let said = policy.decisions.iter().filter(said);
    said.filter_map(|decision| decision.identity.clone())
        .map(|identity| identity.replace('[', "[[]").replace('?', "[?]"))
        .collect()
}

fn hours(policy: &EffectivePolicy) -> u32 {
    policy
        .session
        .timeout_hours
        .as_ref()
        .map_or(u32::MAX, |hours| hours.value)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_layer_loosens_security(stack in stack(), layer in 0usize..4) {
        let (full, less) = (stack.evaluate(), stack.without(layer).evaluate());
        prop_assert!(full.network_policy.value >= less.network_policy.value);
        prop_assert!(hours(&full) <= hours(&less));
        prop_assert!(full.allowed_providers.iter().all(|id| less.allowed_providers.contains(id)));
        prop_assert_eq!(&full.safety_net, &less.safety_net);
        prop_assert_eq!(&full.workspace_shields, &less.workspace_shields);
    }

    #[test]
    fn removing_a_layer_adds_no_block(stack in stack(), layer in 0usize..4) {
        let (full, less) = (blocked(&stack.evaluate()), blocked(&stack.without(layer).evaluate()));
        prop_assert!(less.is_subset(&full), "{:?}", less.difference(&full).collect::<Vec<_>>());
    }

    #[test]
    fn the_order_of_lists_does_not_matter(stack in stack()) {
        prop_assert_eq!(content(&stack.evaluate()), content(&stack.reversed().evaluate()));
    }

    #[test]
    fn nothing_blocked_is_in_the_result(stack in stack()) {
        let policy = stack.evaluate();
        let org: Document<OrgConfig> = parse(&stack.org, "org.json");
        let org = org.value();
        let words = |patterns: &[Pattern]| -> Vec<String> {
            patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect()
        };
        let plugins = words(&org.security.blocked_plugins);
        let plugins = PluginPatterns::new(plugins.iter().map(String::as_str));
        let servers = words(&org.security.blocked_mcp_servers);
        let servers = McpPatterns::new(servers.iter().map(String::as_str));
        let now: jiff::Timestamp = NOW.parse().expect("a time");
        let lifts: Vec<_> = org.exceptions.iter().filter(|e| now < e.expires_at).map(|e| &e.allow).collect();
        for entry in &policy.plugins {
            let lifted = lifts.iter().any(|lift| {
                PluginPatterns::new(lift.plugins.iter().map(Pattern::as_str)).find(&entry.plugin).is_some()
            });
            prop_assert!(lifted || plugins.find(&entry.plugin).is_none(), "{}", entry.plugin);
        }
        for entry in &policy.mcp_servers {
            let candidates = entry.server.candidates();
            let lifted = lifts.iter().any(|lift| {
                candidates.find(&McpPatterns::new(lift.mcp_servers.iter().map(Pattern::as_str))).is_some()
            });
            prop_assert!(lifted || candidates.find_any(&servers).is_none(), "{:?}", entry.server);
        }
    }

    #[test]
    fn an_exception_for_a_plugin_changes_only_its_target(stack in stack(), target in select(vec!["a", "b@*", "bad", "e@m", "*@own"])) {
        let before = stack.evaluate();
        let mut lifted = stack;
        lifted.exceptions.push(target.to_owned());
        let after = lifted.evaluate();
        let pattern = PluginPatterns::new([target]);
        for text in plugin_set(&before).symmetric_difference(&plugin_set(&after)) {
            let plugin = PluginRef::parse(text, BareName::Ambiguous(0)).expect("a reference");
            let left = !plugin_set(&after).contains(text);
            prop_assert!(left || pattern.find(&plugin).is_some(), "{text}");
        }
        let name = |text: &str| text.rsplit_once('@').map(|(name, _)| name.to_lowercase());
        for lost in plugin_set(&before).difference(&plugin_set(&after)) {
            // Only a plugin of the same name, now let in by an earlier layer, takes its place.
            let mut added = plugin_set(&after).into_iter().filter(|one| pattern.find(&PluginRef::parse(one, BareName::Ambiguous(0)).expect("a reference")).is_some());
            prop_assert!(added.any(|other| other != *lost && name(&other) == name(lost)), "{lost}");
        }
        prop_assert_eq!(blocked(&before), blocked(&after));
        prop_assert_eq!(server_set(&before), server_set(&after));
        prop_assert_eq!(&before.network_policy, &after.network_policy);
        prop_assert_eq!(&before.session, &after.session);
        prop_assert_eq!(&before.allowed_providers, &after.allowed_providers);
    }

    #[test]
    fn an_exception_for_a_server_changes_only_its_target(stack in stack(), target in select(vec!["s1", "*.example", "/opt/*"])) {
        let before = stack.evaluate();
        let patterns = pattern(target);
        let after = stack.evaluate_with(&patterns);
        let set = McpPatterns::new([target]);
        let (old, new) = (server_set(&before), server_set(&after));
        let added: Vec<_> = after.mcp_servers.iter().filter(|e| !old.contains(&format!("{:?}", e.server))).collect();
        for entry in &added {
            prop_assert!(entry.server.candidates().find(&set).is_some(), "{:?}", entry.server);
        }
        for entry in before.mcp_servers.iter().filter(|e| !new.contains(&format!("{:?}", e.server))) {
            // Only a server of the same name, now let in by an earlier layer, takes its place.
            let name = entry.server.name.to_lowercase();
            prop_assert!(added.iter().any(|other| other.server.name.to_lowercase() == name));
        }
        prop_assert_eq!(plugin_set(&before), plugin_set(&after));
        prop_assert_eq!(&before.network_policy, &after.network_policy);
    }

    /// An exception for exactly one item lets it in where that is said, and nowhere else.
    #[test]
    fn an_exception_helps_where_it_is_said_to(stack in stack()) {
        let before = stack.evaluate();
        let (plugins, servers) = (items(&before, ItemKind::Plugin), items(&before, ItemKind::McpServer));
        for (item, liftable) in plugins {
            let mut lifted = stack.clone();
            lifted.exceptions.push(item.clone());
            let after = plugin_set(&lifted.evaluate());
            let is_in = after.iter().any(|plugin| plugin.to_lowercase() == item);
            prop_assert_eq!(is_in, liftable, "{}", item);
        }
        for (item, liftable) in servers {
            // A name lets in no server of the workspace's; one as it is may be of any layer.
            let is_in = |lift: &str| {
                let after = stack.evaluate_with(&pattern(lift));
                after.mcp_servers.iter().any(|entry| entry.server.name.to_lowercase() == item)
            };
            prop_assert!(liftable || !is_in(&item), "{}", item);
            for identity in identities(&before, &item) {
                prop_assert!(is_in(&identity), "{}", identity);
            }
        }
    }
}
