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
    /// At some backends requests have waited longer than was predicted.
    fn default() -> Self {
        Self::waiting(Duration::from_millis(600))
    }
}

impl Fleet {
    /// The requests have waited for so long.
    pub fn waiting(waited: Duration) -> Self {
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
        let mut this = Self { backends, _under_way: under_way, now: at(11_000) + waited, rng };
        // Random numbers are made in blocks, and a decision takes a small part of one.
        decide(&mut this);
        this
    }
}

fn ask() -> Ask {
    Ask { prompt_tokens: 800.0, output_tokens: 150.0, ..Ask::default() }
}

/// Looks at all backends and chooses one.
pub fn decide(fleet: &mut Fleet) -> Option<Choice<usize>> {
    let (ask, now) = (ask(), fleet.now);
    let mut candidates = SmallVec::<[Candidate<usize>; BACKENDS]>::new();
    for (target, health) in fleet.backends.iter().enumerate() {
        candidates.push(Candidate { target, tier: 0, outlook: health.outlook(now, &ask) });
    }
    choose(&candidates, Turn::First, &mut fleet.rng)
}
