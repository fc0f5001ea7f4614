//! Where a document is: the forms that people write, and their one canonical text.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use crate::SourceError;
use crate::address::{checked_url, repository_url, split_host, syntax, unencrypted, without_query};
use crate::syntax::{check_name, check_path, check_reference, split_git, split_scp};

/// Where a document is.
///
/// `Display` and `Debug` leave out a query, which may hold a token; [`Source::to_text`] has it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Source(pub(crate) Place);

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    File(PathBuf),
    Https(Url),
    Git(GitPlace),
}

/// A file in a git repository.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct GitPlace {
    pub(crate) remote: Remote,
    /// A branch, a tag or a full commit id; `None` is the remote's own choice.
    pub(crate) reference: Option<String>,
    /// The path in the repository; `None` is the document's usual name at its root.
    pub(crate) path: Option<String>,
    /// The document's usual name, for a path that is missing or a folder.
    pub(crate) document: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Remote {
    Github {
        owner: String,
        repo: String,
    },
    /// Anything that git understands and [`Source`] lets pass.
    Address(String),
}

/// What kind of place a [`Source`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// A file of this machine.
    File,
    /// A document at an `https://` address.
    Https,
    /// A file in a git repository, on this machine or elsewhere.
    Git,
}

impl Source {
    /// Reads what a user wrote:
    ///
    /// - `PATH`, taken from `base` when it is relative,
    /// - `https://HOST/PATH`,
    /// - `github:OWNER/REPO[@REF][:PATH]`,
    /// - a git address: `git+https://…`, `https://….git`, `ssh://…`, `file://…` or
    ///   `USER@HOST:REPO`, each with `[@REF][:PATH]` behind it.
    ///
    /// # Errors
    /// [`SourceError::Syntax`] when it is none of these, is not encrypted, or holds a password.
    pub fn parse(text: &str, base: &Path) -> Result<Self, SourceError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(syntax(text, "a source is a path or an address", None));
        }
        if text.chars().any(char::is_control) {
            return Err(syntax(text, "it holds control characters", None));
        }
        if let Some(rest) = text.strip_prefix("github:") {
            return Self::parse_github(text, rest);
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return Self::parse_url(text, &scheme.to_ascii_lowercase());
        }
        if let Some((head, rest)) = split_scp(text) {
            let (repo, reference, path) = split_git(rest);
            return Self::at(&format!("{head}:{repo}"), reference, path, true);
        }
        if text.starts_with('~') {
            let hint = "write the path from `/` on";
            return Err(syntax(text, "`~` means nothing here", Some(hint)));
        }
        Ok(Self::file(base.join(text)))
    }

    /// A file of this machine.
    pub fn file(path: PathBuf) -> Self {
        Self(Place::File(path))
    }

    /// A document at an `https://` address.
    ///
    /// # Errors
    /// [`SourceError::Syntax`] when it is no such address, or holds a user name or password.
    pub fn https(address: &str) -> Result<Self, SourceError> {
        let mut url = checked_url(address)?;
        if url.scheme() != "https" {
            return Err(unencrypted(address, url.scheme()));
        }
        url.set_fragment(None);
        Ok(Self(Place::Https(url)))
    }

    /// A file in a repository on GitHub. No reference is the repository's default branch.
    ///
    /// # Errors
    /// [`SourceError::Syntax`] when a piece is not what it should be.
    pub fn github(
        owner: &str,
        repo: &str,
        reference: Option<&str>,
        path: Option<&str>,
    ) -> Result<Self, SourceError> {
        let repo = repo.strip_suffix(".git").unwrap_or(repo);
        let text = format!("github:{owner}/{repo}");
        check_name(owner).map_err(|why| syntax(&text, &why, None))?;
        check_name(repo).map_err(|why| syntax(&text, &why, None))?;
        let remote = Remote::Github {
            owner: owner.to_owned(),
            repo: repo.to_owned(),
        };
        Self::in_repository(&text, remote, reference, path)
    }

    /// A file in any git repository that is not on this machine: `https://`, `ssh://` or
    /// `USER@HOST:REPO`. No reference is the repository's own choice.
    ///
    /// # Errors
    /// [`SourceError::Syntax`] when a piece is not what it should be. An address on this machine
    /// is refused: a document from elsewhere may not name the files of its readers.
    pub fn git(
        address: &str,
        reference: Option<&str>,
        path: Option<&str>,
    ) -> Result<Self, SourceError> {
        let address = address.trim();
        let address = address.strip_prefix("git+").unwrap_or(address);
        Self::at(address, reference, path, false)
    }

    /// The same source, with the document's usual name for a git path that is missing or a folder.
    #[must_use]
    pub fn with_document(mut self, name: &str) -> Self {
        if let Place::Git(git) = &mut self.0 {
            git.document = Some(name.to_owned());
        }
        self
    }

    /// What kind of place it is.
    pub fn kind(&self) -> SourceKind {
        match self.0 {
            Place::File(_) => SourceKind::File,
            Place::Https(_) => SourceKind::Https,
            Place::Git(_) => SourceKind::Git,
        }
    }

    /// Whom a fetch asks: the host in lower case, with the port where it is not the usual one;
    /// `None` where it is on this machine. Two sources with the same one may share a credential.
    pub fn authority(&self) -> Option<String> {
        let address = match &self.0 {
            Place::File(_) => return None,
            Place::Https(url) => return authority(url),
            Place::Git(git) => match &git.remote {
                Remote::Github { .. } => return Some("github.com".to_owned()),
                Remote::Address(address) => address,
            },
        };
        if let Some((head, _)) = split_scp(address) {
            let host = head.rsplit('@').next().unwrap_or_default();
            return Some(host.to_ascii_lowercase());
        }
        authority(&Url::parse(address).ok()?)
    }

    /// Whether it is on this machine: a file, or a repository at a `file://` address.
    pub fn is_local(&self) -> bool {
        self.local_path().is_some()
    }

    /// Where on this machine it is: the file, or the repository.
    pub fn local_path(&self) -> Option<PathBuf> {
        match &self.0 {
            Place::File(path) => Some(path.clone()),
            Place::Https(_) => None,
            Place::Git(git) => match &git.remote {
                Remote::Address(address) => Url::parse(address).ok()?.to_file_path().ok(),
                Remote::Github { .. } => None,
            },
        }
    }

    /// The path, where it is a file of this machine.
    pub fn file_path(&self) -> Option<&Path> {
        match &self.0 {
            Place::File(path) => Some(path),
            Place::Https(_) | Place::Git(_) => None,
        }
    }

    /// The canonical text, for the user's settings; [`Source::parse`] reads it back. It has the
    /// query, which may hold a token: show the source itself instead.
    pub fn to_text(&self) -> String {
        match &self.0 {
            Place::Https(url) => url.to_string(),
            _ => self.to_string(),
        }
    }

    pub(crate) fn document(&self) -> Option<&str> {
        match &self.0 {
            Place::Git(git) => git.document.as_deref(),
            _ => None,
        }
    }

    fn parse_github(text: &str, rest: &str) -> Result<Self, SourceError> {
        let (repository, reference, path) = split_git(rest);
        let Some((owner, repo)) = repository.split_once('/') else {
            let hint = "write `github:OWNER/REPO`, with `@REF` and `:PATH` behind it";
            return Err(syntax(text, "the repository is missing", Some(hint)));
        };
        if let Some((repo, path)) = repo.split_once('/') {
            let hint = format!("write `github:{owner}/{repo}:{path}`");
            return Err(syntax(text, "a path comes after a colon", Some(&hint)));
        }
        Self::github(owner, repo, reference, path)
    }

    fn parse_url(text: &str, scheme: &str) -> Result<Self, SourceError> {
        let address = text.strip_prefix("git+").unwrap_or(text);
        let is_git = match scheme {
            "https" => text.ends_with(".git") || text.contains(".git@") || text.contains(".git:"),
            "git+https" | "git+ssh" | "git+file" | "ssh" | "file" => true,
            other => return Err(unencrypted(text, other)),
        };
        if !is_git {
            return Self::https(text);
        }
        let Some((host, rest)) = split_host(address) else {
            return Err(syntax(text, "the repository is missing", None));
        };
        let (repo, reference, path) = split_git(rest);
        Self::at(&format!("{host}{repo}"), reference, path, true)
    }

    fn at(
        address: &str,
        reference: Option<&str>,
        path: Option<&str>,
        local_allowed: bool,
    ) -> Result<Self, SourceError> {
        let address = match split_scp(address) {
            Some((_, repo)) if repo.split('/').any(|part| matches!(part, "." | "..")) => {
                return Err(syntax(address, "its path leads upwards", None));
            }
            Some(_) => address.to_owned(),
            None => repository_url(address, local_allowed)?,
        };
        let remote = Remote::Address(address.clone());
        Self::in_repository(&address, remote, reference, path)
    }

    fn in_repository(
        text: &str,
        remote: Remote,
        reference: Option<&str>,
        path: Option<&str>,
    ) -> Result<Self, SourceError> {
        let failed = |why: String| syntax(text, &why, None);
        let reference = reference.map(check_reference).transpose().map_err(failed)?;
        let path = path.map(check_path).transpose().map_err(failed)?;
        let source = Self(Place::Git(GitPlace {
            remote,
            reference,
            path: path.flatten(),
            document: None,
        }));
        source.is_unambiguous().then_some(source).ok_or_else(|| {
            let hint = "let the repository's name end in `.git`, and no other part of it";
            let why = "it cannot be told where the repository's name ends";
            syntax(text, why, Some(hint))
        })
    }

    /// Whether the text of a git source is split again into the pieces that it was made from.
    fn is_unambiguous(&self) -> bool {
        let text = self.to_string();
        let Place::Git(git) = &self.0 else {
            return true;
        };
        let (start, repo) = match &git.remote {
            Remote::Github { owner, repo } => ("github:", format!("{owner}/{repo}")),
            Remote::Address(address) => match split_scp(address).or_else(|| split_host(address)) {
                Some((start, repo)) => (start, repo.to_owned()),
                None => return false,
            },
        };
        let text = text.strip_prefix("git+").unwrap_or(&text);
        let rest = text.strip_prefix(start).unwrap_or_default();
        // The colon of `USER@HOST:REPO` belongs to neither.
        let rest = rest.strip_prefix(':').unwrap_or(rest);
        let pieces = (repo.as_str(), git.reference.as_deref(), git.path.as_deref());
        split_git(rest) == pieces
    }
}

fn authority(url: &Url) -> Option<String> {
    let host = url.host_str().filter(|host| !host.is_empty())?;
    let host = host.to_ascii_lowercase();
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host,
    })
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let git = match &self.0 {
            Place::File(path) => return write!(f, "{}", path.display()),
            Place::Https(url) => return f.write_str(&without_query(url)),
            Place::Git(git) => git,
        };
        match &git.remote {
            Remote::Github { owner, repo } => write!(f, "github:{owner}/{repo}")?,
            Remote::Address(address) => {
                if address.starts_with("https:") && !address.ends_with(".git") {
                    f.write_str("git+")?;
                }
                f.write_str(address)?;
            }
        }
        if let Some(reference) = &git.reference {
            write!(f, "@{reference}")?;
        }
        match &git.path {
            Some(path) => write!(f, ":{path}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({self})")
    }
}
