//! Git commands: the options before the subcommand, aliases, the subcommand, and its rules.

mod age;
mod alias;
mod branch;
mod checkout;
mod clean;
mod config;
mod fetch;
mod globals;
mod history;
mod instead;
mod internal;
mod programs;
mod push;
mod recovery;
mod reset;
mod stash;

use crate::judge::Judge;
use crate::options::{Parsed, Table};
use crate::rules::{self, RuleInfo};
use crate::verdict::Group;
use crate::word::Word;
use config::Config;
use globals::Invocation;

pub(crate) use alias::split_words;

/// Judges a git command; `program` is `git`, or a dashed name, and stands first in `words`.
pub(crate) fn judge(judge: &mut Judge<'_>, program: &str, words: &[Word]) {
    let Some((first, rest)) = words.split_first() else {
        return;
    };
    // Each letter behind a dash may be an option; there may be any number of paths.
    let options = words.iter().map(|word| word.start());
    let options = options.filter(|start| start.starts_with('-'));
    let letters: usize = options.map(str::len).sum();
    if !judge.spend(WORK + letters, &first.span) {
        return;
    }
    match Invocation::read(judge, program, rest) {
        Ok(Some(invocation)) => {
            let call = Call {
                words,
                invocation: &invocation,
            };
            judge.deeper(&first.span, |judge| call.judge(judge));
        }
        Ok(None) => {}
        Err(unknown) => judge.find(rules::UNKNOWN_SUBCOMMAND, &[first, &unknown], words),
    }
}

/// Reading a command of git takes as long as looking at so many words.
const WORK: usize = 40;

/// A word that may be an option. What does not look like one is left to the judgement of the
/// command as it is executed, if there is one.
fn stray<'a>(
    judge: &Judge<'_>,
    parsed: &Parsed,
    words: &'a [Word],
    usual: usize,
) -> Option<&'a Word> {
    let word = words.get(parsed.stray(words, usual)?)?;
    (judge.or_worse(None) || word.start().starts_with('-')).then_some(word)
}

/// A git command with a known subcommand.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    /// The whole command, for people.
    words: &'a [Word],
    invocation: &'a Invocation,
}

impl Call<'_> {
    /// The words behind the subcommand.
    fn args(&self) -> &[Word] {
        &self.invocation.args
    }

    fn parse(&self, table: Table) -> Parsed {
        table.parse(self.args())
    }

    /// The operand of this number.
    fn operand(&self, parsed: &Parsed, number: usize) -> Option<&Word> {
        parsed
            .operands
            .get(number)
            .and_then(|index| self.args().get(*index))
    }

    /// The operands from this number on.
    fn operands<'b>(&'b self, parsed: &'b Parsed, from: usize) -> impl Iterator<Item = &'b Word> {
        let rest = parsed.operands.get(from..).unwrap_or_default();
        rest.iter().filter_map(|index| self.args().get(*index))
    }

    /// Records that the given options offend a rule, together with the subcommand.
    fn find(&self, judge: &mut Judge<'_>, rule: &RuleInfo, offending: &[&Word]) {
        let mut all = vec![&self.invocation.name];
        all.extend_from_slice(offending);
        judge.find(rule, &all, self.words);
    }

    /// Records that a setting offends a rule, together with the subcommand.
    fn find_setting(&self, judge: &mut Judge<'_>, rule: &RuleInfo, setting: &Word) {
        let mut word = Word::known("with ", setting.span.clone());
        word.push_word(setting);
        self.find(judge, rule, &[&word]);
    }

    /// Records that an option that is on, or may be, offends a rule. True if it is.
    fn find_option(
        &self,
        judge: &mut Judge<'_>,
        parsed: &Parsed,
        option: &str,
        rule: &RuleInfo,
    ) -> bool {
        let Some(given) = parsed.on(option) else {
            return false;
        };
        let word = self.args().get(given.index).cloned().unwrap_or_default();
        self.find(judge, rule, &[&word]);
        true
    }

    /// Records a word that may be an option, where there are usually this many operands.
    fn find_stray(&self, judge: &mut Judge<'_>, parsed: &Parsed, usual: usize, rule: &RuleInfo) {
        if let Some(word) = stray(judge, parsed, self.args(), usual) {
            self.find(judge, rule, &[word]);
        }
    }

    /// The configuration that git would see; `None`, and the command refused, if that cannot be
    /// known.
    fn config(&self, judge: &mut Judge<'_>) -> Option<Config> {
        match Config::effective(judge, self.invocation) {
            Ok(config) => Some(config),
            Err(_) => {
                self.find(judge, rules::CONFIG_UNREADABLE, &[]);
                None
            }
        }
    }

    /// A branch of this name is there, or may be.
    fn may_exist(&self, judge: &Judge<'_>, kind: &str, name: &Word) -> bool {
        let Some(name) = name.get() else {
            return judge.or_worse(None);
        };
        // Another name for a branch that is there: `@{-1}`, `@{upstream}`.
        if name.contains("@{") {
            return true;
        }
        let name = format!("refs/{kind}/{name}");
        judge.or_worse(judge.world.ref_exists(&self.invocation.globals, &name))
    }

    /// Something is staged, or may be.
    fn may_have_staged(&self, judge: &Judge<'_>) -> bool {
        let known = judge.world.has_staged_changes(&self.invocation.globals);
        judge.or_worse(known)
    }

    fn judge(self, judge: &mut Judge<'_>) {
        programs::judge(judge, &self);
        let before = judge.mark();
        let name = self.invocation.subcommand();
        if !self.dispatch(judge, name) {
            if alias::is_builtin(name) {
                programs::of_subcommand(judge, &self);
            } else {
                alias::judge(judge, &self);
                for finding in judge.findings_since(before) {
                    let alias = format!(" (by the alias `{name}`)");
                    if !finding.reason.ends_with(&alias) {
                        finding.reason.push_str(&alias);
                    }
                }
            }
        }
        if judge.found_since(before) && internal::is_gits_own(judge, self.invocation) {
            judge.forget(before, |_| true);
        }
        self.forget_discards(judge, before);
        instead::fit(judge, &self, before);
    }

    /// In a work tree that is disposable, uncommitted work may be discarded.
    fn forget_discards(&self, judge: &mut Judge<'_>, before: usize) {
        let folders = &judge.policy.disposable_worktrees;
        if folders.is_empty() || !judge.found_since(before) {
            return;
        }
        if judge.world.is_judged_again() {
            // Which work tree it is, is known then.
            return judge.forget(before, is_discard);
        }
        let Some(worktree) = judge.world.worktree(&self.invocation.globals) else {
            return;
        };
        let plain = worktree.starts_with('/') && !worktree.split('/').any(|part| part == "..");
        let below = |folder: &String| {
            let rest = worktree.strip_prefix(folder.trim_end_matches('/'));
            folder.starts_with('/')
                && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if plain && folders.iter().any(below) {
            judge.forget(before, is_discard);
        }
    }

    /// Judges a subcommand that has rules of its own. False if it has none.
    fn dispatch(&self, judge: &mut Judge<'_>, subcommand: &str) -> bool {
        let rule: fn(&mut Judge<'_>, &Call<'_>) = match subcommand {
            "push" => push::push,
            "send-pack" | "http-push" => push::send_pack,
            "reset" => reset::reset,
            "branch" => branch::branch,
            "tag" => branch::tag,
            "checkout" => checkout::checkout,
            "switch" => checkout::switch,
            "restore" => checkout::restore,
            "checkout-index" => checkout::checkout_index,
            "read-tree" => checkout::read_tree,
            "clean" => clean::clean,
            "stash" => stash::stash,
            "reflog" => recovery::reflog,
            "gc" => recovery::gc,
            "prune" => recovery::prune,
            "repack" => recovery::repack,
            "maintenance" => recovery::maintenance,
            "filter-branch" => history::filter_branch,
            "filter-repo" => history::filter_repo,
            "update-ref" => history::update_ref,
            "rm" => history::remove,
            "symbolic-ref" => history::symbolic_ref,
            "worktree" => history::worktree,
            "submodule" | "submodule--helper" => history::submodule,
            "fast-import" => history::fast_import,
            "fetch" => fetch::fetch,
            "pull" => fetch::pull,
            _ => return false,
        };
        rule(judge, self);
        true
    }
}

/// Groups of what discards uncommitted work.
fn is_discard(group: Group) -> bool {
    matches!(
        group,
        Group::ResetHard | Group::CheckoutRestore | Group::Clean
    )
}
