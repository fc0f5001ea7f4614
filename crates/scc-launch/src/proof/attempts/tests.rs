use scc_policy::{Cause, Layer, Origin};
use scc_runtime::Surroundings;

use super::*;
use crate::proof::report::ClaimState;

fn list(hosts: &[&str]) -> Destinations {
    let hosts = hosts.iter().map(|host| Destination {
        host: host.parse().unwrap(),
        ports: std::collections::BTreeSet::new(),
        internal: false,
        cause: Cause::AllowedHost,
        origin: Origin {
            layer: Layer::Organization,
            file: None,
            line: None,
        },
    });
    Destinations {
        hosts: hosts.collect(),
        unresolved: Vec::new(),
    }
}

fn checks(list: Option<&Destinations>) -> Vec<Check> {
    let surroundings = Surroundings::default();
    let around = Around {
        surroundings: &surroundings,
        machine: &[],
    };
    all(list, &around, &[])
}

fn state(policy: NetworkPolicy, checks: &[Check], outcome: Outcome, id: ClaimId) -> ClaimState {
    let findings: Vec<_> = checks
        .iter()
        .map(|check| Finding {
            check: check.to_string(),
            outcome,
            detail: String::new(),
        })
        .collect();
    let claims = judge(policy, checks, &findings, "", Vec::new());
    claims.iter().find(|claim| claim.id == id).unwrap().state
}

#[test]
fn what_a_policy_does_not_claim_does_not_fail() {
    let enforced = checks(Some(&list(&["a.example"])));
    let none = checks(None);
    for (policy, checks, id, state_of_failure) in [
        (
            NetworkPolicy::Open,
            &none,
            ClaimId::NetworkDirect,
            ClaimState::NotApplicable,
        ),
        (
            NetworkPolicy::LockedDownWeb,
            &none,
            ClaimId::NetworkDirect,
            ClaimState::Failed,
        ),
        (
            NetworkPolicy::LockedDownWeb,
            &none,
            ClaimId::NetworkTls,
            ClaimState::NotApplicable,
        ),
        (
            NetworkPolicy::WebEgressEnforced,
            &enforced,
            ClaimId::NetworkTls,
            ClaimState::Failed,
        ),
        (
            NetworkPolicy::WebEgressEnforced,
            &enforced,
            ClaimId::NetworkList,
            ClaimState::Failed,
        ),
        (
            NetworkPolicy::Open,
            &none,
            ClaimId::Kernel,
            ClaimState::Failed,
        ),
    ] {
        let failed = state(policy, checks, Outcome::Failed, id);
        assert_eq!(failed, state_of_failure, "{policy:?} {id:?}");
    }
    let held = state(
        NetworkPolicy::WebEgressEnforced,
        &enforced,
        Outcome::Held,
        ClaimId::NetworkTls,
    );
    assert_eq!(held, ClaimState::Held);
}

/// By addresses that answer where there is a way to them, and by the address that one would need.
#[test]
fn a_way_out_by_ipv6_is_found() {
    let all = checks(None);
    let texts: Vec<_> = all.iter().map(Check::to_string).collect();
    let resolvers = [
        "unreachable:[2606:4700:4700::1111]:443",
        "unanswered:2620:fe::fe:example.com",
        "noipv6",
    ];
    for wanted in resolvers {
        assert!(texts.iter().any(|text| text == wanted), "{texts:?}");
        let findings: Vec<_> = texts
            .iter()
            .map(|text| Finding {
                check: text.clone(),
                outcome: match text == wanted {
                    true => Outcome::Failed,
                    false => Outcome::Held,
                },
                detail: String::new(),
            })
            .collect();
        let policy = NetworkPolicy::LockedDownWeb;
        let claims = judge(policy, &all, &findings, "", Vec::new());
        let failed = claims.iter().filter(|one| one.state == ClaimState::Failed);
        assert_eq!(failed.count(), 1, "{wanted}");
    }
    let no_example = |text: &&String| text.contains("unreachable:[2001:db8:");
    assert_eq!(texts.iter().find(no_example), None);
}

#[test]
fn what_was_not_made_has_failed() {
    let checks = checks(None);
    let claims = judge(
        NetworkPolicy::LockedDownWeb,
        &checks,
        &[],
        "no guard",
        Vec::new(),
    );
    let direct = claims
        .iter()
        .find(|one| one.id == ClaimId::NetworkDirect)
        .unwrap();
    assert_eq!(direct.state, ClaimState::Failed);
    assert!(direct.attempts[0].detail.contains("no guard"));
}

#[test]
fn tunnels_are_tried_where_the_list_has_wildcards_only() {
    let checks = checks(Some(&list(&["*.a.example"])));
    for wanted in ["cut:www.a.example:443:", "cut-plain:www.a.example:443"] {
        assert!(checks.iter().any(|check| check.to_string() == wanted));
    }
    let tls = ClaimId::NetworkTls;
    let found = state(
        NetworkPolicy::WebEgressEnforced,
        &checks,
        Outcome::Failed,
        tls,
    );
    assert_eq!(found, ClaimState::Failed);
}

#[test]
fn nothing_that_the_list_has_is_expected_to_be_refused() {
    let wide = list(&["a.example", "*.a.example", "*.b.example"]);
    let texts: Vec<_> = checks(Some(&wide)).iter().map(Check::to_string).collect();
    let has = |text: &str| texts.iter().any(|one| one == text);
    assert!(!has("denied:scc-probe.a.example:443") && !has("denied:a.example:443"));
    assert!(has("denied:b.example:443") && has("allowed:a.example:443"));
    let mut once = texts.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), texts.len());
}
