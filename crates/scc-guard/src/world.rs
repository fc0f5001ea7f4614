//! What the engine may ask, answered by the real git and by the kernel.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use scc_safety::{ConfigEntry, GitGlobals, GitState, Ongoing, World, WorldError};

use crate::lineage::{command_line, own_script, parent_of, program_of, words};
use crate::policy;
use crate::tools::{GIT, Kind};

/// The world of this process: its directory, its environment, the repository that it is in.
#[derive(Debug)]
pub(crate) struct Here {
    git: PathBuf,
    kind: Kind,
    is_first: bool,
    /// Why a question could not be put.
    unasked: OnceLock<String>,
}

impl Here {
    /// As a tool of this kind sees it; `is_first` where no other program ran in this process.
    pub(crate) fn new(kind: Kind, is_first: bool) -> Self {
        Self {
            git: GIT.real_path().into(),
            kind,
            is_first,
            unasked: OnceLock::new(),
        }
    }

    /// With the machine's own git.
    #[cfg(test)]
    pub(crate) fn on_host() -> Self {
        Self {
            git: "git".into(),
            ..Self::new(Kind::Git, true)
        }
    }

    /// Why the verdict is not to be trusted: something that it depends on could not be asked.
    pub(crate) fn unasked(&self) -> Option<&str> {
        self.unasked.get().map(String::as_str)
    }

    /// Whether a name can be asked about.
    fn is_text(&self, name: &str) -> bool {
        if is_near(name) {
            let why = "it depends on a name that is no text (UTF-8)";
            self.unasked.get_or_init(|| why.to_owned());
        }
        !is_near(name)
    }

    fn is_git(&self, process: i32) -> bool {
        program_of(process).is_some_and(|program| program == self.git)
    }

    /// git's own program for addresses of the web, which git started: it starts git in turn.
    fn is_remote_helper(&self, process: i32) -> bool {
        let is_one = program_of(process).is_some_and(|program| {
            program.file_name() == Some(REMOTE_HELPER.as_ref()) && policy::is_roots(&program)
        });
        is_one && parent_of(process).is_some_and(|above| self.is_git(above))
    }

    /// Asks the real git, as the judged command would run it.
    fn ask(&self, globals: &GitGlobals, words: &[&str]) -> io::Result<Output> {
        let answer = self.try_ask(globals, words);
        let killed = |output: &Output| output.status.code().is_none();
        let why = match &answer {
            Err(error) => format!("git cannot be asked: {error}"),
            Ok(output) if killed(output) => format!("git did not answer: {}", output.status),
            Ok(_) => return answer,
        };
        self.unasked.get_or_init(|| why);
        answer
    }

    fn try_ask(&self, globals: &GitGlobals, words: &[&str]) -> io::Result<Output> {
        Command::new(&self.git)
            .args(said_as_meant(globals)?)
            // A program that the repository names is not to run because of a question.
            .args(["-c", "core.fsmonitor=false", "--no-pager"])
            .args(words)
            // Only `git config` minds it, and would answer from another file.
            .env_remove("GIT_CONFIG")
            .stdin(Stdio::null())
            .output()
    }

    /// Where git would work; relative where it is told no other place.
    fn place(globals: &GitGlobals) -> PathBuf {
        let mut place = PathBuf::from(".");
        place.extend(&globals.directories);
        place
    }

    /// Whether a path is there, as git takes it: from its place in the work tree, or from the top
    /// where it is outside.
    fn find(&self, globals: &GitGlobals, path: &str) -> io::Result<bool> {
        let place = Self::place(globals);
        if exists(&place.join(path))? {
            return Ok(true);
        }
        let Some(top) = self.worktree(globals) else {
            return Ok(false);
        };
        let outside = !place.canonicalize()?.starts_with(&top);
        Ok(outside && exists(&Path::new(&top).join(path))?)
    }

    /// Its parent is git, and git was told how to run ssh: by a shell, whose process ssh takes over.
    fn has_ssh_command(&self, parent: i32) -> bool {
        let variables = fs::read(format!("/proc/{parent}/environ")).unwrap_or_default();
        let named = words(&variables)
            .iter()
            .any(|variable| SSH_VARIABLES.iter().any(|name| variable.starts_with(name)));
        let setting = ["config", "--get", "core.sshCommand"];
        named || self.holds(&GitGlobals::default(), &setting) == Some(true)
    }

    /// What git has left a file or folder for.
    fn ongoing(&self, globals: &GitGlobals) -> Option<Ongoing> {
        let words = ONGOING.iter().flat_map(|(name, _)| ["--git-path", *name]);
        let words: Vec<_> = std::iter::once("rev-parse").chain(words).collect();
        let output = self.ask(globals, &words).ok()?;
        let paths = String::from_utf8(output.stdout).ok()?;
        let there = |path: &str| exists(&Self::place(globals).join(path)).unwrap_or_default();
        let mut all = paths.lines().zip(ONGOING);
        all.find_map(|(path, (_, ongoing))| there(path).then_some(ongoing))
    }

    /// The answer of a command that says yes by 0, and no by 1.
    fn holds(&self, globals: &GitGlobals, words: &[&str]) -> Option<bool> {
        match self.ask(globals, words).ok()?.status.code() {
            Some(0) => Some(true),
            Some(1) => Some(false),
            _ => None,
        }
    }
}

/// What git leaves in a repository while something is going on; a rebase may contain a pick, and comes
/// first.
const ONGOING: [(&str, Ongoing); 6] = [
    ("rebase-apply/applying", Ongoing::Am),
    ("rebase-apply", Ongoing::Rebase),
    ("rebase-merge", Ongoing::Rebase),
    ("MERGE_HEAD", Ongoing::Merge),
    ("CHERRY_PICK_HEAD", Ongoing::CherryPick),
    ("REVERT_HEAD", Ongoing::Revert),
];

/// git's program for addresses of the web; it has links of other names.
const REMOTE_HELPER: &str = "git-remote-http";

/// What tells git how to run ssh.
const SSH_VARIABLES: [&str; 2] = ["GIT_SSH_COMMAND=", "GIT_SSH="];

/// The word is no text, and known only nearly.
fn is_near(word: &str) -> bool {
    word.contains(char::REPLACEMENT_CHARACTER)
}

fn exists(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(false),
            _ => Err(error),
        },
    }
}

/// The options before the subcommand. Words that are no text are known only nearly, and would ask
/// about another repository.
fn said_as_meant(globals: &GitGlobals) -> io::Result<&[String]> {
    match globals.args.iter().any(|word| is_near(word)) {
        true => Err(io::ErrorKind::InvalidInput.into()),
        false => Ok(&globals.args),
    }
}

impl World for Here {
    fn git_config(&self, globals: &GitGlobals) -> Result<Vec<ConfigEntry>, WorldError> {
        let output = self.ask(globals, &["config", "--list", "--null", "--includes"]);
        let output = output.map_err(|error| WorldError(format!("git: {error}")))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(WorldError(format!("git config: {}", said.trim_end())));
        }
        Ok(entries(&output.stdout))
    }

    fn is_git_revision(&self, globals: &GitGlobals, name: &str) -> Option<bool> {
        if !self.is_text(name) {
            return None;
        }
        let commit = format!("{name}^{{commit}}");
        let words = ["rev-parse", "--verify", "--quiet", "--end-of-options"];
        self.holds(globals, &[&words as &[&str], &[&commit]].concat())
    }

    fn ref_exists(&self, globals: &GitGlobals, name: &str) -> Option<bool> {
        if !self.is_text(name) {
            return None;
        }
        self.holds(globals, &["show-ref", "--verify", "--quiet", "--", name])
    }

    fn has_staged_changes(&self, globals: &GitGlobals) -> Option<bool> {
        let words = ["diff", "--cached", "--quiet", "--no-ext-diff"];
        self.holds(globals, &words).map(|none| !none)
    }

    fn path_exists(&self, globals: &GitGlobals, path: &str) -> Option<bool> {
        self.is_text(path).then(|| self.find(globals, path).ok())?
    }

    /// Where that cannot be found out, they are taken to be there.
    fn has_remote_files(&self, globals: &GitGlobals) -> Option<bool> {
        let output = self.ask(globals, &["rev-parse", "--git-path", "remotes"]);
        let Ok(output) = output else {
            return Some(true);
        };
        if !output.status.success() {
            // There is no repository.
            return Some(false);
        }
        let path = String::from_utf8_lossy(&output.stdout);
        let path = Self::place(globals).join(path.trim_end_matches('\n'));
        match fs::read_dir(path) {
            Ok(mut entries) => Some(entries.next().is_some()),
            Err(error) => Some(error.kind() != io::ErrorKind::NotFound),
        }
    }

    fn worktree(&self, globals: &GitGlobals) -> Option<String> {
        let output = self.ask(globals, &["rev-parse", "--show-toplevel"]).ok()?;
        let path = String::from_utf8(output.stdout).ok()?;
        let path = path.strip_suffix('\n')?;
        (output.status.success() && Path::new(path).is_absolute()).then(|| path.to_owned())
    }

    fn git_state(&self, globals: &GitGlobals) -> Option<GitState> {
        let output = self.ask(globals, &["ls-files", "--unmerged"]).ok()?;
        let head = ["rev-parse", "--verify", "--quiet", "HEAD"];
        if !output.status.success() {
            return None;
        }
        Some(GitState {
            has_commit: self.holds(globals, &head)?,
            has_conflicts: !output.stdout.is_empty(),
            ongoing: self.ongoing(globals),
        })
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the guard judges by the environment that the tool would get"
    )]
    fn env(&self, name: &str) -> Option<String> {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    }

    /// git starts itself directly or by a script of its own, and a network tool directly or by a
    /// shell (`sh -c`) where its configuration gives options for it. What a shell starts otherwise
    /// is not git's own doing. Nor is what a hook becomes (`exec git`): git is its parent too, but
    /// another program ran in its process before.
    fn git_parent(&self) -> Option<Vec<String>> {
        let parent = rustix::process::getppid()?.as_raw_nonzero().get();
        if self.is_git(parent) {
            let by_shell = || self.kind == Kind::Network && self.has_ssh_command(parent);
            let is_own = self.is_first || by_shell();
            return is_own.then(|| command_line(parent)).flatten();
        }
        if self.is_first && self.is_remote_helper(parent) {
            return command_line(parent);
        }
        if self.kind != Kind::Network {
            return self.is_first.then(|| own_script(parent)).flatten();
        }
        let is_text = command_line(parent)?
            .get(1)
            .is_some_and(|word| word == "-c");
        let above = parent_of(parent)?;
        (is_text && self.is_git(above))
            .then(|| command_line(above))
            .flatten()
    }
}

/// `key`, or `key`, a line end and the value; each ends with a null.
fn entries(output: &[u8]) -> Vec<ConfigEntry> {
    let entries = words(output).into_iter().filter(|entry| !entry.is_empty());
    entries
        .map(|entry| match entry.split_once('\n') {
            Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
            None => (entry, None),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository, and the world in it with the machine's own git.
    struct Repository {
        directory: tempfile::TempDir,
        world: Here,
    }

    impl Repository {
        fn new() -> Self {
            let repository = Self {
                directory: tempfile::tempdir().unwrap(),
                world: Here::on_host(),
            };
            repository.git(&["init", "--quiet", "--initial-branch=main"]);
            repository
        }

        fn git(&self, words: &[&str]) {
            let output = self.world.ask(&self.globals(), words).unwrap();
            assert!(output.status.success(), "{words:?}: {output:?}");
        }

        fn globals(&self) -> GitGlobals {
            let path = self.directory.path().to_str().unwrap().to_owned();
            GitGlobals {
                args: ["-C", &path, "-c", "user.name=n", "-c", "user.email=e"]
                    .map(str::to_owned)
                    .into(),
                directories: vec![path],
                ..GitGlobals::default()
            }
        }
    }

    #[test]
    fn the_real_git_answers() {
        let repository = Repository::new();
        let (world, globals) = (&repository.world, repository.globals());
        assert_eq!(world.has_staged_changes(&globals), Some(false));
        assert_eq!(world.is_git_revision(&globals, "main"), Some(false));
        std::fs::write(repository.directory.path().join("f"), "1").unwrap();
        repository.git(&["add", "f"]);
        assert_eq!(world.has_staged_changes(&globals), Some(true));
        repository.git(&["commit", "--quiet", "-m", "first"]);
        assert_eq!(world.has_staged_changes(&globals), Some(false));
        assert_eq!(world.is_git_revision(&globals, "main"), Some(true));
        assert_eq!(world.is_git_revision(&globals, "--all"), Some(false));
        assert_eq!(world.ref_exists(&globals, "refs/heads/main"), Some(true));
        assert_eq!(world.ref_exists(&globals, "refs/heads/x"), Some(false));
        assert_eq!(world.path_exists(&globals, "f"), Some(true));
        assert_eq!(world.path_exists(&globals, "g"), Some(false));
        let top = repository.directory.path().canonicalize().unwrap();
        assert_eq!(world.worktree(&globals).as_deref(), top.to_str());
    }

    #[test]
    fn files_are_looked_for_where_git_does() {
        let repository = Repository::new();
        let top = repository.directory.path().canonicalize().unwrap();
        std::fs::create_dir(top.join("sub")).unwrap();
        std::fs::write(top.join("file"), "").unwrap();
        let globals = |directory: &str, more: &[&str]| {
            let directory = top.join(directory).to_str().unwrap().to_owned();
            let args = ["-C", &directory].into_iter().chain(more.iter().copied());
            GitGlobals {
                args: args.map(str::to_owned).collect(),
                directories: vec![directory],
                ..GitGlobals::default()
            }
        };
        let found = |globals: &GitGlobals, path| repository.world.path_exists(globals, path);
        assert_eq!(found(&globals("", &[]), "file"), Some(true));
        assert_eq!(found(&globals("sub", &[]), "file"), Some(false));
        let (git, tree) = (format!("--git-dir={}/.git", top.display()), top.display());
        let named = [git, format!("--work-tree={tree}")];
        let elsewhere = globals("/", &[&named[0], &named[1]]);
        assert_eq!(found(&elsewhere, "file"), Some(true));
        assert_eq!(found(&elsewhere, "none"), Some(false));
        assert_eq!(found(&elsewhere, "file/x"), Some(false));
    }

    #[test]
    fn remotes_in_files_are_seen() {
        let repository = Repository::new();
        let (world, globals) = (&repository.world, repository.globals());
        assert_eq!(world.has_remote_files(&globals), Some(false));
        let directory = repository.directory.path().join(".git/remotes");
        std::fs::create_dir(&directory).unwrap();
        assert_eq!(world.has_remote_files(&globals), Some(false));
        std::fs::write(directory.join("origin"), "").unwrap();
        assert_eq!(world.has_remote_files(&globals), Some(true));
        let nowhere = tempfile::tempdir().unwrap();
        let path = nowhere.path().to_str().unwrap().to_owned();
        let outside = GitGlobals {
            args: vec!["-C".to_owned(), path],
            ..GitGlobals::default()
        };
        assert_eq!(world.has_remote_files(&outside), Some(false));
        assert_eq!(world.unasked(), None);
    }

    #[test]
    fn a_question_that_cannot_be_put_is_noted() {
        let nothing = GitGlobals::default();
        let without = Here {
            git: "/nonexistent/git".into(),
            ..Here::new(Kind::Git, true)
        };
        assert_eq!(without.unasked(), None);
        assert_eq!(without.is_git_revision(&nothing, "main"), None);
        assert!(without.unasked().unwrap().contains("cannot be asked"));
        let here = Repository::new().world;
        assert_eq!(here.path_exists(&nothing, "f\u{fffd}"), None);
        assert!(here.unasked().unwrap().contains("no text"));
    }

    #[test]
    fn what_git_has_not_started_has_no_git_above() {
        assert_eq!(Here::new(Kind::Git, true).git_parent(), None);
    }

    #[test]
    fn configuration_comes_with_its_values_and_without() {
        let repository = Repository::new();
        let file = repository.directory.path().join(".git/config");
        let mut text = std::fs::read_to_string(&file).unwrap();
        text.push_str("[alias]\n\tx = !a \\n b\n[core]\n\tpager\n");
        std::fs::write(&file, text).unwrap();
        let config = repository.world.git_config(&repository.globals()).unwrap();
        assert!(config.contains(&("alias.x".to_owned(), Some("!a \n b".to_owned()))));
        assert!(config.contains(&("core.pager".to_owned(), None)));
        assert!(config.contains(&("user.name".to_owned(), Some("n".to_owned()))));
        std::fs::write(&file, "[broken").unwrap();
        assert!(repository.world.git_config(&repository.globals()).is_err());
    }
}
