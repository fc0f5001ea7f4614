use std::sync::{Arc, Mutex};

use scc_config::ProviderSection;
use scc_launch::{CredentialFallback, Freshness, GovernanceError};
use scc_policy::Outcome;
use scc_testkit::https::{HttpsServer, Reply, Request};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::bench::{Ask, Bench, DAY, HOUR, at, decision, org};

/// A server whose organization's document can be changed.
struct Site {
    server: HttpsServer,
    reply: Arc<Mutex<Reply>>,
}

impl Site {
    fn new(document: &Value) -> Self {
        let reply = Arc::new(Mutex::new(Reply::ok(document.to_string())));
        let shared = Arc::clone(&reply);
        let server = HttpsServer::start(move |request: &Request| match request.path() {
            "/org.json" => shared.lock().unwrap().clone(),
            "/team.json" => Reply::ok(
                json!({ "schema_version": "1.0.0", "enabled_plugins": ["tool@internal"] })
                    .to_string(),
            ),
            _ => Reply::status(404),
        });
        Self {
            server: server.unwrap(),
            reply,
        }
    }

    fn bench(&self) -> Bench {
        let mut bench = Bench::new(Some(&self.server));
        bench.settings(json!({ "organization": { "source": self.server.url("/org.json") } }));
        bench
    }

    fn set(&self, reply: Reply) {
        *self.reply.lock().unwrap() = reply;
    }

    fn asked(&self) -> usize {
        self.server.requests().len()
    }
}

fn after(seconds: i64) -> Ask<'static> {
    Ask {
        seconds,
        ..Ask::default()
    }
}

fn network(policy: &str) -> Value {
    org(&json!({ "defaults": { "network_policy": policy } }))
}

#[test]
fn a_revoked_policy_ends_with_the_time_that_the_document_gives_its_copies() {
    let mut first = network("open");
    first["defaults"]["cache_ttl_hours"] = json!(2);
    let site = Site::new(&first);
    let bench = site.bench();
    let policy = |seconds| bench.policy(after(seconds)).network_policy.value.as_str();
    assert_eq!(policy(0), "open");
    site.set(Reply::ok(network("locked-down-web").to_string()));
    assert_eq!((policy(2 * HOUR - 1), site.asked()), ("open", 1));
    assert_eq!((policy(2 * HOUR), site.asked()), ("locked-down-web", 2));
    // The new document says nothing: 24 hours.
    assert_eq!((policy(25 * HOUR), site.asked()), ("locked-down-web", 2));
    assert_eq!((policy(26 * HOUR), site.asked()), ("locked-down-web", 3));
    let force = Ask {
        force: true,
        ..after(26 * HOUR + 1)
    };
    bench.policy(force);
    assert_eq!(site.asked(), 4);
}

#[test]
fn a_longer_time_than_usual_asks_nobody() {
    let mut document = network("open");
    document["defaults"]["cache_ttl_hours"] = json!(100);
    let site = Site::new(&document);
    let bench = site.bench();
    bench.policy(after(0));
    let governance = bench.load(after(99 * HOUR)).unwrap();
    assert_eq!(site.asked(), 1);
    let provenance = governance.organization().unwrap().provenance();
    assert_eq!(provenance.freshness, Freshness::Cached);
    assert_eq!(provenance.age_seconds, 99 * 3600);
}

#[test]
fn a_stale_copy_is_loud_and_ends_after_seven_days() {
    let site = Site::new(&network("locked-down-web"));
    let bench = site.bench();
    bench.policy(after(0));
    for (status, refused) in [(503, false), (403, true), (404, true)] {
        site.set(Reply::status(status));
        let governance = bench.load(after(6 * DAY)).unwrap();
        let provenance = governance.organization().unwrap().provenance();
        assert_eq!(provenance.freshness, Freshness::Stale, "{status}");
        assert_eq!(provenance.refused, refused, "{status}");
        assert!(!governance.warnings().is_empty(), "{status}");
    }
    let error = bench.load(after(7 * DAY + 1)).unwrap_err();
    assert!(
        matches!(error, GovernanceError::Unreadable { .. }),
        "{error}"
    );
    // What is invalid now does not replace the copy, and is refused where there is none.
    site.set(Reply::ok("{\"schema_version\": \"1.0.0\"}"));
    assert!(!bench.load(after(2 * DAY)).unwrap().warnings().is_empty());
    let error = site.bench().load(after(0)).unwrap_err();
    assert!(matches!(error, GovernanceError::Invalid { .. }), "{error}");
}

#[test]
fn in_the_background_the_old_rules_hold_until_the_new_ones_are_there() {
    let site = Site::new(&network("open"));
    let bench = site.bench();
    let background = |seconds| Ask {
        background: true,
        ..after(seconds)
    };
    bench.policy(background(0));
    site.set(Reply::ok(network("locked-down-web").to_string()));
    let governance = bench.load(background(DAY)).unwrap();
    let provenance = governance.organization().unwrap().provenance();
    assert_eq!(provenance.freshness, Freshness::Due);
    assert!(governance.wants_refresh() && governance.warnings().is_empty());
    let policy = governance.policy(&["script"], &[], at(DAY)).unwrap();
    assert_eq!(policy.network_policy.value.as_str(), "open");
    assert_eq!(site.asked(), 1);

    // The refresh is the same load without the option.
    bench.load(after(DAY)).unwrap();
    let policy = bench.policy(background(DAY + 1));
    assert_eq!(policy.network_policy.value.as_str(), "locked-down-web");
    assert_eq!(site.asked(), 2);
    assert!(!bench.load(background(DAY + 2)).unwrap().wants_refresh());
}

#[test]
fn offline_needs_a_copy() {
    let site = Site::new(&network("locked-down-web"));
    let bench = site.bench();
    let offline = |seconds| Ask {
        offline: true,
        ..after(seconds)
    };
    let error = bench.load(offline(0)).unwrap_err();
    assert!(error.to_string().contains("no server was asked"), "{error}");
    assert_eq!(site.asked(), 0);
    bench.policy(after(0));
    let policy = bench.policy(offline(3 * DAY));
    assert_eq!(policy.network_policy.value.as_str(), "locked-down-web");
    assert_eq!(site.asked(), 1);
    bench.load(offline(7 * DAY + 1)).unwrap_err();
}

#[test]
fn a_copy_that_was_changed_does_not_count() {
    let site = Site::new(&network("locked-down-web"));
    let bench = site.bench();
    bench.policy(after(0));
    let mut changed = 0;
    for entry in std::fs::read_dir(bench.path("cache")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes).replace("locked-down-web", "open");
        changed += i32::from(text.len() != bytes.len());
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(changed, 1);
    let policy = bench.policy(after(HOUR));
    assert_eq!(policy.network_policy.value.as_str(), "locked-down-web");
    assert_eq!(site.asked(), 2);
}

#[test]
fn an_organization_that_cannot_be_read_refuses() {
    let site = Site::new(&network("open"));
    for (status, hint) in [(401, "credentials"), (500, "try again later")] {
        site.set(Reply::status(status));
        let error = site.bench().load(after(0)).unwrap_err();
        assert!(
            matches!(error, GovernanceError::Unreadable { .. }),
            "{error}"
        );
        assert!(error.hints()[0].contains(hint), "{:?}", error.hints());
    }
    site.set(Reply::ok(
        org(&json!({ "min_cli_version": "2.0.0" })).to_string(),
    ));
    let bench = site.bench();
    for _ in 0..2 {
        let error = bench.load(after(0)).unwrap_err();
        assert!(
            matches!(error, GovernanceError::NeedsNewer { .. }),
            "{error}"
        );
    }
}

fn federated(url: &str, more: &Value) -> Value {
    let mut source = json!({ "source": "url", "url": url });
    for (key, value) in more.as_object().unwrap() {
        source[key] = value.clone();
    }
    org(&json!({
        "delegation": { "teams": { "allow_additional_plugins": ["platform"] } },
        "profiles": { "platform": { "config_source": source } },
    }))
}

#[test]
fn a_federated_teams_document_is_fetched_with_the_credential_of_its_host_only() {
    let site = Site::new(&json!({}));
    let platform = Ask {
        team: Some("platform"),
        ..Ask::default()
    };
    let sent = |document: &Value| {
        site.set(Reply::ok(document.to_string()));
        let mut bench = site.bench();
        bench.fallback = CredentialFallback {
            organization: Some(SecretString::from("org-token")),
            github: Some(SecretString::from("github-token")),
        };
        let policy = bench.policy(platform);
        assert_eq!(decision(&policy, "tool@internal").outcome, Outcome::Allowed);
        let requests = site.server.requests();
        let header = |request: &Request| request.header("authorization").map(str::to_owned);
        assert_eq!(
            header(&requests[requests.len() - 2]).as_deref(),
            Some("Bearer org-token")
        );
        requests.last().and_then(header)
    };
    let same = sent(&federated(&site.server.url("/team.json"), &json!({})));
    assert_eq!(same.as_deref(), Some("Bearer org-token"));
    let other = sent(&federated(&site.server.other_url("/team.json"), &json!({})));
    assert_eq!(other, None);
    let headers = json!({ "headers": { "Authorization": "Bearer ${TEAM}" } });
    let own = sent(&federated(&site.server.other_url("/team.json"), &headers));
    assert_eq!(own.as_deref(), Some("Bearer value-of-TEAM"));
}

#[test]
fn a_federated_team_without_its_document_refuses() {
    let site = Site::new(&json!({}));
    let document = federated(&site.server.url("/nothing.json"), &json!({}));
    site.set(Reply::ok(document.to_string()));
    let bench = site.bench();
    let platform = Ask {
        team: Some("platform"),
        ..Ask::default()
    };
    let error = bench.load(platform).unwrap_err().to_string();
    assert!(error.contains("the document of team `platform`"), "{error}");
    // Nobody else is kept from working.
    bench.load(Ask::default()).unwrap();
}

#[test]
fn a_command_of_a_document_from_elsewhere_has_to_be_allowed() {
    let document = org(&json!({ "providers": { "script": { "api_key": "command:id" } } }));
    let site = Site::new(&document);
    let bench = site.bench();
    let user = ProviderSection::default();
    let governance = bench.load(after(0)).unwrap();
    let error = governance.provider_settings("script", &user).unwrap_err();
    assert!(
        matches!(error, GovernanceError::RemoteCommand { .. }),
        "{error}"
    );
    let team = json!({ "providers": { "script": { "api_key": "command:id" } } });
    let of_team = Site::new(&org(&json!({ "profiles": { "platform": team } })));
    let bench_of_team = of_team.bench();
    let asked = Ask {
        team: Some("platform"),
        ..after(0)
    };
    let governance = bench_of_team.load(asked).unwrap();
    let error = governance.provider_settings("script", &user).unwrap_err();
    assert!(
        matches!(error, GovernanceError::RemoteCommand { .. }),
        "{error}"
    );
    let allowed = Ask {
        commands: true,
        ..after(0)
    };
    let governance = bench.load(allowed).unwrap();
    let settings = governance.provider_settings("script", &user).unwrap();
    assert!(settings.api_key.is_some());
}
