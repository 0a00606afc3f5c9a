//! A backend that comes back, and all who have waited for it.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Semaphore, task::JoinSet};

use super::{assert_sound, in_turn, skip};
use crate::support::{
    Answer, FaultServer, Gateway, SAID, Step, chat,
    fault_server::{answer, said},
};

/// How many want to be served at once.
const HERD: usize = 20;

#[tokio::test]
async fn row_21_a_backend_that_is_back_is_not_trampled_down() {
    let permits = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&permits);
    let a = FaultServer::start(move |number| {
        if number < 5 { answer(500, "", "") } else { [vec![Step::Await(Arc::clone(&held))], said()].concat() }
    })
    .await;
    let b = FaultServer::always(said()).await;
    let gateway = Gateway::start(&in_turn([a.base_url(), b.base_url()])).await;
    for _ in 0..5 {
        assert_eq!(gateway.ask(&chat()).await.content(), SAID);
    }
    skip(Duration::from_secs(6)).await;

    let mut answered = 0;
    for _ in 0..4 {
        let (before_a, before_b) = (a.requests(), b.requests());
        let mut herd = JoinSet::new();
        for _ in 0..HERD {
            let (client, request) = (gateway.client.clone(), gateway.chat(&chat()));
            herd.spawn(async move { Answer::of(client.send(request).await).await });
        }
        // Those that `b` answers come back; the others are held by `a`, as many as there were answers from it, and one.
        let there = answered + 1;
        for _ in there..HERD {
            let answer = crate::support::soon(herd.join_next()).await.unwrap().unwrap();
            assert_eq!(answer.content(), SAID);
        }
        assert_eq!((a.requests() - before_a, b.requests() - before_b), (there, HERD - there), "after {answered} answers");
        permits.add_permits(there);
        while let Some(answer) = crate::support::soon(herd.join_next()).await {
            assert_eq!(answer.unwrap().content(), SAID);
        }
        answered += there;
    }
    assert_sound(gateway, 5 + 4 * HERD).await;
}
