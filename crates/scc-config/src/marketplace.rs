//! Where plugins and the configuration of teams come from.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

use crate::rendering::is_commit_id;

/// A repository of plugins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "source", rename_all = "lowercase", deny_unknown_fields)]
pub enum Marketplace {
    /// A repository on GitHub.
    Github(GithubSource),
    /// Any git repository.
    Git(GitSource),
    /// A file on the web.
    Url(UrlSource),
    /// A directory of this machine; never accepted in a document that comes from elsewhere.
    Directory(DirectorySource),
}

/// Where a federated team keeps its own configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "source", rename_all = "lowercase", deny_unknown_fields)]
pub enum ConfigSource {
    /// A repository on GitHub.
    Github(GithubSource),
    /// Any git repository.
    Git(GitSource),
    /// A file on the web.
    Url(UrlSource),
}

/// A repository on GitHub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct GithubSource {
    /// The user or organization.
    pub owner: String,
    /// The repository.
    pub repo: String,
    /// The branch.
    #[serde(default = "main_branch")]
    pub branch: String,
    /// The folder or file in the repository.
    #[serde(default)]
    pub path: String,
    /// Headers of the requests; `${VAR}` is taken from the host.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// Any git repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct GitSource {
    /// The address, `https://…` or `git@…`.
    pub url: String,
    /// The branch.
    #[serde(default = "main_branch")]
    pub branch: String,
    /// The folder or file in the repository.
    #[serde(default)]
    pub path: String,
}

/// A file on the web.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct UrlSource {
    /// The address, `https://…`.
    pub url: String,
    /// Headers of the request; `${VAR}` is taken from the host.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// How much of it is fetched.
    #[serde(default)]
    pub materialization_mode: MaterializationMode,
}

/// A directory of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct DirectorySource {
    /// The path, absolute or relative to the document.
    pub path: String,
}

/// How much of a marketplace on the web is fetched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MaterializationMode {
    /// Everything, so that nothing is fetched later.
    #[default]
    SelfContained,
    /// The catalog alone.
    MetadataOnly,
    /// Whatever can be had.
    BestEffort,
}

impl Marketplace {
    /// The word for the kind of source.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Github(_) => "github",
            Self::Git(_) => "git",
            Self::Url(_) => "url",
            Self::Directory(_) => "directory",
        }
    }

    /// Whether it names a commit, so that what is there cannot change.
    pub fn is_fixed(&self) -> bool {
        match self {
            Self::Github(source) => is_commit_id(&source.branch),
            Self::Git(source) => is_commit_id(&source.branch),
            Self::Url(_) | Self::Directory(_) => false,
        }
    }

    /// The place as host and path, for comparison with a trust pattern; `None` for a directory.
    pub fn location(&self) -> Option<String> {
        match self {
            Self::Github(source) => crate::normalized_source(&format!(
                "https://github.com/{}/{}",
                source.owner, source.repo
            )),
            Self::Git(source) => crate::normalized_source(&source.url),
            Self::Url(source) => crate::normalized_source(&source.url),
            Self::Directory(_) => None,
        }
    }
}

fn main_branch() -> String {
    "main".to_owned()
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Github,
    Git,
    Url,
    Directory,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RemoteKind {
    Github,
    Git,
    Url,
}

/// Every key of every kind. One closed structure instead of one a kind, so that an error still has
/// the place of the key or value that it is about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys<K> {
    source: K,
    owner: Option<Owner>,
    repo: Option<Repository>,
    url: Option<Address>,
    branch: Option<Branch>,
    path: Option<Path>,
    headers: Option<BTreeMap<String, String>>,
    materialization_mode: Option<MaterializationMode>,
}

macro_rules! part {
    ($name:ident, $good:expr, $message:literal) => {
        #[derive(Deserialize)]
        #[serde(try_from = "String")]
        struct $name(String);

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let good: fn(&str) -> bool = $good;
                match good(&text) {
                    true => Ok(Self(text)),
                    false => Err($message.to_owned()),
                }
            }
        }
    };
}

part!(
    Owner,
    |text| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        text.bytes().all(allowed)
            && !text.is_empty()
            && !text.starts_with('-')
            && !text.ends_with('-')
    },
    "not the name of a GitHub user or organization"
);
part!(
    Repository,
    |text| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        !text.is_empty() && text.bytes().all(allowed) && !matches!(text, "." | "..")
    },
    "not the name of a repository"
);
part!(
    Address,
    |text| {
        let strange = |c: char| c.is_whitespace() || c.is_control();
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("git@"));
        rest.is_some_and(|rest| !rest.is_empty()) && !text.contains(strange)
    },
    "the address must start with `https://` (or `git@` for git) and hold no blanks"
);
part!(
    Branch,
    |text| {
        let strange = |c: char| c.is_whitespace() || c.is_control() || "~^:?*[\\".contains(c);
        !text.is_empty()
            && !text.starts_with('-')
            && !text.contains(strange)
            && !text.contains("..")
    },
    "not the name of a branch"
);
part!(
    Path,
    |text| !text.contains(char::is_control),
    "a path must not hold control characters"
);

impl<K> Keys<K> {
    /// Refuses the keys that this kind of source does not have.
    fn only<E: Error>(&self, known: &'static [&'static str]) -> Result<(), E> {
        let given = [
            ("owner", self.owner.is_some()),
            ("repo", self.repo.is_some()),
            ("url", self.url.is_some()),
            ("branch", self.branch.is_some()),
            ("path", self.path.is_some()),
            ("headers", self.headers.is_some()),
            ("materialization_mode", self.materialization_mode.is_some()),
        ];
        let stranger = given
            .iter()
            .find(|(key, given)| *given && !known.contains(key));
        stranger.map_or(Ok(()), |(key, _)| Err(E::unknown_field(key, known)))
    }

    fn github<E: Error>(self, path: &str) -> Result<GithubSource, E> {
        self.only::<E>(&["source", "owner", "repo", "branch", "path", "headers"])?;
        Ok(GithubSource {
            owner: self.owner.ok_or_else(|| E::missing_field("owner"))?.0,
            repo: self.repo.ok_or_else(|| E::missing_field("repo"))?.0,
            branch: self.branch.map_or_else(main_branch, |branch| branch.0),
            path: self.path.map_or_else(|| path.to_owned(), |path| path.0),
            headers: self.headers.unwrap_or_default(),
        })
    }

    fn git<E: Error>(self, path: &str) -> Result<GitSource, E> {
        self.only::<E>(&["source", "url", "branch", "path"])?;
        Ok(GitSource {
            url: self.url.ok_or_else(|| E::missing_field("url"))?.0,
            branch: self.branch.map_or_else(main_branch, |branch| branch.0),
            path: self.path.map_or_else(|| path.to_owned(), |path| path.0),
        })
    }

    fn url<E: Error>(self) -> Result<UrlSource, E> {
        self.only::<E>(&["source", "url", "headers", "materialization_mode"])?;
        let url = self.url.ok_or_else(|| E::missing_field("url"))?.0;
        if !url.starts_with("https://") {
            return Err(E::custom("the address must start with `https://`"));
        }
        Ok(UrlSource {
            url,
            headers: self.headers.unwrap_or_default(),
            materialization_mode: self.materialization_mode.unwrap_or_default(),
        })
    }

    fn directory<E: Error>(self) -> Result<DirectorySource, E> {
        self.only::<E>(&["source", "path"])?;
        let path = self.path.ok_or_else(|| E::missing_field("path"))?.0;
        match path.is_empty() {
            true => Err(E::custom("a path must not be empty")),
            false => Ok(DirectorySource { path }),
        }
    }
}

impl<'de> Deserialize<'de> for Marketplace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let keys = Keys::<Kind>::deserialize(deserializer)?;
        Ok(match keys.source {
            Kind::Github => Self::Github(keys.github("/")?),
            Kind::Git => Self::Git(keys.git("/")?),
            Kind::Url => Self::Url(keys.url()?),
            Kind::Directory => Self::Directory(keys.directory()?),
        })
    }
}

impl<'de> Deserialize<'de> for ConfigSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let keys = Keys::<RemoteKind>::deserialize(deserializer)?;
        Ok(match keys.source {
            RemoteKind::Github => Self::Github(keys.github("")?),
            RemoteKind::Git => Self::Git(keys.git("")?),
            RemoteKind::Url => Self::Url(keys.url()?),
        })
    }
}
