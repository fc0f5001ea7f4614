//! What plugins and servers become in the files that govern the agent. The engine's tests of
//! `scc-cli` let the real agent read them.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;

use scc_provider::conformance::sample_extensions;
use scc_provider::{AgentProvider as _, Conversation, Extensions, LaunchContext, ProviderSettings};
use scc_provider_claude::Claude;

/// The arguments, every file, and what is not delivered.
fn rendered(extensions: &Extensions) -> String {
    let context = LaunchContext {
        workspace: "/work/space",
        settings: &ProviderSettings::default(),
        args: &[],
        agent_is_root: false,
        conversation: Conversation::New("c"),
        command_hook: None,
        extensions,
    };
    let spec = Claude.launch(&context).unwrap();
    let mut text = spec.argv.join(" ");
    for directory in &spec.sealed {
        for (path, file) in &directory.files {
            let content = String::from_utf8_lossy(&file.content);
            let mode = if file.executable { "0755" } else { "0644" };
            let end = content.trim_end();
            write!(text, "\n\n== {}/{path} {mode}\n{end}", directory.path).unwrap();
        }
    }
    for left in &spec.undelivered {
        let (kind, name, reason) = (left.kind, &left.name, &left.reason);
        write!(text, "\n\n-- {kind:?} {name}: {reason}").unwrap();
    }
    text
}

#[test]
fn under_rules() {
    insta::assert_snapshot!("under_rules", rendered(&sample_extensions(true)));
}

#[test]
fn under_rules_without_extensions() {
    let nothing = Extensions {
        locked: true,
        ..Extensions::default()
    };
    insta::assert_snapshot!("nothing", rendered(&nothing));
}

#[test]
fn standalone() {
    insta::assert_snapshot!("standalone", rendered(&sample_extensions(false)));
}
