//! What is kept of a session: its record in the store, and the audit log.

use jiff::Timestamp;
use scc_runtime::SandboxRuntime;
use scc_state::{SessionRecord, SessionState};
use serde_json::{Map, Value, json};

use crate::extension_plan::ExtensionsPlan;
use crate::{ArtifactPlan, LaunchError, Launcher, Plan};

impl<R: SandboxRuntime> Launcher<'_, R> {
    /// Closes the record of a launch that failed and left no sandbox.
    pub(crate) fn note_failed(&self, plan: &Plan) {
        let failed = self.set_state(&plan.session_id, SessionState::Failed, None, self.now());
        if let Err(error) = failed {
            tracing::warn!(%error, "the end of a launch was not recorded");
        }
    }

    pub(crate) fn record_starting(&self, plan: &Plan) -> Result<(), LaunchError> {
        let now = self.now();
        let record = SessionRecord {
            id: plan.session_id.clone(),
            name: plan.session_name.clone(),
            workspace: plan.workspace.clone().into(),
            branch: plan.branch.clone(),
            provider: plan.provider.id.clone(),
            team: plan.team.clone(),
            container: plan.container.clone(),
            endpoint: self.endpoint().to_owned(),
            state: SessionState::Starting,
            started_at: now,
            ended_at: None,
            exit_status: None,
            owner_pid: Some(std::process::id()),
            conversation: plan.conversation.clone(),
            volume: Some(plan.provider.volume.clone()),
            continues: plan.continues.clone(),
        };
        Ok(self
            .state
            .update_sessions(now, |sessions| sessions.push(record))?)
    }

    pub(crate) fn record_started(&self, plan: &Plan) -> Result<(), LaunchError> {
        self.set_state(&plan.session_id, SessionState::Running, None, self.now())?;
        self.state.remember_workspace_provider(
            plan.workspace.as_ref(),
            &plan.provider.id,
            self.now(),
        )?;
        self.audit("launch.started", &plan.session_id, launch_facts(plan))
    }

    /// Sets a session's state, as it is since `at`; ended states also get that time.
    pub(crate) fn set_state(
        &self,
        session_id: &str,
        state: SessionState,
        exit_status: Option<i64>,
        at: Timestamp,
    ) -> Result<bool, LaunchError> {
        Ok(self.state.update_sessions(self.now(), |sessions| {
            let Some(session) = sessions.iter_mut().find(|session| session.id == session_id) else {
                return false;
            };
            if session.ended_at.is_some() {
                return false;
            }
            session.state = state;
            if !matches!(state, SessionState::Starting | SessionState::Running) {
                session.ended_at = Some(at.max(session.started_at));
                session.exit_status = exit_status;
            }
            true
        })?)
    }

    /// Closes a session once, and puts that and its reason into the audit log.
    pub(crate) fn close_session(
        &self,
        session_id: &str,
        exit_status: Option<i64>,
        ended_at: Timestamp,
        timed_out: bool,
    ) -> Result<(), LaunchError> {
        let state = match timed_out {
            true => SessionState::TimedOut,
            false => SessionState::Ended,
        };
        if self.set_state(session_id, state, exit_status, ended_at)? {
            if timed_out {
                self.audit("session.expired", session_id, Map::new())?;
            }
            let mut facts = Map::new();
            facts.insert("exit_status".to_owned(), json!(exit_status));
            self.audit("launch.ended", session_id, facts)?;
            self.state.set_collected_records(session_id, None)?;
        }
        Ok(())
    }

    /// Appends to the audit log; a launch that cannot be recorded does not go on.
    pub(crate) fn audit(
        &self,
        event: &str,
        session_id: &str,
        data: Map<String, Value>,
    ) -> Result<(), LaunchError> {
        self.state
            .audit()
            .append(event, Some(session_id), data, self.now())?;
        Ok(())
    }
}

pub(crate) fn launch_facts(plan: &Plan) -> Map<String, Value> {
    let mut facts = Map::new();
    facts.insert("workspace".to_owned(), json!(plan.workspace));
    facts.insert("provider".to_owned(), json!(plan.provider.id));
    facts.insert("container".to_owned(), json!(plan.container));
    facts.insert("image".to_owned(), json!(plan.image.reference));
    facts.insert(
        "network".to_owned(),
        json!(plan.policy.network_policy.value),
    );
    facts.insert("organization".to_owned(), json!(plan.policy.organization));
    facts.insert("team".to_owned(), json!(plan.team));
    facts.insert("continues".to_owned(), json!(plan.continues));
    let plugins = ExtensionsPlan::facts(&plan.plugins);
    facts.insert("plugins".to_owned(), json!(plugins));
    let servers = plan.mcp_servers.iter().filter(|server| server.delivered);
    let servers: Vec<_> = servers.map(|server| &server.name).collect();
    facts.insert("mcp_servers".to_owned(), json!(servers));
    let artifacts = ArtifactPlan::facts(&plan.artifacts);
    facts.insert("artifacts".to_owned(), json!(artifacts));
    facts
}
