//! Signing in, in a container with a terminal.

use scc_testkit::context::TestContext;
use scc_testkit::pty::Terminal;
use serde_json::json;

use crate::support::{LIMIT, SCC, context, scc};

fn login(context: &TestContext, provider: &str) -> Terminal {
    let mut login = context.command(SCC.as_ref());
    login
        .args(["provider", "login", provider])
        .current_dir(context.workspace());
    Terminal::start(&login, 30, 200)
}

/// A context whose agents have no keys. The agent's user is the same as in a launch, although the
/// tests may run as root.
fn without_keys() -> TestContext {
    let context = context();
    context.configure(&json!({ "provider": "script" }));
    context
}

fn sign_in_of(context: &TestContext, provider: &str) -> String {
    let shown = scc(context, &["provider", "show", "--json"]).ok().json();
    let all = shown["data"].as_array().unwrap().clone();
    let found = all.iter().find(|p| p["id"] == provider).unwrap();
    found["sign_in"].as_str().unwrap().to_owned()
}

#[test]
fn a_pasted_code_signs_in_and_a_launch_needs_it() {
    let context = without_keys();
    let refused = scc(&context, &["start", "--", "true"]);
    assert_eq!(refused.status, 5);
    assert!(
        refused.stderr.contains("scc provider login script"),
        "{}",
        refused.stderr
    );
    assert_eq!(sign_in_of(&context, "script"), "signed out");
    let mut terminal = login(&context, "script");
    terminal.wait_for_text("code:", LIMIT);
    terminal.send("signed in\r");
    terminal.wait_for_text("signed in to Scripted agent", LIMIT);
    assert_eq!(terminal.wait(LIMIT), 0);
    assert_eq!(sign_in_of(&context, "script"), "signed in");
    scc(&context, &["start", "--", "true"]).ok();
    scc(&context, &["doctor", "--provider", "script"]).ok();
}

#[test]
fn giving_up_leaves_nothing() {
    let context = without_keys();
    let mut terminal = login(&context, "script");
    terminal.wait_for_text("code:", LIMIT);
    terminal.send("\x03");
    terminal.wait_for_text("still signed out", LIMIT);
    assert_eq!(terminal.wait(LIMIT), 1);
    let left = context.engine().containers(context.namespace());
    let left: Vec<_> = left
        .iter()
        .filter(|c| c["Labels"]["dev.scc.role"] == "login")
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn without_a_terminal_it_says_what_to_do() {
    let context = TestContext::with_engine();
    context.configure(&json!({}));
    let refused = scc(&context, &["provider", "login", "script"]);
    assert_eq!(refused.status, 2);
    assert!(
        refused.stderr.contains("providers.script.api_key"),
        "{}",
        refused.stderr
    );
}

/// As far as it goes without an account: the agent prints its address and waits for the code.
#[test]
fn claude_code_waits_for_a_code() {
    let context = without_keys();
    let mut terminal = login(&context, "claude");
    terminal.wait_for_text("https://claude.ai/", crate::agents::IMAGE_LIMIT);
    terminal.send("\x03");
    terminal.wait_for_text("still signed out", LIMIT);
}

/// The vendor cannot be asked for a code here, or gives one: either way it is the device flow.
#[test]
fn codex_asks_for_a_device_code() {
    let context = without_keys();
    let mut terminal = login(&context, "codex");
    terminal.wait_for_text("device", crate::agents::IMAGE_LIMIT);
    terminal.send("\x03");
    terminal.wait_for_text("still signed out", LIMIT);
}
