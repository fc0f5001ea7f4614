//! Says what is wrong with a document: `validate org|team|project|user FILE`.

use std::path::Path;
use std::process::ExitCode;

use scc_config::DocumentKind;

#[expect(clippy::print_stderr, reason = "an example shows its findings")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (kind, file) = match arguments.as_slice() {
        [kind, file] if kind == "org" => (DocumentKind::Org, file),
        [kind, file] if kind == "team" => (DocumentKind::Team, file),
        [kind, file] if kind == "project" => (DocumentKind::Project, file),
        [kind, file] if kind == "user" => (DocumentKind::User, file),
        _ => {
            eprintln!("usage: validate org|team|project|user FILE");
            return ExitCode::from(2);
        }
    };
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("{file}: {error}");
            return ExitCode::FAILURE;
        }
    };
    let findings = kind.check(&text, Path::new(file));
    for finding in &findings {
        eprintln!("{finding}");
        for line in finding.snippet().iter().flat_map(|text| text.lines()) {
            eprintln!("    {line}");
        }
        if let Some(suggestion) = finding.suggestion() {
            eprintln!("  hint: {suggestion}");
        }
    }
    ExitCode::from(u8::from(!findings.is_empty()))
}
