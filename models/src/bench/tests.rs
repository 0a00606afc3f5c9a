//! The measurements, of an engine whose decoder only pretends.

use std::time::Duration;

use super::{Plan, measure};
use crate::ChatEngine;
use crate::chat::ChatSettings;
use crate::chat::tests::fake::{END, Speech};
use crate::chat::tests::rig::{ECHO, Make};
use crate::decoder::CacheLayout;

#[tokio::test]
async fn everything_is_measured_and_nothing_is_left_behind() {
    // Noise ends its answers at random, unless that is forbidden.
    let settings = ChatSettings { rows: 16, queue: 32, ..ECHO.settings };
    let make =
        Make { speech: Speech::Noise, context: 4096, layout: CacheLayout { blocks: 16_384, block_size: 4 }, settings, ..ECHO };
    let (_, _, model) = make.model();
    let engine = ChatEngine::start(model, settings).unwrap();
    let plan = Plan { span: Duration::from_secs(1), seed: 1, stop_tokens: vec![END] };
    let report = measure(&engine, &plan, |_| {}).await.unwrap();

    let companies: Vec<usize> = report.batching.paces.iter().map(|pace| pace.answers).collect();
    assert_eq!(companies, [1, 2, 4, 8]);
    assert!(report.batching.paces.iter().all(|pace| pace.tokens_per_second > 0.0));
    let shared = &report.shared_prefix;
    assert!((900..shared.prompt_tokens).contains(&shared.cached_tokens), "{shared:?}");
    assert!(report.intrusion.without.count > 0 && report.intrusion.during.count > 0);
    assert!(report.overload.refused < report.overload.offered && report.overload.is_told_when);
    assert!(report.forecasts.requests > 0);
    let departures = &report.departures;
    assert!(departures.left > 0 && departures.left < departures.requests, "{departures:?}");
    assert_eq!((departures.lost, departures.blocks), (0, 16_384));
    assert_eq!(engine.cache_use().free, 16_384);
    assert_eq!(report.bars().len(), 8);
}
