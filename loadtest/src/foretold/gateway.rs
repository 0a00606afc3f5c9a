//! A real gateway, as a process of its own, and its command line.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::Failure;
use crate::world::KEY;

/// How long it may take to start, which is a matter of seconds.
const START: Duration = Duration::from_secs(60);
/// How often it is asked meanwhile.
const POLL: Duration = Duration::from_millis(50);

/// A gateway that runs. Dropped, it is killed.
pub(crate) struct Gateway {
    binary: PathBuf,
    folder: PathBuf,
    address: SocketAddr,
    admin: SocketAddr,
    child: Child,
}

impl Gateway {
    /// Starts it with that policy, its state and its log in `folder`.
    pub(crate) async fn start(binary: Option<&Path>, folder: &Path, policy: &str) -> Result<Self, Failure> {
        let binary = match binary {
            Some(binary) => std::path::absolute(binary)?,
            None => std::env::current_exe()?.with_file_name(format!("tradewind{}", std::env::consts::EXE_SUFFIX)),
        };
        let folder = std::path::absolute(folder)?;
        let [address, admin] = free_addresses()?;
        std::fs::create_dir_all(folder.join("policy"))?;
        std::fs::write(policy_file(&folder), policy)?;
        let log = std::fs::File::create(folder.join("gateway.log"))?;
        let child = Command::new(&binary)
            .args(["serve", "--listen", &address.to_string(), "--admin", &admin.to_string()])
            .arg("--home")
            .arg(home(&folder))
            .arg("--policy")
            .arg(policy_file(&folder))
            .env(KEY.0, KEY.1)
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}; build it, or name it with --gateway", binary.display()))?;
        let mut gateway = Self { binary, folder, address, admin, child };
        gateway.is_ready().await?;
        Ok(gateway)
    }

    async fn is_ready(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + START;
        loop {
            if let Some(status) = self.child.try_wait()? {
                let log = self.folder.join("gateway.log");
                let log = std::fs::read_to_string(log).unwrap_or_default();
                return Err(format!("the gateway ended ({status}) before it was ready:\n{log}").into());
            }
            if self.ready_page().await.is_ok_and(|page| page.starts_with("HTTP/1.1 200")) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("the gateway is not ready after {} s", START.as_secs()).into());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn ready_page(&self) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.admin).await?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n").await?;
        let mut page = String::new();
        stream.read_to_string(&mut page).await?;
        Ok(page)
    }

    /// Where clients connect.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate that it shows.
    pub(crate) fn certificate(&self) -> PathBuf {
        home(&self.folder).join("tls/cert.pem")
    }

    /// Where it records its decisions.
    pub(crate) fn decisions(&self) -> PathBuf {
        home(&self.folder).join("decisions")
    }

    /// A token of the tenant that the policy knows.
    pub(crate) async fn token(&self) -> Result<String, Failure> {
        let home = home(&self.folder);
        let line = [OsStr::new("token"), "--tenant".as_ref(), "trace".as_ref(), "--model".as_ref(), "*".as_ref()];
        let minted =
            self.command(line.into_iter().chain(["--ttl".as_ref(), "24h".as_ref(), "--home".as_ref(), home.as_ref()])).await?;
        Ok(String::from_utf8(minted.stdout)?.trim().to_owned())
    }

    /// What `policy plan` says of that policy, from this log.
    pub(crate) async fn plan(&self, policy: &str, log: Option<&Path>) -> Result<Value, Failure> {
        let (new, old) = (self.write_new(policy)?, policy_file(&self.folder));
        let mut line: Vec<&OsStr> =
            vec!["policy".as_ref(), "plan".as_ref(), new.as_ref(), "--policy".as_ref(), old.as_ref(), "--json".as_ref()];
        if let Some(log) = log {
            line.extend(["--log".as_ref(), log.as_os_str()]);
        }
        Ok(serde_json::from_slice(&self.command(line).await?.stdout)?)
    }

    /// Plans the step to that policy and applies it; returns when it is in force.
    pub(crate) async fn put_in_force(&self, policy: &str) -> Result<(), Failure> {
        let plan = self.plan(policy, None).await?;
        let hash = plan.get("plan_hash").and_then(Value::as_str).ok_or("a plan without its hash")?;
        let (new, old, home) = (self.write_new(policy)?, policy_file(&self.folder), home(&self.folder));
        let admin = self.admin.to_string();
        let line: [&OsStr; 11] = [
            "policy".as_ref(),
            "apply".as_ref(),
            new.as_ref(),
            "--plan".as_ref(),
            hash.as_ref(),
            "--policy".as_ref(),
            old.as_ref(),
            "--home".as_ref(),
            home.as_ref(),
            "--admin".as_ref(),
            admin.as_ref(),
        ];
        self.command(line).await?;
        Ok(())
    }

    fn write_new(&self, policy: &str) -> Result<PathBuf, Failure> {
        let path = self.folder.join("new.toml");
        std::fs::write(&path, policy)?;
        Ok(path)
    }

    /// Runs another command of the same binary, which has to succeed.
    async fn command(&self, line: impl IntoIterator<Item = &OsStr>) -> Result<Output, Failure> {
        let mut command = Command::new(&self.binary);
        command.args(line).env(KEY.0, KEY.1).current_dir(&self.folder).stdin(Stdio::null());
        let output = command.output().await?;
        if output.status.success() {
            return Ok(output);
        }
        let said = [output.stdout, output.stderr].concat();
        Err(format!("{:?} failed: {}", command.as_std(), String::from_utf8_lossy(&said)).into())
    }

    /// Ends it.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        Ok(self.child.kill().await?)
    }
}

fn home(folder: &Path) -> PathBuf {
    folder.join("home")
}

/// In a folder where nothing else is written: changes there are what the gateway watches.
fn policy_file(folder: &Path) -> PathBuf {
    folder.join("policy/policy.toml")
}

/// Two ports that nobody listens on.
fn free_addresses() -> Result<[SocketAddr; 2], Failure> {
    let [one, other] = [TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?];
    Ok([one.local_addr()?, other.local_addr()?])
}
