//! Judges commands before they run: destructive git commands, and programs that reach the network
//! by themselves.
//!
//! The crate is pure: it runs nothing, reads no file and no environment, and knows nothing of scc.
//! What it has to know of the world it asks a [`World`], and only where a verdict depends on it.
//!
//! ```
//! use scc_safety::{Policy, Unknown, evaluate_argv, evaluate_shell};
//!
//! let policy = Policy::default();
//!
//! let verdict = evaluate_argv(&["git", "push", "-uf", "origin", "main"], &Unknown, &policy);
//! assert!(verdict.is_refused());
//! assert_eq!(verdict.findings[0].rule.as_str(), "git.push.force");
//!
//! let text = r#"f=--hard; git commit -m "git push --force" && git reset $f"#;
//! let verdict = evaluate_shell(text, &Unknown, &policy);
//! assert_eq!(verdict.findings.len(), 1);
//! assert_eq!(verdict.findings[0].rule.as_str(), "git.reset.hard");
//! assert_eq!(&text[verdict.findings[0].span.clone()], "reset $f");
//! ```
//!
//! # Two surfaces
//!
//! - [`evaluate_argv`] judges a command as it is executed. Quotes, variables and interpreters do
//!   not matter there any more, so that this is the strong one: it belongs where commands are
//!   started.
//! - [`evaluate_shell`] judges a text before a shell sees it. Every command in it is found, at any
//!   depth: lists, pipes, loops, functions, substitutions, here-documents that are fed to a shell,
//!   `eval`, `sh -c`, `xargs`, `find -exec`, and wrappers like `env` and `timeout`. Constants are
//!   worked out: variables, `for` lists, defaults, braces, `$'…'`, `set --`, what `echo` prints,
//!   and files that the text itself writes.
//!
//! Both hand what they find to the same rules, which read a command's words the way git does:
//! abbreviated and bundled options, attached values, `--no-` forms, the last one of several, `--`,
//! options before the subcommand, aliases, and programs that git starts because its command line or
//! environment says so.
//!
//! # What is not known
//!
//! A word that cannot be worked out is judged by where it stands.
//!
//! - As a **command's name**, git's subcommand or the text of `eval` and `sh -c` it is refused,
//!   unless what is known of it says that it is none of the programs that are judged
//!   (`"$HOME/bin/tool"`), or it comes from a program that is there to print commands
//!   (`eval "$(ssh-agent)"`). A file that is run is not read: `sh script.sh` is allowed.
//! - As an **argument of a subcommand with rules** it is refused where it may be an option: it
//!   begins with a dash (`--$x`), is a list (`"$@"`), is named like one (`$FLAGS`, `$PUSH_ARGS`), is
//!   what any program prints, or is one word more than the subcommand has use for
//!   (`git push $a origin main`).
//! - **Elsewhere** it is allowed: `git push origin "$BRANCH"`, `git checkout $(git merge-base a b)`.
//! - What the [`World`] does not know is taken for the worse where something would be overwritten
//!   (`git branch -f NAME`), and for the usual where it would not (there are no aliases).
//! - Where the world says that git commands are judged once more when they are executed
//!   ([`World::is_judged_again`]), both are left to that: facts of the repository that are not
//!   known, and words of git's that do not look like options.
//!
//! A text that cannot be parsed, is longer than 32 KiB, nested too deeply or takes too much work is
//! refused.
//!
//! # What is out of reach
//!
//! - Programs in other languages (`python -c`, `perl -e`) are not read. What they start is judged as
//!   argv, where something stands at the place of the tools.
//! - A copy of git under another name, or a program that speaks its protocol: no check by name sees
//!   them.
//! - `$(case x in a) …)` without an opening bracket before the pattern, and `select`, are refused as
//!   unreadable, because the parser does not read them.
//!
//! # Bounds
//!
//! Time grows with the length of a text; a command of 100 characters takes some tens of
//! microseconds. Nothing panics: fuzzing looks for that. The parser of shell texts recurses, and in
//! a few shapes takes exponential time; such texts are parsed on a thread of their own, which is
//! given up after three seconds, and the text is refused.

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
pub use rules::{RuleInfo, policy_unusable, record_full, rule, rules};
pub use verdict::{Decision, Finding, Group, RuleId, Verdict, command_line};
pub use world::{ConfigEntry, GitGlobals, GitState, Ongoing, Unknown, World, WorldError};

use judge::Judge;
use word::Word;

/// Judges a command as it would be executed: the program, by path or name (`git`,
/// `/usr/lib/git-core/git-push`), and its arguments. Bytes that are no UTF-8 are taken for
/// characters that no rule looks for. Of a wrapper or a shell, what it would run is judged too.
///
/// The spans of findings are indices of `argv`.
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

/// Judges a text that a shell would run: every command in it, at any depth. All that is found is
/// in the verdict, in the order of the text.
///
/// The spans of findings are bytes of `text`.
pub fn evaluate_shell(text: &str, world: &dyn World, policy: &Policy) -> Verdict {
    let mut judge = Judge::new(world, policy);
    if policy.action != Action::Allow {
        shell::judge(&mut judge, text);
    }
    judge.verdict()
}
