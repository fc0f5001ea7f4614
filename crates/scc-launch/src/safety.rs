//! The safety net of a sandbox: the policy by which its guard judges commands.

use std::collections::BTreeMap;

use scc_config::{NetworkTool, SafetyAction, SafetyNet};
use scc_provider::CommandHook;
use scc_runtime::SealedDirectory;
use scc_safety::{Action, Policy, Switches};

use crate::LaunchError;

/// Where the guard looks, which is compiled into it.
const DIRECTORY: &str = "/etc/scc";
const FILE: &str = "safety.json";

/// Ends with 0, or with 2 and a reason: agents take everything else for a broken hook and go on. The
/// guard gets less time than the agent gives the hook, so that it is this line that ends it. By
/// absolute paths, because settings of a workspace may change the path.
const HOOK: CommandHook<'static> = CommandHook {
    command: "/usr/bin/timeout -k 1 10 /usr/local/lib/scc/guard hook || { [ $? = 2 ] || \
              echo 'scc refused the command: its safety check did not work' >&2; exit 2; }",
    timeout_seconds: 20,
};

/// What judges the agent's shell commands before it runs them, where anything is judged.
pub(crate) fn hook(net: &SafetyNet) -> Option<CommandHook<'static>> {
    judges(net).then_some(HOOK)
}

/// Whether anything is judged.
pub(crate) fn judges(net: &SafetyNet) -> bool {
    net.action != SafetyAction::Allow
}

/// The policy of the safety net, as the guard and the hooks of a sandbox read it.
#[must_use]
pub fn safety_policy(net: &SafetyNet) -> Policy {
    Policy {
        action: match net.action {
            SafetyAction::Block => Action::Block,
            SafetyAction::Warn => Action::Warn,
            SafetyAction::Allow => Action::Allow,
        },
        switches: switches(net),
        allowed_network_tools: net
            .allowed_network_tools
            .iter()
            .copied()
            .map(tool)
            .collect(),
        disposable_worktrees: net.disposable_worktrees.clone(),
        ..Policy::default()
    }
}

fn switches(net: &SafetyNet) -> Switches {
    Switches {
        block_force_push: net.block_force_push,
        block_reset_hard: net.block_reset_hard,
        block_branch_force_delete: net.block_branch_force_delete,
        block_checkout_restore: net.block_checkout_restore,
        block_clean: net.block_clean,
        block_stash_destructive: net.block_stash_destructive,
        block_history_rewrite: net.block_history_rewrite,
        block_remote_delete: net.block_remote_delete,
        block_reflog_gc: net.block_reflog_gc,
        block_network_tools: net.block_network_tools,
    }
}

fn tool(tool: NetworkTool) -> scc_safety::NetworkTool {
    match tool {
        NetworkTool::Curl => scc_safety::NetworkTool::Curl,
        NetworkTool::Wget => scc_safety::NetworkTool::Wget,
        NetworkTool::Ssh => scc_safety::NetworkTool::Ssh,
        NetworkTool::Scp => scc_safety::NetworkTool::Scp,
        NetworkTool::Sftp => scc_safety::NetworkTool::Sftp,
        NetworkTool::Rsync => scc_safety::NetworkTool::Rsync,
    }
}

/// The policy as a file that the agent can read and not change.
pub(crate) fn sealed(net: &SafetyNet) -> Result<SealedDirectory, LaunchError> {
    let text =
        serde_json::to_string_pretty(&safety_policy(net)).map_err(LaunchError::SafetyPolicy)?;
    Ok(SealedDirectory {
        path: DIRECTORY.to_owned(),
        files: BTreeMap::from([(FILE.to_owned(), format!("{text}\n").into())]),
    })
}

/// What the guard does with destructive commands, in a few words.
#[must_use]
pub fn describe(net: &SafetyNet) -> String {
    let action = match net.action {
        SafetyAction::Block => "block",
        SafetyAction::Warn => "warn",
        SafetyAction::Allow => return "allow: nothing is judged".to_owned(),
    };
    let policy = safety_policy(net);
    let off: Vec<_> = scc_safety::Group::ALL
        .into_iter()
        .filter(|group| !policy.is_on(*group))
        .filter_map(scc_safety::Group::switch)
        .map(|switch| switch.trim_start_matches("block_").replace('_', " "))
        .collect();
    let tools = policy.allowed_network_tools.iter();
    let tools = tools.map(|tool| tool.name().to_owned());
    let folders = policy.disposable_worktrees.iter();
    let folders = folders.map(|folder| format!("discards in {folder}"));
    match off
        .into_iter()
        .chain(tools)
        .chain(folders)
        .collect::<Vec<_>>()
    {
        let_through if let_through.is_empty() => action.to_owned(),
        let_through => format!("{action}, but for {}", let_through.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hook_is_the_guard() {
        let hook = hook(&SafetyNet::default()).unwrap();
        assert!(
            hook.command
                .contains(&format!(" {} hook ", scc_guard_bin::PATH))
        );
        let off = SafetyNet {
            action: SafetyAction::Allow,
            ..SafetyNet::default()
        };
        assert_eq!(super::hook(&off), None);
    }

    #[test]
    fn the_guard_reads_what_is_delivered() {
        let net = SafetyNet {
            action: SafetyAction::Warn,
            block_clean: false,
            allowed_network_tools: vec![NetworkTool::Curl],
            disposable_worktrees: vec!["/tmp/trees".to_owned()],
            ..SafetyNet::default()
        };
        let sealed = sealed(&net).unwrap();
        assert_eq!(sealed.path, "/etc/scc");
        let read = Policy::parse(&sealed.files["safety.json"].content).unwrap();
        assert_eq!(read, safety_policy(&net));
        assert_eq!(read.action, Action::Warn);
        assert!(!read.switches.block_clean && read.switches.block_force_push);
        assert_eq!(
            describe(&net),
            "warn, but for clean, curl, discards in /tmp/trees"
        );
        assert_eq!(describe(&SafetyNet::default()), "block");
    }
}
