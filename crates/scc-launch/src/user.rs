//! Who the agent is inside the sandbox.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use scc_runtime::UserIds;

use crate::request::HostFacts;
use crate::{Blocker, BlockerKind};

/// Chooses the agent's user: the host's user, so that files keep their owner. For root it is the
/// user who called sudo, else the owner of the workspace; root itself only where the user's own
/// settings allow it, and then the sandbox's root file system is read-only.
pub(crate) fn agent_user(
    host: &HostFacts,
    workspace: &Path,
    allow_root: bool,
) -> Result<UserIds, Blocker> {
    if host.uid != 0 {
        return Ok(UserIds {
            uid: host.uid,
            gid: host.gid,
        });
    }
    if let Some((uid, gid)) = host.sudo.filter(|(uid, _)| *uid != 0) {
        return Ok(UserIds { uid, gid });
    }
    let owner = std::fs::metadata(workspace)
        .ok()
        .map(|meta| (meta.uid(), meta.gid()));
    match owner.filter(|(uid, _)| *uid != 0) {
        Some((uid, gid)) => Ok(UserIds { uid, gid }),
        None if allow_root => Ok(UserIds { uid: 0, gid: 0 }),
        None => Err(Blocker {
            kind: BlockerKind::Refused,
            message: format!(
                "scc runs as root and the workspace `{}` belongs to root, so the agent would be root",
                workspace.display()
            ),
            hint: "run scc as an ordinary user, give the workspace an ordinary owner (`chown -R \
                   USER WORKSPACE`), or set `allow_root_agent` to true in your scc settings"
                .to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(uid: u32, sudo: Option<(u32, u32)>) -> HostFacts {
        HostFacts {
            uid,
            gid: uid,
            sudo,
            ..HostFacts::default()
        }
    }

    #[test]
    fn an_ordinary_user_stays_himself() {
        let user = agent_user(&host(1000, None), Path::new("/"), false).unwrap();
        assert_eq!(
            user,
            UserIds {
                uid: 1000,
                gid: 1000
            }
        );
    }

    #[test]
    fn sudo_names_the_user() {
        let user = agent_user(&host(0, Some((1001, 1002))), Path::new("/"), false).unwrap();
        assert_eq!(
            user,
            UserIds {
                uid: 1001,
                gid: 1002
            }
        );
    }

    #[test]
    fn a_root_owned_workspace_needs_permission() {
        assert!(agent_user(&host(0, None), Path::new("/"), false).is_err());
        assert!(agent_user(&host(0, Some((0, 0))), Path::new("/"), false).is_err());
        let user = agent_user(&host(0, None), Path::new("/"), true).unwrap();
        assert_eq!(user, UserIds { uid: 0, gid: 0 });
    }
}
