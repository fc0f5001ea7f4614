//! What this machine's package managers say of the hosts that they use.

use std::os::unix::fs::PermissionsExt;

use scc_testkit::context::Run;
use serde_json::json;

use crate::support::{Desk, org};

/// A desk whose sandboxes may reach what pip uses.
fn desk() -> Desk {
    let desk = Desk::new();
    let mut rules = org();
    rules["defaults"] = json!({
        "network_policy": "web-egress-enforced",
        "network": { "use_destination_sets": ["pip"] },
    });
    desk.org(&rules);
    desk
}

/// Puts a pip in front of the machine's own, which does this for `install --dry-run`.
fn pip(desk: &Desk, install: &str) {
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n\
         'config list') echo \"global.index-url='https://index.example/simple'\" ;;\n\
         *--dry-run*) {install} ;;\nesac\n"
    );
    let directory = desk.context.path("bin");
    std::fs::create_dir_all(&directory).unwrap();
    for name in ["pip", "python3"] {
        let file = directory.join(name);
        std::fs::write(&file, &script).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
    }
}

fn explain(desk: &Desk) -> Run {
    let own = desk.context.path("bin");
    let path = format!("{}:/usr/bin:/bin", own.display());
    let args = ["network", "explain", "--provider", "script"];
    desk.run_with(&args, &[("PATH", &path)]).ok()
}

/// Without a network pip does not say where files are. It is asked again as soon as there is one.
#[test]
fn what_a_manager_has_said_in_part_is_not_kept() {
    let desk = desk();
    pip(&desk, "exit 1");
    let run = explain(&desk);
    assert!(run.stdout.contains("index.example"), "{run:?}");
    assert!(!run.stdout.contains("files.example"), "{run:?}");
    assert!(
        run.stderr.contains("pip does not say where its files are"),
        "{run:?}"
    );

    let report = r#"echo '{"install": [{"download_info": {"url": "https://files.example/a"}}]}'"#;
    pip(&desk, report);
    let run = explain(&desk);
    assert!(run.stdout.contains("files.example"), "{run:?}");
    assert!(!run.stderr.contains("where its files are"), "{run:?}");

    // That is kept.
    pip(&desk, "exit 1");
    let run = explain(&desk);
    assert!(run.stdout.contains("files.example"), "{run:?}");
}
