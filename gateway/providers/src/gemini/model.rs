//! Which Gemini a model is, by its name: `gemini-2.5-pro`, `models/gemini-3.1-flash-lite`, `publishers/google/models/gemini-2.0-flash-001`.

use tradewind_protocol::gemini::SchemaForm;

/// The version of a Gemini, such as `(2, 5)`; none for other models and for names that tell no version (`gemini-flash-latest`).
pub(super) fn version(model: &str) -> Option<(u32, u32)> {
    let (_, name) = model.split_once("gemini-")?;
    let number = name.split('-').next()?;
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// How schemas are written for the model: those before 2.5 know OpenAPI's form only.
pub(super) fn schema_form(model: &str) -> SchemaForm {
    if version(model).is_some_and(|version| version < (2, 5)) { SchemaForm::OpenApi } else { SchemaForm::Json }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_every_form_of_a_name() {
        for (name, expected) in [
            ("gemini-2.5-pro", Some((2, 5))),
            ("models/gemini-3-flash-preview", Some((3, 0))),
            ("publishers/google/models/gemini-2.0-flash-001", Some((2, 0))),
            ("gemini-3.1-flash-lite", Some((3, 1))),
            ("gemini-flash-latest", None),
            ("gemini-embedding-001", None),
            ("claude-opus-5", None),
            ("endpoints/123", None),
        ] {
            assert_eq!(version(name), expected, "{name}");
        }
        assert_eq!(schema_form("gemini-2.0-flash"), SchemaForm::OpenApi);
        assert_eq!(schema_form("gemini-2.5-flash"), SchemaForm::Json);
        assert_eq!(schema_form("gemini-pro-latest"), SchemaForm::Json);
    }
}
