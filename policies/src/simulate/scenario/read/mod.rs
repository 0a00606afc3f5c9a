//! From the text of a scenario to a [`Scenario`], or to everything that is wrong with it.
//!
//! A part that cannot be read is reported and a stand-in takes its place, so that reading goes on and finds the rest;
//! the report then keeps the scenario from ever being made.

mod backend;
mod event;
mod law;
mod quantity;
mod traffic;

use toml::de::DeTable;

use super::{Scenario, Told, Window};
use crate::fault::{At, PolicyErrors, Report};
use crate::read::{Located, Table, Value};
use crate::simulate::arena::Arena;
use crate::source::SourceFile;
use crate::spec::Timeouts;

/// Returns the text of the file that a scenario's `trace` names, or what is wrong with it.
pub type ReadTrace<'r> = dyn Fn(&str) -> Result<String, String> + 'r;

/// Attempts that a request may have, unless the scenario says otherwise: one, and one failover.
const ATTEMPTS: usize = 2;
/// The share of requests that may be sent twice, unless the scenario says otherwise.
const HEDGE_BUDGET: f64 = 0.05;
/// How many slips of syntax are shown: one bracket too few is told again on each line after it.
const MOST_SLIPS: usize = 5;
/// More gateways, attempts or hedges than this are a slip of the finger.
const MOST: i64 = 1000;

pub(super) fn read(source: SourceFile, read_trace: &ReadTrace<'_>) -> Result<Scenario, PolicyErrors> {
    let files = [source];
    let mut report = Report::new(&files);
    let [SourceFile { text, .. }] = &files;
    let (tree, slips) = DeTable::parse_recoverable(text);
    for slip in slips.iter().take(MOST_SLIPS) {
        let at = At::new(0, slip.span().unwrap_or(0..0));
        report.fault(at, "", format!("not TOML: {}", slip.message().replace('\n', "; ")));
    }
    // The mended tree of a broken file is a guess, and its faults would be false.
    if !slips.is_empty() {
        return Err(report.into_errors());
    }
    let scenario = top(Table::new(String::new(), At::top_of(0), tree.get_ref()), read_trace, &mut report);
    report.into_result(scenario)
}

fn top(mut table: Table<'_>, read_trace: &ReadTrace<'_>, report: &mut Report<'_>) -> Scenario {
    let name = table.required("name", report, quantity::text).unwrap_or_default();
    let description = optional(&mut table, "description", String::new(), report, quantity::text).trim().to_owned();
    let horizon = table.required("horizon", report, quantity::positive_seconds).unwrap_or(1.0);
    let warm_up = optional(&mut table, "warm_up", 0.0, report, quantity::seconds);
    let gateways = optional(&mut table, "gateways", 1, report, quantity::count);
    let attempts = optional(&mut table, "attempts", ATTEMPTS, report, quantity::count);
    let usual = Timeouts::default().first_token.as_secs_f64();
    let first_token_timeout = optional(&mut table, "first_token_timeout", usual, report, quantity::positive_seconds);
    let policy = match table.take("policy").and_then(|value| value.table(report)) {
        Some(table) => told(table, report),
        None => Told::default(),
    };
    let traffic = traffic::read(&mut table, read_trace, report);
    let backends: Vec<_> = elements(&mut table, "backend", report);
    if backends.is_empty() {
        report.fault(table.at, "", "no backend; add at least one `[[backend]]`");
    }
    let mut backends: Vec<_> = backends.into_iter().map(|table| backend::read(table, report)).collect();
    backend::check_names(&backends, report);
    for event in elements(&mut table, "event", report) {
        event::read(event, &mut backends, report);
    }
    let windows = elements(&mut table, "window", report).into_iter().map(|table| window(table, report)).collect();
    if warm_up >= horizon {
        report.fault(table.at, "warm_up", "nothing would be counted; accepted: less than `horizon`");
    }
    table.finish(report);
    let backends: Arena<_, _> = backends.into_iter().map(|read: Located<_>| read.value).collect();
    Scenario { name, description, horizon, warm_up, gateways, attempts, first_token_timeout, policy, traffic, backends, windows }
}

fn told(mut table: Table<'_>, report: &mut Report<'_>) -> Told {
    let usual = Told::default();
    let told = Told {
        hedge: optional(&mut table, "hedge", usual.hedge, report, |value, report| value.boolean(report)),
        max_hedges: optional(&mut table, "max_hedges", usual.max_hedges, report, quantity::count),
        hedge_budget: optional(&mut table, "hedge_budget", usual.hedge_budget, report, quantity::share),
        one_cent_buys: table.optional("one_cent_buys", report, quantity::seconds).flatten(),
        cheapest_within: table.optional("cheapest_within", report, quantity::positive_seconds).flatten(),
    };
    table.finish(report);
    told
}

fn window(mut table: Table<'_>, report: &mut Report<'_>) -> Window {
    let name = table.required("name", report, quantity::text).unwrap_or_default();
    let (from, to) = interval(&mut table, report);
    table.finish(report);
    Window { name, from, to }
}

/// `from`, or the beginning; and `to`, or the end.
fn interval(table: &mut Table<'_>, report: &mut Report<'_>) -> (f64, f64) {
    let from = optional(table, "from", 0.0, report, quantity::seconds);
    let to = optional(table, "to", f64::INFINITY, report, quantity::seconds);
    if to <= from {
        report.fault(table.at, table.key.as_str(), "it would be over before it begins; accepted: a `to` after `from`");
    }
    (from, to)
}

/// What `read` makes of `name`, or `usual` where it is absent or faulty.
fn optional<'t, T>(
    table: &mut Table<'t>,
    name: &'static str,
    usual: T,
    report: &mut Report<'_>,
    read: impl FnOnce(Value<'t>, &mut Report<'_>) -> Option<T>,
) -> T {
    table.optional(name, report, read).flatten().unwrap_or(usual)
}

/// The tables of `[[name]]`.
fn elements<'t>(table: &mut Table<'t>, name: &'static str, report: &mut Report<'_>) -> Vec<Table<'t>> {
    let elements = table.optional(name, report, |value, report| value.list(report)).flatten().unwrap_or_default();
    elements.into_iter().filter_map(|element| element.table(report)).collect()
}

impl Default for Told {
    fn default() -> Self {
        Self { hedge: true, max_hedges: 1, hedge_budget: HEDGE_BUDGET, one_cent_buys: None, cheapest_within: None }
    }
}
