//! The state directory: what Tradewind makes for itself on its first start, so that it runs without configuration.
//!
//! ```text
//! .tradewind/            0700
//!   tls/cert.pem         self-signed, for localhost; renewed a month before it expires
//!   tls/key.pem    0600
//!   issuer/key.pem 0600  the development token issuer's ES256 key
//!   issuer/jwks.json     its public half
//!   audit/               the audit log
//!   decisions/     0700  the decision log
//!   learnt.json          how fast each backend was
//!   spent.json           what tenants have spent of their budgets
//!   canaries.json        which canaries were given up
//!   policies/      0600  the policies that were in force
//! ```
//!
//! Each file is written beside its place, made durable, and moved there, with its final mode from the first byte. A
//! crash therefore leaves a file whole or absent, and the private half of a pair is always the older one: a key without
//! its certificate is completed at the next start. A certificate without its key, a file that does not parse, or two
//! halves that do not match are nothing a crash leaves behind; they are reported and never replaced, for whoever put them
//! there may want them back. Only what was learnt of backends is not worth that: it is learnt again.

mod certificate;
mod files;
mod issuer;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use time::OffsetDateTime;

use self::files::Access;
pub(crate) use issuer::{public_jwk, read_key};

/// The state directory, complete.
#[derive(Clone, Debug)]
pub struct Home {
    dir: PathBuf,
}

/// The state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The file system said no.
    #[error("cannot {action} {}: {reason}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// Others can read a private key.
    #[error("{} can be read by others (mode {mode:o}): `chmod 600` it, and replace it if they may have", path.display())]
    Exposed {
        /// The key.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file does not hold what its name says.
    #[error("{} {problem}; restore it, or remove {} to have new ones made", path.display(), remove.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// The folder to remove for a fresh pair.
        remove: PathBuf,
    },
    /// A key or certificate could not be made.
    #[error("cannot make {what}: {reason}")]
    Make {
        /// What was to be made.
        what: &'static str,
        /// Why it failed.
        reason: String,
    },
}

impl HomeError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |reason| Self::Io { action, path: path.to_path_buf(), reason }
    }

    /// What was kept of what tenants have spent is of no use.
    pub(crate) fn spent_is_damaged(home: &Home, problem: String) -> Self {
        let path = home.spent_file();
        Self::Damaged { remove: path.clone(), path, problem }
    }

    /// What was kept of which canaries were given up is of no use.
    pub(crate) fn canaries_are_damaged(home: &Home, problem: String) -> Self {
        let path = home.canaries_file();
        Self::Damaged { remove: path.clone(), path, problem }
    }

    fn damaged(path: &Path, problem: impl Into<String>) -> Self {
        let remove = path.parent().unwrap_or(path).to_path_buf();
        Self::Damaged { path: path.to_path_buf(), problem: problem.into(), remove }
    }
}

impl Home {
    /// Opens the state directory, making whatever of it is not there yet.
    ///
    /// # Errors
    /// Where the file system says no, a private key is exposed, or a file is damaged.
    pub fn open(dir: &Path) -> Result<Self, HomeError> {
        Self::open_at(dir, SystemTime::now().into())
    }

    /// Where the directory is unless somebody says otherwise: `$TRADEWIND_HOME`, else `.tradewind` here.
    pub fn default_dir() -> PathBuf {
        std::env::var_os("TRADEWIND_HOME").filter(|dir| !dir.is_empty()).map_or_else(|| ".tradewind".into(), PathBuf::from)
    }

    /// Names the files of a state directory without touching any.
    pub fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    fn open_at(dir: &Path, now: OffsetDateTime) -> Result<Self, HomeError> {
        let home = Self { dir: dir.to_path_buf() };
        files::make_folder(dir)?;
        // Two first starts at once (a server and `tradewind token`) would each make a key and overwrite the other's.
        let _lock = home.lock()?;
        for folder in [home.tls(), home.issuer(), home.audit_dir()] {
            files::make_folder(&folder)?;
        }
        certificate::ensure(&home.tls_certificate(), &home.tls_key(), now)?;
        issuer::ensure(&home.issuer_jwks(), &home.issuer_key())?;
        Ok(home)
    }

    /// The directory itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The self-signed certificate, PEM.
    pub fn tls_certificate(&self) -> PathBuf {
        self.tls().join("cert.pem")
    }

    /// The certificate's key, PKCS #8 PEM.
    pub fn tls_key(&self) -> PathBuf {
        self.tls().join("key.pem")
    }

    /// The development issuer's signing key, P-256, PKCS #8 PEM.
    pub fn issuer_key(&self) -> PathBuf {
        self.issuer().join("key.pem")
    }

    /// The development issuer's JWKS, as any issuer would publish it.
    pub fn issuer_jwks(&self) -> PathBuf {
        self.issuer().join("jwks.json")
    }

    /// The folder of the audit log, unless another is configured.
    pub fn audit_dir(&self) -> PathBuf {
        self.dir.join("audit")
    }

    /// The folder of the decision log, unless another is configured. It need not be there.
    pub fn decisions_dir(&self) -> PathBuf {
        self.dir.join("decisions")
    }

    /// The folder of the manifests of further local models, unless another is configured. It need not be there.
    pub fn manifests_dir(&self) -> PathBuf {
        self.dir.join("models")
    }

    /// What was kept of the backends' speed, if anything was.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn learnt(&self) -> Result<Option<String>, HomeError> {
        files::read(&self.learnt_file(), Access::Public)
    }

    /// Keeps what was learnt of the backends' speed, in place of what was kept before. Blocks until it is durable.
    ///
    /// # Errors
    /// The file system says no.
    pub fn keep_learnt(&self, text: &str) -> Result<(), HomeError> {
        let _lock = self.lock()?;
        files::write(&self.learnt_file(), text, Access::Public)
    }

    /// Where that is kept.
    pub fn learnt_file(&self) -> PathBuf {
        self.dir.join("learnt.json")
    }

    /// The folder of the policies that were in force. It need not be there.
    pub fn policies_dir(&self) -> PathBuf {
        self.dir.join("policies")
    }

    /// The names of the files in that folder, in no order.
    ///
    /// # Errors
    /// It is there and cannot be listed.
    pub fn kept_policies(&self) -> Result<Vec<String>, HomeError> {
        files::list(&self.policies_dir())
    }

    /// The text of a file in that folder, or `None` where there is no such file.
    ///
    /// # Errors
    /// It cannot be read, or others can read it.
    pub fn kept_policy(&self, name: &str) -> Result<Option<String>, HomeError> {
        files::read(&self.policies_dir().join(name), Access::Private)
    }

    /// Writes a file in that folder, which is made if it has to be. Blocks until it is durable.
    ///
    /// # Errors
    /// The file system says no.
    pub fn keep_policy(&self, name: &str, text: &str) -> Result<(), HomeError> {
        let folder = self.policies_dir();
        files::make_folder(&folder)?;
        let _lock = self.lock()?;
        files::write(&folder.join(name), text, Access::Private)
    }

    /// Removes a file from that folder, if it is there.
    ///
    /// # Errors
    /// The file system says no.
    pub fn forget_policy(&self, name: &str) -> Result<(), HomeError> {
        files::remove(&self.policies_dir().join(name))
    }

    /// What was kept of what tenants have spent, if anything was.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn spent(&self) -> Result<Option<String>, HomeError> {
        files::read(&self.spent_file(), Access::Public)
    }

    /// Keeps what tenants have spent, in place of what was kept before. Blocks until it is durable.
    ///
    /// # Errors
    /// The file system says no.
    pub fn keep_spent(&self, text: &str) -> Result<(), HomeError> {
        let _lock = self.lock()?;
        files::write(&self.spent_file(), text, Access::Public)
    }

    fn spent_file(&self) -> PathBuf {
        self.dir.join("spent.json")
    }

    /// What was kept of which canaries were given up, if anything was.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn canaries(&self) -> Result<Option<String>, HomeError> {
        files::read(&self.canaries_file(), Access::Public)
    }

    /// Keeps which canaries were given up, in place of what was kept before. Blocks until it is durable.
    ///
    /// # Errors
    /// The file system says no.
    pub fn keep_canaries(&self, text: &str) -> Result<(), HomeError> {
        let _lock = self.lock()?;
        files::write(&self.canaries_file(), text, Access::Public)
    }

    fn canaries_file(&self) -> PathBuf {
        self.dir.join("canaries.json")
    }

    fn tls(&self) -> PathBuf {
        self.dir.join("tls")
    }

    fn issuer(&self) -> PathBuf {
        self.dir.join("issuer")
    }

    fn lock(&self) -> Result<File, HomeError> {
        let path = self.dir.join("lock");
        let file = files::open_lock(&path).map_err(HomeError::io("open", &path))?;
        file.lock().map_err(HomeError::io("lock", &path))?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests;
