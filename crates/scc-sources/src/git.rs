//! Documents in git repositories, by the host's git: its credential helpers, proxies and keys
//! work as the user knows them, and nothing that comes from the repository is run or checked out.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use secrecy::{ExposeSecret, SecretString};

use crate::complaint::{complaint, refused};
use crate::loaded::{Fetched, Revision};
use crate::process::{self, Bounds, Failure, Output};
use crate::source::{GitPlace, Remote};
use crate::{AuthHeader, FetchOptions, SourceError, authorities};

/// Where the fetched commit is kept.
const FETCHED: &str = "refs/scc/document";
/// What git prints apart from documents.
const MAX_LISTING: u64 = 1 << 20;

/// One fetch: git in a new, empty repository.
pub(crate) struct Fetch<'a> {
    from: String,
    address: String,
    place: &'a GitPlace,
    options: &'a FetchOptions,
    repository: PathBuf,
    authorities: Option<PathBuf>,
    header: Option<SecretString>,
    deadline: Instant,
    /// What may be on the disk, in bytes.
    disk: Option<u64>,
}

/// Fetches the document into a new directory `dir`, or finds that the commit is still this one.
pub(crate) fn fetch(
    from: String,
    place: &GitPlace,
    commit: Option<&str>,
    auth: Option<&AuthHeader>,
    options: &FetchOptions,
    dir: &Path,
) -> Result<Fetched, SourceError> {
    let fetch = Fetch::new(from, place, auth, options, dir)?;
    let wanted = match place.reference.as_deref() {
        Some(id) if is_commit_id(id) => id.to_owned(),
        reference => {
            let (name, found) = fetch.look_up(reference)?;
            if commit.is_some_and(|commit| commit == found) {
                return Ok(Fetched::NotModified);
            }
            name
        }
    };
    let commit = fetch.fetch_commit(&wanted, "blob:none")?;
    let content = fetch.read(&commit)?;
    let revision = Some(Revision::Commit(commit));
    Ok(Fetched::New { content, revision })
}

fn address(remote: &Remote, github_base: &str) -> String {
    match remote {
        Remote::Github { owner, repo } => format!("{github_base}/{owner}/{repo}.git"),
        Remote::Address(address) => address.clone(),
    }
}

pub(crate) fn is_commit_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn write_authorities(
    from: &str,
    options: &FetchOptions,
    dir: &Path,
) -> Result<Option<PathBuf>, SourceError> {
    if options.extra_authorities.is_empty() {
        return Ok(None);
    }
    let bundle = authorities::bundle(&options.extra_authorities).map_err(|reason| {
        let from = from.to_owned();
        SourceError::Network { from, reason }
    })?;
    let file = dir.join("authorities.pem");
    scc_state::files::replace(&file, bundle.as_bytes())?;
    Ok(Some(file))
}

impl<'a> Fetch<'a> {
    /// Makes the repository in `dir`.
    pub(crate) fn new(
        from: String,
        place: &'a GitPlace,
        auth: Option<&AuthHeader>,
        options: &'a FetchOptions,
        dir: &Path,
    ) -> Result<Self, SourceError> {
        let fetch = Self {
            address: address(&place.remote, &options.github_base),
            authorities: write_authorities(&from, options, dir)?,
            repository: dir.join("repository"),
            header: auth.map(AuthHeader::for_git),
            deadline: Instant::now() + options.total_timeout,
            disk: None,
            from,
            place,
            options,
        };
        fetch.git(&["init", "--quiet", "--bare", "--template="], MAX_LISTING)?;
        Ok(fetch)
    }

    /// With so many bytes on the disk at most.
    pub(crate) fn within(mut self, bytes: u64) -> Self {
        self.disk = Some(bytes);
        self
    }

    /// The full name and the commit of a reference (`HEAD` when there is none) at the remote.
    pub(crate) fn look_up(&self, reference: Option<&str>) -> Result<(String, String), SourceError> {
        let names = match reference {
            None => vec!["HEAD".to_owned()],
            Some(name) if name.starts_with("refs/") => vec![name.to_owned()],
            Some(name) => vec![format!("refs/heads/{name}"), format!("refs/tags/{name}")],
        };
        let peeled: Vec<_> = names.iter().map(|name| format!("{name}^{{}}")).collect();
        let mut args = vec!["ls-remote", "--quiet", "origin"];
        args.extend(names.iter().chain(&peeled).map(String::as_str));
        let listing = self.git(&args, MAX_LISTING)?;
        let listing = String::from_utf8_lossy(&listing);
        let find = |wanted: &str| {
            let mut lines = listing.lines().filter_map(|line| line.split_once('\t'));
            let found = lines.find(|(_, name)| *name == wanted);
            found.map(|(id, _)| id.to_owned())
        };
        let found: Vec<_> = names
            .iter()
            .zip(&peeled)
            // The commit of an annotated tag is the peeled one.
            .filter_map(|(name, peeled)| Some((name.clone(), find(peeled).or_else(|| find(name))?)))
            .collect();
        let shown = reference.unwrap_or("HEAD");
        match found.as_slice() {
            [] => Err(self.missing(format!("there is no branch or tag `{shown}`"))),
            // Whoever may push a tag could stand in for a protected branch, and the other way
            // round.
            [(_, a), (_, b)] if a != b => Err(self.missing(format!(
                "`{shown}` is a branch and a tag, of two commits; write `refs/heads/{shown}` or \
                 `refs/tags/{shown}`"
            ))),
            [first, ..] => Ok(first.clone()),
        }
    }

    /// Fetches a commit by its id or by the name of a reference, without the blobs that the filter
    /// names; returns its id.
    pub(crate) fn fetch_commit(&self, wanted: &str, filter: &str) -> Result<String, SourceError> {
        let refspec = format!("+{wanted}:{FETCHED}");
        let filter = format!("--filter={filter}");
        let args = [
            "fetch",
            "--quiet",
            "--depth=1",
            &filter,
            "--no-tags",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
            "--end-of-options",
            "origin",
            &refspec,
        ];
        self.git(&args, MAX_LISTING)?;
        let commit = format!("{FETCHED}^{{commit}}");
        let id = self.git(&["rev-parse", "--verify", &commit], MAX_LISTING)?;
        Ok(String::from_utf8_lossy(&id).trim().to_owned())
    }

    fn read(&self, commit: &str) -> Result<Vec<u8>, SourceError> {
        let default = self.place.document.as_deref();
        let Some(path) = self.place.path.as_deref().or(default) else {
            let reason = "its path in the repository is not given".to_owned();
            return Err(self.missing(reason));
        };
        match (self.entry(commit, path)?, default) {
            (Entry::File(id), _) => self.blob(&id),
            (Entry::Folder, Some(name)) if self.place.path.is_some() => {
                let path = format!("{path}/{name}");
                match self.entry(commit, &path)? {
                    Entry::File(id) => self.blob(&id),
                    Entry::Folder => Err(self.missing(format!("`{path}` is a folder"))),
                }
            }
            (Entry::Folder, _) => Err(self.missing(format!("`{path}` is a folder"))),
        }
    }

    fn entry(&self, commit: &str, path: &str) -> Result<Entry, SourceError> {
        let args = ["ls-tree", "-z", "--full-tree", commit, "--", path];
        let listing = self.git(&args, MAX_LISTING)?;
        let listing = String::from_utf8_lossy(&listing);
        let line = listing.split('\0').find_map(|line| {
            let (head, name) = line.split_once('\t')?;
            (name == path).then_some(head)
        });
        let words: Vec<_> = line.unwrap_or_default().split(' ').collect();
        match words.as_slice() {
            ["100644" | "100755" | "100664", "blob", id] => Ok(Entry::File((*id).to_owned())),
            ["040000", ..] => Ok(Entry::Folder),
            // Its target would be a path of this machine or of a file nobody named.
            ["120000", ..] => Err(self.missing(format!("`{path}` is a symbolic link"))),
            ["160000", ..] => Err(self.missing(format!("`{path}` is a submodule"))),
            _ => Err(self.missing(format!("there is no `{path}`"))),
        }
    }

    fn blob(&self, id: &str) -> Result<Vec<u8>, SourceError> {
        let limit = self.options.max_bytes;
        let content = match self.run(&["cat-file", "blob", id], limit, Vec::new()) {
            Err(Failure::TooLarge) => {
                return Err(SourceError::Content {
                    from: self.from.clone(),
                    reason: format!("it is larger than {limit} bytes"),
                    hint: None,
                });
            }
            ran => self.succeeded(ran)?,
        };
        match content.trim_ascii().is_empty() {
            false => Ok(content),
            true => Err(SourceError::Content {
                from: self.from.clone(),
                reason: "it is empty".to_owned(),
                hint: None,
            }),
        }
    }

    pub(crate) fn missing(&self, reason: String) -> SourceError {
        let from = self.from.clone();
        SourceError::NotInRepository { from, reason }
    }

    pub(crate) fn git(&self, args: &[&str], max: u64) -> Result<Vec<u8>, SourceError> {
        self.succeeded(self.run(args, max, Vec::new()))
    }

    /// The same, with something to read.
    pub(crate) fn git_with(
        &self,
        args: &[&str],
        max: u64,
        input: Vec<u8>,
    ) -> Result<Vec<u8>, SourceError> {
        self.succeeded(self.run(args, max, input))
    }

    fn succeeded(&self, ran: Result<Output, Failure>) -> Result<Vec<u8>, SourceError> {
        let failed = |reason: String, refused| SourceError::Git {
            from: self.from.clone(),
            reason,
            refused,
        };
        match ran {
            Ok(output) if output.success => Ok(output.stdout),
            Ok(output) => Err(failed(complaint(&output.stderr), refused(&output.stderr))),
            Err(Failure::Timeout) => Err(failed("it did not answer in time".to_owned(), false)),
            Err(Failure::TooLarge) => Err(failed("its answer is too long".to_owned(), false)),
            Err(Failure::DiskFull) => {
                let most = self.disk.unwrap_or_default();
                Err(failed(format!("it is larger than {most} bytes"), false))
            }
            Err(Failure::Start(source)) => Err(SourceError::GitMissing {
                program: self.options.git.program.clone(),
                source,
            }),
        }
    }

    fn run(&self, args: &[&str], max: u64, input: Vec<u8>) -> Result<Output, Failure> {
        let mut command = Command::new(&self.options.git.program);
        command.env_clear().envs(self.environment());
        // A relative entry of PATH must not find a program in a workspace, where an agent can write.
        command.current_dir(self.repository.parent().unwrap_or(Path::new("/")));
        for setting in self.settings() {
            command.arg("-c").arg(setting);
        }
        command.args(args);
        let bounds = Bounds {
            deadline: self.deadline,
            max_stdout: max,
            input,
            disk: self.disk.map(|bytes| (self.repository.as_path(), bytes)),
        };
        process::run(command, bounds)
    }

    fn settings(&self) -> Vec<OsString> {
        let seconds = self.options.read_timeout.as_secs().max(1);
        let mut settings: Vec<OsString> = [
            "protocol.ext.allow=never",
            "core.hooksPath=/dev/null",
            "core.fsmonitor=false",
            "core.attributesFile=/dev/null",
            "fetch.recurseSubmodules=false",
            "gc.auto=0",
            "maintenance.auto=false",
            // A git whose scc was killed ends by itself.
            "http.lowSpeedLimit=1",
            // The document alone is fetched, where the server can do that.
            "remote.origin.promisor=true",
            "remote.origin.partialclonefilter=blob:none",
        ]
        .map(OsString::from)
        .into();
        settings.push(format!("http.lowSpeedTime={seconds}").into());
        settings.push(format!("remote.origin.url={}", self.address).into());
        if let Some(file) = &self.authorities {
            let mut setting = OsString::from("http.sslCAInfo=");
            setting.push(file);
            settings.push(setting);
        }
        if self.header.is_some() {
            // The header would go along to wherever the server points.
            settings.push("http.followRedirects=false".into());
        }
        settings
    }

    fn environment(&self) -> Vec<(OsString, OsString)> {
        let given = &self.options.git.environment;
        let protocols = match self.address.starts_with("file:") {
            true => "file",
            false => "https:ssh",
        };
        let mut all = given.clone();
        let mut set = |name: &str, value: OsString| all.push((name.into(), value));
        set("LC_ALL", "C".into());
        set("GIT_DIR", self.repository.clone().into());
        set("GIT_TERMINAL_PROMPT", "0".into());
        set("GCM_INTERACTIVE", "never".into());
        set("GIT_ALLOW_PROTOCOL", protocols.into());
        set("GIT_LITERAL_PATHSPECS", "1".into());
        set("GIT_NO_REPLACE_OBJECTS", "1".into());
        // ssh asks at the terminal, whoever its parent is, unless it has a program for it.
        if !given.iter().any(|(name, _)| name == "SSH_ASKPASS") {
            set("SSH_ASKPASS", "false".into());
            set("SSH_ASKPASS_REQUIRE", "force".into());
        }
        if let Some(header) = &self.header {
            // Not an argument: those are seen by everybody on the machine.
            let count = given.iter().find(|(name, _)| name == "GIT_CONFIG_COUNT");
            let count = count.and_then(|(_, value)| value.to_str()?.parse::<u32>().ok());
            let count = count.unwrap_or(0);
            let key = format!("http.{}.extraHeader", self.address);
            set(&format!("GIT_CONFIG_KEY_{count}"), key.into());
            let value = header.expose_secret().into();
            set(&format!("GIT_CONFIG_VALUE_{count}"), value);
            set("GIT_CONFIG_COUNT", (count + 1).to_string().into());
        }
        all
    }
}

enum Entry {
    File(String),
    Folder,
}
