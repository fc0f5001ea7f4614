use std::path::Path;

use scc_config::SafetyAction;
use scc_launch::{DEFAULT_BASE, GuardTrial, LaunchError, describe_safety, login_user};
use scc_policy::Sourced;
use scc_runtime::SandboxRuntime as _;
use schemars::JsonSchema;
use serde::Serialize;

use crate::commands::provider::request;
use crate::context::Context;
use crate::environment;
use crate::error::{CertificateNamed, CliError};
use crate::governance::{Asked, Effective, Rules};
use crate::host;

/// Check whether everything that scc needs is there
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Check only this agent
    #[arg(long, value_name = "ID")]
    provider: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Check {
    name: String,
    ok: bool,
    detail: String,
    fix: Option<String>,
}

impl Check {
    fn good(name: &str, detail: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            ok: true,
            detail: detail.into(),
            fix: None,
        }
    }

    fn bad(name: &str, error: &CliError) -> Self {
        let mut detail = error.full_message();
        for line in error.details() {
            detail.push_str("\n      ");
            detail.push_str(&line);
        }
        let fix = Some(error.hints().join("; ")).filter(|fix| !fix.is_empty());
        Self {
            name: name.to_owned(),
            ok: false,
            detail,
            fix,
        }
    }
}

pub(crate) async fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    if let Some(id) = &args.provider
        && context.registry.get(id).is_none()
    {
        let known = context.registry.ids();
        let id = id.clone();
        return Err(LaunchError::UnknownProvider { id, known }.into());
    }
    let mut checks = vec![settings(context)];
    // Without settings it is not known whose rules apply.
    if checks[0].ok {
        checks.push(rules(context));
        checks.extend(safety_net(context));
    }
    checks.push(directories(context));
    match context.engine().await {
        Ok(runtime) => {
            let engine = runtime.engine();
            checks.push(Check::good(
                "engine",
                format!(
                    "{} {}, API {}, {}, at {}",
                    engine.name,
                    engine.version,
                    engine.api_version,
                    engine.platform,
                    engine.endpoint
                ),
            ));
            checks.push(base_image(context, &runtime).await);
            checks.extend(providers(args, context, &runtime).await?);
            checks.extend(guards(args, context, &runtime).await);
        }
        Err(error) => checks.push(Check::bad("engine", &error)),
    }
    let errors: Vec<_> = checks
        .iter()
        .filter(|c| !c.ok)
        .map(|c| format!("{}: {}", c.name, c.detail))
        .collect();
    context
        .printer
        .data_with_errors("DoctorReport", &checks, &errors);
    context.printer.result(&describe(&checks));
    Ok(if errors.is_empty() { 0 } else { 5 })
}

fn settings(context: &Context) -> Check {
    let file = context.config_file.display();
    let outcome = context.config().and_then(|config| {
        let named_by = CertificateNamed::Setting("ca_certificates");
        host::read_certificates(named_by, &config.ca_certificates)?;
        Ok(())
    });
    match outcome {
        Ok(()) => Check::good("settings", file.to_string()),
        Err(error) => Check::bad("settings", &error),
    }
}

/// Whose rules apply, and whether they can be read.
fn rules(context: &Context) -> Check {
    let governance = Rules::open(context, Asked::default()).and_then(|rules| rules.governance());
    let organization = match &governance {
        Ok(governance) => governance.organization(),
        Err(error) => return Check::bad("rules", error),
    };
    Check::good(
        "rules",
        match organization {
            None => "standalone: no organization's rules apply".to_owned(),
            Some(document) => {
                let organization = &document.config().organization;
                let source = &document.provenance().source;
                format!("{} ({}), from {source}", organization.name, organization.id)
            }
        },
    )
}

/// What the rules make of destructive commands. The trial of an image's guard does not say: it is made
/// with everything on.
fn safety_net(context: &Context) -> Option<Check> {
    // What is wrong with the rules is said already.
    let Sourced { value, origin } = Effective::load_or_default(context).ok()?.policy.safety_net;
    let detail = match value.action {
        SafetyAction::Allow => "off: nothing is refused or warned about in a sandbox".to_owned(),
        SafetyAction::Warn => format!("{}: nothing is refused", describe_safety(&value)),
        SafetyAction::Block => describe_safety(&value),
    };
    Some(Check::good("safety net", format!("{detail}, by {origin}")))
}

fn directories(context: &Context) -> Check {
    let outcome = context
        .state()
        .and_then(|state| Ok(state.audit().verify()?));
    match outcome {
        Ok(report) => match report.first_bad {
            None => Check::good(
                "state",
                format!(
                    "{}, {} audit events",
                    context.state_root.display(),
                    report.events
                ),
            ),
            Some(bad) => Check {
                name: "state".to_owned(),
                ok: false,
                detail: format!("audit log, line {}: {}", bad.line, bad.reason),
                fix: Some("look at it: scc audit".to_owned()),
            },
        },
        Err(error) => Check::bad("state", &error),
    }
}

async fn base_image(context: &Context, runtime: &scc_runtime::DockerRuntime) -> Check {
    let base = context.config().ok().and_then(|config| config.images.base);
    let base = base.unwrap_or_else(|| DEFAULT_BASE.to_owned());
    match runtime.image_exists(&base).await {
        Ok(true) => Check::good("base image", base),
        Ok(false) => Check::good("base image", format!("{base} is pulled when it is needed")),
        Err(error) => Check::bad("base image", &error.into()),
    }
}

async fn providers(
    args: &Args,
    context: &Context,
    runtime: &scc_runtime::DockerRuntime,
) -> Result<Vec<Check>, CliError> {
    let state = context.state()?;
    let launcher = context.launcher(runtime, &state);
    let config = context.config().unwrap_or_default();
    let mut checks = Vec::new();
    for provider in context.registry.iter() {
        let id = provider.id();
        if args.provider.as_deref().is_some_and(|wanted| wanted != id) {
            continue;
        }
        if config
            .providers
            .get(id)
            .is_some_and(|section| section.api_key.is_some())
        {
            checks.push(match context.provider_settings(id, &config) {
                Ok(_) => Check::good(id, "a key is set"),
                Err(error) => Check::bad(id, &error),
            });
            continue;
        }
        let volume = context
            .scope
            .provider_volume(id, login_user(&context.host, Path::new(".")).uid);
        let signed_in = launcher.refresh_sign_in(provider, &volume).await?;
        checks.push(Check {
            name: id.to_owned(),
            // Nobody needs every agent; asking for one by name is different.
            ok: signed_in || args.provider.is_none(),
            detail: if signed_in { "signed in" } else { "signed out" }.to_owned(),
            fix: (!signed_in).then(|| format!("scc provider login {id}")),
        });
    }
    Ok(checks)
}

/// Whether the guard does its work in the images that are there.
async fn guards(
    args: &Args,
    context: &Context,
    runtime: &scc_runtime::DockerRuntime,
) -> Vec<Check> {
    let mut checks = Vec::new();
    for id in context.registry.ids() {
        if args.provider.as_deref().is_some_and(|wanted| wanted != id) {
            continue;
        }
        checks.extend(match try_guard(id, context, runtime).await {
            Ok(trial) => judged(id, trial),
            Err(error) => Some(Check::bad("guard", &error)),
        });
    }
    checks
}

async fn try_guard(
    id: &str,
    context: &Context,
    runtime: &scc_runtime::DockerRuntime,
) -> Result<GuardTrial, CliError> {
    let effective = Effective::load_or_default(context)?;
    let state = context.state()?;
    let Some(provider) = context.registry.get(id) else {
        return Ok(GuardTrial::NoImage);
    };
    let request = request(provider, &effective, context)?;
    let launcher = context.launcher(runtime, &state);
    Ok(launcher.try_guard(provider, &request).await?)
}

fn judged(id: &str, trial: GuardTrial) -> Option<Check> {
    let wrong = match trial {
        GuardTrial::NoImage => return None,
        GuardTrial::Passed => {
            let detail = format!(
                "{id}: where the net is on, refuses `git push --force`, and lets `git --version` run"
            );
            return Some(Check::good("guard", detail));
        }
        GuardTrial::HarmlessRefused => "does not let `git --version` run".to_owned(),
        GuardTrial::DestructiveAllowed => "does not refuse `git push --force`".to_owned(),
        GuardTrial::NotRecorded => "refuses `git push --force`, but does not record it".to_owned(),
        GuardTrial::Broken(status) => format!("cannot be tried: the trial ended with {status}"),
    };
    Some(Check {
        name: "guard".to_owned(),
        ok: false,
        detail: format!("{id}: the guard of the image {wrong}"),
        fix: Some("remove the image; the next `scc start` makes it again".to_owned()),
    })
}

fn describe(checks: &[Check]) -> String {
    let mut lines = Vec::new();
    for check in checks {
        let mark = if check.ok { "ok  " } else { "FAIL" };
        lines.push(format!("{mark}  {:<11} {}", check.name, check.detail));
        if let Some(fix) = &check.fix {
            lines.push(format!("      {:<11} -> {fix}", ""));
        }
    }
    lines.push(String::new());
    lines.push("Environment variables that matter here:".to_owned());
    for variable in environment::VARIABLES {
        if let Some(value) = environment::variable(variable.name) {
            lines.push(format!(
                "      {}={value}  ({})",
                variable.name, variable.meaning
            ));
        }
    }
    lines.join("\n")
}
