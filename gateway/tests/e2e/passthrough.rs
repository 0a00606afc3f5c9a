//! Where client and upstream speak the same dialect, bytes pass through: the model's name and the credential are exchanged,
//! and nothing else.

use http_body_util::Full;
use serde_json::json;
use tradewind_cloudsim::{Gate, Reply};

use crate::support::{ANSWER, Answer, Canned, End, Events, Gateway, Http, Multiplexed, Policy, chat, cloud, streamed};

#[tokio::test]
async fn the_upstream_gets_the_clients_bytes_with_its_own_model_name_and_credential() {
    let sim = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
    let body = r#" { "temperature" : 0.50,"messages":[ {"role":"user","content":"na\u00efve \"model\":\"chat\""}], "model" : "chat" ,"n":1 } "#;
    for (number, http) in [Http::One, Http::Two].into_iter().enumerate() {
        let request = gateway.request("POST", "/v1/chat/completions?debug=1");
        let request = request.header("cookie", "secret").header("x-custom", "1").header("user-agent", "me");
        let request = request.header("openai-organization", "org-1").body(Full::from(body)).unwrap();
        let answer = Answer::of(gateway.client.speaking(http).send(request).await).await;
        assert_eq!((answer.status.as_u16(), answer.content().as_str()), (200, ANSWER));

        let received = sim.request(number).await;
        assert_eq!(received.path, "/v1/chat/completions");
        assert_eq!(received.body, body.replace(r#": "chat" ,"#, r#": "sim-chat" ,"#));
        assert_eq!(received.header("authorization"), Some("Bearer sk-sim"));
        let mut names: Vec<_> = received.headers.keys().map(|name| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "authorization", "content-length", "content-type", "host", "user-agent"]);
        assert!(received.header("user-agent").unwrap().starts_with("tradewind/"));
    }
}

#[tokio::test]
async fn a_whole_answer_passes_unchanged() {
    let body = "{\"id\":\"1\",  \"odd\" : 1.50,\n\"choices\":[]}\n";
    let upstream = Canned::start("application/json", body).await;
    let gateway = Gateway::start(&Policy::in_turn([upstream.base_url()])).await;
    assert_eq!(gateway.ask(&chat()).await.body, body);
}

#[tokio::test]
async fn a_stream_passes_unchanged_in_whatever_way_it_is_written() {
    let body = ": hello\n\nevent: message\r\nid: 1\r\ndata:{\"choices\":[]}\r\n\r\n: ping\n\ndata: {\"x\":\ndata: 1}\n\ndata: [DONE]\n\n";
    let upstream = Canned::events(body).await;
    let gateway = Gateway::start(&Policy::in_turn([upstream.base_url()])).await;
    assert_eq!(Answer::of(gateway.client.send(gateway.chat(&streamed())).await).await.body, body);
}

#[tokio::test]
async fn embeddings_pass() {
    let sim = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
    let body = json!({ "model": "embed", "input": ["wind", "rain"], "encoding_format": "base64" });
    let request = gateway.request("POST", "/v1/embeddings").body(Full::from(body.to_string())).unwrap();
    let answer = Answer::of(gateway.client.send(request).await).await.json();
    assert_eq!(answer["data"].as_array().unwrap().len(), 2);
    assert!(answer["data"][1]["embedding"].is_string());
    assert_eq!(sim.request(0).await.json()["model"], "sim-embed");
}

#[tokio::test]
async fn each_event_reaches_the_client_before_the_next_one_is_sent() {
    for http in [Http::One, Http::Two] {
        let gate = Gate::closed();
        let sim = cloud([Reply::Gated(gate.clone())]).await;
        let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
        // The head waits for the first content, which follows the role.
        gate.pass(2);
        let mut events = Events::of(gateway.client.speaking(http).send(gateway.chat(&streamed())).await);
        assert_eq!(events.headers["cache-control"], "no-cache");
        let mut data = vec![events.next().await.unwrap()];
        while let Some(event) = {
            gate.pass(1);
            events.next().await
        } {
            data.push(event);
        }
        assert_eq!(data.pop().unwrap(), "[DONE]", "{http:?}");
        let content = |event: &String| {
            let event: serde_json::Value = serde_json::from_str(event).unwrap();
            event["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned()
        };
        assert_eq!(data.iter().map(content).collect::<String>(), ANSWER, "{http:?}");
    }
}

#[tokio::test]
async fn one_connection_to_an_upstream_serves_one_request_after_the_other() {
    let sim = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
    for _ in 0..3 {
        assert_eq!(gateway.ask(&chat()).await.content(), ANSWER);
        assert_eq!(gateway.stream(&streamed()).await.rest().await.last().unwrap(), "[DONE]");
    }
    assert_eq!((sim.requests().len(), sim.connections()), (6, 1));
}

#[tokio::test]
async fn streams_share_one_connection_to_an_upstream_that_speaks_http_2() {
    let upstream = Multiplexed::start(3, End::Done).await;
    let gateway = Gateway::start(&Policy::in_turn([upstream.base_url()]).first_has("http = \"h2\"")).await;
    let body = streamed();
    let ask = async || gateway.stream(&body).await.rest().await;
    // None is answered before all have arrived.
    let (one, two, three) = tokio::join!(ask(), ask(), ask());
    for events in [one, two, three] {
        assert_eq!((events.len(), events.last().unwrap().as_str()), (3, "[DONE]"));
    }
    assert_eq!(upstream.connections(), 1);
}
