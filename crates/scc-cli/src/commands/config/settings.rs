//! The settings as a whole and key by key. A key is written with dots: `providers.ID.model`.

use std::path::Path;

use scc_config::UserConfig;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::error::CliError;

/// Show your settings
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show one setting
#[derive(Debug, clap::Args)]
pub(crate) struct GetArgs {
    /// The key, such as `team` or `resources.memory`
    key: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Change one setting
#[derive(Debug, clap::Args)]
pub(crate) struct SetArgs {
    /// The key, such as `team` or `resources.memory`
    key: String,
    /// The value; a list is written as `["one", "two"]`
    #[arg(required_unless_present = "unset")]
    value: Option<String>,
    /// Take the setting out
    #[arg(long, conflicts_with = "value")]
    unset: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct GetReport<'a> {
    key: &'a str,
    value: &'a Value,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct SetReport<'a> {
    key: &'a str,
    /// As it was typed; `null` where the setting was taken out.
    value: Option<&'a str>,
}

pub(crate) fn show(context: &Context) -> Result<u8, CliError> {
    let config = context.config()?;
    context.printer.data("ConfigShow", &config, &[]);
    context.printer.result(&config.to_json());
    Ok(0)
}

pub(crate) fn get(args: &GetArgs, context: &Context) -> Result<u8, CliError> {
    let settings = json!(context.config()?);
    let mut found = Some(&settings);
    for part in args.key.split('.') {
        found = found.and_then(|value| value.get(part));
    }
    let Some(value) = found else {
        // An unknown key is told from one that is not set.
        changed(&settings, &args.key, None)?;
        return Err(CliError::Failed {
            message: format!("`{}` is not set", args.key),
            hint: format!("set it: scc config set {} VALUE", args.key),
        });
    };
    let data = GetReport {
        key: &args.key,
        value,
    };
    context.printer.data("ConfigGet", &data, &[]);
    context.printer.result(&match value {
        Value::String(text) => text.clone(),
        other => format!("{other:#}"),
    });
    Ok(0)
}

pub(crate) fn set(args: &SetArgs, context: &Context) -> Result<u8, CliError> {
    let key = &args.key;
    update(context, |config| {
        changed(&json!(config), key, args.value.as_deref())
    })?;
    let data = SetReport {
        key,
        value: args.value.as_deref(),
    };
    context.printer.data("ConfigSet", &data, &[]);
    context.printer.note(&match &args.value {
        Some(value) => format!("set `{key}` to {value}"),
        None => format!("`{key}` is not set any more"),
    });
    Ok(0)
}

/// Changes the settings under their lock, so that changes at the same time all count.
pub(crate) fn update(
    context: &Context,
    change: impl FnOnce(UserConfig) -> Result<UserConfig, CliError>,
) -> Result<(), CliError> {
    let file = &context.config_file;
    let audit = context.state()?.audit();
    scc_state::update_private_file(file, |contents| {
        let text = String::from_utf8_lossy(contents.as_deref().unwrap_or_default()).into_owned();
        let before = match contents {
            None => UserConfig::default(),
            Some(_) => UserConfig::parse(&text, file)?,
        };
        let after = change(before.clone())?;
        if let Some(data) = other_rules(&before, &after) {
            audit.append("settings.changed", None, data, jiff::Timestamp::now())?;
        }
        let text = written(&after, &text, file)?;
        Ok::<_, CliError>(Some(text.into_bytes()))
    })
}

/// The settings as their file is to hold them, in the language in which it is written.
pub(crate) fn written(config: &UserConfig, before: &str, file: &Path) -> Result<String, CliError> {
    let text = config.to_text_like(before);
    text.map_err(|error| CliError::Failed {
        message: format!("`{}` is not changed: {error}", file.display()),
        hint: "change it yourself: scc config edit".to_owned(),
    })
}

/// What decides whose rules apply, where it changes; that is recorded.
pub(crate) fn other_rules(before: &UserConfig, after: &UserConfig) -> Option<Map<String, Value>> {
    let whose = |config: &UserConfig| {
        let source = config.organization.as_ref().map(|source| {
            // A query may hold a token.
            source
                .source
                .split('?')
                .next()
                .unwrap_or_default()
                .to_owned()
        });
        json!({ "standalone": config.standalone, "organization": source, "team": config.team })
    };
    let (before, after) = (whose(before), whose(after));
    (before != after).then(|| {
        let both = [("before".to_owned(), before), ("after".to_owned(), after)];
        Map::from_iter(both)
    })
}

/// The settings with another value at a key; `None` takes it out. The value is read as text first
/// and then as JSON, by which of the two the key wants.
fn changed(settings: &Value, key: &str, value: Option<&str>) -> Result<UserConfig, CliError> {
    let Some(text) = value else {
        // A null stands for nothing where the key is known.
        let mut probe = settings.clone();
        put(&mut probe, key, Value::Null)?;
        return parsed(&probe, key).or_else(|error| {
            let known = take_out(settings, key);
            match known.is_some_and(|found| found != *settings) {
                true => parsed(&take_out(settings, key).unwrap_or_default(), key),
                false => Err(error),
            }
        });
    };
    let with = |value: Value| {
        let mut settings = settings.clone();
        put(&mut settings, key, value)?;
        parsed(&settings, key)
    };
    let as_text = with(Value::String(text.to_owned()));
    match (as_text, serde_json::from_str::<Value>(text)) {
        (Ok(config), _) => Ok(config),
        (Err(_), Ok(value)) if !value.is_string() => with(value),
        (Err(error), _) => Err(error),
    }
}

fn take_out(settings: &Value, key: &str) -> Option<Value> {
    let mut settings = settings.clone();
    let (parents, last) = key.rsplit_once('.').unwrap_or(("", key));
    let mut at = &mut settings;
    for part in parents.split('.').filter(|part| !part.is_empty()) {
        at = at.get_mut(part)?;
    }
    at.as_object_mut()?.shift_remove(last);
    Some(settings)
}

fn put(settings: &mut Value, key: &str, value: Value) -> Result<(), CliError> {
    let mut at = settings;
    for part in key.split('.') {
        if part.is_empty() {
            return Err(not_a_key(key));
        }
        if at.is_null() {
            *at = Value::Object(Map::new());
        }
        let object = at.as_object_mut().ok_or_else(|| not_a_key(key))?;
        at = object.entry(part).or_insert(Value::Null);
    }
    *at = value;
    Ok(())
}

fn not_a_key(key: &str) -> CliError {
    CliError::Usage {
        message: format!("there is no setting `{key}`"),
        hint: "see what there is: scc config show".to_owned(),
    }
}

fn parsed(settings: &Value, key: &str) -> Result<UserConfig, CliError> {
    let text = settings.to_string();
    UserConfig::parse(&text, Path::new("settings.json")).map_err(|error| CliError::Usage {
        message: format!("`{key}` cannot be set so: {}", error.message()),
        hint: error.suggestion().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(settings: &Value, key: &str, value: Option<&str>) -> Result<Value, String> {
        match changed(settings, key, value) {
            Ok(config) => Ok(json!(config)),
            Err(error) => Err(format!("{error}; {}", error.hints().join(" "))),
        }
    }

    #[test]
    fn a_value_is_read_as_its_key_wants_it() {
        for (key, text, pointer, expected) in [
            ("standalone", "true", "/standalone", json!(true)),
            ("team", "true", "/team", json!("true")),
            ("resources.cpus", "1.5", "/resources/cpus", json!(1.5)),
            ("providers.a.model", "7", "/providers/a/model", json!("7")),
            (
                "ca_certificates",
                r#"["/a"]"#,
                "/ca_certificates/0",
                json!("/a"),
            ),
            (
                "organization.source",
                "github:a/b",
                "/organization/source",
                json!("github:a/b"),
            ),
        ] {
            let settings = set(&json!({}), key, Some(text)).unwrap();
            assert_eq!(settings.pointer(pointer), Some(&expected), "{key}");
        }
    }

    #[test]
    fn what_cannot_be_set() {
        for (key, text, expected) in [
            ("taem", "x", "did you mean `team`?"),
            ("resources.cpu", "1", "did you mean `cpus`?"),
            ("standalone", "maybe", "cannot be set so"),
            ("team.name", "x", "cannot be set so"),
            ("a..b", "x", "there is no setting"),
            ("organization.auth", "hunter2", "cannot be set so"),
        ] {
            let error = set(&json!({}), key, Some(text)).unwrap_err();
            assert!(error.contains(expected), "{key}: {error}");
            assert!(!error.contains("hunter2"));
        }
    }

    #[test]
    fn a_setting_is_taken_out() {
        let settings = json!({ "team": "web", "resources": { "pids": 100, "cpus": 2.0 } });
        let without = set(&settings, "team", None).unwrap();
        assert_eq!(without.get("team"), None);
        let without = set(&settings, "resources.pids", None).unwrap();
        assert_eq!(without["resources"], json!({ "cpus": 2.0 }));
        let without = set(&settings, "resources", None).unwrap();
        assert_eq!(without.get("resources"), None);
        set(&settings, "taem", None).unwrap_err();
    }
}
