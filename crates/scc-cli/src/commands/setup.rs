use std::path::{Path, PathBuf};

use scc_config::{ProviderPreference, UserConfig};
use scc_launch::LaunchError;
use serde_json::json;

use crate::context::Context;
use crate::error::CliError;
use crate::host;

/// Record how scc is to work on this machine
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Work without an organisation's rules
    #[arg(long, required = true)]
    standalone: bool,
    /// Prefer this agent, or `ask` each time
    #[arg(long, value_name = "ID")]
    provider: Option<String>,
    /// Trust this certificate authority in images and sandboxes, in addition to those that were
    /// added to this machine; may be repeated
    #[arg(long, value_name = "FILE")]
    ca_certificate: Vec<PathBuf>,
    /// Build the images on this one instead of Debian's
    #[arg(long, value_name = "REFERENCE")]
    base_image: Option<String>,
    /// Never ask
    #[arg(long)]
    non_interactive: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<u8, CliError> {
    let mut config = context.config()?;
    config.standalone = args.standalone;
    if let Some(provider) = args.provider {
        config.provider = Some(preference(provider, context)?);
    }
    if let Some(base) = args.base_image {
        config.images.base = Some(base);
    }
    config.ca_certificates = authorities(config.ca_certificates, args.ca_certificate)?;
    host::read_certificates(&config.ca_certificates)?;
    save(&config, context)?;
    describe(&config, context);
    Ok(0)
}

fn preference(provider: String, context: &Context) -> Result<ProviderPreference, CliError> {
    if provider == "ask" {
        return Ok(ProviderPreference::Ask);
    }
    if context.registry.get(&provider).is_none() {
        let known = context.registry.ids();
        return Err(LaunchError::UnknownProvider {
            id: provider,
            known,
        }
        .into());
    }
    Ok(ProviderPreference::Id(provider))
}

/// Those that are set and still there, those given, and those added to this machine.
fn authorities(earlier: Vec<PathBuf>, given: Vec<PathBuf>) -> Result<Vec<PathBuf>, CliError> {
    let absolute = |path: PathBuf| {
        std::path::absolute(&path).map_err(|error| CliError::Certificate {
            path,
            reason: error.to_string(),
        })
    };
    let given = given
        .into_iter()
        .map(absolute)
        .collect::<Result<Vec<_>, _>>()?;
    let earlier = earlier.into_iter().filter(|path| path.exists());
    let mut all: Vec<PathBuf> = Vec::new();
    for path in earlier.chain(given).chain(host::added_authorities()) {
        if !all.contains(&path) {
            all.push(path);
        }
    }
    Ok(all)
}

fn describe(config: &UserConfig, context: &Context) {
    let printer = context.printer;
    let file = context.config_file.display();
    printer.data(
        "SetupResult",
        &json!({ "configFile": file.to_string() }),
        &[],
    );
    printer.note(&format!(
        "recorded in {file}: standalone, no organisation's rules apply"
    ));
    for path in &config.ca_certificates {
        printer.note(&format!("sandboxes trust the authority {}", path.display()));
    }
    printer.note("next: go to a project and type `scc start`");
}

/// Writes the settings, so that a crash leaves either the old or the new ones.
pub(crate) fn save(config: &UserConfig, context: &Context) -> Result<(), CliError> {
    let file = &context.config_file;
    let broken = |source| CliError::Write {
        path: file.clone(),
        source,
    };
    let directory = file.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(directory).map_err(broken)?;
    scc_state::write_private_file(file, config.to_json().as_bytes())?;
    Ok(())
}
