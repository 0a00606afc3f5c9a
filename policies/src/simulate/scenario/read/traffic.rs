//! Reads who asks: `[arrivals]`, `[prompt]` and `[output]`.

use super::quantity::{not_negative, positive, positive_seconds, seconds, share};
use super::{Located, ReadTrace, interval, law, optional};
use crate::fault::Report;
use crate::read::{Table, Value};
use crate::simulate::law::{Law, Tokens};
use crate::simulate::scenario::{Burst, Knot, Rate, Traffic, Wave};
use crate::simulate::trace;

pub(super) fn read(top: &mut Table<'_>, read_trace: &ReadTrace<'_>, report: &mut Report<'_>) -> Traffic {
    let (prompt, output) = (top.take("prompt"), top.take("output"));
    let Some(mut arrivals) = top.required("arrivals", report, |value, report| value.table(report)) else {
        return Traffic::Traced(Vec::new());
    };
    let traffic = match arrivals.take("trace") {
        Some(file) => {
            for lengths in [prompt, output].into_iter().flatten() {
                report.fault(lengths.name_at, lengths.key.as_str(), "the trace says how long they are; remove this or the trace");
            }
            traced(file, &mut arrivals, read_trace, report)
        }
        None => Traffic::Drawn {
            rate: rate(&mut arrivals, report),
            bursts: super::elements(&mut arrivals, "burst", report).into_iter().map(|table| burst(table, report)).collect(),
            prompt: lengths("prompt", prompt, top, report),
            output: lengths("output", output, top, report),
        },
    };
    arrivals.finish(report);
    traffic
}

fn lengths(name: &str, value: Option<Value<'_>>, top: &Table<'_>, report: &mut Report<'_>) -> Tokens {
    if value.is_none() {
        report.fault(
            top.at,
            name,
            format!("missing table `[{name}]`; accepted: such as `law = \"log-normal\"`, `median = 150`, `sigma = 0.8`"),
        );
    }
    let stand_in = Tokens { law: Law::Constant(1.0), min: 1, max: 1 };
    value.and_then(|value| law::tokens(value, report)).unwrap_or(stand_in)
}

fn rate(table: &mut Table<'_>, report: &mut Report<'_>) -> Rate {
    let constant = table.optional("rate", report, positive).flatten().map(Rate::Constant);
    let steps = table.optional("steps", report, knots).flatten().map(Rate::Steps);
    let lines = table.optional("lines", report, knots).flatten().map(Rate::Lines);
    let wave = table.optional("wave", report, wave).flatten().map(Rate::Wave);
    let mut given: Vec<_> = [constant, steps, lines, wave].into_iter().flatten().collect();
    if given.len() != 1 {
        let message = "when do requests arrive? accepted: exactly one of `rate`, `steps`, `lines`, `wave`, `trace`";
        report.fault(table.at, table.key.as_str(), message);
    }
    given.pop().unwrap_or(Rate::Constant(1.0))
}

fn knots(value: Value<'_>, report: &mut Report<'_>) -> Option<Vec<Knot>> {
    let (at, key) = (value.at, value.key.clone());
    let elements: Vec<_> = value.list(report)?.into_iter().filter_map(|element| element.table(report)).collect();
    let knots: Vec<_> = elements.into_iter().map(|table| knot(table, report)).collect();
    if knots.is_empty() || !knots.is_sorted_by(|earlier, later| earlier.at < later.at) {
        report.fault(at, key, "accepted: at least one `{ at, rate }`, each later than the one before");
    } else if knots.iter().all(|knot| knot.rate == 0.0) {
        report.fault(at, key, "nobody would ever ask; accepted: at least one rate above zero");
    }
    Some(knots)
}

fn knot(mut table: Table<'_>, report: &mut Report<'_>) -> Knot {
    let at = table.required("at", report, seconds).unwrap_or_default();
    let rate = table.required("rate", report, not_negative).unwrap_or_default();
    table.finish(report);
    Knot { at, rate }
}

fn wave(value: Value<'_>, report: &mut Report<'_>) -> Option<Wave> {
    let mut table = value.table(report)?;
    let wave = Wave {
        mean: table.required("mean", report, positive).unwrap_or(1.0),
        swing: table.required("swing", report, share).unwrap_or_default(),
        period: table.required("period", report, positive_seconds).unwrap_or(1.0),
        peak: optional(&mut table, "peak", 0.0, report, seconds),
    };
    table.finish(report);
    Some(wave)
}

fn burst(mut table: Table<'_>, report: &mut Report<'_>) -> Burst {
    let (from, to) = interval(&mut table, report);
    let factor = table.required("factor", report, not_negative).unwrap_or(1.0);
    table.finish(report);
    Burst { from, to, factor }
}

fn traced(file: Value<'_>, arrivals: &mut Table<'_>, read_trace: &ReadTrace<'_>, report: &mut Report<'_>) -> Traffic {
    let speed_up = optional(arrivals, "speed_up", 1.0, report, positive);
    let skip = optional(arrivals, "skip", 0.0, report, seconds);
    let Some(Located { value: file, at, key }) = file.string(report) else {
        return Traffic::Traced(Vec::new());
    };
    let requests = read_trace(file).and_then(|text| trace::parse(&text).map_err(|error| error.to_string()));
    let requests = requests.unwrap_or_else(|error| {
        report.fault(at, key, format!("{file}: {error}"));
        Vec::new()
    });
    Traffic::Traced(trace::excerpt(requests, skip, speed_up))
}
