//! No command makes the engine panic or take long, every place that it names exists, and what is
//! refused stays so behind a wrapper. The first line of the input is what git is configured to, as
//! `key=value` separated by tabs; each further line is a word.
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use scc_safety::{ConfigEntry, GitGlobals, Policy, World, WorldError, evaluate_argv};

struct Configured(Vec<ConfigEntry>);

impl World for Configured {
    fn git_config(&self, _: &GitGlobals) -> Result<Vec<ConfigEntry>, WorldError> {
        Ok(self.0.clone())
    }

    fn env(&self, name: &str) -> Option<String> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.and_then(|(_, value)| value.clone())
    }
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let config = lines.next().unwrap_or_default().split('\t').map(|entry| {
        let (key, value) = entry.split_once('=').unwrap_or((entry, ""));
        (key.to_owned(), Some(value.to_owned()))
    });
    let world = Configured(config.collect());
    let words: Vec<&str> = lines.collect();
    let policy = Policy::default();
    let start = Instant::now();
    let verdict = evaluate_argv(&words, &world, &policy);
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(verdict.is_refused(), !verdict.findings.is_empty());
    for finding in &verdict.findings {
        assert!(finding.span.start <= finding.span.end && finding.span.end <= words.len());
    }
    if verdict.is_refused() {
        let wrapped: Vec<&str> = ["timeout", "5"].into_iter().chain(words).collect();
        assert!(evaluate_argv(&wrapped, &world, &policy).is_refused());
    }
});
