//! What commands print with `--json` fits `schemas/output.schema.json`: each kind, by a real output.

use std::collections::BTreeSet;
use std::path::Path;

use scc_testkit::context::TestContext;
use serde_json::{Value, json};

const SCRIPTED: &str = env!("CARGO_BIN_EXE_scc-scripted");

/// The kinds that only an engine gives; the tests on one look at them.
const OF_ENGINES: [&str; 7] = [
    "ContainerList",
    "McpTest",
    "NetworkAllow",
    "NetworkLog",
    "Proof",
    "Prune",
    "Stop",
];

/// An organization with something of everything.
fn org() -> Value {
    json!({
        "schema_version": "1.0.0",
        "organization": { "name": "Corp", "id": "corp", "contact": "help@corp.example" },
        "marketplaces": {
            "internal": { "source": "github", "owner": "corp", "repo": "plugins" },
        },
        "security": {
            "blocked_plugins": ["evil"],
            "allow_stdio_mcp": true,
            "workspace_shields": [".env"],
        },
        "defaults": {
            "network_policy": "web-egress-enforced",
            "network": {
                "allowed_hosts": ["*.corp.example", { "host": "db.corp.example", "internal": true }],
                "use_destination_sets": ["github"],
            },
            "resources": { "memory": "4g", "cpus": 2.5 },
            "allowed_plugins": ["*@internal"],
            "enabled_plugins": ["base@internal"],
            "session": { "timeout_hours": 8, "auto_resume": true },
        },
        "delegation": { "teams": { "allow_additional_mcp_servers": ["*"] } },
        "profiles": {
            "platform": {
                "description": "Builds things",
                "additional_plugins": ["tool@internal"],
                "additional_mcp_servers": [
                    { "name": "gis", "type": "http", "url": "https://gis.corp.example/mcp",
                      "headers": { "Authorization": "Bearer secret" } },
                    { "name": "files", "type": "stdio", "command": "/usr/bin/files" },
                ],
                "network_policy": "open",
                "session": { "timeout_hours": 12 },
            },
        },
        "exceptions": [{
            "id": "old", "reason": "a test", "expires_at": "2020-01-01T00:00:00Z",
            "allow": { "plugins": ["evil@internal"] },
        }],
    })
}

/// The commands, in an order in which each finds what it needs, with their exit codes.
const COMMANDS: &[(&str, i32)] = &[
    ("status", 0),
    ("sessions", 0),
    ("doctor", 5),
    ("provider show", 0),
    ("start --dry-run --provider script", 6),
    ("start --dry-run --provider nobody", 2),
    ("config explain", 0),
    ("config explain --field denied", 0),
    ("network explain --provider script", 0),
    ("network explain gis.corp.example --provider script", 0),
    ("safety rules", 0),
    ("safety explain git.push.force", 0),
    ("safety check --shell true", 0),
    ("config show", 0),
    ("config get team", 0),
    ("config set team platform", 0),
    ("plugin list --provider script --offline", 0),
    ("plugin why base --provider script --offline", 6),
    ("audit plugins", 0),
    ("mcp list --provider script --offline", 0),
    ("mcp why gis --provider script --offline", 0),
    ("config validate", 0),
    ("config paths --show-env", 0),
    ("org validate org.json", 0),
    ("org validate broken.json", 3),
    ("org status", 0),
    ("org update --all", 0),
    ("org import org.json --preview", 0),
    ("org import ../home/.config/scc/org.json --yes", 0),
    ("org init -l", 0),
    ("org init -o made.json", 0),
    ("org schema project", 0),
    ("team list", 0),
    ("team", 0),
    ("team current", 0),
    ("team info platform", 0),
    ("team validate platform", 6),
    ("team validate -f broken.json", 3),
    ("team switch platform --workspace", 0),
    ("unblock tool@internal --reason why --ticket T-1 --yes", 0),
    (
        "exceptions create --allow-mcp gis --reason why --shared --id shared",
        0,
    ),
    (
        "exceptions create --policy --allow-plugin evil@internal --reason why",
        0,
    ),
    ("exceptions list --all", 0),
    ("exceptions accept shared --yes", 0),
    ("exceptions delete shared --yes", 0),
    ("exceptions cleanup", 0),
    ("exceptions reset --user --yes", 0),
    (
        "profile save --plugin mine@internal --mcp docs=https://docs.example",
        0,
    ),
    ("profile list", 0),
    ("profile status", 0),
    ("profile apply", 0),
    ("profile diff", 0),
    ("profile sync --push", 0),
    ("profile export", 0),
    ("profile export -o profile.json", 0),
    ("profile import profile.json", 0),
    ("worktree create topic --no-start", 0),
    ("worktree list", 0),
    ("worktree remove topic --yes", 0),
    ("worktree prune --dry-run", 0),
    ("sessions prune --yes", 0),
    ("context clear --yes", 0),
    ("init", 0),
    ("audit", 0),
    ("audit egress", 0),
    ("audit verify", 0),
    ("setup --standalone --yes", 0),
    ("org status", 0),
    ("config explain", 0),
];

/// Keys that are not written as all others. Names of variables and headers are not ours.
fn strange_keys(data: &Value) -> Vec<&str> {
    let is_strange = |key: &str| {
        let mixed = key.contains(|c: char| c.is_ascii_uppercase());
        mixed && key.contains(|c: char| c.is_ascii_lowercase()) && !key.contains('-')
    };
    match data {
        Value::Object(members) => {
            let own = members.keys().map(String::as_str);
            let below = members
                .iter()
                .filter(|(key, _)| *key != "headers")
                .flat_map(|(_, value)| strange_keys(value));
            own.filter(|key| is_strange(key)).chain(below).collect()
        }
        Value::Array(items) => items.iter().flat_map(strange_keys).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn what_commands_print_fits_the_schema_of_its_kind() {
    let context = TestContext::new();
    let workspace = context.workspace();
    std::fs::write(workspace.join("org.json"), org().to_string()).unwrap();
    std::fs::write(workspace.join("broken.json"), "{\"schema_version\": 1}").unwrap();
    let source = context.path("home/.config/scc/org.json");
    std::fs::write(&source, org().to_string()).unwrap();
    context.configure(&json!({
        "standalone": false,
        "organization": { "source": source },
        "team": "platform",
    }));
    let mut seen = BTreeSet::new();
    for (line, status) in COMMANDS {
        let mut command = context.command(Path::new(SCRIPTED));
        command
            .args(line.split(' '))
            .arg("--json")
            .current_dir(&workspace);
        command.stdin(std::process::Stdio::null());
        let run = scc_testkit::context::Run::of(&command.output().unwrap());
        assert_eq!(run.status, *status, "{line}: {run:?}");
        // Looks at the schema.
        let envelope = run.json();
        assert_eq!(envelope["status"]["ok"], *status == 0, "{line}");
        assert!(!run.stdout.contains("Bearer secret"), "{line}");
        // A schema has the words of its own standard.
        let data = Some(&envelope["data"]).filter(|_| envelope["kind"] != "OrgSchema");
        let strange: Vec<_> = data.into_iter().flat_map(strange_keys).collect();
        assert!(strange.is_empty(), "{line}: {strange:?}");
        seen.insert(envelope["kind"].as_str().unwrap().to_owned());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let schema = std::fs::read_to_string(root.join("schemas/output.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let kinds = schema["properties"]["kind"]["enum"].as_array().unwrap();
    let unseen: Vec<_> = kinds
        .iter()
        .filter_map(Value::as_str)
        .filter(|kind| !seen.contains(*kind) && !OF_ENGINES.contains(kind))
        .collect();
    assert!(unseen.is_empty(), "{unseen:?}");
}
