//! What the links of a tree stand for.

use std::collections::BTreeMap;

use super::TreeFile;
use super::builder::check_path;

/// Links that lead to links, and linked folders in linked folders.
const MAX_HOPS: usize = 8;
const TOO_MANY_HOPS: &str = "it is a link that leads through too many links";

/// What was read, before any link is resolved.
pub(super) struct Real {
    pub(super) files: BTreeMap<String, TreeFile>,
    pub(super) links: BTreeMap<String, String>,
    pub(super) left_out: BTreeMap<String, String>,
}

/// What comes in through a link.
pub(super) enum Entry {
    File(TreeFile),
    /// What cannot be taken over, and why.
    LeftOut(String),
}

/// Why nothing comes in through a link.
pub(super) enum Stop {
    /// It is left out, for this reason.
    Link(String),
    /// It stands for more than there is room for.
    TooMany,
}

/// One link on its way to all that it stands for.
struct Walk<'a> {
    real: &'a Real,
    room: usize,
    found: Vec<(String, Entry)>,
    /// The linked folders that the walk is in, each with a `/` behind it.
    within: Vec<String>,
}

impl Real {
    /// What a link stands for: a file, or all that is below a folder; at most `room` entries.
    pub(super) fn resolve(&self, link: &str, room: usize) -> Result<Vec<(String, Entry)>, Stop> {
        let mut walk = Walk {
            real: self,
            room,
            found: Vec::new(),
            within: Vec::new(),
        };
        walk.link(link, link)?;
        Ok(walk.found)
    }

    /// Where a link leads to that leads to no link.
    fn destination(&self, link: &str) -> Result<String, String> {
        let mut at = link.to_owned();
        for _ in 0..MAX_HOPS {
            let Some(target) = self.links.get(&at) else {
                return Ok(at);
            };
            at = follow(&at, target)?;
        }
        Err(TOO_MANY_HOPS.to_owned())
    }
}

impl Walk<'_> {
    /// A link that appears at `place`.
    fn link(&mut self, place: &str, link: &str) -> Result<(), Stop> {
        let target = match self.real.destination(link) {
            Ok(target) => target,
            Err(reason) => return self.leave_out(place, &reason),
        };
        if let Some(file) = self.real.files.get(&target) {
            return self.give(place, Entry::File(file.clone()));
        }
        if let Some(reason) = self.real.left_out.get(&target) {
            return self.leave_out(place, reason);
        }
        let below = match target.is_empty() {
            true => String::new(),
            false => format!("{target}/"),
        };
        let own = [format!("{place}/"), format!("{link}/")];
        let mut outer = own.iter().chain(&self.within);
        if outer.any(|folder| folder.starts_with(&below)) {
            return self.leave_out(place, "it is a link to a folder that it is in");
        }
        if self.within.len() == MAX_HOPS {
            return self.leave_out(place, TOO_MANY_HOPS);
        }
        self.within.push(below.clone());
        let before = self.found.len();
        self.folder(place, &below)?;
        self.within.pop();
        match self.found.len() == before {
            true => self.leave_out(place, "it is a link to something that is not there"),
            false => Ok(()),
        }
    }

    fn folder(&mut self, place: &str, below: &str) -> Result<(), Stop> {
        let real = self.real;
        for (rest, file) in under(&real.files, below) {
            self.give(&format!("{place}/{rest}"), Entry::File(file.clone()))?;
        }
        for (rest, reason) in under(&real.left_out, below) {
            self.leave_out(&format!("{place}/{rest}"), reason)?;
        }
        for (rest, _) in under(&real.links, below) {
            self.link(&format!("{place}/{rest}"), &format!("{below}{rest}"))?;
        }
        Ok(())
    }

    fn leave_out(&mut self, place: &str, reason: &str) -> Result<(), Stop> {
        self.give(place, Entry::LeftOut(reason.to_owned()))
    }

    fn give(&mut self, place: &str, entry: Entry) -> Result<(), Stop> {
        check_path(place).map_err(Stop::Link)?;
        if self.found.len() >= self.room {
            return Err(Stop::TooMany);
        }
        self.found.push((place.to_owned(), entry));
        Ok(())
    }
}

/// What is below a folder, by the rest of its path.
fn under<'a, T>(
    all: &'a BTreeMap<String, T>,
    below: &'a str,
) -> impl Iterator<Item = (&'a str, &'a T)> {
    let found = all.range(below.to_owned()..);
    found.map_while(move |(path, what)| Some((path.strip_prefix(below)?, what)))
}

/// The path that a link leads to.
fn follow(path: &str, target: &str) -> Result<String, String> {
    let out = || "it is a link that leads out of the folder".to_owned();
    if target.starts_with('/') {
        return Err(out());
    }
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(out)?;
            }
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}
