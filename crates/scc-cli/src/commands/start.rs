mod refusal;

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};

use scc_config::{ProviderPreference, UserConfig};
use scc_launch::{
    AgentEnd, Blocker, BlockerKind, ChoiceInput, Executed, KILLED, LaunchError, LaunchRequest,
    Launcher, LiveSession, OnConflict, Plan, ProviderChoice, Requested, choose_provider,
    detect_workspace, plan,
};
use scc_policy::ItemKind;
use scc_runtime::SandboxRuntime;

use crate::context::{Context, key_source};
use crate::error::CliError;
use crate::governance::{Asked, Effective};
use crate::output::Printer;
use crate::progress::Progress;
use crate::prompt::Prompter;
use crate::secrets;
use crate::terminal::{self, Ended, Stop, Target};
use crate::{environment, host};

/// Start an agent in a sandbox
///
/// The agent sees the workspace and nothing else of this machine. scc ends with the agent's exit
/// status.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The workspace: a directory in it is enough (default: the current directory)
    workspace: Option<PathBuf>,
    /// The agent to run
    #[arg(long, value_name = "ID")]
    provider: Option<String>,
    /// A name for the session
    #[arg(long, value_name = "NAME", value_parser = session_name)]
    session: Option<String>,
    /// Replace a sandbox of this workspace that is running
    #[arg(long)]
    fresh: bool,
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
    non_interactive: bool,
    /// Start although the workspace looks like a mistake
    #[arg(long)]
    allow_suspicious_workspace: bool,
    /// Arguments for the agent
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<String>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<u8, CliError> {
    let prompter = Prompter::new(!args.non_interactive && !args.dry_run);
    let prepared = prepare(&args, context, prompter).await;
    let mut plan = match prepared {
        Ok(plan) if args.dry_run => return Ok(show(&plan, context)),
        Err(error) if args.dry_run => return Err(error),
        Ok(plan) => plan,
        Err(error) => {
            refusal::record(&error, &args, context);
            return Err(error);
        }
    };
    let runtime = context.engine().await?;
    let state = context.state()?;
    let launcher = context.launcher(&runtime, &state);
    if !launcher.runtime.image_exists(&plan.image.reference).await? {
        plan.set_npm_registry(host::npm_registry().as_deref());
    }
    let requested = launcher.request(&plan)?;
    let launch = execute(&launcher, requested, &args, context, prompter);
    match terminal::unless_stopped(launch).await {
        Ok(Started::New(live)) => attend(&launcher, live, context).await,
        Ok(Started::Earlier { container }) => {
            launcher.give_way(requested);
            super::attach::to(Some(container), context).await
        }
        // How it ended is recorded where it failed.
        Err(error @ CliError::Launch(_)) => Err(error),
        Err(error @ CliError::Cancelled { .. }) => {
            if let Err(rest) = launcher.cancel(requested).await {
                context.printer.warning(&rest.to_string());
            }
            Err(error)
        }
        Err(error) => {
            launcher.give_way(requested);
            Err(error)
        }
    }
}

/// Everything up to the engine: what applies, which agent, and the plan.
async fn prepare(args: &Args, context: &Context, prompter: Prompter) -> Result<Plan, CliError> {
    let workspace = detect_workspace(&workspace_path(args))?;
    let asked = Asked {
        workspace: Some(workspace.root),
        team: args.team.clone(),
        standalone: args.standalone,
        offline: args.offline,
        ..Asked::default()
    };
    let effective = Effective::load(context, asked)?;
    let (provider, reason) = provider(args, &effective, context, prompter).await?;
    let mut request = request(args, &effective, context, provider, reason)?;
    let mut plan = plan(&request, &context.registry, &context.scope)?;
    if args.dry_run {
        plan_key(&mut plan, &effective.config);
        return Ok(plan);
    }
    if let Some(blocker) = suspicious(&plan)
        && confirm_suspicious(blocker, prompter)?
    {
        request.allow_suspicious = true;
        plan = scc_launch::plan(&request, &context.registry, &context.scope)?;
    }
    match plan.refusal() {
        Some(blocker) => Err(LaunchError::Blocked(blocker.clone()).into()),
        None => Ok(plan),
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

/// Chooses the provider; the question is asked here.
async fn provider(
    args: &Args,
    effective: &Effective,
    context: &Context,
    prompter: Prompter,
) -> Result<(String, String), CliError> {
    let allowed = &effective.policy.allowed_providers;
    let mut viable = context.registry.ids();
    viable.retain(|id| allowed.iter().any(|allowed| allowed == id));
    if viable.is_empty() && args.provider.is_none() {
        return Err(CliError::Refused {
            message: "the rules allow no agent that this scc has".to_owned(),
            hint: "see why: scc config explain --field denied".to_owned(),
        });
    }
    let last_used = match &args.provider {
        Some(_) => None,
        None => last_used(args, context)?,
    };
    let choice = choose_provider(&ChoiceInput {
        flag: args.provider.as_deref(),
        resumed: None,
        preference: effective.config.provider.as_ref(),
        last_used: last_used.as_deref(),
        viable: &viable,
    });
    let passed_over = passed_over(args, effective);
    if let Some(why) = &passed_over {
        context.printer.warning(why);
    }
    match choice {
        ProviderChoice::Use { id, reason } => {
            let reason = [Some(reason.to_owned()), passed_over];
            let reason: Vec<_> = reason.into_iter().flatten().collect();
            Ok((id, reason.join("; ")))
        }
        ProviderChoice::Ask { preselected } => {
            let names: Vec<_> = viable.iter().map(|id| (*id).to_owned()).collect();
            let start = names.iter().position(|id| Some(id) == preselected.as_ref());
            let instead = CliError::Usage {
                message: "several providers can be used, and none is chosen".to_owned(),
                hint: format!(
                    "name one with --provider ({}), or prefer one: scc provider set ID",
                    names.join(", ")
                ),
            };
            let options = with_readiness(&names, effective, context, prompter).await?;
            let start = start.unwrap_or_default();
            let index = prompter.select("Which agent?", &options, start, instead)?;
            Ok((names[index].clone(), "chosen now".to_owned()))
        }
    }
}

/// Why the user's preference does not count here, where it does not.
fn passed_over(args: &Args, effective: &Effective) -> Option<String> {
    let Some(ProviderPreference::Id(id)) = &effective.config.provider else {
        return None;
    };
    let policy = &effective.policy;
    if args.provider.is_some() || policy.allowed_providers.contains(id) {
        return None;
    }
    let denied = |decision: &&scc_policy::Decision| {
        decision.kind == ItemKind::Provider && decision.item == *id
    };
    let why = policy.decisions.iter().find(denied);
    let why = why.map_or("the rules do not allow it", |why| why.message.as_str());
    Some(format!("your preference `{id}` is not followed: {why}"))
}

/// The providers as they are offered to a person.
async fn with_readiness(
    ids: &[String],
    effective: &Effective,
    context: &Context,
    prompter: Prompter,
) -> Result<Vec<String>, CliError> {
    let runtime = match prompter.asks() {
        true => context.engine().await.ok(),
        false => None,
    };
    let Some(runtime) = runtime else {
        return Ok(ids.to_vec());
    };
    let state = context.state()?;
    let launcher = context.launcher(&runtime, &state);
    let mut options = Vec::new();
    for provider in ids.iter().filter_map(|id| context.registry.get(id)) {
        let request = super::provider::request(provider, effective, context)?;
        let readiness = launcher.readiness(provider, &request).await?;
        options.push(format!("{} ({})", provider.id(), readiness.as_str()));
    }
    Ok(options)
}

fn last_used(args: &Args, context: &Context) -> Result<Option<String>, CliError> {
    let workspace = detect_workspace(&workspace_path(args)).map_err(CliError::Launch)?;
    Ok(context.state()?.workspace_provider(&workspace.root)?)
}

fn workspace_path(args: &Args) -> PathBuf {
    args.workspace.clone().unwrap_or_else(|| PathBuf::from("."))
}

fn request<'a>(
    args: &Args,
    effective: &'a Effective,
    context: &Context,
    provider: String,
    provider_reason: String,
) -> Result<LaunchRequest<'a>, CliError> {
    let config = &effective.config;
    let settings = match args.dry_run {
        true => context.planned_settings(&provider, config),
        false => context.provider_settings(&provider, config)?,
    };
    let workspace = workspace_path(args);
    let user = scc_launch::login_user(&context.host, &workspace);
    let volume = context.scope.provider_volume(&provider, user.uid);
    Ok(LaunchRequest {
        workspace,
        settings,
        policy: &effective.policy,
        now: Timestamp::now(),
        session_hour: environment::session_hour(),
        signed_in: context.state()?.signed_in_somewhere(&volume)?,
        provider,
        provider_reason,
        session_name: args.session.clone(),
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
    match plan.blockers.as_slice() {
        [] => 0,
        blockers if blockers.iter().all(missing) => 5,
        _ => 6,
    }
}

/// What there is to attend.
enum Started {
    New(LiveSession),
    Earlier { container: String },
}

async fn execute<R: SandboxRuntime>(
    launcher: &Launcher<'_, R>,
    requested: Requested<'_>,
    args: &Args,
    context: &Context,
    prompter: Prompter,
) -> Result<Started, CliError> {
    let mut on_conflict = if args.fresh {
        OnConflict::Replace
    } else {
        OnConflict::Report
    };
    loop {
        let mut progress = Progress::new(context.printer);
        let mut report = |event| progress.show(event);
        let outcome = launcher
            .execute(
                requested,
                &context.registry,
                terminal::size(),
                on_conflict,
                &mut report,
            )
            .await?;
        match outcome {
            Executed::Started(live) => return Ok(Started::New(live)),
            Executed::Conflict { container } => {
                if !ask_about_conflict(&container, prompter)? {
                    return Ok(Started::Earlier { container });
                }
                on_conflict = OnConflict::Replace;
            }
        }
    }
}

/// Whether the running sandbox is to be replaced; else it is to be attached to.
fn ask_about_conflict(container: &str, prompter: Prompter) -> Result<bool, CliError> {
    let conflict = || CliError::Conflict {
        container: container.to_owned(),
    };
    let options = ["Attach to it", "Replace it", "Cancel"].map(str::to_owned);
    let question = format!("The sandbox {container} of this workspace is running.");
    match prompter.select(&question, &options, 0, conflict())? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(CliError::CANCELLED),
    }
}

/// Attends a session until its agent ends; the agent's status is ours.
async fn attend<R: SandboxRuntime>(
    launcher: &Launcher<'_, R>,
    mut live: LiveSession,
    context: &Context,
) -> Result<u8, CliError> {
    if live.expires_at.is_some()
        && let Err(error) = super::watch::spawn(&live.sandbox)
    {
        // A session whose limit nobody keeps does not go on.
        return Err(break_off(launcher, &live, error).await?);
    }
    let _warning = live
        .expires_at
        .map(|time| warn_before(time, context.printer));
    let ended = hand_over(launcher, &mut live).await?;
    if let Ended::By(stop @ Stop::Hangup) = ended {
        return Ok(stop.status());
    }
    let rest = launcher.finish(&live.session_id, &live.sandbox);
    let end = terminal::finish(rest).await?;
    if let Err(error) = launcher.note_sign_in(&live, &context.registry).await {
        context.printer.warning(&error.to_string());
    }
    Ok(attended_status(ended, end, context))
}

/// Gives the terminal to the agent until it ends, and starts beside it what records refusals.
async fn hand_over<R: SandboxRuntime>(
    launcher: &Launcher<'_, R>,
    live: &mut LiveSession,
) -> Result<Ended, CliError> {
    let attachment = live.take_attachment();
    let attended = async {
        let Some(attachment) = attachment else {
            return Ok(Ended::ByItself);
        };
        let target = Target::Sandbox(&live.sandbox);
        let has_terminal = terminal::size().is_some();
        terminal::hand_over(launcher, target, attachment, has_terminal).await
    };
    let mut unrecorded = false;
    let recording = async {
        let started = launcher.start_recording(live).await;
        unrecorded = started.is_err();
        started.map_err(CliError::from)
    };
    match tokio::try_join!(attended, recording) {
        Ok((ended, ())) => Ok(ended),
        // A session whose refusals nobody would see does not go on.
        Err(error) if unrecorded => Err(break_off(launcher, live, error).await?),
        Err(error) => Err(error),
    }
}

/// Ends a session that is not to go on, and hands the reason back.
async fn break_off<R: SandboxRuntime>(
    launcher: &Launcher<'_, R>,
    live: &LiveSession,
    error: CliError,
) -> Result<CliError, CliError> {
    launcher.stop_sandbox(&live.sandbox).await?;
    launcher.finish(&live.session_id, &live.sandbox).await?;
    Ok(error)
}

/// How long before the end of a session its user is told.
const WARN_BEFORE: SignedDuration = SignedDuration::from_mins(5);

/// Says on the terminal that the session is about to end; not when this is dropped before.
fn warn_before(expiry: Timestamp, printer: Printer) -> AbortOnDrop {
    AbortOnDrop(tokio::spawn(async move {
        let left = |until: Timestamp| until.duration_since(Timestamp::now());
        let pause = left(expiry) - WARN_BEFORE;
        if pause.is_positive() {
            tokio::time::sleep(pause.unsigned_abs()).await;
        }
        let minutes = (left(expiry).as_secs() + 59) / 60;
        // The terminal may be in raw mode, where a line has to be begun by hand.
        printer.warning(&format!(
            "this session ends in {minutes} min, by the rules (scc config explain)\r"
        ));
    }))
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What scc ends with after it has attended an agent.
pub(crate) fn attended_status(ended: Ended, end: AgentEnd, context: &Context) -> u8 {
    match ended {
        Ended::By(Stop::Interrupt) => Stop::Interrupt.status(),
        _ => report_end(end, context),
    }
}

/// Says why an agent was killed; its exit status as ours.
fn report_end(end: AgentEnd, context: &Context) -> u8 {
    if end.out_of_memory {
        let file = context.config_file.display();
        context.printer.warning(&format!(
            "the agent was killed: the sandbox had used up its memory (allow it more with \
             `resources.memory` in {file})"
        ));
    } else if end.status == KILLED {
        context
            .printer
            .warning("the agent was killed (what it printed: scc list, then scc logs NAME)");
    }
    exit_byte(end.status)
}

fn session_name(text: &str) -> Result<String, String> {
    let strange = text.is_empty() || text.starts_with('-') || text.chars().count() > 64;
    if strange || text.chars().any(char::is_control) {
        return Err("use up to 64 characters on one line, and not `-` as the first".to_owned());
    }
    Ok(text.to_owned())
}

/// An exit status as a process can have it.
pub(crate) fn exit_byte(status: i64) -> u8 {
    u8::try_from(status & 0xff).unwrap_or(1)
}
