//! What the guard says about the sandbox, compared with the plan.

use scc_runtime::SandboxSpec;

use super::claims::ClaimId;
use super::mounts::{self, as_kernel};
use super::report::{Attempt, Claim};
use crate::images::GUARD;
use crate::plan::MountPlan;
use crate::record::collector;

/// The facts, as `guard facts` prints them.
#[derive(Debug, Default)]
pub(super) struct Facts<'a> {
    rows: Vec<Vec<&'a str>>,
    is_complete: bool,
}

impl<'a> Facts<'a> {
    pub(super) fn read(text: &'a str) -> Self {
        let rows: Vec<Vec<_>> = text
            .lines()
            .map(|line| line.split('\t').collect())
            .collect();
        let is_complete = rows.last().is_some_and(|last| *last == ["end"]);
        Self { rows, is_complete }
    }

    fn of(&self, kind: &'static str) -> impl Iterator<Item = &[&'a str]> {
        let all = self.rows.iter().map(Vec::as_slice);
        all.filter_map(move |row| row.strip_prefix(&[kind]))
    }

    /// All claims that are told by facts. `said` is why there are none.
    pub(super) fn claims(
        &self,
        spec: &SandboxSpec,
        planned: &[MountPlan],
        said: &str,
    ) -> Vec<Claim> {
        let claims = [
            (
                ClaimId::Mounts,
                mounts::attempts(self.of("mount"), spec, planned),
            ),
            (ClaimId::Privileges, self.privileges(spec)),
            (ClaimId::PolicyFiles, self.policy_files(spec)),
            (ClaimId::GuardInPlace, self.guard_in_place()),
        ];
        let judged = claims.into_iter().map(|(id, mut attempts)| {
            if !self.is_complete {
                attempts.push(Attempt::new("a look from inside", false, said));
            }
            Claim::judged(id, attempts)
        });
        judged.collect()
    }

    fn privileges(&self, spec: &SandboxSpec) -> Vec<Attempt> {
        let users = [spec.user.uid, collector(spec.user).uid].map(|uid| uid.to_string());
        let rows = self.of("process").map(|row| {
            let [pid, name, uid, capabilities, no_new, _] = row else {
                return Attempt::new("a process", false, row.join(" "));
            };
            let holds =
                users.iter().any(|user| user == uid) && *capabilities == "0" && *no_new == "1";
            let detail =
                format!("user {uid}, capabilities {capabilities}, no-new-privileges {no_new}");
            Attempt::new(format!("process {pid} ({name})"), holds, detail)
        });
        rows.collect()
    }

    /// The mode of the filter of system calls; 2 is one of the sandbox's own.
    pub(super) fn filters(&self) -> Vec<Attempt> {
        let rows = self.of("process").filter_map(|row| {
            let (pid, name, mode) = (row.first()?, row.get(1)?, row.get(5)?);
            let what = format!("process {pid} ({name})");
            Some(Attempt::new(
                what,
                *mode == "2",
                format!("seccomp mode {mode}"),
            ))
        });
        rows.collect()
    }

    fn policy_files(&self, spec: &SandboxSpec) -> Vec<Attempt> {
        let mut attempts = Vec::new();
        for directory in &spec.sealed {
            let target = as_kernel(&directory.path);
            let mount = self
                .of("mount")
                .filter(|row| row.first() == Some(&target.as_str()));
            let modes: Vec<_> = mount.filter_map(|row| row.get(1).copied()).collect();
            attempts.push(Attempt::new(
                format!("{} is a read-only mount", directory.path),
                modes == ["ro"],
                modes.join(", "),
            ));
            let files = directory.files.keys();
            let files = files.map(|file| format!("{}/{file}", directory.path));
            attempts.extend(files.map(|file| self.closed(&file)));
        }
        attempts
    }

    /// A file of root's that this user cannot write.
    fn closed(&self, path: &str) -> Attempt {
        let mut rows = self.of("file").filter(|row| row.first() == Some(&path));
        let found = rows.next().map(|row| row.get(1..).unwrap_or_default());
        Attempt::new(
            path,
            found == Some(&["0", "closed"]),
            found.map_or_else(|| "it is not there".to_owned(), |found| found.join(", ")),
        )
    }

    fn guard_in_place(&self) -> Vec<Attempt> {
        let places = self.of("place").map(|row| match row {
            [path, is] => Attempt::new(*path, *is == "guard", *is),
            _ => Attempt::new("a place", false, row.join(" ")),
        });
        std::iter::once(self.closed(GUARD)).chain(places).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use scc_runtime::{Limits, Network, SealedDirectory, UserIds};

    use super::*;
    use crate::proof::report::ClaimState;

    pub(in crate::proof) fn spec() -> SandboxSpec {
        SandboxSpec {
            name: "n".to_owned(),
            labels: BTreeMap::new(),
            image: "i".to_owned(),
            init: Vec::new(),
            argv: Vec::new(),
            env: BTreeMap::new(),
            working_dir: "/my work".to_owned(),
            user: UserIds { uid: 7, gid: 7 },
            hostname: "h".to_owned(),
            mounts: Vec::new(),
            sealed: vec![SealedDirectory {
                path: "/etc/scc".to_owned(),
                files: [("safety.json".to_owned(), "{}".to_owned().into())].into(),
            }],
            network: Network::None,
            limits: Limits {
                memory_bytes: 1,
                cpus: 1.0,
                pids: 1,
                log_files: 1,
            },
            read_only_root: false,
            terminal: None,
        }
    }

    const GOOD: &str = "mount\t/\trw\toverlay\t/\toverlay\trw
mount\t/proc\trw\tproc\t/\tproc\trw
mount\t/dev/shm\trw\ttmpfs\t/\tshm\trw
mount\t/etc/hosts\trw\text4\t/c/hosts\t/dev/vda\trw
mount\t/my\\040work\trw\text4\t/w\t/dev/vda\trw
mount\t/etc/scc\tro\text4\t/v\t/dev/vda\trw
process\t1\tinit\t7\t0\t1\t2
file\t/usr/local/lib/scc/guard\t0\tclosed
place\t/usr/bin/git\tguard
file\t/etc/scc\t0\tclosed
file\t/etc/scc/safety.json\t0\tclosed
end
";

    fn failed(text: &str) -> Vec<&'static str> {
        let mount = |target: &str, read_only| MountPlan {
            kind: "x",
            source: None,
            target: target.to_owned(),
            read_only,
        };
        let mounts = [mount("/my work", false), mount("/etc/scc", true)];
        let claims = Facts::read(text).claims(&spec(), &mounts, "why");
        let failed = claims.iter().filter(|one| one.state == ClaimState::Failed);
        failed.map(|claim| claim.id.as_str()).collect()
    }

    #[test]
    fn a_sandbox_as_planned_holds() {
        assert_eq!(failed(GOOD), [""; 0]);
    }

    #[test]
    fn each_change_fails_the_claim_that_it_breaks() {
        for (from, to, claims) in [
            (
                "place\t/usr/bin/git\tguard",
                "place\t/usr/bin/git\tother",
                &["guard-in-place"][..],
            ),
            (
                "guard\t0\tclosed",
                "guard\t7\twritable",
                &["guard-in-place"],
            ),
            (
                "end\n",
                "",
                &["mounts", "privileges", "policy-files", "guard-in-place"],
            ),
            ("\t7\t0\t1\t2", "\t7\t2000\t1\t2", &["privileges"]),
            ("\t7\t0\t1\t2", "\t0\t0\t1\t2", &["privileges"]),
            ("\t7\t0\t1\t2", "\t7\t0\t0\t2", &["privileges"]),
            ("/etc/scc\tro", "/etc/scc\trw", &["mounts", "policy-files"]),
            (
                "safety.json\t0\tclosed",
                "safety.json\t0\twritable",
                &["policy-files"],
            ),
            (
                "file\t/etc/scc/safety.json\t0\tclosed\n",
                "",
                &["policy-files"],
            ),
            ("work\trw", "work\tro", &["mounts"]),
            (
                "mount\t/my\\040work\trw\text4\t/w\t/dev/vda\trw\n",
                "",
                &["mounts"],
            ),
            (
                "mount\t/proc\trw\tproc\t/\tproc",
                "mount\t/proc\trw\tproc\t/\tproc\trw\nmount\t/mnt\tro\text4\t/m\t/dev/vda",
                &["mounts"],
            ),
            ("/dev/shm\trw\ttmpfs", "/dev/shm\trw\text4", &["mounts"]),
            (
                "mount\t/\trw",
                "mount\t/etc/scc\tro\ttmpfs\t/\ttmpfs\trw\nmount\t/\trw",
                &["mounts", "policy-files"],
            ),
        ] {
            let text = GOOD.replacen(from, to, 1);
            assert_ne!(text, GOOD);
            assert_eq!(failed(&text), claims, "{from} -> {to}");
        }
    }

    #[test]
    fn a_process_without_a_filter_is_found() {
        let facts = GOOD.replace("\t1\t2\n", "\t1\t0\n");
        let attempts = Facts::read(&facts).filters();
        assert_eq!(
            Claim::judged(ClaimId::Kernel, attempts).state,
            ClaimState::Failed
        );
    }
}
