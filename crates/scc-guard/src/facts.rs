//! What a sandbox is, as it is seen from inside.
//!
//! `facts DIRECTORY…` prints a line for each mount, for each process that can be looked at, for each
//! place of a guarded tool, and for everything in these directories, which are to be sealed. With
//! tabs between; `scc prove` compares it with the plan.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use crate::install::{Installation, exec_path};
use crate::tools::{GIT, GUARD, Kind, REAL, TOOLS};

/// Deeper than any directory that scc seals.
const DEEPEST: usize = 8;

/// Prints all facts.
pub(crate) fn run(sealed: &[OsString], path: Option<&OsStr>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    mounts(&mut out)?;
    processes(&mut out)?;
    places(&mut out, path)?;
    for directory in sealed {
        contents(&mut out, Path::new(directory), DEEPEST)?;
    }
    writeln!(out, "end")
}

/// Target, mode, kind, what of the file system is mounted, its source and its own mode. Paths are as the
/// kernel writes them, with white space as numbers (proc(5)).
fn mounts(out: &mut impl Write) -> io::Result<()> {
    let text = fs::read_to_string("/proc/self/mountinfo")?;
    for line in text.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let dash = words.iter().position(|word| *word == "-");
        match words.split_at(dash.unwrap_or_default()) {
            ([_, _, _, root, target, options, ..], [_, kind, source, all, ..]) => {
                let [mode, all] = [options, all].map(|list| list.split(',').next());
                let (mode, all) = (mode.unwrap_or_default(), all.unwrap_or_default());
                writeln!(
                    out,
                    "mount\t{target}\t{mode}\t{kind}\t{root}\t{source}\t{all}"
                )?;
            }
            // It is not left out: whoever reads this takes it for what it is.
            _ => writeln!(out, "mount\t{line}")?,
        }
    }
    Ok(())
}

/// User, capabilities of all five sets as one number, `no-new-privileges` and the filter's mode of
/// every process.
fn processes(out: &mut impl Write) -> io::Result<()> {
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        // It may have ended.
        let Ok(status) = fs::read_to_string(entry.path().join("status")) else {
            continue;
        };
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.strip_prefix(':'))
                .and_then(|rest| rest.split_whitespace().next())
                .unwrap_or("?")
        };
        let sets = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map(field);
        let all = sets
            .iter()
            .map(|set| u64::from_str_radix(set, 16).unwrap_or(u64::MAX))
            .fold(0, |all, set| all | set);
        writeln!(
            out,
            "process\t{name}\t{}\t{}\t{all:x}\t{}\t{}",
            field("Name"),
            field("Uid"),
            field("NoNewPrivs"),
            field("Seccomp"),
        )?;
    }
    Ok(())
}

/// Every file that has the name of a guarded tool where programs are, and whether it is the guard.
fn places(out: &mut impl Write, path: Option<&OsStr>) -> io::Result<()> {
    let (guard, real) = (Path::new(GUARD), Path::new(REAL));
    let here = Installation::here(guard, real, path);
    let mut directories: BTreeSet<PathBuf> = here.directories.iter().cloned().collect();
    // The guard lets this through. Without it git's own directory is not looked at, and that is said.
    let gits = here.directories.iter().map(|dir| dir.join(GIT.name));
    for git in gits.filter(|git| git.is_file()) {
        match exec_path(&git) {
            Ok(own) => directories.extend([own]),
            Err(error) => writeln!(out, "place\t{}\tno --exec-path: {error}", git.display())?,
        }
    }
    own(out, guard)?;
    for tool in TOOLS {
        for place in directories.iter().map(|dir| dir.join(tool.name)) {
            if place.symlink_metadata().is_ok() {
                let is = if here.is_guard(&place) {
                    "guard"
                } else {
                    "other"
                };
                writeln!(out, "place\t{}\t{is}", place.display())?;
            }
        }
        let usual = here.default.join(tool.name);
        if tool.kind != Kind::GitProgram && usual.symlink_metadata().is_err() {
            writeln!(out, "place\t{}\tnothing", usual.display())?;
        }
    }
    Ok(())
}

fn contents(out: &mut impl Write, path: &Path, deepest: usize) -> io::Result<()> {
    own(out, path)?;
    if path.is_dir() && deepest > 0 {
        for entry in fs::read_dir(path)? {
            contents(out, &entry?.path(), deepest - 1)?;
        }
    }
    Ok(())
}

/// Whose a file is, and whether this user can write it.
fn own(out: &mut impl Write, path: &Path) -> io::Result<()> {
    let Ok(found) = path.symlink_metadata() else {
        return writeln!(out, "file\t{}\t?\tmissing", path.display());
    };
    let writable = match found.is_dir() {
        true => rustix::fs::access(path, Access::WRITE_OK).is_ok(),
        false => OpenOptions::new().append(true).open(path).is_ok(),
    };
    let word = if writable { "writable" } else { "closed" };
    writeln!(out, "file\t{}\t{}\t{word}", path.display(), found.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(work: impl Fn(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        work(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_kernel_is_asked() {
        let mounts = said(mounts);
        assert!(
            mounts.contains("mount\t/proc\trw\tproc\t/\tproc\trw\n"),
            "{mounts}"
        );
        assert!(mounts.lines().all(|line| line.split('\t').count() == 7));
        let own = std::process::id();
        let processes = said(processes);
        let start = format!("process\t{own}\t");
        let line = processes.lines().find(|line| line.starts_with(&start));
        assert_eq!(line.unwrap().split('\t').count(), 7);
    }

    #[test]
    fn what_can_be_written_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("f");
        fs::write(&file, "").unwrap();
        let text = said(|out| contents(out, directory.path(), 2));
        assert_eq!(text.matches("writable").count(), 2, "{text}");
        let missing = said(|out| own(out, &directory.path().join("no")));
        assert!(missing.ends_with("?\tmissing\n"), "{missing}");
    }
}
