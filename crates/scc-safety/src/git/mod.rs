//! Git commands: the options before the subcommand, the subcommand, and the rules of each.

mod globals;
mod push;

use crate::judge::Judge;
use crate::word::{Word, base_name};
use globals::Invocation;

/// The subcommand of a dashed name: `push` of `/usr/lib/git-core/git-push`.
fn dashed(program: &str) -> Option<&str> {
    base_name(program).strip_prefix("git-")
}

/// Judges a git command; the first word is `git`, or a dashed name.
pub(crate) fn judge(judge: &mut Judge<'_>, words: &[Word]) {
    let Some((program, rest)) = words.split_first() else {
        return;
    };
    let Some(invocation) = Invocation::read(dashed(program.start()), rest) else {
        return;
    };
    let call = Call {
        words,
        invocation: &invocation,
    };
    match invocation.subcommand.as_str() {
        "push" => push::push(judge, &call),
        "send-pack" => push::send_pack(judge, &call),
        _ => {}
    }
}

/// A git command with a known subcommand.
pub(crate) struct Call<'a> {
    words: &'a [Word],
    invocation: &'a Invocation,
}

impl Call<'_> {
    /// The words behind the subcommand.
    pub(crate) fn args(&self) -> &[Word] {
        &self.invocation.args
    }
}
