use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::context::Context;
use crate::error::CliError;
use crate::output::table;

/// Write an organization's document to start from
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which one
    #[arg(short, long, value_enum, default_value = "minimal")]
    template: Template,
    /// The organization's name
    #[arg(short, long, default_value = "Example")]
    name: String,
    /// Its domain
    #[arg(short, long, default_value = "example.com")]
    domain: String,
    /// Print the document
    #[arg(long, conflicts_with = "output")]
    stdout: bool,
    /// The file to write
    #[arg(short, long, value_name = "FILE", default_value = "org-config.json")]
    output: PathBuf,
    /// Replace the file if it is there
    #[arg(short, long)]
    force: bool,
    /// List the templates
    #[arg(short, long)]
    list: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "stdout")]
    pub(crate) json: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct InitReport<'a> {
    /// What was written.
    file: &'a str,
    template: String,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct TemplateReport {
    name: String,
    description: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Template {
    /// The least that is valid, with enforced egress
    Minimal,
    /// Teams that may add plugins and servers of their own
    Teams,
    /// Allowlists everywhere, nothing delegated
    Strict,
    /// Every section, as an example
    Reference,
}

impl Template {
    fn text(self) -> &'static str {
        match self {
            Self::Minimal => include_str!("../../../templates/org-minimal.json"),
            Self::Teams => include_str!("../../../templates/org-teams.json"),
            Self::Strict => include_str!("../../../templates/org-strict.json"),
            Self::Reference => include_str!("../../../templates/org-reference.json"),
        }
    }

    fn words(self) -> (String, String) {
        let value = self.to_possible_value();
        let name = value.as_ref().map(|value| value.get_name().to_owned());
        let help = value.and_then(|value| value.get_help().map(ToString::to_string));
        (name.unwrap_or_default(), help.unwrap_or_default())
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, CliError> {
    let printer = context.printer;
    if args.list {
        return Ok(list(context));
    }
    let document = filled(args)?;
    if args.stdout {
        printer.result(&document);
        return Ok(0);
    }
    write(&args.output, &document, args.force)?;
    let file = args.output.display().to_string();
    let (template, _) = args.template.words();
    let data = InitReport {
        file: &file,
        template,
    };
    printer.data("OrgInit", &data, &[]);
    printer.note(&format!("wrote {file}"));
    printer.note(&format!(
        "next: change it, then check it: scc org validate {file}"
    ));
    Ok(0)
}

fn list(context: &Context) -> u8 {
    let templates: Vec<_> = Template::value_variants()
        .iter()
        .map(|template| template.words())
        .collect();
    let data = templates.iter().map(|(name, description)| TemplateReport {
        name: name.clone(),
        description: description.clone(),
    });
    let data: Vec<_> = data.collect();
    context.printer.data("OrgTemplateList", &data, &[]);
    let rows = templates
        .into_iter()
        .map(|(name, meaning)| vec![name, meaning]);
    let rows = rows.collect();
    context
        .printer
        .result(&table(&["TEMPLATE", "WHAT IT IS"], rows));
    0
}

/// The template with the organization's names in it.
fn filled(args: &Args) -> Result<String, CliError> {
    let unusable = |message: String| CliError::Usage {
        message,
        hint: "use a name such as `Example` and a domain such as `example.com`".to_owned(),
    };
    let id = id(&args.name);
    if id.is_empty() {
        return Err(unusable(format!("`{}` holds no letter", args.name)));
    }
    let domain = args.domain.trim().to_ascii_lowercase();
    let usable = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    if domain.is_empty() || !domain.bytes().all(usable) {
        return Err(unusable(format!("`{}` is not a domain", args.domain)));
    }
    let mut document: Value = serde_json::from_str(args.template.text())
        .map_err(|error| unusable(format!("the template is damaged: {error}")))?;
    fill(
        &mut document,
        &[("{name}", &args.name), ("{id}", &id), ("{domain}", &domain)],
    );
    Ok(format!("{document:#}\n"))
}

fn fill(value: &mut Value, words: &[(&str, &str)]) {
    match value {
        Value::String(text) => {
            for (mark, word) in words {
                *text = text.replace(mark, word);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, words)),
        Value::Object(members) => members.values_mut().for_each(|item| fill(item, words)),
        _ => {}
    }
}

/// Lower-case letters, digits and `-`.
fn id(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let parts: Vec<_> = plain.split('-').filter(|part| !part.is_empty()).collect();
    parts.join("-")
}

fn write(file: &Path, text: &str, force: bool) -> Result<(), CliError> {
    let broken = |source| CliError::Write {
        path: file.to_owned(),
        source,
    };
    let mut options = OpenOptions::new();
    options.write(true);
    match force {
        true => options.create(true).truncate(true),
        false => options.create_new(true),
    };
    let mut opened = options.open(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => CliError::Failed {
            message: format!("`{}` is there already", file.display()),
            hint: "pass --force to replace it, or -o to write another file".to_owned(),
        },
        _ => broken(error),
    })?;
    opened.write_all(text.as_bytes()).map_err(broken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use scc_config::DocumentKind;

    #[test]
    fn every_template_is_valid() {
        for template in Template::value_variants() {
            let args = Args {
                template: *template,
                name: "Größe & Co. \"x\"".to_owned(),
                domain: "Corp.Example".to_owned(),
                stdout: true,
                output: PathBuf::new(),
                force: false,
                list: false,
                json: false,
            };
            let text = filled(&args).unwrap();
            let findings = DocumentKind::Org.check(&text, Path::new("org-config.json"));
            assert!(findings.is_empty(), "{template:?}: {findings:?}");
            for mark in ["{name}", "{id}", "{domain}"] {
                assert!(!text.contains(mark), "{template:?}: {mark}");
            }
            assert!(text.contains("\"gr-e-co-x\""), "{text}");
        }
    }
}
