//! No text makes a parser panic, take long, or accept as JSON what is none. The first byte chooses
//! the kind of document and the name of the file.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use scc_config::DocumentKind;

fuzz_target!(|data: &[u8]| {
    let Some((choice, text)) = data.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let kind = DocumentKind::ALL[usize::from(choice % 4)];
    let json = choice & 4 == 0;
    let file = Path::new(if json { "document.json" } else { "document.yaml" });
    let findings = kind.check(text, file);
    for finding in &findings {
        assert!(!finding.to_string().contains('\n'));
        if let (Some(line), Some(column)) = (finding.line(), finding.column()) {
            assert!(line >= 1 && column >= 1);
            assert!(line <= text.lines().count() as u64 + 1);
        }
    }
    let json_like = text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[']);
    if json && json_like && findings.iter().all(|finding| finding.rule().is_some()) {
        let text = text.trim_start_matches('\u{feff}');
        assert!(serde_json::from_str::<serde_json::Value>(text).is_ok());
    }
});
