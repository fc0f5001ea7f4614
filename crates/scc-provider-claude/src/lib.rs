//! Claude Code as an scc provider: [`Claude`].
//!
//! The agent keeps everything of its own in `~/.claude`, which is its volume; `CLAUDE_CONFIG_DIR`
//! makes it keep its state file there too. Policy is in `/etc/claude-code`, which the agent's user
//! can read and not change.

mod conversation;
mod extensions;
mod hooks;
mod own;
mod plugin_hooks;

use std::collections::BTreeMap;

use scc_provider::{
    AgentProvider, EnvValue, ImageFile, ImageFolder, LaunchContext, LaunchSpec, LoginSpec,
    OwnExtensions, OwnMarketplace, ProviderError, ProviderSettings, SealedDirectory, SignIn,
    VolumeFiles, exact_version, url_host,
};
use serde_json::{Map, Value, json};

const ID: &str = "claude";
const VOLUME: &str = "/home/agent/.claude";
const BINARY: &str = "/usr/local/bin/claude";
const POLICY: &str = "/etc/claude-code";
const CREDENTIALS: &str = ".credentials.json";

/// The version that this scc was made with, and the sha512 of its packages in base64.
const VERSION: &str = "2.1.330";
const INTEGRITY_X64: &str =
    "9Gn+V7DtJ8M1nztP9CeDVl9g3RtrepI7rOFTyPRRnZe8D6zebIHKmC7OvBauucuAP0X0k85SDN/LPVZyjsGezQ==";
const INTEGRITY_ARM64: &str =
    "V4yanAY5EA5UpwwRPtjSfqDbNqAlUJeVn3NYZw2AgmRHjdpSsLtHAzbxRXfkAnbjwTXzE0uedjQxUY02ARPcsA==";

/// Hosts of the vendor: the API, and sign-in and refresh.
const API_HOST: &str = "api.anthropic.com";
const API_URL: &str = "https://api.anthropic.com";
const SIGN_IN_HOSTS: [&str; 2] = ["platform.claude.com", "claude.ai"];

const IMAGE: &[ImageFile] = &[ImageFile {
    path: "Dockerfile",
    content: include_bytes!("../../../images/scc-agent-claude/Dockerfile"),
    executable: false,
}];

/// Claude Code.
#[derive(Debug, Clone, Copy)]
pub struct Claude;

impl AgentProvider for Claude {
    fn id(&self) -> &'static str {
        ID
    }

    fn display_name(&self) -> &'static str {
        "Claude Code"
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
            name: "scc-agent-claude",
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
        let token = files
            .get(CREDENTIALS)
            .and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok())
            .and_then(|file| {
                Some(
                    !file
                        .get("claudeAiOauth")?
                        .get("accessToken")?
                        .as_str()?
                        .is_empty(),
                )
            });
        if token == Some(true) {
            SignIn::SignedIn
        } else {
            SignIn::SignedOut
        }
    }

    fn login(&self) -> LoginSpec {
        LoginSpec {
            argv: [BINARY, "auth", "login"].map(str::to_owned).into(),
            env: BTreeMap::from([("CLAUDE_CONFIG_DIR".to_owned(), VOLUME.to_owned())]),
            instructions: "open the address that Claude Code prints in your browser, sign in, and \
                           paste the code here",
        }
    }

    fn plugin_catalogs(&self) -> &'static [&'static str] {
        &[extensions::CATALOG]
    }

    fn own_marketplaces(&self) -> &'static [OwnMarketplace] {
        &[OwnMarketplace {
            name: "claude-plugins-official",
            owner: "anthropics",
            repo: "claude-plugins-official",
        }]
    }

    fn own_files(&self) -> &'static [&'static str] {
        own::FILES
    }

    fn own_extensions(&self, files: &VolumeFiles, workspace: &str) -> OwnExtensions {
        own::extensions(files, workspace)
    }

    fn launch(&self, context: &LaunchContext<'_>) -> Result<LaunchSpec, ProviderError> {
        let settings = context.settings;
        let extensions = context.extensions;
        url_host(ID, settings)?;
        extensions::check_arguments(extensions, context.args)?;
        // The sandbox is the permission system: what it does not hold, a question would not hold.
        let mut argv = vec![
            BINARY.to_owned(),
            "--dangerously-skip-permissions".to_owned(),
        ];
        if let Some(model) = &settings.model {
            argv.extend(["--model".to_owned(), model.clone()]);
        }
        let conversation = conversation::choose(context, &mut argv);
        argv.extend(extensions::arguments(extensions, POLICY));
        argv.extend(context.args.iter().cloned());
        let mut managed = managed_settings(settings);
        managed.insert("hooks".to_owned(), managed_hooks(context));
        managed.extend(extensions::settings(extensions));
        let managed = format!("{:#}\n", Value::Object(managed));
        let mut files = BTreeMap::from([("managed-settings.json".to_owned(), managed.into())]);
        files.extend(extensions::policy_files(extensions));
        files.extend(extensions::skill_files(extensions));
        let mut sealed = vec![SealedDirectory {
            path: POLICY.to_owned(),
            files,
        }];
        sealed.extend(extensions::sealed(extensions)?);
        Ok(LaunchSpec {
            argv,
            env: environment(context),
            conversation,
            sealed,
            undelivered: extensions::undelivered(extensions),
        })
    }

    fn conversation_file(&self, id: &str, workspace: &str) -> Option<String> {
        Some(conversation::file(id, workspace))
    }

    fn egress_hosts(&self, settings: &ProviderSettings) -> Result<Vec<String>, ProviderError> {
        Ok(match url_host(ID, settings)? {
            Some(gateway) => vec![gateway],
            None => std::iter::once(API_HOST)
                .chain(SIGN_IN_HOSTS)
                .map(str::to_owned)
                .collect(),
        })
    }
}

fn environment(context: &LaunchContext<'_>) -> BTreeMap<String, EnvValue> {
    let plain = |value: &str| EnvValue::Plain(value.to_owned());
    let mut env = BTreeMap::from([
        ("CLAUDE_CONFIG_DIR".to_owned(), plain(VOLUME)),
        // The image's version is the version; what is not needed for work is not sent.
        (
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC".to_owned(),
            plain("1"),
        ),
        (
            "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL".to_owned(),
            plain("1"),
        ),
        ("DISABLE_AUTOUPDATER".to_owned(), plain("1")),
        // Answers the question whether the folder is trusted: it is mounted for this purpose.
        ("CLAUDE_CODE_SANDBOXED".to_owned(), plain("1")),
    ]);
    if context.agent_is_root {
        // Without it the agent refuses to work as root without asking.
        env.insert("IS_SANDBOX".to_owned(), plain("1"));
    }
    if let Some(key) = &context.settings.api_key {
        // Gateways take a bearer token; the vendor takes a key.
        let name = match context.settings.base_url {
            Some(_) => "ANTHROPIC_AUTH_TOKEN",
            None => KEY_VARIABLE,
        };
        env.insert(name.to_owned(), EnvValue::Secret(key.clone()));
    }
    env
}

/// The variable the agent's key helper prints. A key in the agent's own variable would make it ask
/// at the first start whether to use it.
const KEY_VARIABLE: &str = "SCC_PROVIDER_KEY";

/// Managed hooks run whatever the user's and the workspace's settings say.
fn managed_hooks(context: &LaunchContext<'_>) -> Value {
    let note = ("SessionStart".to_owned(), conversation::hooks());
    let judge = context.command_hook.map(hooks::hooks);
    let judge = judge.map(|hooks| ("PreToolUse".to_owned(), hooks));
    Value::Object([note].into_iter().chain(judge).collect())
}

/// What the agent's user cannot change.
fn managed_settings(settings: &ProviderSettings) -> Map<String, Value> {
    let mut managed = Map::new();
    managed.insert("skipDangerousModePermissionPrompt".to_owned(), json!(true));
    // Pinned, also to the vendor's own: otherwise a file of the workspace could send the key
    // elsewhere with the first request.
    let url = settings.base_url.as_deref().unwrap_or(API_URL);
    managed.insert("env".to_owned(), json!({ "ANTHROPIC_BASE_URL": url }));
    if settings.base_url.is_none() && settings.api_key.is_some() {
        managed.insert(
            "apiKeyHelper".to_owned(),
            json!(format!("printenv {KEY_VARIABLE}")),
        );
    }
    managed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_conforms() {
        scc_provider::conformance::check(&Claude, br#"{"claudeAiOauth":{"accessToken":"t"}}"#);
    }

    #[test]
    fn a_gateway_is_pinned_in_the_managed_settings() {
        let settings = ProviderSettings {
            base_url: Some("https://gateway.example/x".to_owned()),
            api_key: Some("k".to_owned().into()),
            ..ProviderSettings::default()
        };
        let managed = managed_settings(&settings);
        assert_eq!(
            managed["env"]["ANTHROPIC_BASE_URL"],
            "https://gateway.example/x"
        );
        assert_eq!(managed.get("apiKeyHelper"), None);
    }

    #[test]
    fn the_vendor_is_pinned_where_there_is_no_gateway() {
        let with_key = ProviderSettings {
            api_key: Some("k".to_owned().into()),
            ..ProviderSettings::default()
        };
        for settings in [ProviderSettings::default(), with_key] {
            let managed = managed_settings(&settings);
            assert_eq!(managed["env"]["ANTHROPIC_BASE_URL"], API_URL);
        }
    }

    #[test]
    fn signed_in_means_an_access_token() {
        let sign_in = |text: &str| {
            Claude.sign_in(&VolumeFiles::from([(CREDENTIALS.to_owned(), text.into())]))
        };
        assert_eq!(
            sign_in(r#"{"claudeAiOauth":{"accessToken":"t"}}"#),
            SignIn::SignedIn
        );
        assert_eq!(
            sign_in(r#"{"claudeAiOauth":{"accessToken":""}}"#),
            SignIn::SignedOut
        );
        assert_eq!(sign_in(r#"{"claudeAiOauth":{}}"#), SignIn::SignedOut);
    }
}
