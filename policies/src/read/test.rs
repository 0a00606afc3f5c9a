//! Reads a `[[test]]`.

use std::fmt::Display;
use std::str::FromStr;

use super::cursor::{Located, Table, Value, shortened};
use super::draft::{Expected, Given, RawTest};
use crate::decision::Moment;
use crate::fault::{Report, accepted};
use crate::name::BackendName;
use crate::pattern::Pattern;
use crate::request::{Attributes, Needs};
use crate::spec::Feature;
use tradewind_protocol::Operation;

/// The longest name of a test, in characters: a sentence.
const LONGEST_NAME: usize = 200;

/// The test, if all of it can be read: half a test would tell of faults that are none.
pub(super) fn read(value: Value<'_>, report: &mut Report<'_>) -> Option<RawTest> {
    let (at, key) = (value.at, value.key.clone());
    let mut table = value.table(report)?;
    let name = table.optional("name", report, name);
    let given = table.required("given", report, given);
    let with = table.optional("with", report, with);
    let expect = table.required("expect", report, expect);
    table.finish(report);
    let With { down, moment } = with?.unwrap_or_default();
    Some(RawTest { name: name?, at, key, given: given?, down, moment, expect: expect? })
}

fn name(value: Value<'_>, report: &mut Report<'_>) -> Option<Located<String>> {
    let accepted = format!("one line of 1 to {LONGEST_NAME} characters");
    let Located { value: written, at, key } = value.string_such_as(&accepted, report)?;
    let fits = (1..=LONGEST_NAME).contains(&written.chars().count()) && !written.chars().any(char::is_control);
    if !fits {
        report.fault(at, key.as_str(), format!("this is no name of a test; accepted: {accepted}"));
    }
    fits.then(|| Located { value: written.to_owned(), at, key })
}

fn given(value: Value<'_>, report: &mut Report<'_>) -> Option<Given> {
    let at = value.at;
    let mut table = value.table(report)?;
    let key = table.key.clone();
    let tenant = table.optional("tenant", report, Value::parsed);
    let model = table.required("model", report, Value::parsed);
    let words = Operation::ALL.map(|operation| (operation.as_str(), operation));
    let operation = table.optional("operation", report, |value, report| value.choice(&words, report));
    let needs = needs(&mut table, report);
    let claims = table.optional("claims", report, |value, report| attributes(value, str::to_owned, report));
    let headers = table.optional("headers", report, |value, report| attributes(value, str::to_ascii_lowercase, report));
    let session = table.optional("session", report, Value::string);
    let grants = table.optional("grants", report, whole_list::<Pattern>);
    table.finish(report);
    let plain = |located: Located<_>| located.value;
    Some(Given {
        at,
        key,
        tenant: tenant?.map(plain),
        model: model?.value,
        operation: operation?,
        needs: needs?,
        claims: claims?.unwrap_or_default(),
        headers: headers?.unwrap_or_default(),
        session: session?.map(|session| session.value.to_owned()),
        grants: grants?.map(|patterns| patterns.into_iter().map(|pattern| pattern.value).collect()),
    })
}

fn needs(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Needs> {
    let count = |value: Value<'_>, report: &mut Report<'_>| {
        value.integer("0 or more", |count| u64::try_from(count).ok(), report).map(|count| count.value)
    };
    let prompt_tokens = table.optional("prompt_tokens", report, count);
    let max_output_tokens = table.optional("max_output_tokens", report, count);
    let answers = table.optional("answers", report, |value, report| {
        value.integer("1 or more", |count| u64::try_from(count).ok().filter(|count| *count > 0), report).map(|count| count.value)
    });
    let dimensions = table.optional("dimensions", report, count);
    let words = Feature::ALL.map(|feature| (feature.as_str(), feature));
    let features = table.optional("features", report, |value, report| {
        let elements: Vec<_> = value.list(report)?.into_iter().map(|element| element.choice(&words, report)).collect();
        elements.into_iter().collect::<Option<Vec<_>>>()
    });
    let features = features?.unwrap_or_default();
    Some(Needs {
        prompt_tokens: prompt_tokens?.unwrap_or_default(),
        max_output_tokens: max_output_tokens?,
        answers: answers?,
        tools: features.contains(&Feature::Tools),
        vision: features.contains(&Feature::Vision),
        json_schema: features.contains(&Feature::JsonSchema),
        logprobs: features.contains(&Feature::Logprobs),
        dimensions: dimensions?,
        too_small: None,
    })
}

/// Names with a value or a list of values each.
fn attributes(value: Value<'_>, name: fn(&str) -> String, report: &mut Report<'_>) -> Option<Attributes> {
    let mut all = Some(Vec::new());
    for entry in value.table(report)?.into_entries() {
        let name = name(entry.name);
        let values = match entry.is_string() {
            true => entry.string(report).map(|value| vec![value.value]),
            false => strings(entry, report),
        };
        match (&mut all, values) {
            (Some(all), Some(values)) => all.extend(values.into_iter().map(|value| (name.clone(), value))),
            _ => all = None,
        }
    }
    Some(all?.into_iter().collect())
}

fn strings<'t>(value: Value<'t>, report: &mut Report<'_>) -> Option<Vec<&'t str>> {
    let elements: Vec<_> = value.list(report)?.into_iter().map(|element| element.string(report)).collect();
    elements.into_iter().map(|element| element.map(|element| element.value)).collect()
}

/// What is presumed of the world.
#[derive(Default)]
struct With {
    /// Which backends are down.
    down: Vec<Located<BackendName>>,
    moment: Option<Moment>,
}

fn with(value: Value<'_>, report: &mut Report<'_>) -> Option<With> {
    let mut table = value.table(report)?;
    let down = table.optional("down", report, whole_list);
    let moment = table.optional("at", report, Value::moment);
    table.finish(report);
    Some(With { down: down?.unwrap_or_default(), moment: moment?.map(|moment| moment.value) })
}

fn expect(value: Value<'_>, report: &mut Report<'_>) -> Option<Vec<Located<Expected>>> {
    let at = value.at;
    let mut table = value.table(report)?;
    let key = table.key.clone();
    let expected = [
        expected("only", &mut table, report, |value, report| some(value, report).map(Expected::Only)),
        expected("includes", &mut table, report, |value, report| some(value, report).map(Expected::Includes)),
        expected("excludes", &mut table, report, |value, report| some(value, report).map(Expected::Excludes)),
        expected("first_tier", &mut table, report, |value, report| some(value, report).map(Expected::FirstTier)),
        expected("shadow", &mut table, report, |value, report| {
            value.unless_false(report, |value, report| value.parsed(report)).map(Expected::Shadow)
        }),
        expected("route", &mut table, report, |value, report| value.parsed(report).map(|route| Expected::Route(route.value))),
        expected("denied", &mut table, report, |value, report| value.choice(&Expected::denials(), report).map(Expected::Denied)),
        expected("no_backend", &mut table, report, |value, report| {
            value.choice(&Expected::dead_ends(), report).map(Expected::NoBackend)
        }),
    ];
    let known = table.known();
    table.finish(report);
    let expected: Vec<_> = expected.into_iter().collect::<Option<Vec<_>>>()?.into_iter().flatten().collect();
    if expected.is_empty() {
        report.fault(at, key, format!("the test expects nothing, so it could not fail{}", accepted(known)));
        return None;
    }
    refusals_stand_alone(&expected, report).then_some(expected)
}

/// One expectation; `Some(None)` if it is not stated.
fn expected<'t>(
    name: &'static str,
    table: &mut Table<'t>,
    report: &mut Report<'_>,
    read: impl FnOnce(Value<'t>, &mut Report<'_>) -> Option<Expected>,
) -> Option<Option<Located<Expected>>> {
    table.optional(name, report, |value, report| {
        let (at, key) = (value.at, value.key.clone());
        read(value, report).map(|value| Located { value, at, key })
    })
}

/// No backend serves what is refused, so nothing else can be expected of it.
fn refusals_stand_alone(expected: &[Located<Expected>], report: &mut Report<'_>) -> bool {
    let refusal = expected.iter().find(|expected| matches!(expected.value, Expected::Denied(_) | Expected::NoBackend(_)));
    let alone = expected.len() == 1;
    if let (Some(refusal), false) = (refusal, alone) {
        let message =
            "a request that is refused reaches no backend, so nothing else can be expected of it; keep this alone, or remove it";
        report.fault(refusal.at, refusal.key.as_str(), message);
    }
    refusal.is_none() || alone
}

/// A list of backends, at least one.
fn some(value: Value<'_>, report: &mut Report<'_>) -> Option<Vec<Located<BackendName>>> {
    let (at, key) = (value.at, value.key.clone());
    let backends = whole_list(value, report)?;
    if backends.is_empty() {
        report.fault(at, key, "the list is empty; name a backend, or expect `no_backend`");
        return None;
    }
    Some(backends)
}

/// A list of strings that all parse as `T`.
fn whole_list<T>(value: Value<'_>, report: &mut Report<'_>) -> Option<Vec<Located<T>>>
where
    T: FromStr,
    T::Err: Display,
{
    let elements: Vec<_> = value.list(report)?.into_iter().map(|element| element.parsed(report)).collect();
    elements.into_iter().collect()
}

/// A test by its name, or by its place in the list where it has none.
pub(crate) fn called(test: &RawTest) -> String {
    test.name.as_ref().map_or_else(|| format!("`{}`", test.key), |name| format!("`{}`", shortened(&name.value)))
}
