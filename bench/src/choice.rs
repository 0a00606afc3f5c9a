//! Twenty backends in the middle of their work, and a decision among them.

use std::time::Duration;

use rand::{SeedableRng, rngs::StdRng};
use smallvec::SmallVec;
use tradewind_policies::select::{Ask, Candidate, Choice, Health, Monotonic, Outcome, Removed, Started, Turn, choose};

/// How many there are.
const BACKENDS: usize = 20;
/// How many requests wait for their first token at each.
const WAITING: usize = 8;

/// Backends that differ in speed, with requests under way.
#[derive(Debug)]
pub struct Fleet {
    backends: Vec<Health>,
    /// They count as under way for as long as they are here.
    _under_way: Vec<Started>,
    now: Monotonic,
    rng: StdRng,
}

impl Default for Fleet {
    fn default() -> Self {
        let mut rng = StdRng::seed_from_u64(1);
        let mut under_way = Vec::new();
        let at = |millis: u64| Monotonic::since_epoch(Duration::from_millis(millis));
        let backends = (0..BACKENDS).map(|place| {
            let mut health = Health::default();
            let speed = 300 + 40 * place as u64;
            for round in 0..50 {
                let sent = 200 * round;
                let Ok(mut started) = health.start(at(sent), &ask(), Some(Removed::Unproven)) else { continue };
                health.first_token(at(sent + speed), &mut started);
                health.pace(at(sent + speed), &started, 0.02);
                health.end(at(sent + 2 * speed), started, Outcome::Success { output_tokens: 0 }, &mut rng);
            }
            under_way.extend((0..WAITING).filter_map(|_| health.start(at(11_000), &ask(), Some(Removed::Unproven)).ok()));
            health
        });
        let backends = backends.collect();
        // Some have waited longer than was predicted, so that this is looked at too.
        Self { backends, _under_way: under_way, now: at(11_600), rng }
    }
}

fn ask() -> Ask {
    Ask { prompt_tokens: 800.0, output_tokens: 150.0, ..Ask::default() }
}

/// Looks at all backends and chooses one.
pub fn decide(fleet: &mut Fleet) -> Option<Choice<usize>> {
    let (ask, now) = (ask(), fleet.now);
    let candidate = |(target, health): (usize, &Health)| Candidate { target, tier: 0, outlook: health.outlook(now, &ask) };
    let candidates: SmallVec<[Candidate<usize>; BACKENDS]> = fleet.backends.iter().enumerate().map(candidate).collect();
    choose(&candidates, Turn::First, &mut fleet.rng)
}
