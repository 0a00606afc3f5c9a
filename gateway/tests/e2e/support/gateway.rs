//! A gateway that runs in the test's process, on its thread, with a state folder of its own.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, request};
use http_body_util::Full;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};
use tradewind::{
    auth::{DevClaims, DevIssuer, SystemClock},
    backend::Loader,
    config::Settings,
    credential::Clock,
    gateway::RunError,
    home::Home,
    server::Shutdown,
};

use super::{Answer, Client, Events, Policy, soon};

/// What the gateway presents to its upstreams.
const UPSTREAM_KEY: &str = "sk-sim";

/// An audit record.
pub(crate) type Record = Value;

/// A gateway before its start.
#[derive(Debug)]
pub(crate) struct Setup {
    folder: TempDir,
    settings: Settings,
    clock: Clock,
    kept: Vec<TempDir>,
}

impl Setup {
    /// One with this policy, and otherwise with the defaults but for its addresses.
    pub(crate) fn new(policy: &Policy) -> Self {
        Self::of_text_with(|key| policy.text(key))
    }

    /// One with a policy of the text that `make` makes of where the backends' key lies.
    pub(crate) fn of_text_with(make: impl FnOnce(&Path) -> String) -> Self {
        let setup = Self::of_text("");
        write_policy(setup.folder.path(), &make(&key_file(setup.folder.path())));
        setup
    }

    /// One with a policy of this text.
    pub(crate) fn of_text(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(key_file(folder.path()), UPSTREAM_KEY).unwrap();
        let mut settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            admin: "127.0.0.1:0".parse().unwrap(),
            home: folder.path().join("home"),
            policy: Some(policy_file(folder.path())),
            ..Settings::default()
        };
        settings.local.enabled = false;
        write_policy(folder.path(), text);
        Self { folder, settings, clock: Clock::system(), kept: Vec::new() }
    }

    /// The same, with a folder that lives as long as the gateway.
    pub(crate) fn keeping(mut self, folder: TempDir) -> Self {
        self.kept.push(folder);
        self
    }

    /// The same, by another clock than the system's.
    pub(crate) fn by(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The same, with other settings.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Starts it.
    pub(crate) async fn start(self) -> Gateway {
        self.start_as(|gateway| gateway).await
    }

    /// Starts it, and waits until its local models have come from `loader`.
    pub(crate) async fn start_with(self, loader: impl Loader) -> Gateway {
        let gateway = self.start_as(|gateway| gateway.with_loader(loader)).await;
        soon(async {
            while !gateway.admin("/readyz").await.contains("200 OK") {
                tokio::task::yield_now().await;
            }
        })
        .await;
        gateway
    }

    /// Starts it as `prepare` leaves it.
    pub(crate) async fn start_as(
        self,
        prepare: impl FnOnce(tradewind::gateway::Gateway) -> tradewind::gateway::Gateway,
    ) -> Gateway {
        // Leaked, because a guard borrows it; there is one for each test.
        let recorder = Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
        let metrics = recorder.handle();
        let recording = metrics::set_default_local_recorder(recorder);
        let gateway = prepare(tradewind::gateway::Gateway::bind_by(self.settings, self.clock).await.unwrap());
        let (address, admin) = (gateway.addresses().unwrap()[0], gateway.admin_addresses().unwrap()[0]);
        let client = Client::new(address, &gateway.certificate());
        let issuer = DevIssuer::open(gateway.home()).unwrap();
        let home = gateway.home().clone();
        let shutdown = Shutdown::new();
        let running = tokio::spawn(gateway.run(metrics, shutdown.clone()));
        let token = mint(&issuer, "acme", &["*"], Duration::from_secs(3600));
        Gateway {
            client,
            shutdown,
            token,
            folder: self.folder,
            _kept: self.kept,
            admin,
            home,
            issuer,
            running,
            _recording: recording,
        }
    }
}

/// A running gateway.
pub(crate) struct Gateway {
    pub(crate) client: Client,
    pub(crate) shutdown: Shutdown,
    /// A token of tenant `acme` for every model.
    pub(crate) token: String,
    folder: TempDir,
    _kept: Vec<TempDir>,
    admin: SocketAddr,
    home: Home,
    issuer: DevIssuer,
    running: JoinHandle<Result<(), RunError>>,
    _recording: metrics::LocalRecorderGuard<'static>,
}

impl Gateway {
    /// Starts one with this policy and default settings.
    pub(crate) async fn start(policy: &Policy) -> Self {
        Setup::new(policy).start().await
    }

    /// A token of tenant `acme` for these models.
    pub(crate) fn token_for(&self, models: &[&str]) -> String {
        mint(&self.issuer, "acme", models, Duration::from_secs(3600))
    }

    /// Mints whatever a test asks for.
    pub(crate) fn issuer(&self) -> &DevIssuer {
        &self.issuer
    }

    /// Where the audit log is.
    pub(crate) fn audit_dir(&self) -> PathBuf {
        self.home.audit_dir()
    }

    /// A request with a good token.
    pub(crate) fn request(&self, method: &str, path: &str) -> request::Builder {
        request(method, path).header("authorization", format!("Bearer {}", self.token))
    }

    /// A chat request with a good token.
    pub(crate) fn chat(&self, body: &Value) -> Request<Full<Bytes>> {
        let request = self.request("POST", "/v1/chat/completions").header("content-type", "application/json");
        request.body(Full::from(body.to_string())).unwrap()
    }

    /// Asks, and reads the whole answer.
    pub(crate) async fn ask(&self, body: &Value) -> Answer {
        Answer::of(self.client.send(self.chat(body)).await).await
    }

    /// Asks for events, which must come.
    pub(crate) async fn stream(&self, body: &Value) -> Events {
        Events::of(self.client.send(self.chat(body)).await)
    }

    /// Where its policy is.
    pub(crate) fn policy_path(&self) -> PathBuf {
        policy_file(self.folder.path())
    }

    /// Its state folder.
    pub(crate) fn home_dir(&self) -> &Path {
        self.home.dir()
    }

    /// Where operators connect.
    pub(crate) const fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// The text of this policy, for this gateway.
    pub(crate) fn policy_text(&self, policy: &Policy) -> String {
        policy.text(&key_file(self.folder.path()))
    }

    /// Replaces the policy file.
    pub(crate) fn write_policy(&self, policy: &Policy) {
        write_policy(self.folder.path(), &policy.text(&key_file(self.folder.path())));
    }

    /// Replaces the policy file by any text.
    pub(crate) fn write_policy_text(&self, text: &str) {
        write_policy(self.folder.path(), text);
    }

    /// What the operators' listener answers to a GET, head and body.
    pub(crate) async fn admin(&self, path: &str) -> String {
        self.operate("GET", path, "").await
    }

    /// What the operators' listener answers, head and body, to a request with these header lines, each with its end.
    pub(crate) async fn operate(&self, method: &str, path: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(self.admin).await.unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        soon(stream.read_to_string(&mut response)).await.unwrap();
        response
    }

    /// The sum of a metric over all series that have these labels, each written as `name="value"`.
    pub(crate) async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let text = self.admin("/metrics").await;
        let series = text.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
        let series = series.filter(|line| labels.iter().all(|label| line.contains(label)));
        series.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    /// Shuts it down, waits for its end, and returns the audit records of all requests.
    pub(crate) async fn stop(self) -> Vec<Record> {
        self.stop_and(records).await
    }

    /// Shuts it down, waits for its end, and looks at the folder of the audit log.
    pub(crate) async fn stop_and<T>(self, look: impl FnOnce(&Path) -> T) -> T {
        self.shutdown.begin();
        soon(self.running).await.unwrap().unwrap();
        look(&self.home.audit_dir())
    }

    /// The audit record of the only request there was.
    pub(crate) async fn stop_after_one(self) -> Record {
        let mut records = self.stop().await;
        assert_eq!(records.len(), 1, "{records:?}");
        records.remove(0)
    }
}

/// A request without a credential.
pub(crate) fn request(method: &str, path: &str) -> request::Builder {
    Request::builder().method(method).uri(format!("https://localhost{path}")).header("host", "localhost")
}

/// A token with these claims.
pub(crate) fn mint(issuer: &DevIssuer, tenant: &str, models: &[&str], lifetime: Duration) -> String {
    let models = models.iter().map(|model| (*model).to_owned()).collect();
    let claims = DevClaims { tenant: tenant.parse().unwrap(), models, subject: "tester".to_owned(), lifetime };
    issuer.mint(&claims, &SystemClock).unwrap()
}

/// The requests that the audit log in `folder` records, in order.
pub(crate) fn records(folder: &Path) -> Vec<Record> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> = entries.filter(|path| path.extension().is_some_and(|ending| ending == "jsonl")).collect();
    segments.sort();
    let text: String = segments.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let lines = text.lines().map(|line| serde_json::from_str::<Record>(line).unwrap());
    lines.filter(|record| record["event"] == "request").collect()
}

fn key_file(folder: &Path) -> PathBuf {
    folder.join("upstream-key")
}

fn policy_file(folder: &Path) -> PathBuf {
    folder.join("policy.toml")
}

fn write_policy(folder: &Path, text: &str) {
    std::fs::write(policy_file(folder), text).unwrap();
}
