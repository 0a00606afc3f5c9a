//! Copies of requests, sent to a backend that answers nobody, and how it fares beside those that do.
//!
//! [`dispatch`](crate::dispatch) makes the attempts; here is what bounds them, what they may cost, and what is learnt of the pairs of answers:
//! times, lengths and likenesses. No answer is kept longer than it takes to compare it.
//!
//! # What a copy must never do
//!
//! Nobody waits for one: it runs on a task of its own, which begins after the client's attempt has, and which the client's response does not
//! know. So many of a route are under way at most; one more is dropped. It takes nothing from the budgets and limits of tenants, nor from those of
//! retries and hedges, and is not tried again. A client that leaves does not end it, or else the backend would look as good as clients are patient.

mod board;
mod likeness;
mod report;
mod side;

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tradewind_policies::{BackendName, RouteName};

pub use self::{
    board::{Board, Place},
    side::{Heard, Side, Tell, pair},
};
use crate::limit::Spending;

/// With less than this left until its deadline, a request is not copied: there would be nothing to compare.
const LEAST_LEFT: Duration = Duration::from_secs(1);

/// All copies. Clones are the same.
#[derive(Debug, Clone)]
pub struct Shadows(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tasks: TaskTracker,
    /// No more are begun.
    stopped: CancellationToken,
    /// Those under way are over.
    ended: CancellationToken,
    spending: Arc<Spending>,
    /// What is known of each shadow of a route. It outlives reloads.
    boards: Mutex<BTreeMap<(RouteName, BackendName), Arc<Board>>>,
}

impl Shadows {
    /// None so far. What they cost is counted in `spending`.
    #[must_use]
    pub fn new(spending: Arc<Spending>) -> Self {
        let (stopped, ended) = (CancellationToken::new(), CancellationToken::new());
        Self(Arc::new(Inner { tasks: TaskTracker::new(), stopped, ended, spending, boards: Mutex::default() }))
    }

    /// What is known of the shadow of a route.
    #[must_use]
    pub fn board(&self, route: &RouteName, backend: &BackendName) -> Arc<Board> {
        let mut boards = self.0.boards.lock().unwrap_or_else(PoisonError::into_inner);
        let board = boards.entry((route.clone(), backend.clone()));
        Arc::clone(board.or_insert_with(|| Arc::new(Board::new(route, backend))))
    }

    /// A place for one more copy that has so long; none if that is too little, there are too many, or no more are begun.
    #[must_use]
    pub fn admit(&self, board: &Board, remaining: Duration) -> Option<Place> {
        let is_soon_over = self.0.stopped.is_cancelled() || remaining < LEAST_LEFT;
        if is_soon_over { None } else { board.admit() }
    }

    /// Where it is counted what they cost.
    #[must_use]
    pub fn spending(&self) -> &Arc<Spending> {
        &self.0.spending
    }

    /// Lets a copy run.
    pub fn spawn(&self, copy: impl Future<Output = ()> + Send + 'static) {
        let ended = self.0.ended.clone();
        self.0.tasks.spawn(async move {
            let _called_off = ended.run_until_cancelled(copy).await;
        });
    }

    /// Begins no more.
    pub fn stop(&self) {
        self.0.stopped.cancel();
    }

    /// Calls off those under way, and waits until what they cost is counted.
    pub async fn end(&self) {
        self.stop();
        self.0.ended.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}
