//! How what is wrong with a document is shown.

use scc_config::ConfigError;
use schemars::JsonSchema;
use serde::Serialize;

/// One thing that is wrong with a document.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FindingReport {
    file: String,
    line: Option<u64>,
    column: Option<u64>,
    message: String,
    rule: Option<&'static str>,
    suggestion: Option<String>,
}

impl From<&ConfigError> for FindingReport {
    fn from(error: &ConfigError) -> Self {
        Self {
            file: error.file().display().to_string(),
            line: error.line(),
            column: error.column(),
            message: error.message().to_owned(),
            rule: error.rule(),
            suggestion: error.suggestion().map(str::to_owned),
        }
    }
}

/// The reports of several findings.
pub(crate) fn reports(findings: &[ConfigError]) -> Vec<FindingReport> {
    findings.iter().map(FindingReport::from).collect()
}

/// What is wrong, the line, and what was probably meant.
pub(crate) fn text(findings: &[ConfigError]) -> String {
    let mut lines = Vec::new();
    for finding in findings {
        lines.push(finding.to_string());
        let snippet = finding.snippet().unwrap_or_default();
        lines.extend(snippet.lines().map(|line| format!("    {line}")));
        lines.extend(finding.suggestion().map(|text| format!("  hint: {text}")));
    }
    lines.join("\n")
}

/// A count and its noun.
pub(crate) fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}
