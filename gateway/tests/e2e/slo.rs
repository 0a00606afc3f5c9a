//! What is in time for the least money gets the traffic: the cheap backend while it is quick, the dear one once it is not.

use std::{cell::Cell, sync::Arc, time::Duration};

use tokio::sync::Semaphore;

use crate::support::{FaultServer, Gateway, Setup, Step, fault_server::streamed_answer, skip, streamed};

/// The first token is to come within this for nine requests in ten.
const WANTED: &str = "slo = { ttft_p90 = \"2s\" }";
/// How long the cheap backend takes for it, by the clock that the gateway measures with: nobody waits for so long.
const QUICK: Duration = Duration::from_millis(400);
/// The same, once it is slow.
const SLOW: Duration = Duration::from_secs(6);

/// A gateway with a cheap backend, which can become slow, and one that costs ten times as much.
struct Pair {
    gateway: Gateway,
    cheap: FaultServer,
    _dear: FaultServer,
    /// How long the cheap one takes.
    takes: Cell<Duration>,
    gate: Arc<Semaphore>,
}

impl Pair {
    /// With these defaults, and the backends in these tiers.
    async fn start(defaults: &str, tiers: &str) -> Self {
        let gate = Arc::new(Semaphore::new(0));
        let waited_for = Arc::clone(&gate);
        let cheap = FaultServer::start(move |_| {
            let waits = Step::Await(Arc::clone(&waited_for));
            std::iter::once(waits).chain(streamed_answer()).collect()
        })
        .await;
        let dear = FaultServer::always(streamed_answer()).await;
        let backend = |name: &str, url: String, dollars: u32| {
            format!(
                "[backend.{name}]\nprovider = \"vllm\"\nbase_url = \"{url}\"\nprobe = false\nmetrics = false\n\
                 models.chat = {{ price = {{ in = {dollars}, out = {dollars} }} }}\n"
            )
        };
        let route = format!("[[route]]\nname = \"all\"\nmatch = {{ model = \"chat\" }}\ntiers = {tiers}\n");
        let backends = backend("cheap", cheap.base_url(), 1) + &backend("dear", dear.base_url(), 10);
        let policy = format!("version = 1\n[defaults]\nhedge = false\n{WANTED}\n{defaults}\n{backends}{route}");
        Self { gateway: Setup::of_text(&policy).start().await, cheap, _dear: dear, takes: Cell::new(QUICK), gate }
    }

    async fn ask(&self) {
        let before = self.cheap.requests();
        let asked = async { assert_eq!(self.gateway.stream(&streamed()).await.rest().await.last().unwrap(), "[DONE]") };
        let passes = async {
            self.cheap.until(|seen| seen.requests > before).await;
            skip(self.takes.get()).await;
            self.gate.add_permits(1);
        };
        tokio::pin!(asked);
        tokio::select! {
            () = &mut asked => {}
            () = passes => asked.await,
        }
    }

    /// The share of so many requests that the cheap one got.
    async fn share_of_cheap(&self, requests: usize) -> f64 {
        let before = self.cheap.requests();
        for _ in 0..requests {
            self.ask().await;
        }
        (self.cheap.requests() - before) as f64 / requests as f64
    }

    /// The cheap one gets the traffic, becomes slow, and gets it no more.
    async fn is_left_once_it_is_slow(&self) {
        let share = self.share_of_cheap(40).await;
        assert!(share > 0.75, "{share}");
        self.takes.set(SLOW);
        // That it is slow has to be learnt.
        self.share_of_cheap(20).await;
        let share = self.share_of_cheap(40).await;
        assert!(share < 0.25, "{share}");
    }
}

#[tokio::test]
async fn the_cheapest_in_time_gets_the_traffic_and_another_one_once_it_is_slow() {
    let pair = Pair::start("objective = \"cheapest-within-slo\"", "[[\"cheap\", \"dear\"]]").await;
    pair.is_left_once_it_is_slow().await;
    assert!(pair.gateway.metric("tradewind_spills_total", &[]).await.abs() < 1e-9, "nobody leaves a tier");
}

#[tokio::test]
async fn a_tier_that_is_not_in_time_spills_to_the_next() {
    let pair = Pair::start("spill = \"slo\"", "[[\"cheap\"], [\"dear\"]]").await;
    pair.is_left_once_it_is_slow().await;
    let spilled = pair.gateway.metric("tradewind_spills_total", &["backend=\"dear\""]).await;
    assert!(spilled > 30.0, "{spilled}");
}

#[tokio::test]
async fn a_slow_tier_keeps_its_requests_where_nothing_says_that_it_spills() {
    let pair = Pair::start("", "[[\"cheap\"], [\"dear\"]]").await;
    pair.takes.set(SLOW);
    let share = pair.share_of_cheap(10).await;
    assert!(share > 0.75, "{share}");
}
