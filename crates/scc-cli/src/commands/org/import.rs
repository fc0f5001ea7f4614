use scc_config::{NetworkPolicy, OrgConfig, Organization, UserConfig};
use scc_launch::{OrgDocument, Provenance};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, json};

use super::Candidate;
use crate::commands::config::update_settings;
use crate::commands::leave;
use crate::context::Context;
use crate::error::CliError;
use crate::findings::count;
use crate::output::table;
use crate::prompt::Prompter;

/// Join an organization: fetch its document, check it, and record where it is
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    candidate: Candidate,
    /// Show what it says and record nothing
    #[arg(short, long)]
    preview: bool,
    /// Leave the organization that was recorded before without asking
    #[arg(short, long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let printer = context.printer;
    let (settings, document) = args.candidate.fetch(context)?;
    let config = document.config();
    let data = ImportReport {
        source: document.provenance(),
        summary: Summary::of(config),
    };
    let mut warnings = document.warnings().to_vec();
    let advice = context.advice(document.document());
    warnings.extend(advice.iter().cloned());
    printer.warnings(&advice);
    if args.preview {
        printer.data("OrgImportPreview", &data, &warnings);
        printer.result(&text(config));
        return Ok(0);
    }
    let before = context.config()?;
    let after = UserConfig {
        standalone: false,
        organization: Some(settings.clone()),
        ..before.clone()
    };
    let prompter = Prompter::new(!args.json);
    leave::confirm(&before, &after, args.yes, prompter, context)?;
    let team = before
        .team
        .filter(|team| !config.profiles.contains_key(team));
    audit(&document, context)?;
    update_settings(context, |mut now| {
        now.standalone = false;
        now.organization = Some(settings);
        if now.team == team {
            now.team = None;
        }
        Ok(now)
    })?;
    printer.data("OrgImport", &data, &warnings);
    joined(&document, team.as_deref(), context);
    Ok(0)
}

fn audit(document: &OrgDocument, context: &Context) -> Result<(), CliError> {
    let from = document.provenance();
    let mut data = Map::new();
    let id = &document.config().organization.id;
    data.insert("organization".to_owned(), json!(id));
    data.insert("source".to_owned(), json!(from.source));
    data.insert("sha256".to_owned(), json!(from.sha256));
    let now = jiff::Timestamp::now();
    let log = context.state()?.audit();
    log.append("organization.imported", None, data, now)?;
    Ok(())
}

/// Says what was joined, which team was lost by it, and what comes next.
fn joined(document: &OrgDocument, lost: Option<&str>, context: &Context) {
    let printer = context.printer;
    let organization = &document.config().organization;
    printer.note(&format!(
        "joined {} ({}), from {}",
        organization.name,
        organization.id,
        document.provenance().source
    ));
    if let Some(team) = lost {
        let warning = format!("it has no team `{team}`, so that you have none now");
        printer.warning(&warning);
    }
    let has_team = context.config().is_ok_and(|config| config.team.is_some());
    printer.note(match has_team || document.config().profiles.is_empty() {
        true => "next: see what applies: scc config explain",
        false => "next: choose your team: scc team switch",
    });
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct ImportReport<'a> {
    source: &'a Provenance,
    summary: Summary<'a>,
}

/// What an organization's document says, in short.
#[derive(Serialize, JsonSchema)]
struct Summary<'a> {
    organization: &'a Organization,
    teams: Vec<&'a str>,
    network_policy: NetworkPolicy,
    /// How many patterns of plugins are blocked.
    blocked_plugins: usize,
    /// How many patterns of servers are blocked.
    blocked_mcp_servers: usize,
    enabled_plugins: &'a [String],
    marketplaces: Vec<&'a str>,
    /// `null` where all are allowed.
    allowed_providers: Option<&'a [String]>,
    /// Personal profiles have an effect.
    personal_profiles: bool,
}

impl<'a> Summary<'a> {
    fn of(config: &'a OrgConfig) -> Self {
        Self {
            organization: &config.organization,
            teams: config.profiles.keys().map(String::as_str).collect(),
            network_policy: config.defaults.network_policy.unwrap_or_default(),
            blocked_plugins: config.security.blocked_plugins.len(),
            blocked_mcp_servers: config.security.blocked_mcp_servers.len(),
            enabled_plugins: &config.defaults.enabled_plugins,
            marketplaces: config.marketplaces.keys().map(String::as_str).collect(),
            allowed_providers: config.defaults.allowed_providers.as_deref(),
            personal_profiles: config.delegation.personal.allow,
        }
    }
}

fn text(config: &OrgConfig) -> String {
    let organization = &config.organization;
    let policy = config.defaults.network_policy.unwrap_or_default();
    let security = &config.security;
    let blocked = format!(
        "{}, {}",
        count(security.blocked_plugins.len(), "plugin pattern"),
        count(security.blocked_mcp_servers.len(), "server pattern")
    );
    let teams: Vec<_> = config.profiles.keys().map(String::as_str).collect();
    let rows = [
        (
            "organization",
            format!("{} ({})", organization.name, organization.id),
        ),
        ("network", policy.to_string()),
        (
            "plugins for all",
            config.defaults.enabled_plugins.join(", "),
        ),
        ("blocked", blocked),
        ("teams", teams.join(", ")),
    ];
    let row = |(name, value): (&str, String)| vec![name.to_owned(), value];
    table(&["", ""], rows.into_iter().map(row).collect())
}
