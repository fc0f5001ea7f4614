//! An exception of the developer's own is recommended only where it would change something.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use scc_config::{Document, OrgConfig, Pattern, ProjectConfig};
use scc_policy::{
    Decision, ExceptionStore, LocalException, Outcome, PolicyInput, Reason, evaluate,
};

const ORG: &str = r#"schema_version: "1.0.0"
organization: {name: Corp, id: corp, contact: platform@corp.example}
marketplaces: {internal: {source: github, owner: corp, repo: plugins}}
security: {allow_stdio_mcp: true, allowed_stdio_prefixes: [/opt/corp]}
defaults: {allowed_plugins: [fine@internal]}
profiles:
  web:
    additional_plugins: [fine@internal, unlisted@internal, nowhere@nowhere]
    additional_mcp_servers:
      - {name: inside, type: stdio, command: /opt/corp/x}
      - {name: outside, type: stdio, command: /usr/bin/x}
      - {name: nothing, type: http}
"#;

fn decisions(org: &str) -> Vec<Decision> {
    let org: Document<OrgConfig> = Document::parse(org, Path::new("org.yaml")).unwrap();
    let project = "additional_plugins: [more@internal]\nadditional_mcp_servers: [{name: out, type: stdio, command: ls}]\n";
    let project: Document<ProjectConfig> =
        Document::parse(project, Path::new(".scc.yaml")).unwrap();
    let input = PolicyInput {
        org: Some(&org),
        team: Some("web"),
        project: Some(&project),
        ..PolicyInput::at("2030-01-01T00:00:00Z".parse().unwrap())
    };
    evaluate(&input).unwrap().decisions
}

fn find<'a>(decisions: &'a [Decision], item: &str) -> &'a Decision {
    decisions
        .iter()
        .find(|decision| decision.item == item)
        .unwrap()
}

#[test]
fn what_an_exception_would_lift() {
    let decisions = decisions(ORG);
    for item in [
        "fine@internal",
        "unlisted@internal",
        "inside",
        "more@internal",
    ] {
        let decision = find(&decisions, item);
        assert_eq!(decision.outcome, Outcome::Denied, "{item}");
        assert!(decision.liftable, "{item}");
        let step = decision.next_step.as_deref().unwrap();
        assert!(step.contains(&format!("scc unblock {item}")), "{step}");
        assert!(!decision.message.contains("besides"), "{decision:?}");
    }
}

#[test]
fn what_stands_against_it_besides() {
    let decisions = decisions(ORG);
    for (item, besides, step) in [
        (
            "nowhere@nowhere",
            "there is no marketplace `nowhere`",
            "--field marketplaces",
        ),
        (
            "outside",
            "its program lies in no allowed folder",
            "ask platform@corp.example",
        ),
        (
            "out",
            "its program is not an absolute path",
            "ask platform@corp.example",
        ),
        (
            "nothing",
            "needs the key `url`",
            "ask platform@corp.example",
        ),
    ] {
        let decision = find(&decisions, item);
        // What decides is the first rule that applies, as ever.
        assert_eq!(decision.reason, Reason::NotDelegated, "{item}");
        assert!(!decision.liftable, "{item}");
        let (_, rest) = decision.message.split_once("; besides, ").unwrap();
        assert!(rest.contains(besides), "{decision:?}");
        assert!(
            decision.next_step.as_deref().unwrap().contains(step),
            "{decision:?}"
        );
    }
}

#[test]
fn nothing_changes_what_the_policy_lets_through() {
    let delegated = format!(
        "{ORG}delegation: {{teams: {{allow_additional_plugins: [web], allow_additional_mcp_servers: [web]}}}}\n"
    );
    let decisions = decisions(&delegated);
    assert_eq!(find(&decisions, "fine@internal").outcome, Outcome::Allowed);
    assert_eq!(find(&decisions, "inside").outcome, Outcome::Allowed);
    assert!(find(&decisions, "unlisted@internal").liftable);
    let outside = find(&decisions, "outside");
    assert_eq!(
        (outside.reason, outside.liftable),
        (Reason::StdioPath, false)
    );
}

/// An organization that lets projects add servers.
const DELEGATING: &str = r#"schema_version: "1.0.0"
organization: {name: Corp, id: corp}
delegation: {teams: {allow_additional_mcp_servers: [web]}, projects: {inherit_team_delegation: true}}
profiles: {web: {delegation: {allow_project_overrides: true}}}
"#;

/// The outcome for the workspace's servers where one exception of the developer's is in force.
fn with_exception(pattern: &str, servers: &str) -> Vec<Decision> {
    let project = format!("additional_mcp_servers: {servers}\n");
    let project: Document<ProjectConfig> =
        Document::parse(&project, Path::new(".scc.yaml")).unwrap();
    let patterns = [Pattern::try_from(pattern.to_owned()).unwrap()];
    let exceptions = [LocalException {
        id: "mine",
        store: ExceptionStore::User,
        file: Path::new("exceptions.json"),
        expires_at: "2030-01-01T02:00:00Z".parse().unwrap(),
        plugins: &[],
        mcp_servers: &patterns,
    }];
    let org = Document::parse(DELEGATING, Path::new("org.yaml")).unwrap();
    let input = PolicyInput {
        org: Some(&org),
        team: Some("web"),
        project: Some(&project),
        exceptions: &exceptions,
        ..PolicyInput::at("2030-01-01T00:00:00Z".parse().unwrap())
    };
    evaluate(&input).unwrap().decisions
}

#[test]
fn values_of_the_machine_are_lifted_for_a_server_as_it_is_only() {
    let takes = "[{name: gis, type: http, url: 'https://gis.example/', headers: {K: '${KEY}'}}]";
    let denied = with_exception("gis", takes);
    let identity = denied[0].identity.clone().unwrap();
    for pattern in ["gis", "*", "gis.example", "https://gis.example/*"] {
        let decision = &with_exception(pattern, takes)[0];
        assert_eq!(decision.reason, Reason::HostValue, "{pattern}");
        assert!(decision.liftable, "{pattern}");
        let why = "exception mine (user) does not lift this";
        assert!(decision.message.contains(why), "{decision:?}");
    }
    let lifted = &with_exception(&identity, takes)[0];
    assert_eq!(lifted.outcome, Outcome::Allowed, "{lifted:?}");
    for changed in [
        takes.replace("gis.example", "evil.example"),
        takes.replace("KEY", "TOKEN"),
        takes.replace("headers: {", "headers: {Other: '${TOKEN}', "),
    ] {
        let decision = &with_exception(&identity, &changed)[0];
        assert_eq!(decision.reason, Reason::HostValue, "{changed}");
    }
}
