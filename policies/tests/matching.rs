//! Which route a request takes by its claims, its headers, its operation and an expression; and whose a token is.

#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

use tradewind_policies::{
    Attributes, Caller, Needs, NoRoute, NoTenant, Operation, Policy, PolicyErrors, Request, SourceFile, TenantId,
};

const BACKEND: &str = "version = 1\n[backend.a]\nprovider = \"vllm\"\nbase_url = \"http://a/v1\"\n\
    models.chat = { operations = [\"chat\", \"embeddings\"] }\nmodels.fast = {}\n[alias]\nquick = \"fast\"\n";

fn parse(rest: &str) -> Result<Policy, PolicyErrors> {
    Policy::parse(&[SourceFile::new("policy.toml", format!("{BACKEND}{rest}"))])
}

fn route(name: &str, conditions: &str) -> String {
    format!("[[route]]\nname = \"{name}\"\nmatch = {{ {conditions} }}\ntiers = [[\"a\"]]\n")
}

fn attributes(all: &[(&str, &str)]) -> Attributes {
    all.iter().copied().collect()
}

struct Asks {
    tenant: TenantId,
    claims: Attributes,
    headers: Attributes,
}

impl Asks {
    fn new(claims: &[(&str, &str)], headers: &[(&str, &str)]) -> Self {
        Self { tenant: "acme".parse().unwrap(), claims: attributes(claims), headers: attributes(headers) }
    }

    fn route(&self, policy: &Policy, asked: &str, operation: Operation, prompt_tokens: u64) -> Result<String, NoRoute> {
        let caller = Caller { tenant: &self.tenant, claims: &self.claims, models: None, headers: &self.headers };
        let needs = Needs { prompt_tokens, ..Needs::default() };
        policy.eligible(&Request { needs, ..Request::new(caller, asked, operation) }).map(|eligible| eligible.route.to_string())
    }
}

#[test]
fn the_first_route_whose_conditions_all_hold_decides() {
    let policy = parse(
        &[
            route("vip", r#"model = "chat", claims = { plan = "gold", groups = ["eng-*", "ops"] }"#),
            route("team", r#"model = "chat", headers = { x-team = ["red", "blue"] }"#),
            route("vectors", r#"model = "chat", operation = ["embeddings"]"#),
            route("long", r#"model = "chat", when = "prompt_tokens > 1000 && tenant == 'acme'""#),
            route("rest", r#"model = ["chat", "quick"]"#),
        ]
        .concat(),
    )
    .unwrap();
    let (nobody, red) = (Asks::new(&[], &[]), Asks::new(&[], &[("x-team", "red")]));
    let vip = Asks::new(&[("plan", "gold"), ("groups", "all"), ("groups", "eng-eu")], &[("x-team", "red")]);
    let gold = Asks::new(&[("plan", "gold"), ("groups", "all")], &[]);
    let chat = Operation::Chat;
    for (asks, asked, operation, prompt, name) in [
        (&vip, "chat", chat, 0, "vip"),
        (&gold, "chat", chat, 0, "rest"),
        (&red, "chat", chat, 0, "team"),
        (&nobody, "chat", Operation::Embeddings, 0, "vectors"),
        (&nobody, "chat", chat, 2000, "long"),
        (&nobody, "chat", chat, 1000, "rest"),
        (&nobody, "fast", chat, 2000, "rest"),
        (&nobody, "quick", chat, 0, "rest"),
    ] {
        assert_eq!(asks.route(&policy, asked, operation, prompt).unwrap(), name, "{asked} {operation} {prompt}");
    }
    assert!(policy.looks_at_header("x-team") && !policy.looks_at_header("x-other") && !policy.looks_at_header("authorization"));
}

#[test]
fn an_expression_that_says_neither_yes_nor_no_ends_the_search() {
    let routes = [route("gold", r#"model = "chat", when = "claims.plan[0] == 'gold'""#), route("rest", r#"model = "chat""#)];
    let policy = parse(&routes.concat()).unwrap();
    let ask = |claims: &[(&str, &str)]| Asks::new(claims, &[]).route(&policy, "chat", Operation::Chat, 0);
    assert_eq!((ask(&[("plan", "gold")]).unwrap(), ask(&[("plan", "tin")]).unwrap()), ("gold".into(), "rest".into()));
    assert!(matches!(ask(&[]), Err(NoRoute::Undecided { route, .. }) if route.as_str() == "gold"));
}

#[test]
fn a_route_with_conditions_shadows_only_what_asks_as_much() {
    for (first, second, is_shadowed) in [
        (r#"model = "chat""#, r#"model = "chat", claims = { plan = "gold" }"#, true),
        (r#"model = "chat", claims = { plan = "g*" }"#, r#"model = "chat", claims = { plan = "gold", group = "a" }"#, true),
        (r#"model = "chat", operation = ["chat", "embeddings"]"#, r#"model = "chat", operation = ["chat"]"#, true),
        (r#"model = "chat", when = "tools""#, r#"model = "chat", when = "tools", tenant = ["acme"]"#, true),
        (r#"model = "chat", claims = { plan = "gold" }"#, r#"model = "chat""#, false),
        (r#"model = "chat", when = "tools""#, r#"model = "chat", when = "vision""#, false),
        (r#"model = "chat", headers = { x-a = "b" }"#, r#"model = "chat", claims = { x-a = "b" }"#, false),
    ] {
        let read = parse(&[route("first", first), route("second", second)].concat());
        assert_eq!(read.is_err(), is_shadowed, "{first} / {second}");
        assert!(read.err().is_none_or(|errors| errors.to_string().contains("can never match")));
    }
}

#[test]
fn tenants_that_an_expression_may_tell_apart_are_classes_of_their_own() {
    let tenants = "[tenant.a]\nallow = [\"*\"]\n[tenant.b]\nallow = [\"*\"]\n";
    let classes = |conditions: &str| {
        let policy = parse(&format!("{tenants}{}", route("only", conditions))).unwrap();
        policy.tenant_classes().len()
    };
    assert_eq!((classes(r#"model = "chat", when = "tools""#), classes(r#"model = "chat", when = "tenant == 'a'""#)), (1, 2));
}

#[test]
fn a_token_is_the_tenants_whose_claims_it_has_else_the_one_it_names() {
    let policy = parse(
        "[tenant.acme]\nallow = [\"*\"]\nwho = { claims = { iss = \"https://login.acme.example\", groups = [\"acme-*\"] } }\n\
         [tenant.bank]\nallow = [\"*\"]\nwho = { claims = { groups = \"bank\" } }\n[tenant.shop]\nallow = [\"*\"]\n",
    )
    .unwrap();
    let id = |name: &str| name.parse::<TenantId>().unwrap();
    let whose = |claims: &[(&str, &str)], named: Option<&str>| policy.tenant_of(&attributes(claims), named.map(id).as_ref());
    let acme = [("iss", "https://login.acme.example"), ("groups", "acme-dev")];
    assert_eq!(whose(&acme, None), Ok(id("acme")));
    assert_eq!(whose(&acme, Some("shop")), Ok(id("acme")), "claims go above a name");
    assert_eq!(whose(&[], Some("shop")), Ok(id("shop")));
    assert_eq!(whose(&[], None), Err(NoTenant::Unnamed));
    assert_eq!(whose(&[("groups", "acme-dev")], Some("acme")), Err(NoTenant::Misnamed(id("acme"))), "a name alone is not enough");
    let both = [acme[0], acme[1], ("groups", "bank")];
    assert_eq!(whose(&both, Some("acme")), Err(NoTenant::Ambiguous { first: id("acme"), second: id("bank") }));
}
