//! Which canaries were given up, kept over a restart: what was found out with users' requests is not found out twice.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;
use tradewind_policies::{RouteName, decision::Moment};

use crate::home::{Home, HomeError};

/// How long to wait before a file that could not be written is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// That a canary was given up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct GivenUp {
    /// The canary, as it is written in the policy: an edited one begins anew.
    canary: String,
    /// When.
    pub(super) at: Moment,
    /// Who did.
    pub(super) by: By,
    /// Why.
    pub(super) reason: String,
}

/// Who gave a canary up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum By {
    /// Its `abort_if`.
    Condition,
    /// An operator.
    Operator,
}

/// Those that were given up, by their routes. Clones are the same list.
#[derive(Debug, Clone, Default)]
pub struct Kept(Arc<List>);

#[derive(Debug, Default)]
struct List {
    routes: Mutex<BTreeMap<String, GivenUp>>,
    changed: Notify,
}

/// The file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct File {
    given_up: BTreeMap<String, GivenUp>,
}

impl Kept {
    /// What an earlier process kept in `home`.
    ///
    /// # Errors
    /// The file is there and cannot be used: to begin anew would be to send users where it was found that they must not go.
    pub fn open(home: &Home) -> Result<Self, HomeError> {
        let Some(text) = home.canaries()? else { return Ok(Self::default()) };
        let file: File = serde_json::from_str(&text)
            .map_err(|error| HomeError::canaries_are_damaged(home, format!("is damaged ({error})")))?;
        Ok(Self(Arc::new(List { routes: Mutex::new(file.given_up), changed: Notify::new() })))
    }

    /// Writes the list to `home` whenever it changes, until `end`; and once more then.
    pub async fn keep(self, home: Home, end: CancellationToken) {
        let mut kept = self.routes();
        loop {
            let goes_on = end.run_until_cancelled(self.0.changed.notified()).await.is_some();
            let now = self.routes();
            if now != kept && write(home.clone(), now.clone()).await {
                kept = now;
            } else if now != kept && end.run_until_cancelled(sleep(AGAIN)).await.is_some() {
                self.0.changed.notify_one();
            }
            if !goes_on {
                return;
            }
        }
    }

    pub(super) fn get(&self, route: &RouteName, canary: &str) -> Option<GivenUp> {
        self.with(|routes| routes.get(route.as_str()).filter(|given_up| given_up.canary == canary).cloned())
    }

    pub(super) fn put(&self, route: &RouteName, canary: String, by: By, reason: String) {
        let given_up = GivenUp { canary, at: Moment::from(std::time::SystemTime::now()), by, reason };
        self.with(|routes| routes.insert(route.to_string(), given_up));
        self.0.changed.notify_one();
    }

    pub(super) fn forget(&self, route: &RouteName) {
        self.with(|routes| routes.remove(route.as_str()));
        self.0.changed.notify_one();
    }

    fn routes(&self) -> BTreeMap<String, GivenUp> {
        self.with(|routes| routes.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<String, GivenUp>) -> T) -> T {
        act(&mut self.0.routes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes the file; whether it could be.
async fn write(home: Home, given_up: BTreeMap<String, GivenUp>) -> bool {
    let written = tokio::task::spawn_blocking(move || {
        let text = serde_json::to_string_pretty(&File { given_up }).map_err(|error| error.to_string())?;
        home.keep_canaries(&text).map_err(|error| error.to_string())
    });
    match written.await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::error!(error, "which canaries were given up cannot be kept: a restart would resume them");
            false
        }
        // The task is never cancelled, so it can only have panicked, and the hook has said where.
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_of_one_text_and_a_damaged_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().to_owned());
        let (kept, route) = (Kept::open(&home).unwrap(), "r".parse().unwrap());
        kept.put(&route, "{ share = \"5%\" }".to_owned(), By::Operator, "why not".to_owned());
        home.keep_canaries(&serde_json::to_string(&File { given_up: kept.routes() }).unwrap()).unwrap();
        let again = Kept::open(&home).unwrap();
        assert_eq!(again.get(&route, "{ share = \"5%\" }"), kept.get(&route, "{ share = \"5%\" }"));
        assert_eq!(again.get(&route, "{ share = \"6%\" }"), None);
        home.keep_canaries("{").unwrap();
        let error = Kept::open(&home).unwrap_err();
        assert!(matches!(error, HomeError::Damaged { .. }) && error.to_string().contains("canaries.json"), "{error}");
    }
}
