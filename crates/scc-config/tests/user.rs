//! The user's settings, good and bad, by their text.

use std::path::Path;

use scc_config::{ConfigError, MemorySize, ProviderPreference, SecretSource, UserConfig};

fn parse(text: &str) -> Result<UserConfig, ConfigError> {
    UserConfig::parse(text, Path::new("c.yaml"))
}

const FULL: &str = "
standalone: true
provider: script
providers:
  script:
    version: 1.2.0
    base_url: https://gateway.corp.example:8443/v1
    api_key: env:GATEWAY_KEY
    model: large[1m]
  other:
    api_key: 'command:pass show key'
images: {base: 'registry.corp.example/base:12'}
ca_certificates: [/etc/ssl/corp.pem]
resources: {memory: 512m, cpus: 1.5, pids: 512}
allow_root_agent: true
";

#[test]
fn every_key_is_read_and_written_back() {
    let config = parse(FULL).unwrap();
    assert!(config.standalone && config.allow_root_agent);
    assert_eq!(
        config.provider,
        Some(ProviderPreference::Id("script".into()))
    );
    let section = &config.providers["script"];
    assert_eq!(section.version.as_deref(), Some("1.2.0"));
    assert_eq!(
        section.base_url.as_deref(),
        Some("https://gateway.corp.example:8443/v1")
    );
    assert_eq!(
        section.api_key,
        Some(SecretSource::Env("GATEWAY_KEY".into()))
    );
    assert_eq!(section.model.as_deref(), Some("large[1m]"));
    let command = SecretSource::Command("pass show key".into());
    assert_eq!(config.providers["other"].api_key, Some(command));
    assert_eq!(
        config.images.base.as_deref(),
        Some("registry.corp.example/base:12")
    );
    assert_eq!(config.ca_certificates, [Path::new("/etc/ssl/corp.pem")]);
    assert_eq!(
        config.resources.memory.map(MemorySize::bytes),
        Some(512 << 20)
    );
    assert_eq!(
        (config.resources.cpus, config.resources.pids),
        (Some(1.5), Some(512))
    );
    assert_eq!(parse(&config.to_json()).unwrap(), config);
}

#[test]
fn nothing_is_the_default() {
    for text in [
        "",
        "\n",
        "# only a remark\n",
        "---\n",
        "{}",
        "null",
        "\u{feff}",
    ] {
        assert_eq!(parse(text).unwrap(), UserConfig::default(), "{text:?}");
    }
    assert_eq!(
        parse(&UserConfig::default().to_json()).unwrap(),
        UserConfig::default()
    );
}

#[test]
fn json_and_yaml_are_the_same() {
    let json =
        "{\n  \"provider\": \"ask\",\n  \"resources\": {\"memory\": 67108864, \"cpus\": 2}\n}";
    let yaml = "provider: ask\nresources:\n  memory: 64m\n  cpus: 2.0\n";
    assert_eq!(parse(json).unwrap(), parse(yaml).unwrap());
}

#[test]
fn other_spellings_that_are_fine() {
    for text in [
        "providers: {a: {base_url: 'http://localhost:8080'}}",
        "providers: {a: {base_url: 'http://[::1]:8080/v1'}}",
        "provider: null",
        "resources: {memory: 8GiB}",
        "providers: {no: {version: latest}}",
    ] {
        assert!(parse(text).is_ok(), "{text}");
    }
}

/// Text, line, column, a part of the message.
const BAD: &[(&str, u64, u64, &str)] = &[
    (
        "standalone: true\nprovidr: ask\n",
        2,
        1,
        "unknown key `providr`",
    ),
    (
        "providers:\n  a:\n    apikey: sk-123\n",
        3,
        5,
        "unknown key `apikey`",
    ),
    (
        "resources:\n  memory: 8g\n  cpu: 1\n",
        3,
        3,
        "unknown key `cpu`",
    ),
    ("images:\n  bases: x\n", 2, 3, "unknown key `bases`"),
    (
        "provider: ask\n\nprovider: b\n",
        3,
        1,
        "`provider` appears twice",
    ),
    ("providers:\n  a: {}\n  a: {}\n", 3, 3, "`a` appears twice"),
    (
        "resources:\n  cpus: 1\n  cpus: 2\n",
        3,
        3,
        "`cpus` appears twice",
    ),
    ("# remark\nstandalone: yes\n", 2, 13, "`true` or `false`"),
    (
        "standalone: true\nprovider: Claude Code\n",
        2,
        11,
        "not a provider id",
    ),
    ("providers:\n  Big: {}\n", 2, 3, "not a provider id"),
    ("providers:\n  ask: {}\n", 2, 3, "cannot be a provider id"),
    (
        "\nproviders:\n  a:\n    base_url: ftp://x\n",
        4,
        15,
        "must start with",
    ),
    (
        "providers:\n  a:\n    base_url: https://\n",
        3,
        15,
        "no valid host",
    ),
    (
        "providers:\n  a:\n    base_url: https://u:p4ss@h/\n",
        3,
        15,
        "user name or password",
    ),
    (
        "providers:\n  a:\n    base_url: https://h:99999/\n",
        3,
        15,
        "no valid port",
    ),
    (
        "providers:\n  a:\n    model: x\n    api_key: sk-123\n",
        4,
        14,
        "write `env:VARIABLE`",
    ),
    (
        "providers:\n  a:\n    api_key: 'env:A B'\n",
        3,
        14,
        "environment variable",
    ),
    (
        "providers:\n  a:\n    api_key: 'command:'\n",
        3,
        14,
        "needs a command",
    ),
    (
        "providers:\n  a:\n    version: 1; rm\n",
        3,
        14,
        "not a version",
    ),
    (
        "resources:\n  memory: 8 bananas\n",
        2,
        11,
        "not a memory size",
    ),
    ("resources:\n  memory: 63m\n", 2, 11, "minimum of 64m"),
    ("resources:\n  memory: -5\n", 2, 11, "negative"),
    ("resources:\n  cpus: 0\n", 2, 9, "more than 0"),
    ("resources:\n  cpus: .nan\n", 2, 9, "non-finite"),
    ("resources:\n  cpus: many\n", 2, 9, "a number"),
    ("resources:\n  pids: 15\n", 2, 9, "at least 16"),
    ("resources:\n  pids: -1\n", 2, 9, "whole number"),
    ("images:\n  base: 'a b'\n", 2, 9, "do not belong"),
    (
        "ca_certificates:\n  - /a\n  - ''\n",
        3,
        5,
        "must not be empty",
    ),
    ("ca_certificates: /a\n", 1, 18, "a list"),
    ("- provider\n", 1, 1, "expected"),
    ("provider: [a\n", 1, 0, ""),
    ("provider: ask\n---\nprovider: ask\n", 0, 0, "document"),
    (
        "{\n  \"provider\": \"ask\",\n  \"resources\": {\"pids\": 3}\n}",
        3,
        25,
        "at least 16",
    ),
];

#[test]
fn bad_input_names_its_place() {
    let mut wrong = Vec::new();
    for (text, line, column, message) in BAD {
        let error = match parse(text) {
            Ok(config) => {
                wrong.push(format!("{text:?} was accepted as {config:?}"));
                continue;
            }
            Err(error) => error,
        };
        let place = (error.line().unwrap_or(0), error.column().unwrap_or(0));
        let line_fits = *line == 0 || place.0 == *line;
        let column_fits = *column == 0 || place.1 == *column;
        let message_fits = error.message().contains(message);
        if !(line_fits && column_fits && message_fits) {
            wrong.push(format!(
                "{text:?} wants {line}:{column} {message}, got {error}"
            ));
        }
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_literal_key_is_never_repeated() {
    for text in [
        "providers:\n  a:\n    api_key: sk-ant-123\n",
        "providers: {a: {api_key: 'sk-ant-123'}}",
        "providers:\n  a:\n    api_key: >\n      sk-ant-123\n",
        "providers:\n  a:\n    api_key: [sk-ant-123]\n",
        "providers:\n  a:\n    api_key: {env: sk-ant-123}\n",
        "providers:\n  a:\n    apiKey: sk-ant-123\n",
        "providers:\n  a:\n    api_key: \"env:sk-ant-123\"\n",
        "{\"providers\": {\"a\": {\"api-key\": \"sk-ant-123\"}}}",
        "providers:\n  a:\n    api_key: a\n    api_key: sk-ant-123\n",
    ] {
        let error = parse(text).unwrap_err();
        let shown = format!("{error} {error:?} {:?} {:?}", error.snippet(), error.text());
        assert!(!shown.contains("sk-ant"), "{text:?}: {shown}");
    }
}

#[test]
fn what_surrounds_an_error() {
    let error = parse("resources:\n  cpu: 1\n").unwrap_err();
    assert_eq!(error.suggestion(), Some("did you mean `cpus`?"));
    assert_eq!(error.text(), Some("cpu"));
    assert_eq!(error.snippet(), Some("  cpu: 1\n  ^"));
    let error = parse("images:\n  colour: blue\n").unwrap_err();
    assert_eq!(error.suggestion(), Some("known keys here are `base`"));
    let error = parse("resources:\n  pids: 3 # few\n").unwrap_err();
    assert_eq!(error.text(), Some("3"));
}

#[test]
fn files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    assert_eq!(UserConfig::load(&file).unwrap(), None);
    std::fs::write(&file, "provider: ask\n").unwrap();
    assert_eq!(
        UserConfig::load(&file).unwrap().unwrap().provider,
        Some(ProviderPreference::Ask)
    );
    let error = UserConfig::load(folder.path()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{}: cannot read the file", folder.path().display())
    );
    std::fs::write(&file, format!("# {}\n", "x".repeat(2 << 20))).unwrap();
    assert!(
        UserConfig::load(&file)
            .unwrap_err()
            .message()
            .contains("larger")
    );
}

#[test]
fn settings_stay_in_their_language() {
    let team = |text: &str, team: &str| {
        let mut config = UserConfig::parse(text, Path::new("config.json")).unwrap();
        config.team = Some(team.to_owned());
        config.to_text_like(text)
    };
    assert_eq!(
        team("", "web").unwrap(),
        "{\n  \"standalone\": false,\n  \"team\": \"web\",\n  \"allow_root_agent\": false\n}\n"
    );
    assert!(
        team("{\"standalone\": true}", "web")
            .unwrap()
            .starts_with('{')
    );
    let yaml =
        "standalone: true\nteam: web\nresources: {cpus: 2}\nproviders: {a: {model: \"7\"}}\n";
    for name in ["data", "true", "7", "null", "a: b", "é#x"] {
        let written = team(yaml, name);
        let Ok(written) = written else {
            panic!("{name}");
        };
        assert!(written.starts_with("standalone: true\n"), "{written}");
        let read = UserConfig::parse(&written, Path::new("config.json")).unwrap();
        assert_eq!(read.team.as_deref(), Some(name), "{written}");
        assert_eq!(read.providers["a"].model.as_deref(), Some("7"), "{written}");
    }
    let commented = "# mine\nstandalone: true\nteam: web # for now\n";
    assert_eq!(team(commented, "data"), Err(scc_config::Unwritable));
    assert_eq!(team(commented, "web").unwrap(), commented);
}
