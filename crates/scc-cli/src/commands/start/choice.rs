//! Which agent starts.

use scc_config::ProviderPreference;
use scc_launch::{ChoiceInput, ProviderChoice, Resumed, choose_provider, detect_workspace};
use scc_policy::ItemKind;

use super::Args;
use crate::context::Context;
use crate::error::CliError;
use crate::governance::Effective;
use crate::prompt::Prompter;

/// Chooses the provider; the question is asked here.
pub(super) async fn provider(
    args: &Args,
    resumed: Option<&Resumed>,
    effective: &Effective,
    context: &Context,
) -> Result<(String, String), CliError> {
    let prompter = args.prompter();
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
        resumed: resumed.map(|resumed| resumed.provider.as_str()),
        preference: effective.config.provider.as_ref(),
        last_used: last_used.as_deref(),
        viable: &viable,
    });
    let passed_over = passed_over(args, resumed, effective);
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
fn passed_over(args: &Args, resumed: Option<&Resumed>, effective: &Effective) -> Option<String> {
    let Some(ProviderPreference::Id(id)) = &effective.config.provider else {
        return None;
    };
    let policy = &effective.policy;
    if args.provider.is_some() || resumed.is_some() || policy.allowed_providers.contains(id) {
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
        let request = super::super::provider::request(provider, effective, context)?;
        let readiness = launcher.readiness(provider, &request).await?;
        options.push(format!("{} ({})", provider.id(), readiness.as_str()));
    }
    Ok(options)
}

fn last_used(args: &Args, context: &Context) -> Result<Option<String>, CliError> {
    let workspace = detect_workspace(&args.workspace_path()).map_err(CliError::Launch)?;
    Ok(context.state()?.workspace_provider(&workspace.root)?)
}
