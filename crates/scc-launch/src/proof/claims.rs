//! The claims of the security model that can be tried from inside.

use schemars::JsonSchema;
use serde::Serialize;

/// A claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimId {
    /// Nothing but what the plan names is mounted.
    Mounts,
    /// What must not be there is not.
    Hidden,
    /// No process has privileges.
    Privileges,
    /// The kernel's rarer doors are closed.
    Kernel,
    /// Policy cannot be changed.
    PolicyFiles,
    /// The guard is where the tools would be.
    GuardInPlace,
    /// Destructive commands are stopped.
    Guard,
    /// What was refused is recorded.
    RefusalsRecorded,
    /// Harmless commands are not stopped.
    EverydayWork,
    /// Nothing is reached directly.
    NetworkDirect,
    /// No name server tells anything.
    NetworkNames,
    /// The proxy refuses what is not on the list.
    NetworkList,
    /// A tunnel carries what it was opened for.
    NetworkTls,
    /// Hosts on the list are let through.
    NetworkAllowed,
}

impl ClaimId {
    /// Every claim, in the order of a report.
    pub const ALL: [Self; 14] = [
        Self::Mounts,
        Self::Hidden,
        Self::Privileges,
        Self::Kernel,
        Self::PolicyFiles,
        Self::GuardInPlace,
        Self::Guard,
        Self::RefusalsRecorded,
        Self::EverydayWork,
        Self::NetworkDirect,
        Self::NetworkNames,
        Self::NetworkList,
        Self::NetworkTls,
        Self::NetworkAllowed,
    ];

    /// Its name in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mounts => "mounts",
            Self::Hidden => "hidden",
            Self::Privileges => "privileges",
            Self::Kernel => "kernel",
            Self::PolicyFiles => "policy-files",
            Self::GuardInPlace => "guard-in-place",
            Self::Guard => "guard",
            Self::RefusalsRecorded => "refusals-recorded",
            Self::EverydayWork => "everyday-work",
            Self::NetworkDirect => "network-direct",
            Self::NetworkNames => "network-names",
            Self::NetworkList => "network-list",
            Self::NetworkTls => "network-tls",
            Self::NetworkAllowed => "network-allowed",
        }
    }

    /// What is claimed.
    #[must_use]
    pub fn statement(self) -> &'static str {
        match self {
            Self::Mounts => "only what the plan names is mounted, and as the plan says",
            Self::Hidden => "no engine's socket is there",
            Self::Privileges => {
                "no process is another user, has capabilities or can get privileges"
            }
            Self::Kernel => {
                "every process is filtered, and raw, packet, hypervisor and crypto sockets are refused"
            }
            Self::PolicyFiles => "policy files belong to root and cannot be changed from inside",
            Self::GuardInPlace => "the guard stands at every place of git and of the network tools",
            Self::Guard => "destructive commands are stopped, whatever starts them",
            Self::RefusalsRecorded => "what was refused is recorded",
            Self::EverydayWork => "everyday work is not stopped",
            Self::NetworkDirect => {
                "no address outside, of the machine or of another sandbox is reached"
            }
            Self::NetworkNames => "no name server tells an address",
            Self::NetworkList => {
                "the proxy refuses every host, port and address that is not on the list"
            }
            Self::NetworkTls => {
                "a tunnel carries TLS for the host that it was opened for, and nothing else"
            }
            Self::NetworkAllowed => "hosts on the list are let through",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_everywhere() {
        for claim in ClaimId::ALL {
            assert_eq!(serde_json::json!(claim), claim.as_str());
        }
        let mut sorted = ClaimId::ALL;
        sorted.sort();
        assert_eq!(sorted, ClaimId::ALL);
    }
}
