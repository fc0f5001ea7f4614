//! The settings as a whole and key by key. A key is written with dots: `providers.ID.model`.

use std::path::Path;

use scc_config::UserConfig;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::keys::{self, Known};
use crate::commands::leave;
use crate::commands::team::unknown as unknown_team;
use crate::context::Context;
use crate::error::CliError;
use crate::governance::{self, Asked, Rules};
use crate::prompt::Prompter;

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
    /// Leave the organization that was recorded before without asking
    #[arg(short, long)]
    yes: bool,
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
    let key = &args.key;
    let settings = json!(context.config()?);
    let found = key.split('.').try_fold(&settings, |at, part| at.get(part));
    let value = match (keys::find(key), found) {
        (Some(Known::Section(keys)), found) => section(&keys, found),
        (_, Some(value)) => value.clone(),
        (Some(Known::Value), None) => {
            return Err(CliError::Failed {
                message: format!("`{key}` is not set"),
                hint: format!("set it: scc config set {key} VALUE"),
            });
        }
        (None, None) => return Err(not_a_key(key, &settings)),
    };
    let data = GetReport { key, value: &value };
    context.printer.data("ConfigGet", &data, &[]);
    context.printer.result(&match &value {
        Value::String(text) => text.clone(),
        other => format!("{other:#}"),
    });
    Ok(0)
}

/// A section with all its keys; those that are not set are null.
fn section(keys: &[String], found: Option<&Value>) -> Value {
    let value = |key: &String| found.and_then(|found| found.get(key)).cloned();
    let members = keys
        .iter()
        .map(|key| (key.clone(), value(key).unwrap_or_default()));
    Value::Object(members.collect())
}

pub(crate) fn set(args: &SetArgs, context: &Context) -> Result<u8, CliError> {
    let key = &args.key;
    let before = UserConfig::load(&context.config_file)?.unwrap_or_default();
    let after = changed(&json!(before), key, args.value.as_deref())?;
    let prompter = Prompter::new(!args.json);
    leave::confirm(&before, &after, args.yes, prompter, context)?;
    if after.team != before.team {
        known_team(&after, context)?;
    }
    update(context, |config| {
        changed(&json!(config), key, args.value.as_deref())
    })?;
    if after.provider != before.provider {
        governance::warn_about_preference(&after, context);
    }
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

/// Refuses a team that the organization does not have; every command would refuse it.
fn known_team(config: &UserConfig, context: &Context) -> Result<(), CliError> {
    let team = config.team.as_ref().filter(|_| !config.standalone);
    let (Some(team), Some(_)) = (team, &config.organization) else {
        return Ok(());
    };
    let rules = Rules::with_config(context, config.clone(), Asked::default());
    match rules.and_then(|rules| rules.organization()) {
        Ok(document) if document.config().profiles.contains_key(team) => {}
        Ok(document) => return Err(unknown_team(&document, team)),
        Err(error) => {
            let why = error.full_message();
            let warning = format!("whether there is a team `{team}` cannot be told now: {why}");
            context.printer.warning(&warning);
        }
    }
    Ok(())
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
        readable(&before, &after, context)?;
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

/// Refuses settings that could not be read back.
pub(crate) fn readable(
    before: &UserConfig,
    after: &UserConfig,
    context: &Context,
) -> Result<(), CliError> {
    let earlier = context.unknown_providers(before);
    let unknown = context.unknown_providers(after);
    if let Some(id) = unknown.iter().find(|id| !earlier.contains(id)) {
        return Err(context.no_such_provider(id));
    }
    let read = UserConfig::parse(&after.to_json(), &context.config_file);
    read.map(|_| ()).map_err(|error| CliError::Usage {
        message: format!("these settings are not usable: {}", error.message()),
        hint: error.suggestion().unwrap_or_default().to_owned(),
    })
}

/// What decides whose rules apply, where it changes; that is recorded.
pub(crate) fn other_rules(before: &UserConfig, after: &UserConfig) -> Option<Map<String, Value>> {
    let (before, after) = (whose_rules(before), whose_rules(after));
    (before != after).then(|| {
        let both = [("before".to_owned(), before), ("after".to_owned(), after)];
        Map::from_iter(both)
    })
}

/// What decides whose rules apply.
pub(crate) fn whose_rules(config: &UserConfig) -> Value {
    let source = config.organization.as_ref().map(|source| {
        // A query may hold a token.
        let text = source.source.split('?').next();
        text.unwrap_or_default().to_owned()
    });
    json!({ "standalone": config.standalone, "organization": source, "team": config.team })
}

/// The settings with another value at a key; `None` takes it out. The value is read as text first
/// and then as JSON, by which of the two the key wants.
fn changed(settings: &Value, key: &str, value: Option<&str>) -> Result<UserConfig, CliError> {
    if keys::find(key).is_none() {
        return Err(not_a_key(key, settings));
    }
    let Some(text) = value else {
        return match take_out(settings, key) {
            Some(without) => parsed(&without, key),
            None => parsed(settings, key),
        };
    };
    let with = |value: Value| {
        let mut settings = settings.clone();
        match put(&mut settings, key, value) {
            Some(()) => parsed(&settings, key),
            None => Err(not_a_key(key, &settings)),
        }
    };
    let as_text = |text: &str| with(Value::String(text.to_owned()));
    match serde_json::from_str::<Value>(text) {
        // A text in quotes is what stands between them.
        Ok(Value::String(quoted)) => as_text(&quoted),
        Ok(value) => as_text(text).or_else(|_| with(value)),
        Err(_) => as_text(text),
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

/// Puts a value at a key, making the sections on the way; `None` where that cannot be.
fn put(settings: &mut Value, key: &str, value: Value) -> Option<()> {
    let mut at = settings;
    for part in key.split('.') {
        if at.is_null() {
            *at = Value::Object(Map::new());
        }
        at = at.as_object_mut()?.entry(part).or_insert(Value::Null);
    }
    *at = value;
    Some(())
}

/// There is no such setting; perhaps there is one that was meant.
fn not_a_key(key: &str, settings: &Value) -> CliError {
    let mut probe = settings.clone();
    let meant = put(&mut probe, key, Value::Null).and_then(|()| {
        let read = UserConfig::parse(&probe.to_string(), Path::new("settings.json"));
        read.err()?.suggestion().map(str::to_owned)
    });
    CliError::Usage {
        message: format!("there is no setting `{key}`"),
        hint: meant.unwrap_or_else(|| "see what there is: scc config show".to_owned()),
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
            ("team", "\"web\"", "/team", json!("web")),
            ("team", "Data Science", "/team", json!("Data Science")),
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
            ("team", "\"\"", "cannot be set so"),
            ("team", "", "cannot be set so"),
            ("team.name", "x", "there is no setting"),
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
