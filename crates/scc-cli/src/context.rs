//! What every command works with.

use std::path::PathBuf;

use jiff::Timestamp;
use scc_config::{ProviderSection, UserConfig};
use scc_launch::{HostFacts, Launcher, Scope};
use scc_provider::{ProviderSettings, Registry};
use scc_runtime::DockerRuntime;
use scc_state::StateDir;

use crate::environment;
use crate::error::CliError;
use crate::host;
use crate::output::Printer;
use crate::secrets;

/// Settings, places, and the printer. Made without touching the engine.
pub(crate) struct Context {
    pub(crate) registry: Registry,
    pub(crate) printer: Printer,
    pub(crate) config_file: PathBuf,
    pub(crate) state_root: PathBuf,
    pub(crate) cache_root: PathBuf,
    pub(crate) scope: Scope,
    pub(crate) host: HostFacts,
}

impl Context {
    pub(crate) fn load(registry: Registry, printer: Printer) -> Result<Self, CliError> {
        let config = environment::xdg("XDG_CONFIG_HOME", ".config").ok_or(CliError::NoHome)?;
        let state = environment::xdg("XDG_STATE_HOME", ".local/state").ok_or(CliError::NoHome)?;
        let cache = environment::xdg("XDG_CACHE_HOME", ".cache").ok_or(CliError::NoHome)?;
        let host = host::facts();
        Ok(Self {
            registry,
            printer,
            config_file: config.join("scc/config.json"),
            state_root: state.join("scc"),
            cache_root: cache.join("scc"),
            scope: Scope {
                namespace: namespace()?,
                owner: host.uid,
            },
            host,
        })
    }

    /// The user's settings; the defaults when there is no file.
    pub(crate) fn config(&self) -> Result<UserConfig, CliError> {
        Ok(UserConfig::load(&self.config_file)?.unwrap_or_default())
    }

    pub(crate) fn state(&self) -> Result<StateDir, CliError> {
        Ok(StateDir::open(self.state_root.clone())?)
    }

    pub(crate) async fn engine(&self) -> Result<DockerRuntime, CliError> {
        Ok(DockerRuntime::connect(&environment::engine_lookup()).await?)
    }

    pub(crate) fn launcher<'a>(
        &'a self,
        runtime: &'a DockerRuntime,
        state: &'a StateDir,
    ) -> Launcher<'a, DockerRuntime> {
        Launcher {
            runtime,
            state,
            scope: &self.scope,
            clock: Timestamp::now,
        }
    }

    /// A provider's settings, with its key fetched.
    pub(crate) fn provider_settings(
        &self,
        id: &str,
        config: &UserConfig,
    ) -> Result<ProviderSettings, CliError> {
        let section = config.providers.get(id).cloned().unwrap_or_default();
        let ProviderSection {
            version,
            base_url,
            api_key,
            model,
        } = section;
        let api_key = api_key
            .map(|source| secrets::resolve(&format!("providers.{id}.api_key"), &source))
            .transpose()?;
        Ok(ProviderSettings {
            version,
            base_url,
            api_key,
            model,
        })
    }
}

fn namespace() -> Result<String, CliError> {
    let namespace = environment::variable("SCC_NAMESPACE").unwrap_or_else(|| "default".to_owned());
    let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if namespace.len() > 32 || !namespace.chars().all(valid) || namespace.starts_with('-') {
        return Err(CliError::Usage {
            message: format!("SCC_NAMESPACE is `{namespace}`"),
            hint: "use up to 32 lower-case letters, digits and `-`".to_owned(),
        });
    }
    Ok(namespace)
}
