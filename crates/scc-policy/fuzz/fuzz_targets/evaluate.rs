//! Any stack of documents gives a policy that no lower layer has loosened. The input is up to
//! three documents, separated by lines of `---8<---`: organization, team, workspace.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use scc_config::{Document, OrgConfig, ProjectConfig, TeamConfig};
use scc_policy::{PolicyInput, evaluate};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut parts = text.split("---8<---\n");
    let org = parts.next().unwrap_or_default();
    let Ok(org) = Document::<OrgConfig>::parse(org, Path::new("org")) else {
        return;
    };
    let team = parts.next().unwrap_or_default();
    let team = Document::<TeamConfig>::parse(team, Path::new("team")).ok();
    let project = parts.next().unwrap_or_default();
    let project = Document::<ProjectConfig>::parse(project, Path::new("project")).ok();
    let base = PolicyInput {
        org: Some(&org),
        team_document: team.as_ref(),
        implicit_marketplaces: &["own"],
        providers: &["one", "two"],
        ..PolicyInput::at("2030-01-01T00:00:00Z".parse().expect("a time"))
    };
    let Ok(baseline) = evaluate(&base) else {
        // It requires an artifact that it blocks.
        return;
    };
    let names = org.value().profiles.keys().map(String::as_str);
    for team in names.map(Some).chain([None]) {
        let input = PolicyInput {
            team,
            project: project.as_ref(),
            ..base
        };
        let Ok(policy) = evaluate(&input) else {
            continue;
        };
        assert!(policy.network_policy.value >= baseline.network_policy.value);
        assert_eq!(policy.safety_net.value, baseline.safety_net.value);
        let mut providers = policy.allowed_providers.iter();
        assert!(providers.all(|id| baseline.allowed_providers.contains(id)));
        for decision in &policy.decisions {
            assert!(!decision.message.contains('\n'), "{decision:?}");
        }
    }
});
