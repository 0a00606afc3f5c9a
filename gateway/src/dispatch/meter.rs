//! What an attempt costs, from its beginning to its end.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tradewind_policies::spec::{Consumption, Haste, NanoUsd, Price};
use tradewind_protocol::Usage;

use crate::{
    inference::Inference,
    route::{Occupied, Planned},
};

/// Measures what an attempt uses beside its tokens. One that has no known price measures nothing.
#[derive(Debug)]
pub(super) struct Meter(Option<Running>);

#[derive(Debug)]
struct Running {
    price: Arc<Price>,
    haste: Haste,
    begun: Instant,
    /// Where the server is paid by the hour.
    occupied: Option<Occupied>,
    answer_bytes: u64,
}

impl Meter {
    /// An attempt begins.
    pub(super) fn begin(inference: &Inference, planned: &Planned) -> Self {
        Self(planned.price.as_ref().map(|price| {
            let is_shared = price.per_hour != NanoUsd::ZERO;
            Running {
                price: Arc::clone(price),
                haste: if inference.head().is_flexible { Haste::Batch } else { Haste::Usual },
                begun: Instant::now(),
                occupied: is_shared.then(|| planned.deployment.server().enter()),
                answer_bytes: 0,
            }
        }))
    }

    /// So many bytes of an answer have come.
    pub(super) fn received(&mut self, bytes: usize) {
        if let Some(running) = &mut self.0 {
            running.answer_bytes = running.answer_bytes.saturating_add(bytes as u64);
        }
    }

    /// The attempt has ended and used so many tokens: what it cost, if anybody knows. It costs that once.
    pub(super) fn end(&mut self, usage: Usage) -> Option<NanoUsd> {
        let Running { price, haste, begun, occupied, answer_bytes } = self.0.take()?;
        let share = occupied.map_or(Duration::ZERO, Occupied::leave);
        Some(price.of(Consumption { usage, took: begun.elapsed(), share, answer_bytes, haste }))
    }
}
