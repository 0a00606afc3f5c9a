//! Whose a token is by its claims, and which route a request takes by claims, headers and expressions.

use std::{path::Path, time::Duration};

use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use tradewind::auth::{DevClaims, SystemClock};
use tradewind_cloudsim::Sim;

use crate::support::{Answer, Gateway, Setup, chat, cloud};

/// Backends that serve one model each say who was asked: `a`, `b` and `c`, all by the name of `chat`.
struct Behind {
    sims: [Sim; 3],
    gateway: Gateway,
}

impl Behind {
    /// A gateway with these tenants and routes above three backends.
    async fn start(rest: &str) -> Self {
        let sims = [cloud([]).await, cloud([]).await, cloud([]).await];
        let text = |key: &Path| {
            let backends = ["a", "b", "c"].iter().zip(&sims).map(|(name, sim)| {
                let (url, key) = (sim.base_url(), key.display());
                format!(
                    "[backend.{name}]\nprovider = \"openai\"\nbase_url = \"{url}\"\nsecret = \"file:{key}\"\n\
                     models.chat = {{ name = \"sim-chat\" }}\n"
                )
            });
            format!("version = 1\n{}{rest}", backends.collect::<String>())
        };
        let gateway = Setup::of_text_with(text).start().await;
        Self { sims, gateway }
    }

    /// A request with a token of `tenant` for `subject`.
    fn request(&self, tenant: &str, subject: &str, body: &Value) -> Request<Full<bytes::Bytes>> {
        let claims = DevClaims {
            tenant: tenant.parse().unwrap(),
            models: vec!["*".to_owned()],
            subject: subject.to_owned(),
            lifetime: Duration::from_secs(3600),
        };
        let token = self.gateway.issuer().mint(&claims, &SystemClock).unwrap();
        let mut request = self.gateway.chat(body);
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        request
    }

    async fn send(&self, request: Request<Full<bytes::Bytes>>) -> Answer {
        Answer::of(self.gateway.client.send(request).await).await
    }

    /// How many requests each backend got.
    fn counts(&self) -> [usize; 3] {
        self.sims.each_ref().map(|sim| sim.requests().len())
    }
}

fn route(name: &str, conditions: &str, backend: &str) -> String {
    format!("[[route]]\nname = \"{name}\"\nmatch = {{ model = \"chat\"{conditions} }}\ntiers = [[\"{backend}\"]]\n")
}

#[tokio::test]
async fn a_token_is_its_tenant_s_by_its_claims_whatever_it_names() {
    let tenants = "[tenant.robots]\nallow = [\"*\"]\nwho = { claims = { sub = [\"robot-*\"] } }\n\
                   [tenant.night]\nallow = [\"*\"]\nwho = { claims = { sub = [\"*-nightly\"], iss = [\"tradewind-dev\"] } }\n\
                   [tenant.acme]\nallow = [\"*\"]\n";
    let routes = [route("robots", ", tenant = [\"robots\"]", "a"), route("others", "", "b")].concat();
    let behind = Behind::start(&format!("{tenants}{routes}")).await;
    let mut seen = Vec::new();
    for (named, subject, expected) in [
        // Known by its claims, whatever it names; and by its name where no claims are asked for.
        ("acme", "robot-1", Ok("robots")),
        ("robots", "robot-1", Ok("robots")),
        ("acme", "report-nightly", Ok("night")),
        ("acme", "tester", Ok("acme")),
        ("acme", "robot-nightly", Err("ambiguous_tenant")),
        ("robots", "tester", Err("misnamed_tenant")),
    ] {
        let answer = behind.send(behind.request(named, subject, &chat())).await;
        match expected {
            Ok(_) => assert_eq!(answer.status, 200, "{named} {subject}"),
            Err(_) => assert_eq!(answer.refusal(), (401, "invalid_api_key".to_owned()), "{named} {subject}"),
        }
        seen.push((answer.status.as_u16(), expected));
    }
    let stranger = behind.send(behind.request("nobody", "tester", &chat())).await;
    assert_eq!(stranger.refusal(), (403, "model_not_allowed".to_owned()));
    assert_eq!(behind.counts(), [2, 2, 0]);

    let records = behind.gateway.stop().await;
    assert_eq!(records.len(), seen.len() + 1);
    for (record, (status, expected)) in records.iter().zip(seen) {
        let (tenant, reason) = match expected {
            Ok(tenant) => (json!(tenant), Value::Null),
            Err(reason) => (Value::Null, json!(reason)),
        };
        assert_eq!((&record["status"], &record["tenant"], &record["reason"]), (&json!(status), &tenant, &reason), "{record}");
    }
    let stranger = records.last().unwrap();
    assert_eq!((&stranger["tenant"], &stranger["reason"]), (&json!("nobody"), &json!("model_not_allowed")));
}

#[tokio::test]
async fn an_expression_chooses_by_claims_and_by_the_length_of_the_prompt() {
    let routes = [
        route("robots", ", when = \"'robot-1' in claims.sub\"", "a"),
        route("long", ", when = \"prompt_tokens > 1000\"", "b"),
        route("rest", "", "c"),
    ];
    let behind = Behind::start(&routes.concat()).await;
    let mut long = chat();
    long["messages"][0]["content"] = "Where does the wind blow from? ".repeat(300).into();
    for (subject, body, counts) in [
        ("tester", &chat(), [0, 0, 1]),
        ("tester", &long, [0, 1, 1]),
        ("robot-1", &long, [1, 1, 1]),
        ("robot-1", &chat(), [2, 1, 1]),
        ("robot-2", &chat(), [2, 1, 2]),
    ] {
        assert_eq!(behind.send(behind.request("acme", subject, body)).await.status, 200);
        assert_eq!(behind.counts(), counts, "{subject}");
    }
}

#[tokio::test]
async fn an_expression_that_comes_to_nothing_refuses_the_request_and_no_later_route_is_asked() {
    let routes = [route("gold", ", when = \"claims.plan[0] == 'gold'\"", "a"), route("rest", "", "b")].concat();
    let behind = Behind::start(&routes).await;
    let refused = behind.send(behind.request("acme", "tester", &chat())).await;
    assert_eq!(refused.refusal(), (403, "no_eligible_backend".to_owned()));
    assert_eq!(behind.counts(), [0, 0, 0]);
    let record = behind.gateway.stop_after_one().await;
    assert_eq!((&record["decision"], &record["reason"]), (&json!("denied"), &json!("route_undecided")));
}

#[tokio::test]
async fn a_header_leads_to_its_route_in_one_of_several_values_and_a_credential_is_none() {
    let routes = [route("red", ", headers = { x-team = [\"red\", \"rose-*\"] }", "a"), route("rest", "", "b")].concat();
    let behind = Behind::start(&routes).await;
    for (headers, counts) in [
        (&[][..], [0, 1, 0]),
        (&["red"], [1, 1, 0]),
        (&["blue"], [1, 2, 0]),
        (&["blue", "rose-garden"], [2, 2, 0]),
        (&["Red"], [2, 3, 0]),
    ] {
        let mut request = behind.request("acme", "tester", &chat());
        for value in headers {
            request.headers_mut().append("X-Team", value.parse().unwrap());
        }
        assert_eq!(behind.send(request).await.status, 200, "{headers:?}");
        assert_eq!(behind.counts(), counts, "{headers:?}");
    }
    // What routes look at is the gateway's affair: no backend gets it.
    let got = &behind.sims[0].requests()[0];
    assert!(!format!("{got:?}").contains("x-team"), "{got:?}");
}
