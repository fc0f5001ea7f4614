//! Judges commands before they run.

mod git;
mod judge;
mod options;
mod policy;
mod program;
mod rules;
mod shell;
mod verdict;
mod word;
mod world;

pub use policy::{Action, NetworkTool, Policy, PolicyError, SCHEMA, Switches};
pub use rules::{RuleInfo, rule, rules};
pub use verdict::{Decision, Finding, Group, RuleId, Verdict};
pub use world::{ConfigEntry, GitGlobals, Unknown, World, WorldError};

use judge::Judge;
use word::Word;

/// Judges a command as it would be executed: the program, by path or name, and its arguments.
/// Bytes that are no UTF-8 are taken for characters that no rule looks for.
pub fn evaluate_argv<S: AsRef<std::ffi::OsStr>>(
    argv: &[S],
    world: &dyn World,
    policy: &Policy,
) -> Verdict {
    let words: Vec<Word> = argv
        .iter()
        .enumerate()
        .map(|(at, word)| Word::known(word.as_ref().to_string_lossy(), at..at + 1))
        .collect();
    let mut judge = Judge::new(world, policy);
    if policy.action != Action::Allow {
        shell::run(&mut judge, &words, &shell::Input::Inherited, false);
    }
    judge.verdict()
}

/// Judges a text that a shell would run: every command in it, at any depth.
pub fn evaluate_shell(text: &str, world: &dyn World, policy: &Policy) -> Verdict {
    let mut judge = Judge::new(world, policy);
    if policy.action != Action::Allow {
        shell::judge(&mut judge, text);
    }
    judge.verdict()
}
