//! Backends that answer with errors: some of the time, all of the time, and all at once.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::Instant;

use super::{assert_sound, in_turn, side_by_side, skip};
use crate::support::{
    ANSWER, FaultServer, Gateway, SAID, Step, chat, cloud,
    fault_server::{answer, said},
};

fn error(status: u16) -> Vec<Step> {
    answer(status, "content-type: application/json\r\n", r#"{"error":{"message":"no"}}"#)
}

#[tokio::test]
async fn row_10_five_errors_eject_a_backend_until_a_probe_succeeds() {
    for status in [500, 503, 529] {
        // Five failures; a rate limit and a failure for the probes; and then all is well.
        let a = FaultServer::start(move |number| match number {
            0..5 | 6 => error(status),
            5 => error(429),
            _ => said(),
        })
        .await;
        let b = cloud([]).await;
        let gateway = Gateway::start(&in_turn([a.base_url(), b.base_url()])).await;
        let mut asked = 0;
        let mut ask = async |times: usize, answer: &str| {
            for _ in 0..times {
                assert_eq!(gateway.ask(&chat()).await.content(), answer, "{status}");
            }
            asked += times;
            a.requests()
        };
        assert_eq!(ask(5, ANSWER).await, 5);
        assert_eq!(ask(8, ANSWER).await, 5, "{status}: five are enough");
        skip(Duration::from_secs(6)).await;
        assert_eq!(ask(5, ANSWER).await, 6, "{status}: one probe, which a rate limit fails");
        skip(Duration::from_secs(5)).await;
        assert_eq!(ask(5, ANSWER).await, 6, "{status}: it is left alone for twice as long");
        skip(Duration::from_secs(7)).await;
        assert_eq!(ask(5, ANSWER).await, 7, "{status}: one probe, which fails again");
        skip(Duration::from_secs(25)).await;
        // It is back, if at first no faster than when it had enough: the others go on at `b`.
        for answers in 1..=3 {
            assert_eq!(ask(1, SAID).await, 7 + answers, "{status}");
            skip(Duration::from_secs(12)).await;
        }
        assert_sound(gateway, asked).await;
    }
}

#[tokio::test]
async fn row_11_a_backend_that_fails_every_other_time_costs_no_client_anything() {
    const REQUESTS: usize = 300;
    let coin = Mutex::new(StdRng::seed_from_u64(11));
    let a = FaultServer::start(move |_| if coin.lock().unwrap().random_bool(0.5) { error(500) } else { said() }).await;
    let b = FaultServer::always(said()).await;
    let gateway = Gateway::start(&side_by_side([a.base_url(), b.base_url()])).await;
    for number in 0..REQUESTS {
        assert_eq!(gateway.ask(&chat()).await.status, 200, "request {number}");
    }
    assert_sound(gateway, REQUESTS).await;
}

#[tokio::test]
async fn row_11_a_backend_that_fails_too_often_is_ejected_though_never_five_times_in_a_row() {
    let a = FaultServer::start(|number| if number % 3 == 2 { said() } else { error(500) }).await;
    let b = FaultServer::always(said()).await;
    let gateway = Gateway::start(&in_turn([a.base_url(), b.base_url()])).await;
    for _ in 0..30 {
        assert_eq!(gateway.ask(&chat()).await.content(), SAID);
    }
    // Ten tell enough; on a slow machine there is time for a probe or two.
    assert!((10..=12).contains(&a.requests()), "{}", a.requests());
    assert_sound(gateway, 30).await;
}

#[tokio::test]
async fn row_12_an_outage_of_all_is_told_without_a_storm_and_its_end_noticed_at_once() {
    const REQUESTS: usize = 400;
    let broken = Arc::new(AtomicBool::new(true));
    let mut servers = Vec::new();
    for _ in 0..3 {
        let broken = Arc::clone(&broken);
        servers.push(FaultServer::start(move |_| if broken.load(Ordering::Relaxed) { error(503) } else { said() }).await);
    }
    let gateway = Gateway::start(&side_by_side(servers.iter().map(FaultServer::base_url))).await;
    let start = Instant::now();
    let mut nobody_home = 0;
    for _ in 0..REQUESTS {
        let answer = gateway.ask(&chat()).await;
        let (status, code) = answer.refusal();
        match status {
            // A backend that was not yet known to be down, or was being probed.
            502 => assert_eq!(code, "upstream_error"),
            _ => {
                assert_eq!((status, code.as_str()), (503, "service_unavailable"));
                assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
                nobody_home += 1;
            }
        }
    }
    assert!(nobody_home > REQUESTS / 2, "{nobody_home}");
    let attempts: usize = servers.iter().map(FaultServer::requests).sum();
    // A fifth more, and ten a second, of which those of ten seconds may come at once.
    let most = 1.2 * REQUESTS as f64 + 10.0 * (10.0 + start.elapsed().as_secs_f64());
    assert!((attempts as f64) <= most, "{attempts} attempts, at most {most}");
    broken.store(false, Ordering::Relaxed);
    assert_eq!(gateway.ask(&chat()).await.content(), SAID);
    assert_sound(gateway, REQUESTS + 1).await;
}
