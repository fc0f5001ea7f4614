//! The rules: their names, what each stops, why, and what to do instead.

use crate::verdict::{Group, RuleId};

/// What there is to know about a rule.
#[derive(Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// Its stable name.
    pub id: RuleId,
    /// Its group, which is what a policy switches.
    pub group: Group,
    /// The commands that it stops.
    pub stops: &'static str,
    /// What these commands destroy: the rest of a sentence that begins with the offending words.
    pub why: &'static str,
    /// What to do instead; commands in it stand in backticks and are allowed.
    pub alternative: Option<&'static str>,
}

/// Every rule, group by group.
#[must_use]
pub fn rules() -> &'static [RuleInfo] {
    RULES
}

/// The rule of this name.
#[must_use]
pub fn rule(id: &str) -> Option<&'static RuleInfo> {
    RULES.iter().find(|rule| rule.id.as_str() == id)
}

macro_rules! catalogue {
    ($($name:ident = $group:ident, $id:literal: $stops:literal, $why:literal, $alternative:expr;)*) => {
        $(pub(crate) static $name: &RuleInfo = &RULES[Index::$name as usize];)*

        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "named like the rules")]
        enum Index { $($name),* }

        static RULES: &[RuleInfo] = &[$(
            RuleInfo {
                id: RuleId::new($id),
                group: Group::$group,
                stops: $stops,
                why: $why,
                alternative: $alternative,
            }
        ),*];
    };
}

catalogue! {
    PUSH_FORCE = ForcePush, "git.push.force":
        "`git push --force`, `-f`, `+REFSPEC`, the same in `send-pack` and in configuration",
        "overwrites what is on the remote, and the commits that others pushed are lost",
        Some("`git push --force-with-lease` overwrites only what this repository has seen; `git push --force-with-lease --force-if-includes` only what the branch has taken in");
    PUSH_MIRROR = ForcePush, "git.push.mirror":
        "`git push --mirror`, `remote.*.mirror`",
        "makes the remote a copy of this repository, and what is only there is lost",
        Some("push what is meant: `git push origin HEAD`");
    PUSH_UNKNOWN = ForcePush, "git.push.unknown":
        "`git push` with a word that is not known and may be an option",
        "is not known before it runs, and may overwrite or delete what is on the remote",
        Some("write the words out: `git push origin HEAD`");
    PUSH_DELETE = RemoteDelete, "git.push.delete":
        "`git push --delete`, `-d`, `:BRANCH`",
        "deletes a branch or tag on the remote",
        Some("leave it to the user; `git ls-remote origin` shows what is there");
    PUSH_PRUNE = RemoteDelete, "git.push.prune":
        "`git push --prune`",
        "deletes every branch on the remote that is not here",
        Some("push what is meant: `git push origin HEAD`");
    RESET_HARD = ResetHard, "git.reset.hard":
        "`git reset --hard`",
        "discards all uncommitted changes",
        Some("`git stash` puts the changes aside, and `git reset --keep HEAD` moves the branch without touching them; `git merge --abort` ends a merge");
    RESET_MERGE = ResetHard, "git.reset.merge":
        "`git reset --merge` while something is staged",
        "discards the changes that are staged",
        Some("`git stash` puts the changes aside; `git merge --abort` ends a merge");
    RESET_UNKNOWN = ResetHard, "git.reset.unknown":
        "`git reset` with a word that is not known and may be an option",
        "is not known before it runs, and may discard uncommitted changes",
        Some("write the words out: `git reset --keep HEAD`");
    BRANCH_DELETE = BranchForceDelete, "git.branch.delete-force":
        "`git branch -D`, `-d --force`",
        "deletes a branch even if its commits are on no other",
        Some("`git branch -d NAME` deletes it if it is merged");
    BRANCH_OVERWRITE = BranchForceDelete, "git.branch.overwrite":
        "`git branch -f`, `-M`, `-C`, `git checkout -B`, `git switch -C` over a branch that exists",
        "replaces a branch that may have commits that are on no other",
        Some("take a new name: `git branch NAME`");
    BRANCH_UNKNOWN = BranchForceDelete, "git.branch.unknown":
        "`git branch` with a word that is not known and may be an option",
        "is not known before it runs, and may delete a branch with its commits",
        Some("write the words out: `git branch -d NAME`");
    CHECKOUT_FORCE = CheckoutRestore, "git.checkout.force":
        "`git checkout --force`",
        "discards all uncommitted changes",
        Some("`git stash` puts the changes aside, then `git checkout BRANCH`");
    CHECKOUT_PATHS = CheckoutRestore, "git.checkout.paths":
        "`git checkout -- FILE`, `git checkout .`, `git checkout COMMIT FILE`, `--patch`, `--ours`",
        "overwrites files, and their uncommitted changes are lost",
        Some("`git stash push -- FILE` puts the changes aside; `git show HEAD:FILE` prints the committed version, and in a conflict `git show :3:FILE` theirs");
    CHECKOUT_UNKNOWN = CheckoutRestore, "git.checkout.unknown":
        "`git checkout`, `switch` or `restore` with a word that is not known and may be an option",
        "is not known before it runs, and may discard uncommitted changes",
        Some("write the words out: `git switch BRANCH`");
    SWITCH_DISCARD = CheckoutRestore, "git.switch.discard":
        "`git switch --discard-changes`, `--force`",
        "discards all uncommitted changes",
        Some("`git stash` puts the changes aside, then `git switch BRANCH`");
    RESTORE_WORKTREE = CheckoutRestore, "git.restore.worktree":
        "`git restore FILE`, `--worktree`, `--patch`",
        "overwrites files, and their uncommitted changes are lost",
        Some("`git restore --staged FILE` only unstages; `git stash push -- FILE` puts the changes aside");
    REMOVE_FORCE = CheckoutRestore, "git.rm.force":
        "`git rm --force`",
        "deletes files also where their changes are not committed, and these are lost",
        Some("`git rm FILE` stops where changes would be lost; `git rm --cached FILE` keeps the file");
    CHECKOUT_INDEX = CheckoutRestore, "git.checkout-index.force":
        "`git checkout-index --force`",
        "overwrites files with what is staged, and their uncommitted changes are lost",
        Some("write them elsewhere: `git checkout-index --all --prefix=out/`");
    READ_TREE = CheckoutRestore, "git.read-tree.reset":
        "`git read-tree --reset -u`, `-m -u` of one tree while something is staged",
        "overwrites files with those of a tree, and their uncommitted changes are lost",
        Some("`git stash` puts the changes aside; `git read-tree HEAD` changes no file");
    CLEAN_FORCE = Clean, "git.clean.force":
        "`git clean --force`, or with `clean.requireForce=false`",
        "deletes untracked files, which no commit holds",
        Some("`git clean --dry-run` shows them; `git stash --include-untracked` puts them aside");
    CLEAN_INTERACTIVE = Clean, "git.clean.interactive":
        "`git clean --interactive`",
        "deletes untracked files, which no commit holds",
        Some("`git clean --dry-run` shows them; `git stash --include-untracked` puts them aside");
    CLEAN_UNKNOWN = Clean, "git.clean.unknown":
        "`git clean` with a word that is not known and may be an option",
        "is not known before it runs, and may delete untracked files",
        Some("write the words out: `git clean --dry-run`");
    STASH_DROP = StashDestructive, "git.stash.drop":
        "`git stash drop`",
        "deletes stashed work",
        Some("`git stash apply` uses it and keeps it; `git stash show` shows it");
    STASH_CLEAR = StashDestructive, "git.stash.clear":
        "`git stash clear`",
        "deletes all stashed work",
        Some("`git stash list` shows what is stashed; it may stay");
    STASH_UNKNOWN = StashDestructive, "git.stash.unknown":
        "`git stash` with a subcommand that is not known",
        "is not known before it runs, and may delete stashed work",
        Some("write the words out: `git stash push`");
    FILTER_BRANCH = HistoryRewrite, "git.filter-branch":
        "`git filter-branch`",
        "rewrites the whole history",
        Some("`git revert COMMIT` undoes a commit with a new one");
    FILTER_REPO = HistoryRewrite, "git.filter-repo":
        "`git filter-repo`",
        "rewrites the whole history",
        Some("`git filter-repo --analyze` only reports; `git revert COMMIT` undoes a commit with a new one");
    UPDATE_REF_DELETE = HistoryRewrite, "git.update-ref.delete":
        "`git update-ref -d` or with zeros as the new value, `git symbolic-ref --delete`",
        "deletes a reference without asking whether its commits are on any other",
        Some("`git branch -d NAME` deletes a branch if it is merged");
    UPDATE_REF_STDIN = HistoryRewrite, "git.update-ref.stdin":
        "`git update-ref --stdin`",
        "takes its instructions from elsewhere, and may delete any reference",
        Some("one branch at a time: `git branch NAME COMMIT`");
    UPDATE_REF_OVERWRITE = HistoryRewrite, "git.update-ref.overwrite":
        "`git update-ref` or `git symbolic-ref` over a branch or tag that exists",
        "replaces a branch or tag that may have commits that are on no other",
        Some("take a new name: `git branch NAME`");
    WORKTREE_REMOVE = HistoryRewrite, "git.worktree.remove-force":
        "`git worktree remove --force`",
        "deletes a work tree with its uncommitted changes",
        Some("`git worktree remove PATH` removes it if it is clean");
    SUBMODULE_DEINIT = HistoryRewrite, "git.submodule.deinit-force":
        "`git submodule deinit --force`",
        "deletes a submodule's work tree with its uncommitted changes",
        Some("`git submodule deinit PATH` removes it if it is clean");
    SUBMODULE_UPDATE = HistoryRewrite, "git.submodule.update-force":
        "`git submodule update --force`",
        "discards the uncommitted changes in submodules",
        Some("`git submodule update` stops where changes would be lost");
    TAG_DELETE = HistoryRewrite, "git.tag.delete":
        "`git tag --delete`",
        "deletes a tag, and with it perhaps the only name of its commits",
        Some("a tag may stay; `git tag NAME` makes another");
    TAG_FORCE = HistoryRewrite, "git.tag.force":
        "`git tag --force` over a tag that exists",
        "moves a tag, and with it perhaps the only name of its commits is lost",
        Some("take a new name: `git tag NAME`");
    FETCH_FORCE = HistoryRewrite, "git.fetch.force":
        "`git fetch +SRC:BRANCH`, `--force SRC:BRANCH`, `--force --tags`, the same with `pull`",
        "overwrites a branch or tag of this repository with that of the remote",
        Some("`git fetch origin` keeps the remote's branches apart from yours");
    FETCH_PRUNE = HistoryRewrite, "git.fetch.prune":
        "`git fetch --prune-tags`, `--prune` with a refspec for local branches or tags",
        "deletes branches or tags of this repository that the remote does not have",
        Some("`git fetch --prune` deletes only what stands for the remote's branches");
    FAST_IMPORT = HistoryRewrite, "git.fast-import.force":
        "`git fast-import --force`",
        "replaces branches even if their commits are lost",
        Some("`git fast-import` stops where commits would be lost");
    RM_GIT = HistoryRewrite, "shell.rm.git-dir":
        "`rm -rf .git`, `find .git -delete`, and the like for what is in it",
        "deletes the repository's history, or a part of it",
        Some("`git status` and `git fsck` tell what is wrong with a repository; `rm .git/index.lock` is allowed");
    HISTORY_UNKNOWN = HistoryRewrite, "git.history.unknown":
        "`git tag`, `worktree`, `submodule`, `update-ref` or `fetch` with a word that is not known and may be an option",
        "is not known before it runs, and may delete or overwrite branches, tags or work trees",
        Some("write the words out: `git tag NAME`");
    REFLOG_EXPIRE = ReflogGc, "git.reflog.expire":
        "`git reflog expire`",
        "deletes the record by which lost commits are found again",
        Some("`git reflog` shows it; it may stay");
    REFLOG_DELETE = ReflogGc, "git.reflog.delete":
        "`git reflog delete`, `git reflog drop`",
        "deletes the record by which lost commits are found again",
        Some("`git reflog` shows it; it may stay");
    GC_PRUNE = ReflogGc, "git.gc.prune":
        "`git gc --prune=now`, or with `gc.pruneExpire`, `gc.reflogExpire` of less than two weeks; the same in `repack` and `maintenance`",
        "deletes objects that recovery may need",
        Some("`git gc` keeps what is younger than two weeks");
    PRUNE = ReflogGc, "git.prune":
        "`git prune`",
        "deletes objects that recovery may need",
        Some("`git prune --dry-run` shows them; `git gc` keeps what is younger than two weeks");
    REFLOG_UNKNOWN = ReflogGc, "git.reflog.unknown":
        "`git reflog`, `gc`, `repack` or `maintenance` with a word that is not known and may be an option",
        "is not known before it runs, and may delete what recovery needs",
        Some("write the words out: `git gc`");
    NETWORK_CURL = NetworkTools, "network.curl":
        "`curl`", "reaches the network by itself",
        Some("use git and the package managers, which go through the sandbox's own way out; `curl --version` is allowed");
    NETWORK_WGET = NetworkTools, "network.wget":
        "`wget`", "reaches the network by itself",
        Some("use git and the package managers, which go through the sandbox's own way out; `wget --version` is allowed");
    NETWORK_SSH = NetworkTools, "network.ssh":
        "`ssh`, unless git started it for a remote",
        "reaches the network by itself",
        Some("`git fetch` and `git push` start ssh themselves; `ssh -V` is allowed");
    NETWORK_SCP = NetworkTools, "network.scp":
        "`scp`", "reaches the network by itself",
        Some("`cp` copies files within the sandbox; what is in the workspace is on the host already");
    NETWORK_SFTP = NetworkTools, "network.sftp":
        "`sftp`", "reaches the network by itself",
        Some("`cp` copies files within the sandbox; what is in the workspace is on the host already");
    NETWORK_RSYNC = NetworkTools, "network.rsync":
        "`rsync`, unless both ends are paths of this machine",
        "reaches the network by itself",
        Some("`rsync -a FROM/ TO/` between two folders is allowed");
    UNPARSABLE = Unjudged, "shell.unparsable":
        "a text that is no shell program that the engine can read",
        "cannot be read as a shell program",
        Some("write it simpler, one command at a time");
    TOO_LONG = Unjudged, "shell.too-long":
        "a text of more than 32 KiB",
        "is longer than 32 KiB",
        Some("put it into a file, and run the file");
    TOO_DEEP = Unjudged, "shell.too-deep":
        "a text whose parts are nested too deeply",
        "is nested too deeply to be judged",
        Some("write it simpler, one command at a time");
    TOO_COMPLEX = Unjudged, "shell.too-complex":
        "a text that takes too much work to follow",
        "takes too much work to follow",
        Some("write it simpler, one command at a time");
    UNKNOWN_COMMAND = Unjudged, "shell.unknown-command":
        "a command whose name is not known before it runs and may be one that is stopped",
        "is not known before it runs, and may be any command",
        Some("write the command's name out");
    UNKNOWN_SCRIPT = Unjudged, "shell.unknown-script":
        "`eval`, `sh -c` and the like with a text that is not known before it runs",
        "runs a text that is not known before it runs",
        Some("write the commands out, or put them into a file and run the file");
    UNKNOWN_SUBCOMMAND = Unjudged, "git.unknown-subcommand":
        "`git` with a subcommand that is not known before it runs",
        "is not known before it runs, and may be any subcommand",
        Some("write the subcommand out");
    ALIAS_TOO_DEEP = Unjudged, "git.alias-too-deep":
        "an alias that leads to itself, or through too many others",
        "is an alias that leads through too many others",
        Some("write out what the alias stands for");
    CONFIG_UNREADABLE = Unjudged, "git.config-unreadable":
        "a git command whose meaning depends on a configuration that cannot be read",
        "depends on git's configuration, which cannot be read",
        Some("`git config --list` says what is wrong with it");
    POLICY_UNUSABLE = Unjudged, "policy.unusable":
        "every command that the guard stands for, where the sandbox's policy, or git, cannot be asked",
        "cannot be judged in this sandbox",
        Some("on the host: `scc start --fresh`");
    RECORD_FULL = Unjudged, "record.full":
        "what is only warned about, once the session's record of refusals and warnings is full",
        "may run only when that is recorded, and the record of this session is full",
        Some("end this session, and start another on the host: `scc start`");
}

/// The rule by which a guard refuses what it cannot judge. The engine itself never finds it.
#[must_use]
pub fn policy_unusable() -> &'static RuleInfo {
    POLICY_UNUSABLE
}

/// The rule by which a guard refuses what is only warned about and cannot be recorded any more. The
/// engine itself never finds it.
#[must_use]
pub fn record_full() -> &'static RuleInfo {
    RECORD_FULL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for info in rules() {
            let found = rule(info.id.as_str()).unwrap();
            assert!(std::ptr::eq(found, info), "{} is there twice", info.id);
        }
    }

    #[test]
    fn every_group_has_a_rule() {
        for group in Group::ALL {
            assert!(rules().iter().any(|rule| rule.group == group), "{group:?}");
        }
    }
}
