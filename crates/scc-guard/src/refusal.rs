//! What the agent is told, and the exit status that it gets.

use std::io::Write as _;

use scc_safety::{Decision, Verdict, command_line};
use serde_json::{Value, json};

/// The exit status of a refused command: the shell's own for "found, and cannot be run".
pub(crate) const REFUSED: u8 = 126;
/// The exit status where the tool is allowed and not installed, as the shell has it.
pub(crate) const NOT_FOUND: u8 = 127;

/// The version of the JSON form.
const SCHEMA: u32 = 1;

/// The rule of a refusal that no command can be judged.
pub(crate) const UNUSABLE: &str = "policy.unusable";

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
pub(crate) const FRESH: &str =
    "this sandbox is not as scc makes them; on the host: scc start --fresh";
/// What to do outside of sandboxes where nothing can be judged.
pub(crate) const REPAIR: &str = "ask the person whose machine it is to set it right, or to turn the \
                                 plugin `scc-safety-net` off";
/// What to do where git could not be asked about the command.
pub(crate) const AGAIN: &str = "use names that are text (UTF-8), and leave room for a process and its open files (`ulimit -a`)";

/// The command cannot be judged, and so it does not run.
pub(crate) fn unusable(command: &[String], why: &str, next: &str, format: Format) -> String {
    match format {
        Format::Json => {
            let finding: Value = json!({
                "rule": UNUSABLE,
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
        Format::Text => format!(
            "scc refused `{}` ({UNUSABLE})\n  why:     {why}\n  instead: {next}\n",
            command_line(command)
        ),
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
    fn as_json_it_is_one_line() {
        for text in [
            verdict(&forced(), Format::Json),
            unusable(&["git".to_owned()], "no policy", FRESH, Format::Json),
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
