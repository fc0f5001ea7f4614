//! As a hook of an agent: the agent is about to run a text by a shell, says so on standard input,
//! and takes status 2 with a reason on standard error for a refusal.

use std::io::{self, Read as _};

use scc_safety::{
    Decision, Policy, Unknown, Verdict, World, command_line, evaluate_argv, evaluate_shell,
};
use serde_json::Value;

use crate::policy;
use crate::record::{self, Surface};
use crate::refusal::{self, Format, UNUSABLE};
use crate::shim;

/// What agents take for a refusal. Every other status but 0 they take for a broken hook, and run
/// the command.
pub(crate) const REFUSED: u8 = 2;

/// A call carries the text of one command; what is larger is refused unread.
const LARGEST: u64 = 4 * 1024 * 1024;

/// In a sandbox the guard at git's place judges once more what the agent's text comes to, and knows
/// the repository.
struct BeforeGuard;

impl World for BeforeGuard {
    fn is_judged_again(&self) -> bool {
        true
    }
}

/// Where the agent is that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a sandbox of scc: its policy is there, and its collector.
    Sandbox,
    /// Anywhere else. Nobody collects records there.
    Outside,
}

impl Place {
    fn policy(self) -> Result<Policy, policy::Unusable> {
        match self {
            Self::Sandbox => policy::load(),
            Self::Outside => policy::load_outside(),
        }
    }

    /// What is known beside the call. In a sandbox a guard stands behind, since without the policy at
    /// its compiled-in place, of root and sealed, nothing is judged at all; anywhere else nothing
    /// judges once more.
    fn world(self) -> &'static dyn World {
        match self {
            Self::Sandbox => &BeforeGuard,
            Self::Outside => &Unknown,
        }
    }

    fn record(self, verdict: &Verdict) -> io::Result<()> {
        match self {
            Self::Sandbox => record::send(verdict, Surface::Hook),
            Self::Outside => Ok(()),
        }
    }

    fn record_unjudged(self, text: &str) {
        if self == Self::Sandbox {
            record::send_unjudged(UNUSABLE, text, Surface::Hook);
        }
    }

    /// What to do where nothing can be judged.
    fn next(self) -> &'static str {
        match self {
            Self::Sandbox => refusal::FRESH,
            Self::Outside => refusal::REPAIR,
        }
    }
}

/// The exit status. A refusal is never without a reason: one agent takes that for a broken hook.
pub(crate) fn run(place: Place) -> u8 {
    let call = read(io::stdin().lock());
    let text = call.as_ref().map(shown).unwrap_or_default();
    match call.and_then(|call| judge(&call, place)) {
        Ok(verdict) if verdict.decision == Decision::Allow => 0,
        Ok(verdict) => answer(&verdict, &text, place),
        Err(why) => refuse_unjudged(&why, &text, place),
    }
}

fn answer(verdict: &Verdict, text: &str, place: Place) -> u8 {
    let recorded = place.record(verdict);
    match (verdict.decision, recorded) {
        (Decision::Refuse, _) => {
            refusal::say(&refusal::verdict(verdict, Format::wanted()));
            REFUSED
        }
        (_, Err(error)) => refuse_unjudged(&shim::unrecorded(&error), text, place),
        (_, Ok(())) => {
            refusal::say(&refusal::verdict(verdict, Format::wanted()));
            0
        }
    }
}

/// `text` is what the agent was about to run, as far as that could be read.
fn refuse_unjudged(why: &str, text: &str, place: Place) -> u8 {
    refusal::say(&refusal::unusable(&[], why, place.next(), Format::wanted()));
    place.record_unjudged(text);
    REFUSED
}

fn judge(call: &Value, place: Place) -> Result<Verdict, String> {
    let policy = place.policy().map_err(|why| why.to_string())?;
    verdict(call, place.world(), &policy)
}

/// The command of a call, for people; empty where it names none.
fn shown(call: &Value) -> String {
    match call.pointer("/tool_input/command") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(words)) => {
            let words = words.iter().filter_map(Value::as_str).map(str::to_owned);
            command_line(&words.collect::<Vec<_>>())
        }
        _ => String::new(),
    }
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
/// go elsewhere first.
fn verdict(call: &Value, world: &dyn World, policy: &Policy) -> Result<Verdict, String> {
    let command = call.pointer("/tool_input/command");
    match command {
        Some(Value::String(text)) => Ok(evaluate_shell(text, world, policy)),
        Some(Value::Array(words)) => {
            let words: Option<Vec<_>> = words.iter().map(Value::as_str).collect();
            let words = words.ok_or("the hook's input has a command of other things than words")?;
            Ok(evaluate_argv(&words, world, policy))
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
        verdict(&read, &Unknown, &Policy::default()).map(|verdict| verdict.decision)
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
        assert_eq!(shown(&call(json!(["git", "log", "a b"]))), "git log 'a b'");
        assert_eq!(shown(&call(json!("git log"))), "git log");
        for command in [json!(null), json!(1), json!([1])] {
            assert!(decision(&call(command.clone())).is_err(), "{command}");
        }
    }

    /// Only where the guard judges once more are facts left to it.
    #[test]
    fn facts_are_left_to_the_guard_where_there_is_one() {
        let policy = Policy::default();
        for (text, before_guard) in [
            ("git init && git branch -M main", Decision::Allow),
            ("git checkout -B \"$(node -p x)\"", Decision::Allow),
            ("git push --force", Decision::Refuse),
            ("rm -rf .git", Decision::Refuse),
        ] {
            let call = json!({ "tool_input": { "command": text } });
            let decision = |world| verdict(&call, world, &policy).unwrap().decision;
            assert_eq!(decision(&BeforeGuard), before_guard, "{text}");
            assert_eq!(decision(&Unknown), Decision::Refuse, "{text}");
        }
        // Here is no sandbox, so nothing is judged for one.
        assert!(Place::Sandbox.policy().is_err());
        assert!(!Place::Outside.world().is_judged_again());
        assert!(Place::Sandbox.world().is_judged_again());
    }

    #[test]
    fn what_is_no_call_is_an_error() {
        for text in ["", "{", "[]", "{}", "null"] {
            let result =
                read(text.as_bytes()).and_then(|call| verdict(&call, &Unknown, &Policy::default()));
            assert!(result.is_err(), "{text}");
        }
        let large = vec![b' '; usize::try_from(LARGEST).unwrap() + 1];
        assert!(read(large.as_slice()).unwrap_err().contains("too large"));
    }
}
