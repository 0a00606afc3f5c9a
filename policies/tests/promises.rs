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
/// The first may lead on to this.
const LARGER: usize = 1;
const ROOMS: [u64; 4] = [50, 100, 200, 400];

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
    models: Vec<Option<Served>>,
}

struct Served {
    operations: Vec<Operation>,
    lacks_tools: bool,
    room: u64,
}

struct Route {
    model: usize,
    tenants: Option<Vec<&'static str>>,
    required: Required,
    backends: Vec<usize>,
    shadow: Option<usize>,
    leads_on: bool,
    /// It is for prompts of fewer tokens only.
    below: Option<u64>,
}

struct World {
    backends: Vec<Backend>,
    routes: Vec<Route>,
    defaults: Required,
    tenants: Vec<Tenant>,
}

struct Tenant {
    name: &'static str,
    required: Required,
    may_have_larger: bool,
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
            models: MODELS
                .map(|_| {
                    rng.random_bool(0.8).then(|| Served {
                        operations: some(rng, &operations, 3),
                        lacks_tools: rng.random_bool(0.2),
                        room: *ROOMS.choose(rng).unwrap(),
                    })
                })
                .into(),
        });
        let backends: Vec<_> = backends.collect();
        let defaults = Required::random(rng, 0.15);
        let tenants = if rng.random_bool(0.7) { some(rng, &TENANTS, 6) } else { Vec::new() };
        let tenant = |name| Tenant { name, required: Required::random(rng, 0.4), may_have_larger: rng.random_bool(0.8) };
        let tenants: Vec<_> = tenants.into_iter().map(tenant).collect();
        let mut world = Self { backends, routes: Vec::new(), defaults, tenants };
        for _ in 0..5 {
            let route = world.random_route(rng);
            if world.is_sound(&route) {
                world.routes.push(route);
            }
        }
        let largest = world.routes.iter().filter(|route| route.model == LARGER).map(|route| world.room(route)).max();
        let may_lead_on = |route: &Route| route.model != LARGER && world.answers(route) && Some(world.room(route)) < largest;
        let lead_on: Vec<bool> = world.routes.iter().map(|route| may_lead_on(route) && rng.random_bool(0.7)).collect();
        world.routes.iter_mut().zip(lead_on).for_each(|(route, leads_on)| route.leads_on = leads_on);
        world
    }

    fn random_route(&self, rng: &mut StdRng) -> Route {
        let model = rng.random_range(0..MODELS.len());
        let able: Vec<_> = (0..self.backends.len()).filter(|place| self.backends[*place].models[model].is_some()).collect();
        let tenants = rng.random_bool(0.7).then(|| some(rng, &PATTERNS, 2));
        let backends = if able.is_empty() { Vec::new() } else { some(rng, &able, able.len()) };
        let others: Vec<_> = able.into_iter().filter(|place| !backends.contains(place)).collect();
        let shadow = others.choose(rng).copied().filter(|_| rng.random_bool(0.7));
        let below = rng.random_bool(0.3).then(|| rng.random_range(1..500));
        Route { model, tenants, required: Required::random(rng, 0.3), backends, shadow, leads_on: false, below }
    }

    /// How much room the largest backend of the route has.
    fn room(&self, route: &Route) -> u64 {
        route.backends.iter().map(|place| self.served(*place, route.model).room).max().unwrap_or_default()
    }

    /// Whether some backend of the route answers with text.
    fn answers(&self, route: &Route) -> bool {
        let text = |place: &usize| self.served(*place, route.model).operations.iter().any(|one| *one != Operation::Embeddings);
        route.backends.iter().any(text)
    }

    fn served(&self, backend: usize, model: usize) -> &Served {
        self.backends[backend].models[model].as_ref().unwrap()
    }

    /// Whether the route could ever serve something, without which it would be a fault.
    fn is_sound(&self, route: &Route) -> bool {
        let meets = |place: &usize| {
            let backend = &self.backends[*place];
            self.defaults.is_met(backend) && route.required.is_met(backend)
        };
        let is_known = |pattern: &&str| self.tenants.is_empty() || self.tenants.iter().any(|tenant| fits(pattern, tenant.name));
        let is_no_narrower = |earlier: &Route| earlier.below.is_none() || earlier.below == route.below;
        let earlier = || self.routes.iter().filter(|earlier| earlier.model == route.model && is_no_narrower(earlier));
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
                let Some(Served { operations, lacks_tools, room }) = served else { continue };
                let words: Vec<_> = operations.iter().map(|operation| operation.as_str()).collect();
                let tools = if *lacks_tools { ", tools = false" } else { "" };
                writeln!(text, "models.{model} = {{ operations = {words:?}, capabilities = {{ context = {room}{tools} }} }}")
                    .unwrap();
            }
        }
        for Tenant { name, required, may_have_larger } in &self.tenants {
            let is_served = self.backends.iter().any(|backend| backend.models[0].is_some());
            let allowed = if *may_have_larger || !is_served { "*" } else { MODELS[0] };
            let mut keys = vec![format!("allow = [\"{allowed}\"]")];
            required.write("residency", &mut keys);
            writeln!(text, "[tenant.{name}]\n{}", keys.join("\n")).unwrap();
        }
        for (place, route) in self.routes.iter().enumerate() {
            let tenants = route.tenants.as_ref().map(|tenants| format!(", tenant = {tenants:?}")).unwrap_or_default();
            let when = route.below.map(|most| format!(", when = \"prompt_tokens < {most}\"")).unwrap_or_default();
            let (model, names) =
                (MODELS[route.model], route.backends.iter().map(|place| format!("b{place}")).collect::<Vec<_>>());
            let (first, second) = names.split_at(names.len().div_ceil(2));
            let tiers = if second.is_empty() { format!("[{first:?}]") } else { format!("[{first:?}, {second:?}]") };
            writeln!(text, "[[route]]\nname = \"r{place}\"\nmatch = {{ model = \"{model}\"{tenants}{when} }}\ntiers = {tiers}")
                .unwrap();
            writeln!(text, "{}", route.required.table()).unwrap();
            if route.leads_on {
                writeln!(text, "larger = \"{}\"", MODELS[LARGER]).unwrap();
            }
            route
                .shadow
                .iter()
                .for_each(|place| writeln!(text, "shadow = {{ backend = \"b{place}\", share = \"1%\" }}").unwrap());
        }
        text
    }

    /// The model that serves a request, the backends that may, and those that may be sent a copy, by the letter.
    fn allowed(&self, tenant: &str, asked: usize, operation: Operation, needs: &Needs) -> Allowed {
        let declared = self.tenants.iter().find(|declared| declared.name == tenant);
        if !self.tenants.is_empty() && declared.is_none() {
            return Allowed::default();
        }
        let Some(route) = self.route(tenant, asked, needs) else { return Allowed::default() };
        let floor = declared.map(|declared| &declared.required);
        let mut required: Vec<&Required> = [Some(&self.defaults), Some(&route.required), floor].into_iter().flatten().collect();
        let first = self.within(route, &required, operation, needs);
        let is_too_long = operation != Operation::Embeddings && !first.serving.is_empty() && first.with_room.is_empty();
        if !(is_too_long && route.leads_on && declared.is_none_or(|declared| declared.may_have_larger)) {
            return first;
        }
        let Some(next) = self.route(tenant, LARGER, needs) else { return first };
        required.push(&next.required);
        let larger = self.within(next, &required, operation, needs);
        let most = |allowed: &Allowed| allowed.serving.iter().map(|place| self.served(*place, allowed.model).room).max();
        // Where nobody has room there either, it has to be more room.
        let is_larger = !larger.with_room.is_empty() || most(&larger) > most(&first);
        if larger.serving.is_empty() || !is_larger { first } else { larger }
    }

    /// The first route for that model, that tenant, and a prompt of the length that was thought.
    fn route(&self, tenant: &str, model: usize, needs: &Needs) -> Option<&Route> {
        let fits = |patterns: &Vec<&str>| patterns.iter().any(|pattern| fits(pattern, tenant));
        let is_for = |route: &&Route| route.model == model && route.tenants.as_ref().is_none_or(fits);
        self.routes.iter().filter(is_for).find(|route| route.below.is_none_or(|most| needs.prompt_tokens < most))
    }

    /// Those of a route that meet what is required.
    fn within(&self, route: &Route, required: &[&Required], operation: Operation, needs: &Needs) -> Allowed {
        let may = |place: &&usize| {
            let served = self.served(**place, route.model);
            served.operations.contains(&operation)
                && !(needs.tools && served.lacks_tools)
                && required.iter().all(|all| all.is_met(&self.backends[**place]))
        };
        let asked = (needs.prompt_tokens + needs.max_output_tokens.unwrap_or(1)).max(needs.too_small.map_or(0, |room| room + 1));
        let has_room = |place: &usize| operation == Operation::Embeddings || asked <= self.served(*place, route.model).room;
        let able: BTreeSet<usize> = route.backends.iter().filter(may).copied().collect();
        let with_room: BTreeSet<usize> = able.iter().copied().filter(has_room).collect();
        Allowed {
            model: route.model,
            // A length is an estimate: where nobody has room, they may count for themselves.
            serving: if with_room.is_empty() { able } else { with_room.clone() },
            with_room,
            shadow: route.shadow.iter().filter(may).copied().filter(has_room).collect(),
        }
    }
}

#[derive(Default)]
struct Allowed {
    model: usize,
    serving: BTreeSet<usize>,
    with_room: BTreeSet<usize>,
    shadow: BTreeSet<usize>,
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
        let needs = Needs {
            tools: rng.random_bool(0.3),
            prompt_tokens: rng.random_range(0..500),
            max_output_tokens: rng.random_bool(0.3).then(|| rng.random_range(0..100)),
            too_small: rng.random_bool(0.3).then(|| *ROOMS.choose(&mut rng).unwrap()),
            ..Needs::default()
        };
        let request = Request { needs, ..Request::new(Caller::of(&names[who]), MODELS[model], operation) };
        let Allowed { model, serving: allowed, shadow: shadowed, .. } = world.allowed(TENANTS[who], model, operation, &needs);
        let index = |place: usize| policy.backends()[place].name.as_str()[1..].parse::<usize>().unwrap();
        let Ok(eligible) = policy.eligible(&request) else {
            prop_assert!(allowed.is_empty(), "refused, though {allowed:?} may serve {request:?}\n{}", text);
            continue;
        };
        let found: BTreeSet<usize> = eligible.targets().map(|target| index(target.backend.get())).collect();
        prop_assert_eq!(&found, &allowed, "{:?}\n{}", request, text);
        prop_assert_eq!(eligible.model.as_str(), MODELS[model], "{:?}\n{}", request, text);
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
