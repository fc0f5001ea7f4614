//! `cargo xtask schema`: the JSON Schemas of the repository, and documents checked by hand.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use scc_config::{ConfigError, DocumentKind, Known};
use serde_json::{Value, json};

use crate::run::{Outcome, root, say};

/// What writes the schemas again.
const REMEDY: &str = "cargo xtask schema";

/// Write the JSON Schemas, or check documents
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail when a schema is not what it should be
    #[arg(long, conflicts_with_all = ["files", "kind"])]
    check: bool,
    /// What the files are; by default their names say it
    #[arg(long, value_enum, requires = "files")]
    kind: Option<Kind>,
    /// Documents to check, in JSON or YAML
    files: Vec<PathBuf>,
}

/// The kinds of documents, as they are typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Org,
    Team,
    Project,
    User,
}

impl Kind {
    fn document(self) -> DocumentKind {
        match self {
            Self::Org => DocumentKind::Org,
            Self::Team => DocumentKind::Team,
            Self::Project => DocumentKind::Project,
            Self::User => DocumentKind::User,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Org => "org",
            Self::Team => "team",
            Self::Project => "project",
            Self::User => "user",
        }
    }

    /// What the name of a file says about its content.
    fn of(file: &Path) -> Option<Self> {
        let name = file.file_name()?.to_str()?.to_ascii_lowercase();
        let (stem, extension) = name.rsplit_once('.')?;
        if !["json", "yaml", "yml"].contains(&extension) {
            return None;
        }
        let mut words = stem.split(|c: char| !c.is_ascii_alphanumeric());
        words.find_map(|word| match word {
            "org" | "organization" => Some(Self::Org),
            "team" => Some(Self::Team),
            "scc" => Some(Self::Project),
            "config" | "user" => Some(Self::User),
            _ => None,
        })
    }
}

pub(crate) fn run(args: &Args) -> Outcome<()> {
    if !args.files.is_empty() {
        return check_files(&args.files, args.kind);
    }
    let folder = root().join("schemas");
    match args.check {
        true => check_schemas(&folder),
        false => write_schemas(&folder),
    }
}

/// The schemas by the names of their files.
fn schemas() -> Vec<(String, String)> {
    let documents = Kind::value_variants().iter().map(|kind| {
        let name = format!("{}.schema.json", kind.word());
        (name, kind.document().schema())
    });
    let printed = [
        ("envelope.schema.json".to_owned(), envelope()),
        (
            "output.schema.json".to_owned(),
            scc_cli::schemas::outputs(envelope()),
        ),
    ];
    documents
        .chain(printed)
        .map(|(name, schema)| (name, format!("{schema:#}\n")))
        .collect()
}

/// What every command prints with `--json`.
fn envelope() -> Value {
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Envelope",
        "description": "What a command of scc prints on standard output with `--json`.",
        "type": "object",
        "additionalProperties": false,
        "required": ["apiVersion", "kind", "metadata", "status", "data"],
        "properties": {
            "apiVersion": { "const": "scc.cli/v1" },
            "kind": {
                "description": "What `data` is; `Error` when the command failed without a result.",
                "type": "string",
                "pattern": "^[A-Z][A-Za-z]*$"
            },
            "metadata": {
                "type": "object",
                "additionalProperties": false,
                "required": ["generatedAt", "cliVersion"],
                "properties": {
                    "generatedAt": { "type": "string", "format": "date-time" },
                    "cliVersion": { "type": "string", "pattern": "^[0-9]+\\.[0-9]+\\.[0-9]+" }
                }
            },
            "status": {
                "type": "object",
                "additionalProperties": false,
                "required": ["ok", "errors", "warnings"],
                "properties": {
                    "ok": { "description": "There are no errors.", "type": "boolean" },
                    "errors": texts,
                    "warnings": texts
                }
            },
            "data": { "description": "The result; its form is the kind's own." }
        }
    })
}

fn write_schemas(folder: &Path) -> Outcome<()> {
    let failed = |path: &Path, error| format!("`{}` cannot be written: {error}", path.display());
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for (name, text) in schemas() {
        let path = folder.join(name);
        if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        std::fs::write(&path, text).map_err(|error| failed(&path, error))?;
        say(&format!("wrote {}", path.display()));
    }
    Ok(())
}

fn check_schemas(folder: &Path) -> Outcome<()> {
    let stale: Vec<String> = schemas()
        .into_iter()
        .filter(|(name, text)| {
            let found = std::fs::read_to_string(folder.join(name));
            found.map_or(true, |found| &found != text)
        })
        .map(|(name, _)| format!("`schemas/{name}`"))
        .collect();
    if stale.is_empty() {
        return Ok(());
    }
    Err(format!(
        "out of date: {}; to write them again: {REMEDY}",
        stale.join(", ")
    ))
}

fn check_files(files: &[PathBuf], kind: Option<Kind>) -> Outcome<()> {
    let registry = scc_cli::providers::all();
    let known = Known {
        providers: &registry.ids(),
        now: jiff::Timestamp::now(),
    };
    let mut count = 0;
    for file in files {
        let kind = kind.or_else(|| Kind::of(file)).ok_or_else(|| {
            let file = file.display();
            format!(
                "the name of `{file}` does not say what it is; pass --kind org|team|project|user"
            )
        })?;
        let text = std::fs::read_to_string(file)
            .map_err(|error| format!("`{}` cannot be read: {error}", file.display()))?;
        let findings = kind.document().check(&text, file);
        if findings.is_empty() {
            say(&format!(
                "{}: a valid {} document",
                file.display(),
                kind.word()
            ));
            let warnings = kind.document().warnings(&text, file, &known);
            for warning in &warnings {
                eprintln!("{}", rendered("warning", warning));
            }
        }
        for finding in &findings {
            eprintln!("{}", rendered("error", finding));
        }
        count += findings.len();
    }
    match count {
        0 => Ok(()),
        1 => Err("1 finding".to_owned()),
        _ => Err(format!("{count} findings")),
    }
}

/// A finding as the command shows it.
fn rendered(word: &str, finding: &ConfigError) -> String {
    let mut text = format!("{word}: {finding}");
    for line in finding.snippet().iter().flat_map(|text| text.lines()) {
        text += &format!("\n  {line}");
    }
    if let Some(hint) = finding.suggestion() {
        text += &format!("\nhint: {hint}");
    }
    text
}

#[cfg(test)]
mod tests {
    use scc_testkit::schema::Schema;

    use super::*;

    /// What scc refuses and a schema accepts: rules about single texts, and what is
    /// gone once a text has become a value.
    const BEYOND_SCHEMAS: [&str; 16] = [
        "a key twice in JSON",
        "a marketplace without encryption",
        "git over ssh where only the web is allowed",
        "a bad owner",
        "a branch that is an option",
        "a relative prefix",
        "a prefix with a step up",
        "a provider that is none",
        "a host with a scheme",
        "a host that is an address",
        "a host with a wildcard inside",
        "too little memory",
        "an exception until no time",
        "an artifact written in both ways",
        "a bundle without content",
        "YAML with a merge key",
    ];

    fn config(path: &str) -> PathBuf {
        root().join("crates/scc-config/tests").join(path)
    }

    fn value(text: &str, name: &str) -> Option<Value> {
        match name.ends_with(".json") {
            true => serde_json::from_str(text).ok(),
            false => serde_yaml::from_str(text).ok(),
        }
    }

    #[test]
    fn the_schemas_are_schemas() {
        for (_, text) in schemas() {
            let _ = Schema::new(&serde_json::from_str(&text).unwrap());
        }
    }

    #[test]
    fn the_schemas_in_the_repository_are_the_ones_of_the_code() {
        check_schemas(&root().join("schemas")).unwrap();
    }

    #[test]
    fn every_example_fits_its_schema() {
        let mut count = 0;
        for kind in [Kind::Org, Kind::Team, Kind::Project] {
            let schema = Schema::new(&kind.document().schema());
            let folder = config("examples").join(kind.word());
            for file in std::fs::read_dir(folder).unwrap() {
                let file = file.unwrap().path();
                let text = std::fs::read_to_string(&file).unwrap();
                // A document without content has no value; scc knows what that means.
                let value = value(&text, file.to_str().unwrap()).unwrap();
                if value.is_null() {
                    continue;
                }
                // Plain YAML such as `8080` may be a text for scc; a schema cannot say so.
                let plain = |error: &String| {
                    let (_, error) = error.split_once(": ").unwrap();
                    let scalar = error.starts_with(|c: char| c.is_ascii_digit() || c == 't');
                    scalar && error.ends_with("is not of type \"string\"")
                };
                let errors = schema.errors(&value).into_iter();
                let errors: Vec<_> = errors.filter(|error| !plain(error)).collect();
                assert!(errors.is_empty(), "{}: {errors:?}", file.display());
                count += 1;
            }
        }
        assert!(count >= 15, "{count}");
    }

    #[test]
    fn what_is_broken_in_its_structure_does_not_fit() {
        let table = std::fs::read_to_string(config("broken.txt")).unwrap();
        let mut accepted = Vec::new();
        let mut refused = 0;
        for case in table.split("=== ").skip(1) {
            let (title, text) = case.split_once('\n').unwrap();
            let (title, file) = title.trim_end_matches(')').rsplit_once(" (").unwrap();
            let kind = Kind::of(Path::new(file)).unwrap();
            let findings = kind.document().check(text, Path::new(file));
            let in_structure = findings.iter().all(|finding| finding.rule().is_none());
            let Some(value) = value(text, file).filter(|_| in_structure) else {
                continue;
            };
            match Schema::new(&kind.document().schema())
                .errors(&value)
                .is_empty()
            {
                true => accepted.push(title),
                false => refused += 1,
            }
        }
        assert_eq!(accepted, BEYOND_SCHEMAS);
        assert!(refused >= 36, "{refused}");
    }

    #[test]
    fn names_say_what_a_file_is() {
        for (name, kind) in [
            ("org-config.json", Some(Kind::Org)),
            ("/etc/org.yaml", Some(Kind::Org)),
            ("team-config.json", Some(Kind::Team)),
            (".scc.yaml", Some(Kind::Project)),
            ("config.json", Some(Kind::User)),
            ("corp.yaml", None),
            ("org.txt", None),
            ("morgan.json", None),
        ] {
            assert_eq!(Kind::of(Path::new(name)), kind, "{name}");
        }
        for kind in Kind::value_variants() {
            let name = kind.document().file_name();
            assert_eq!(Kind::of(Path::new(name)), Some(*kind), "{name}");
        }
    }

    #[test]
    fn a_finding_is_shown_with_its_line_and_hint() {
        let findings =
            DocumentKind::Project.check("netwrok_policy: open\n", Path::new(".scc.yaml"));
        assert_eq!(
            rendered("error", &findings[0]),
            "error: .scc.yaml:1:1: unknown key `netwrok_policy`\n  netwrok_policy: open\n  ^\n\
             hint: did you mean `network_policy`?"
        );
    }
}
