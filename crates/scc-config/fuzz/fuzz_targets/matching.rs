//! Patterns, references and addresses of any kind do not panic, and a set of patterns finds what
//! its patterns match one by one. Each line of the input is one text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scc_config::{BareName, Folded, HostPattern, Pattern, PatternSet, PluginPatterns, PluginRef};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut lines = text.lines();
    let Some(subject) = lines.next() else {
        return;
    };
    let patterns: Vec<Pattern> = lines
        .take(20)
        .filter_map(|line| Pattern::try_from(line.to_owned()).ok())
        .collect();
    let set = PatternSet::new(patterns.iter().map(Pattern::as_str));
    let alone = patterns.iter().any(|pattern| pattern.matches(subject));
    assert_eq!(set.find(&Folded::new(subject)).is_some(), alone);
    if let Ok(host) = subject.parse::<HostPattern>() {
        let again: HostPattern = host.to_string().parse().expect("a normal form is a host");
        assert_eq!(again, host);
        assert!(host.includes(&host));
    }
    if let Ok(plugin) = PluginRef::parse(subject, BareName::Of("own")) {
        let again = PluginRef::parse(&plugin.to_string(), BareName::Ambiguous(2));
        assert_eq!(again.as_ref(), Ok(&plugin));
        let whole = plugin.to_string();
        if !whole.contains(['*', '?', '[']) {
            assert!(PluginPatterns::new([whole.as_str()]).find(&plugin).is_some());
        }
    }
    if let Some(source) = scc_config::normalized_source(subject) {
        assert!(!source.contains("/../"));
    }
});
