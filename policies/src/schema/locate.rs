//! Finds the place of a table or a value in the schema, and lists all that the schema describes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::recorded::ANY;

/// The parts of a path of the reader's, such as `backend.a.models."b.c".operations[0]`; an element of a list is `[]`.
fn parts(path: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for character in path.chars() {
        match character {
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            '[' if !quoted => parts.push("[]".into()),
            _ if parts.last().is_some_and(|part| part == "[]") => {}
            _ => parts.last_mut().unwrap().push(character),
        }
    }
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

/// All that stands for a node: itself, what it refers to, and what it may be instead.
pub(super) fn faces<'s>(root: &'s Value, node: &'s Value) -> Vec<&'s Value> {
    let referred = node["$ref"].as_str().and_then(|reference| root.pointer(reference.trim_start_matches('#')));
    let others = ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|key| node[key].as_array()).flatten();
    let further = referred.into_iter().chain(others).flat_map(|other| faces(root, other));
    std::iter::once(node).chain(further).collect()
}

/// The node at a path of the reader's, and the path with `*` for names that an operator chose; what there is of the path if there is no node.
pub(super) fn locate<'s>(root: &'s Value, path: &str) -> (String, Option<&'s Value>) {
    let (mut node, mut located) = (Some(root), Vec::new());
    for part in parts(path) {
        let step = |face: &'s Value| match part.as_str() {
            "[]" => face.get("items").map(|items| (part.clone(), items)),
            name => {
                let chosen = face.get("additionalProperties").filter(|more| more.is_object()).map(|more| (ANY.to_owned(), more));
                face["properties"].get(name).map(|property| (part.clone(), property)).or(chosen)
            }
        };
        let next = node.and_then(|node| faces(root, node).into_iter().find_map(step));
        located.push(next.as_ref().map_or(part.clone(), |(part, _)| part.clone()));
        node = next.map(|(_, node)| node);
    }
    (located.join("."), node)
}

/// The keys of every table that the schema describes.
pub(super) fn keys(root: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let mut keys = BTreeMap::new();
    collect(root, root, String::new(), &mut keys);
    keys
}

fn collect(root: &Value, node: &Value, path: String, keys: &mut BTreeMap<String, BTreeSet<String>>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for face in faces(root, node) {
        for (name, property) in face["properties"].as_object().into_iter().flatten() {
            keys.entry(path.clone()).or_default().insert(name.clone());
            collect(root, property, below(name), keys);
        }
        if let Some(more) = face.get("additionalProperties").filter(|more| more.is_object()) {
            keys.entry(path.clone()).or_default().insert(ANY.into());
            collect(root, more, below(ANY), keys);
        }
        if let Some(items) = face.get("items") {
            collect(root, items, below("[]"), keys);
        }
    }
}

/// The words that a node takes, if it takes only words.
pub(super) fn words(root: &Value, node: &Value) -> BTreeSet<String> {
    let faces = faces(root, node);
    let enumerated = faces.iter().filter_map(|face| face["enum"].as_array()).flatten();
    let constants = faces.iter().filter_map(|face| face.get("const"));
    enumerated.chain(constants).filter_map(Value::as_str).map(Into::into).collect()
}
