//! What the dashboard shows, as it is found: first what is stored, then what the engine says.

use std::path::Path;

use scc_config::UserConfig;
use scc_git::Worktree;
use scc_launch::{SessionView, Workspace, WorkspaceKind, detect_workspace};
use scc_runtime::{DockerRuntime, EngineInfo, SandboxRuntime as _};
use scc_state::{SessionFilter, SessionRecord, StateDir, history};

use crate::context::Context;
use crate::error::CliError;

/// Everything that was found.
pub(super) struct Facts {
    pub(super) config: Result<UserConfig, Trouble>,
    /// The latest first.
    pub(super) sessions: Result<Vec<SessionRecord>, Trouble>,
    /// What had to be set right.
    pub(super) warnings: Vec<String>,
    /// The workspace around the current directory.
    pub(super) here: Option<Workspace>,
    /// Those of its repository.
    pub(super) worktrees: Vec<Worktree>,
    pub(super) engine: Engine,
}

/// What the engine says.
pub(super) enum Engine {
    /// It has been asked, and has not answered yet.
    Asked,
    Silent(Trouble),
    Answered {
        info: EngineInfo,
        sandboxes: Vec<SessionView>,
    },
}

/// Why something is not known.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) message: String,
    /// More lines, and what to do.
    pub(super) details: Vec<String>,
}

impl From<CliError> for Trouble {
    fn from(error: CliError) -> Self {
        let hints = error
            .hints()
            .into_iter()
            .map(|hint| format!("hint: {hint}"));
        Self {
            message: error.full_message(),
            details: error.details().into_iter().chain(hints).collect(),
        }
    }
}

impl Facts {
    /// What is stored. The engine is not asked.
    pub(super) fn stored(context: &Context) -> Self {
        let mut facts = Self {
            config: context.config().map_err(Trouble::from),
            sessions: Ok(Vec::new()),
            warnings: Vec::new(),
            here: detect_workspace(Path::new(".")).ok(),
            worktrees: Vec::new(),
            engine: Engine::Asked,
        };
        facts.worktrees = facts.here.as_ref().map(worktrees).unwrap_or_default();
        let state = context.state();
        let read = state.and_then(|state| facts.read_sessions(&state));
        if let Err(error) = read {
            facts.sessions = Err(error.into());
        }
        facts
    }

    fn read_sessions(&mut self, state: &StateDir) -> Result<(), CliError> {
        let loaded = state.sessions()?;
        let sessions = history(&loaded.value, &SessionFilter::default());
        self.sessions = Ok(sessions
            .iter()
            .map(|session| session.latest.clone())
            .collect());
        self.warnings.extend(loaded.warnings);
        Ok(())
    }

    /// Everything. A connection that works is kept for the next time.
    pub(super) async fn current(context: &Context, connection: &mut Option<DockerRuntime>) -> Self {
        // What the engine says may close records, so it comes first.
        let asked = ask(context, connection).await;
        let mut facts = Self::stored(context);
        facts.engine = match asked {
            Ok((info, sandboxes, warnings)) => {
                facts.warnings.extend(warnings);
                Engine::Answered { info, sandboxes }
            }
            Err(error) => {
                *connection = None;
                Engine::Silent(error.into())
            }
        };
        facts
    }

    /// Whether an agent can be started here without a question whether that is meant.
    pub(super) fn is_in_workspace(&self) -> bool {
        let is_one = |here: &Workspace| here.kind != WorkspaceKind::Directory;
        self.here.as_ref().is_some_and(is_one)
    }
}

type Answer = (EngineInfo, Vec<SessionView>, Vec<String>);

async fn ask(
    context: &Context,
    connection: &mut Option<DockerRuntime>,
) -> Result<Answer, CliError> {
    let runtime = match connection.take() {
        Some(runtime) => connection.insert(runtime),
        None => connection.insert(context.engine().await?),
    };
    let state = context.state()?;
    let launcher = context.launcher(runtime, &state);
    let (sandboxes, tidied) = launcher.sandboxes().await?;
    Ok((runtime.engine().clone(), sandboxes, tidied.warnings))
}

/// The worktrees of the repository that a workspace belongs to; none where it is no repository.
fn worktrees(here: &Workspace) -> Vec<Worktree> {
    let repository = scc_git::discover(&here.root).ok().flatten();
    let found = repository.and_then(|repository| scc_git::worktrees(&repository).ok());
    let mut found = found.unwrap_or_default();
    found.retain(|worktree| !worktree.is_missing);
    found
}
