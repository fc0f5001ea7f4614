use std::path::PathBuf;

use clap::Subcommand;
use jiff::Timestamp;
use scc_config::ProviderPreference;
use scc_launch::{Delivery, EgressRequest, LaunchError, LaunchRequest, LoginRequest, Readiness};
use scc_provider::AgentProvider;
use schemars::JsonSchema;
use serde::Serialize;

use crate::commands::setup::save;
use crate::commands::start::exit_byte;
use crate::context::Context;
use crate::environment;
use crate::error::CliError;
use crate::governance::{Effective, warn_about_preference};
use crate::host;
use crate::output::table;
use crate::progress::Progress;
use crate::terminal::{self, Ended, Target};

/// Choose an agent and sign in to it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the agents, which one is preferred, and how each is signed in
    Show {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Prefer an agent, or `ask` each time
    Set {
        /// An agent's id, or `ask`
        preference: String,
    },
    /// Sign in to an agent, in a container with a terminal
    Login {
        /// The agent's id
        provider: String,
    },
}

impl Args {
    pub(crate) fn wants_json(&self) -> bool {
        matches!(self.command, Command::Show { json: true })
    }
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<u8, CliError> {
    match args.command {
        Command::Show { .. } => show(context).await,
        Command::Set { preference } => set(&preference, context),
        Command::Login { provider } => login(&provider, context).await,
    }
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct ProviderReport {
    id: &'static str,
    name: &'static str,
    preferred: bool,
    sign_in: &'static str,
    readiness: Option<Readiness>,
}

async fn show(context: &Context) -> Result<u8, CliError> {
    let effective = Effective::load_or_default(context)?;
    let config = &effective.config;
    let state = context.state()?;
    let runtime = context.engine().await.ok();
    let mut reports = Vec::new();
    for provider in context.registry.iter() {
        let id = provider.id();
        let has_key = config
            .providers
            .get(id)
            .is_some_and(|section| section.api_key.is_some());
        let readiness = match &runtime {
            Some(runtime) => {
                let request = request(provider, &effective, context)?;
                let launcher = context.launcher(runtime, &state);
                Some(launcher.readiness(provider, &request).await?)
            }
            None => None,
        };
        let sign_in = match readiness {
            _ if has_key => "key",
            None => "unknown",
            Some(Readiness::Ready | Readiness::ImageMissing) => "signed in",
            Some(Readiness::SignInNeeded | Readiness::BothMissing) => "signed out",
        };
        let preferred = config.provider == Some(ProviderPreference::Id(id.to_owned()));
        reports.push(ProviderReport {
            id,
            name: provider.display_name(),
            preferred,
            sign_in,
            readiness,
        });
    }
    context.printer.data("ProviderShow", &reports, &[]);
    let rows = reports
        .iter()
        .map(|r| {
            let mark = if r.preferred { "preferred" } else { "" };
            let readiness = r.readiness.map_or("unknown", Readiness::as_str);
            [r.id, r.name, r.sign_in, readiness, mark]
                .map(str::to_owned)
                .to_vec()
        })
        .collect();
    context
        .printer
        .result(&table(&["ID", "NAME", "SIGN-IN", "READINESS", ""], rows));
    Ok(0)
}

fn set(preference: &str, context: &Context) -> Result<u8, CliError> {
    let wanted = match preference {
        "ask" => ProviderPreference::Ask,
        id => ProviderPreference::Id(known(id, context)?.id().to_owned()),
    };
    let config = save(context, |config| {
        config.provider = Some(wanted);
        Ok(())
    })?;
    warn_about_preference(&config, context);
    context
        .printer
        .note(&format!("provider preference: {preference}"));
    if preference != "ask" {
        context.printer.note(
            "a workspace in which another agent ran last goes on with that one; --provider decides",
        );
    }
    Ok(0)
}

fn known<'a>(id: &str, context: &'a Context) -> Result<&'a dyn AgentProvider, CliError> {
    context.registry.get(id).ok_or_else(|| {
        LaunchError::UnknownProvider {
            id: id.to_owned(),
            known: context.registry.ids(),
        }
        .into()
    })
}

async fn login(id: &str, context: &Context) -> Result<u8, CliError> {
    let provider = known(id, context)?;
    let size = terminal::size();
    if size.is_none() {
        return Err(CliError::Usage {
            message: format!("signing in to {} needs a terminal", provider.display_name()),
            hint: format!("without one, use a key: set `providers.{id}.api_key` to `env:VARIABLE`"),
        });
    }
    let effective = Effective::load_or_default(context)?;
    let runtime = context.engine().await?;
    let state = context.state()?;
    let launcher = context.launcher(&runtime, &state);
    let mut request = request(provider, &effective, context)?;
    request.npm_registry = host::npm_registry();
    context.printer.note(provider.login().instructions);
    let mut progress = Progress::new(context.printer);
    let login = LoginRequest {
        provider,
        request: &request,
        terminal: size,
    };
    let mut report = |event| progress.show(event);
    let begin = launcher.begin_login(&login, &mut report);
    let mut live = terminal::unless_stopped(begin).await?;
    if let Some(attachment) = live.take_attachment() {
        let target = Target::Sandbox(&live.sandbox);
        if let Ended::By(stop) = terminal::hand_over(&launcher, target, attachment, true).await? {
            launcher.abandon_login(&live).await?;
            let status = stop.status();
            return Err(CliError::Cancelled { status });
        }
    }
    let rest = launcher.finish_login(&live, provider);
    let (status, signed_in) = terminal::finish(rest).await?;
    if !signed_in {
        return Err(CliError::Failed {
            message: format!(
                "{} is still signed out (status {status})",
                provider.display_name()
            ),
            hint: format!("try again: scc provider login {id}"),
        });
    }
    context
        .printer
        .note(&format!("signed in to {}", provider.display_name()));
    Ok(exit_byte(status))
}

/// What the questions about a provider start from; no launch is made of it.
pub(crate) fn request<'a>(
    provider: &dyn AgentProvider,
    effective: &'a Effective,
    context: &Context,
) -> Result<LaunchRequest<'a>, CliError> {
    let config = &effective.config;
    Ok(LaunchRequest {
        workspace: PathBuf::from("."),
        provider: provider.id().to_owned(),
        provider_reason: String::new(),
        session_name: None,
        resumed: None,
        install_dependencies: false,
        args: Vec::new(),
        allow_suspicious: false,
        config,
        settings: context.planned_settings(provider.id(), config),
        signed_in: false,
        policy: &effective.policy,
        delivery: Delivery::nothing(),
        now: Timestamp::now(),
        session_hour: environment::session_hour(),
        certificates: effective.certificates()?,
        npm_registry: None,
        egress: EgressRequest::default(),
        host: context.host.clone(),
    })
}
