//! The audit log from the outside: what is recorded can be verified, what is tampered with is found.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "in a helper of tests, too, a panic is a failed test")]

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use proptest::prelude::*;
use tempfile::TempDir;
use tradewind::{
    audit::{Attempt, Audit, AuditError, AuditOptions, Decision, Flaw, Outcome, Problem, Record, verify},
    context::Turnout,
};

/// Small segments, so that a few dozen records fill several.
const OPTIONS: AuditOptions = AuditOptions { segment_bytes: 4096, queue: 10_000 };

fn record(request_id: &str) -> Record {
    Record {
        request_id: request_id.into(),
        tenant: Some("acme".into()),
        subject: Some("alice \"the\" tester\n".into()),
        issuer: Some("tradewind-dev".into()),
        token_id: None,
        operation: Some("chat".into()),
        method: "POST".into(),
        path: "/v1/chat/completions".into(),
        model: Some("chat-ü".into()),
        route: None,
        larger: None,
        backend: Some("local".into()),
        decision: Decision::Granted,
        reason: None,
        status: 200,
        outcome: Outcome::Completed,
        replay_of: None,
        attempts: 1,
        hedges: 0,
        tried: vec![Attempt { backend: "local".into(), turnout: Turnout::Answered, hedge: false, wasted_prompt_tokens: None }],
        shadow: None,
        prompt_tokens: Some(12),
        completion_tokens: Some(34),
        tokens_estimated: false,
        cost_nano_usd: Some(1_500),
        wasted_nano_usd: None,
        duration_ms: 56,
        policy: Some("0f".into()),
        client: Some([127, 0, 0, 1].into()),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

/// Writes a log of so many records and closes it.
fn log(dir: &Path, records: usize) {
    let audit = Audit::open(dir, OPTIONS).unwrap();
    for n in 0..records {
        audit.record(record(&n.to_string()));
        // A flush every few records makes several groups, and thereby several segments.
        if n % 5 == 0 {
            runtime().block_on(audit.flush()).unwrap();
        }
    }
    runtime().block_on(audit.close()).unwrap();
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = names.filter(|path| path.extension().is_some_and(|ext| ext == "jsonl")).collect();
    paths.sort();
    paths
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().split_inclusive('\n').map(str::to_owned).collect()
}

fn python_verifies(dir: &Path) -> Option<bool> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/audit_verify.py");
    let status = Command::new("python3").arg(script).arg(dir).output().ok()?;
    Some(status.status.success())
}

#[test]
fn a_log_of_several_segments_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    log(dir.path(), 60);
    assert!(segments(dir.path()).len() > 3);
    let verdict = verify(dir.path()).unwrap();
    assert_eq!((verdict.records, verdict.fault), (60, None));
    assert_ne!(python_verifies(dir.path()), Some(false));
}

#[test]
fn a_line_has_the_documented_members_in_order() {
    let dir = tempfile::tempdir().unwrap();
    log(dir.path(), 1);
    let line = lines(&segments(dir.path())[0]).remove(0);
    let (start, rest) = line.split_once(r#","ts":""#).unwrap();
    assert_eq!(start, r#"{"seq":1"#);
    assert_eq!(
        rest[..24].match_indices(['-', 'T', ':', '.', 'Z']).map(|(at, _)| at).collect::<Vec<_>>(),
        [4, 7, 10, 13, 16, 19, 23]
    );
    let expected = concat!(
        r#"","event":"request","request_id":"0","tenant":"acme","subject":"alice \"the\" tester\n","#,
        r#""issuer":"tradewind-dev","token_id":null,"operation":"chat","method":"POST","path":"/v1/chat/completions","#,
        r#""model":"chat-ü","route":null,"larger":null,"backend":"local","decision":"granted","reason":null,"status":200,"#,
        r#""outcome":"completed","replay_of":null,"attempts":1,"hedges":0,"#,
        r#""tried":[{"backend":"local","turnout":"answered","hedge":false,"wasted_prompt_tokens":null}],"shadow":null,"#,
        r#""prompt_tokens":12,"completion_tokens":34,"tokens_estimated":false,"cost_nano_usd":1500,"wasted_nano_usd":null,"#,
        r#""duration_ms":56,"policy":"0f","client":"127.0.0.1","prev":"0000"#,
    );
    assert!(rest[24..].starts_with(expected), "{rest}");
}

#[test]
fn a_second_start_goes_on_where_the_first_stopped() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        log(dir.path(), 7);
    }
    let verdict = verify(dir.path()).unwrap();
    assert_eq!((verdict.records, verdict.fault), (21, None));
}

#[test]
fn records_of_one_thread_keep_their_order_among_those_of_others() {
    let dir = tempfile::tempdir().unwrap();
    let audit = Arc::new(Audit::open(dir.path(), OPTIONS).unwrap());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let audit = Arc::clone(&audit);
            scope.spawn(move || (0..250).for_each(|n| audit.record(record(&format!("{thread}-{n:03}")))));
        }
    });
    runtime().block_on(audit.close()).unwrap();
    assert_eq!(verify(dir.path()).unwrap().records, 1000);
    let all: Vec<String> = segments(dir.path()).iter().flat_map(|path| lines(path)).collect();
    for thread in 0..4 {
        let id = |line: &String| {
            let json: serde_json::Value = serde_json::from_str(line).unwrap();
            json["request_id"].as_str().unwrap().to_owned()
        };
        let ids: Vec<_> = all.iter().map(id).filter(|id| id.starts_with(&format!("{thread}-"))).collect();
        assert_eq!(ids.len(), 250);
        assert!(ids.is_sorted());
    }
}

#[test]
fn one_process_writes_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let first = Audit::open(dir.path(), OPTIONS).unwrap();
    assert!(matches!(Audit::open(dir.path(), OPTIONS), Err(AuditError::Locked(_))));
    drop(first);
    Audit::open(dir.path(), OPTIONS).unwrap();
}

#[test]
fn a_log_can_be_verified_while_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let audit = Audit::open(dir.path(), OPTIONS).unwrap();
    audit.record(record("a"));
    runtime().block_on(audit.flush()).unwrap();
    // What a reader sees of a write under way.
    let mut bytes = fs::read(&segments(dir.path())[0]).unwrap();
    bytes.extend_from_slice(br#"{"seq":2,"ts"#);
    fs::write(&segments(dir.path())[0], bytes).unwrap();
    assert_eq!(verify(dir.path()).unwrap().fault, None);
    drop(audit);
    assert_eq!(verify(dir.path()).unwrap().fault.unwrap().problem, Problem::Line(Flaw::Torn));
}

#[test]
fn dropping_the_last_handle_writes_what_is_queued() {
    let dir = tempfile::tempdir().unwrap();
    let audit = Audit::open(dir.path(), OPTIONS).unwrap();
    let last = audit.clone();
    drop(audit);
    last.record(record("a"));
    drop(last);
    assert_eq!(verify(dir.path()).unwrap().records, 1);
}

#[test]
fn a_torn_last_line_is_cut_off_and_the_cut_recorded() {
    let dir = tempfile::tempdir().unwrap();
    log(dir.path(), 3);
    let path = segments(dir.path()).pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend_from_slice(br#"{"seq":4,"ts":"20"#);
    fs::write(&path, bytes).unwrap();

    log(dir.path(), 1);
    let verdict = verify(dir.path()).unwrap();
    assert_eq!((verdict.records, verdict.fault), (5, None));
    let cut: serde_json::Value = serde_json::from_str(&lines(&path)[3]).unwrap();
    assert_eq!((&cut["event"], &cut["cut_bytes"]), (&"recovered".into(), &17.into()));
    assert_ne!(python_verifies(dir.path()), Some(false));
}

#[test]
fn whole_lines_behind_the_head_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    log(dir.path(), 3);
    let head = fs::read(dir.path().join("head.json")).unwrap();
    log(dir.path(), 2);
    // The process died between writing the lines and moving the head.
    fs::write(dir.path().join("head.json"), head).unwrap();
    log(dir.path(), 1);
    let verdict = verify(dir.path()).unwrap();
    assert_eq!((verdict.records, verdict.fault), (6, None));
}

#[test]
fn a_crash_at_any_byte_of_a_write_is_recovered_from() {
    let dir = tempfile::tempdir().unwrap();
    // All of it in one segment: the one that is cut again and again.
    let options = AuditOptions { segment_bytes: 1 << 20, ..OPTIONS };
    log(dir.path(), 3);
    let path = dir.path().join("audit-000001.jsonl");
    let durable = fs::metadata(&path).unwrap().len();
    let head = fs::read(dir.path().join("head.json")).unwrap();
    let audit = Audit::open(dir.path(), options).unwrap();
    (0..3).for_each(|n| audit.record(record(&n.to_string())));
    drop(audit);
    let bytes = fs::read(&path).unwrap();
    for cut in (durable as usize..bytes.len()).step_by(31) {
        fs::write(&path, &bytes[..cut]).unwrap();
        fs::write(dir.path().join("head.json"), &head).unwrap();
        drop(Audit::open(dir.path(), options).unwrap());
        let verdict = verify(dir.path()).unwrap();
        assert!(verdict.records >= 3 && verdict.fault.is_none(), "{cut}: {verdict:?}");
    }
}

#[test]
fn a_broken_log_is_not_continued() {
    type Damage = fn(&Path);
    let cases: [(Damage, &str); 6] = [
        (|dir| edit(&dir.join("audit-000001.jsonl"), |bytes| bytes[30] ^= 1), "audit-000001.jsonl:1: edited"),
        (|dir| truncate(&dir.join("audit-000001.jsonl"), 2), "the head names record 3, the log ends at record 2"),
        (|dir| fs::remove_file(dir.join("audit-000001.jsonl")).unwrap(), "the head names record 3, but there is no segment"),
        (|dir| fs::remove_file(dir.join("head.json")).unwrap(), "is missing"),
        (|dir| edit(&dir.join("head.json"), |bytes| bytes[200] = b'x'), "the head is not as it was written"),
        (|dir| edit(&dir.join("head.json"), |bytes| bytes[20] ^= 1), "head"),
    ];
    for (damage, words) in cases {
        let dir = tempfile::tempdir().unwrap();
        log(dir.path(), 3);
        damage(dir.path());
        let before: Vec<_> = segments(dir.path()).iter().map(|path| fs::read(path).unwrap()).collect();
        let error = Audit::open(dir.path(), OPTIONS).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
        let after: Vec<_> = segments(dir.path()).iter().map(|path| fs::read(path).unwrap()).collect();
        assert_eq!(before, after, "{words}: evidence was changed");
    }
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn truncate(path: &Path, keep: usize) {
    let kept: String = lines(path).into_iter().take(keep).collect();
    fs::write(path, kept).unwrap();
}

/// Something done to a log behind the gateway's back. Numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Tampering {
    FlipByte { file: usize, at: usize, mask: u8 },
    DeleteLines { file: usize, from: usize, count: usize },
    SwapLines { file: usize, a: usize, b: usize },
    RepeatLine { file: usize, line: usize },
    CutTail { bytes: usize },
    DeleteSegment { file: usize },
    SwapSegments { a: usize, b: usize },
    FlipHeadByte { at: usize, mask: u8 },
}

fn tampering() -> impl Strategy<Value = Tampering> {
    let n: Range<usize> = 0..10_000;
    prop_oneof![
        (n.clone(), n.clone(), 1..=255_u8).prop_map(|(file, at, mask)| Tampering::FlipByte { file, at, mask }),
        (n.clone(), n.clone(), 1..5_usize).prop_map(|(file, from, count)| Tampering::DeleteLines { file, from, count }),
        (n.clone(), n.clone(), n.clone()).prop_map(|(file, a, b)| Tampering::SwapLines { file, a, b }),
        (n.clone(), n.clone()).prop_map(|(file, line)| Tampering::RepeatLine { file, line }),
        (1..5_000_usize).prop_map(|bytes| Tampering::CutTail { bytes }),
        n.clone().prop_map(|file| Tampering::DeleteSegment { file }),
        (n.clone(), n.clone()).prop_map(|(a, b)| Tampering::SwapSegments { a, b }),
        (n, 1..=255_u8).prop_map(|(at, mask)| Tampering::FlipHeadByte { at, mask }),
    ]
}

impl Tampering {
    /// Applies it; `false` where it comes out as no change at all.
    fn apply(&self, dir: &Path) -> bool {
        let files = segments(dir);
        let pick = |index: usize| &files[index % files.len()];
        let rewrite = |file: usize, change: &dyn Fn(&mut Vec<String>)| {
            let before = lines(pick(file));
            let mut after = before.clone();
            change(&mut after);
            fs::write(pick(file), after.concat()).unwrap();
            before != after
        };
        match *self {
            Self::FlipByte { file, at, mask } => {
                edit(pick(file), |bytes| {
                    let at = at % bytes.len();
                    bytes[at] ^= mask;
                });
                true
            }
            Self::DeleteLines { file, from, count } => rewrite(file, &|lines| {
                let from = from % lines.len();
                lines.drain(from..(from + count).min(lines.len()));
            }),
            Self::SwapLines { file, a, b } => rewrite(file, &|lines| {
                let count = lines.len();
                lines.swap(a % count, b % count);
            }),
            Self::RepeatLine { file, line } => rewrite(file, &|lines| {
                let line = line % lines.len();
                lines.insert(line, lines[line].clone());
            }),
            Self::CutTail { bytes } => {
                edit(pick(files.len() - 1), |content| content.truncate(content.len().saturating_sub(bytes)));
                true
            }
            Self::DeleteSegment { file } => {
                fs::remove_file(pick(file)).unwrap();
                true
            }
            Self::SwapSegments { a, b } => {
                let (a, b) = (pick(a), pick(b));
                let (at_a, at_b) = (fs::read(a).unwrap(), fs::read(b).unwrap());
                fs::write(a, &at_b).unwrap();
                fs::write(b, &at_a).unwrap();
                at_a != at_b
            }
            Self::FlipHeadByte { at, mask } => {
                edit(&dir.join("head.json"), |bytes| {
                    let at = at % bytes.len();
                    bytes[at] ^= mask;
                });
                true
            }
        }
    }
}

fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.path().join(entry.file_name())).unwrap();
    }
    to
}

#[test]
fn any_tampering_is_found() {
    let original = tempfile::tempdir().unwrap();
    log(original.path(), 40);
    let config = ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(tampering in tampering())| {
        let dir = copy(original.path());
        let changed = tampering.apply(dir.path());
        let verdict = verify(dir.path()).unwrap();
        prop_assert_eq!(verdict.fault.is_some(), changed, "{:?}", verdict);
    });
}

#[test]
fn faults_are_named_by_file_line_and_kind() {
    type Damage = fn(&mut Vec<String>);
    let cases: [(Damage, &str); 5] = [
        (|lines| lines[1] = lines[1].replace("acme", "acne"), "audit-000002.jsonl:2: edited"),
        (|lines| drop(lines.remove(1)), "audit-000002.jsonl:2: removed: record "),
        (|lines| lines.swap(1, 2), "audit-000002.jsonl:2: reordered: record "),
        (|lines| lines.insert(1, lines[0].clone()), "audit-000002.jsonl:2: reordered: record "),
        (|lines| *lines = vec![lines.concat().trim_end().to_owned()], "audit-000002.jsonl:"),
    ];
    for (damage, words) in cases {
        let dir = tempfile::tempdir().unwrap();
        log(dir.path(), 40);
        let path = &segments(dir.path())[1];
        let mut lines = lines(path);
        damage(&mut lines);
        fs::write(path, lines.concat()).unwrap();
        let fault = verify(dir.path()).unwrap().fault.unwrap().to_string();
        assert!(fault.starts_with(words), "{words}: {fault}");
        assert_ne!(python_verifies(dir.path()), Some(true), "{words}");
    }
}

#[test]
fn a_missing_start_and_a_missing_end_are_named() {
    let dir = tempfile::tempdir().unwrap();
    log(dir.path(), 40);
    let start = copy(dir.path());
    fs::remove_file(start.path().join("audit-000001.jsonl")).unwrap();
    let fault = verify(start.path()).unwrap().fault.unwrap().to_string();
    assert_eq!(fault, "audit-000001.jsonl: removed: the segment is missing, with all of its records");

    fs::remove_file(segments(dir.path()).pop().unwrap()).unwrap();
    let fault = verify(dir.path()).unwrap().fault.unwrap().to_string();
    assert!(fault.starts_with("head.json: truncated: the head names record 40"), "{fault}");
    assert_ne!(python_verifies(dir.path()), Some(true));
}
