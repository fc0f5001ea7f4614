mod attend;
mod branch;
mod choice;
mod refusal;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use scc_config::UserConfig;
use scc_launch::{
    Blocker, BlockerKind, Delivery, KEPT_OUT, LaunchError, LaunchRequest, Plan, Resumed,
    detect_workspace, plan,
};
use scc_state::SessionRecord;

use crate::commands::{prove, worktree};
use crate::context::{Context, key_source};
use crate::environment;
use crate::error::CliError;
use crate::governance::{Asked, Effective};
use crate::prompt::Prompter;
use crate::resume::{self, Found, Search, Wish};
use crate::secrets;

pub(crate) use attend::{attended_status, exit_byte};

/// Start an agent in a sandbox
///
/// The agent sees the workspace and nothing else of this machine. scc ends with the agent's exit
/// status.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// The workspace: a directory in it is enough (default: the current directory)
    pub(crate) workspace: Option<PathBuf>,
    /// The agent to run
    #[arg(long, value_name = "ID")]
    pub(crate) provider: Option<String>,
    /// A name for the session; an earlier one of this name goes on
    #[arg(long, value_name = "NAME", value_parser = session_name)]
    session: Option<String>,
    /// Go on with this workspace's latest session, or with the one that --session names
    #[arg(short, long, conflicts_with_all = ["select", "fresh"])]
    resume: bool,
    /// Choose the session to go on with
    #[arg(short, long, conflicts_with_all = ["session", "fresh"])]
    select: bool,
    /// A new session in any case; a sandbox of this workspace that is running is replaced
    #[arg(long)]
    fresh: bool,
    /// In this worktree of the repository; it is made where it is not there
    #[arg(short, long, value_name = "NAME")]
    worktree: Option<String>,
    /// Install the dependencies in the sandbox before the agent starts
    #[arg(long)]
    pub(crate) install_deps: bool,
    /// The team to work in
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// Start without an organization's rules although setup did not say so
    #[arg(long)]
    standalone: bool,
    /// Use the copies of the rules that are there; ask nobody
    #[arg(long)]
    offline: bool,
    /// Show the plan and do nothing; the engine is not touched
    #[arg(long)]
    dry_run: bool,
    /// Print the plan as JSON (with --dry-run)
    #[arg(long, requires = "dry_run")]
    pub(crate) json: bool,
    /// Never ask; fail with the flag that answers
    #[arg(long, visible_alias = "no-interactive")]
    pub(crate) non_interactive: bool,
    /// Start although the workspace looks like a mistake
    #[arg(long)]
    allow_suspicious_workspace: bool,
    /// Arguments for the agent
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) args: Vec<String>,
}

impl Args {
    /// To go on with this session, where it was.
    pub(crate) fn going_on(record: &SessionRecord) -> Self {
        Self {
            workspace: Some(record.workspace.clone()),
            session: Some(record.id.clone()),
            resume: true,
            ..Self::default()
        }
    }

    /// To go on with the session that is called so here, or with the latest.
    pub(crate) fn resuming(session: Option<String>, args: Vec<String>) -> Self {
        Self {
            session,
            args,
            resume: true,
            ..Self::default()
        }
    }

    /// In this workspace.
    pub(crate) fn in_workspace(path: PathBuf) -> Self {
        Self {
            workspace: Some(path),
            ..Self::default()
        }
    }

    fn workspace_path(&self) -> PathBuf {
        self.workspace.clone().unwrap_or_else(|| PathBuf::from("."))
    }

    fn prompter(&self) -> Prompter {
        Prompter::new(!self.non_interactive && !self.dry_run)
    }

    fn asked(&self, workspace: PathBuf) -> Asked {
        Asked {
            workspace: Some(workspace),
            team: self.team.clone(),
            standalone: self.standalone,
            offline: self.offline,
            ..Asked::default()
        }
    }

    /// Which earlier session the user speaks of.
    fn wish(&self) -> Wish {
        match &self.session {
            _ if self.fresh => Wish::New,
            _ if self.select => Wish::Select,
            Some(name) if self.resume => Wish::Named(name.clone()),
            None if self.resume => Wish::Latest,
            Some(name) => Wish::NamedOrNew(name.clone()),
            None => Wish::New,
        }
    }

    /// The same for a session that goes on: its name, and its team where there are teams.
    fn of_session(mut self, record: &SessionRecord, context: &Context) -> Result<Self, CliError> {
        self.session.clone_from(&record.name);
        if self.team.is_none() && !self.standalone && !context.config()?.standalone {
            self.team.clone_from(&record.team);
        }
        Ok(self)
    }
}

pub(crate) async fn run(mut args: Args, context: &Context) -> Result<u8, CliError> {
    if let Some(name) = args.worktree.take() {
        let may_make = !args.dry_run && !args.resume && !args.select;
        let path = worktree::for_start(&args.workspace_path(), &name, may_make, context)?;
        args.workspace = Some(path);
    }
    if args.workspace.is_none() && args.resume {
        args.workspace = workspace_of(args.session.as_deref(), context)?;
    }
    let workspace = detect_workspace(&args.workspace_path())?;
    match earlier(&args, &workspace.root, context).await? {
        Found::Running(record) if args.args.is_empty() && args.prompter().asks() => {
            super::attach::to(Some(record.container), context).await
        }
        Found::Running(record) => Err(CliError::Conflict {
            container: record.container,
        }),
        Found::New => {
            args.workspace = branch::offer(&args, &workspace, context)?.or(args.workspace);
            launch(args, None, context).await
        }
        Found::Ended(record, resumed) => {
            let args = args.of_session(&record, context)?;
            launch(args, Some(resumed), context).await
        }
    }
}

/// Where a session is, if it is named by its identifier, which no other has.
fn workspace_of(session: Option<&str>, context: &Context) -> Result<Option<PathBuf>, CliError> {
    let sessions = context.state()?.session_records()?;
    let found = sessions
        .into_iter()
        .find(|record| Some(record.id.as_str()) == session);
    Ok(found.map(|record| record.workspace))
}

/// The earlier session that the user speaks of.
async fn earlier(args: &Args, workspace: &Path, context: &Context) -> Result<Found, CliError> {
    let search = Search {
        workspace,
        provider: args.provider.as_deref(),
        team: args.team.as_deref(),
        dry_run: args.dry_run,
        prompter: args.prompter(),
    };
    resume::find(search, &args.wish(), context).await
}

/// Plans and carries out, with the rules of the workspace.
async fn launch(args: Args, resumed: Option<Resumed>, context: &Context) -> Result<u8, CliError> {
    match prepare(&args, resumed, context).await {
        Ok(plan) if args.dry_run => Ok(show(&plan, context)),
        Err(error) if args.dry_run => Err(error),
        Ok(plan) => {
            warn_about_artifacts(&plan, context);
            attend::carry_out(plan, args.fresh, args.prompter(), context).await
        }
        Err(error) => {
            refusal::record(&error, &args, context);
            Err(error)
        }
    }
}

/// Says which artifacts of bundles the agent goes on without.
fn warn_about_artifacts(plan: &Plan, context: &Context) {
    let agent = &plan.provider.name;
    let lacks = plan.artifacts.iter().filter_map(|one| one.lack(agent));
    for lack in lacks {
        context.printer.warning(&lack);
    }
}

/// The plan of a launch with these answers, for its proof.
pub(crate) async fn plan_for_proof(
    asked: &prove::Args,
    context: &Context,
) -> Result<Plan, CliError> {
    let args = Args {
        workspace: asked.workspace.clone(),
        provider: asked.provider.clone(),
        team: asked.team.clone(),
        standalone: asked.standalone,
        offline: asked.offline,
        non_interactive: asked.non_interactive,
        ..Args::default()
    };
    prepare(&args, None, context).await
}

/// Everything up to the engine: what applies, which agent, and the plan.
async fn prepare(
    args: &Args,
    resumed: Option<Resumed>,
    context: &Context,
) -> Result<Plan, CliError> {
    let workspace = detect_workspace(&args.workspace_path())?;
    let effective = Effective::load(context, args.asked(workspace.root))?;
    let (provider, reason) = choice::provider(args, resumed.as_ref(), &effective, context).await?;
    let delivery = effective.delivery(context, &provider)?;
    if !args.dry_run {
        is_complete(&delivery)?;
    }
    let mut request = request(args, &effective, &delivery, context, (provider, reason))?;
    request.resumed = resumed;
    let mut plan = plan(&request, &context.registry, &context.scope)?;
    if args.dry_run {
        plan_key(&mut plan, &effective.config);
        return Ok(plan);
    }
    if let Some(blocker) = suspicious(&plan)
        && confirm_suspicious(blocker, args.prompter())?
    {
        request.allow_suspicious = true;
        plan = scc_launch::plan(&request, &context.registry, &context.scope)?;
    }
    match plan.refusal() {
        Some(blocker) => Err(LaunchError::Blocked(blocker.clone()).into()),
        None => {
            say_what_is_kept_out(&plan, context);
            Ok(plan)
        }
    }
}

/// What a person wants and does not get is not to be found out by its absence.
fn say_what_is_kept_out(plan: &Plan, context: &Context) {
    let kept_out = plan.decisions.iter();
    for decision in kept_out.filter(|decision| decision.subject == KEPT_OUT) {
        let (value, reason) = (&decision.value, &decision.reason);
        let warning = format!("{KEPT_OUT}: {value}: {reason}");
        context.printer.warning(&warning);
    }
}

/// What is missing for a server will not be there later either.
fn is_complete(delivery: &Delivery) -> Result<(), CliError> {
    let missing = |blocker: &&Blocker| blocker.kind == BlockerKind::MissingPrerequisite;
    match delivery.blockers.iter().find(missing) {
        Some(blocker) => Err(LaunchError::Blocked(blocker.clone()).into()),
        None => Ok(()),
    }
}

/// A key that cannot be had stands against the launch.
fn plan_key(plan: &mut Plan, config: &UserConfig) {
    let id = plan.provider.id.clone();
    let missing = key_source(&id, config)
        .and_then(|source| secrets::missing(&format!("providers.{id}.api_key"), source));
    if let Some(error) = missing {
        plan.add_blocker(Blocker {
            kind: BlockerKind::MissingPrerequisite,
            message: error.to_string(),
            hint: error.hints().join("; "),
        });
    }
}

fn request<'a>(
    args: &Args,
    effective: &'a Effective,
    delivery: &'a Delivery,
    context: &Context,
    (provider, provider_reason): (String, String),
) -> Result<LaunchRequest<'a>, CliError> {
    let config = &effective.config;
    let settings = match args.dry_run {
        true => context.planned_settings(&provider, config),
        false => context.provider_settings(&provider, config)?,
    };
    let workspace = args.workspace_path();
    let user = scc_launch::login_user(&context.host, &workspace);
    let volume = context.scope.provider_volume(&provider, user.uid);
    Ok(LaunchRequest {
        workspace,
        settings,
        policy: &effective.policy,
        delivery,
        now: Timestamp::now(),
        session_hour: environment::session_hour(),
        signed_in: context.state()?.signed_in_somewhere(&volume)?,
        provider,
        provider_reason,
        session_name: args.session.clone(),
        resumed: None,
        install_dependencies: args.install_deps,
        args: args.args.clone(),
        allow_suspicious: args.allow_suspicious_workspace,
        config,
        certificates: effective.certificates()?,
        npm_registry: None,
        egress: context.egress(&effective.policy)?,
        host: context.host.clone(),
    })
}

fn suspicious(plan: &Plan) -> Option<&Blocker> {
    plan.blockers
        .iter()
        .find(|blocker| blocker.kind == BlockerKind::SuspiciousWorkspace)
}

fn confirm_suspicious(blocker: &Blocker, prompter: Prompter) -> Result<bool, CliError> {
    let refused = || CliError::Launch(LaunchError::Blocked(blocker.clone()));
    let question = format!("{}. Start there all the same?", blocker.message);
    if prompter.confirm(&question, refused())? {
        Ok(true)
    } else {
        Err(refused())
    }
}

fn show(plan: &Plan, context: &Context) -> u8 {
    let printer = context.printer;
    let errors: Vec<_> = plan
        .blockers
        .iter()
        .map(|blocker| blocker.message.clone())
        .collect();
    printer.data_with_errors("StartDryRun", plan, &errors);
    printer.result(&plan.describe());
    let missing = |blocker: &Blocker| blocker.kind == BlockerKind::MissingPrerequisite;
    let unavailable = |blocker: &Blocker| blocker.kind == BlockerKind::Unavailable;
    match plan.blockers.as_slice() {
        [] => 0,
        blockers if blockers.iter().all(missing) => 5,
        blockers if blockers.iter().all(|one| missing(one) || unavailable(one)) => 3,
        _ => 6,
    }
}

fn session_name(text: &str) -> Result<String, String> {
    let strange = text.is_empty() || text.starts_with('-') || text.chars().count() > 64;
    if strange || text.chars().any(char::is_control) {
        return Err("use up to 64 characters on one line, and not `-` as the first".to_owned());
    }
    Ok(text.to_owned())
}
