//! What every [`AgentProvider`] must hold to. A provider's crate calls [`check`] in a test.

#![expect(clippy::panic, clippy::expect_used, reason = "test support")]

use crate::{
    AGENT_HOME, AgentProvider, CommandHook, Conversation, EnvValue, Extensions, LaunchContext,
    LaunchSpec, OwnExtensions, ProviderError, ProviderSettings, SealedFile, SignIn, VolumeFiles,
    note_command,
};

/// A key that must not turn up anywhere but in a secret.
const CANARY: &str = "canary-3f9a1c";

/// A hook that must turn up in a sealed file.
const HOOK: CommandHook<'static> = CommandHook {
    command: "/hook-7c2e",
    timeout_seconds: 7,
};

mod extensions;

pub use extensions::sample as sample_extensions;

/// Panics with the rule that `provider` breaks. `sample` is a credential file that signs in.
pub fn check(provider: &dyn AgentProvider, sample: &[u8]) {
    check_identity(provider);
    check_image(provider);
    for base_url in [None, Some("https://gateway.example:8443/v1")] {
        for api_key in [None, Some(CANARY)] {
            for model in [None, Some("model-x")] {
                let settings = ProviderSettings {
                    version: None,
                    base_url: base_url.map(str::to_owned),
                    api_key: api_key.map(|key| key.to_owned().into()),
                    model: model.map(str::to_owned),
                };
                check_launch(provider, &settings);
            }
        }
    }
    check_bad_settings(provider);
    check_sign_in(provider, sample);
    check_own_extensions(provider);
    check_conversations(provider);
    extensions::check(provider);
}

fn check_identity(provider: &dyn AgentProvider) {
    let id = provider.id();
    let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    assert!(
        !id.is_empty() && id.chars().all(valid),
        "the id `{id}` has other characters"
    );
    assert!(!provider.display_name().is_empty(), "{id}: no display name");
    let volume = provider.volume_path();
    let below_home = volume
        .strip_prefix(AGENT_HOME)
        .is_some_and(|rest| rest.len() > 1);
    assert!(
        below_home,
        "{id}: the volume `{volume}` is not below {AGENT_HOME}"
    );
    let login = provider.login();
    assert!(
        login.argv.first().is_some_and(|word| word.starts_with('/')),
        "{id}: login is relative"
    );
}

fn check_image(provider: &dyn AgentProvider) {
    let id = provider.id();
    let image = provider
        .image(&ProviderSettings::default())
        .expect("the default image");
    assert_eq!(image.name, format!("scc-agent-{id}"), "the image's name");
    let dockerfile = image.files.iter().find(|file| file.path == "Dockerfile");
    let dockerfile = dockerfile.unwrap_or_else(|| panic!("{id}: no Dockerfile"));
    let text = std::str::from_utf8(dockerfile.content).expect("a Dockerfile is text");
    for argument in ["ARG BASE", "FROM ${BASE}"] {
        assert!(
            text.lines().any(|line| line.starts_with(argument)),
            "{id}: no `{argument}`"
        );
    }
    let volume = provider.volume_path();
    assert!(
        volume.starts_with(&format!("{AGENT_HOME}/")),
        "{id}: the volume is not in the agent's home"
    );
    assert!(
        !text.contains("://"),
        "{id}: the Dockerfile names a host; its client has to"
    );
}

fn check_launch(provider: &dyn AgentProvider, settings: &ProviderSettings) {
    let id = provider.id();
    let args = ["--flag".to_owned(), "two words".to_owned()];
    let launch = |agent_is_root| {
        let context = LaunchContext {
            workspace: "/work/space",
            conversation: Conversation::New(CONVERSATION),
            settings,
            args: &args,
            agent_is_root,
            command_hook: Some(HOOK),
            extensions: &Extensions::default(),
        };
        provider
            .launch(&context)
            .expect("a launch with good settings")
    };
    let spec = launch(false);
    assert_eq!(
        format!("{spec:?}"),
        format!("{:?}", launch(false)),
        "{id}: launches differ"
    );
    launch(true);
    assert!(
        spec.argv.first().is_some_and(|word| word.starts_with('/')),
        "{id}: argv is relative"
    );
    assert!(
        spec.argv.ends_with(&args),
        "{id}: the user's arguments are not at the end"
    );
    let mut files = spec.sealed.iter().flat_map(|sealed| sealed.files.values());
    let hook = HOOK.command.as_bytes();
    let has_hook = |file: &SealedFile| file.content.windows(hook.len()).any(|part| part == hook);
    assert!(files.any(has_hook), "{id}: no sealed file has the hook");
    check_sealed(id, &spec);
    check_no_secret(id, &spec);
    let hosts = provider
        .egress_hosts(settings)
        .expect("hosts with good settings");
    if settings.base_url.is_some() {
        assert_eq!(
            hosts,
            ["gateway.example"],
            "{id}: the gateway stands in for the vendor"
        );
        let text = format!("{:?}{:?}", spec.sealed, spec.env);
        assert!(
            text.contains("gateway.example"),
            "{id}: the gateway is not used"
        );
    }
    for host in &hosts {
        let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-';
        assert!(host.chars().all(valid), "{id}: `{host}` is no host name");
    }
}

fn check_sealed(id: &str, spec: &LaunchSpec) {
    for sealed in &spec.sealed {
        let path = &sealed.path;
        let place = path.starts_with("/etc/") || path.starts_with("/opt/scc/");
        assert!(place, "{id}: sealed files outside /etc and /opt/scc");
        assert!(!sealed.files.is_empty(), "{id}: an empty sealed directory");
        for inner in &spec.sealed {
            let Some(rest) = inner.path.strip_prefix(&format!("{path}/")) else {
                continue;
            };
            let below = format!("{rest}/");
            let place = sealed.files.keys().any(|file| file.starts_with(&below));
            assert!(place, "{id}: `{path}` has no file at `{}`", inner.path);
        }
    }
    let mut paths: Vec<_> = spec.sealed.iter().map(|sealed| &sealed.path).collect();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), spec.sealed.len(), "{id}: one path twice");
}

fn check_no_secret(id: &str, spec: &LaunchSpec) {
    assert!(
        !format!("{spec:?}").contains(CANARY),
        "{id}: the key shows when printed"
    );
    assert!(
        !spec.argv.iter().any(|word| word.contains(CANARY)),
        "{id}: the key is in argv"
    );
    for (name, value) in &spec.env {
        if let EnvValue::Plain(value) = value {
            assert!(
                !value.contains(CANARY),
                "{id}: the key is plain in `{name}`"
            );
        }
    }
    for sealed in &spec.sealed {
        let shown = format!("{:?}", sealed.files).contains(CANARY);
        assert!(!shown, "{id}: the key is in a file of {}", sealed.path);
    }
}

fn check_bad_settings(provider: &dyn AgentProvider) {
    let id = provider.id();
    for url in [
        "",
        "gateway",
        "ftp://gateway.example",
        "https://",
        "https://user@gateway.example",
    ] {
        let settings = ProviderSettings {
            base_url: Some(url.to_owned()),
            ..ProviderSettings::default()
        };
        let Err(error) = provider.egress_hosts(&settings) else {
            panic!("{id}: `{url}` is taken as a gateway")
        };
        let ProviderError::BadSetting { key, .. } = error else {
            panic!("{id}: `{url}`: {error}")
        };
        assert_eq!(key, "base_url", "{id}");
    }
    for version in ["latest", "1", "^1.0.0", "1.0.0;x"] {
        let settings = ProviderSettings {
            version: Some(version.to_owned()),
            ..ProviderSettings::default()
        };
        assert!(
            provider.image(&settings).is_err(),
            "{id}: `{version}` is taken as a version"
        );
    }
}

/// An identifier of a conversation.
const CONVERSATION: &str = "0193a0b0-1111-7abc-8def-0123456789ab";

/// A conversation that is to go on is named on the command line, and each one is noted by a hook.
fn check_conversations(provider: &dyn AgentProvider) {
    let id = provider.id();
    let settings = ProviderSettings::default();
    let launch = |conversation| {
        let context = LaunchContext {
            workspace: "/work/space",
            conversation,
            settings: &settings,
            args: &[],
            agent_is_root: false,
            command_hook: None,
            extensions: &Extensions::default(),
        };
        provider.launch(&context).expect("a launch")
    };
    let resumed = launch(Conversation::Resume(CONVERSATION));
    assert!(
        resumed.argv.iter().any(|word| word == CONVERSATION),
        "{id}: the conversation is not on the command line"
    );
    assert_eq!(
        resumed.conversation.as_deref(),
        Some(CONVERSATION),
        "{id}: the conversation is another one"
    );
    let new = launch(Conversation::New(CONVERSATION));
    assert_ne!(new.argv, resumed.argv, "{id}: it begins as it goes on");
    let known = new
        .conversation
        .as_deref()
        .is_none_or(|known| known == CONVERSATION);
    assert!(known, "{id}: it takes another identifier");
    check_note(provider, &new);
    if let Some(file) = provider.conversation_file(CONVERSATION, "/work/space") {
        assert!(file.contains(CONVERSATION), "{id}: `{file}` holds all");
        assert!(!file.starts_with('/'), "{id}: `{file}` is absolute");
    }
}

fn check_note(provider: &dyn AgentProvider, spec: &LaunchSpec) {
    let (id, volume) = (provider.id(), provider.volume_path());
    let files = spec.sealed.iter().flat_map(|sealed| sealed.files.values());
    let sealed: String = files
        .map(|file| String::from_utf8_lossy(&file.content))
        .collect();
    let noted = sealed.replace("\\\"", "\"").contains(&note_command(volume));
    assert!(noted, "{id}: no hook notes the conversation");
    let note =
        format!("{{\"session_id\":\"{CONVERSATION}\",\"transcript_path\":\"{volume}/a/b\"}}");
    let found = provider.noted_conversation(note.as_bytes());
    assert_eq!(
        found.expect("a note that can be read").id,
        CONVERSATION,
        "{id}: the note"
    );
}

/// Nothing that is not a credential may count as one, and nothing may panic.
/// What an agent may have left in the place of a file.
const GARBAGE: [&[u8]; 9] = [
    b"",
    b"{",
    b"{}",
    b"null",
    b"[]",
    b"\"x\"",
    b"\xff\xfe",
    b"{\"tokens\":1}",
    &[0; 64],
];

/// The agent's own settings hold nothing where there is nothing, and are survived whatever they are.
fn check_own_extensions(provider: &dyn AgentProvider) {
    let id = provider.id();
    let own = |files| provider.own_extensions(&files, "/work/space");
    let nothing = own(VolumeFiles::new());
    assert_eq!(nothing, OwnExtensions::default(), "{id}: without files");
    for path in provider.own_files() {
        let leaves = path.starts_with('/') || path.contains("..");
        assert!(!leaves, "{id}: `{path}` leaves the volume");
        let secret = provider.credential_files().contains(path);
        assert!(!secret, "{id}: `{path}` holds credentials");
        for content in GARBAGE {
            let found = own([((*path).to_owned(), content.to_vec())].into());
            let empty = found.plugins.is_empty() && found.mcp_servers.is_empty();
            assert!(empty, "{id}: {content:?} in `{path}` is {found:?}");
        }
    }
}

fn check_sign_in(provider: &dyn AgentProvider, sample: &[u8]) {
    let id = provider.id();
    assert_eq!(
        provider.sign_in(&VolumeFiles::new()),
        SignIn::SignedOut,
        "{id}: without files"
    );
    for path in provider.credential_files() {
        assert!(
            !path.starts_with('/') && !path.contains(".."),
            "{id}: `{path}` leaves the volume"
        );
        for content in GARBAGE {
            let files = VolumeFiles::from([((*path).to_owned(), content.to_vec())]);
            assert_eq!(
                provider.sign_in(&files),
                SignIn::SignedOut,
                "{id}: {content:?} signs in"
            );
        }
        let whole = VolumeFiles::from([((*path).to_owned(), sample.to_vec())]);
        assert_eq!(
            provider.sign_in(&whole),
            SignIn::SignedIn,
            "{id}: the sample"
        );
        check_damaged(provider, path, sample);
    }
}

/// A file that was cut short signs nobody in, and a changed byte anywhere panics nowhere.
fn check_damaged(provider: &dyn AgentProvider, path: &str, sample: &[u8]) {
    let sign_in =
        |content: Vec<u8>| provider.sign_in(&VolumeFiles::from([(path.to_owned(), content)]));
    for end in 0..sample.len() {
        let cut = sample.iter().copied().take(end).collect();
        assert_eq!(
            sign_in(cut),
            SignIn::SignedOut,
            "{}: {end} bytes sign in",
            provider.id()
        );
    }
    for at in 0..sample.len() {
        for byte in [0, b'"', b'{', b'}', b'\\', 0xff] {
            let changed = sample.iter().enumerate();
            sign_in(
                changed
                    .map(|(i, old)| if i == at { byte } else { *old })
                    .collect(),
            );
        }
    }
}
