//! Whatever is chosen for a request, in whichever turn and however ill the backends are, may see it: over a million random requests to random
//! policies, against the rules of the language written down a second time, the slow and plain way.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a helper that panics fails its test")]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use tradewind_policies::select::{Ask, Candidate, Health, Monotonic, Outlook, Removed, Turn, choose};
use tradewind_policies::{Caller, Needs, Operation, Policy, Request, SourceFile, TenantId};

/// Policies, and requests to each.
const POLICIES: u32 = 2_500;
const REQUESTS: u32 = 420;

const EU: &str = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE";
const EEA_BEYOND_EU: &str = "IS LI NO";
const PLACES: [&str; 8] = ["EU", "EEA", "DE", "FR", "NO", "US", "GB", "CH"];
const TENANTS: [&str; 6] = ["acme", "bank-1", "bank-2", "clinic", "shop", "lab-7"];
const PATTERNS: [&str; 6] = ["*", "bank-*", "acme", "bank-2", "*-7", "clinic"];
const MODELS: [&str; 2] = ["chat", "fast"];

/// The countries of these places, as bits.
fn countries(places: &[&str]) -> u64 {
    let all: Vec<&str> = EU.split(' ').chain(EEA_BEYOND_EU.split(' ')).chain(["US", "GB", "CH"]).collect();
    let lies_in = |country: &str, place: &str| match place {
        "EU" => EU.contains(country),
        "EEA" => EU.contains(country) || EEA_BEYOND_EU.contains(country),
        one => one == country,
    };
    let bits = all.iter().enumerate().filter(|(_, country)| places.iter().any(|place| lies_in(country, place)));
    bits.fold(0, |set, (bit, _)| set | 1 << bit)
}

/// Places as they are written, and the countries in them.
#[derive(Clone)]
struct Places {
    written: Vec<&'static str>,
    countries: u64,
}

impl Places {
    fn random(rng: &mut StdRng, most: usize) -> Self {
        let written = some(rng, &PLACES, most);
        Self { countries: countries(&written), written }
    }
}

/// What somebody requires.
#[derive(Default)]
struct Required {
    places: Option<Places>,
    zero_retention: bool,
    no_training: bool,
}

struct Backend {
    places: Option<Places>,
    zero_retention: bool,
    no_training: bool,
    /// By model: what it serves, and whether it is said to lack tools.
    models: Vec<Option<(Vec<Operation>, bool)>>,
}

struct Route {
    model: usize,
    tenants: Option<Vec<&'static str>>,
    required: Required,
    backends: Vec<usize>,
    shadow: Option<usize>,
}

struct World {
    backends: Vec<Backend>,
    routes: Vec<Route>,
    defaults: Required,
    tenants: Vec<(&'static str, Required)>,
}

fn some<T: Copy>(rng: &mut StdRng, all: &[T], most: usize) -> Vec<T> {
    let count = rng.random_range(1..=most);
    all.sample(rng, count).copied().collect()
}

impl Required {
    fn random(rng: &mut StdRng, likely: f64) -> Self {
        Self {
            places: rng.random_bool(likely).then(|| Places::random(rng, 3)),
            zero_retention: rng.random_bool(likely / 3.0),
            no_training: rng.random_bool(likely / 3.0),
        }
    }

    fn is_met(&self, backend: &Backend) -> bool {
        let lies_in = |allowed: &Places| backend.places.as_ref().is_some_and(|places| places.countries & !allowed.countries == 0);
        self.places.as_ref().is_none_or(lies_in)
            && (backend.zero_retention || !self.zero_retention)
            && (backend.no_training || !self.no_training)
    }

    fn write(&self, places: &str, text: &mut Vec<String>) {
        text.extend(self.places.as_ref().map(|all| format!("{places} = {:?}", all.written)));
        text.extend(self.zero_retention.then(|| "zero_retention = true".to_owned()));
        text.extend(self.no_training.then(|| "no_training = true".to_owned()));
    }

    fn table(&self) -> String {
        let mut keys = Vec::new();
        self.write("jurisdictions", &mut keys);
        format!("require = {{ {} }}", keys.join(", "))
    }
}

/// The textbook recursion.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.chars().next() {
        None => name.is_empty(),
        Some('*') => fits(&pattern[1..], name) || (!name.is_empty() && fits(pattern, &name[1..])),
        Some(letter) => name.starts_with(letter) && fits(&pattern[1..], &name[1..]),
    }
}

impl World {
    fn random(rng: &mut StdRng) -> Self {
        let operations = [Operation::Chat, Operation::Completions, Operation::Embeddings];
        let backends = (0..rng.random_range(1..7)).map(|_| Backend {
            places: rng.random_bool(0.8).then(|| Places::random(rng, 2)),
            zero_retention: rng.random_bool(0.5),
            no_training: rng.random_bool(0.7),
            models: MODELS.map(|_| rng.random_bool(0.8).then(|| (some(rng, &operations, 3), rng.random_bool(0.2)))).into(),
        });
        let backends: Vec<_> = backends.collect();
        let defaults = Required::random(rng, 0.15);
        let tenants = if rng.random_bool(0.7) { some(rng, &TENANTS, 6) } else { Vec::new() };
        let tenants: Vec<_> = tenants.into_iter().map(|name| (name, Required::random(rng, 0.4))).collect();
        let mut world = Self { backends, routes: Vec::new(), defaults, tenants };
        for _ in 0..5 {
            let route = world.random_route(rng);
            if world.is_sound(&route) {
                world.routes.push(route);
            }
        }
        world
    }

    fn random_route(&self, rng: &mut StdRng) -> Route {
        let model = rng.random_range(0..MODELS.len());
        let able: Vec<_> = (0..self.backends.len()).filter(|place| self.backends[*place].models[model].is_some()).collect();
        let tenants = rng.random_bool(0.7).then(|| some(rng, &PATTERNS, 2));
        let backends = if able.is_empty() { Vec::new() } else { some(rng, &able, able.len()) };
        let others: Vec<_> = able.into_iter().filter(|place| !backends.contains(place)).collect();
        let shadow = others.choose(rng).copied().filter(|_| rng.random_bool(0.7));
        Route { model, tenants, required: Required::random(rng, 0.3), backends, shadow }
    }

    /// Whether the route could ever serve something, without which it would be a fault.
    fn is_sound(&self, route: &Route) -> bool {
        let meets = |place: &usize| {
            let backend = &self.backends[*place];
            self.defaults.is_met(backend) && route.required.is_met(backend)
        };
        let is_known = |pattern: &&str| self.tenants.is_empty() || self.tenants.iter().any(|(name, _)| fits(pattern, name));
        let earlier = || self.routes.iter().filter(|earlier| earlier.model == route.model);
        let covers =
            |route: &Route, pattern: &str| route.tenants.as_ref().is_none_or(|all| all.iter().any(|wide| fits(wide, pattern)));
        let is_shadowed = match &route.tenants {
            None => earlier().any(|earlier| earlier.tenants.is_none()),
            Some(patterns) => patterns.iter().all(|pattern| earlier().any(|earlier| covers(earlier, pattern))),
        };
        route.backends.iter().any(meets)
            && route.shadow.iter().all(meets)
            && route.tenants.iter().flatten().all(is_known)
            && !is_shadowed
    }

    fn text(&self) -> String {
        let mut text = format!("version = 1\n[defaults]\n{}\n", self.defaults.table());
        for (place, backend) in self.backends.iter().enumerate() {
            writeln!(text, "[backend.b{place}]\nprovider = \"vllm\"\nbase_url = \"http://b{place}/v1\"").unwrap();
            let facts = Required {
                places: backend.places.clone(),
                zero_retention: backend.zero_retention,
                no_training: backend.no_training,
            };
            let mut keys = Vec::new();
            facts.write("jurisdictions", &mut keys);
            writeln!(text, "{}\nmodels.unused = {{}}", keys.join("\n")).unwrap();
            for (model, served) in MODELS.iter().zip(&backend.models) {
                let Some((operations, lacks_tools)) = served else { continue };
                let words: Vec<_> = operations.iter().map(|operation| operation.as_str()).collect();
                let tools = if *lacks_tools { ", capabilities = { tools = false }" } else { "" };
                writeln!(text, "models.{model} = {{ operations = {words:?}{tools} }}").unwrap();
            }
        }
        for (name, required) in &self.tenants {
            let mut keys = vec!["allow = [\"*\"]".to_owned()];
            required.write("residency", &mut keys);
            writeln!(text, "[tenant.{name}]\n{}", keys.join("\n")).unwrap();
        }
        for (place, route) in self.routes.iter().enumerate() {
            let tenants = route.tenants.as_ref().map(|tenants| format!(", tenant = {tenants:?}")).unwrap_or_default();
            let (model, names) =
                (MODELS[route.model], route.backends.iter().map(|place| format!("b{place}")).collect::<Vec<_>>());
            let (first, second) = names.split_at(names.len().div_ceil(2));
            let tiers = if second.is_empty() { format!("[{first:?}]") } else { format!("[{first:?}, {second:?}]") };
            writeln!(text, "[[route]]\nname = \"r{place}\"\nmatch = {{ model = \"{model}\"{tenants} }}\ntiers = {tiers}")
                .unwrap();
            writeln!(text, "{}", route.required.table()).unwrap();
            route
                .shadow
                .iter()
                .for_each(|place| writeln!(text, "shadow = {{ backend = \"b{place}\", share = \"1%\" }}").unwrap());
        }
        text
    }

    /// The backends that may serve a request, and those that may be sent a copy, by the letter.
    fn allowed(&self, tenant: &str, model: usize, operation: Operation, needs: &Needs) -> (BTreeSet<usize>, BTreeSet<usize>) {
        let floor = self.tenants.iter().find(|(name, _)| *name == tenant).map(|(_, required)| required);
        if !self.tenants.is_empty() && floor.is_none() {
            return Default::default();
        }
        let is_for = |route: &&Route| {
            let fits = |patterns: &Vec<&str>| patterns.iter().any(|pattern| fits(pattern, tenant));
            route.model == model && route.tenants.as_ref().is_none_or(fits)
        };
        let Some(route) = self.routes.iter().find(is_for) else { return Default::default() };
        let may = |place: &&usize| {
            let backend = &self.backends[**place];
            let (operations, lacks_tools) = backend.models[model].as_ref().unwrap();
            operations.contains(&operation)
                && !(needs.tools && *lacks_tools)
                && [Some(&self.defaults), Some(&route.required), floor].into_iter().flatten().all(|all| all.is_met(backend))
        };
        (route.backends.iter().filter(may).copied().collect(), route.shadow.iter().filter(may).copied().collect())
    }
}

/// How a backend is: well, or in any kind of trouble.
fn outlook(rng: &mut StdRng, well: Outlook, all_ill: bool) -> Outlook {
    let until = Monotonic::since_epoch(std::time::Duration::from_secs(5));
    let troubles = [
        Removed::CoolingDown { until },
        Removed::Paced { until },
        Removed::BreakerOpen { until },
        Removed::Misconfigured { until },
        Removed::Full,
        Removed::Returning,
        Removed::Unproven,
        Removed::Drained,
        Removed::Unhealthy,
    ];
    if all_ill || rng.random_bool(0.4) { well.without(*troubles.choose(rng).unwrap()) } else { well }
}

/// Asks one policy many things.
fn ask_all(seed: u64) -> Result<(), TestCaseError> {
    let mut rng = StdRng::seed_from_u64(seed);
    let world = World::random(&mut rng);
    let text = world.text();
    let policy = Policy::parse(&[SourceFile::new("policy.toml", text.as_str())]);
    let policy = policy.map_err(|errors| TestCaseError::fail(format!("{errors}\n{text}")))?;
    let names: Vec<TenantId> = TENANTS.iter().map(|name| name.parse().unwrap()).collect();
    let ask = Ask { prompt_tokens: 100.0, output_tokens: 50.0, ..Ask::default() };
    let well = Health::default().outlook(Monotonic::since_epoch(std::time::Duration::ZERO), &ask);
    for _ in 0..REQUESTS {
        let (who, model) = (rng.random_range(0..names.len()), rng.random_range(0..MODELS.len()));
        let operation = *[Operation::Chat, Operation::Completions, Operation::Embeddings].choose(&mut rng).unwrap();
        let needs = Needs { tools: rng.random_bool(0.3), ..Needs::default() };
        let request = Request { needs, ..Request::new(Caller::of(&names[who]), MODELS[model], operation) };
        let (allowed, shadowed) = world.allowed(TENANTS[who], model, operation, &needs);
        let index = |place: usize| policy.backends()[place].name.as_str()[1..].parse::<usize>().unwrap();
        let Ok(eligible) = policy.eligible(&request) else {
            prop_assert!(allowed.is_empty(), "refused, though {allowed:?} may serve {request:?}\n{}", text);
            continue;
        };
        let found: BTreeSet<usize> = eligible.targets().map(|target| index(target.backend.get())).collect();
        prop_assert_eq!(&found, &allowed, "{:?}\n{}", request, text);
        let shadow: BTreeSet<usize> = eligible.shadow().iter().map(|shadow| index(shadow.target.backend.get())).collect();
        prop_assert_eq!(&shadow, &shadowed, "{:?}\n{}", request, text);
        let all_ill = rng.random_bool(0.3);
        let known = eligible.targets().map(|target| Candidate {
            target: index(target.backend.get()),
            tier: target.tier,
            outlook: outlook(&mut rng, well, all_ill),
        });
        let mut left: Vec<_> = known.collect();
        for turn in [Turn::First, Turn::Hedge, Turn::Again, Turn::Again, Turn::Careful] {
            let Some(choice) = choose(&left, turn, &mut rng) else { continue };
            prop_assert!(allowed.contains(&choice.target), "{turn:?} chose {} for {request:?}\n{}", choice.target, text);
            left.retain(|candidate| candidate.target != choice.target);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: POLICIES, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_chosen_may_see_the_request(seed in any::<u64>()) {
        ask_all(seed)?;
    }
}
