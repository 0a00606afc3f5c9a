//! The schema says of policies what the reader says of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::generate::generate;
use super::{SCHEMA, locate, recorded, validate};
use crate::policy::Policy;
use crate::source::SourceFile;

/// The policy files below a folder of this crate, each with its text.
fn files(folder: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match path.extension().and_then(|extension| extension.to_str()) {
                _ if path.is_dir() => folders.push(path),
                Some("toml") => files.push((path.clone(), fs::read_to_string(path).unwrap())),
                _ => {}
            }
        }
    }
    files.sort();
    files
}

/// Everything that this crate has of policies, faulty ones included: the more is read, the more the reader asks for.
fn texts() -> Vec<(PathBuf, String)> {
    ["examples", "prices", "tests/faults", "tests/warnings"].into_iter().flat_map(files).collect()
}

#[test]
fn the_file_is_what_is_generated() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("policy.schema.json");
    let generated = format!("{}\n", serde_json::to_string_pretty(&generate()).unwrap());
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(path, generated).unwrap();
    } else {
        assert!(SCHEMA == generated, "policy.schema.json is stale: run this test with UPDATE_EXPECTED=1");
    }
}

#[test]
fn schema_and_reader_know_the_same_keys_of_every_table() {
    let (schema, texts) = (generate(), texts());
    let mut read: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, keys) in recorded::while_reading(texts.iter().map(|(_, text)| text.as_str())).keys {
        read.entry(locate::locate(&schema, &path).0).or_default().extend(keys);
    }
    let described = locate::keys(&schema);
    let flat = |keys: &BTreeMap<String, BTreeSet<String>>| -> BTreeSet<String> {
        keys.iter().flat_map(|(path, keys)| keys.iter().map(move |key| format!("[{path}] {key}"))).collect()
    };
    let (read, described) = (flat(&read), flat(&described));
    let missing: Vec<_> = read.difference(&described).collect();
    assert!(missing.is_empty(), "the reader knows keys that are not in schema/described: {missing:#?}");
    let idle: Vec<_> = described.difference(&read).collect();
    assert!(idle.is_empty(), "the schema has keys that the reader asks no policy for: {idle:#?}");
}

#[test]
fn schema_and_reader_take_the_same_words() {
    let (schema, texts) = (generate(), texts());
    let mut read: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, words) in recorded::while_reading(texts.iter().map(|(_, text)| text.as_str())).words {
        read.entry(locate::locate(&schema, &path).0).or_default().extend(words);
    }
    for (path, words) in read {
        let node = locate::locate(&schema, &path).1.unwrap_or_else(|| panic!("{path} is not in the schema"));
        let described = locate::words(&schema, node);
        // A key that is one of several words with one provider and free text with another takes any.
        assert!(described.is_empty() || described == words, "{path}: the reader takes {words:?}, the schema {described:?}");
    }
}

/// A text as an editor sees it, which knows dates as strings.
fn json(text: &str) -> Option<Value> {
    let mut value = toml::from_str(text).ok()?;
    dates_as_strings(&mut value);
    Some(value)
}

fn dates_as_strings(value: &mut Value) {
    if let Some(date) = value.get("$__toml_private_datetime").cloned() {
        *value = date;
    }
    match value {
        Value::Object(members) => members.values_mut().for_each(dates_as_strings),
        Value::Array(elements) => elements.iter_mut().for_each(dates_as_strings),
        _ => {}
    }
}

#[test]
fn what_the_reader_takes_the_schema_takes() {
    let schema = generate();
    let mut taken = 0;
    for (path, text) in texts() {
        if Policy::parse(&[SourceFile::new("policy.toml", text.as_str())]).is_err() {
            continue;
        }
        let refusals = validate::refusals(&schema, &json(&text).unwrap());
        assert!(refusals.is_empty(), "{}: {refusals:#?}", path.display());
        taken += 1;
    }
    assert!(taken > 8, "{taken}");
}

#[test]
fn every_key_that_the_reader_does_not_know_the_schema_refuses() {
    let schema = generate();
    let mut refused = 0;
    for (path, text) in texts() {
        let Err(errors) = Policy::parse(&[SourceFile::new("policy.toml", text.as_str())]) else { continue };
        let unknown = errors.faults().iter().any(|fault| fault.message.starts_with("unknown key"));
        if let (true, Some(json)) = (unknown, json(&text)) {
            assert!(!validate::refusals(&schema, &json).is_empty(), "{}", path.display());
            refused += 1;
        }
    }
    assert!(refused > 5, "{refused}");
}

#[test]
fn every_table_and_every_key_is_described() {
    fn undescribed(node: &Value, path: &str, found: &mut Vec<String>) {
        if let Some(properties) = node.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                if property.get("description").is_none() {
                    found.push(format!("{path}.{name}"));
                }
            }
        }
        for (name, definition) in node.get("definitions").and_then(Value::as_object).into_iter().flatten() {
            undescribed(definition, name, found);
        }
    }
    let mut found = Vec::new();
    undescribed(&generate(), "", &mut found);
    assert!(found.is_empty(), "{found:?}");
}
