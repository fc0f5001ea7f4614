pub(crate) mod change;
mod create;
pub(crate) mod list;

use std::path::PathBuf;

use clap::Subcommand;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use scc_launch::Governance;
use scc_state::{
    Allowance, DEFAULT_EXCEPTION_HOURS, Exception, ExceptionScope, ExceptionStore, Expiry,
    ExpiryError, MAX_EXCEPTION_HOURS, StateDir,
};
use serde_json::{Map, json};

use crate::context::Context;
use crate::error::CliError;
use crate::{environment, host};

/// Show, make and end time-limited exceptions from what the organization does not delegate
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Create(create::Args),
    Accept(change::AcceptArgs),
    Delete(change::DeleteArgs),
    Cleanup(change::CleanupArgs),
    Reset(change::ResetArgs),
}

impl Args {
    pub(crate) fn wants_json(&self) -> bool {
        match &self.command {
            Command::List(args) => args.json,
            Command::Create(args) => args.json,
            Command::Accept(args) => args.json,
            Command::Delete(args) => args.json,
            Command::Cleanup(args) => args.json,
            Command::Reset(args) => args.json,
        }
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    match &args.command {
        Command::List(args) => list::run(args, context),
        Command::Create(args) => create::run(args, context),
        Command::Accept(args) => change::accept(args, context),
        Command::Delete(args) => change::delete(args, context),
        Command::Cleanup(_) => change::cleanup(context),
        Command::Reset(args) => change::reset(args, context),
    }
}

/// Until when an exception holds.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct Until {
    /// How long it holds, such as `30m`, `8h` or `1d`
    #[arg(long, value_name = "TIME", value_parser = Expiry::ttl)]
    ttl: Option<Expiry>,
    /// Until this time of day, `HH:MM`
    #[arg(long, value_name = "HH:MM", value_parser = Expiry::until)]
    until: Option<Expiry>,
    /// Until this moment, such as `2030-01-31T12:00:00Z`
    #[arg(long, value_name = "MOMENT", value_parser = Expiry::at)]
    expires_at: Option<Expiry>,
}

impl Until {
    /// The moment, which the organization's longest time bounds; 8 hours where nobody says.
    pub(crate) fn resolve(
        &self,
        governance: &Governance,
        now: Timestamp,
    ) -> Result<Timestamp, CliError> {
        let org = governance.org_config();
        let longest = org.map_or(MAX_EXCEPTION_HOURS, |org| {
            i64::from(org.value().delegation.exceptions.longest_hours())
        });
        self.within(SignedDuration::from_hours(longest), now)
    }

    /// The moment, at most this far away; 8 hours where nobody says.
    fn within(&self, longest: SignedDuration, now: Timestamp) -> Result<Timestamp, CliError> {
        let given = self
            .ttl
            .as_ref()
            .or(self.until.as_ref())
            .or(self.expires_at.as_ref());
        let usual = SignedDuration::from_hours(DEFAULT_EXCEPTION_HOURS).min(longest);
        let usual = Expiry::After(usual);
        let end = given.unwrap_or(&usual);
        let end = end.resolve(now, &TimeZone::system(), longest);
        // Nobody wants to read fractions of a second.
        let end = end.map(|end| Timestamp::from_second(end.as_second()).unwrap_or(end));
        end.map_err(|error| not_usable(&error))
    }
}

fn not_usable(error: &ExpiryError) -> CliError {
    let message = error.to_string();
    match error {
        ExpiryError::TooLong { .. } => CliError::Refused {
            message,
            hint: "choose a shorter time, or ask the organization for a policy exception"
                .to_owned(),
        },
        _ => CliError::Usage {
            message,
            hint: "such as --ttl 8h, --until 17:30".to_owned(),
        },
    }
}

/// Both stores of this machine and workspace.
pub(crate) struct Stores {
    pub(crate) user: ExceptionStore,
    pub(crate) repository: Option<(PathBuf, ExceptionStore)>,
}

impl Stores {
    pub(crate) fn open(context: &Context, state: &StateDir, workspace: Option<PathBuf>) -> Self {
        let locks = state.root().join("locks");
        Self {
            user: ExceptionStore::user(context.config_dir()),
            repository: workspace.map(|root| {
                let store = ExceptionStore::repository(&root, &locks);
                (root, store)
            }),
        }
    }

    /// Each store with its name.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, &ExceptionStore)> {
        let repository = self
            .repository
            .as_ref()
            .map(|(_, store)| ("repository", store));
        std::iter::once(("user", &self.user)).chain(repository)
    }
}

/// What an exception is to be.
pub(crate) struct Wanted {
    pub(crate) plugins: Vec<String>,
    pub(crate) mcp_servers: Vec<String>,
    pub(crate) reason: String,
    pub(crate) expires_at: Timestamp,
    pub(crate) id: Option<String>,
    pub(crate) ticket: Option<String>,
    /// The workspace that it is for; all of them where there is none.
    pub(crate) workspace: Option<String>,
    /// In the repository's file instead of the user's.
    pub(crate) shared: bool,
}

/// Records an exception: in the audit log first, so that none is made without a trace.
pub(crate) fn record(
    wanted: Wanted,
    stores: &Stores,
    state: &StateDir,
    now: Timestamp,
) -> Result<Exception, CliError> {
    let (name, store) = match (&stores.repository, wanted.shared) {
        (_, false) => ("user", &stores.user),
        (Some((_, store)), true) => ("repository", store),
        (None, true) => {
            return Err(CliError::Usage {
                message: "there is no workspace here to share the exception with".to_owned(),
                hint: "go to a project, or leave --shared out".to_owned(),
            });
        }
    };
    let shared = wanted.shared;
    // Under the lock: an id is given once.
    let made = store.update(|all| {
        let exception = made(wanted, all, now)?;
        audit("exception.created", name, &exception, state)?;
        all.push(exception.clone());
        Ok::<_, CliError>(exception)
    })?;
    let exception = made.value?;
    if let (Some((root, _)), true) = (&stores.repository, shared) {
        state.accept_exception(root, &exception, now)?;
    }
    Ok(exception)
}

fn made(wanted: Wanted, existing: &[Exception], now: Timestamp) -> Result<Exception, CliError> {
    let taken = |id: &String| existing.iter().any(|earlier| earlier.id == *id);
    if let Some(id) = wanted.id.as_ref().filter(|id| taken(id)) {
        return Err(CliError::Failed {
            message: format!("there is an exception `{id}` already"),
            hint: format!("delete it first: scc exceptions delete {id}"),
        });
    }
    let seed = (now.as_nanosecond() / 1000 % 0x1_0000)
        .try_into()
        .unwrap_or(0);
    let made_up = || Exception::new_id(now, seed, existing);
    Ok(Exception {
        id: wanted.id.unwrap_or_else(made_up),
        created_at: now,
        expires_at: wanted.expires_at,
        reason: wanted.reason,
        scope: ExceptionScope::Local,
        allow: Allowance {
            plugins: wanted.plugins,
            mcp_servers: wanted.mcp_servers,
            ..Allowance::default()
        },
        created_by: environment::login_name(),
        created_on: host::name(),
        source: None,
        ticket: wanted.ticket,
        workspace: wanted.workspace,
        extra: Map::new(),
    })
}

/// Records what happens to an exception.
fn audit(
    event: &str,
    store: &str,
    exception: &Exception,
    state: &StateDir,
) -> Result<(), CliError> {
    let mut data = Map::new();
    data.insert("id".to_owned(), json!(exception.id));
    data.insert("store".to_owned(), json!(store));
    data.insert("plugins".to_owned(), json!(exception.allow.plugins));
    data.insert("mcp_servers".to_owned(), json!(exception.allow.mcp_servers));
    data.insert("reason".to_owned(), json!(exception.reason));
    data.insert("ticket".to_owned(), json!(exception.ticket));
    data.insert("expires_at".to_owned(), json!(exception.expires_at));
    let now = Timestamp::now();
    state.audit().append(event, None, data, now)?;
    Ok(())
}
