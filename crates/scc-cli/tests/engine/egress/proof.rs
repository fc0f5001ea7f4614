//! `scc prove` with the images of the real agents.

use serde_json::json;

use super::world::{Plan, World};
use crate::prove::{ALL_CLAIMS, states};

fn everything_holds(provider: &str, path: &str) {
    let world = World::new(&Plan {
        zone: &["allowed.test=@", "model.test=@"],
        names: &["allowed.test", "model.test"],
        settings: json!({
            "providers": { provider: {
                "base_url": format!("https://model.test{path}"),
                "api_key": "command:echo test-key",
            } },
        }),
        ..Plan::default()
    });
    let proof = world.scc(&["prove", "--provider", provider, "--json"]);
    let proof = proof.ok().json();
    let image = proof["data"]["image"].as_str().unwrap();
    assert!(image.contains(provider), "{image}");
    assert_eq!(proof["data"]["provider"], provider);
    assert_eq!(states(&proof, "held").len(), ALL_CLAIMS, "{proof:#}");
}

#[test]
fn everything_holds_for_claude_code() {
    everything_holds("claude", "");
}

#[test]
fn everything_holds_for_codex() {
    everything_holds("codex", "/v1");
}
