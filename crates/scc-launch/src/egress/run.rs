//! Carrying enforced egress out: proxy, sandbox, and the check from inside.

use std::collections::BTreeMap;

use scc_relay::address::Address;
use scc_relay::probe::{Finding, Outcome};
use scc_runtime::egress::{
    EgressTopology, End, InternalNetwork, Link, Socket, Topology, egress_name,
};
use scc_runtime::{
    Attachment, EngineError, ExecSpec, Limits, Own, Sandbox, SandboxRuntime, SandboxSpec,
    SandboxState, Surroundings, UserIds, labels,
};

use serde_json::{Value, json};

use super::checks::Around;
use super::{EgressPlan, checks, environment, squid};
use crate::images::GUARD;
use crate::{LaunchError, Launcher, Plan, Reporter, SessionView};

/// Debian's user for proxies, which every image based on it has.
const PROXY_USER: UserIds = UserIds { uid: 13, gid: 13 };
const SQUID: &str = "/usr/sbin/squid";
const PROXY_LIMITS: Limits = Limits {
    memory_bytes: 256 << 20,
    cpus: 2.0,
    // Each connection takes two threads of the relay.
    pids: 1024,
    // What was asked for is read from it when the session ends.
    log_files: 5,
};
/// How much of what a proxy has said is shown when it does not work.
const LAST_LINES: usize = 5;

/// A sandbox and its proxy, which run; the agent waits.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) sandbox: String,
    pub(crate) attachment: Attachment,
    pub(crate) proxy: String,
}

impl<R: SandboxRuntime> Launcher<'_, R> {
    /// Makes the proxy's image where it is missing.
    pub(crate) async fn ensure_proxy_image(
        &self,
        egress: &EgressPlan,
        report: Reporter<'_>,
    ) -> Result<(), LaunchError> {
        self.ensure_images(&egress.images, report).await
    }

    /// Makes and starts proxy and sandbox, and lets the agent start once every check from inside
    /// has held. On failure what was made stays, for [`Launcher::remove_egress`].
    pub(crate) async fn start_enforced(
        &self,
        plan: &Plan,
        egress: &EgressPlan,
        spec: SandboxSpec,
    ) -> Result<(String, Attachment), LaunchError> {
        let (joined, surroundings) = self.join_and_look(plan, egress, spec).await?;
        self.check_from_inside(&joined, egress, &surroundings)
            .await?;
        Ok((joined.sandbox, joined.attachment))
    }

    /// Makes and starts proxy and sandbox, and looks around; the agent waits. On failure what was made
    /// stays.
    pub(crate) async fn join_and_look(
        &self,
        plan: &Plan,
        egress: &EgressPlan,
        spec: SandboxSpec,
    ) -> Result<(Joined, Surroundings), LaunchError> {
        let joined = self.join_enforced(plan, egress, spec);
        match egress.topology {
            Topology::Socket => {
                // A proxy that is its own is as far out of reach as any other container.
                let own = Own::default();
                let around = self.runtime.surroundings(&own);
                let (joined, around) = tokio::join!(joined, around);
                Ok((joined?, around?))
            }
            Topology::InternalNetwork => {
                // After the two have their addresses: until then somebody else could have the same, and
                // be gone when they are tried.
                let joined = joined.await?;
                let network = egress_name(&plan.container);
                let own = Own {
                    sandboxes: &[&joined.sandbox, &joined.proxy],
                    network: Some(&network),
                };
                let around = self.runtime.surroundings(&own).await?;
                Ok((joined, around))
            }
        }
    }

    /// Makes and starts proxy and sandbox; the agent waits.
    async fn join_enforced(
        &self,
        plan: &Plan,
        egress: &EgressPlan,
        spec: SandboxSpec,
    ) -> Result<Joined, LaunchError> {
        match egress.topology {
            Topology::Socket => self.join_by(&Socket, plan, egress, spec).await,
            Topology::InternalNetwork => self.join_by(&InternalNetwork, plan, egress, spec).await,
        }
    }

    async fn join_by<T: EgressTopology>(
        &self,
        topology: &T,
        plan: &Plan,
        egress: &EgressPlan,
        mut spec: SandboxSpec,
    ) -> Result<Joined, LaunchError> {
        // What a launch that was killed has left: nobody else makes this sandbox now.
        self.remove_egress(&plan.container, None).await?;
        let mut owned = self.scope.owner_labels();
        owned.insert(labels::SESSION.to_owned(), plan.session_id.clone());
        let link = Link {
            sandbox: &plan.container,
            labels: &owned,
            way_out: &egress.way_out,
        };
        let end = topology.proxy_end(self.runtime, &link).await?;
        let proxy = proxy_spec(egress, &link, end);
        let proxy = self.start_proxy(&proxy);
        let sandbox = async {
            let end = topology.sandbox_end(self.runtime, &link).await?;
            join(&mut spec, end);
            self.create_and_start(&spec).await
        };
        let (proxy, sandbox) = match topology.needs_running_proxy() {
            true => {
                let proxy = proxy.await?;
                let sandbox = match sandbox.await {
                    Err(error) => Err(self.blamed(&proxy, error).await),
                    made => made,
                };
                (Ok(proxy), sandbox)
            }
            // Both to their ends: what is given up halfway may still come to be, after the launch
            // was undone.
            false => tokio::join!(proxy, sandbox),
        };
        let (proxy, (sandbox, attachment)) = (proxy?, sandbox?);
        Ok(Joined {
            sandbox,
            attachment,
            proxy,
        })
    }

    async fn start_proxy(&self, spec: &SandboxSpec) -> Result<String, LaunchError> {
        let id = self.runtime.create(spec).await?;
        self.runtime.start(&id).await?;
        Ok(id)
    }

    /// A proxy that has ended has no place to be joined to, and says itself why.
    async fn blamed(&self, proxy: &str, error: LaunchError) -> LaunchError {
        match self.runtime.inspect(proxy).await {
            Ok(Some(found)) if found.state != SandboxState::Running => {
                let mut details = vec![format!("the proxy has ended: {error}")];
                details.extend(self.last_words(proxy).await);
                LaunchError::EgressNotProven { details }
            }
            _ => error,
        }
    }

    /// Makes the checks in the sandbox, and lets its agent go when all have held.
    async fn check_from_inside(
        &self,
        joined: &Joined,
        egress: &EgressPlan,
        surroundings: &Surroundings,
    ) -> Result<(), LaunchError> {
        let around = Around {
            surroundings,
            machine: &egress.machine,
        };
        let checks = checks::checks(&egress.destinations, &around);
        let argv = [GUARD, "probe", "--release"].map(str::to_owned);
        let argv = argv
            .into_iter()
            .chain(checks.iter().map(ToString::to_string));
        let (status, output) = self.run_while_proxied(joined, argv.collect()).await?;
        let findings = Finding::read(&output);
        let failed = |found: &&Finding| found.outcome != Outcome::Held;
        let failed: Vec<_> = findings.iter().filter(failed).collect();
        if status == 0 && failed.is_empty() && findings.len() == checks.len() {
            return Ok(());
        }
        let mut details: Vec<_> = failed
            .iter()
            .map(|found| format!("{}: {}", found.check, found.detail))
            .collect();
        if details.is_empty() {
            details.push(format!(
                "the check ended with status {status}: {}",
                output.trim()
            ));
        }
        details.extend(self.last_words(&joined.proxy).await);
        Err(LaunchError::EgressNotProven { details })
    }

    /// Runs checks in a sandbox for as long as its proxy runs: they wait for one that may still come.
    async fn run_while_proxied(
        &self,
        joined: &Joined,
        argv: Vec<String>,
    ) -> Result<(i64, String), LaunchError> {
        tokio::select! {
            said = self.run_in(&joined.sandbox, argv) => said,
            ended = self.runtime.wait(&joined.proxy) => {
                let mut details = vec![format!("the proxy has ended, with status {}", ended?)];
                details.extend(self.last_words(&joined.proxy).await);
                Err(LaunchError::EgressNotProven { details })
            }
        }
    }

    /// Runs a command in a sandbox; its status, and what it wrote.
    pub(crate) async fn run_in(
        &self,
        id: &str,
        argv: Vec<String>,
    ) -> Result<(i64, String), LaunchError> {
        let spec = ExecSpec {
            argv,
            env: BTreeMap::new(),
            working_dir: Some("/".to_owned()),
            user: None,
            terminal: None,
        };
        let (exec, attachment) = self.runtime.exec(id, &spec).await?;
        let (out, err) = attachment.read_to_end().await?;
        let status = self.runtime.exec_status(&exec).await?;
        Ok((status, out + &err))
    }

    /// Lets a running sandbox reach one more host for so many seconds.
    ///
    /// # Errors
    /// When its egress is not enforced, and when the engine or the proxy refuses.
    pub async fn allow_host(
        &self,
        view: &SessionView,
        host: &str,
        seconds: u64,
    ) -> Result<(), LaunchError> {
        let proxy = self.own_proxy(view).await?;
        let facts = [("host", json!(host)), ("seconds", json!(seconds))];
        // What cannot be recorded is not done.
        self.audit_live("network.allow", view, facts.into())?;
        let seconds = seconds.to_string();
        let argv = [GUARD, "live", host, &seconds].map(str::to_owned);
        self.tell(&proxy, argv.into(), "letting the host through")
            .await
    }

    /// Takes a host away that was added to a running sandbox, and cuts its tunnels. What the rules
    /// let through stays.
    ///
    /// # Errors
    /// When its egress is not enforced, and when the engine or the proxy refuses.
    pub async fn withdraw_host(&self, view: &SessionView, host: &str) -> Result<(), LaunchError> {
        let proxy = self.own_proxy(view).await?;
        let argv = [GUARD, "live-withdraw", host].map(str::to_owned);
        self.tell(&proxy, argv.into(), "taking the host away")
            .await?;
        self.audit_live("network.withdraw", view, vec![("host", json!(host))])
    }

    async fn own_proxy(&self, view: &SessionView) -> Result<Sandbox, LaunchError> {
        let name = view.container.clone();
        match self.proxy_of(&view.container).await? {
            None => Err(LaunchError::NoProxy { name }),
            Some(proxy) if proxy.state != SandboxState::Running => {
                Err(LaunchError::ProxyEnded { name })
            }
            Some(proxy) => Ok(proxy),
        }
    }

    fn audit_live(
        &self,
        event: &str,
        view: &SessionView,
        facts: Vec<(&str, Value)>,
    ) -> Result<(), LaunchError> {
        let session = view.session_id.as_deref().unwrap_or_default();
        let facts = facts
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value));
        self.audit(event, session, facts.collect())
    }

    /// Runs a command in a proxy's container, which has to succeed.
    async fn tell(
        &self,
        proxy: &Sandbox,
        argv: Vec<String>,
        action: &str,
    ) -> Result<(), LaunchError> {
        let (status, output) = self.run_in(&proxy.id, argv).await?;
        match status {
            0 => Ok(()),
            _ => Err(LaunchError::Engine(EngineError::Refused {
                action: action.to_owned(),
                message: output.trim().to_owned(),
            })),
        }
    }

    /// What a proxy that does not work has said last.
    async fn last_words(&self, proxy: &str) -> Vec<String> {
        let Ok(log) = self.runtime.logs(proxy, false).await else {
            return Vec::new();
        };
        let Ok((_, said)) = scc_runtime::read_streams(log).await else {
            return Vec::new();
        };
        let lines: Vec<_> = said.lines().filter(|line| is_trouble(line)).collect();
        let skipped = lines.len().saturating_sub(LAST_LINES);
        let shown = lines.into_iter().skip(skipped);
        shown
            .map(|line| format!("the proxy says: {line}"))
            .collect()
    }
}

fn is_trouble(line: &str) -> bool {
    ["FATAL", "ERROR", "scc: relay"]
        .iter()
        .any(|word| line.contains(word))
}

/// Joins a sandbox to its end of the link: its main process relays, waits to be let go, and becomes
/// the agent.
fn join(spec: &mut SandboxSpec, end: End) {
    let listen = format!("tcp:{}", environment::PROXY);
    let words = [GUARD, "relay", "--listen", &listen, "--connect"].map(str::to_owned);
    let agent = std::mem::take(&mut spec.argv);
    let rest = ["--hold", "--"].map(str::to_owned);
    spec.argv = words.into();
    spec.argv.push(end.address.to_string());
    spec.argv.extend(rest.into_iter().chain(agent));
    spec.mounts.extend(end.mounts);
    spec.network = end.network;
}

/// The sandbox in which the proxy runs, as tight as the agent's.
fn proxy_spec(egress: &EgressPlan, link: &Link<'_>, end: End) -> SandboxSpec {
    let mut own_labels = link.own_labels();
    own_labels.insert(
        labels::VERSION.to_owned(),
        env!("CARGO_PKG_VERSION").to_owned(),
    );
    let squid = Address::Tcp(squid::LISTENS);
    let relay = [GUARD, "relay", "--check-names", "--listen"].map(str::to_owned);
    let run = ["--", SQUID, "-N", "-f", squid::CONFIGURATION].map(str::to_owned);
    let ends = [
        end.address.to_string(),
        "--connect".to_owned(),
        squid.to_string(),
    ];
    SandboxSpec {
        name: link.name(),
        labels: own_labels,
        image: egress.image.clone(),
        argv: relay.into_iter().chain(ends).chain(run).collect(),
        init: Vec::new(),
        env: BTreeMap::new(),
        working_dir: "/".to_owned(),
        user: PROXY_USER,
        hostname: "scc-egress".to_owned(),
        mounts: end.mounts,
        sealed: vec![egress.policy.clone()],
        network: end.network,
        limits: PROXY_LIMITS,
        read_only_root: true,
        terminal: None,
    }
}
