//! No text makes the engine panic or take long, and every place that it names is in the text.
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use scc_safety::{Policy, Unknown, evaluate_shell};

fuzz_target!(|data: &[u8]| {
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
