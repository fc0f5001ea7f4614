//! No text makes the engine panic or take long, and every place that it names is in the text.
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use scc_safety::{Policy, Unknown, evaluate_shell};

/// The engine catches what the parser of shell texts panics with; anything else is a bug.
fn abort_on_own_panics() {
    let abort = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let parser = info
            .location()
            .is_some_and(|place| place.file().contains("brush-parser"));
        if !parser {
            abort(info);
        }
    }));
}

fuzz_target!(init: abort_on_own_panics(), |data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let policy = Policy::default();
    let start = Instant::now();
    let verdict = evaluate_shell(text, &Unknown, &policy);
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(verdict.is_refused(), !verdict.findings.is_empty());
    for finding in &verdict.findings {
        assert!(text.get(finding.span.clone()).is_some());
    }
});
