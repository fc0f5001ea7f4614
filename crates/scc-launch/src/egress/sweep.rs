//! Removing what enforces egress: with its sandbox, and what a killed scc or engine has left.

use std::collections::{BTreeMap, BTreeSet};

use scc_runtime::egress::ROLE_EGRESS;
use scc_runtime::{Sandbox, SandboxRuntime, SandboxState, labels};

use crate::names::pairs;
use crate::{LaunchError, Launcher};

impl<R: SandboxRuntime> Launcher<'_, R> {
    /// Removes a sandbox, and proxy and network with it.
    pub(crate) async fn remove_sandbox(&self, sandbox: &Sandbox) -> Result<(), LaunchError> {
        self.runtime.remove(&sandbox.id).await?;
        if sandbox.labels.contains_key(labels::EGRESS) {
            self.remove_egress(&sandbox.name).await?;
            self.remove_unused_sockets(false).await?;
        }
        Ok(())
    }

    /// Removes proxy and network of a sandbox that has ended, where it has them.
    pub(crate) async fn remove_egress_of(&self, sandbox: &Sandbox) -> Result<(), LaunchError> {
        match sandbox.labels.contains_key(labels::EGRESS) {
            true => self.remove_egress(&sandbox.name).await,
            false => Ok(()),
        }
    }

    /// Removes proxy and network of a sandbox. The volume goes when the sandbox does.
    pub(crate) async fn remove_egress(&self, sandbox: &str) -> Result<(), LaunchError> {
        let labels = self.egress_labels(Some(sandbox));
        for proxy in self.runtime.list(&pairs(&labels)).await? {
            let kept = self.keep_requests(&proxy).await;
            self.runtime.remove(&proxy.id).await?;
            kept?;
        }
        for network in self.runtime.list_networks(&pairs(&labels)).await? {
            self.runtime.remove_network(&network.id).await?;
        }
        Ok(())
    }

    fn egress_labels(&self, sandbox: Option<&str>) -> BTreeMap<String, String> {
        let mut labels = self.scope.labels(ROLE_EGRESS);
        if let Some(sandbox) = sandbox {
            labels.insert(labels::MADE_FOR.to_owned(), sandbox.to_owned());
        }
        labels
    }

    /// Removes the proxies and networks whose sandbox does not run, unless somebody is starting it,
    /// and the volumes that nothing uses. Returns whether there was any.
    pub(crate) async fn sweep_egress(&self, thorough: bool) -> Result<bool, LaunchError> {
        let labels = self.egress_labels(None);
        let wanted = pairs(&labels);
        // A network without a proxy is what is left of a launch, or a proof, that was killed early.
        let (proxies, networks) = tokio::join!(
            self.runtime.list(&wanted),
            self.runtime.list_networks(&wanted)
        );
        let (proxies, networks) = (proxies?, networks?);
        let proxies = proxies.iter().map(|proxy| &proxy.labels);
        let all = proxies.chain(networks.iter().map(|network| &network.labels));
        let sandboxes: BTreeSet<_> = all
            .filter_map(|labels| labels.get(labels::MADE_FOR).cloned())
            .collect();
        let mut any = false;
        for sandbox in sandboxes {
            any |= self.sweep_one(&sandbox).await?;
        }
        if any || thorough {
            self.remove_unused_sockets(false).await?;
        }
        Ok(any)
    }

    async fn sweep_one(&self, sandbox: &str) -> Result<bool, LaunchError> {
        let Some(_lock) = self.state.try_launch_lock(sandbox)? else {
            return Ok(false);
        };
        let found = self.runtime.inspect(sandbox).await?;
        if found.is_some_and(|found| found.state == SandboxState::Running) {
            return Ok(false);
        }
        self.remove_egress(sandbox).await?;
        Ok(true)
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
