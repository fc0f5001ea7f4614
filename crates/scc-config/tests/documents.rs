//! Whole documents: those that have to be accepted, and what is said about broken ones.

use std::fmt::Write as _;
use std::path::Path;

use scc_config::{ConfigError, Document, DocumentKind, Known, OrgConfig};

fn kind_of(folder_or_file: &str) -> DocumentKind {
    match folder_or_file {
        name if name.starts_with("org") => DocumentKind::Org,
        name if name.starts_with("team") => DocumentKind::Team,
        name if name.starts_with("config") => DocumentKind::User,
        _ => DocumentKind::Project,
    }
}

fn rendered(finding: &ConfigError) -> String {
    let mut text = finding.to_string();
    if let Some(rule) = finding.rule() {
        let _ = write!(text, " [{rule}]");
    }
    for line in finding.snippet().iter().flat_map(|text| text.lines()) {
        let _ = write!(text, "\n    | {line}");
    }
    if let Some(shown) = finding.text() {
        let _ = write!(text, "\n    text: {shown}");
    }
    if let Some(hint) = finding.suggestion() {
        let _ = write!(text, "\n    hint: {hint}");
    }
    text
}

#[test]
fn every_example_is_accepted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples");
    let mut orgs = 0;
    for folder in ["org", "team", "project"] {
        for file in std::fs::read_dir(root.join(folder)).unwrap() {
            let file = file.unwrap().path();
            let text = std::fs::read_to_string(&file).unwrap();
            let findings = kind_of(folder).check(&text, &file);
            let findings: Vec<String> = findings.iter().map(rendered).collect();
            assert!(findings.is_empty(), "{}", findings.join("\n"));
            orgs += usize::from(folder == "org");
        }
    }
    assert!(orgs >= 15, "{orgs}");
}

#[test]
fn what_is_said_about_broken_documents() {
    let table = include_str!("broken.txt");
    let mut report = String::new();
    let mut count = 0;
    for case in table.split("=== ").skip(1) {
        let (title, text) = case.split_once('\n').unwrap();
        let (_, file) = title.trim_end_matches(')').rsplit_once('(').unwrap();
        let findings = kind_of(file).check(text, Path::new(file));
        let _ = writeln!(report, "## {title}");
        assert!(!findings.is_empty(), "accepted: {title}");
        for finding in &findings {
            assert!(finding.line().is_some(), "{title}: {finding}");
            assert!(!finding.to_string().contains('\n'), "{title}");
            let _ = writeln!(report, "{}", rendered(finding));
        }
        report.push('\n');
        count += 1;
    }
    assert!(count >= 40, "{count}");
    assert!(!report.contains("sk-123456") && !report.contains("ghp_123"));
    insta::assert_snapshot!("broken", report);
}

/// What is valid and probably not meant: none of it refuses a document.
#[test]
fn what_is_said_about_doubtful_documents() {
    let table = include_str!("doubtful.txt");
    let mut report = String::new();
    for case in table.split("=== ").skip(1) {
        let (title, text) = case.split_once('\n').unwrap();
        let header = "schema_version: \"1.0.0\"\norganization: {name: Corp, id: corp}\n";
        let text = format!("{header}{text}");
        let document = Document::<OrgConfig>::parse(&text, Path::new("org.yaml")).unwrap();
        let findings: Vec<String> = document.check().iter().map(rendered).collect();
        assert!(findings.is_empty(), "{title}: {}", findings.join("\n"));
        let warnings = document.warnings(&Known {
            providers: &["one", "two"],
            now: "2030-01-01T00:00:00Z".parse().unwrap(),
        });
        assert!(!warnings.is_empty(), "nothing is said: {title}");
        let _ = writeln!(report, "## {title}");
        for warning in &warnings {
            let _ = writeln!(report, "{}", rendered(warning));
        }
        report.push('\n');
    }
    insta::assert_snapshot!("doubtful", report);
}

#[test]
fn both_ways_of_writing_a_catalog_are_one_type() {
    let read = |name: &str| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples/org");
        let document = Document::<OrgConfig>::load(&root.join(name))
            .unwrap()
            .unwrap();
        document.into_value().governed_artifacts
    };
    let (flat, nested) = (read("bundles-flat.json"), read("bundles-nested.json"));
    let [flat, nested] = [flat, nested].map(|catalog| {
        assert!(
            catalog.bundles["core"]
                .artifacts
                .contains(&"review".to_owned())
        );
        catalog.artifacts["review"].clone()
    });
    assert_eq!(flat.source, nested.source);
    let providers = |bindings: &[scc_config::Binding]| -> Vec<String> {
        bindings
            .iter()
            .map(|binding| binding.provider.clone())
            .collect()
    };
    assert_eq!(providers(&flat.bindings), providers(&nested.bindings));
    assert_eq!(flat.bindings[0].native_ref, nested.bindings[0].native_ref);
}

#[test]
fn an_error_is_one_line_whatever_the_document_holds() {
    for text in [
        "{\"a\\nb\": 1}",
        "{\"\\u001b[2J\": 1}",
        "{\"schema_version\": \"1\\n\"}",
        "{a\n\nb: 1}",
    ] {
        for error in DocumentKind::Org.check(text, Path::new("o.yaml")) {
            let shown = format!("{error}{:?}", error.suggestion());
            assert!(!shown.contains(char::is_control), "{shown:?}");
        }
    }
}

#[test]
fn places_are_found_by_pointer() {
    let text = "{\"schema_version\": \"1.0.0\",\n \"organization\": {\"name\": \"ü\", \"id\": \"x\"},\n \
                \"profiles\": {\"a/b\": {\"additional_plugins\": [\"p\", \"q\"]}}}";
    let document = Document::<OrgConfig>::parse(text, Path::new("o.json")).unwrap();
    let place = |pointer: &str| document.place(pointer).map(|p| (p.line, p.column));
    assert_eq!(place(""), Some((1, 1)));
    assert_eq!(place("/organization/id"), Some((2, 38)));
    assert_eq!(place("/profiles/a~1b/additional_plugins/1"), Some((3, 51)));
    assert_eq!(place("/profiles/a~1b/additional_plugins/2"), None);
    assert_eq!(place("/nothing"), None);
    let key = document.key_place("/organization/id");
    assert_eq!(key.map(|p| (p.line, p.column)), Some((2, 32)));
}

#[test]
fn json_and_yaml_give_the_same_value() {
    let json = include_str!("examples/org/multi-team.json");
    let one = Document::<OrgConfig>::parse(json, Path::new("o.json")).unwrap();
    // A remark makes it YAML.
    let yaml = format!("# remark\n{json}");
    let other = Document::<OrgConfig>::parse(&yaml, Path::new("o.yaml")).unwrap();
    assert_eq!(one.value(), other.value());
    let pointer = "/profiles/platform/additional_mcp_servers/0/url";
    let (one, other) = (one.place(pointer).unwrap(), other.place(pointer).unwrap());
    assert_eq!((one.line + 1, one.column), (other.line, other.column));
}

#[test]
fn documents_that_would_hurt_are_refused() {
    let parse = |text: &str, file: &str| {
        let document = Document::<OrgConfig>::parse(text, Path::new(file));
        document.unwrap_err().message().to_owned()
    };
    let deep = "[".repeat(5000);
    assert!(parse(&deep, "o.json").contains("nested more than"));
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    assert!(parse(&deep, "o.json").contains("nested more than"));
    assert!(parse(&deep, "o.yaml").contains("nested more than"));
    let blocks: String = (0..500)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    assert!(parse(&blocks, "o.yaml").contains("nested more than"));
    let bomb: String = (1..9)
        .map(|i| {
            format!(
                "a{i}: &a{i} [{}]\n",
                vec![format!("*a{}", i - 1); 9].join(", ")
            )
        })
        .collect();
    parse(&format!("a0: &a0 [x]\n{bomb}"), "o.yaml");
    assert!(parse(&" ".repeat((8 << 20) + 1), "o.yaml").contains("larger than 8 MiB"));
}

#[test]
fn every_kind_has_a_closed_schema() {
    for kind in DocumentKind::ALL {
        let schema = kind.schema();
        assert_eq!(schema["type"], "object", "{kind:?}");
        assert_eq!(schema["additionalProperties"], false, "{kind:?}");
        assert!(
            schema["properties"].as_object().unwrap().len() >= 5,
            "{kind:?}"
        );
        let definitions = schema["$defs"].as_object().unwrap();
        for (name, definition) in definitions {
            let open =
                definition["type"] == "object" && definition["additionalProperties"] != false;
            // The first version of the format leaves this one open.
            let left_open = name == "Organization";
            assert_eq!(open, left_open, "{kind:?}: {name}");
        }
    }
}
