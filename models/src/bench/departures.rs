//! Whether the cache is free again when those who asked have gone.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout};

use super::ask::{Asker, hear};
use super::{BenchError, Plan};

/// Requests of a round.
const REQUESTS: usize = 16;

/// Tokens of a question.
const QUESTION: usize = 48;

/// Tokens of an answer.
const ANSWER: usize = 24;

/// The part of those who leave before their answer is complete.
const LEAVING: f64 = 0.5;

/// How long is waited for blocks that are not free. A step takes far less.
const PATIENCE: Duration = Duration::from_secs(10);

/// Readers who leave.
#[derive(Debug, Clone, Serialize)]
pub struct Departures {
    /// Requests of all rounds.
    pub requests: usize,
    /// Those whose reader left, at a random token.
    pub left: usize,
    /// Blocks of the cache.
    pub blocks: usize,
    /// Blocks that were not free in the end of some round.
    pub lost: usize,
    /// How many steps at most were begun, after the last reader of a round was gone, until all blocks were free.
    pub steps: u64,
}

/// Rounds for half of the time.
pub(super) async fn measure(asker: &Asker, plan: &Plan) -> Result<Departures, BenchError> {
    let mut random = StdRng::seed_from_u64(plan.seed);
    let blocks = asker.engine.cache_use().blocks;
    let mut all = Departures { requests: 0, left: 0, blocks, lost: 0, steps: 0 };
    let end = Instant::now() + plan.span / 2;
    for number in 0.. {
        all.left += round(asker, &mut random, number).await?;
        all.requests += REQUESTS;
        let before = asker.engine.cache_use().steps;
        // When nothing comes of it, what is lost is told.
        let _gave_up = timeout(PATIENCE, until_free(asker)).await;
        let after = asker.engine.cache_use();
        all.lost = all.lost.max(after.blocks - after.free);
        all.steps = all.steps.max(after.steps - before);
        if Instant::now() >= end {
            break;
        }
    }
    Ok(all)
}

/// How many left.
async fn round(asker: &Asker, random: &mut StdRng, number: usize) -> Result<usize, BenchError> {
    let mut hearings = Vec::new();
    for place in 0..REQUESTS {
        let generation = asker.engine.submit(asker.question(QUESTION, &format!("visit {number} of {place}"), ANSWER))?;
        let most = if random.random_bool(LEAVING) { random.random_range(0..ANSWER) } else { usize::MAX };
        hearings.push(tokio::spawn(hear(generation, Instant::now(), most, std::future::pending())));
    }
    let mut left = 0;
    for hearing in hearings {
        left += usize::from(hearing.await??.usage.is_none());
    }
    Ok(left)
}

async fn until_free(asker: &Asker) {
    loop {
        let cache = asker.engine.cache_use();
        if cache.free == cache.blocks {
            return;
        }
        sleep(Duration::from_millis(1)).await;
    }
}
