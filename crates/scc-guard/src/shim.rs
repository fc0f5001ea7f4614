//! In the place of a tool: judge, then become the real one.

use std::ffi::OsString;
use std::io;

use scc_safety::{Decision, command_line, evaluate_argv};

use crate::policy;
use crate::process::Invocation;
use crate::record::{self, Surface};
use crate::refusal::{self, Cause, Format, NOT_FOUND, REFUSED};
use crate::tools::{Kind, Tool};
use crate::world::Here;

/// Returns the exit status where the tool did not run.
pub(crate) fn run(tool: &Tool, invocation: &Invocation) -> u8 {
    let argv = judged(tool, &invocation.args);
    let policy = match policy::load() {
        Ok(policy) => policy,
        Err(why) => return refuse_unjudged(&argv, &why.to_string()),
    };
    let here = Here::new(tool.kind, invocation.is_first);
    let verdict = evaluate_argv(&argv, &here, &policy);
    if let Some(why) = here.unasked()
        && verdict.decision != Decision::Refuse
    {
        return refuse(&argv, &Cause::unasked(why));
    }
    if verdict.decision == Decision::Allow {
        return become_real(tool, invocation);
    }
    let recorded = record::send(&verdict, Surface::Guard);
    match (verdict.decision, recorded) {
        // Refused it is, also where that could not be recorded.
        (Decision::Refuse, _) => {
            refusal::say(&refusal::verdict(&verdict, Format::wanted()));
            REFUSED
        }
        (_, Err(error)) => refuse(&argv, &Cause::unrecorded(&error)),
        (_, Ok(())) => {
            refusal::say(&refusal::verdict(&verdict, Format::wanted()));
            become_real(tool, invocation)
        }
    }
}

pub(crate) fn refuse_unjudged(argv: &[OsString], why: &str) -> u8 {
    refuse(argv, &Cause::unusable(why))
}

fn refuse(argv: &[OsString], cause: &Cause) -> u8 {
    let words: Vec<_> = argv
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    refusal::say(&refusal::unjudged(&words, cause, Format::wanted()));
    record::send_unjudged(
        cause.rule.id.as_str(),
        &command_line(&words),
        Surface::Guard,
    );
    REFUSED
}

/// The command as the real tool would understand it. git goes by the name it is started with where
/// that begins with `git-`; every other name is one that the caller made up.
fn judged(tool: &Tool, args: &[OsString]) -> Vec<OsString> {
    let given = args.first().map(|name| name.to_string_lossy());
    let given = given.as_deref().unwrap_or_default();
    let given = given.rsplit('/').next().unwrap_or_default();
    let name = match tool.kind {
        Kind::Git if given.starts_with("git-") => given,
        Kind::Git | Kind::GitProgram | Kind::Network => tool.name,
    };
    let rest = args.iter().skip(1).cloned();
    std::iter::once(name.into()).chain(rest).collect()
}

fn become_real(tool: &Tool, invocation: &Invocation) -> u8 {
    let error = invocation.become_program(tool.real_path().as_ref());
    if error.kind() == io::ErrorKind::NotFound {
        refusal::say(&format!("{}: command not found\n", tool.name));
        return NOT_FOUND;
    }
    refusal::say(&format!("{}: cannot be started: {error}\n", tool.name));
    REFUSED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_name_is_judged_as_the_tool() {
        for (file, given, expected) in [
            ("git", "git", "git"),
            ("git", "/x/git", "git"),
            ("git", "cat", "git"),
            ("git", "git-push", "git-push"),
            ("git", "/usr/lib/git-core/git-push", "git-push"),
            ("git-add", "git-push", "git-push"),
            ("git-submodule", "git", "git-submodule"),
            ("curl", "git-push", "curl"),
        ] {
            let tool = Tool::named(file).unwrap();
            let argv = judged(tool, &[given.into(), "a".into()]);
            assert_eq!(argv, [expected, "a"], "{file} as {given}");
            assert_eq!(judged(tool, &[]).len(), 1);
        }
    }
}
