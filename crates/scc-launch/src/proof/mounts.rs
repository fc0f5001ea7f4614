//! The mounts of a sandbox: those of the plan, and what engines add to every container.

use std::collections::BTreeMap;

use scc_runtime::SandboxSpec;

use super::report::Attempt;
use crate::plan::MountPlan;

const HOME: &str = "/home/agent";

/// Directories of the kernel's and of the container's own, each a whole file system of this kind.
const OWN: [(&str, &str); 10] = [
    ("/proc", "proc"),
    ("/dev", "tmpfs"),
    ("/dev/pts", "devpts"),
    ("/dev/mqueue", "mqueue"),
    ("/sys", "sysfs"),
    ("/sys/fs/cgroup", "tmpfs"),
    ("/sys/fs/cgroup", "cgroup2"),
    ("/sys/fs/cgroup", "cgroup"),
    ("/tmp", "tmpfs"),
    ("/dev/shm", "tmpfs"),
];
/// What engines call the file system of `/dev/shm`, which a machine's own is not called.
const SHARED_MEMORY: &str = "shm";

/// Devices that engines take from the machine where the container cannot make its own.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Files that an engine writes for each container: wherever it keeps them, they have their name.
const FILES: [&str; 4] = [
    "/etc/hostname",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/run/.containerenv",
];

/// Where engines put their first process, in sandboxes without one of their own.
const INITS: [&str; 4] = [
    "/sbin/docker-init",
    "/usr/sbin/docker-init",
    "/dev/init",
    "/run/podman-init",
];

/// A mount as `guard facts` prints it.
#[derive(Debug, Clone, Copy)]
struct Mounted<'a> {
    target: &'a str,
    mode: &'a str,
    kind: &'a str,
    /// What of the file system is mounted.
    root: &'a str,
    source: &'a str,
    /// Of the whole file system.
    file_system_mode: &'a str,
}

impl<'a> Mounted<'a> {
    fn read(row: &[&'a str]) -> Option<Self> {
        match row {
            [target, mode, kind, root, source, file_system_mode] => Some(Self {
                target,
                mode,
                kind,
                root,
                source,
                file_system_mode,
            }),
            _ => None,
        }
    }

    fn is_read_only(&self) -> bool {
        self.mode == "ro"
    }

    fn is_whole(&self) -> bool {
        self.root == "/"
    }

    /// Whether it is one of those that an engine makes in every container, and that one itself and
    /// not something else at its place.
    fn is_engines(&self, spec: &SandboxSpec) -> bool {
        self.is_own(spec)
            || self.is_control_group()
            || self.is_closed_part()
            || self.is_device()
            || self.is_file(spec)
    }

    fn is_own(&self, spec: &SandboxSpec) -> bool {
        let is_home = self.target == HOME && spec.read_only_root && self.kind == "tmpfs";
        let is_shared = self.target != "/dev/shm" || self.source == SHARED_MEMORY;
        self.is_whole() && is_shared && (is_home || OWN.contains(&(self.target, self.kind)))
    }

    fn is_control_group(&self) -> bool {
        self.target.starts_with("/sys/fs/cgroup/")
            && matches!(self.kind, "cgroup" | "cgroup2")
            && self.is_read_only()
    }

    /// A part of the kernel's files that is closed: by nothing in its place, by the null device, or by
    /// being mounted again at its own place, read-only.
    fn is_closed_part(&self) -> bool {
        let in_proc = self.target.strip_prefix("/proc");
        let in_proc = in_proc.filter(|rest| rest.starts_with('/'));
        let is_kernels = in_proc.is_some() || self.target.starts_with("/sys/");
        // A file system of the machine's own can be written there, however it is mounted here.
        let is_nothing = self.is_whole() && self.file_system_mode == "ro";
        match self.kind {
            "tmpfs" if is_kernels => is_nothing || self.root == "/null",
            "devtmpfs" if is_kernels => self.root == "/null",
            "proc" => self.is_read_only() && in_proc == Some(self.root),
            _ => false,
        }
    }

    fn is_device(&self) -> bool {
        let Some(name) = self.target.strip_prefix("/dev/") else {
            return false;
        };
        match self.kind {
            "devpts" => name == "console",
            "tmpfs" | "devtmpfs" => {
                DEVICES.contains(&name) && self.root.strip_prefix('/') == Some(name)
            }
            _ => false,
        }
    }

    fn is_file(&self, spec: &SandboxSpec) -> bool {
        let name = |path: &'a str| path.rsplit('/').next();
        let is_init = INITS.contains(&self.target) && spec.init.is_empty() && self.is_read_only();
        let is_written = FILES.contains(&self.target) && name(self.target) == name(self.root);
        (is_init || is_written) && !self.is_whole()
    }
}

/// As the kernel lists them, in rows of the facts.
pub(super) fn attempts<'a>(
    rows: impl Iterator<Item = &'a [&'a str]>,
    spec: &SandboxSpec,
    planned: &[MountPlan],
) -> Vec<Attempt> {
    let mut left: BTreeMap<String, bool> = planned
        .iter()
        .map(|mount| (as_kernel(&mount.target), mount.read_only))
        .collect();
    left.insert("/".to_owned(), spec.read_only_root);
    let mut attempts = Vec::new();
    for row in rows {
        attempts.extend(match Mounted::read(row) {
            Some(mounted) => attempt(mounted, spec, &mut left),
            None => Some(Attempt::new("a mount", false, row.join(" "))),
        });
    }
    let missing = left.into_keys();
    attempts.extend(missing.map(|target| Attempt::new(target, false, "it is not mounted")));
    attempts
}

/// What is said of a mount; nothing of what is an engine's.
fn attempt(
    mounted: Mounted<'_>,
    spec: &SandboxSpec,
    left: &mut BTreeMap<String, bool>,
) -> Option<Attempt> {
    let Mounted {
        target, mode, kind, ..
    } = mounted;
    match left.remove(target) {
        Some(read_only) => Some(Attempt::new(
            target,
            read_only == mounted.is_read_only(),
            format!("{kind}, {mode}"),
        )),
        None if mounted.is_engines(spec) => None,
        None => Some(Attempt::new(
            target,
            false,
            format!(
                "{kind}, {mode}, `{}` of {}; the plan does not name it, and no engine makes it",
                mounted.root, mounted.source
            ),
        )),
    }
}

/// A path as the kernel writes it in its list of mounts (proc(5)).
pub(super) fn as_kernel(path: &str) -> String {
    let escaped = path.replace('\\', "\\134").replace(' ', "\\040");
    escaped.replace('\t', "\\011").replace('\n', "\\012")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::facts::tests::spec;

    /// Whether this line of facts is taken for an engine's.
    fn is_engines(line: &str, spec: &SandboxSpec) -> bool {
        let row: Vec<_> = line.split_whitespace().collect();
        Mounted::read(&row).unwrap().is_engines(spec)
    }

    /// What engines mount, with root or without, of either generation of control groups.
    const ENGINES: &str = "/proc rw proc / proc rw
/dev rw tmpfs / tmpfs rw
/dev/pts rw devpts / devpts rw
/dev/console rw devpts /0 devpts rw
/dev/mqueue rw mqueue / mqueue rw
/dev/shm rw tmpfs / shm rw
/dev/null rw devtmpfs /null devtmpfs rw
/dev/urandom rw tmpfs /urandom tmpfs rw
/sys ro sysfs / sysfs ro
/sys/fs/cgroup rw tmpfs / tmpfs rw
/sys/fs/cgroup ro cgroup2 / cgroup rw
/sys/fs/cgroup/memory ro cgroup /docker/35f7 cgroup rw
/sys/firmware ro tmpfs / tmpfs ro
/sys/devices/virtual/powercap ro tmpfs / tmpfs ro
/proc/acpi ro tmpfs / tmpfs ro
/proc/keys rw tmpfs /null tmpfs rw
/proc/kcore rw devtmpfs /null devtmpfs rw
/proc/sys ro proc /sys proc rw
/proc/sysrq-trigger ro proc /sysrq-trigger proc rw
/tmp rw tmpfs / tmpfs rw
/etc/hosts rw ext4 /var/lib/docker/containers/35f7/hosts /dev/vda rw
/etc/resolv.conf rw tmpfs /containers/userdata/resolv.conf tmpfs rw
/etc/hostname ro ext4 /var/lib/docker/containers/35f7/hostname /dev/vda rw
/run/.containerenv rw tmpfs /containers/userdata/.containerenv tmpfs rw
/usr/sbin/docker-init ro ext4 /usr/bin/tini-static /dev/vda rw
/run/podman-init ro ext4 /usr/libexec/podman/catatonit /dev/vda rw";

    #[test]
    fn what_engines_mount_is_expected() {
        for line in ENGINES.lines() {
            assert!(is_engines(line, &spec()), "{line}");
        }
        let mut spec = spec();
        let home = "/home/agent rw tmpfs / tmpfs rw";
        assert!(!is_engines(home, &spec));
        spec.read_only_root = true;
        assert!(is_engines(home, &spec));
    }

    /// Each at a place at which engines mount something.
    #[test]
    fn what_is_at_an_engines_place_and_is_not_its_own_is_found() {
        for line in [
            // The machine's own directories at these places.
            "/tmp rw ext4 /tmp /dev/vda rw",
            "/tmp rw overlay / overlay rw",
            "/tmp rw tmpfs /tmp tmpfs rw",
            "/dev/shm rw tmpfs / tmpfs rw",
            "/dev/shm rw tmpfs /x shm rw",
            "/dev rw devtmpfs / udev rw",
            "/sys/fs/cgroup rw ext4 / /dev/vda rw",
            "/sys/fs/cgroup/memory ro tmpfs / tmpfs rw",
            "/sys/fs/cgroup/memory rw cgroup / cgroup rw",
            "/proc rw ext4 / /dev/vda rw",
            "/proc rw proc /sys proc rw",
            // Its `/run`, with the engine's socket, where engines close or add something.
            "/dev/x rw tmpfs / tmpfs rw",
            "/dev/null rw tmpfs / tmpfs rw",
            "/dev/sda rw devtmpfs /sda udev rw",
            "/dev/null rw devtmpfs /sda udev rw",
            "/dev/mqueue rw tmpfs / tmpfs rw",
            "/dev/pts rw tmpfs / tmpfs rw",
            "/dev/x rw devpts / devpts rw",
            "/sys/firmware ro tmpfs / tmpfs rw",
            "/sys/x ro ext4 /x /dev/vda ro",
            "/sys/kernel rw sysfs /kernel sysfs rw",
            "/proc/acpi ro tmpfs / tmpfs rw",
            "/proc/acpi ro tmpfs /docker tmpfs ro",
            "/proc/sys rw proc /sys proc rw",
            "/proc/bus ro proc / proc rw",
            "/proc/bus ro proc /sys proc rw",
            "/proc/kcore rw devtmpfs /kmsg udev rw",
            "/procx ro proc x proc rw",
            // Another of its files.
            "/etc/hosts ro ext4 /etc/shadow /dev/vda rw",
            "/etc/hostname rw tmpfs / tmpfs rw",
            "/etc/resolv.conf rw ext4 /root /dev/vda rw",
            "/etc/passwd rw ext4 /etc/passwd /dev/vda rw",
            "/run/.containerenv rw tmpfs / tmpfs rw",
            "/usr/sbin/docker-init rw ext4 /usr/bin/tini-static /dev/vda rw",
            "/sbin/docker-init ro tmpfs / tmpfs rw",
        ] {
            assert!(!is_engines(line, &spec()), "{line}");
        }
        let mut with_own = spec();
        with_own.init = vec!["/own".to_owned()];
        let init = "/usr/sbin/docker-init ro ext4 /usr/bin/tini-static /dev/vda rw";
        assert!(!is_engines(init, &with_own));
    }

    #[test]
    fn a_line_that_cannot_be_read_fails() {
        let row: &[&str] = &["/tmp", "rw"];
        let found = attempts(std::iter::once(row), &spec(), &[]);
        assert!(found.iter().any(|one| one.what == "a mount"), "{found:?}");
    }
}
