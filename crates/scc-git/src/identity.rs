//! Who commits: `user.name` and `user.email`.

use std::path::{Path, PathBuf};

use gix::config::file::{Metadata, includes, init};
use gix::config::{File, Source};
use gix::refs::FullName;

use crate::{GitError, RepositoryFacts, discover, read};

/// The name and address that git would put into a commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// `user.name`; `None` when not set or empty.
    pub name: Option<String>,
    /// `user.email`; `None` when not set or empty.
    pub email: Option<String>,
}

/// Reads the identity from these global configuration files, later ones winning (missing ones are
/// ignored), and then from the repository that `repository` is in, which wins over them.
///
/// In the global files `[include]` and `[includeIf]` are followed as git does; `~/` means the
/// directory of the file named `.gitconfig` among them, and is skipped when there is none. In the
/// repository's own file, which an agent can write, they are not followed.
///
/// # Errors
/// When a file cannot be read or is not valid, and as for [`discover`].
pub fn identity(files: &[PathBuf], repository: Option<&Path>) -> Result<Identity, GitError> {
    let facts = repository.map(discover).transpose()?.flatten();
    let mut identity = Identity::default();
    for file in files {
        if let Some(config) = global(file, home(files), facts.as_ref())? {
            identity.take(&config);
        }
    }
    if let Some(facts) = facts {
        for config in local(&facts)? {
            identity.take(&config);
        }
    }
    Ok(identity)
}

impl Identity {
    fn take(&mut self, config: &File) {
        let value = |key: &str| config.string(key).map(|value| value.to_string());
        let set = |text: String| Some(text).filter(|text| !text.trim().is_empty());
        if let Some(name) = value("user.name") {
            self.name = set(name);
        }
        if let Some(email) = value("user.email") {
            self.email = set(email);
        }
    }
}

fn home(files: &[PathBuf]) -> Option<&Path> {
    files
        .iter()
        .find(|file| file.ends_with(".gitconfig"))
        .and_then(|file| file.parent())
}

fn global(
    file: &Path,
    home: Option<&Path>,
    facts: Option<&RepositoryFacts>,
) -> Result<Option<File>, GitError> {
    let branch = facts.and_then(|facts| facts.branch.as_ref());
    let branch = branch.and_then(|branch| FullName::try_from(format!("refs/heads/{branch}")).ok());
    let mut includes = includes::Options::follow_without_conditional(home);
    includes.conditional.git_dir = facts.map(|facts| facts.git_dir.as_path());
    includes.conditional.branch_name = branch.as_ref().map(|branch| branch.as_ref());
    parse(
        file,
        Source::User,
        init::Options {
            includes,
            ..init::Options::default()
        },
    )
}

/// Whether git reads a `config.worktree` of each work tree of the repository with this shared
/// directory. A configuration that cannot be read counts as saying so.
pub fn has_worktree_config(common_dir: &Path) -> bool {
    let options = init::Options {
        includes: includes::Options::no_follow(),
        ..init::Options::default()
    };
    match parse(&common_dir.join("config"), Source::Local, options) {
        Ok(config) => config.as_ref().is_some_and(is_worktree_config),
        Err(_) => true,
    }
}

fn is_worktree_config(shared: &File) -> bool {
    shared.boolean("extensions.worktreeConfig").ok().flatten() == Some(true)
}

/// The repository's own configuration: shared, then that of this work tree where git reads it.
pub(crate) fn local(facts: &RepositoryFacts) -> Result<Vec<File>, GitError> {
    let options = init::Options {
        includes: includes::Options::no_follow(),
        ..init::Options::default()
    };
    let Some(shared) = parse(&facts.common_dir.join("config"), Source::Local, options)? else {
        return Ok(Vec::new());
    };
    let separate = is_worktree_config(&shared);
    let mut configs = vec![shared];
    if separate {
        configs.extend(parse(
            &facts.git_dir.join("config.worktree"),
            Source::Worktree,
            options,
        )?);
    }
    Ok(configs)
}

fn parse(
    file: &Path,
    source: Source,
    options: init::Options<'_>,
) -> Result<Option<File>, GitError> {
    let Some(mut bytes) = read::small_file(file)? else {
        return Ok(None);
    };
    let metadata = Metadata {
        path: Some(file.to_owned()),
        ..Metadata::from(source)
    };
    match File::from_bytes_owned(&mut bytes, metadata, options) {
        Ok(config) => Ok(Some(config)),
        Err(error) => Err(GitError::Config {
            path: file.to_owned(),
            source: Box::new(error),
        }),
    }
}
