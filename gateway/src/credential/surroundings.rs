//! What the sources of credentials need of the world, as values: a process has only one environment, and tests run side by side in it.

use std::{
    fmt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::client::HttpClient;

/// What the sources of credentials need of the world.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Towards token endpoints, metadata services and secret managers.
    pub http: Arc<HttpClient>,
    /// The environment variables, by which clouds hand identities to a process.
    pub variables: Variables,
    /// The time of day, which signatures and tokens tell.
    pub clock: Clock,
}

impl Surroundings {
    /// Those of this process.
    #[must_use]
    pub fn of_process(http: HttpClient) -> Self {
        Self { http: Arc::new(http), variables: Variables::of_process(), clock: Clock::system() }
    }
}

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Environment variables. An empty one counts as not set.
#[derive(Clone)]
pub struct Variables(Arc<Lookup>);

impl Variables {
    /// Those of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self(Arc::new(|name| std::env::var(name).ok()))
    }

    /// Those that `lookup` knows.
    pub fn from_fn(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(lookup))
    }

    /// The value of one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// A file below the user's home directory.
    #[must_use]
    pub fn below_home(&self, path: &str) -> Option<PathBuf> {
        Some(PathBuf::from(self.get("HOME")?).join(path))
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Variables")
    }
}

/// Tells the time of day.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    /// The operating system's.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(SystemTime::now))
    }

    /// One that tells what `now` tells.
    pub fn from_fn(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time of day.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        (self.0)()
    }

    /// Seconds since 1970; 0 for a clock before that.
    #[must_use]
    pub fn unix_seconds(&self) -> u64 {
        self.now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    /// How long it is until `then`; nothing where that is past.
    #[must_use]
    pub fn until(&self, then: SystemTime) -> Duration {
        then.duration_since(self.now()).unwrap_or_default()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
