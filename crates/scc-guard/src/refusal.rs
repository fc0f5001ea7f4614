//! What the agent is told, and the exit status that it gets.

use std::io::{self, Write as _};

use scc_safety::{Decision, RuleInfo, Verdict, command_line, policy_unusable, record_full};
use serde_json::{Value, json};

/// The exit status of a refused command: the shell's own for "found, and cannot be run".
pub(crate) const REFUSED: u8 = 126;
/// The exit status where the tool is allowed and not installed, as the shell has it.
pub(crate) const NOT_FOUND: u8 = 127;

/// The version of the JSON form.
const SCHEMA: u32 = 1;

/// How it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Sentences.
    Text,
    /// One JSON object on one line.
    Json,
}

impl Format {
    /// As the agent wants it. This variable changes nothing else.
    #[expect(
        clippy::disallowed_methods,
        reason = "the guard is a program, and has no other input"
    )]
    pub(crate) fn wanted() -> Self {
        match std::env::var_os("SCC_SAFETY_FORMAT") {
            Some(value) if value == "json" => Self::Json,
            _ => Self::Text,
        }
    }
}

/// A verdict that is not a plain allow.
pub(crate) fn verdict(verdict: &Verdict, format: Format) -> String {
    match format {
        Format::Json => {
            let object = json!({
                "schema": SCHEMA,
                "decision": verdict.decision,
                "findings": verdict.findings,
            });
            format!("{object}\n")
        }
        Format::Text => verdict.to_string(),
    }
}

/// What to do where the sandbox is not as it should be.
const FRESH: &str = "this sandbox is not as scc makes them; on the host: scc start --fresh";
/// What to do outside of sandboxes where nothing can be judged.
const REPAIR: &str = "ask the person whose machine it is to set it right, or to turn the \
                                 plugin `scc-safety-net` off";
/// What to do where git could not be asked about the command.
const AGAIN: &str = "use names that are text (UTF-8), and leave room for a process and its open files (`ulimit -a`)";

/// Why a command does not run that no rule about commands has found.
#[derive(Debug)]
pub(crate) struct Cause {
    pub(crate) rule: &'static RuleInfo,
    why: String,
    next: &'static str,
}

impl Cause {
    /// The sandbox is not as it should be.
    pub(crate) fn unusable(why: &str) -> Self {
        Self {
            rule: policy_unusable(),
            why: why.to_owned(),
            next: FRESH,
        }
    }

    /// There is no sandbox, and what stands outside of them is not as it should be.
    pub(crate) fn outside(why: &str) -> Self {
        Self {
            next: REPAIR,
            ..Self::unusable(why)
        }
    }

    /// Git could not be asked.
    pub(crate) fn unasked(why: &str) -> Self {
        Self {
            next: AGAIN,
            ..Self::unusable(why)
        }
    }

    /// What is only warned about does not run where that could not be recorded.
    pub(crate) fn unrecorded(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::StorageFull {
            let rule = record_full();
            return Self {
                rule,
                why: format!("it {}", rule.why),
                next: rule.alternative.unwrap_or_default(),
            };
        }
        Self::unusable(&format!(
            "it may run only when that is recorded, and it could not be: {error}"
        ))
    }
}

/// The command cannot be judged, and so it does not run.
pub(crate) fn unjudged(command: &[String], cause: &Cause, format: Format) -> String {
    let Cause { rule, why, next } = cause;
    let rule = &rule.id;
    match format {
        Format::Json => {
            let finding: Value = json!({
                "rule": rule,
                "group": "unjudged",
                "reason": why,
                "alternative": next,
                "span": { "start": 0, "end": 0 },
                "command": command,
            });
            let object =
                json!({ "schema": SCHEMA, "decision": Decision::Refuse, "findings": [finding] });
            format!("{object}\n")
        }
        Format::Text => {
            let shown = match command {
                [] => "the command".to_owned(),
                words => format!("`{}`", command_line(words)),
            };
            format!("scc refused {shown} ({rule})\n  why:     {why}\n  instead: {next}\n")
        }
    }
}

/// To standard error. That it cannot be written changes no verdict.
pub(crate) fn say(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use scc_safety::{Policy, Unknown, evaluate_argv};

    use super::*;

    fn forced() -> Verdict {
        let argv = ["git", "push", "--force", "a b\u{1b}"];
        evaluate_argv(&argv, &Unknown, &Policy::default())
    }

    #[test]
    fn a_refusal_names_the_rule_the_reason_and_the_alternative() {
        let text = verdict(&forced(), Format::Text);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[0],
            "scc refused `git push --force 'a b\\u{1b}'` (git.push.force)"
        );
        assert!(lines[1].starts_with("  why:     "), "{text}");
        assert!(lines[2].starts_with("  instead: "), "{text}");
    }

    #[test]
    fn a_full_record_is_told_as_one() {
        let said = |kind| {
            let cause = Cause::unrecorded(&io::Error::from(kind));
            unjudged(&["git".to_owned(), "gc".to_owned()], &cause, Format::Text)
        };
        let full = said(io::ErrorKind::StorageFull);
        assert!(full.starts_with("scc refused `git gc` (record.full)\n  why:     it may run only"));
        assert!(!full.contains("not as scc makes them"), "{full}");
        assert!(full.contains("`scc start`"), "{full}");
        let other = said(io::ErrorKind::TimedOut);
        assert!(other.contains("(policy.unusable)"), "{other}");
        assert!(other.contains("scc start --fresh"), "{other}");
    }

    #[test]
    fn as_json_it_is_one_line() {
        for text in [
            verdict(&forced(), Format::Json),
            unjudged(
                &["git".to_owned()],
                &Cause::unusable("no policy"),
                Format::Json,
            ),
        ] {
            assert_eq!(text.lines().count(), 1);
            let object: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(object["decision"], "refuse");
            let finding = &object["findings"][0];
            for key in ["rule", "group", "reason", "alternative", "command"] {
                assert!(finding.get(key).is_some(), "{key} in {object}");
            }
        }
    }
}
