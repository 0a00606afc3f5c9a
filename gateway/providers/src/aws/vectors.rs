//! AWS's own test cases: `tests/sigv4`.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::Deserialize;

use super::{
    Credentials, SigningKey,
    authorization::{sha256, signature},
    canonical::Canonical,
    path::{Dots, Escapes, PathRule},
    presign::presign_canonical,
};

#[derive(Deserialize)]
struct Context {
    credentials: Keys,
    normalize: bool,
    region: String,
    service: String,
    sign_body: bool,
    #[serde(default)]
    omit_session_token: bool,
    expiration_in_seconds: u64,
}

#[derive(Deserialize)]
struct Keys {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
}

struct Request {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
}

const DATE: &str = "20150830T123600Z";

fn date() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160)
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sigv4").join(name)
}

fn file(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap().replace("\r\n", "\n")
}

/// A request as the cases write it: not escaped, and with values that go on in the next line.
fn parse(text: &str) -> Request {
    let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end_matches('\n'), ""));
    let (line, headers) = head.split_once('\n').unwrap();
    let line = line.strip_suffix(" HTTP/1.1").unwrap();
    let (method, target) = line.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: Vec::new(),
        body: body.to_owned(),
    };
    for line in headers.lines() {
        match request.headers.last_mut() {
            Some((_, value)) if line.starts_with(' ') => value.push_str(line),
            _ => {
                let (name, value) = line.split_once(':').unwrap();
                request.headers.push((name.to_ascii_lowercase(), value.to_owned()));
            }
        }
    }
    request
}

fn canonical<'a>(request: &'a Request, body_hash: &'a str, rule: PathRule) -> Canonical<'a> {
    let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let mut headers: Vec<_> = headers.collect();
    headers.sort_by_key(|(name, _)| *name);
    Canonical { method: &request.method, path: &request.path, query: &request.query, headers, body_hash, rule }
}

fn check(folder: &Path) {
    let context: Context = serde_json::from_str(&file(folder, "context.json")).unwrap();
    let dots = if context.normalize { Dots::Resolve } else { Dots::Stand };
    let rule = PathRule { escapes: Escapes::Stand, dots };
    let mut request = parse(&file(folder, "request.txt"));
    let body = if context.sign_body { request.body.as_str() } else { "" };
    let body_hash = sha256(body.as_bytes());
    let credentials = Credentials {
        access_key_id: context.credentials.access_key_id,
        secret_access_key: context.credentials.secret_access_key,
        session_token: context.credentials.token.filter(|_| !context.omit_session_token),
    };
    let key = SigningKey::derive(&credentials, &context.region, &context.service, date());

    let expires = Duration::from_secs(context.expiration_in_seconds);
    let unsigned = Canonical { query: "", ..canonical(&request, &body_hash, rule) };
    let query = presign_canonical(&key, unsigned, &request.query, expires, date());
    let (query, found) = query.split_once("&X-Amz-Signature=").unwrap();
    let text = Canonical { query, ..canonical(&request, &body_hash, rule) }.text();
    assert_eq!(text, file(folder, "query-canonical-request.txt"), "{}", folder.display());
    assert_eq!(found, file(folder, "query-signature.txt"), "{}", folder.display());

    request.headers.push(("x-amz-date".to_owned(), DATE.to_owned()));
    if context.sign_body {
        request.headers.push(("x-amz-content-sha256".to_owned(), body_hash.clone()));
    }
    if let Some(token) = credentials.session_token {
        request.headers.push(("x-amz-security-token".to_owned(), token));
    }
    let canonical = canonical(&request, &body_hash, rule);
    assert_eq!(canonical.text(), file(folder, "header-canonical-request.txt"), "{}", folder.display());
    assert_eq!(signature(&key, DATE, &canonical), file(folder, "header-signature.txt"), "{}", folder.display());
}

#[test]
fn signs_the_cases_of_aws_in_headers_and_in_the_query() {
    let folders = fs::read_dir(folder("")).unwrap().map(|entry| entry.unwrap().path());
    let folders: Vec<_> = folders.filter(|folder| folder.join("context.json").exists()).collect();
    assert_eq!(folders.len(), 38);
    for folder in folders {
        check(&folder);
    }
}

/// Two cases without a context: paths that are escaped already, and are escaped again.
#[test]
fn escapes_paths_twice_like_the_cases_of_aws() {
    let (example, other) = ("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "notrealrnrELgWzOk3IfjzDKtFBhDby");
    for (name, date, region, service, secret) in [
        ("double-encode-path", 1_440_938_160, "us-east-1", "service", other),
        ("double-url-encode", 1_620_747_645, "us-east-2", "lambda", example),
    ] {
        let folder = folder(name);
        let request = parse(&file(&folder, "request.txt"));
        let body_hash = sha256(b"");
        let canonical = canonical(&request, &body_hash, PathRule::default());
        let expected = file(&folder, "header-canonical-request.txt");
        // The first case's canonical request was written for another day than the request it belongs to.
        let expected = if name == "double-encode-path" { expected.replace("20210511T154045Z", DATE) } else { expected };
        assert_eq!(canonical.text(), expected, "{name}");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(date);
        let credentials =
            Credentials { access_key_id: "AKIDEXAMPLE".to_owned(), secret_access_key: secret.to_owned(), session_token: None };
        let key = SigningKey::derive(&credentials, region, service, now);
        let timestamp = super::timestamp::Timestamp::of(now);
        let signed = file(&folder, "header-signed-request.txt");
        let signature = signature(&key, timestamp.as_str(), &canonical);
        assert!(signed.contains(&format!("Signature={signature}")), "{name}: {signature}\n{signed}");
    }
}
