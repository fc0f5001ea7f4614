//! What a verdict may depend on besides the command itself.

/// Answers about the world in which a command would run. The engine asks only when a verdict
/// depends on the answer: for `git status` only about a few variables of the environment.
///
/// Every method has an answer for "not known", which is also its default. An answer is trusted:
/// it must not come from a place that the judged program can write, other than the facts
/// themselves (the repository, the environment that the command would get).
pub trait World {
    /// Every configuration value that git would see with these global options, in git's order
    /// (a later one wins): `(key, value)`, the key as `git config --list` prints it, `None` for a
    /// key without a value. What comes from `-c`, `--config-env` and `GIT_CONFIG_*` may be left
    /// out; the engine adds it itself.
    ///
    /// # Errors
    /// When it cannot be found out. The command is then refused if its meaning depends on it.
    fn git_config(&self, globals: &GitGlobals) -> Result<Vec<ConfigEntry>, WorldError> {
        let _ = globals;
        Ok(Vec::new())
    }

    /// `name` names a commit (a branch, a tag, a hash, an expression).
    fn is_git_revision(&self, globals: &GitGlobals, name: &str) -> Option<bool> {
        let _ = (globals, name);
        None
    }

    /// A reference exists; `name` is complete (`refs/heads/main`).
    fn ref_exists(&self, globals: &GitGlobals, name: &str) -> Option<bool> {
        let _ = (globals, name);
        None
    }

    /// The branch that is checked out, like `main`.
    fn current_branch(&self, globals: &GitGlobals) -> Option<String> {
        let _ = globals;
        None
    }

    /// Something is staged that is not in `HEAD`.
    fn has_staged_changes(&self, globals: &GitGlobals) -> Option<bool> {
        let _ = globals;
        None
    }

    /// A file or folder exists; relative to the folder that git would work in (`-C`).
    fn path_exists(&self, globals: &GitGlobals, path: &str) -> Option<bool> {
        let _ = (globals, path);
        None
    }

    /// The repository has files that describe remotes beside its configuration
    /// (`.git/remotes/NAME`), with refspecs that may overwrite.
    fn has_remote_files(&self, globals: &GitGlobals) -> Option<bool> {
        let _ = globals;
        None
    }

    /// The absolute path of the top of the work tree that git would work in.
    fn worktree(&self, globals: &GitGlobals) -> Option<String> {
        let _ = globals;
        None
    }

    /// What the repository is in the middle of. No verdict depends on it, only what is suggested
    /// instead of a refused command.
    fn git_state(&self, globals: &GitGlobals) -> Option<GitState> {
        let _ = globals;
        None
    }

    /// A variable of the environment that the command would get.
    fn env(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }

    /// The command is judged once more when it is executed: by its words as they are then, and with
    /// a world that is known. What depends on facts of the repository that are not known here, or
    /// on words of git's that are not, is left to that judgement. What is destructive whatever the
    /// facts are is found all the same.
    ///
    /// Say so only where nothing can take that other judgement away.
    fn is_judged_again(&self) -> bool {
        false
    }

    /// The arguments, the program's name first, of the git process that started this command
    /// itself, without a shell between them; `None` when anything else started it. A script of
    /// git's own counts as git: `git-merge-one-file` is `["git", "merge-one-file"]`.
    ///
    /// Git starts itself and `ssh`: `git stash` runs `git reset --hard`, `git gc` runs `git
    /// prune`. That git was judged when it was started, so that what it is known to do is allowed.
    fn git_parent(&self) -> Option<Vec<String>> {
        None
    }
}

/// Nothing is known of the world: for a check on the host, and for hooks that judge a text.
/// A repository is taken to have no configuration of its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unknown;

impl World for Unknown {}

/// A configuration value: its key, and its value if it has one.
pub type ConfigEntry = (String, Option<String>);

/// Why something could not be found out.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct WorldError(pub String);

/// The state of a repository, as far as it decides which commands work there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GitState {
    /// There is a commit; a new repository has none.
    pub has_commit: bool,
    /// Files are in conflict.
    pub has_conflicts: bool,
    /// What has begun and waits to be continued or ended.
    pub ongoing: Option<Ongoing>,
}

/// What git is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ongoing {
    /// `git merge`, `git pull`.
    Merge,
    /// `git rebase`.
    Rebase,
    /// `git cherry-pick`.
    CherryPick,
    /// `git revert`.
    Revert,
    /// `git am`.
    Am,
}

/// The options before git's subcommand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitGlobals {
    /// All of them, as given: what is to be put between `git` and another subcommand so that it
    /// sees the same repository and configuration.
    pub args: Vec<String>,
    /// The values of `-C`, in order; each is relative to the one before.
    pub directories: Vec<String>,
    /// The value of `--git-dir`.
    pub git_dir: Option<String>,
    /// The value of `--work-tree`.
    pub work_tree: Option<String>,
}
