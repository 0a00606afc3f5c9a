//! Keeping a credential fresh, on a paused clock.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::{BoxFuture, join_all};
use tokio::{sync::Notify, time::advance};

use super::super::{CredentialError, Fresh, Life, Refreshing, Retry, Source};

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// Gives 1, 2, 3… or what it is told to.
#[derive(Debug, Clone, Default)]
struct Counter(Arc<Script>);

#[derive(Debug, Default)]
struct Script {
    fetched: Mutex<u32>,
    failing: Mutex<bool>,
    fixed: Mutex<Option<u32>>,
    life: Mutex<Option<Life>>,
    /// Where set, each fetch waits for it.
    gate: Mutex<Option<Arc<Notify>>>,
}

impl Counter {
    fn fetched(&self) -> u32 {
        *self.0.fetched.lock().unwrap()
    }

    fn fail(&self, failing: bool) {
        *self.0.failing.lock().unwrap() = failing;
    }
}

impl Source<u32> for Counter {
    fn obtain(&self) -> BoxFuture<'_, Result<Fresh<u32>, CredentialError>> {
        Box::pin(async {
            let gate = self.0.gate.lock().unwrap().clone();
            if let Some(gate) = gate {
                gate.notified().await;
            }
            let mut fetched = self.0.fetched.lock().unwrap();
            *fetched += 1;
            if *self.0.failing.lock().unwrap() {
                return Err(CredentialError::Configuration("down".to_owned()));
            }
            let value = self.0.fixed.lock().unwrap().unwrap_or(*fetched);
            let life = self.0.life.lock().unwrap().unwrap_or(Life::token(HOUR));
            Ok(Fresh { value, life })
        })
    }
}

fn kept() -> (Counter, Refreshing<u32>) {
    let counter = Counter::default();
    (counter.clone(), Refreshing::new("test", counter))
}

async fn value(kept: &Refreshing<u32>) -> Result<u32, CredentialError> {
    kept.get().await.map(|held| held.value)
}

/// Lets what was spawned run.
async fn settle() {
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn serves_one_until_shortly_before_its_end() {
    let (counter, kept) = kept();
    assert_eq!(value(&kept).await, Ok(1));
    advance(54 * MINUTE).await;
    assert_eq!(value(&kept).await, Ok(1));
    settle().await;
    assert_eq!(counter.fetched(), 1);
}

#[tokio::test(start_paused = true)]
async fn renews_behind_the_back_of_requests_while_the_old_one_is_good() {
    let (counter, kept) = kept();
    assert_eq!(value(&kept).await, Ok(1));
    advance(56 * MINUTE).await;
    assert_eq!(value(&kept).await, Ok(1), "the request that finds it due does not wait");
    settle().await;
    assert_eq!(counter.fetched(), 2);
    assert_eq!(value(&kept).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_share_one_fetch() {
    let (counter, kept) = kept();
    let values = join_all((0..100).map(|_| value(&kept))).await;
    assert!(values.iter().all(|value| *value == Ok(1)), "{values:?}");
    assert_eq!(counter.fetched(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_does_not_stop_the_fetch() {
    let (counter, kept) = kept();
    let gate = Arc::new(Notify::new());
    *counter.0.gate.lock().unwrap() = Some(Arc::clone(&gate));
    {
        let leaving = value(&kept);
        tokio::pin!(leaving);
        assert!(futures_util::poll!(&mut leaving).is_pending());
        settle().await;
        assert!(futures_util::poll!(&mut leaving).is_pending());
    }
    gate.notify_one();
    assert_eq!(value(&kept).await, Ok(1));
    assert_eq!(counter.fetched(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_old_one_serves_while_its_successor_cannot_be_had() {
    let (counter, kept) = kept();
    assert_eq!(value(&kept).await, Ok(1));
    counter.fail(true);
    advance(56 * MINUTE).await;
    for _ in 0..20 {
        assert_eq!(value(&kept).await, Ok(1));
        settle().await;
    }
    assert_eq!(counter.fetched(), 2, "a failed fetch is not repeated at once");
    counter.fail(false);
    advance(2 * MINUTE).await;
    assert_eq!(value(&kept).await, Ok(1));
    settle().await;
    assert_eq!(value(&kept).await, Ok(3));
}

#[tokio::test(start_paused = true)]
async fn one_that_has_ended_is_not_shown() {
    let (counter, kept) = kept();
    assert_eq!(value(&kept).await, Ok(1));
    counter.fail(true);
    advance(HOUR).await;
    assert!(value(&kept).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_down_is_not_asked_once_a_request() {
    let (counter, kept) = kept();
    counter.fail(true);
    for _ in 0..20 {
        assert!(value(&kept).await.is_err());
    }
    assert_eq!(counter.fetched(), 1);
    advance(Duration::from_secs(2)).await;
    counter.fail(false);
    assert_eq!(value(&kept).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn the_pause_between_failures_doubles_up_to_a_minute() {
    let (counter, kept) = kept();
    counter.fail(true);
    for _ in 0..600 {
        assert!(value(&kept).await.is_err());
        advance(Duration::from_secs(1)).await;
    }
    // 1, 2, 4, 8, 16, 32 and then 60 seconds: about fifteen in ten minutes.
    assert!((13..=17).contains(&counter.fetched()), "{}", counter.fetched());
}

#[tokio::test(start_paused = true)]
async fn one_that_the_upstream_refused_is_fetched_anew_once() {
    let (counter, kept) = kept();
    let first = kept.get().await.unwrap().generation;
    assert_eq!(kept.refused(first), Retry::Worth);
    assert_eq!(kept.refused(first), Retry::Worth, "others whom it was refused to wait for the same fetch");
    let second = kept.get().await.unwrap();
    assert_eq!((second.value, counter.fetched()), (2, 2));
    assert_eq!(kept.refused(first), Retry::Worth, "there is a newer one already");
    assert_eq!(kept.refused(second.generation), Retry::Pointless, "it has only just been fetched");
    assert_eq!((value(&kept).await, counter.fetched()), (Ok(2), 2));
    advance(Duration::from_secs(31)).await;
    assert_eq!(kept.refused(second.generation), Retry::Worth);
}

#[tokio::test(start_paused = true)]
async fn one_that_was_refused_serves_on_where_no_other_can_be_had() {
    let (counter, kept) = kept();
    let first = kept.get().await.unwrap().generation;
    counter.fail(true);
    assert_eq!(kept.refused(first), Retry::Worth);
    assert_eq!(value(&kept).await, Ok(1));
    assert_eq!(counter.fetched(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_that_never_changes_is_not_asked_for_again() {
    let (counter, kept) = kept();
    *counter.0.life.lock().unwrap() = Some(Life::FIXED);
    let first = kept.get().await.unwrap().generation;
    assert_eq!(kept.refused(first), Retry::Pointless);
    advance(1000 * HOUR).await;
    assert_eq!((value(&kept).await, counter.fetched()), (Ok(1), 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_fetched_anew_and_is_the_same_counts_as_the_same() {
    let (counter, kept) = kept();
    *counter.0.fixed.lock().unwrap() = Some(7);
    let first = kept.get().await.unwrap().generation;
    advance(2 * HOUR).await;
    let second = kept.get().await.unwrap();
    assert_eq!((second.value, second.generation, counter.fetched()), (7, first, 2));
}

#[tokio::test(start_paused = true)]
async fn the_first_one_can_be_fetched_before_it_is_needed() {
    let (counter, kept) = kept();
    kept.warm();
    kept.warm();
    settle().await;
    assert_eq!(counter.fetched(), 1);
}
