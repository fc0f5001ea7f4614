//! A scripted shell agent as an scc provider, for tests: [`Script`]. With arguments it runs them;
//! without, it answers each line of its input until `quit STATUS`. The hook that it is given stands in
//! a file, which it does not run by itself.

use std::collections::BTreeMap;

use scc_provider::{
    AgentProvider, Conversation, EnvValue, ImageFile, ImageFolder, LaunchContext, LaunchSpec,
    LoginSpec, ProviderError, ProviderSettings, SealedDirectory, SignIn, VolumeFiles,
    exact_version, note_command, url_host,
};

const ID: &str = "script";
const VOLUME: &str = "/home/agent/.script";
const BINARY: &str = "/usr/local/bin/script-agent";
const CREDENTIALS: &str = "token";

const IMAGE: &[ImageFile] = &[
    ImageFile {
        path: "Dockerfile",
        content: include_bytes!("../../../images/scc-agent-script/Dockerfile"),
        executable: false,
    },
    ImageFile {
        path: "script-agent",
        content: include_bytes!("../../../images/scc-agent-script/script-agent"),
        executable: true,
    },
];

/// The scripted agent.
#[derive(Debug, Clone, Copy)]
pub struct Script;

impl AgentProvider for Script {
    fn id(&self) -> &'static str {
        ID
    }

    fn display_name(&self) -> &'static str {
        "Scripted agent"
    }

    fn image(&self, settings: &ProviderSettings) -> Result<ImageFolder, ProviderError> {
        exact_version(ID, settings)?;
        Ok(ImageFolder {
            name: "scc-agent-script",
            files: IMAGE,
            args: Vec::new(),
        })
    }

    fn volume_path(&self) -> &'static str {
        VOLUME
    }

    fn credential_files(&self) -> &'static [&'static str] {
        &[CREDENTIALS]
    }

    fn sign_in(&self, files: &VolumeFiles) -> SignIn {
        match files.get(CREDENTIALS).map(Vec::as_slice) {
            Some(b"signed in\n") => SignIn::SignedIn,
            _ => SignIn::SignedOut,
        }
    }

    fn login(&self) -> LoginSpec {
        let script = format!("read -r -p 'code: ' code && echo \"$code\" > {VOLUME}/{CREDENTIALS}");
        LoginSpec {
            argv: ["/bin/bash".to_owned(), "-c".to_owned(), script].into(),
            env: BTreeMap::new(),
            instructions: "type `signed in`",
        }
    }

    fn launch(&self, context: &LaunchContext<'_>) -> Result<LaunchSpec, ProviderError> {
        url_host(ID, context.settings)?;
        let mut argv = vec![BINARY.to_owned()];
        let resumed = match context.conversation {
            Conversation::New(_) => None,
            Conversation::Resume(id) => Some(id.to_owned()),
        };
        if let Some(id) = &resumed {
            argv.extend(["--resume".to_owned(), id.clone()]);
        }
        argv.extend(context.args.iter().cloned());
        let key = context.settings.api_key.clone();
        let key = key.map(|key| ("SCC_PROVIDER_KEY".to_owned(), EnvValue::Secret(key)));
        let gateway = context.settings.base_url.clone();
        let gateway = gateway.map(|url| ("SCC_BASE_URL".to_owned(), EnvValue::Plain(url)));
        let mut policy = BTreeMap::from([
            ("policy.txt".to_owned(), "sealed\n".into()),
            ("note.sh".to_owned(), note_command(VOLUME).into()),
        ]);
        if let Some(hook) = context.command_hook {
            policy.insert("hook.sh".to_owned(), format!("{}\n", hook.command).into());
        }
        Ok(LaunchSpec {
            argv,
            env: key.into_iter().chain(gateway).collect(),
            conversation: resumed,
            sealed: vec![SealedDirectory {
                path: "/etc/script-agent".to_owned(),
                files: policy,
            }],
            undelivered: context
                .extensions
                .all_undelivered("the scripted agent has none"),
        })
    }

    fn conversation_file(&self, id: &str, _workspace: &str) -> Option<String> {
        Some(format!("conversations/{id}"))
    }

    fn egress_hosts(&self, settings: &ProviderSettings) -> Result<Vec<String>, ProviderError> {
        Ok(url_host(ID, settings)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_conforms() {
        scc_provider::conformance::check(&Script, b"signed in\n");
    }
}
