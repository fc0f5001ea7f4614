//! The guard of sandboxes as bytes.
//!
//! `scc-guard` stands inside every sandbox at the places of git and of the network tools. It is
//! built by this crate's build script from the same source tree, so that an installed scc carries
//! the guard that belongs to it.
//!
//! ```
//! assert!(scc_guard_bin::GUARD.starts_with(b"\x7fELF"));
//! ```

/// The static executable.
pub const GUARD: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/scc-guard"));

/// Where it is in every image, under its own name.
pub const PATH: &str = "/usr/local/lib/scc/guard";

/// The processor that it runs on, as container engines name it: `amd64`, `arm64`.
pub const ARCHITECTURE: &str = env!("SCC_GUARD_ARCHITECTURE");

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::path::Path;
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::GUARD;

    /// What a pipe holds that nobody reads.
    const CAPACITY: usize = 64 * 1024;

    /// The type of a program header that names a dynamic loader.
    const INTERPRETER: u32 = 3;

    fn number<const N: usize>(at: usize) -> u64 {
        let mut bytes = [0; 8];
        bytes[..N].copy_from_slice(&GUARD[at..at + N]);
        u64::from_le_bytes(bytes)
    }

    /// How often a process has read when it has become the guard: it waits where it says how it is
    /// used, because nobody takes that.
    fn reads(start: impl FnOnce(&Path) -> Command) -> u32 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("guard");
        std::fs::write(&path, GUARD).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).unwrap();
        let (_reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(&[0; CAPACITY]).unwrap();
        let mut child = start(&path).stderr(writer).spawn().unwrap();
        let facts = |name| {
            let file = format!("/proc/{}/{name}", child.id());
            std::fs::read_to_string(file).unwrap()
        };
        let started = Instant::now();
        while !facts("comm").starts_with("guard") || !facts("stat").contains(") S ") {
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "{}",
                facts("stat")
            );
            std::thread::yield_now();
        }
        let counts = facts("io");
        let count = counts.lines().find_map(|line| line.strip_prefix("syscr: "));
        let count = count.unwrap().parse().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        count
    }

    /// The guard tells git's own children by how little was read in their process before. Here it has
    /// itself read three times: the count, in two parts, and that it ends.
    #[test]
    fn a_fresh_start_reads_least() {
        let own = 3;
        let fresh = reads(|guard| Command::new(guard));
        assert!(fresh <= 3 + own, "{fresh}");
        let later = reads(|guard| {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", "exec \"$0\""]).arg(guard);
            shell
        });
        assert!(later > 3 + own, "{later}");
    }

    /// It has to run in every image, whatever libraries are there.
    #[test]
    fn it_needs_no_loader() {
        let headers = usize::try_from(number::<8>(0x20)).unwrap();
        let (size, count) = (number::<2>(0x36), number::<2>(0x38));
        assert!(count > 0);
        for index in 0..count {
            let at = headers + usize::try_from(index * size).unwrap();
            assert_ne!(number::<4>(at), u64::from(INTERPRETER));
        }
    }
}
