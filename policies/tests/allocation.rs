//! A decision allocates nothing: it is made for every request, on the threads that carry the streams.

use std::hint::black_box;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tradewind_policies::select::{Ask, Candidate, Health, Monotonic, Removed, Turn, choose, hedge_after};

#[test]
fn a_decision_allocates_nothing() {
    let ask = Ask { prompt_tokens: 800.0, output_tokens: 150.0, ..Ask::default() };
    let mut backends: Vec<Health> = (0..20).map(|_| Health::default()).collect();
    // Eight requests wait at each, at some of them for too long.
    let mut under_way = Vec::new();
    for (health, second) in backends.iter_mut().zip(0..) {
        let sent = Monotonic::since_epoch(Duration::from_millis(8_800 - 200 * second));
        under_way.extend((0..8).map(|_| health.start(sent, &ask, Some(Removed::Unproven)).unwrap()));
    }
    let now = Monotonic::since_epoch(Duration::from_secs(9));
    let mut rng = StdRng::seed_from_u64(1);
    let allocated = allocation_counter::measure(|| {
        for _ in 0..100 {
            let mut places = backends.iter().enumerate();
            let candidates: [Candidate<usize>; 20] = std::array::from_fn(|_| {
                let (target, health) = places.next().unwrap();
                Candidate { target, tier: target / 10, outlook: health.outlook(now, &ask) }
            });
            assert!(candidates.iter().all(|candidate| candidate.outlook.waiting == 8));
            let choice = choose(&candidates, Turn::First, &mut rng).unwrap();
            black_box(hedge_after(&candidates[choice.target].outlook, 800.0, &candidates));
        }
    });
    assert_eq!((allocated.count_total, under_way.len()), (0, 160));
}
