//! Accepting and ending exceptions.

use scc_state::{Exception, ExceptionScope, StateDir};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Stores, audit};
use crate::context::Context;
use crate::error::CliError;
use crate::findings::count;
use crate::governance::workspace_root;
use crate::output::moment;
use crate::prompt::Prompter;

/// Accept an exception that this workspace's repository shares, as it is now
#[derive(Debug, clap::Args)]
pub(crate) struct AcceptArgs {
    /// Its id
    id: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Delete an exception
#[derive(Debug, clap::Args)]
pub(crate) struct DeleteArgs {
    /// Its id, or the start of it
    id: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Delete exceptions whose time is over
#[derive(Debug, clap::Args)]
pub(crate) struct CleanupArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Delete all exceptions of a file
#[derive(Debug, clap::Args)]
pub(crate) struct ResetArgs {
    /// Yours
    #[arg(long)]
    user: bool,
    /// Those that this workspace's repository shares
    #[arg(long)]
    repo: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn stores(context: &Context, state: &StateDir) -> Stores {
    Stores::open(context, state, workspace_root(None).ok())
}

fn confirmed(question: &str, yes: bool, json: bool) -> Result<(), CliError> {
    let instead = CliError::Usage {
        message: "this needs a yes".to_owned(),
        hint: "pass --yes".to_owned(),
    };
    if yes || Prompter::new(!json).confirm(question, instead)? {
        return Ok(());
    }
    Err(CliError::CANCELLED)
}

pub(crate) fn accept(args: &AcceptArgs, context: &Context) -> Result<u8, CliError> {
    let state = context.state()?;
    let (root, store) = stores(context, &state)
        .repository
        .ok_or_else(|| nothing(&args.id))?;
    let all = store.read()?.value;
    let found = all.into_iter().find(|exception| exception.id == args.id);
    let exception = found.ok_or_else(|| nothing(&args.id))?;
    if exception.scope == ExceptionScope::Policy {
        return Err(CliError::Refused {
            message: format!(
                "`{}` claims to lift blocks, which only the organization can",
                args.id
            ),
            hint: "ask for it in the organization's document".to_owned(),
        });
    }
    let mut targets = exception.allow.plugins.clone();
    targets.extend(exception.allow.mcp_servers.clone());
    let targets = targets.join(", ");
    let question = format!(
        "Allow {targets} until {} (reason given: {})?",
        moment(exception.expires_at),
        exception.reason
    );
    confirmed(&question, args.yes, args.json)?;
    audit("exception.accepted", "repository", &exception, &state)?;
    state.accept_exception(&root, &exception, jiff::Timestamp::now())?;
    context.printer.data("ExceptionAccept", &exception, &[]);
    context.printer.note(&format!(
        "accepted {}: {targets} until {}",
        exception.id,
        moment(exception.expires_at)
    ));
    Ok(0)
}

pub(crate) fn delete(args: &DeleteArgs, context: &Context) -> Result<u8, CliError> {
    let state = context.state()?;
    let stores = stores(context, &state);
    let mut found = Vec::new();
    for (name, store) in stores.named() {
        let all = store.read()?.value.into_iter();
        found.extend(
            all.filter(|e| e.id.starts_with(&args.id))
                .map(|e| (name, store, e)),
        );
    }
    let exact: Vec<_> = found
        .iter()
        .filter(|(_, _, e)| e.id == args.id)
        .cloned()
        .collect();
    let found = if exact.len() == 1 { exact } else { found };
    let (name, store, exception) = match found.as_slice() {
        [one] => one,
        [] => return Err(nothing(&args.id)),
        several => {
            let ids: Vec<_> = several.iter().map(|(_, _, e)| e.id.as_str()).collect();
            return Err(CliError::Usage {
                message: format!("`{}` is several: {}", args.id, ids.join(", ")),
                hint: "name one of them".to_owned(),
            });
        }
    };
    confirmed(
        &format!("Delete exception {}?", exception.id),
        args.yes,
        args.json,
    )?;
    let deleted = store.update(|all| {
        // Somebody else may have made another of this id meanwhile.
        let at = all.iter().position(|other| other == exception);
        let at = at.ok_or_else(|| nothing(&exception.id))?;
        audit("exception.deleted", name, exception, &state)?;
        all.remove(at);
        Ok::<_, CliError>(())
    })?;
    deleted.value?;
    context.printer.data("ExceptionDelete", exception, &[]);
    context.printer.note(&format!("deleted {}", exception.id));
    Ok(0)
}

pub(crate) fn cleanup(context: &Context) -> Result<u8, CliError> {
    let state = context.state()?;
    let now = jiff::Timestamp::now();
    let mut removed = Vec::new();
    for (name, store) in stores(context, &state).named() {
        let expired = store.update(|all| {
            let expired = all.extract_if(.., |exception| !exception.is_active(now));
            expired.collect::<Vec<_>>()
        })?;
        let expired = expired.value.into_iter();
        removed.extend(expired.map(|exception| (name, exception.id)));
    }
    ended(&removed, "ExceptionCleanup", context);
    Ok(0)
}

pub(crate) fn reset(args: &ResetArgs, context: &Context) -> Result<u8, CliError> {
    if !args.user && !args.repo {
        return Err(CliError::Usage {
            message: "nothing says whose exceptions are to be deleted".to_owned(),
            hint: "pass --user for yours, --repo for those of this repository, or both".to_owned(),
        });
    }
    confirmed("Delete all of these exceptions?", args.yes, args.json)?;
    let state = context.state()?;
    let mut removed = Vec::new();
    for (name, store) in stores(context, &state).named() {
        let wanted = if name == "user" { args.user } else { args.repo };
        if wanted {
            let gone = store.update(|all| {
                let log = |e: &Exception| audit("exception.deleted", name, e, &state);
                all.iter().try_for_each(log)?;
                Ok::<_, CliError>(std::mem::take(all))
            })?;
            let gone = gone.value?.into_iter();
            removed.extend(gone.map(|exception| (name, exception.id)));
        }
    }
    ended(&removed, "ExceptionReset", context);
    Ok(0)
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct EndedReport<'a> {
    /// `user` or `repository`.
    store: &'a str,
    id: &'a str,
}

fn ended(removed: &[(&str, String)], kind: &'static str, context: &Context) {
    let data = removed.iter().map(|(store, id)| EndedReport { store, id });
    let data: Vec<_> = data.collect();
    context.printer.data(kind, &data, &[]);
    context
        .printer
        .note(&format!("deleted {}", count(removed.len(), "exception")));
}

fn nothing(id: &str) -> CliError {
    CliError::Failed {
        message: format!("there is no exception `{id}`"),
        hint: "see what there is: scc exceptions list --all".to_owned(),
    }
}
