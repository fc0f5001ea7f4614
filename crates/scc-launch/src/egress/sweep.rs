//! Removing what enforces egress: with its sandbox, and what a killed scc or engine has left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use scc_runtime::egress::ROLE_EGRESS;
use scc_runtime::{Sandbox, SandboxRuntime, SandboxState, labels};

use scc_state::LaunchLock;

use crate::names::pairs;
use crate::{LaunchError, Launcher};

/// How often a lock is tried that somebody holds who removes a proxy.
const LOCK_RETRY: Duration = Duration::from_millis(20);

/// What to say of a sandbox, by its container, that runs while its proxy does not.
#[must_use]
pub fn proxy_ended(container: &str) -> String {
    let name = container.to_owned();
    let ended = LaunchError::ProxyEnded { name };
    format!("{ended}; start anew: scc start --fresh")
}

/// What became of a proxy or network.
enum Swept {
    /// Somebody starts its sandbox.
    Starts,
    /// Its sandbox runs.
    Runs,
    /// It was removed.
    Gone,
}

impl<R: SandboxRuntime> Launcher<'_, R> {
    /// Removes a sandbox, and proxy and network with it.
    pub(crate) async fn remove_sandbox(&self, sandbox: &Sandbox) -> Result<(), LaunchError> {
        self.runtime.remove(&sandbox.id).await?;
        self.remove_egress_of(sandbox).await?;
        if sandbox.labels.contains_key(labels::EGRESS) {
            self.remove_unused_sockets(false).await?;
        }
        Ok(())
    }

    /// Removes proxy and network of a sandbox that has ended, where it has them.
    pub(crate) async fn remove_egress_of(&self, sandbox: &Sandbox) -> Result<(), LaunchError> {
        if !sandbox.labels.contains_key(labels::EGRESS) {
            return Ok(());
        }
        let session = sandbox.labels.get(labels::SESSION);
        self.remove_egress(&sandbox.name, session.map(String::as_str))
            .await
    }

    /// Removes proxy and network of a sandbox; with a session only those of that one, and not those of
    /// the sandbox that has replaced it since. The volume goes when the sandbox does.
    pub(crate) async fn remove_egress(
        &self,
        sandbox: &str,
        session: Option<&str>,
    ) -> Result<(), LaunchError> {
        let mut labels = self.egress_labels(Some(sandbox));
        labels.extend(session.map(|id| (labels::SESSION.to_owned(), id.to_owned())));
        // One at a time, so that what was asked for is recorded once.
        let _lock = self.egress_lock(sandbox).await?;
        let mut kept = Ok(());
        for proxy in self.runtime.list(&pairs(&labels)).await? {
            kept = kept.and(self.keep_requests(&proxy).await);
            self.runtime.remove(&proxy.id).await?;
        }
        for network in self.runtime.list_networks(&pairs(&labels)).await? {
            self.runtime.remove_network(&network.id).await?;
        }
        // A record that cannot be written keeps nothing running.
        kept
    }

    async fn egress_lock(&self, sandbox: &str) -> Result<LaunchLock, LaunchError> {
        let key = format!("egress-{sandbox}");
        loop {
            match self.state.try_launch_lock(&key)? {
                Some(lock) => return Ok(lock),
                None => tokio::time::sleep(LOCK_RETRY).await,
            }
        }
    }

    fn egress_labels(&self, sandbox: Option<&str>) -> BTreeMap<String, String> {
        let mut labels = self.scope.labels(ROLE_EGRESS);
        if let Some(sandbox) = sandbox {
            labels.insert(labels::MADE_FOR.to_owned(), sandbox.to_owned());
        }
        labels
    }

    /// Removes the proxies and networks whose sandbox does not run, unless somebody is starting it,
    /// and the volumes that nothing uses. Returns whether there was any. Warns of sandboxes that run
    /// without their proxy.
    pub(crate) async fn sweep_egress(
        &self,
        thorough: bool,
        warnings: &mut Vec<String>,
    ) -> Result<bool, LaunchError> {
        let labels = self.egress_labels(None);
        let wanted = pairs(&labels);
        // A network without a proxy is what is left of a launch, or a proof, that was killed early.
        let (proxies, networks) = tokio::join!(
            self.runtime.list(&wanted),
            self.runtime.list_networks(&wanted)
        );
        let (proxies, networks) = (proxies?, networks?);
        let ended: BTreeSet<_> = proxies
            .iter()
            .filter(|proxy| matches!(proxy.state, SandboxState::Exited { .. }))
            .filter_map(|proxy| proxy.labels.get(labels::MADE_FOR).cloned())
            .collect();
        let proxies = proxies.iter().map(|proxy| &proxy.labels);
        let all = proxies.chain(networks.iter().map(|network| &network.labels));
        let sandboxes: BTreeSet<_> = all
            .filter_map(|labels| labels.get(labels::MADE_FOR).cloned())
            .collect();
        let mut any = false;
        for sandbox in sandboxes {
            match self.sweep_one(&sandbox).await? {
                Swept::Gone => any = true,
                Swept::Runs if ended.contains(&sandbox) => {
                    warnings.push(proxy_ended(&sandbox));
                }
                Swept::Runs | Swept::Starts => {}
            }
        }
        if any || thorough {
            self.remove_unused_sockets(false).await?;
        }
        Ok(any)
    }

    async fn runs(&self, sandbox: &str) -> Result<bool, LaunchError> {
        let found = self.runtime.inspect(sandbox).await?;
        Ok(found.is_some_and(|found| found.state == SandboxState::Running))
    }

    async fn sweep_one(&self, sandbox: &str) -> Result<Swept, LaunchError> {
        // What runs is left alone without its lock, for which somebody could be refused a start.
        if self.runs(sandbox).await? {
            return Ok(Swept::Runs);
        }
        let Some(_lock) = self.state.try_launch_lock(sandbox)? else {
            return Ok(Swept::Starts);
        };
        if self.runs(sandbox).await? {
            return Ok(Swept::Runs);
        }
        self.remove_egress(sandbox, None).await?;
        Ok(Swept::Gone)
    }

    /// Removes the volumes with sockets that nothing uses any more.
    pub(crate) async fn remove_unused_sockets(
        &self,
        dry_run: bool,
    ) -> Result<Vec<String>, LaunchError> {
        let labels = self.egress_labels(None);
        let wanted = pairs(&labels);
        Ok(self.runtime.remove_unused_volumes(&wanted, dry_run).await?)
    }
}
