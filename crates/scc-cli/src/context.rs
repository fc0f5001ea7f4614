//! What every command works with.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use jiff::Timestamp;
use scc_config::{
    Document, Known, OrgConfig, ProviderPreference, ProviderSection, SecretSource, UserConfig,
    pointer_token,
};
use scc_launch::{EgressRequest, HostFacts, Launcher, Scope};
use scc_policy::EffectivePolicy;
use scc_provider::{ProviderSettings, Registry};
use scc_runtime::DockerRuntime;
use scc_state::StateDir;
use secrecy::SecretString;

use crate::environment;
use crate::error::CliError;
use crate::host;
use crate::output::Printer;
use crate::{packages, secrets};

/// Settings, places, and the printer. Made without touching the engine.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) registry: Registry,
    pub(crate) printer: Printer,
    pub(crate) config_file: PathBuf,
    pub(crate) state_root: PathBuf,
    pub(crate) cache_root: PathBuf,
    pub(crate) scope: Scope,
    pub(crate) host: HostFacts,
    /// The state directory, once something has asked for it.
    pub(crate) opened: OnceLock<StateDir>,
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
            opened: OnceLock::new(),
        })
    }

    /// The user's settings; the defaults when there is no file.
    pub(crate) fn config(&self) -> Result<UserConfig, CliError> {
        let Some(document) = Document::<UserConfig>::load(&self.config_file)? else {
            return Ok(UserConfig::default());
        };
        self.check_providers(&document)?;
        Ok(document.into_value())
    }

    /// Which providers there are is not known to who reads the file.
    fn check_providers(&self, document: &Document<UserConfig>) -> Result<(), CliError> {
        let config = document.value();
        let unknown = self.unknown_providers(config);
        let Some(id) = unknown.first() else {
            return Ok(());
        };
        let pointer = match config.providers.contains_key(id) {
            true => format!("/providers/{}", pointer_token(id)),
            false => "/provider".to_owned(),
        };
        let place = document.key_place(&pointer);
        let place = place.map_or_else(String::new, |p| format!(":{}:{}", p.line, p.column));
        Err(CliError::Invalid {
            message: format!(
                "{}{place}: there is no provider `{id}`",
                self.config_file.display()
            ),
            hint: format!("this scc has {}", self.registry.ids().join(", ")),
        })
    }

    /// The ids in the settings of which this scc has no provider.
    pub(crate) fn unknown_providers(&self, config: &UserConfig) -> Vec<String> {
        let preferred = match &config.provider {
            Some(ProviderPreference::Id(id)) => Some(id),
            Some(ProviderPreference::Ask) | None => None,
        };
        let ids = preferred.into_iter().chain(config.providers.keys());
        ids.filter(|id| self.registry.get(id).is_none())
            .cloned()
            .collect()
    }

    /// What is wrong with settings that would name this provider.
    pub(crate) fn no_such_provider(&self, id: &str) -> CliError {
        CliError::Usage {
            message: format!("there is no provider `{id}`"),
            hint: format!("this scc has {}", self.registry.ids().join(", ")),
        }
    }

    /// What scc remembers. There is one, so that its warnings are not lost.
    pub(crate) fn state(&self) -> Result<StateDir, CliError> {
        if let Some(state) = self.opened.get() {
            return Ok(state.clone());
        }
        let state = StateDir::open(self.state_root.clone())?;
        Ok(self.opened.get_or_init(|| state).clone())
    }

    /// Says what could not be read and was set aside.
    pub(crate) fn report_warnings(&self, state: &StateDir) {
        for warning in state.take_warnings() {
            self.printer.warning(&warning);
        }
    }

    /// The same at the end of a command, which may have opened no state.
    pub(crate) fn report_last_warnings(&self) {
        if let Some(state) = self.opened.get() {
            self.report_warnings(state);
        }
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

    /// What whoever keeps an organization's document is told about it.
    pub(crate) fn advice(&self, document: &Document<OrgConfig>) -> Vec<String> {
        self.with_known(|known| scc_launch::advice(document, known))
    }

    /// What is known about this machine when a document is judged.
    pub(crate) fn with_known<T>(&self, judge: impl FnOnce(&Known<'_>) -> T) -> T {
        judge(&Known {
            providers: &self.registry.ids(),
            now: Timestamp::now(),
        })
    }

    /// How egress is enforced on this machine, where the rules want it.
    pub(crate) fn egress(&self, policy: &EffectivePolicy) -> Result<EgressRequest, CliError> {
        let (topology, way_out) = environment::egress()?;
        Ok(EgressRequest {
            topology,
            way_out,
            machine: host::addresses(),
            packages: packages::hosts(policy, self),
        })
    }

    /// A provider's settings, with its key fetched.
    pub(crate) fn provider_settings(
        &self,
        id: &str,
        config: &UserConfig,
    ) -> Result<ProviderSettings, CliError> {
        let mut settings = self.planned_settings(id, config);
        if let Some(source) = key_source(id, config) {
            let key = secrets::resolve(&format!("providers.{id}.api_key"), source)?;
            settings.api_key = Some(key);
        }
        Ok(settings)
    }

    /// The same for what needs no key, only whether there is one: nothing is fetched.
    pub(crate) fn planned_settings(&self, id: &str, config: &UserConfig) -> ProviderSettings {
        let section = config.providers.get(id).cloned().unwrap_or_default();
        let ProviderSection {
            version,
            base_url,
            api_key,
            model,
        } = section;
        ProviderSettings {
            version,
            base_url,
            api_key: api_key.map(|_| SecretString::from("not fetched")),
            model,
        }
    }

    /// A path as people read it, with `~` for their home.
    pub(crate) fn readable(&self, path: &Path) -> String {
        let home = self.host.home.as_deref();
        match home.and_then(|home| path.strip_prefix(home).ok()) {
            Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
            Some(rest) => format!("~/{}", rest.display()),
            None => path.display().to_string(),
        }
    }
}

/// Where a provider's key comes from.
pub(crate) fn key_source<'a>(id: &str, config: &'a UserConfig) -> Option<&'a SecretSource> {
    config.providers.get(id)?.api_key.as_ref()
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
