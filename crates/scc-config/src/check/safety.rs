//! What an organization says of the safety net and probably does not mean.

use super::Findings;
use crate::document::Document;
use crate::{NetworkTool, OrgConfig, SafetyAction};

const NET: &str = "/security/safety_net";

pub(super) fn warn(document: &Document<OrgConfig>) -> Findings {
    let mut findings = Findings::default();
    folders(document, &mut findings);
    tools(document, &mut findings);
    switches(document, &mut findings);
    findings
}

fn folders(document: &Document<OrgConfig>, findings: &mut Findings) {
    let folders = &document.value().security.safety_net.disposable_worktrees;
    for (number, folder) in folders.iter().enumerate() {
        let at = format!("{NET}/disposable_worktrees/{number}");
        let message = if folder.trim_end_matches('/').is_empty() {
            "uncommitted work may then be discarded everywhere, also in the workspace"
        } else if folder.contains(['*', '?', '[']) {
            "this is a folder with everything below it, not a pattern: a wildcard stands for itself"
        } else {
            continue;
        };
        findings.add(document, &at, "disposable_worktree", message.to_owned());
    }
}

/// These start `ssh`, which is then judged by itself.
fn tools(document: &Document<OrgConfig>, findings: &mut Findings) {
    let net = &document.value().security.safety_net;
    let allowed = &net.allowed_network_tools;
    if !net.block_network_tools || allowed.contains(&NetworkTool::Ssh) {
        return;
    }
    for (number, tool) in allowed.iter().enumerate() {
        let name = match tool {
            NetworkTool::Scp => "scp",
            NetworkTool::Sftp => "sftp",
            NetworkTool::Rsync => "rsync",
            NetworkTool::Curl | NetworkTool::Wget | NetworkTool::Ssh => continue,
        };
        let message = format!("`{name}` starts `ssh`, which is not allowed: allow `ssh` too");
        let at = format!("{NET}/allowed_network_tools/{number}");
        findings.add(document, &at, "network_tool_without_ssh", message);
    }
}

/// Where the net is off, nothing else that is said of it has an effect.
fn switches(document: &Document<OrgConfig>, findings: &mut Findings) {
    if document.value().security.safety_net.action != SafetyAction::Allow {
        return;
    }
    let keys = document.keys(NET);
    for key in keys.iter().filter(|key| *key != "action") {
        let message =
            format!("`action: allow` turns the safety net off, and `{key}` has no effect");
        findings.add(document, &format!("{NET}/{key}"), "safety_net_off", message);
    }
}
