//! Project Wycheproof's JWS and JWK vectors, through the code that verifies every token.
//!
//! Nothing marked invalid may verify. What is marked valid verifies, but for what this gateway leaves out on purpose:
//! those cases are listed, each with its reason, and must be refused for it.

use serde_json::{Value, json};

use crate::auth::jws::Jws;
use crate::auth::keys::KeySet;

/// Valid cases with a public key that are refused, by file and number.
const LEFT_OUT: [(&str, u64, &str); 4] = [
    ("signature", 346, "the key says PS256, the token PS384: a key has one algorithm"),
    ("signature", 347, "P-521 is not supported, and ES521 is no algorithm's name"),
    ("signature", 350, "the key says PS256, the token PS384: a key has one algorithm"),
    ("signature", 351, "P-521 is not supported, and ES521 is no algorithm's name"),
];

fn verifies(keys: &Value, token: &str) -> bool {
    let set = if keys.get("keys").is_some() { keys.clone() } else { json!({ "keys": [keys] }) };
    let Ok(set) = KeySet::parse(set.to_string().as_bytes()) else {
        return false;
    };
    Jws::parse(token).and_then(|jws| set.verify(&jws)).is_ok()
}

/// How many cases were refused and verified.
fn run(name: &str, text: &str) -> (usize, usize) {
    let file: Value = serde_json::from_str(text).unwrap();
    let (mut refused, mut verified) = (0, 0);
    for group in file["testGroups"].as_array().unwrap() {
        for case in group["tests"].as_array().unwrap() {
            let Some(token) = case.get("jws") else {
                continue; // encryption
            };
            // JSON serialisation: its text is no token.
            let token = token.as_str().map_or_else(|| token.to_string(), str::to_owned);
            let id = case["tcId"].as_u64().unwrap();
            let context = format!("{name} {id} {}", case["comment"]);
            let public = group.get("public");
            let expected = case["result"] == "valid"
                && public.is_some() // symmetric keys have no public half, and are never taken
                && !LEFT_OUT.iter().any(|(file, case, _)| (*file, *case) == (name, id));
            let actual = verifies(public.unwrap_or(&group["private"]), &token);
            assert_eq!(actual, expected, "{context}");
            if actual { verified += 1 } else { refused += 1 }
        }
    }
    (refused, verified)
}

#[test]
fn signatures() {
    let text = include_str!("../../../tests/data/wycheproof/json_web_signature_test.json");
    assert_eq!(run("signature", text), (369, 32));
}

#[test]
fn keys() {
    let text = include_str!("../../../tests/data/wycheproof/json_web_key_test.json");
    assert_eq!(run("key", text), (25, 1));
}

#[test]
fn cryptography() {
    let text = include_str!("../../../tests/data/wycheproof/json_web_crypto_test.json");
    assert_eq!(run("crypto", text), (47, 2));
}
