//! What a run came to, or is foretold to come to.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Failure;
use crate::records::Record;

const DAY: f64 = 86_400.0;

/// What a run came to, in the world's time.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    /// The share of requests that went first to each backend.
    pub(crate) shares: BTreeMap<String, f64>,
    pub(crate) usd_per_day: f64,
    pub(crate) p95_ttft_s: f64,
    /// The share of requests that move, as `plan` foretells it; none of a run.
    pub(crate) moved: Option<f64>,
}

impl Figures {
    /// Of records, in the order of the trace.
    pub(crate) fn of(records: &[Record], speed: f64) -> Result<Self, Failure> {
        let mut shares = BTreeMap::new();
        for record in records {
            *shares.entry(record.went().unwrap_or("nowhere").to_owned()).or_insert(0.0) += 1.0 / records.len() as f64;
        }
        let dollars: f64 = records.iter().filter_map(|record| record.cost_nano_usd).map(|nano| nano as f64 * 1e-9).sum();
        let mut first: Vec<f64> = records.iter().filter_map(|record| record.first_token_s).collect();
        first.sort_by(f64::total_cmp);
        let p95 = first.get(first.len() * 95 / 100).ok_or("no answer had a first token")?;
        Ok(Self { shares, usd_per_day: dollars * DAY / (span(records)? * speed), p95_ttft_s: p95 * speed, moved: None })
    }

    /// What they become by what `plan` says.
    pub(crate) fn foretold(&self, plan: &Value, requests: usize, speed: f64) -> Result<Self, Failure> {
        let figure =
            |name: &str| plan.get(name).and_then(Value::as_f64).ok_or_else(|| format!("the plan does not tell `{name}`: {plan}"));
        let rows = plan.pointer("/traffic/by_backend").and_then(Value::as_array).ok_or("the plan does not tell of backends")?;
        let share = |row: &Value| {
            let after = row.get("requests_after").and_then(Value::as_f64)?;
            Some((row.get("name")?.as_str()?.to_owned(), after / requests as f64))
        };
        Ok(Self {
            shares: rows.iter().filter_map(share).collect(),
            usd_per_day: self.usd_per_day + figure("cost_delta_usd_per_day")? / speed,
            p95_ttft_s: self.p95_ttft_s + figure("p95_ttft_delta_s")? * speed,
            moved: Some(figure("share_moved")?),
        })
    }

    /// How much of the traffic is elsewhere in all: what moves one way and what moves the other make up for each other.
    pub(crate) fn net_moved(&self, before: &Self) -> f64 {
        let names = self.shares.keys().chain(before.shares.keys().filter(|name| !self.shares.contains_key(*name)));
        let share = |of: &Self, name: &str| of.shares.get(name).copied().unwrap_or(0.0);
        names.map(|name| (share(self, name) - share(before, name)).abs()).sum::<f64>() / 2.0
    }
}

/// Seconds from the first request to the last.
fn span(records: &[Record]) -> Result<f64, Failure> {
    let mut moments = Vec::with_capacity(records.len());
    for record in records {
        moments.push(OffsetDateTime::parse(&record.at, &Rfc3339)?);
    }
    let (Some(first), Some(last)) = (moments.iter().min(), moments.iter().max()) else {
        return Err("nothing was recorded".into());
    };
    Ok((*last - *first).as_seconds_f64().max(1e-3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(shares: &[(&str, f64)]) -> Figures {
        let shares = shares.iter().map(|(name, share)| ((*name).to_owned(), *share)).collect();
        Figures { shares, usd_per_day: 10.0, p95_ttft_s: 1.0, moved: None }
    }

    #[test]
    fn what_moves_in_all_is_what_backends_lose() {
        let before = figures(&[("a", 0.5), ("b", 0.5)]);
        assert!((figures(&[("b", 0.6), ("c", 0.4)]).net_moved(&before) - 0.5).abs() < 1e-12);
        assert_eq!(before.net_moved(&before), 0.0);
    }

    #[test]
    fn a_forecast_is_told_in_the_time_of_the_world() {
        let plan = serde_json::json!({
            "share_moved": 0.3, "cost_delta_usd_per_day": -20.0, "p95_ttft_delta_s": 0.1,
            "traffic": { "by_backend": [{ "name": "b", "requests_after": 150.0 }] },
        });
        let foretold = figures(&[("a", 1.0)]).foretold(&plan, 200, 5.0).unwrap();
        assert_eq!((foretold.usd_per_day, foretold.p95_ttft_s, foretold.moved), (6.0, 1.5, Some(0.3)));
        assert_eq!(foretold.shares["b"], 0.75);
        assert!(figures(&[]).foretold(&serde_json::json!({}), 1, 1.0).is_err());
    }
}
