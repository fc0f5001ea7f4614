//! Launches that do not come to be, in the audit log: each has exactly one event that ends it.

use std::path::Path;

use jiff::Timestamp;
use scc_runtime::SandboxRuntime;
use scc_state::{SessionRecord, SessionState, StateDir, StateError};
use serde_json::{Map, json};

use crate::ledger::launch_facts;
use crate::{Blocker, BlockerKind, LaunchError, Launcher, Plan};

/// The event of a launch that something stood against.
const REFUSED: &str = "launch.refused";

/// A launch that was refused before there was a plan for it.
#[derive(Debug, Clone, Copy)]
pub struct Refusal<'a> {
    /// The root of the workspace, or what was named as one.
    pub workspace: &'a Path,
    /// The provider that was asked for, where one was.
    pub provider: Option<&'a str>,
    /// Why, without secrets.
    pub reason: &'a str,
}

/// Records a launch that was refused before there was a plan for it.
///
/// # Errors
/// When the audit log cannot be written. The launch stays refused.
pub fn record_refusal(
    state: &StateDir,
    refusal: &Refusal<'_>,
    now: Timestamp,
) -> Result<(), StateError> {
    let mut facts = Map::new();
    facts.insert("workspace".to_owned(), json!(refusal.workspace));
    facts.insert("provider".to_owned(), json!(refusal.provider));
    facts.insert("reason".to_owned(), json!(refusal.reason));
    state.audit().append(REFUSED, None, facts, now)?;
    Ok(())
}

/// A plan whose launch is in the audit log: what [`Launcher::execute`] wants to see.
#[derive(Debug, Clone, Copy)]
pub struct Requested<'a> {
    pub(crate) plan: &'a Plan,
}

impl Plan {
    /// The first reason for which this launch is refused. What is merely missing is none: it may
    /// be there when the launch gets to it.
    #[must_use]
    pub fn refusal(&self) -> Option<&Blocker> {
        let refuses = |blocker: &&Blocker| blocker.kind != BlockerKind::MissingPrerequisite;
        self.blockers.iter().find(refuses)
    }
}

impl<R: SandboxRuntime> Launcher<'_, R> {
    /// Records that this launch was asked for, or refuses it and records that.
    ///
    /// # Errors
    /// When the plan has a refusal, or the audit log cannot be written.
    pub fn request<'a>(&self, plan: &'a Plan) -> Result<Requested<'a>, LaunchError> {
        if let Some(blocker) = plan.refusal() {
            self.note_end(plan, REFUSED, &blocker.message);
            return Err(LaunchError::Blocked(blocker.clone()));
        }
        if let Some(session) = &plan.continues
            && plan.conversation.is_none()
        {
            let error = LaunchError::NoConversation {
                session: session.clone(),
                provider: plan.provider.name.clone(),
            };
            self.note_end(plan, REFUSED, &error.to_string());
            return Err(error);
        }
        self.audit("launch.requested", &plan.session_id, launch_facts(plan))?;
        Ok(Requested { plan })
    }

    /// Ends a launch that is left in favour of a sandbox that is running already.
    pub fn give_way(&self, requested: Requested<'_>) {
        let reason = "a sandbox of this workspace is running";
        self.note_end(requested.plan, REFUSED, reason);
    }

    /// Ends a launch that the user has cancelled: its half-made sandbox goes.
    ///
    /// # Errors
    /// When the engine or the state directory does not answer; the next command does the rest.
    pub async fn cancel(&self, Requested { plan }: Requested<'_>) -> Result<(), LaunchError> {
        let undone = self.undo_cancelled(plan).await;
        // Where its record is still open, the command that closes it records the end.
        let records = self.state.session_records()?;
        let open =
            |record: &SessionRecord| record.id == plan.session_id && record.ended_at.is_none();
        if !records.iter().any(open) {
            self.note_end(plan, "launch.cancelled", "the user cancelled it");
        }
        undone
    }

    async fn undo_cancelled(&self, plan: &Plan) -> Result<(), LaunchError> {
        if let Some(_lock) = self.state.try_launch_lock(&plan.container)? {
            self.undo(plan).await?;
            self.remove_unused_seals(false).await?;
            self.set_state(&plan.session_id, SessionState::Failed, None, self.now())?;
        }
        self.tidy().await?;
        Ok(())
    }

    /// Records how a launch ended that did not come to be. What kept it from that is what is
    /// reported to the user, also when this fails.
    pub(crate) fn note_end(&self, plan: &Plan, event: &str, reason: &str) {
        let mut facts = launch_facts(plan);
        facts.insert("reason".to_owned(), json!(reason));
        if let Err(error) = self.audit(event, &plan.session_id, facts) {
            tracing::warn!(%error, "the end of a launch was not recorded");
        }
    }
}
