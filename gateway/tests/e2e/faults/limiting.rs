//! Upstreams that have had enough.

use std::time::{Duration, SystemTime};

use super::{assert_sound, in_turn, side_by_side, skip};
use crate::support::{
    ANSWER, FaultServer, Gateway, SAID, Step, chat, cloud,
    fault_server::{answer, said},
};

fn too_many(retry_after: &str) -> Vec<Step> {
    answer(
        429,
        &format!("content-type: application/json\r\nretry-after: {retry_after}\r\n"),
        r#"{"error":{"message":"slow down"}}"#,
    )
}

fn in_seconds(seconds: u64) -> String {
    httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(seconds))
}

#[tokio::test]
async fn row_08_a_rate_limit_in_every_spelling_is_obeyed_and_others_take_over() {
    for (spelling, shorter, longer) in [
        ("60".to_owned(), 30, 37),
        (in_seconds(60), 25, 42),
        // Capped: after five minutes it is asked again.
        ("99999999".to_owned(), 200, 131),
        ("Fri, 31 Dec 9999 23:59:59 GMT".to_owned(), 200, 131),
    ] {
        let a = {
            let refusal = too_many(&spelling);
            FaultServer::start(move |number| if number == 0 { refusal.clone() } else { said() }).await
        };
        let b = cloud([]).await;
        let gateway = Gateway::start(&in_turn([a.base_url(), b.base_url()])).await;
        for _ in 0..3 {
            assert_eq!(gateway.ask(&chat()).await.content(), ANSWER, "{spelling}");
        }
        skip(Duration::from_secs(shorter)).await;
        assert_eq!(gateway.ask(&chat()).await.content(), ANSWER, "{spelling}");
        assert_eq!(a.requests(), 1, "{spelling}");
        skip(Duration::from_secs(longer)).await;
        assert_eq!(gateway.ask(&chat()).await.content(), SAID, "{spelling}");
        assert_eq!((a.requests(), b.requests().len()), (2, 4), "{spelling}");
        assert_sound(gateway, 5).await;
    }
}

#[tokio::test]
async fn row_08_where_all_are_limited_the_client_learns_the_shortest_wait() {
    for (of_a, of_b, most) in [("120", "60", 60), (&*in_seconds(3600), "90", 90), ("99999999", "99999999", 300)] {
        let (a, b) = (FaultServer::always(too_many(of_a)).await, FaultServer::always(too_many(of_b)).await);
        let gateway = Gateway::start(&in_turn([a.base_url(), b.base_url()])).await;
        for turn in ["asked", "known"] {
            let case = format!("{of_a}, {of_b}, {turn}");
            let answer = gateway.ask(&chat()).await;
            assert_eq!(answer.refusal(), (429, "rate_limit_exceeded".to_owned()), "{case}");
            let wait: u64 = answer.header("retry-after").parse().unwrap();
            // What is known beforehand includes the jitter of a tenth.
            assert!((1..=most + most / 10).contains(&wait), "{case}: {wait}");
        }
        assert_eq!((a.requests(), b.requests()), (1, 1), "{of_a}, {of_b}");
        assert_sound(gateway, 2).await;
    }
}

#[tokio::test]
async fn row_09_a_backend_that_refuses_at_once_attracts_nobody() {
    const REQUESTS: usize = 200;
    let a = FaultServer::always(answer(429, "", "")).await;
    let (b, c) = (FaultServer::always(said()).await, FaultServer::always(said()).await);
    let gateway = Gateway::start(&side_by_side([a.base_url(), b.base_url(), c.base_url()])).await;
    for _ in 0..REQUESTS {
        assert_eq!(gateway.ask(&chat()).await.content(), SAID);
    }
    assert!(a.requests() < REQUESTS / 20, "{}", a.requests());
    assert_eq!(b.requests() + c.requests(), REQUESTS);
    assert_sound(gateway, REQUESTS).await;
}
