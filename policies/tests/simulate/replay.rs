//! What a replay predicts from a record of one policy is what the world does under the other: the forecast is made from the log alone, and the
//! truth is the same traffic played again.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a helper that panics fails its test")]

use tradewind_policies::decision::TokenNames;
use tradewind_policies::replay::{InForce, Options, Traffic, World, replay};
use tradewind_policies::simulate::{Recorded, record};
use tradewind_policies::{Policy, SourceFile};

use super::common::{folder, parsed};

/// The mean over several: a single run of a few hundred seconds is chance as well.
const SEEDS: [u64; 4] = [11, 12, 13, 14];
const SEED: u64 = SEEDS[0];
const BACKENDS: [&str; 3] = ["west", "east", "host"];

fn world() -> String {
    std::fs::read_to_string(folder().join("two-regions.toml")).unwrap()
}

fn played(world: &str, seed: u64) -> Recorded {
    record(&parsed("two-regions.toml", world), 1, seed)
}

fn policy(text: &str) -> Policy {
    Policy::parse(&[SourceFile::new("policy.toml", text)]).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

fn replayed(recorded: &Recorded, new: &str) -> Traffic {
    let options = Options { world: World::Fitted, seed: SEED };
    replay(&recorded.decisions, InForce::Policy(&policy(&recorded.policy)), &policy(new), options)
}

/// What a run came to, or is foretold to come to.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    shares: [f64; 3],
    usd_per_day: f64,
    p95_ttft_s: f64,
}

impl Figures {
    fn measured(recorded: &Recorded) -> Self {
        let decisions = &recorded.decisions;
        let count = |backend: &str| decisions.iter().filter(|decision| decision.attempts[0].backend == backend).count() as f64;
        let span = decisions.last().unwrap().at.since(decisions[0].at).as_secs_f64();
        let dollars: f64 = decisions.iter().filter_map(|decision| decision.cost_nano_usd).map(|nano| nano as f64 * 1e-9).sum();
        let mut first: Vec<f64> = decisions.iter().filter_map(|decision| decision.first_token_s).collect();
        first.sort_by(f64::total_cmp);
        Self {
            shares: BACKENDS.map(|backend| count(backend) / decisions.len() as f64),
            usd_per_day: dollars * 86400.0 / span,
            p95_ttft_s: first[first.len() * 95 / 100],
        }
    }

    fn foretold(before: Self, forecast: &Traffic) -> Self {
        let after = |name: &str| forecast.by_backend.iter().find(|row| row.name == name).map_or(0.0, |row| row.requests_after);
        Self {
            shares: BACKENDS.map(|backend| after(backend) / forecast.replayed as f64),
            usd_per_day: before.usd_per_day + forecast.cost_delta_usd_per_day.unwrap().value,
            p95_ttft_s: before.p95_ttft_s + forecast.p95_ttft_delta_s.unwrap().value,
        }
    }

    fn mean(all: &[Self]) -> Self {
        let over = |figure: &dyn Fn(&Self) -> f64| all.iter().map(figure).sum::<f64>() / all.len() as f64;
        Self {
            shares: [0, 1, 2].map(|place| over(&|own| own.shares[place])),
            usd_per_day: over(&|own| own.usd_per_day),
            p95_ttft_s: over(&|own| own.p95_ttft_s),
        }
    }
}

/// The change is foretold from a record of the world as it is, and then made in the world.
fn is_foretold(name: &str, world_with_it: &str, policy_with_it: impl Fn(&str) -> String) {
    let (mut before, mut foretold, mut measured, mut moved) = (Vec::new(), Vec::new(), Vec::new(), 0.0);
    for seed in SEEDS {
        let recorded = played(&world(), seed);
        let forecast = replayed(&recorded, &policy_with_it(&recorded.policy));
        before.push(Figures::measured(&recorded));
        foretold.push(Figures::foretold(Figures::measured(&recorded), &forecast));
        measured.push(Figures::measured(&played(world_with_it, seed)));
        moved += forecast.share_moved.unwrap().value / SEEDS.len() as f64;
    }
    let [before, foretold, measured] = [before, foretold, measured].map(|figures| Figures::mean(&figures));
    println!("{name}: moved {moved:.3}\nbefore   {before:?}\nforetold {foretold:?}\nmeasured {measured:?}");
    let shares = || measured.shares.iter().zip(foretold.shares);
    let net: f64 = before.shares.iter().zip(measured.shares).map(|(before, after)| (before - after).abs()).sum::<f64>() / 2.0;
    assert!(net > 0.2, "it is a change that matters: {net}");
    assert!((moved - net).abs() < 0.06, "share moved: {moved} for {net}");
    assert!(shares().all(|(measured, foretold)| (measured - foretold).abs() < 0.04), "shares of backends");
    assert!((foretold.usd_per_day / measured.usd_per_day - 1.0).abs() < 0.08, "cost");
    assert!((foretold.p95_ttft_s / measured.p95_ttft_s - 1.0).abs() < 0.10, "p95 of first tokens");
}

#[test]
fn the_same_policy_moves_nothing_and_costs_nothing() {
    let recorded = played(&world(), SEED);
    let traffic = replayed(&recorded, &recorded.policy);
    assert_eq!(traffic.replayed, recorded.decisions.len());
    // A record is rounded, and so is the price of the tokens that are expected.
    assert!(traffic.share_moved.unwrap().value < 0.005, "{traffic:#?}");
    let before = Figures::measured(&recorded);
    assert!(traffic.cost_delta_usd_per_day.unwrap().value.abs() < 0.005 * before.usd_per_day, "{traffic:#?}");
    assert!(traffic.p95_ttft_delta_s.unwrap().value.abs() < 0.01 * before.p95_ttft_s, "{traffic:#?}");
    assert_eq!((traffic.unroutable, traffic.unsupported, traffic.now_served), (0, 0, 0));
    assert!(traffic.reproduced * 100 >= 95 * traffic.replayed, "{} of {}", traffic.reproduced, traffic.replayed);
}

#[test]
fn the_effect_of_another_price_is_foretold() {
    let world = world().replace("price = { in = 0.45, out = 1.8 }", "price = { in = 0.15, out = 0.6 }");
    is_foretold("price", &world, |policy| policy.replace("in = 0.45, out = 1.8", "in = 0.15, out = 0.6"));
}

#[test]
fn the_loss_of_a_region_is_foretold() {
    let world = world().replace("name = \"west\"\n", "name = \"west\"\njoins = \"1h\"\n");
    is_foretold("region", &world, |policy| policy.replace("\"west\", ", ""));
}

#[test]
fn what_the_log_has_never_seen_is_said_and_not_guessed() {
    let before = played(&world(), SEED);
    let new = format!("{}{}", before.policy.replace("[\"west\"", "[\"novel\", \"west\""), "")
        + "\n[backend.novel]\nprovider = \"openai\"\nbase_url = \"http://novel.invalid/v1\"\nmodels.model = { price = { in = 0.1, out = 0.1 } }\n";
    let traffic = replayed(&before, &new);
    assert_eq!((traffic.replayed, traffic.unsupported), (0, before.decisions.len()));
    assert!(traffic.share_moved.is_none() && traffic.caveats.iter().any(|caveat| caveat.contains("`novel`")), "{traffic:#?}");
    let worst = replay(
        &before.decisions,
        InForce::Policy(&policy(&before.policy)),
        &policy(&new),
        Options { world: World::Pessimistic, seed: SEED },
    );
    assert_eq!((worst.replayed, worst.unsupported), (before.decisions.len(), 0));
}

#[test]
fn a_tenant_that_loses_its_route_is_unroutable() {
    let before = played(&world(), SEED);
    let new = before.policy.replace("match = { model = \"model\" }", "match = { model = \"model\", tenant = [\"somebody\"] }");
    let traffic = replayed(&before, &new);
    assert_eq!((traffic.unroutable, traffic.replayed), (before.decisions.len(), 0));
    assert_eq!(traffic.unroutable_requests[0].tenant, "everybody");
}

/// A route above that of the world, for tokens with a claim.
fn gold(patterns: &str) -> String {
    format!(
        "[[route]]\nname = \"gold\"\nmatch = {{ model = \"model\", claims = {{ plan = {patterns} }} }}\ntiers = [[\"host\"]]\n"
    )
}

fn with_route(policy: &str, route: &str) -> String {
    policy.replacen("[[route]]", &format!("{route}[[route]]"), 1)
}

#[test]
fn requests_are_routed_by_the_claims_that_were_recorded_and_left_out_where_they_were_not() {
    let before = played(&world(), SEED);
    let new = with_route(&before.policy, &gold("[\"gold\"]"));
    let unrecorded = replayed(&before, &new);
    assert_eq!((unrecorded.replayed, unrecorded.unsupported), (0, before.decisions.len()));
    let [told] = unrecorded.unrecorded.as_slice() else { panic!("{unrecorded:#?}") };
    assert_eq!(
        (told.claims.as_slice(), told.requests, told.too_long_claims.len()),
        (["plan".to_owned()].as_slice(), before.decisions.len(), 0)
    );
    assert!(unrecorded.caveats[0].contains("route `gold` depends on claim `plan`, which is not in the log"), "{unrecorded:#?}");
    assert!(unrecorded.caveats[1].contains(r#"record_claims = ["plan"]"#), "{unrecorded:#?}");

    let mut recorded = before;
    for (place, decision) in recorded.decisions.iter_mut().enumerate() {
        decision.claims.keep("plan", ["gold"].into_iter().filter(|_| place % 2 == 0));
    }
    let traffic = replayed(&recorded, &new);
    assert_eq!((traffic.replayed, traffic.unsupported), (recorded.decisions.len(), 0));
    let elsewhere = recorded.decisions.iter().step_by(2).filter(|decision| decision.attempts[0].backend != "host").count();
    let share = elsewhere as f64 / recorded.decisions.len() as f64;
    // What makes way for them on the host moves too.
    let moved = traffic.share_moved.unwrap().value;
    assert!(share > 0.2 && (share - 0.005..share + 0.1).contains(&moved), "{share} {traffic:#?}");

    recorded.decisions[0].claims.keep("plan", ["gold", &"g".repeat(5000)]);
    let too_long = replayed(&recorded, &new);
    assert_eq!((too_long.unsupported, too_long.unrecorded[0].too_long_claims.as_slice()), (1, ["plan".to_owned()].as_slice()));
    assert!(too_long.caveats[0].contains("claim `plan` (too long to be recorded), which is not in the log"), "{too_long:#?}");
}

#[test]
fn what_the_old_policy_s_rules_said_the_same_rules_say_without_a_record_of_claims() {
    let mut before = played(&world(), SEED);
    before.policy = with_route(&before.policy, &gold("[\"gold\"]"));
    let hash = policy(&before.policy).hash().to_string();
    for (place, decision) in before.decisions.iter_mut().enumerate() {
        decision.policy.clone_from(&hash);
        if place % 4 == 0 {
            decision.route = Some("gold".to_owned());
        }
    }
    let all = before.decisions.len();
    let same = replayed(&before, &before.policy.replace("one_cent_buys = \"6000ms\"", "one_cent_buys = \"5s\""));
    assert_eq!((same.replayed, same.unsupported), (all, 0), "{same:#?}");
    // Who had gold still has; of the others, nobody knows who has silver.
    let wider = replayed(&before, &before.policy.replace("[\"gold\"]", "[\"gold\", \"silver\"]"));
    assert_eq!((wider.replayed, wider.unsupported), (all.div_ceil(4), all - all.div_ceil(4)), "{:#?}", wider.caveats);
    let apart = |new: &Policy| {
        let against = InForce::Hash(policy(&before.policy).hash());
        replay(&before.decisions, against, new, Options { world: World::Fitted, seed: SEED })
    };
    let told = apart(&policy(&before.policy.replace("6000ms", "5s")));
    assert_eq!(told.unsupported, all);
    assert!(told.caveats.iter().any(|caveat| caveat.contains("--against")), "{:#?}", told.caveats);
}

#[test]
fn whose_tokens_are_whose_is_decided_again() {
    let mut before = played(&world(), SEED);
    let tenants = |who: &str| {
        format!(
            "[tenant.everybody]\nallow = [\"*\"]\nwho = {{ claims = {{ sub = [{who}] }} }}\n{}",
            before.policy.split_once("version = 1").unwrap().1
        )
    };
    let (old, new) = (format!("version = 1\n{}", tenants("\"a\", \"b\"")), format!("version = 1\n{}", tenants("\"a\"")));
    before.policy = old;
    let hash = policy(&before.policy).hash().to_string();
    let names = ["a", "b"];
    let half = before.decisions.len() / 2;
    for decision in &mut before.decisions {
        decision.policy.clone_from(&hash);
        decision.token_names = TokenNames::Nobody;
    }
    assert_eq!(replayed(&before, &before.policy).unsupported, 0);
    let untold = replayed(&before, &new);
    assert_eq!(untold.unsupported, before.decisions.len());
    assert!(untold.caveats[0].contains("whether they are of tenant `everybody` depends on claim `sub`"), "{:#?}", untold.caveats);
    for (decision, name) in before.decisions.iter_mut().zip(names.into_iter().cycle()) {
        decision.claims.keep("sub", [name]);
    }
    let told = replayed(&before, &new);
    assert_eq!((told.unroutable, told.unsupported), (half, 0));
    assert!(told.unroutable_requests[0].reason.contains("names no tenant"), "{told:#?}");
}

#[test]
fn a_log_and_a_seed_always_give_the_same_figures() {
    let before = played(&world(), SEED);
    let new = before.policy.replace("one_cent_buys = \"6000ms\"", "one_cent_buys = \"1s\"");
    assert_ne!(new, before.policy);
    assert_eq!(replayed(&before, &new), replayed(&before, &new));
}
