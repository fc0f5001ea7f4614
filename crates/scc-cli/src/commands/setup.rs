mod organization;
mod wizard;

use std::path::{Path, PathBuf};

use scc_config::{ProviderPreference, UserConfig};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, json};

use crate::commands::config::settings::{readable, whose_rules, written};
use crate::commands::leave;
use crate::context::Context;
use crate::error::{CertificateNamed, CliError};
use crate::host;
use crate::prompt::Prompter;

use organization::Organization;

/// Record how scc is to work on this machine
///
/// Without answers on the command line it asks. An answer that is not given leaves what was
/// recorded before.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Work by the rules of an organization: a file, an `https://` address,
    /// `github:OWNER/REPO[@REF][:PATH]`, or the address of a git repository
    #[arg(long, value_name = "SOURCE", conflicts_with = "standalone")]
    org: Option<String>,
    /// Where the credential for that source comes from: `env:VARIABLE` or `command:COMMAND`
    #[arg(long, value_name = "SECRET", requires = "org")]
    auth: Option<String>,
    /// The header that carries it (default: `Authorization`)
    #[arg(long, value_name = "HEADER", requires = "auth")]
    auth_header: Option<String>,
    /// The team that you work in
    #[arg(
        short,
        long,
        short_alias = 'p',
        visible_alias = "profile",
        value_name = "NAME",
        conflicts_with = "standalone"
    )]
    team: Option<String>,
    /// Work without an organization's rules
    #[arg(long)]
    standalone: bool,
    /// Prefer this agent, or `ask` each time
    #[arg(long, value_name = "ID")]
    provider: Option<String>,
    /// Trust this certificate authority in images and sandboxes and when documents are fetched, in
    /// addition to those that were added to this machine; may be repeated
    #[arg(long, value_name = "FILE")]
    ca_certificate: Vec<PathBuf>,
    /// Build the images on this one instead of Debian's
    #[arg(long, value_name = "REFERENCE")]
    base_image: Option<String>,
    /// Ask only whose rules apply
    #[arg(long)]
    quick: bool,
    /// Forget what was recorded before; it is kept in a file beside it
    #[arg(long)]
    reset: bool,
    /// Leave the organization that was recorded before without asking
    #[arg(short, long)]
    yes: bool,
    /// Never ask
    #[arg(long, visible_alias = "no-interactive")]
    non_interactive: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    fn has_answers(&self) -> bool {
        self.org.is_some()
            || self.standalone
            || self.team.is_some()
            || self.provider.is_some()
            || !self.ca_certificate.is_empty()
            || self.base_image.is_some()
    }
}

/// Whose rules apply.
#[derive(Debug)]
enum Rules {
    /// Those that were recorded before.
    AsBefore,
    Standalone,
    Organization(Box<Organization>),
}

/// What is to be recorded; what is not given stays as it is.
#[derive(Debug)]
struct Answers {
    rules: Rules,
    team: Option<String>,
    provider: Option<ProviderPreference>,
    certificates: Vec<PathBuf>,
    base_image: Option<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let prompter = Prompter::new(!args.non_interactive && !args.json);
    let recorded = recorded(args, context)?;
    let current = match &recorded {
        Some(recorded) if !args.reset => recorded.clone(),
        _ => UserConfig::default(),
    };
    let is_set_up = current.standalone || current.organization.is_some();
    let answers = match args.has_answers() || (is_set_up && !prompter.asks()) {
        true => wizard::from_flags(args, &current, context)?,
        false => wizard::ask(args, &current, prompter, context)?,
    };
    let mut after = current;
    answers.record(&mut after)?;
    match &recorded {
        Some(before) => leave::confirm(before, &after, args.yes, prompter, context)?,
        None => confirm_unreadable(args, prompter, context)?,
    }
    let mut kept = None;
    let config = save_over(context, args.reset, &mut kept, |config| {
        answers.record(config)
    })?;
    describe(&config, &answers, kept.as_deref(), context);
    Ok(0)
}

/// The settings that were recorded before; `None` where they cannot be read and are to be forgotten.
fn recorded(args: &Args, context: &Context) -> Result<Option<UserConfig>, CliError> {
    match args.reset {
        false => context.config().map(Some),
        true => match UserConfig::load(&context.config_file) {
            Ok(found) => Ok(Some(found.unwrap_or_default())),
            Err(_) => Ok(None),
        },
    }
}

/// An organization may stand in settings that nobody can read.
fn confirm_unreadable(args: &Args, prompter: Prompter, context: &Context) -> Result<(), CliError> {
    let file = context.config_file.display();
    let instead = CliError::Usage {
        message: format!("`{file}` cannot be read, and may record an organization"),
        hint: "pass --yes to start anew all the same".to_owned(),
    };
    let question = format!("{file} cannot be read, and may record an organization. Start anew?");
    match args.yes || prompter.confirm(&question, instead)? {
        true => Ok(()),
        false => Err(CliError::CANCELLED),
    }
}

impl Answers {
    fn record(&self, config: &mut UserConfig) -> Result<(), CliError> {
        match &self.rules {
            Rules::AsBefore => {}
            Rules::Standalone => config.standalone = true,
            Rules::Organization(organization) => {
                config.standalone = false;
                config.organization = Some(organization.settings.clone());
                let team = config.team.take();
                config.team = team.filter(|team| organization.has_team(team));
            }
        }
        if let Some(team) = &self.team {
            config.team = Some(team.clone());
        }
        if let Some(provider) = &self.provider {
            config.provider = Some(provider.clone());
        }
        if let Some(base) = &self.base_image {
            config.images.base = Some(base.clone());
        }
        let earlier = std::mem::take(&mut config.ca_certificates);
        config.ca_certificates = authorities(earlier, &self.certificates);
        let named_by = CertificateNamed::Setting("ca_certificates");
        let is_new = |path: &&PathBuf| path.exists() || self.certificates.contains(path);
        let new: Vec<_> = config
            .ca_certificates
            .iter()
            .filter(is_new)
            .cloned()
            .collect();
        host::read_certificates(named_by, &new)?;
        Ok(())
    }
}

/// Those that are set, those given, and those added to this machine. One that is set and not there
/// stays: a start says so, and only its owner knows whether it will be back.
fn authorities(earlier: Vec<PathBuf>, given: &[PathBuf]) -> Vec<PathBuf> {
    let earlier = earlier.into_iter();
    let given = given.iter().cloned();
    let mut all: Vec<PathBuf> = Vec::new();
    for path in earlier.chain(given).chain(host::added_authorities()) {
        if !all.contains(&path) {
            all.push(path);
        }
    }
    all
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct SetupReport<'a> {
    config_file: String,
    mode: &'static str,
    organization: Option<organization::Report>,
    team: Option<&'a str>,
    provider: Option<String>,
    certificate_authorities: Vec<String>,
    previous_settings: Option<String>,
}

fn describe(config: &UserConfig, answers: &Answers, kept: Option<&Path>, context: &Context) {
    let shown = |path: &Path| path.display().to_string();
    let organization = match &answers.rules {
        Rules::Organization(organization) => Some(organization.report()),
        Rules::AsBefore | Rules::Standalone => None,
    };
    let report = SetupReport {
        config_file: shown(&context.config_file),
        mode: match (config.standalone, &config.organization) {
            (true, _) => "standalone",
            (false, Some(_)) => "organization",
            (false, None) => "not set up",
        },
        organization,
        team: config.team.as_deref().filter(|_| !config.standalone),
        provider: config.provider.as_ref().map(ToString::to_string),
        certificate_authorities: config
            .ca_certificates
            .iter()
            .map(|path| shown(path))
            .collect(),
        previous_settings: kept.map(shown),
    };
    let warnings = match &answers.rules {
        Rules::Organization(organization) => organization.advice(context),
        Rules::AsBefore | Rules::Standalone => Vec::new(),
    };
    context.printer.data("SetupResult", &report, &warnings);
    context.printer.warnings(&warnings);
    context.printer.result(&text(&report));
    let has_teams = report
        .organization
        .is_some_and(|found| !found.teams.is_empty());
    if has_teams && config.team.is_none() {
        context
            .printer
            .note("choose your team: scc team switch NAME");
    }
    next(config, context);
}

fn text(report: &SetupReport<'_>) -> String {
    let mut lines = vec![format!("Settings  {}", report.config_file)];
    lines.push(match (report.mode, &report.organization) {
        ("standalone", _) => "Mode      standalone: no organization's rules apply".to_owned(),
        (_, Some(organization)) => format!("Mode      rules of {organization}"),
        (mode, None) => format!("Mode      {mode}"),
    });
    let teams = report
        .organization
        .as_ref()
        .map(|found| found.teams.join(", "));
    match (report.team, teams) {
        (Some(team), _) => lines.push(format!("Team      {team}")),
        (None, Some(teams)) if !teams.is_empty() => {
            lines.push(format!("Team      none; there are: {teams}"));
        }
        _ => {}
    }
    let provider = report.provider.as_deref().unwrap_or("none preferred");
    lines.push(format!("Provider  {provider}"));
    for path in &report.certificate_authorities {
        lines.push(format!("Trusts    {path}"));
    }
    if let Some(path) = &report.previous_settings {
        lines.push(format!("Before    {path}"));
    }
    lines.join("\n")
}

/// What to type now: sign in where no key is configured, and start.
fn next(config: &UserConfig, context: &Context) {
    if let Some(ProviderPreference::Id(id)) = &config.provider {
        let section = config.providers.get(id);
        if section.is_none_or(|section| section.api_key.is_none()) {
            let printer = context.printer;
            printer.note(&format!(
                "sign in once, if you have not yet: scc provider login {id}"
            ));
        }
    }
    context
        .printer
        .note("next: go to a project and type `scc start`");
}

/// Changes the settings under their lock, so that changes at the same time all count and a crash
/// leaves either the old or the new ones.
pub(crate) fn save(
    context: &Context,
    change: impl FnOnce(&mut UserConfig) -> Result<(), CliError>,
) -> Result<UserConfig, CliError> {
    save_over(context, false, &mut None, change)
}

/// As [`save`]; with `reset` it starts from nothing, and `kept` says where the old settings are.
fn save_over(
    context: &Context,
    reset: bool,
    kept: &mut Option<PathBuf>,
    change: impl FnOnce(&mut UserConfig) -> Result<(), CliError>,
) -> Result<UserConfig, CliError> {
    let file = &context.config_file;
    let mut recorded = UserConfig::default();
    let audit = context.state()?.audit();
    scc_state::update_private_file(file, |found| {
        let text = match &found {
            Some(bytes) => text_of(bytes, file),
            None => Ok(String::new()),
        };
        let before = text.and_then(|text| Ok((UserConfig::parse(&text, file)?, text)));
        let (mut config, earlier, text) = match before {
            Ok((before, _)) if reset => {
                (UserConfig::default(), whose_rules(&before), String::new())
            }
            Ok((before, text)) => (before.clone(), whose_rules(&before), text),
            Err(_) if reset => (UserConfig::default(), json!("unreadable"), String::new()),
            Err(error) => return Err(error),
        };
        change(&mut config)?;
        let text = written(&config, &text, file)?;
        // What cannot be read back must not become the settings.
        readable(&config, &config, context)?;
        recorded = config;
        let now = whose_rules(&recorded);
        if earlier != now {
            let both = [("before".to_owned(), earlier), ("after".to_owned(), now)];
            let data = Map::from_iter(both);
            audit.append("settings.changed", None, data, jiff::Timestamp::now())?;
        }
        if let Some(bytes) = found.filter(|_| reset) {
            let time = jiff::Timestamp::now()
                .strftime("%Y%m%dT%H%M%SZ")
                .to_string();
            let beside = free_name(file, &format!("json.before-{time}"));
            scc_state::files::replace(&beside, &bytes)?;
            *kept = Some(beside);
        }
        Ok::<_, CliError>(Some(text.into_bytes()))
    })?;
    Ok(recorded)
}

/// The file beside this one that has this extension, and a number where there is one already.
fn free_name(file: &Path, extension: &str) -> PathBuf {
    let numbered = (2..).map(|number| format!("{extension}-{number}"));
    let mut names = std::iter::once(extension.to_owned()).chain(numbered);
    let is_free = |name: &String| !file.with_extension(name).exists();
    let name = names.find(is_free).unwrap_or_else(|| extension.to_owned());
    file.with_extension(name)
}

fn text_of(bytes: &[u8], file: &Path) -> Result<String, CliError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| CliError::Failed {
        message: format!("`{}` is not text", file.display()),
        hint: "start anew: scc setup --reset".to_owned(),
    })
}
