//! JSON Schemas, and what commands print compared with theirs.

use std::path::Path;
use std::sync::OnceLock;

use serde_json::Value;

/// A compiled schema.
#[derive(Debug)]
pub struct Schema(jsonschema::Validator);

impl Schema {
    /// Compiles a schema, formats included.
    ///
    /// # Panics
    /// When it is not a schema.
    #[must_use]
    pub fn new(schema: &Value) -> Self {
        let valid = jsonschema::meta::validate(schema);
        valid.unwrap_or_else(|error| panic!("not a schema: {error}"));
        let options = jsonschema::options().should_validate_formats(true);
        Self(options.build(schema).expect("a schema"))
    }

    /// What in a value does not fit, each with its place.
    pub fn errors(&self, value: &Value) -> Vec<String> {
        let errors = self.0.iter_errors(value);
        errors
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }
}

/// Compares what a command printed with `schemas/output.schema.json`.
///
/// # Panics
/// When it does not fit, or the schema cannot be read.
pub fn assert_output_fits(envelope: &Value) {
    static OUTPUT: OnceLock<Schema> = OnceLock::new();
    let schema = OUTPUT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
        let text = std::fs::read_to_string(folder.join("output.schema.json")).expect("a schema");
        Schema::new(&serde_json::from_str(&text).expect("JSON"))
    });
    let errors = schema.errors(envelope);
    assert!(errors.is_empty(), "{errors:#?}\n{envelope:#}");
}
