//! A disk that fails: nothing is lost, new requests are refused meanwhile, and the log goes on when it can.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use super::disk::{Disk, FileSystem};
use super::*;

/// What the disk does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Works,
    /// Takes the first bytes, then has no space.
    Full,
    /// Takes everything and cannot make it durable.
    Lossy,
}

/// A real folder behind a disk whose mood tests set.
struct MoodyDisk {
    mood: Arc<Mutex<Mood>>,
    syncs: Arc<AtomicUsize>,
    /// Each sync waits for a permit, where there is a gate.
    gate: Option<mpsc::Receiver<()>>,
}

impl MoodyDisk {
    fn mood(&self) -> Mood {
        *self.mood.lock().unwrap()
    }
}

impl Disk for MoodyDisk {
    fn append(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        if self.mood() == Mood::Full {
            FileSystem.append(file, &bytes[..bytes.len() / 2])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        FileSystem.append(file, bytes)
    }

    fn sync(&mut self, file: &File) -> io::Result<()> {
        if let Some(gate) = &self.gate {
            gate.recv().unwrap();
        }
        self.syncs.fetch_add(1, Ordering::Relaxed);
        if self.mood() == Mood::Lossy {
            return Err(io::Error::other("input/output error"));
        }
        FileSystem.sync(file)
    }
}

struct Fixture {
    dir: tempfile::TempDir,
    audit: Audit,
    mood: Arc<Mutex<Mood>>,
    syncs: Arc<AtomicUsize>,
}

impl Fixture {
    fn new(options: AuditOptions, gate: Option<mpsc::Receiver<()>>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (mood, syncs) = (Arc::new(Mutex::new(Mood::Works)), Arc::<AtomicUsize>::default());
        let disk = MoodyDisk { mood: Arc::clone(&mood), syncs: Arc::clone(&syncs), gate };
        let audit = Audit::open_on(disk, dir.path(), options).unwrap();
        Self { dir, audit, mood, syncs }
    }

    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn events(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.dir.path().join("audit-000001.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn record(request_id: &str) -> Record {
    Record {
        request_id: request_id.into(),
        tenant: None,
        subject: None,
        issuer: None,
        token_id: None,
        operation: None,
        method: "GET".into(),
        path: "/".into(),
        model: None,
        route: None,
        larger: None,
        backend: None,
        decision: Decision::Denied,
        reason: Some("missing_credential".into()),
        status: 401,
        outcome: Outcome::Failed,
        replay_of: None,
        attempts: 0,
        hedges: 0,
        tried: Vec::new(),
        shadow: None,
        prompt_tokens: None,
        completion_tokens: None,
        tokens_estimated: false,
        cost_nano_usd: Some(1_500),
        wasted_nano_usd: None,
        duration_ms: 0,
        policy: None,
        client: None,
    }
}

#[tokio::test]
async fn records_in_hand_survive_a_disk_that_fails() {
    for mood in [Mood::Full, Mood::Lossy] {
        let fixture = Fixture::new(AuditOptions::default(), None);
        let audit = &fixture.audit;
        audit.record(record("before"));
        audit.flush().await.unwrap();

        fixture.set(mood);
        audit.record(record("during-1"));
        assert!(matches!(audit.flush().await, Err(AuditError::Unwritable(_))), "{mood:?}");
        assert!(!audit.healthy());
        assert_eq!(audit.admit(), Err(Unwritable));
        assert_eq!(audit.admit(), Err(Unwritable));
        audit.record(record("during-2"));
        audit.flush().await.unwrap_err();

        fixture.set(Mood::Works);
        audit.record(record("after"));
        audit.flush().await.unwrap();
        assert!(audit.healthy());
        assert_eq!((audit.admit(), audit.queued()), (Ok(()), 0));
        audit.close().await.unwrap();

        let verdict = verify(fixture.dir.path()).unwrap();
        assert_eq!((verdict.records, verdict.fault), (5, None), "{mood:?}");
        let events = fixture.events();
        let ids: Vec<_> = events.iter().filter_map(|event| event["request_id"].as_str()).collect();
        assert_eq!(ids, ["before", "during-1", "during-2", "after"]);
        let resumed = events.last().unwrap();
        assert_eq!((&resumed["event"], &resumed["refused"]), (&"resumed".into(), &2.into()));
        assert!(resumed["error"].is_string());
    }
}

#[tokio::test]
async fn a_log_that_changed_while_the_disk_failed_is_not_continued() {
    let fixture = Fixture::new(AuditOptions::default(), None);
    fixture.audit.record(record("before"));
    fixture.audit.flush().await.unwrap();
    fixture.set(Mood::Full);
    fixture.audit.record(record("during"));
    fixture.audit.flush().await.unwrap_err();
    let path = fixture.dir.path().join("audit-000001.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("before", "behind")).unwrap();
    fixture.set(Mood::Works);
    let error = fixture.audit.flush().await.unwrap_err().to_string();
    assert!(error.contains("record 1 is no longer where it was written"), "{error}");
}

#[tokio::test]
async fn requests_that_wait_for_a_flush_share_the_next_one() {
    let (permit, gate) = mpsc::channel();
    let fixture = Fixture::new(AuditOptions::default(), Some(gate));
    fixture.audit.record(record("first"));
    // The writer takes the first record alone or with some others, and waits at the gate.
    for n in 0..500 {
        fixture.audit.record(record(&n.to_string()));
    }
    for _ in 0..3 {
        permit.send(()).unwrap();
    }
    fixture.audit.flush().await.unwrap();
    assert!(fixture.syncs.load(Ordering::Relaxed) <= 3, "501 records");
    drop(permit);
    assert_eq!(fixture.events().len(), 501);
    fixture.audit.close().await.unwrap();
}

#[tokio::test]
async fn a_full_queue_refuses_new_requests_and_says_so_later() {
    let (permit, gate) = mpsc::channel();
    let fixture = Fixture::new(AuditOptions { queue: 3, ..AuditOptions::default() }, Some(gate));
    let audit = &fixture.audit;
    for n in 0..3 {
        assert_eq!(audit.admit(), Ok(()));
        audit.record(record(&n.to_string()));
    }
    assert_eq!(audit.admit(), Err(Unwritable), "three are not durable yet");
    audit.record(record("admitted earlier"));
    for _ in 0..10 {
        permit.send(()).unwrap();
    }
    audit.flush().await.unwrap();
    assert_eq!(audit.admit(), Ok(()));
    audit.close().await.unwrap();
    let events = fixture.events();
    assert_eq!(events.iter().filter(|event| event["event"] == "request").count(), 4);
    let resumed: Vec<_> = events.iter().filter(|event| event["event"] == "resumed").collect();
    assert_eq!((resumed.len(), &resumed[0]["refused"], &resumed[0]["error"]), (1, &1.into(), &().into()));
}

#[tokio::test]
async fn closing_on_a_failing_disk_reports_the_loss() {
    let fixture = Fixture::new(AuditOptions::default(), None);
    fixture.set(Mood::Full);
    fixture.audit.record(record("lost"));
    assert!(matches!(fixture.audit.close().await, Err(AuditError::Unwritable(_))));
    assert!(matches!(fixture.audit.flush().await, Err(AuditError::Writer(_))));
    assert!(!fixture.audit.healthy());
}
