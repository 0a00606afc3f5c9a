//! All that chance decides about a world, drawn before anyone routes in it.
//!
//! Every policy then meets the same requests at the same times, and the same luck with each request on each backend
//! (*common random numbers*): a difference between two policies is a difference between their choices.

use rand::{Rng, RngExt};

use super::arena::{Arena, id};
use super::law::Tokens;
use super::random::{Stream, stream};
use super::scenario::{Backend, BackendId, Burst, Rate, Scenario, Traced, Traffic, burst_bound, burst_factor};

id! {
    /// A request of a workload.
    pub(super) RequestId
}

/// All that chance decides about a world.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    pub(super) requests: Arena<RequestId, Drawn>,
    /// The mean length of the answers.
    pub(super) mean_output: f64,
}

/// A request, and its luck.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    pub(super) at: f64,
    pub(super) prompt: u32,
    pub(super) output: u32,
    /// Which gateway it comes to, from 0 to 1, whatever their number.
    pub(super) gateway: f64,
    pub(super) luck: Arena<BackendId, Luck>,
}

/// What would happen to a request on one backend.
#[derive(Clone, Copy, Debug)]
pub(super) struct Luck {
    /// The factor on the time to the first token.
    pub(super) first_token: f64,
    /// The factor on the time per token.
    pub(super) per_token: f64,
    /// It fails where more than this share fails.
    pub(super) fails: f64,
    /// It hangs where more than this share hangs.
    pub(super) stalls: f64,
    /// Which of the stalls it would get: the seed of that draw, whose law is known only when it is sent.
    pub(super) stall: u64,
    /// It breaks off where more than this share breaks off.
    pub(super) breaks: f64,
    /// After which part of the answer.
    pub(super) breaks_after: f64,
}

impl Workload {
    pub(super) fn draw(scenario: &Scenario, seed: u64) -> Self {
        let traced = match &scenario.traffic {
            Traffic::Traced(requests) => requests.iter().copied().filter(|request| request.at <= scenario.horizon).collect(),
            Traffic::Drawn { rate, bursts, prompt, output } => drawn(rate, bursts, [prompt, output], scenario.horizon, seed),
        };
        let mut gateways = stream(seed, Stream::Gateways);
        let mut luck = scenario.backends.ids().map(|backend| stream(seed, Stream::Backend(backend))).collect::<Vec<_>>();
        let with_luck = |Traced { at, prompt, output }| {
            let luck = scenario.backends.iter().zip(&mut luck).map(|(backend, rng)| Luck::draw(backend, rng)).collect();
            Drawn { at, prompt, output, gateway: gateways.random(), luck }
        };
        let requests: Arena<_, Drawn> = traced.into_iter().map(with_luck).collect();
        let total: f64 = requests.iter().map(|request| f64::from(request.output)).sum();
        Self { mean_output: total / requests.len().max(1) as f64, requests }
    }
}

/// A Poisson process whose rate changes, by thinning (Lewis and Shedler 1979): arrivals at the highest rate, of which
/// those are kept that the rate at their time allows.
fn drawn(rate: &Rate, bursts: &[Burst], [prompt, output]: [&Tokens; 2], horizon: f64, seed: u64) -> Vec<Traced> {
    let mut arrivals = stream(seed, Stream::Arrivals);
    let mut lengths = stream(seed, Stream::Lengths);
    let bound = rate.bound() * burst_bound(bursts);
    let mut requests = Vec::new();
    let mut at = 0.0;
    loop {
        let gap: f64 = arrivals.sample(rand_distr::Exp1);
        at += gap / bound;
        if at > horizon {
            return requests;
        }
        if arrivals.random::<f64>() * bound < rate.at(at) * burst_factor(bursts, at) {
            requests.push(Traced { at, prompt: prompt.draw(&mut lengths), output: output.draw(&mut lengths) });
        }
    }
}

impl Luck {
    fn draw(backend: &Backend, rng: &mut impl Rng) -> Self {
        Self {
            first_token: backend.first_token.noise.draw(rng),
            per_token: backend.per_token.noise.draw(rng),
            fails: rng.random(),
            stalls: rng.random(),
            stall: rng.random(),
            breaks: rng.random(),
            breaks_after: rng.random(),
        }
    }
}
