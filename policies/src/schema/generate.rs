//! Generates the schema from the described types, and from the reader what depends on the provider.

use std::collections::{BTreeMap, BTreeSet};

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::described::PolicyFile;
use super::recorded;
use crate::read::providers;

/// The schema, as it is to stand in the file.
pub(super) fn generate() -> Value {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<PolicyFile>().to_value();
    without_null(&mut schema);
    schema["definitions"]["Backend"]["allOf"] = keys_of_providers().into();
    schema
}

/// TOML has no `null`: what is optional is left out.
fn without_null(schema: &mut Value) {
    let is_null = |value: &Value| value.is_null() || *value == json!("null") || *value == json!({ "type": "null" });
    match schema {
        Value::Object(members) => {
            for key in ["type", "enum", "anyOf"] {
                let Some(Value::Array(choices)) = members.get_mut(key) else { continue };
                choices.retain(|choice| !is_null(choice));
                if let ([only], "type") = (choices.as_slice(), key) {
                    let only = only.clone();
                    members.insert(key.into(), only);
                }
            }
            // A reference with neighbours has to stand in a list: draft 7 overlooks the neighbours otherwise.
            let single = members.get("anyOf").and_then(Value::as_array).is_some_and(|choices| choices.len() == 1);
            if single && let Some(choice) = members.remove("anyOf") {
                match (choice.get(0), members.len()) {
                    (Some(Value::Object(only)), 0) => members.extend(only.clone()),
                    _ => drop(members.insert("allOf".into(), choice)),
                }
            }
            members.values_mut().for_each(without_null);
        }
        Value::Array(elements) => elements.iter_mut().for_each(without_null),
        _ => {}
    }
}

/// Which keys each provider takes, as the reader knows it; providers that take the same stand together.
fn keys_of_providers() -> Vec<Value> {
    let mut alike: BTreeMap<BTreeSet<String>, Vec<&str>> = BTreeMap::new();
    for provider in providers() {
        let text = format!("version = 1\n[backend.b]\nprovider = \"{provider}\"\n");
        let mut recorded = recorded::while_reading([text.as_str()]);
        alike.entry(recorded.keys.remove("backend.b").unwrap()).or_default().push(provider);
    }
    let rule = |(keys, providers): (BTreeSet<String>, Vec<&str>)| {
        json!({
            "if": { "required": ["provider"], "properties": { "provider": { "enum": providers } } },
            "then": { "propertyNames": { "enum": keys } },
        })
    };
    alike.into_iter().map(rule).collect()
}
