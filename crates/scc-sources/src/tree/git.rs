//! A tree in a git repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::builder::Builder;
use super::{Tree, TreeLimits};
use crate::git::{Fetch, is_commit_id};
use crate::source::GitPlace;
use crate::{AuthHeader, FetchOptions, SourceError};

/// A line of a listing that is longer is no path that anybody has.
const LISTED: u64 = 1024;

/// Fetches the folder that `place` names, of the commit `pinned` or of the newest, in the new
/// directory `dir`. Returns the commit too.
pub(super) fn fetch(
    from: &str,
    place: &GitPlace,
    pinned: Option<&str>,
    (auth, options): (Option<&AuthHeader>, &FetchOptions),
    limits: TreeLimits,
    dir: &Path,
) -> Result<(String, Tree), SourceError> {
    let fetch = Fetch::new(from.to_owned(), place, auth, options, dir)?;
    let fetch = fetch.within(limits.download_bytes);
    // What is too large does not even come, where the server can do that.
    let filter = format!("blob:limit={}", limits.file_bytes + 1);
    let commit = match pinned {
        Some(commit) => fetch_pinned(&fetch, from, place, commit, &filter)?,
        None => {
            let wanted = match place.reference.as_deref() {
                Some(id) if is_commit_id(id) => id.to_owned(),
                reference => fetch.look_up(reference)?.0,
            };
            fetch.fetch_commit(&wanted, &filter)?
        }
    };
    let reader = Reader {
        fetch: &fetch,
        limits,
    };
    let tree = reader.tree(&commit, place.path.as_deref())?;
    let tree = tree.map_err(|reason| {
        let from = from.to_owned();
        SourceError::Tree { from, reason }
    })?;
    Ok((commit, tree))
}

/// A server need not hand out every commit by its id; then it has to be the newest still.
fn fetch_pinned(
    fetch: &Fetch<'_>,
    from: &str,
    place: &GitPlace,
    commit: &str,
    filter: &str,
) -> Result<String, SourceError> {
    let refused = match fetch.fetch_commit(commit, filter) {
        Ok(commit) => return Ok(commit),
        Err(error) => error,
    };
    let gone = || SourceError::PinGone {
        from: from.to_owned(),
        pinned: commit.to_owned(),
    };
    match fetch.look_up(place.reference.as_deref()) {
        Ok((name, found)) if found == commit => fetch.fetch_commit(&name, filter),
        Ok(_) => Err(gone()),
        // The server does not answer at all: that is what was said first.
        Err(_) => Err(refused),
    }
}

struct Reader<'a> {
    fetch: &'a Fetch<'a>,
    limits: TreeLimits,
}

struct Entry {
    mode: String,
    id: String,
    path: String,
}

impl Reader<'_> {
    /// The outer error is git's, the inner one a reason to refuse the tree.
    fn tree(&self, commit: &str, path: Option<&str>) -> Result<Result<Tree, String>, SourceError> {
        let name = match path {
            Some(path) => format!("{commit}:{path}"),
            None => format!("{commit}^{{tree}}"),
        };
        let id = self
            .fetch
            .git(&["rev-parse", "--verify", "--quiet", &name], LISTED);
        let shown = path.unwrap_or("/");
        let id = id.map_err(|_| self.fetch.missing(format!("there is no `{shown}`")))?;
        let id = String::from_utf8_lossy(&id).trim().to_owned();
        let kind = self.fetch.git(&["cat-file", "-t", &id], LISTED)?;
        if kind.trim_ascii() != b"tree" {
            return Err(self.fetch.missing(format!("`{shown}` is no folder")));
        }
        let entries = match self.entries(&id)? {
            Ok(entries) => entries,
            Err(reason) => return Ok(Err(reason)),
        };
        let missing = self.missing(&id)?;
        let sizes = self.sizes(&entries, &missing)?;
        self.build(&entries, &sizes)
    }

    fn entries(&self, tree: &str) -> Result<Result<Vec<Entry>, String>, SourceError> {
        let most = self.limits.files as u64 * LISTED;
        let listing = self
            .fetch
            .git(&["ls-tree", "-r", "-z", "--full-tree", tree], most)?;
        let lines = listing
            .split(|byte| *byte == 0)
            .filter(|line| !line.is_empty());
        Ok(lines.map(entry).collect())
    }

    /// The blobs that did not come, because they are too large. Asking git for one of them would
    /// make it fetch that.
    fn missing(&self, tree: &str) -> Result<BTreeSet<String>, SourceError> {
        let args = [
            "rev-list",
            "--objects",
            "--no-object-names",
            "--missing=print",
            tree,
        ];
        let listing = self.fetch.git(&args, self.limits.files as u64 * LISTED)?;
        let listing = String::from_utf8_lossy(&listing);
        let missing = listing.lines().filter_map(|line| line.strip_prefix('?'));
        Ok(missing.map(str::to_owned).collect())
    }

    /// The sizes of the blobs that are there.
    fn sizes(
        &self,
        entries: &[Entry],
        missing: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, u64>, SourceError> {
        let wanted = entries.iter().filter(|entry| entry.mode != "160000");
        let wanted: BTreeSet<&str> = wanted
            .map(|entry| entry.id.as_str())
            .filter(|id| !missing.contains(*id))
            .collect();
        let input: String = wanted.iter().map(|id| format!("{id}\n")).collect();
        if input.is_empty() {
            return Ok(BTreeMap::new());
        }
        let args = ["cat-file", "--batch-check=%(objectname) %(objectsize)"];
        let most = wanted.len() as u64 * LISTED;
        let listing = self.fetch.git_with(&args, most, input.into_bytes())?;
        let listing = String::from_utf8_lossy(&listing);
        let sizes = listing.lines().filter_map(|line| {
            let (id, size) = line.split_once(' ')?;
            Some((id.to_owned(), size.parse().ok()?))
        });
        Ok(sizes.collect())
    }

    fn build(
        &self,
        entries: &[Entry],
        sizes: &BTreeMap<String, u64>,
    ) -> Result<Result<Tree, String>, SourceError> {
        let admitted = sizes
            .iter()
            .filter(|(_, size)| **size <= self.limits.file_bytes);
        let admitted: BTreeMap<&str, u64> =
            admitted.map(|(id, size)| (id.as_str(), *size)).collect();
        // Before anything is read: what is there many times counts many times.
        let sum = entries
            .iter()
            .filter_map(|entry| admitted.get(entry.id.as_str()))
            .sum::<u64>();
        if sum > self.limits.total_bytes {
            let most = self.limits.total_bytes;
            return Ok(Err(format!(
                "its files are larger than {most} bytes in all"
            )));
        }
        let contents = self.contents(&admitted)?;
        Ok(self.assemble(entries, &contents))
    }

    fn contents(
        &self,
        wanted: &BTreeMap<&str, u64>,
    ) -> Result<BTreeMap<String, Arc<[u8]>>, SourceError> {
        if wanted.is_empty() {
            return Ok(BTreeMap::new());
        }
        let input: String = wanted.keys().map(|id| format!("{id}\n")).collect();
        let most = wanted.values().map(|size| size + LISTED).sum();
        let bytes = self
            .fetch
            .git_with(&["cat-file", "--batch"], most, input.into_bytes())?;
        let mut contents = BTreeMap::new();
        let mut rest = bytes.as_slice();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let head = String::from_utf8_lossy(&rest[..end]).into_owned();
            let mut words = head.split(' ');
            let (id, size) = (
                words.next(),
                words.nth(1).and_then(|size| size.parse::<usize>().ok()),
            );
            let (Some(id), Some(size)) = (id, size) else {
                break;
            };
            let Some(content) = rest.get(end + 1..end + 1 + size) else {
                break;
            };
            contents.insert(id.to_owned(), content.into());
            rest = rest.get(end + 2 + size..).unwrap_or_default();
        }
        Ok(contents)
    }

    fn assemble(
        &self,
        entries: &[Entry],
        contents: &BTreeMap<String, Arc<[u8]>>,
    ) -> Result<Tree, String> {
        let mut builder = Builder::new(self.limits);
        for Entry { mode, id, path } in entries {
            match (mode.as_str(), contents.get(id)) {
                ("160000", _) => builder.leave_out(path, "it is a submodule")?,
                ("100644" | "100664" | "100755", Some(content)) => {
                    builder.file(path, Arc::clone(content), mode == "100755")?;
                }
                ("120000", Some(content)) => match std::str::from_utf8(content) {
                    Ok(target) => builder.link(path, target)?,
                    Err(_) => builder.leave_out(path, "it is a link to a name without meaning")?,
                },
                (_, None) => {
                    let most = self.limits.file_bytes;
                    builder.leave_out(path, &format!("it is larger than {most} bytes"))?;
                }
                _ => builder.leave_out(path, "it is neither a file nor a link")?,
            }
        }
        builder.finish()
    }
}

fn entry(line: &[u8]) -> Result<Entry, String> {
    let line = std::str::from_utf8(line);
    let line = line.map_err(|_| "a path in it is no UTF-8 text".to_owned())?;
    let parts = line.split_once('\t').and_then(|(head, path)| {
        let mut words = head.split(' ');
        let (mode, id) = (words.next()?, words.nth(1)?);
        Some(Entry {
            mode: mode.to_owned(),
            id: id.to_owned(),
            path: path.to_owned(),
        })
    });
    parts.ok_or_else(|| "git lists it in a form that is not known".to_owned())
}
