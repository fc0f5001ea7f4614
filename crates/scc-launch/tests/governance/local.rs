use scc_config::ProviderSection;
use scc_launch::{GovernanceError, Repository, TeamOrigin};
use scc_policy::{Outcome, Reason};
use scc_state::{ExceptionStore, PersonalProfile};
use serde_json::json;

use crate::bench::{Ask, Bench, HOUR, at, decision, org};

#[test]
fn nothing_is_never_no_rules() {
    let mut bench = Bench::new(None);
    let error = bench.load(Ask::default()).unwrap_err();
    assert!(matches!(error, GovernanceError::NotSetUp), "{error}");
    let flag = Ask {
        standalone: true,
        ..Ask::default()
    };
    assert!(bench.load(flag).unwrap().is_standalone());
    bench.settings(json!({ "standalone": true }));
    assert!(bench.load(Ask::default()).unwrap().is_standalone());

    bench.settings(json!({ "organization": { "source": "org.json" } }));
    let error = bench.load(Ask::default()).unwrap_err();
    assert!(
        matches!(error, GovernanceError::Unreadable { .. }),
        "{error}"
    );
    bench.write("config/org.json", &org(&json!({})).to_string());
    let error = bench.load(flag).unwrap_err();
    assert!(
        matches!(error, GovernanceError::StandaloneRefused { .. }),
        "{error}"
    );
    bench.settings(json!({ "standalone": true, "organization": { "source": "org.json" } }));
    let governance = bench.load(Ask::default()).unwrap();
    assert!(governance.is_standalone());
    assert!(governance.warnings()[0].starts_with("standalone: the rules of"));
}

#[test]
fn what_refuses_a_document() {
    let evil = json!({ "security": { "blocked_plugins": ["tool"] },
        "defaults": { "enabled_plugins": ["tool"] } });
    for unfit in ["18446744073709551616.0.0", "1.99999999999999999999999.0"] {
        let bench = Bench::with_org(&org(&json!({ "min_cli_version": unfit })));
        let error = bench.load(Ask::default()).unwrap_err().to_string();
        assert!(error.contains(unfit), "{error}");
    }
    let later = json!({ "min_cli_version": "1.3.0" });
    for (name, text, expected) in [
        ("damaged", "{".to_owned(), "is not valid"),
        (
            "unknown key",
            org(&json!({ "securty": {} })).to_string(),
            "unknown key `securty`",
        ),
        ("broken rule", org(&evil).to_string(), "blocked"),
        (
            "newer scc",
            org(&later).to_string(),
            "needs scc 1.3.0 or newer, and this is 1.2.3",
        ),
        (
            "signature",
            org(&json!({ "signing": { "required": true, "public_keys": ["key"] } })).to_string(),
            "wants a valid signature",
        ),
    ] {
        let bench = Bench::with_org(&json!({}));
        bench.write("config/org.json", &text);
        let error = bench.load(Ask::default()).unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
    for fine in ["1.2.3", "1.2.2", "0.9.9"] {
        let bench = Bench::with_org(&org(&json!({ "min_cli_version": fine })));
        bench.load(Ask::default()).unwrap();
    }
}

#[test]
fn the_baseline_applies_without_a_team_and_a_team_is_chosen_in_order() {
    let mut bench = Bench::with_org(&org(
        &json!({ "defaults": { "network_policy": "locked-down-web" } }),
    ));
    let policy = bench.policy(Ask::default());
    assert_eq!(policy.network_policy.value.as_str(), "locked-down-web");
    assert_eq!(policy.team, None);

    bench.settings(json!({ "organization": { "source": "org.json" }, "team": "web" }));
    let team = |bench: &Bench, ask| {
        let governance = bench.load(ask).unwrap();
        let team = governance.team().unwrap();
        (team.name.clone(), team.origin)
    };
    let flag = Ask {
        team: Some("web"),
        ..Ask::default()
    };
    assert_eq!(
        team(&bench, Ask::default()),
        ("web".into(), TeamOrigin::User)
    );
    bench
        .state
        .pin_workspace_team(&bench.workspace, Some("platform"), at(0))
        .unwrap();
    assert_eq!(
        team(&bench, Ask::default()),
        ("platform".into(), TeamOrigin::Workspace)
    );
    assert_eq!(team(&bench, flag), ("web".into(), TeamOrigin::Flag));

    let unknown = Ask {
        team: Some("nobody"),
        ..Ask::default()
    };
    let error = bench.load(unknown).unwrap_err();
    assert_eq!(
        error.to_string(),
        "organization `corp` has no team `nobody`"
    );
    assert_eq!(error.hints(), ["it has: platform, web"]);
}

#[test]
fn the_workspace_only_narrows_and_its_document_is_a_file() {
    let bench = Bench::with_org(&org(
        &json!({ "defaults": { "network_policy": "web-egress-enforced" } }),
    ));
    bench.write("project/.scc.yaml", "network_policy: open\n");
    let policy = bench.policy(Ask::default());
    assert_eq!(policy.network_policy.value.as_str(), "web-egress-enforced");
    bench.write("project/.scc.yaml", "netwrok_policy: open\n");
    let error = bench.load(Ask::default()).unwrap_err();
    assert!(error.to_string().contains(".scc.yaml:1:1: unknown key"));
    assert_eq!(error.hints(), ["did you mean `network_policy`?"]);

    std::fs::remove_file(bench.path("project/.scc.yaml")).unwrap();
    bench.write("secret", "password: hunter2\n");
    std::os::unix::fs::symlink(bench.path("secret"), bench.path("project/.scc.yaml")).unwrap();
    let error = bench.load(Ask::default()).unwrap_err();
    assert!(matches!(error, GovernanceError::Irregular(_)), "{error}");
}

fn store_exception(store: &ExceptionStore, id: &str, scope: &str, plugin: &str) {
    let exception = serde_json::from_value(json!({
        "id": id, "created_at": at(0), "expires_at": at(8 * HOUR), "reason": "a test",
        "scope": scope, "allow": { "plugins": [plugin] },
    }));
    let exception = exception.unwrap();
    store.update(|all| all.push(exception)).unwrap();
}

fn denied_tool() -> Bench {
    Bench::with_org(&org(&json!({
        "profiles": { "platform": { "additional_plugins": ["tool@internal"] } },
    })))
}

const PLATFORM: Ask<'static> = Ask {
    seconds: HOUR,
    team: Some("platform"),
    standalone: false,
    offline: false,
    force: false,
    commands: false,
    background: false,
};

#[test]
fn the_users_exception_lifts_a_denial_until_it_ends() {
    let bench = denied_tool();
    let outcome = |ask| decision(&bench.policy(ask), "tool@internal").outcome;
    assert_eq!(outcome(PLATFORM), Outcome::Denied);
    let store = ExceptionStore::user(&bench.path("config"));
    store_exception(&store, "local-1", "policy", "tool@internal");
    let policy = bench.policy(PLATFORM);
    assert_eq!(decision(&policy, "local-1").reason, Reason::WrongScope);
    assert_eq!(outcome(PLATFORM), Outcome::Denied);
    store_exception(&store, "local-2", "local", "tool@internal");
    assert_eq!(outcome(PLATFORM), Outcome::Allowed);
    let later = Ask {
        seconds: 8 * HOUR,
        ..PLATFORM
    };
    assert_eq!(outcome(later), Outcome::Denied);
}

#[test]
fn a_repositorys_exception_counts_only_as_it_was_accepted() {
    let bench = denied_tool();
    let outcome = || decision(&bench.policy(PLATFORM), "tool@internal").outcome;
    let store = ExceptionStore::repository(&bench.workspace, &bench.path("locks"));
    store_exception(&store, "local-1", "local", "tool@internal");
    let policy = bench.policy(PLATFORM);
    let ignored = decision(&policy, "local-1");
    assert_eq!(ignored.reason, Reason::NotAccepted);
    assert_eq!(
        ignored.next_step.as_deref(),
        Some("read it, then: scc exceptions accept local-1")
    );
    assert_eq!(outcome(), Outcome::Denied);

    let exception = store.read().unwrap().value.remove(0);
    let accept = |workspace| bench.state.accept_exception(workspace, &exception, at(0));
    let elsewhere = bench.path("elsewhere");
    accept(&elsewhere).unwrap();
    assert_eq!(outcome(), Outcome::Denied);
    accept(&bench.workspace).unwrap();
    assert_eq!(outcome(), Outcome::Allowed);

    // What an agent changes afterwards was not accepted.
    store
        .update(|all| all[0].expires_at = at(9 * HOUR))
        .unwrap();
    assert_eq!(outcome(), Outcome::Denied);
}

#[test]
fn a_personal_profile_belongs_to_a_repository() {
    let bench = denied_tool();
    let id = Repository::find(&bench.workspace).unwrap().id;
    assert_eq!(id, format!("path:{}", bench.workspace.display()));
    let profile = PersonalProfile {
        repository: id.clone(),
        saved_at: at(0),
        plugins: vec!["mine@internal".to_owned()],
        mcp_servers: vec![json!({ "name": "x", "secret": "hunter2" })],
    };
    bench
        .state
        .update_profile(&id, at(0), |slot| *slot = Some(profile))
        .unwrap();
    let governance = bench.load(PLATFORM).unwrap();
    let warning = &governance.warnings()[0];
    assert!(warning.contains("MCP server 1") && !warning.contains("hunter2"));
    let policy = governance.policy(&[], &[], at(HOUR)).unwrap();
    let mine = decision(&policy, "mine@internal");
    assert_eq!(mine.outcome, Outcome::Allowed);
    assert!(std::path::Path::new(mine.file.as_deref().unwrap()).exists());
}

#[test]
fn the_organizations_provider_settings_win() {
    let bench = Bench::with_org(&org(&json!({
        "providers": { "script": { "model": "ruled", "api_key": "command:vault read key" } },
    })));
    let user = ProviderSection {
        model: Some("mine".to_owned()),
        version: Some("1.0.0".to_owned()),
        ..ProviderSection::default()
    };
    let governance = bench.load(Ask::default()).unwrap();
    let settings = governance.provider_settings("script", &user).unwrap();
    assert_eq!(settings.model.as_deref(), Some("ruled"));
    assert_eq!(settings.version.as_deref(), Some("1.0.0"));
    assert!(settings.api_key.is_some());
    let other = governance.provider_settings("other", &user).unwrap();
    assert_eq!(other, user);
}

#[test]
fn a_teams_gateway_takes_the_place_of_the_organizations() {
    let bench = Bench::with_org(&org(&json!({
        "providers": { "script": { "base_url": "https://gw.example", "model": "ruled" } },
        "profiles": { "platform": { "providers": {
            "script": { "base_url": "https://team.example", "api_key": "env:TEAM_KEY" },
        } } },
    })));
    let user = ProviderSection {
        base_url: Some("https://mine.example".to_owned()),
        ..ProviderSection::default()
    };
    let url = |ask| {
        let governance = bench.load(ask).unwrap();
        let settings = governance.provider_settings("script", &user).unwrap();
        assert_eq!(settings.model.as_deref(), Some("ruled"));
        (settings.base_url.unwrap(), settings.api_key.is_some())
    };
    assert_eq!(url(PLATFORM), ("https://team.example".to_owned(), true));
    assert_eq!(
        url(Ask::default()),
        ("https://gw.example".to_owned(), false)
    );
}

#[test]
fn a_policy_exception_lifts_a_block_until_it_ends_and_the_document_stays_valid() {
    let bench = Bench::with_org(&org(&json!({
        "security": { "blocked_plugins": ["tool"] },
        "delegation": { "teams": { "allow_additional_plugins": ["platform"] } },
        "profiles": { "platform": { "additional_plugins": ["tool@internal"] } },
        "exceptions": [{
            "id": "one", "reason": "r", "expires_at": at(2 * HOUR),
            "allow": { "plugins": ["tool@internal"] },
        }],
    })));
    let outcome = |seconds| {
        let ask = Ask {
            seconds,
            ..PLATFORM
        };
        decision(&bench.policy(ask), "tool@internal").outcome
    };
    assert_eq!(outcome(HOUR), Outcome::Allowed);
    assert_eq!(outcome(2 * HOUR), Outcome::Blocked);
}

#[test]
fn rules_that_the_agent_could_change_are_refused() {
    let mut bench = Bench::new(None);
    bench.write("project/org.json", &org(&json!({})).to_string());
    let source = bench.workspace.join("org.json");
    bench.settings(json!({ "organization": { "source": source } }));
    let error = bench.load(Ask::default()).unwrap_err();
    assert!(
        matches!(&error, GovernanceError::WithinReach { path } if *path == source),
        "{error}"
    );
}

/// What the agent commits would be the rules.
#[test]
fn rules_in_the_workspaces_own_repository_are_refused() {
    let mut bench = Bench::new(None);
    bench.write("project/org-config.json", &org(&json!({})).to_string());
    let workspace = bench.workspace.clone();
    for args in [
        &["init", "--quiet", "--initial-branch=main"] as &[&str],
        &["add", "--all"],
        &[
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example.org",
            "commit",
            "--quiet",
            "--message=rules",
        ],
        &["worktree", "add", "--quiet", "../beside"],
    ] {
        let mut git = std::process::Command::new("git");
        assert!(
            git.args(args)
                .current_dir(&workspace)
                .status()
                .unwrap()
                .success()
        );
    }
    let source = format!("file://{}@main:org-config.json", workspace.display());
    bench.settings(json!({ "organization": { "source": source } }));
    for place in [workspace.clone(), workspace.join("../beside")] {
        bench.workspace = place.canonicalize().unwrap();
        let error = bench.load(Ask::default()).unwrap_err();
        assert!(
            matches!(&error, GovernanceError::WithinReach { .. }),
            "{error}"
        );
    }
}
