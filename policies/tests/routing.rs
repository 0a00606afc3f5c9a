//! What a policy says of choosing among backends, and of keeping an eye on them.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a helper that panics fails its test")]

use std::time::Duration;

use tradewind_policies::spec::{
    BackendSpec, Concurrency, Consumption, Drained, Haste, Midstream, NanoUsd, Objective, Origin, Poll, Pricing, Routing,
};
use tradewind_policies::{Caller, Eligible, Operation, Policy, Request, SourceFile};
use tradewind_protocol::Usage;

const SERVERS: &str = include_str!("../examples/servers.toml");
const CLOUDS: &str = include_str!("../examples/clouds.toml");

fn parse(text: &str) -> Policy {
    Policy::parse(&[SourceFile::new("policy.toml", text)]).unwrap_or_else(|errors| panic!("{errors}"))
}

fn backend(policy: &Policy, name: &str) -> BackendSpec {
    policy.backends().iter().find(|backend| backend.name.as_str() == name).unwrap().clone()
}

fn eligible<'p>(policy: &'p Policy, model: &str, operation: Operation) -> Eligible<'p> {
    policy.eligible(&Request::new(Caller::of(&"anyone".parse().unwrap()), model, operation)).unwrap()
}

/// A policy of one backend and one route, with these keys in `[defaults]` and in the route.
fn one_route(defaults: &str, route: &str) -> Policy {
    parse(&format!(
        "version = 1\n[defaults]\n{defaults}\n[backend.a]\nprovider = \"vllm\"\nbase_url = \"http://a.internal/v1\"\nmodels.chat = {{}}\n\
         [[route]]\nname = \"chat\"\nmatch = {{ model = \"chat\" }}\ntiers = [[\"a\"]]\n{route}\n"
    ))
}

fn routing(defaults: &str, route: &str) -> Routing {
    *eligible(&one_route(defaults, route), "chat", Operation::Chat).routing
}

fn share(share: Option<tradewind_policies::spec::Share>) -> Option<String> {
    share.map(|share| share.to_string())
}

fn page(poll: Option<Poll>) -> Option<(String, Duration)> {
    poll.map(|poll| (poll.path.to_string(), poll.every))
}

#[test]
fn what_nobody_sets_has_a_default() {
    let routing = routing("", "");
    assert_eq!(routing, Routing::default());
    assert_eq!((routing.objective, routing.midstream), (Objective::Completion, Midstream::Error));
    assert_eq!((routing.seconds_per_dollar, routing.max_attempts.get()), (None, 3));
    assert_eq!((share(routing.hedge_budget), share(Some(routing.retry_budget))), (Some("5%".into()), Some("20%".into())));
}

#[test]
fn a_route_goes_above_the_defaults_key_by_key() {
    let policy = parse(SERVERS);
    let chat = eligible(&policy, "chat", Operation::Chat).routing;
    assert_eq!((chat.objective, chat.midstream, chat.max_attempts.get()), (Objective::FirstToken, Midstream::Continue, 3));
    assert_eq!(chat.seconds_per_dollar, Some(50.0), "half a second a cent");
    let embed = eligible(&policy, "embed", Operation::Embeddings).routing;
    assert_eq!((embed.objective, embed.midstream, embed.hedge_budget), (Objective::Completion, Midstream::Error, None));
    let changed = routing("retry = { max_attempts = 2, budget = \"10%\" }", "retry = { budget = \"30%\" }");
    assert_eq!((changed.max_attempts.get(), share(Some(changed.retry_budget))), (2, Some("30%".into())));
}

#[test]
fn a_route_can_take_back_what_the_defaults_ask_for() {
    let defaults = "one_cent_buys = \"1s\"\nhedge = { budget = \"10%\" }\ntimeouts = { tokens_per_second = 2 }";
    let kept = one_route(defaults, "");
    let kept = eligible(&kept, "chat", Operation::Chat);
    assert_eq!((kept.routing.seconds_per_dollar, share(kept.routing.hedge_budget)), (Some(100.0), Some("10%".into())));
    assert_eq!(kept.targets().next().unwrap().timeouts.tokens_per_second.map(|rate| rate.get()), Some(2.0));
    let freed = one_route(defaults, "one_cent_buys = false\nhedge = false\ntimeouts = { tokens_per_second = 0 }");
    let freed = eligible(&freed, "chat", Operation::Chat);
    assert_eq!((freed.routing.seconds_per_dollar, freed.routing.hedge_budget), (None, None));
    assert_eq!(freed.targets().next().unwrap().timeouts.tokens_per_second, None);
}

#[test]
fn a_budget_of_nothing_is_no_hedging_and_an_empty_table_is_the_usual_one() {
    assert_eq!(routing("", "hedge = { budget = \"0%\" }").hedge_budget, None);
    assert_eq!(routing("hedge = false", "hedge = {}").hedge_budget, Routing::default().hedge_budget);
}

#[test]
fn the_number_of_attempts_may_stand_in_retry_or_beside_it() {
    for (defaults, route, attempts) in [
        ("max_attempts = 2", "", 2),
        ("retry = { max_attempts = 2 }", "", 2),
        ("max_attempts = 2", "retry = { max_attempts = 4 }", 4),
        ("retry = { max_attempts = 2 }", "max_attempts = 4", 4),
    ] {
        assert_eq!(routing(defaults, route).max_attempts.get(), attempts, "{defaults} / {route}");
    }
}

#[test]
fn a_target_knows_its_failure_domain_its_price_and_its_weights() {
    let policy = parse(SERVERS);
    let tier: Vec<_> = eligible(&policy, "chat", Operation::Chat).targets().filter(|target| target.tier == 0).collect();
    let domains: Vec<_> = tier.iter().map(|target| target.failure_domain.as_str()).collect();
    assert_eq!(domains, ["hall-a", "hall-b", "hall-b", "openai"]);
    assert_eq!(tier[0].weights, tier[1].weights);
    assert_eq!(tier[0].weights.as_ref().unwrap().as_str(), "meta-llama/Llama-3.1-8B-Instruct");
    assert_eq!((tier[0].price.clone(), tier[3].weights.clone()), (None, None));
    // 1000 fresh tokens at 150 and 1000 cached ones at 75 billionths of a dollar, and 100 written ones at 600.
    let usage = Usage { cached_tokens: 1000, ..Usage::new(2000, 100) };
    assert_eq!(tier[3].price.as_ref().unwrap().of(usage), NanoUsd(150_000 + 75_000 + 60_000));
}

#[test]
fn input_from_a_cache_costs_what_other_input_does_unless_it_has_a_price() {
    let policy = parse(SERVERS);
    let price = eligible(&policy, "embed", Operation::Embeddings).targets().next().unwrap().price.clone().unwrap();
    assert_eq!(price.of(Usage { cached_tokens: 500, ..Usage::new(1000, 0) }), NanoUsd(20_000));
}

/// The price of the only model of a backend with these keys.
fn price(backend: &str, model: &str) -> Pricing {
    let policy = parse(&format!(
        "version = 1\n[backend.a]\nprovider = \"vllm\"\nbase_url = \"http://a.internal/v1\"\n{backend}\nmodels.chat = {{ {model} }}\n"
    ));
    policy.backends().iter().flat_map(|backend| &backend.models).map(|model| model.price.clone()).next().unwrap()
}

#[test]
fn what_is_not_priced_of_a_kind_of_token_costs_what_its_direction_does() {
    let all = "price = { in = 1, out = 10, cached_in = 0.1, cache_write = 1.25, reasoning = 20, per_request = 0.001, \
               per_second = 0.01, batch_discount = \"50%\", above = [{ prompt = 1000, in = 2, out = 15 }] }";
    let price = price("", all).known().unwrap().clone();
    let usage = Usage { cached_tokens: 100, cache_write_tokens: 200, reasoning_tokens: 4, ..Usage::new(1000, 10) };
    let tokens = 700 * 1_000 + 100 * 100 + 200 * 1_250 + 6 * 10_000 + 4 * 20_000;
    assert_eq!(price.of(usage), NanoUsd(tokens + 1_000_000));
    let batch = Consumption { took: Duration::from_secs(2), haste: Haste::Batch, ..usage.into() };
    assert_eq!(price.of(batch), NanoUsd(tokens / 2 + 1_000_000 + 20_000_000));
    let long = Usage { prompt_tokens: 1001, ..usage };
    assert_eq!(
        price.of(long),
        NanoUsd(1001 * 2_000 + 10 * 15_000 + 1_000_000),
        "other rates, and what they leave out is as theirs"
    );
}

#[test]
fn a_server_that_is_paid_by_the_hour_has_a_price_without_prices_of_tokens() {
    let hour = Consumption { share: Duration::from_secs(3600), answer_bytes: 1_000_000_000, ..Consumption::default() };
    let server = price("cost = { per_hour = 2.10, egress_per_gb = 0.09 }", "");
    let Pricing::Known { price: paid, origin: Origin::Server } = server else { panic!("{server:?}") };
    assert_eq!(paid.of(hour), NanoUsd(2_190_000_000));
    let both = price("cost = { per_hour = 2.10 }", "price = { in = 1, out = 1 }");
    let Pricing::Known { price: both, origin: Origin::Policy } = both else { panic!("{both:?}") };
    assert_eq!(both.of(Consumption { usage: Usage::new(1000, 0), ..hour }), NanoUsd(2_100_000_000 + 1_000_000));
    assert_eq!(price("cost = { egress_per_gb = 0.09 }", ""), Pricing::Unknown, "nobody says what its tokens cost");
    assert_eq!(price("cost = { per_hour = 2.10 }", "price = false"), Pricing::Off);
}

#[test]
fn servers_are_watched_where_they_tell_how_they_are_and_clouds_are_not() {
    let policy = parse(CLOUDS);
    let (probed, scraped) = (Duration::from_secs(5), Duration::from_millis(500));
    for (name, probe, metrics) in [
        ("sglang", "/health", Some("/metrics")),
        ("tgi", "/health", Some("/metrics")),
        ("tei", "/health", Some("/metrics")),
        ("nim", "/v1/health/ready", Some("/v1/metrics")),
        ("ray-serve", "/-/healthz", None),
        ("ollama", "/", None),
    ] {
        let server = backend(&policy, name);
        assert_eq!(page(server.probe), Some((probe.into(), probed)), "{name}");
        assert_eq!(page(server.metrics), metrics.map(|path| (path.into(), scraped)), "{name}");
        assert_eq!(server.concurrency, Concurrency::Adaptive, "{name}");
    }
    let vllm = backend(&policy, "vllm");
    assert_eq!(page(vllm.metrics), Some(("/metrics".into(), Duration::from_secs(1))), "what is not written stays usual");
    for name in ["openai", "bedrock", "azure", "vertex", "sagemaker-openai", "databricks", "cohere", "local"] {
        let cloud = backend(&policy, name);
        assert_eq!((cloud.probe, cloud.metrics, cloud.concurrency), (None, None, Concurrency::Unlimited), "{name}");
    }
}

#[test]
fn a_backend_fails_alone_and_takes_requests_unless_the_policy_says_otherwise() {
    let (clouds, servers) = (parse(CLOUDS), parse(SERVERS));
    let openai = backend(&clouds, "openai");
    assert_eq!((openai.failure_domain.as_str(), &openai.drained), ("openai", &Drained::Never));
    assert!(backend(&servers, "tgi").drained.is_always());
    let Concurrency::AtMost(most) = backend(&servers, "vllm-b").concurrency else {
        panic!("`concurrency` is a number");
    };
    assert_eq!((most.get(), backend(&servers, "vllm-b").metrics), (64, None));
}

#[test]
fn what_does_not_change_how_a_model_answers_leaves_it_the_same_deployment() {
    let model = |line: &str| {
        let policy = parse(&format!("version = 1\n[backend.a]\nprovider = \"openai\"\nmodels.chat = {line}\n"));
        policy.backends()[0].models[0].clone()
    };
    let plain = model("{}");
    assert!(plain.is_same_deployment(&model("{ price = { in = 1, out = 2 }, weights = \"llama\" }")));
    for other in ["{ name = \"gpt-4o\" }", "{ operations = [\"chat\"] }", "{ capabilities = { tools = false } }"] {
        assert!(!plain.is_same_deployment(&model(other)), "{other}");
    }
}
