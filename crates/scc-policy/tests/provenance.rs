//! Every value and decision says where it comes from, and a policy that is written down keeps the
//! names of its fields and holds no secret.

use std::path::Path;

use scc_config::{Document, OrgConfig, ProjectConfig};
use scc_policy::{Layer, Outcome, PolicyError, PolicyInput, Reason, evaluate};

const ORG: &str = r#"schema_version: "1.0.0"
organization: {name: Corp, id: corp, contact: platform@corp.example}
marketplaces:
  internal: {source: github, owner: corp, repo: plugins, headers: {Authorization: token-in-a-header}}
security:
  blocked_plugins:
    - "*@evil"
    - old-*
defaults:
  network_policy: web-egress-enforced
  allowed_mcp_servers:
    - "*.corp.example"
delegation:
  teams:
    allow_additional_mcp_servers: [web]
profiles:
  web:
    additional_plugins: [old-tool]
    additional_mcp_servers:
      - name: docs
        type: http
        url: https://docs.corp.example/mcp
        headers: {Authorization: "Bearer abc", X-Key: "${KEY}"}
      - name: other
        type: http
        url: https://other.example/mcp
  far:
    config_source: {source: github, owner: far, repo: scc}
"#;

fn org() -> Document<OrgConfig> {
    let document = Document::parse(ORG, Path::new("org.yaml"));
    document.unwrap_or_else(|error| unreachable!("{error}"))
}

fn input<'a>(org: &'a Document<OrgConfig>, team: &'a str) -> PolicyInput<'a> {
    PolicyInput {
        org: Some(org),
        team: Some(team),
        ..PolicyInput::at(jiff::Timestamp::UNIX_EPOCH)
    }
}

#[test]
fn decisions_name_both_places() {
    let org = org();
    let project = "session: {timeout_hours: 3}\nnetwork_policy: open\n";
    let project = Document::<ProjectConfig>::parse(project, Path::new(".scc.yaml")).unwrap();
    let policy = evaluate(&PolicyInput {
        project: Some(&project),
        ..input(&org, "web")
    })
    .unwrap();

    let origin = policy.network_policy.origin.to_string();
    assert_eq!(origin, "organization (org.yaml:10)");
    let hours = policy.session.timeout_hours.as_ref().unwrap();
    assert_eq!(hours.origin.to_string(), "workspace (.scc.yaml:1)");

    let find = |item: &str| policy.decisions.iter().find(|d| d.item == item).unwrap();
    let blocked = find("old-tool@internal");
    assert_eq!(blocked.outcome, Outcome::Blocked);
    assert_eq!((blocked.layer, blocked.line), (Layer::Team, Some(18)));
    let rule = blocked.rule.as_ref().unwrap();
    assert_eq!(rule.text, "security.blocked_plugins: `old-*`");
    assert_eq!(
        (rule.file.as_deref(), rule.line),
        (Some("org.yaml"), Some(8))
    );
    let step = blocked.next_step.as_deref();
    assert_eq!(
        step,
        Some("ask platform@corp.example for a policy exception")
    );

    let denied = find("other");
    assert_eq!(
        (denied.outcome, denied.reason),
        (Outcome::Denied, Reason::NotInAllowlist)
    );
    assert_eq!(
        (denied.line, denied.rule.as_ref().unwrap().line),
        (Some(24), Some(11))
    );
    let step = denied.next_step.as_deref().unwrap();
    assert!(
        step.starts_with("run `scc unblock other --reason …`"),
        "{step}"
    );

    let ignored = find("open");
    assert_eq!(
        (ignored.outcome, ignored.layer),
        (Outcome::Ignored, Layer::Workspace)
    );
    assert_eq!(ignored.rule.as_ref().unwrap().line, Some(10));
}

#[test]
fn a_policy_in_json_keeps_its_fields_and_no_secret() {
    let org = org();
    let policy = serde_json::to_value(evaluate(&input(&org, "web")).unwrap()).unwrap();
    let keys: Vec<&str> = policy
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        keys,
        [
            "organization",
            "team",
            "standalone",
            "plugins",
            "mcp_servers",
            "bundles",
            "artifacts",
            "marketplaces",
            "network_policy",
            "network",
            "session",
            "resources",
            "safety_net",
            "workspace_shields",
            "allowed_providers",
            "gateways",
            "dev_environment",
            "decisions",
        ]
    );
    let headers = &policy["mcp_servers"][0]["server"]["headers"];
    assert_eq!(headers["Authorization"], "[hidden]");
    assert_eq!(headers["X-Key"], "${KEY}");
    let text = policy.to_string();
    assert!(
        !text.contains("Bearer abc") && !text.contains("token-in-a-header"),
        "{text}"
    );
    let decision = &policy["decisions"][0];
    assert_eq!(decision["kind"], "plugin");
    assert_eq!(decision["outcome"], "blocked");
    assert_eq!(decision["reason"], "blocked-by-security");
    assert_eq!(decision["layer"], "team");
    assert_eq!(decision["rule"]["layer"], "organization");
}

#[test]
fn what_makes_no_policy() {
    let org = org();
    let unknown = evaluate(&input(&org, "wbe")).unwrap_err();
    let known = vec!["far".to_owned(), "web".to_owned()];
    assert!(matches!(&unknown, PolicyError::UnknownTeam { known: teams, .. } if *teams == known));
    let missing = evaluate(&input(&org, "far")).unwrap_err();
    let words = "team `far` keeps its own document, and it is not there";
    assert_eq!(missing.to_string(), words);
}
