//! What other processes are, as the kernel shows them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::policy;

pub(crate) fn program_of(process: i32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{process}/exe")).ok()
}

/// The shell that runs git's scripts, by the name of its file. Unlike others it takes nothing from the
/// environment that would change a script.
const SHELL: &str = "dash";

/// The process runs a script of git's own, and nothing else: what such a script reads besides
/// (`. git-sh-setup`) it finds by the path and by git's variable for its own directory. All of this was
/// fixed when the script was started, and a shell cannot change it.
pub(crate) fn own_script(process: i32) -> Option<Vec<String>> {
    let shell = fs::canonicalize("/bin/sh").ok()?;
    let program = program_of(process)?;
    if program != shell || shell.file_name()? != SHELL {
        return None;
    }
    let line = command_line(process)?;
    let script = Path::new(line.get(1)?);
    let name = script.file_name()?.to_str()?.strip_prefix("git-")?;
    let environment = words(&fs::read(format!("/proc/{process}/environ")).ok()?);
    let is_own = policy::is_roots(script) && is_closed(&environment, script.parent()?);
    is_own.then(|| vec!["git".to_owned(), name.to_owned()])
}

/// With these variables git's scripts read nothing that the agent could have written.
fn is_closed(environment: &[String], own: &Path) -> bool {
    let value = |name| {
        let mut all = environment.iter();
        all.find_map(|variable| variable.strip_prefix(name))
    };
    let mut directories = value("PATH=").unwrap_or_default().split(':').map(Path::new);
    value("GIT_EXEC_PATH=").is_none_or(|path| Path::new(path) == own)
        && directories.next() == Some(own)
        && directories.all(|directory| {
            let found = directory.is_absolute().then(|| directory.canonicalize());
            found.is_some_and(|found| found.is_ok_and(|found| policy::is_roots(&found)))
        })
}

pub(crate) fn command_line(process: i32) -> Option<Vec<String>> {
    fs::read(format!("/proc/{process}/cmdline"))
        .ok()
        .map(|line| words(&line))
}

/// The second number after the name, which is in parentheses and may hold anything.
pub(crate) fn parent_of(process: i32) -> Option<i32> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// The words of a command line as the kernel shows it: each ends with a null.
pub(crate) fn words(line: &[u8]) -> Vec<String> {
    let line = line.strip_suffix(b"\0").unwrap_or(line);
    line.split(|byte| *byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_has_a_parent_and_a_command_line() {
        let own = i32::try_from(std::process::id()).unwrap();
        let parent = rustix::process::getppid().unwrap().as_raw_nonzero().get();
        assert_eq!(parent_of(own), Some(parent));
        let words = command_line(own).unwrap();
        let args: Vec<_> = std::env::args().collect();
        assert_eq!(words, args);
    }

    #[test]
    fn a_script_is_led_nowhere_else() {
        let closed = |variables: &[&str]| {
            let variables: Vec<_> = variables.iter().map(|text| (*text).to_owned()).collect();
            is_closed(&variables, Path::new("/usr/lib"))
        };
        assert!(closed(&[
            "PATH=/usr/lib:/usr/bin:/bin",
            "GIT_EXEC_PATH=/usr/lib"
        ]));
        assert!(closed(&["A=b", "PATH=/usr/lib"]));
        for open in [
            &["PATH=/usr/bin:/usr/lib"][..],
            &["PATH=/usr/lib:/tmp"],
            &["PATH=/usr/lib:"],
            &["PATH=/usr/lib:bin"],
            &["PATH=/usr/lib:/none"],
            &["PATH=/usr/lib", "GIT_EXEC_PATH=/usr/bin"],
            &["PATH="],
            &[],
        ] {
            assert!(!closed(open), "{open:?}");
        }
    }

    #[test]
    fn only_scripts_of_root_are_gits_own() {
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("git-merge-one-file");
        std::fs::write(&script, "read line").unwrap();
        let mut child = Command::new("/bin/sh")
            .arg(&script)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let process = i32::try_from(child.id()).unwrap();
        assert_eq!(own_script(process), None);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
