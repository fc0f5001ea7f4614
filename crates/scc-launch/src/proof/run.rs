//! Starting the sandbox, making the attempts, and removing it.

use std::time::Duration;

use scc_relay::probe::{Check, Finding};
use scc_runtime::{Own, SandboxRuntime, Surroundings, labels};
use serde_json::{Map, json};

use super::facts::Facts;
use super::report::{Claim, ClaimState, Proof};
use super::{attempts, guard};
use crate::egress::checks::Around;
use crate::images::GUARD;
use crate::ledger::launch_facts;
use crate::names::ROLE_TRIAL;
use crate::probes::{outcomes, script};
use crate::worktree::make_config;
use crate::{Event, LaunchError, Launcher, Plan, Reporter, safety};

/// What the main process does while attempts are made beside it.
const WAIT: [&str; 2] = ["/bin/sleep", "infinity"];
/// How long the collector may take to start.
const SETTLED: Duration = Duration::from_secs(10);
/// The longest that is shown of what a command said that did not do what it should.
const LONGEST: usize = 300;

/// How a proof ended.
#[derive(Debug)]
pub enum Proved<S> {
    /// All attempts were made.
    Proof(Proof),
    /// This came first.
    Stopped(S),
}

impl Plan {
    /// The same sandbox for a proof: only the command is another, and the name, so that a session of
    /// the workspace is not disturbed.
    fn for_proof(&self, role: &str) -> Self {
        let mut plan = self.clone();
        plan.container = format!("{}-proof", self.container);
        plan.spec.name.clone_from(&plan.container);
        plan.spec.argv = WAIT.map(str::to_owned).into();
        let own = &mut plan.spec.labels;
        own.insert(labels::ROLE.to_owned(), role.to_owned());
        own.remove(labels::SESSION_NAME);
        plan
    }
}

impl<R: SandboxRuntime> Launcher<'_, R> {
    /// Starts the sandbox of this plan with attempts to break it instead of its agent, and reports
    /// what came of them. `more` are further attempts on the network. When `stop` comes, attempts are
    /// given up; a sandbox that is being made is made first, because what is given up halfway may still
    /// come to be.
    ///
    /// # Errors
    /// When the plan has a refusal, another proof of the same sandbox runs, or the engine refuses.
    /// Nothing that was made stays.
    pub async fn prove<S>(
        &self,
        plan: &Plan,
        more: &[Check],
        report: Reporter<'_>,
        stop: impl Future<Output = S>,
    ) -> Result<Proved<S>, LaunchError> {
        if let Some(blocker) = plan.refusal() {
            return Err(LaunchError::Blocked(blocker.clone()));
        }
        tokio::pin!(stop);
        tokio::select! {
            made = self.ensure_images_for_proof(plan, report) => made?,
            stopped = &mut stop => return Ok(Proved::Stopped(stopped)),
        }
        let subject = plan.for_proof(ROLE_TRIAL);
        let container = subject.container.clone();
        let Some(_claim) = self.state.try_launch_lock(&container)? else {
            return Err(LaunchError::Busy { container });
        };
        if let Some(earlier) = self.runtime.inspect(&container).await? {
            if !self.scope.owns(&earlier.labels) {
                return Err(LaunchError::ForeignContainer { container });
            }
            self.remove_sandbox(&earlier).await?;
        }
        let proved = self.prove_subject(&subject, more, report, stop).await;
        self.undo(&subject).await?;
        self.remove_unused_seals(false).await?;
        let proved = proved?;
        if let Proved::Proof(proof) = &proved {
            self.note_proof(plan, proof)?;
        }
        Ok(proved)
    }

    async fn ensure_images_for_proof(
        &self,
        plan: &Plan,
        report: Reporter<'_>,
    ) -> Result<(), LaunchError> {
        self.ensure_images(&plan.image, report).await?;
        match &plan.egress {
            Some(egress) => self.ensure_proxy_image(egress, report).await,
            None => Ok(()),
        }
    }

    fn note_proof(&self, plan: &Plan, proof: &Proof) -> Result<(), LaunchError> {
        let of = |state: ClaimState| -> Vec<&str> {
            let all = proof.claims.iter().filter(|claim| claim.state == state);
            all.map(|claim| claim.id.as_str()).collect()
        };
        let mut facts: Map<_, _> = launch_facts(plan);
        facts.insert("held".to_owned(), json!(of(ClaimState::Held)));
        facts.insert("failed".to_owned(), json!(of(ClaimState::Failed)));
        self.audit("sandbox.proved", &plan.session_id, facts)
    }

    async fn prove_subject<S>(
        &self,
        plan: &Plan,
        more: &[Check],
        report: Reporter<'_>,
        stop: impl Future<Output = S>,
    ) -> Result<Proved<S>, LaunchError> {
        report(Event::Proving {
            what: "starting the sandbox",
        });
        let (id, surroundings) = self.start_subject(plan).await?;
        tokio::select! {
            claims = self.attempt_all(plan, &id, &surroundings, more, report) => {
                Ok(Proved::Proof(self.proof(plan, claims)))
            }
            stopped = stop => Ok(Proved::Stopped(stopped)),
        }
    }

    /// As a launch starts it, with the collector of what the guard refuses.
    async fn start_subject(&self, plan: &Plan) -> Result<(String, Surroundings), LaunchError> {
        let (id, surroundings) = self.start_as_planned(plan).await?;
        if safety::judges(&plan.policy.safety_net.value) {
            let collector = self.start_collector(&id, plan.spec.user).await?;
            // Until then one of the engine's processes stands in its place, which has privileges.
            if let Some(mut collector) = collector {
                // One that does not get there is found among the processes.
                let _ = tokio::time::timeout(SETTLED, collector.next()).await;
            }
        }
        Ok((id, surroundings))
    }

    async fn attempt_all(
        &self,
        plan: &Plan,
        id: &str,
        surroundings: &Surroundings,
        more: &[Check],
        report: Reporter<'_>,
    ) -> Vec<Claim> {
        let mut claims = self.try_network(plan, id, surroundings, more, report).await;
        claims.extend(self.try_guard_of(plan, id, report).await);
        claims.sort_by_key(|claim| claim.id);
        claims
    }

    async fn start_as_planned(&self, plan: &Plan) -> Result<(String, Surroundings), LaunchError> {
        plan.worktree_of.as_ref().map_or(Ok(()), make_config)?;
        match &plan.egress {
            // Its main process is held, and never let go.
            Some(egress) => {
                let made = self.join_and_look(plan, egress, plan.spec.clone());
                let (joined, surroundings) = made.await?;
                Ok((joined.sandbox, surroundings))
            }
            None => {
                let surroundings = self.runtime.surroundings(&Own::default()).await?;
                let (id, _) = self.create_and_start(&plan.spec).await?;
                Ok((id, surroundings))
            }
        }
    }

    fn proof(&self, plan: &Plan, claims: Vec<Claim>) -> Proof {
        let engine = self.runtime.engine();
        Proof {
            workspace: plan.workspace.clone(),
            provider: plan.provider.id.clone(),
            organization: plan.policy.organization.clone(),
            team: plan.team.clone(),
            network_policy: plan.policy.network_policy.value,
            topology: plan.egress.as_ref().map(|egress| egress.topology),
            image: plan.image.reference.clone(),
            engine: format!("{} {}", engine.name, engine.version),
            claims,
        }
    }

    /// What the sandbox is, and what it reaches.
    async fn try_network(
        &self,
        plan: &Plan,
        id: &str,
        surroundings: &Surroundings,
        more: &[Check],
        report: Reporter<'_>,
    ) -> Vec<Claim> {
        report(Event::Proving {
            what: "looking at what it is",
        });
        let mut argv = vec![GUARD.to_owned(), "facts".to_owned()];
        argv.extend(plan.spec.sealed.iter().map(|dir| dir.path.clone()));
        let said = self.said_by(id, argv).await;
        let facts = Facts::read(&said);
        let mut claims = facts.claims(&plan.spec, &plan.mounts, &shortened(&said));

        report(Event::Proving {
            what: "trying the network and the kernel",
        });
        let egress = plan.egress.as_ref();
        let around = Around {
            surroundings,
            machine: &plan.machine,
        };
        let checks = attempts::all(egress.map(|egress| &egress.destinations), &around, more);
        let argv = [GUARD, "probe", "--patient"].map(str::to_owned);
        let argv = argv
            .into_iter()
            .chain(checks.iter().map(ToString::to_string));
        let said = self.said_by(id, argv.collect()).await;
        claims.extend(attempts::judge(
            plan.policy.network_policy.value,
            &checks,
            &Finding::read(&said),
            &shortened(&said),
            facts.filters(),
        ));
        claims
    }

    /// What destroys work, and what does not.
    async fn try_guard_of(&self, plan: &Plan, id: &str, report: Reporter<'_>) -> Vec<Claim> {
        let net = &plan.policy.safety_net.value;
        let probes = guard::probes(net);
        let said = match probes.is_empty() {
            true => String::new(),
            false => {
                report(Event::Proving {
                    what: "trying the guard, which takes a minute",
                });
                let argv = ["/bin/bash", "-c"].map(str::to_owned).into_iter();
                self.said_by(id, argv.chain([script(&probes)]).collect())
                    .await
            }
        };
        let recorded = self.has_records(id).await.unwrap_or_default();
        guard::judge(net, &probes, &outcomes(&said), &shortened(&said), recorded)
    }

    /// What a command in the sandbox has said, or why it could not be run: then nothing of what it
    /// was to say is there.
    async fn said_by(&self, id: &str, argv: Vec<String>) -> String {
        match self.run_in(id, argv).await {
            Ok((_, said)) => said,
            Err(error) => error.to_string(),
        }
    }
}

fn shortened(said: &str) -> String {
    let text: String = said.trim().chars().take(LONGEST).collect();
    match text.is_empty() {
        true => "the sandbox said nothing".to_owned(),
        false => text.replace(['\n', '\t'], " "),
    }
}

#[cfg(test)]
mod tests {
    use scc_config::{NetworkPolicy, SafetyNet};

    use super::*;
    use crate::proof::ClaimId;

    #[test]
    fn every_claim_is_in_a_report_once() {
        let spec = crate::proof::facts::tests::spec();
        let mut claims = Facts::read("").claims(&spec, &[], "");
        claims.extend(attempts::judge(
            NetworkPolicy::Open,
            &[],
            &[],
            "",
            Vec::new(),
        ));
        claims.extend(guard::judge(&SafetyNet::default(), &[], &[], "", false));
        claims.sort_by_key(|claim| claim.id);
        let ids: Vec<_> = claims.iter().map(|claim| claim.id).collect();
        assert_eq!(ids, ClaimId::ALL);
    }
}
