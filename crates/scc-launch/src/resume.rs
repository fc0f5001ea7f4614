//! Going on with an earlier session's conversation.

use scc_provider::{AgentProvider, note_path};
use scc_runtime::SandboxRuntime;
use scc_state::SessionRecord;

use crate::{Blocker, BlockerKind, LaunchError, Launcher};

/// The session whose conversation is to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumed {
    /// The session's identifier.
    pub session: String,
    /// What people call it.
    pub label: String,
    /// Its provider's id.
    pub provider: String,
    /// The agent's identifier of the conversation; `None` where nobody has looked for it, as in a
    /// plan that asks no engine. Such a plan cannot be carried out.
    pub conversation: Option<String>,
    /// The volume that holds the conversation.
    pub volume: Option<String>,
}

/// Stands on the command line of a plan for a conversation that nobody has looked for.
pub(crate) const NOT_LOOKED_UP: &str = "CONVERSATION";

impl Resumed {
    /// The session of this record, with a conversation that [`Launcher::conversation`] has found.
    #[must_use]
    pub fn of(record: &SessionRecord, conversation: Option<String>) -> Self {
        Self {
            session: record.id.clone(),
            label: record.label().to_owned(),
            provider: record.provider.clone(),
            conversation,
            volume: record.volume.clone(),
        }
    }

    /// The conversation's identifier, or what stands for it.
    pub(crate) fn conversation(&self) -> &str {
        self.conversation.as_deref().unwrap_or(NOT_LOOKED_UP)
    }

    /// A conversation in another volume cannot go on: the agent would not see it.
    pub(crate) fn elsewhere(&self, volume: &str) -> Option<Blocker> {
        let kept = self.volume.as_deref().filter(|kept| *kept != volume)?;
        Some(Blocker {
            kind: BlockerKind::Refused,
            message: format!(
                "the conversation of the session `{}` is in the volume `{kept}`, and this launch \
                 would use `{volume}`",
                self.label
            ),
            hint: "resume it as the user and in the team in which it began, or start anew: scc \
                   start --fresh"
                .to_owned(),
        })
    }
}

impl<R: SandboxRuntime> Launcher<'_, R> {
    /// Looks for the conversation of a session in the agent's volume, where it outlives the
    /// sandbox. `records` are all sessions: one that went on from another and was not talked to
    /// has the conversation of that one.
    ///
    /// # Errors
    /// [`LaunchError::NoConversation`] when there is none that could go on, and when the engine
    /// does not answer.
    pub async fn conversation(
        &self,
        record: &SessionRecord,
        records: &[SessionRecord],
        provider: &dyn AgentProvider,
    ) -> Result<String, LaunchError> {
        let mut seen = Vec::new();
        let mut next = Some(record);
        while let Some(record) = next.filter(|record| !seen.contains(&&record.id)) {
            if let Some(id) = self.own_conversation(record, provider).await? {
                return Ok(id);
            }
            seen.push(&record.id);
            let earlier = record.continues.as_deref();
            next = records.iter().find(|other| Some(&*other.id) == earlier);
        }
        Err(LaunchError::NoConversation {
            session: record.label().to_owned(),
            provider: provider.display_name().to_owned(),
        })
    }

    async fn own_conversation(
        &self,
        record: &SessionRecord,
        provider: &dyn AgentProvider,
    ) -> Result<Option<String>, LaunchError> {
        let Some(volume) = &record.volume else {
            return Ok(None);
        };
        let path = note_path(&record.id);
        let note = match self.runtime.read_volume_file(volume, &path).await {
            // What an agent has left there may be anything; then it is no note.
            Err(error) if error.is_of_content() => {
                tracing::warn!(%error, volume, "a note that cannot be read");
                None
            }
            note => note?,
        };
        if let Some(noted) = note.and_then(|note| provider.noted_conversation(&note))
            && self.runtime.volume_has_file(volume, &noted.file).await?
        {
            return Ok(Some(noted.id));
        }
        let Some(id) = &record.conversation else {
            return Ok(None);
        };
        let workspace = record.workspace.to_string_lossy();
        let Some(file) = provider.conversation_file(id, &workspace) else {
            return Ok(None);
        };
        let is_there = self.runtime.volume_has_file(volume, &file).await?;
        Ok(is_there.then(|| id.clone()))
    }
}
