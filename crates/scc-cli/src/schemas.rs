//! The JSON Schema of everything that commands print with `--json`.

use scc_config::{PolicyException, UserConfig};
use scc_launch::{EgressEntry, Plan, Proof, Pruned, SessionView};
use scc_state::{AuditEvent, AuditReport, Exception};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::commands::{
    audit, config, doctor, exceptions, init, mcp, network, org, plugin, profile, provider, safety,
    sessions, setup, status, stop, team, unblock, worktree,
};
use crate::output::ErrorReport;

/// A kind of output: its name, and the form of its data.
struct Kind {
    name: &'static str,
    schema: fn(&mut SchemaGenerator) -> Value,
}

fn kind<T: JsonSchema>(name: &'static str) -> Kind {
    Kind {
        name,
        schema: |generator| generator.subschema_for::<T>().to_value(),
    }
}

/// Every kind that a command prints. One that has several forms stands here several times.
fn kinds() -> Vec<Kind> {
    let mut all = rules();
    all.extend(sandboxes());
    all.sort_by_key(|kind| kind.name);
    all
}

fn rules() -> Vec<Kind> {
    vec![
        kind::<config::explain::ExplainReport<'_>>("ConfigExplain"),
        kind::<config::settings::GetReport<'_>>("ConfigGet"),
        kind::<config::paths::PathsReport>("ConfigPaths"),
        kind::<config::settings::SetReport<'_>>("ConfigSet"),
        kind::<UserConfig>("ConfigShow"),
        kind::<Vec<config::validate::FileReport>>("ConfigValidate"),
        kind::<Exception>("ExceptionAccept"),
        kind::<Vec<exceptions::change::EndedReport<'_>>>("ExceptionCleanup"),
        kind::<Exception>("ExceptionCreate"),
        kind::<Exception>("ExceptionDelete"),
        kind::<Vec<exceptions::list::ExceptionReport>>("ExceptionList"),
        kind::<PolicyException>("ExceptionPolicy"),
        kind::<Vec<exceptions::change::EndedReport<'_>>>("ExceptionReset"),
        kind::<plugin::AuditReport<'_>>("AuditPlugins"),
        kind::<mcp::ListReport<'_>>("McpList"),
        kind::<mcp::WhyReport<'_>>("McpWhy"),
        kind::<network::explain::ExplainReport<'_>>("NetworkExplain"),
        kind::<plugin::ListReport<'_>>("PluginList"),
        kind::<plugin::WhyReport<'_>>("PluginWhy"),
        kind::<safety::check::CheckReport<'_>>("SafetyCheck"),
        kind::<safety::explain::ExplainReport<'_>>("SafetyRule"),
        kind::<safety::rules::RulesReport<'_>>("SafetyRules"),
        kind::<org::import::ImportReport<'_>>("OrgImport"),
        kind::<org::import::ImportReport<'_>>("OrgImportPreview"),
        kind::<org::init::InitReport<'_>>("OrgInit"),
        kind::<Value>("OrgSchema"),
        kind::<org::status::StatusReport<'_>>("OrgStatus"),
        kind::<Vec<org::init::TemplateReport>>("OrgTemplateList"),
        kind::<org::update::UpdateReport<'_>>("OrgUpdate"),
        kind::<org::validate::ValidationReport<'_>>("OrgValidation"),
        kind::<profile::apply::ApplyReport<'_>>("ProfileApply"),
        kind::<profile::apply::DiffReport<'_>>("ProfileDiff"),
        // An exported profile, or what was written.
        kind::<Value>("ProfileExport"),
        kind::<profile::transfer::TransferReport<'_>>("ProfileImport"),
        kind::<Vec<profile::show::ProfileReport>>("ProfileList"),
        kind::<profile::save::SaveReport<'_>>("ProfileSave"),
        kind::<profile::show::StatusReport<'_>>("ProfileStatus"),
        kind::<profile::transfer::TransferReport<'_>>("ProfileSync"),
        kind::<setup::SetupReport<'_>>("SetupResult"),
        kind::<team::CurrentReport<'_>>("TeamCurrent"),
        kind::<team::InfoReport<'_>>("TeamInfo"),
        kind::<team::list::ListReport<'_>>("TeamList"),
        kind::<team::switch::SwitchReport<'_>>("TeamSwitch"),
        kind::<team::validate::ValidateReport<'_>>("TeamValidate"),
        kind::<unblock::UnblockReport<'_>>("Unblock"),
    ]
}

fn sandboxes() -> Vec<Kind> {
    vec![
        kind::<Vec<audit::egress::EgressReport>>("AuditEgress"),
        kind::<Vec<AuditEvent>>("AuditLog"),
        kind::<AuditReport>("AuditVerify"),
        kind::<Vec<SessionView>>("ContainerList"),
        kind::<Value>("ContextClear"),
        kind::<Vec<doctor::Check>>("DoctorReport"),
        kind::<ErrorReport>("Error"),
        kind::<init::InitReport>("InitResult"),
        kind::<Vec<provider::ProviderReport>>("ProviderShow"),
        kind::<network::allow::AllowReport<'_>>("NetworkAllow"),
        kind::<Vec<EgressEntry>>("NetworkLog"),
        kind::<Proof>("Proof"),
        kind::<Pruned>("Prune"),
        kind::<Vec<sessions::SessionReport<'_>>>("SessionList"),
        kind::<Value>("SessionPrune"),
        kind::<Plan>("StartDryRun"),
        kind::<status::StatusReport>("Status"),
        kind::<stop::StopReport<'_>>("Stop"),
        kind::<worktree::create::CreateReport>("WorktreeCreate"),
        kind::<Vec<worktree::list::WorktreeReport>>("WorktreeList"),
        kind::<Value>("WorktreePrune"),
        kind::<Value>("WorktreeRemove"),
    ]
}

/// The schema of what a command prints on standard output with `--json`: `envelope`, with the data
/// of each kind.
pub fn outputs(mut envelope: Value) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut generator = settings.into_generator();
    let kinds = kinds();
    let cases: Vec<Value> = kinds
        .iter()
        .map(|kind| {
            json!({
                "if": { "properties": { "kind": { "const": kind.name } } },
                "then": { "properties": { "data": (kind.schema)(&mut generator) } },
            })
        })
        .collect();
    let names: Vec<_> = kinds.iter().map(|kind| kind.name).collect();
    let definitions: Map<String, Value> = generator.take_definitions(true);
    envelope["title"] = json!("Output");
    envelope["properties"]["kind"] = json!({
        "description": "What `data` is; `Error` when the command failed without a result.",
        "enum": names,
    });
    envelope["allOf"] = json!(cases);
    envelope["$defs"] = json!(definitions);
    envelope
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every `"Kind"` that stands in a call of the printer.
    fn printed(folder: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                printed(&path, found);
                continue;
            }
            if path.ends_with(file!().rsplit('/').next().unwrap()) {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let calls = [
                ".data(\"",
                ".data_with_errors(\"",
                "envelope(\"",
                "report(changes, ",
            ];
            for call in calls {
                for part in text.split(call).skip(1) {
                    let name = part
                        .split('"')
                        .find(|text| text.starts_with(char::is_uppercase));
                    found.extend(name.map(str::to_owned));
                }
            }
        }
    }

    #[test]
    fn every_kind_that_is_printed_has_a_schema() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = Vec::new();
        printed(&folder, &mut found);
        found.sort();
        found.dedup();
        let names: Vec<_> = kinds().iter().map(|kind| kind.name).collect();
        let missing: Vec<_> = found
            .iter()
            .filter(|name| !names.contains(&name.as_str()))
            .collect();
        assert!(missing.is_empty(), "add them to `schemas.rs`: {missing:?}");
        assert!(found.len() > 35, "{found:?}");
        let mut once = names.clone();
        once.dedup();
        assert_eq!(once, names);
    }
}
