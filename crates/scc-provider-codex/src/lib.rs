//! Codex CLI as an scc provider: [`Codex`].
//!
//! The agent keeps everything of its own in `~/.codex`, which is its volume. Policy is in
//! `/etc/codex`, which the agent's user can read and not change: `config.toml` (defaults),
//! `managed_config.toml` (beats the user's own settings) and `requirements.toml` (hard limits).

mod conversation;
mod hooks;
mod own;
mod plugin_hooks;
mod plugin_parts;
mod plugins;
mod servers;

use std::collections::BTreeMap;

use scc_provider::{
    AgentProvider, EnvValue, ImageFile, ImageFolder, LaunchContext, LaunchSpec, LoginSpec,
    OwnExtensions, ProviderError, ProviderSettings, SealedDirectory, SignIn, VolumeFiles,
    exact_version, url_host,
};
use serde_json::Value;
use toml::{Table, toml};

const ID: &str = "codex";
const VOLUME: &str = "/home/agent/.codex";
const BINARY: &str = "/usr/local/bin/codex";
const POLICY: &str = "/etc/codex";
const CREDENTIALS: &str = "auth.json";

/// The version that this scc was made with, and the sha512 of its packages in base64.
const VERSION: &str = "0.169.0";
const INTEGRITY_X64: &str =
    "o05NyAOCDygSPRo1yinzxvkRSdmsZyBD9E7mbpmjRanSfM8lypqWtQgEo4XfNkwhuCR2aFu8mlGOsQGFXVbVww==";
const INTEGRITY_ARM64: &str =
    "NZ/DaQUpcQmxmqee7Z9uC1rzw3GhSbooawcaTe1LN5Yk+WlinUKGdTXJgClRT/9ogQEEM9TWxYzvxPfj5G/xFg==";

/// The variable that carries a key to the agent.
const KEY_VARIABLE: &str = "SCC_PROVIDER_KEY";
const API_HOST: &str = "api.openai.com";
const API_URL: &str = "https://api.openai.com/v1";
/// Hosts of a subscription: the API, and sign-in and refresh.
const SUBSCRIPTION_HOSTS: [&str; 2] = ["chatgpt.com", "auth.openai.com"];

const IMAGE: &[ImageFile] = &[ImageFile {
    path: "Dockerfile",
    content: include_bytes!("../../../images/scc-agent-codex/Dockerfile"),
    executable: false,
}];

/// Codex CLI.
#[derive(Debug, Clone, Copy)]
pub struct Codex;

impl AgentProvider for Codex {
    fn id(&self) -> &'static str {
        ID
    }

    fn display_name(&self) -> &'static str {
        "Codex"
    }

    fn image(&self, settings: &ProviderSettings) -> Result<ImageFolder, ProviderError> {
        let version = exact_version(ID, settings)?.unwrap_or(VERSION);
        let known = |integrity| if version == VERSION { integrity } else { "" };
        let args = [
            ("VERSION", version),
            ("INTEGRITY_X64", known(INTEGRITY_X64)),
            ("INTEGRITY_ARM64", known(INTEGRITY_ARM64)),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
        Ok(ImageFolder {
            name: "scc-agent-codex",
            files: IMAGE,
            args: args.into(),
        })
    }

    fn volume_path(&self) -> &'static str {
        VOLUME
    }

    fn credential_files(&self) -> &'static [&'static str] {
        &[CREDENTIALS]
    }

    fn sign_in(&self, files: &VolumeFiles) -> SignIn {
        let filled = |value: Option<&Value>| {
            value
                .and_then(Value::as_str)
                .is_some_and(|text| !text.is_empty())
        };
        let file = files
            .get(CREDENTIALS)
            .and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok())
            .unwrap_or_default();
        let token = file
            .get("tokens")
            .and_then(|tokens| tokens.get("access_token"));
        if filled(file.get("OPENAI_API_KEY")) || filled(token) {
            SignIn::SignedIn
        } else {
            SignIn::SignedOut
        }
    }

    fn login(&self) -> LoginSpec {
        LoginSpec {
            argv: [BINARY, "login", "--device-auth"].map(str::to_owned).into(),
            env: BTreeMap::new(),
            instructions: "open the address that Codex prints in your browser and type the code \
                           there; Codex goes on by itself",
        }
    }

    fn plugin_catalogs(&self) -> &'static [&'static str] {
        &[plugins::CATALOG]
    }

    fn own_files(&self) -> &'static [&'static str] {
        own::FILES
    }

    fn own_extensions(&self, files: &VolumeFiles, _workspace: &str) -> OwnExtensions {
        own::extensions(files)
    }

    fn launch(&self, context: &LaunchContext<'_>) -> Result<LaunchSpec, ProviderError> {
        let settings = context.settings;
        url_host(ID, settings)?;
        let mut argv = vec![BINARY.to_owned()];
        let conversation = conversation::choose(context, &mut argv);
        let mut env = BTreeMap::new();
        if let Some(key) = &settings.api_key {
            env.insert(KEY_VARIABLE.to_owned(), EnvValue::Secret(key.clone()));
        }
        let extensions = context.extensions;
        let mut managed = managed_config(settings);
        managed.extend(servers::managed(extensions));
        let mut required = requirements(context);
        if extensions.locked {
            let allowed = servers::allowed(extensions);
            required.insert("mcp_servers".to_owned(), allowed.into());
        }
        let files = [
            ("config.toml", config(context)),
            ("managed_config.toml", managed),
            ("requirements.toml", required),
        ]
        .map(|(name, table)| (name.to_owned(), table.to_string().into()));
        let files = files.into_iter().chain(plugins::policy_file(extensions));
        let mut sealed = vec![SealedDirectory {
            path: POLICY.to_owned(),
            files: files.collect(),
        }];
        sealed.extend(plugins::sealed(extensions));
        let mut undelivered = plugins::undelivered(extensions);
        undelivered.extend(servers::undelivered(extensions));
        Ok(LaunchSpec {
            argv,
            env,
            conversation,
            sealed,
            undelivered,
        })
    }

    /// The file's name begins with the time at which the conversation began.
    fn conversation_file(&self, _id: &str, _workspace: &str) -> Option<String> {
        None
    }

    fn egress_hosts(&self, settings: &ProviderSettings) -> Result<Vec<String>, ProviderError> {
        Ok(match (url_host(ID, settings)?, &settings.api_key) {
            (Some(gateway), _) => vec![gateway],
            (None, Some(_)) => vec![API_HOST.to_owned()],
            (None, None) => SUBSCRIPTION_HOSTS.map(str::to_owned).into(),
        })
    }
}

/// Defaults that the user's own settings may change.
fn config(context: &LaunchContext<'_>) -> Table {
    let mut config = toml! {
        check_for_update_on_startup = false

        [features]
        // The daemon outlives the terminal and needs `ps`.
        daemon_auto_start = false

        [analytics]
        enabled = false
    };
    if let Some(model) = &context.settings.model {
        config.insert("model".to_owned(), model.clone().into());
    }
    // The workspace is mounted to be worked in, so the question whether it is trusted is answered.
    let trusted = Table::from_iter([("trust_level".to_owned(), "trusted".into())]);
    let projects = Table::from_iter([(context.workspace.to_owned(), trusted.into())]);
    config.insert("projects".to_owned(), projects.into());
    config
}

/// Settings that beat the user's own. A provider's table is written whole, since keys that it
/// leaves out could be set by the user.
fn managed_config(settings: &ProviderSettings) -> Table {
    let mut managed = toml! {
        approval_policy = "never"
        // The container is the sandbox; the agent's own cannot nest in it.
        sandbox_mode = "danger-full-access"
    };
    if settings.base_url.is_none() && settings.api_key.is_none() {
        return managed;
    }
    let mut provider = toml! {
        name = "scc"
        wire_api = "responses"
        requires_openai_auth = false
    };
    let url = settings.base_url.as_deref().unwrap_or(API_URL);
    provider.insert("base_url".to_owned(), url.into());
    if settings.api_key.is_some() {
        provider.insert("env_key".to_owned(), KEY_VARIABLE.into());
    }
    let providers = Table::from_iter([("scc".to_owned(), provider.into())]);
    managed.insert("model_provider".to_owned(), "scc".into());
    managed.insert("model_providers".to_owned(), providers.into());
    managed
}

/// Managed hooks run whatever the user's and the workspace's settings say; those of plugins come last.
fn managed_hooks(context: &LaunchContext<'_>) -> Table {
    let note = ("SessionStart".to_owned(), conversation::hooks());
    let judge = context.command_hook.map(hooks::hooks);
    let judge = judge.map(|hooks| ("PreToolUse".to_owned(), hooks));
    let mut all: Table = [note].into_iter().chain(judge).collect();
    for (event, groups) in plugins::hooks(context.extensions) {
        match all.get_mut(&event) {
            Some(toml::Value::Array(list)) => list.extend(groups),
            _ => drop(all.insert(event, groups.into())),
        }
    }
    all
}

fn requirements(context: &LaunchContext<'_>) -> Table {
    let mut requirements = toml! {
        // The agent insists that the first is among them.
        allowed_sandbox_modes = ["read-only", "danger-full-access"]
        allowed_approval_policies = ["never"]
    };
    requirements.insert("hooks".to_owned(), managed_hooks(context).into());
    // Otherwise the user's settings could switch the hooks off.
    let mut features = toml! { hooks = true };
    if context.extensions.locked {
        features.insert("plugins".to_owned(), false.into());
        requirements.extend(plugins::locked());
    }
    requirements.insert("features".to_owned(), features.into());
    requirements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_conforms() {
        scc_provider::conformance::check(&Codex, br#"{"OPENAI_API_KEY":"k","tokens":{}}"#);
    }

    #[test]
    fn a_gateway_is_a_provider_of_its_own() {
        let settings = ProviderSettings {
            base_url: Some("https://gateway.example/v1".to_owned()),
            api_key: Some("k".to_owned().into()),
            ..ProviderSettings::default()
        };
        let managed = managed_config(&settings);
        assert_eq!(managed["model_provider"].as_str(), Some("scc"));
        let provider = &managed["model_providers"]["scc"];
        assert_eq!(
            provider["base_url"].as_str(),
            Some("https://gateway.example/v1")
        );
        assert_eq!(provider["env_key"].as_str(), Some(KEY_VARIABLE));
        assert!(
            managed_config(&ProviderSettings::default())
                .get("model_provider")
                .is_none()
        );
    }

    #[test]
    fn signed_in_means_a_key_or_a_token() {
        let sign_in =
            |text: &str| Codex.sign_in(&VolumeFiles::from([(CREDENTIALS.to_owned(), text.into())]));
        assert_eq!(sign_in(r#"{"OPENAI_API_KEY":"k"}"#), SignIn::SignedIn);
        assert_eq!(
            sign_in(r#"{"OPENAI_API_KEY":null,"tokens":{"access_token":"t"}}"#),
            SignIn::SignedIn
        );
        assert_eq!(
            sign_in(r#"{"OPENAI_API_KEY":null,"tokens":{}}"#),
            SignIn::SignedOut
        );
    }
}
