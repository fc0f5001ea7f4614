//! As a hook of an agent: the agent is about to run a text by a shell, says so on standard input,
//! and takes status 2 with a reason on standard error for a refusal.

use std::io::{self, Read as _};

use scc_safety::{Decision, Policy, Unknown, Verdict, evaluate_argv, evaluate_shell};
use serde_json::Value;

use crate::policy;
use crate::record::{self, Surface};
use crate::refusal::{self, Cause, Format};

/// What agents take for a refusal. Every other status but 0 they take for a broken hook, and run
/// the command.
pub(crate) const REFUSED: u8 = 2;

/// A call carries the text of one command; what is larger is refused unread.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The exit status. A refusal is never without a reason: one agent takes that for a broken hook.
pub(crate) fn run() -> u8 {
    match judge(io::stdin().lock()) {
        Ok(verdict) if verdict.decision == Decision::Allow => 0,
        Ok(verdict) => answer(&verdict),
        Err(why) => refuse_unjudged(&Cause::unusable(&why)),
    }
}

fn answer(verdict: &Verdict) -> u8 {
    let recorded = record::send(verdict, Surface::Hook);
    match (verdict.decision, recorded) {
        (Decision::Refuse, _) => {
            refusal::say(&refusal::verdict(verdict, Format::wanted()));
            REFUSED
        }
        (_, Err(error)) => refuse_unjudged(&Cause::unrecorded(&error)),
        (_, Ok(())) => {
            refusal::say(&refusal::verdict(verdict, Format::wanted()));
            0
        }
    }
}

fn refuse_unjudged(cause: &Cause) -> u8 {
    refusal::say(&refusal::unjudged(&[], cause, Format::wanted()));
    record::send_unjudged(cause.rule.id.as_str(), "");
    REFUSED
}

fn judge(input: impl io::Read) -> Result<Verdict, String> {
    let policy = policy::load().map_err(|why| why.to_string())?;
    let call = read(input)?;
    verdict(&call, &policy)
}

fn read(input: impl io::Read) -> Result<Value, String> {
    let mut text = Vec::new();
    let read = input.take(LARGEST + 1).read_to_end(&mut text);
    read.map_err(|error| format!("the hook's input cannot be read: {error}"))?;
    if text.len() as u64 > LARGEST {
        return Err("the hook's input is too large".to_owned());
    }
    serde_json::from_slice(&text).map_err(|error| format!("the hook's input is no JSON: {error}"))
}

/// The command is a text, or the words of one. The repository that it runs in is not known: it may
/// go elsewhere first. The guard at git's place judges once more, and knows.
fn verdict(call: &Value, policy: &Policy) -> Result<Verdict, String> {
    let command = call.pointer("/tool_input/command");
    match command {
        Some(Value::String(text)) => Ok(evaluate_shell(text, &Unknown, policy)),
        Some(Value::Array(words)) => {
            let words: Option<Vec<_>> = words.iter().map(Value::as_str).collect();
            let words = words.ok_or("the hook's input has a command of other things than words")?;
            Ok(evaluate_argv(&words, &Unknown, policy))
        }
        _ => Err("the hook's input names no command".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decision(call: &Value) -> Result<Decision, String> {
        let read = read(call.to_string().as_bytes())?;
        verdict(&read, &Policy::default()).map(|verdict| verdict.decision)
    }

    #[test]
    fn a_call_is_judged_by_its_command() {
        let call =
            |command: Value| json!({ "tool_name": "Bash", "tool_input": { "command": command } });
        for (command, expected) in [
            (json!("git status"), Decision::Allow),
            (json!("git push --force"), Decision::Refuse),
            (json!(["git", "push", "--force"]), Decision::Refuse),
            (json!(["git", "push"]), Decision::Allow),
        ] {
            assert_eq!(decision(&call(command.clone())), Ok(expected), "{command}");
        }
        for command in [json!(null), json!(1), json!([1])] {
            assert!(decision(&call(command.clone())).is_err(), "{command}");
        }
    }

    #[test]
    fn what_is_no_call_is_an_error() {
        for text in ["", "{", "[]", "{}", "null"] {
            let result = read(text.as_bytes()).and_then(|call| verdict(&call, &Policy::default()));
            assert!(result.is_err(), "{text}");
        }
        let large = vec![b' '; usize::try_from(LARGEST).unwrap() + 1];
        assert!(read(large.as_slice()).unwrap_err().contains("too large"));
    }
}
