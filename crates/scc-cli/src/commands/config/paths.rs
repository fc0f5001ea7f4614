use serde_json::json;

use crate::context::Context;
use crate::error::CliError;
use crate::output::table;

/// Show where scc keeps what
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(context: &Context) -> Result<u8, CliError> {
    let audit = context.state_root.join("audit/events.jsonl");
    let places = [
        ("settings", context.config_file.clone()),
        ("exceptions", context.config_dir().join("exceptions.json")),
        ("state", context.state_root.clone()),
        ("profiles", context.state_root.join("profiles")),
        ("audit", audit),
        ("documents", context.cache_root.join("documents")),
    ];
    let data = places.iter().map(|(name, path)| {
        let path = path.display().to_string();
        let exists = std::path::Path::new(&path).exists();
        json!({ "name": name, "path": path, "exists": exists })
    });
    let data: Vec<_> = data.collect();
    context.printer.data("ConfigPaths", &data, &[]);
    let rows = places
        .iter()
        .map(|(name, path)| vec![(*name).to_owned(), path.display().to_string()])
        .collect();
    context.printer.result(&table(&["WHAT", "PATH"], rows));
    Ok(0)
}
