//! What commands print with `--json` fits `schemas/envelope.schema.json`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::Path;

use scc_testkit::context::TestContext;
use serde_json::{Value, json};

const SCRIPTED: &str = env!("CARGO_BIN_EXE_scc-scripted");

/// The keywords that the schema of the envelope uses; another one in it is a failure, so that
/// none is passed over.
fn check(schema: &Value, value: &Value, at: &str) {
    for (keyword, wanted) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "$schema" | "title" | "description" | "format" => {}
            "const" => assert_eq!(value, wanted, "{at}"),
            "type" => {
                let fits = match wanted.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    other => panic!("{at}: {other}"),
                };
                assert!(fits, "{at}: {value} is not of type {wanted}");
            }
            // The pattern itself is proven with the schema; here it is enough that there is a text.
            "pattern" => assert_ne!(value, "", "{at}"),
            "items" => {
                for item in value.as_array().unwrap() {
                    check(wanted, item, at);
                }
            }
            "required" => {
                for key in wanted.as_array().unwrap() {
                    assert!(value.get(key.as_str().unwrap()).is_some(), "{at}: {key}");
                }
            }
            "additionalProperties" => {
                assert_eq!(wanted, false, "{at}");
                for key in value.as_object().unwrap().keys() {
                    assert!(schema["properties"].get(key).is_some(), "{at}: {key}");
                }
            }
            "properties" => {
                for (key, wanted) in wanted.as_object().unwrap() {
                    check(wanted, &value[key], &format!("{at}/{key}"));
                }
            }
            other => panic!("{at}: the keyword {other} is not known here"),
        }
    }
}

#[test]
fn what_commands_print_fits_the_schema() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let schema = std::fs::read_to_string(root.join("schemas/envelope.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let context = TestContext::new();
    context.configure(&json!({}));
    let workspace = context.workspace();
    let workspace = workspace.to_str().unwrap();
    for (args, kind, status) in [
        (&["status", "--json"] as &[&str], "Status", 0),
        (&["sessions", "--json"], "SessionList", 0),
        (
            &[
                "start",
                workspace,
                "--dry-run",
                "--json",
                "--provider",
                "script",
            ],
            "StartDryRun",
            // Nobody is signed in.
            5,
        ),
        (
            &[
                "start",
                workspace,
                "--dry-run",
                "--json",
                "--provider",
                "nobody",
            ],
            "Error",
            2,
        ),
        (&["setup", "--standalone", "--json"], "SetupResult", 0),
        (&["init", workspace, "--json"], "InitResult", 0),
        (&["profile", "list", "--json"], "ProfileList", 0),
        (&["audit", "verify", "--json"], "AuditVerify", 0),
        (
            &["safety", "rules", "--workspace", workspace, "--json"],
            "SafetyRules",
            0,
        ),
        (
            &[
                "safety",
                "check",
                "--workspace",
                workspace,
                "--json",
                "--",
                "git",
                "push",
                "--force",
            ],
            "SafetyCheck",
            6,
        ),
    ] {
        let run = context.run(Path::new(SCRIPTED), args);
        assert_eq!(run.status, status, "{run:?}");
        let envelope = run.json();
        check(&schema, &envelope, "");
        assert_eq!(envelope["kind"], kind);
        assert_eq!(envelope["status"]["ok"], status == 0);
    }
}
