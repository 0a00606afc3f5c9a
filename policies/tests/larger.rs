//! Requests that are too long for their route go on to the larger model that it names, and leave nothing behind that the route requires.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a helper that panics fails its test")]

use tradewind_policies::{Attributes, Caller, Grants, Needs, NoRoute, Operation, Policy, Request, SourceFile, Stage, TenantId};

const BACKENDS: &str = r#"
version = 1
[backend.here]
provider = "vllm"
base_url = "http://here/v1"
jurisdictions = ["DE"]
models.small = { price = { in = 1, out = 1 }, capabilities = { context = 1000 } }
models.middle = { price = { in = 2, out = 2 }, capabilities = { context = 4000 } }
models.large = { price = { in = 100, out = 100 }, capabilities = { context = 16000 } }
[backend.there]
provider = "vllm"
base_url = "http://there/v1"
jurisdictions = ["US"]
models.large = { price = { in = 10, out = 10 }, capabilities = { context = 64000 } }
[alias]
long = "large"
"#;

const ROUTES: &str = r#"
[[route]]
name = "small"
match = { model = "small" }
tiers = [["here"]]
larger = "middle"
[[route]]
name = "middle"
match = { model = "middle" }
tiers = [["here"]]
larger = "long"
[[route]]
name = "large"
match = { model = "large" }
tiers = [["there", "here"]]
"#;

fn parsed(routes: &str) -> Policy {
    let text = format!("{BACKENDS}{routes}");
    Policy::parse(&[SourceFile::new("policy.toml", text)]).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The route that a prompt of so many tokens takes, and its backends.
fn taken(policy: &Policy, who: &TenantId, models: Option<&Grants>, prompt_tokens: u64) -> (String, Vec<String>) {
    let caller = Caller { models, ..Caller::of(who) };
    let needs = Needs { prompt_tokens, ..Needs::default() };
    let request = Request { needs, ..Request::new(caller, "small", Operation::Chat) };
    let eligible = policy.eligible(&request).unwrap_or_else(|none| panic!("{none}"));
    let name = |place: usize| policy.backends().get(place).map(|backend| backend.name.to_string()).unwrap_or_default();
    let backends = eligible.targets().map(|target| name(target.backend.get())).collect();
    // What is told of it is what is done.
    let considered = policy.consider(&request).unwrap_or_else(|none| panic!("{none}"));
    assert_eq!((considered.route, considered.model), (eligible.route, eligible.model));
    let told = considered.candidates.iter().filter(|candidate| candidate.excluded.is_none()).map(|candidate| candidate.target);
    assert_eq!(told.collect::<Vec<_>>(), eligible.targets().collect::<Vec<_>>());
    (eligible.route.to_string(), backends)
}

fn acme() -> TenantId {
    "acme".parse().unwrap()
}

#[test]
fn each_length_goes_to_the_first_model_with_room_and_the_longest_to_the_last() {
    let policy = parsed(ROUTES);
    let route = |tokens| taken(&policy, &acme(), None, tokens).0;
    assert_eq!([999, 1000, 3999, 4000, 63_999].map(route), ["small", "middle", "middle", "large", "large"]);
    // Nobody seems to have room: the largest may count for itself.
    assert_eq!(taken(&policy, &acme(), None, 100_000), ("large".to_owned(), vec!["there".to_owned(), "here".to_owned()]));
}

#[test]
fn what_is_told_of_the_way_names_each_route_that_was_left() {
    let policy = parsed(ROUTES);
    let who = acme();
    let needs = Needs { prompt_tokens: 5000, ..Needs::default() };
    let request = Request { needs, ..Request::new(Caller::of(&who), "small", Operation::Chat) };
    let considered = policy.consider(&request).unwrap();
    let left: Vec<_> = considered
        .outgrown
        .iter()
        .map(|left| (left.route.as_str(), left.model.as_str(), left.room, left.larger.as_str(), left.place.unwrap().to_string()))
        .collect();
    assert_eq!(
        left,
        [
            ("small", "small", 1000, "middle", "policy.toml:22:10".to_owned()),
            ("middle", "middle", 4000, "long", "policy.toml:27:10".to_owned())
        ]
    );
    assert_eq!(considered.stays, None);
}

#[test]
fn what_a_route_requires_goes_on_with_its_requests() {
    let strict = ROUTES.replacen("larger = \"middle\"", "larger = \"middle\"\nrequire = { jurisdictions = [\"EU\"] }", 1);
    assert_eq!(taken(&parsed(&strict), &acme(), None, 5000), ("large".to_owned(), vec!["here".to_owned()]));
    assert_eq!(taken(&parsed(ROUTES), &acme(), None, 5000).1, ["there", "here"]);
    // Who is left out, and by whom, is told.
    let (policy, who) = (parsed(&strict), acme());
    let needs = Needs { prompt_tokens: 5000, ..Needs::default() };
    let considered = policy.consider(&Request { needs, ..Request::new(Caller::of(&who), "small", Operation::Chat) }).unwrap();
    let why = &considered.candidates.first().unwrap().excluded.as_ref().unwrap().why;
    assert!(why.contains("only EU is allowed; a route that it is too long for requires it"), "{why}");
}

#[test]
fn a_ceiling_goes_on_with_its_requests_and_what_nobody_may_serve_stays() {
    let capped = ROUTES.replacen("larger = \"middle\"", "larger = \"large\"\nceiling = { per_request = \"$0.10\" }", 1);
    // 5,000 tokens cost 5 cents there, and 50 cents here.
    assert_eq!(taken(&parsed(&capped), &acme(), None, 5000), ("large".to_owned(), vec!["there".to_owned()]));
    let policy = parsed(&capped.replace("$0.10", "$0.01"));
    assert_eq!(taken(&policy, &acme(), None, 5000).0, "small", "its own backend may still count for itself");
    let who = acme();
    let needs = Needs { prompt_tokens: 5000, ..Needs::default() };
    let considered = policy.consider(&Request { needs, ..Request::new(Caller::of(&who), "small", Operation::Chat) }).unwrap();
    let stays = considered.stays.unwrap();
    assert_eq!((stays.larger.as_str(), stays.by_token), ("large", false));
    assert!(stays.why.starts_with("no backend of route `large` may serve model `large`"), "{stays:?}");
    assert!(stays.why.contains("a request may cost $0.01"), "{stays:?}");
}

#[test]
fn a_backend_with_room_that_is_too_dear_keeps_nobody_from_going_on() {
    let backends = BACKENDS
        .replace("[alias]", "models.small = { price = { in = 40, out = 40 }, capabilities = { context = 8000 } }\n[alias]");
    let routes = ROUTES
        .replacen(r#"tiers = [["here"]]"#, "tiers = [[\"here\", \"there\"]]\nceiling = { per_request = \"$0.05\" }", 1)
        .replacen(r#"larger = "middle""#, r#"larger = "large""#, 1);
    let policy = Policy::parse(&[SourceFile::new("policy.toml", format!("{backends}{routes}"))]).unwrap();
    let to = |route: &str, backends: &[&str]| (route.to_owned(), backends.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(taken(&policy, &acme(), None, 999), to("small", &["here", "there"]));
    // $40 a million are $0.05 for 1250, and $10 a million for 5000.
    assert_eq!(taken(&policy, &acme(), None, 1250), to("small", &["there"]));
    assert_eq!(taken(&policy, &acme(), None, 1251), to("large", &["there"]));
    let needs = Needs { prompt_tokens: 1251, ..Needs::default() };
    let who = acme();
    let request = Request { needs, ..Request::new(Caller::of(&who), "small", Operation::Chat) };
    let considered = policy.consider(&request).unwrap();
    assert_eq!(considered.outgrown.iter().map(|left| (left.route.as_str(), left.room)).collect::<Vec<_>>(), [("small", 1000)]);
    // Where the larger one is too dear as well, that is why nobody may serve it.
    let request = Request { needs: Needs { prompt_tokens: 5001, ..Needs::default() }, ..request };
    let none = policy.eligible(&request).unwrap_err();
    assert!(
        matches!(&none, NoRoute::NoneEligible { route, stage: Stage::CostCeiling, .. } if route.as_str() == "small"),
        "{none}"
    );
}

#[test]
fn only_those_go_on_who_may_use_the_larger_model() {
    let policy = parsed(&format!(
        "{ROUTES}[tenant.acme]\nallow = [\"*\"]\n[tenant.few]\nallow = [\"small\"]\n[tenant.by-alias]\nallow = [\"small\", \"middle\", \"long\"]\n"
    ));
    let few: TenantId = "few".parse().unwrap();
    assert_eq!(taken(&policy, &few, None, 5000).0, "small");
    assert_eq!(taken(&policy, &"by-alias".parse().unwrap(), None, 5000).0, "large");
    let grants = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Grants>();
    assert_eq!(taken(&policy, &acme(), Some(&grants(&["small", "middle"])), 5000).0, "middle", "the token grants no more");
    let needs = Needs { prompt_tokens: 5000, ..Needs::default() };
    let request = Request { needs, ..Request::new(Caller::of(&few), "small", Operation::Chat) };
    let stays = policy.consider(&request).unwrap().stays.unwrap();
    assert_eq!((stays.larger.as_str(), stays.by_token), ("middle", false));
    assert_eq!(stays.why, "the tenant may not use it, or it does not serve that");
}

#[test]
fn embeddings_stay_with_their_model() {
    let embeds = BACKENDS.replace("capabilities =", "operations = [\"chat\", \"embeddings\"], capabilities =");
    let text = format!("{embeds}{ROUTES}");
    let policy = Policy::parse(&[SourceFile::new("policy.toml", text)]).unwrap_or_else(|errors| panic!("{errors}"));
    let who = acme();
    let needs = Needs { prompt_tokens: 5000, ..Needs::default() };
    let route = |operation| {
        let request = Request { needs, ..Request::new(Caller::of(&who), "small", operation) };
        policy.eligible(&request).map(|eligible| eligible.route.to_string())
    };
    assert_eq!(route(Operation::Embeddings), Ok("small".to_owned()));
    assert_eq!(route(Operation::Chat), Ok("large".to_owned()));
    assert!(matches!(route(Operation::Completions), Err(NoRoute::OperationNotServed { .. })));
}

#[test]
fn the_larger_route_is_the_first_for_the_same_caller() {
    let own = "[[route]]\nname = \"large-for-gold\"\nmatch = { model = \"large\", claims = { plan = \"gold\" } }\ntiers = [[\"here\"]]\n";
    let policy = parsed(&ROUTES.replace("[[route]]\nname = \"large\"", &format!("{own}[[route]]\nname = \"large\"")));
    let gold: Attributes = [("plan", "gold")].into_iter().collect();
    let who = acme();
    let needs = Needs { prompt_tokens: 5000, ..Needs::default() };
    let caller = Caller { claims: &gold, ..Caller::of(&who) };
    let request = Request { needs, ..Request::new(caller, "small", Operation::Chat) };
    assert_eq!(policy.eligible(&request).unwrap().route.as_str(), "large-for-gold");
    assert_eq!(taken(&policy, &who, None, 5000).0, "large");
}
