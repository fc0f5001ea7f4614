//! The system call filter of every sandbox.
//!
//! It is scc's own, because the engines' defaults differ by version: engine 20.10 lets a sandbox
//! open sockets to the hypervisor (`AF_VSOCK`), which no network isolation covers. Only the
//! machine's native architecture is listed: the 32-bit entry points of x86 multiplex sockets
//! through one call whose arguments no filter can see.

use std::io;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::{EngineError, EngineInfo};

/// Calls by group, with the reason for each group.
const TABLE: &str = include_str!("seccomp.txt");

/// All flags of `clone` that make namespaces: mount, cgroup, uts, ipc, user, pid and network.
const CLONE_NAMESPACES: u64 = 0x7E02_0000;

/// "No such call": a libc that gets it for `clone3` falls back to `clone`, whose flags can be
/// filtered, which those of `clone3` cannot, being in memory.
const ENOSYS: u32 = 38;
const EPERM: u32 = 1;

/// Unix, IPv4, IPv6 and netlink, which reading the own network's state takes. Not among them:
/// `AF_VSOCK` reaches the hypervisor and `AF_ALG` is a way to much of the kernel's crypto code.
const SOCKET_FAMILIES: [u64; 4] = [1, 2, 10, 16];

/// Plain Linux, 32-bit, old version numbers, both, without address randomisation as debuggers
/// want it, and the question which one is set. Others weaken memory protection.
const PERSONALITIES: [u64; 6] = [0, 0x8, 0x2_0000, 0x2_0008, 0x4_0000, 0xFFFF_FFFF];

/// The profile as the engine takes it.
pub(crate) fn profile() -> &'static str {
    static PROFILE: OnceLock<String> = OnceLock::new();
    PROFILE.get_or_init(|| render().to_string())
}

/// The profile as the option of this engine takes it: itself, or for Podman the path of a file
/// with it, which is in `scratch`.
pub(crate) fn option(info: &EngineInfo, scratch: Option<&Path>) -> Result<String, EngineError> {
    if !info.is_podman() {
        return Ok(profile().to_owned());
    }
    let refused = |message: String| EngineError::Refused {
        action: "handing the system call filter to the engine".to_owned(),
        message,
    };
    let scratch = scratch.ok_or_else(|| refused("there is no directory for it".to_owned()))?;
    let file = scratch.join("seccomp.json");
    write(&file).map_err(|error| refused(format!("`{}`: {error}", file.display())))?;
    Ok(file.to_string_lossy().into_owned())
}

fn write(file: &Path) -> io::Result<()> {
    if std::fs::read(file).is_ok_and(|found| found == profile().as_bytes()) {
        return Ok(());
    }
    if let Some(directory) = file.parent() {
        std::fs::create_dir_all(directory)?;
    }
    // Renamed into place, because another scc may be handing it over at this moment.
    let whole = file.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&whole, profile())?;
    std::fs::rename(whole, file)
}

fn render() -> Value {
    let mut rules = vec![
        json!({ "names": names("allow"), "action": "SCMP_ACT_ALLOW" }),
        json!({ "names": names("refuse"), "action": "SCMP_ACT_ERRNO", "errnoRet": EPERM }),
        json!({ "names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS }),
        json!({
            "names": ["clone"],
            "action": "SCMP_ACT_ALLOW",
            "args": [{ "index": 0, "value": CLONE_NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ" }],
        }),
    ];
    rules.extend(SOCKET_FAMILIES.map(|family| when_first_is("socket", family)));
    rules.push(when_first_is("socketpair", 1));
    rules.extend(PERSONALITIES.map(|persona| when_first_is("personality", persona)));
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": ENOSYS,
        "archMap": [
            { "architecture": "SCMP_ARCH_X86_64", "subArchitectures": [] },
            { "architecture": "SCMP_ARCH_AARCH64", "subArchitectures": [] },
        ],
        "syscalls": rules,
    })
}

fn when_first_is(call: &str, value: u64) -> Value {
    json!({
        "names": [call],
        "action": "SCMP_ACT_ALLOW",
        "args": [{ "index": 0, "value": value, "valueTwo": 0, "op": "SCMP_CMP_EQ" }],
    })
}

/// The calls on the lines of one kind.
fn names(kind: &str) -> Vec<&'static str> {
    TABLE
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(of, _)| *of == kind)
        .flat_map(|(_, calls)| calls.split_whitespace())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_line_is_a_comment_or_a_rule() {
        for line in TABLE.lines() {
            let known = line.is_empty()
                || line.starts_with('#')
                || line.starts_with("allow: ")
                || line.starts_with("refuse: ");
            assert!(known, "{line}");
        }
    }

    #[test]
    fn no_call_is_named_twice() {
        let mut seen = BTreeSet::new();
        for name in names("allow").into_iter().chain(names("refuse")) {
            assert!(seen.insert(name), "{name} is named twice");
        }
        for by_argument in ["clone", "clone3", "socket", "socketpair", "personality"] {
            assert!(
                !seen.contains(by_argument),
                "{by_argument} is decided by its arguments"
            );
        }
    }

    #[test]
    fn what_reaches_past_a_sandbox_is_refused() {
        let refused = names("refuse");
        for call in [
            "mount",
            "unshare",
            "setns",
            "bpf",
            "keyctl",
            "io_uring_setup",
            "reboot",
        ] {
            assert!(refused.contains(&call), "{call}");
        }
        assert!(names("allow").contains(&"ptrace"));
    }

    #[test]
    fn the_profile_is_json_with_a_refusing_default() {
        let parsed: Value = serde_json::from_str(profile()).unwrap();
        assert_eq!(parsed["defaultAction"], "SCMP_ACT_ERRNO");
        assert_eq!(parsed["syscalls"][3]["args"][0]["value"], 2_114_060_288_u64);
    }
}
