pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod marketplaces;
mod schema;
pub(crate) mod status;
pub(crate) mod update;
pub(crate) mod validate;

use std::path::PathBuf;

use clap::Subcommand;
use scc_config::{OrganizationSource, SecretSource, UserConfig};
use scc_launch::{Freshness, GovernanceError, OrgDocument};
use scc_sources::Source;

use crate::context::Context;
use crate::error::{CertificateNamed, CliError};
use crate::governance::{Asked, Rules};
use crate::host;

/// Join an organization, and keep its document up to date; write and check such a document
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Validate(validate::Args),
    Update(update::Args),
    Status(status::Args),
    Import(import::Args),
    Init(init::Args),
    Schema(schema::Args),
}

impl Args {
    pub(crate) fn wants_json(&self) -> bool {
        match &self.command {
            Command::Validate(args) => args.json,
            Command::Update(args) => args.json,
            Command::Status(args) => args.json,
            Command::Import(args) => args.json,
            Command::Init(args) => args.json,
            Command::Schema(args) => args.json,
        }
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    match &args.command {
        Command::Validate(args) => validate::run(args, context),
        Command::Update(args) => update::run(args, context),
        Command::Status(args) => status::run(args, context),
        Command::Import(args) => import::run(args, context),
        Command::Init(args) => init::run(args, context),
        Command::Schema(args) => schema::run(args, context),
    }
}

/// A document that is not recorded (yet), and how it is fetched.
#[derive(Debug, clap::Args)]
struct Candidate {
    /// A file, an `https://` address, `github:OWNER/REPO[@REF][:PATH]`, or a git address
    #[arg(value_name = "SOURCE")]
    source: String,
    /// Where the credential comes from: `env:VARIABLE` or `command:COMMAND`
    #[arg(long, value_name = "SPEC")]
    auth: Option<SecretSource>,
    /// The header that carries it instead of `Authorization`
    #[arg(long, value_name = "NAME")]
    auth_header: Option<String>,
    /// The certificate authority of that place
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl Candidate {
    /// As the settings would name it; a relative path starts in the current directory.
    fn settings(&self) -> Result<OrganizationSource, CliError> {
        let absolute = |path: &PathBuf| {
            std::path::absolute(path).map_err(|error| CliError::Invalid {
                message: format!("`{}` cannot be found: {error}", path.display()),
                hint: String::new(),
            })
        };
        let source = Source::parse(&self.source, &host::current_dir()?);
        let source = source.map_err(|error| CliError::Usage {
            hint: error.hint().unwrap_or_default(),
            message: error.to_string(),
        })?;
        let source = host::plain_source(source);
        let ca = self.ca.as_ref().map(absolute).transpose()?;
        if let Some(ca) = &ca {
            let named_by = CertificateNamed::Flag("--ca");
            host::read_certificates(named_by, std::slice::from_ref(ca))?;
        }
        Ok(OrganizationSource {
            source: source.to_text(),
            auth: self.auth.clone(),
            auth_header: self.auth_header.clone(),
            ca,
        })
    }

    /// Fetches it now; a copy does not count.
    fn fetch(&self, context: &Context) -> Result<(OrganizationSource, OrgDocument), CliError> {
        let settings = self.settings()?;
        let config = UserConfig {
            standalone: false,
            organization: Some(settings.clone()),
            ..context.config()?
        };
        let asked = Asked {
            force: true,
            ..Asked::default()
        };
        let document = Rules::with_config(context, config, asked)?.organization();
        let document = document.map_err(about_the_candidate)?;
        fresh(&document)?;
        Ok((settings, document))
    }
}

/// What is wrong with the source itself; hints at the recorded one would lead astray.
pub(super) fn about_the_candidate(error: CliError) -> CliError {
    match error {
        CliError::Governance(error) => match *error {
            GovernanceError::Unreadable { source, .. } => CliError::Source(*source),
            error => error.into(),
        },
        error => error,
    }
}

/// Refuses a copy that only stands in for what could not be fetched.
fn fresh(document: &OrgDocument) -> Result<(), CliError> {
    let provenance = document.provenance();
    match provenance.freshness {
        Freshness::Stale => Err(CliError::Invalid {
            message: format!(
                "`{}` could not be fetched: {}",
                provenance.source,
                provenance
                    .stale_reason
                    .as_deref()
                    .unwrap_or("nobody knows why")
            ),
            hint: "the copy from before is kept; see it: scc org status".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// What is wrong with a document, where an error says so.
fn findings_of(error: &CliError) -> Option<&[scc_config::ConfigError]> {
    match error {
        CliError::Governance(error) => match error.as_ref() {
            GovernanceError::Invalid { findings, .. } => Some(findings),
            _ => None,
        },
        _ => None,
    }
}
