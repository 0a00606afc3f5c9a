//! Upstreams that have had enough.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{sync::Semaphore, task::JoinSet};

use super::{assert_sound, in_turn, side_by_side, skip};
use crate::support::{
    ANSWER, Answer, FaultServer, Gateway, SAID, Step, chat, cloud,
    fault_server::{answer, said},
    mint, soon,
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

/// The tenant of the tests may make 60 requests a minute, and four at once; the other may do what it likes.
const LIMITED: &str =
    "[tenant.acme]\nallow = [\"*\"]\nlimits = { requests_per_minute = 60, concurrency = 4 }\n[tenant.quiet]\nallow = [\"*\"]";

async fn ask_quietly(gateway: &Gateway) -> Answer {
    let token = mint(gateway.issuer(), "quiet", &["*"], Duration::from_secs(3600));
    let mut request = gateway.chat(&chat());
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    Answer::of(gateway.client.send(request).await).await
}

#[tokio::test]
async fn row_22_a_tenant_at_a_hundred_times_its_quota_is_refused_and_the_others_are_not() {
    const NOISE: usize = 1_000;
    const BURST: usize = 10;
    let a = FaultServer::always(said()).await;
    let gateway = Gateway::start(&in_turn([a.base_url()]).with(LIMITED)).await;
    let mut answered = 0;
    for number in 0..NOISE {
        let answer = gateway.ask(&chat()).await;
        if answer.status == 200 {
            answered += 1;
        } else {
            assert_eq!(answer.refusal(), (429, "tenant_limit_exceeded".to_owned()));
            let wait: u64 = answer.header("retry-after").parse().unwrap();
            assert!((1..=2).contains(&wait), "{wait}");
        }
        if number % 100 == 0 {
            assert_eq!(ask_quietly(&gateway).await.content(), SAID);
        }
    }
    // While the test ran, the quota may have grown by some.
    assert!((BURST..NOISE / 10).contains(&answered), "{answered}");
    // No backend heard of the rest.
    assert_eq!(a.requests(), answered + NOISE / 100);
    let records = assert_sound(gateway, NOISE + NOISE / 100).await;
    let refused: Vec<_> = records.iter().filter(|record| record["status"] == 429).collect();
    assert_eq!(refused.len(), NOISE - answered);
    assert!(refused.iter().all(|record| record["decision"] == "denied" && record["tenant"] == "acme" && record["attempts"] == 0));
}

#[tokio::test]
async fn row_22_a_tenant_with_all_its_requests_under_way_leaves_the_others_their_room() {
    let permits = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&permits);
    // The first four hang; the backend takes no more than five.
    let a = FaultServer::start(
        move |number| {
            if number < 4 { [vec![Step::Await(Arc::clone(&held))], said()].concat() } else { said() }
        },
    )
    .await;
    let gateway = Gateway::start(&in_turn([a.base_url()]).first_has("concurrency = 5").with(LIMITED)).await;
    let mut noise = JoinSet::new();
    for number in 1..=4 {
        let (client, request) = (gateway.client.clone(), gateway.chat(&chat()));
        noise.spawn(async move { Answer::of(client.send(request).await).await });
        a.until(|counts| counts.requests == number).await;
    }
    for _ in 0..20 {
        assert_eq!(gateway.ask(&chat()).await.refusal(), (429, "tenant_limit_exceeded".to_owned()));
        assert_eq!(soon(ask_quietly(&gateway)).await.content(), SAID);
    }
    permits.add_permits(4);
    while let Some(answer) = soon(noise.join_next()).await {
        assert_eq!(answer.unwrap().content(), SAID);
    }
    // Their places are free again.
    assert_eq!(gateway.ask(&chat()).await.content(), SAID);
    assert_sound(gateway, 4 + 20 + 20 + 1).await;
}
