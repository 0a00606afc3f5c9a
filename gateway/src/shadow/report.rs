//! How the shadows of the policy in force fare, for an operator to look at.

use std::collections::BTreeMap;

use serde::Serialize;
use tradewind_policies::{BackendName, Policy, RouteName, decision::ShadowFate, spec::Shadow};

use super::{
    Shadows,
    board::{Figures, Pair, Seen},
};

/// One shadow of one route.
#[derive(Debug, Serialize)]
struct Report<'p> {
    route: &'p str,
    backend: &'p str,
    share: String,
    /// How many copies were drawn, by what became of each.
    requests: BTreeMap<&'static str, u64>,
    /// How many of those sent came to their ends, and how many did not.
    succeeded: u64,
    failed: u64,
    /// Of how many the client's answer failed, or was left.
    without_pair: u64,
    /// Of so many pairs, the latest, are the figures below.
    pairs: usize,
    first_token_s: Option<Compared>,
    total_s: Option<Compared>,
    /// How many times as many tokens the copies' answers have, on average.
    mean_length_ratio: Option<f64>,
    similarity: Option<Similarity>,
    spent_today_nano_usd: u64,
    max_cost_per_day_nano_usd: Option<u64>,
}

/// Times of both sides of the pairs, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Compared {
    primary: Quantiles,
    shadow: Quantiles,
    /// Those of the shadow by those of the primary.
    ratio: Quantiles,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Quantiles {
    median: f64,
    p95: f64,
}

/// How like the embeddings of both sides are, as cosines.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Similarity {
    min: f64,
    mean: f64,
}

impl Shadows {
    /// The shadows of a policy, as a JSON list by route and backend.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn report(&self, policy: &Policy) -> serde_json::Result<String> {
        let mut shadows = BTreeMap::new();
        for (route, shadow) in policy.shadows() {
            if let Some(spec) = policy.backends().get(shadow.target.backend.get()) {
                shadows.insert((route, &spec.name), shadow);
            }
        }
        let reports: Vec<_> = shadows.iter().map(|((route, backend), shadow)| self.report_of(route, backend, shadow)).collect();
        serde_json::to_string_pretty(&reports).map(|text| text + "\n")
    }

    fn report_of<'p>(&self, route: &'p RouteName, backend: &'p BackendName, shadow: &Shadow<'_>) -> Report<'p> {
        let seen = self.board(route, backend).seen();
        let count = |fate: ShadowFate| (fate.as_str(), seen.fates.get(&fate).copied().unwrap_or_default());
        Report {
            route: route.as_str(),
            backend: backend.as_str(),
            share: shadow.share.to_string(),
            requests: ShadowFate::ALL.into_iter().map(count).collect(),
            succeeded: seen.succeeded,
            failed: seen.failed,
            without_pair: seen.without_pair,
            pairs: seen.pairs.len(),
            first_token_s: compared(&seen, |figures| figures.first_token),
            total_s: compared(&seen, |figures| Some(figures.total)),
            mean_length_ratio: mean(seen.pairs.iter().filter_map(Pair::length_ratio)),
            similarity: similarity(&seen),
            spent_today_nano_usd: self.spending().of_copies(route).0,
            max_cost_per_day_nano_usd: shadow.max_cost_per_day.map(|most| most.0),
        }
    }
}

/// Times that both sides of a pair have.
fn compared(seen: &Seen, time: fn(&Figures) -> Option<f64>) -> Option<Compared> {
    let both = seen.pairs.iter().filter_map(|pair| time(&pair.primary).zip(time(&pair.shadow)));
    let (primary, shadow): (Vec<_>, Vec<_>) = both.unzip();
    let (primary, shadow) = (Quantiles::of(primary)?, Quantiles::of(shadow)?);
    let ratio = Quantiles { median: shadow.median / primary.median, p95: shadow.p95 / primary.p95 };
    Some(Compared { primary, shadow, ratio })
}

impl Quantiles {
    /// The nearest ranks.
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        let rank = |percent: usize| values.get((values.len() * percent).div_ceil(100).checked_sub(1)?).copied();
        Some(Self { median: rank(50)?, p95: rank(95)? })
    }
}

fn similarity(seen: &Seen) -> Option<Similarity> {
    let all = || seen.pairs.iter().filter_map(|pair| pair.likeness);
    let min = all().map(|likeness| likeness.min).reduce(f64::min)?;
    Some(Similarity { min, mean: mean(all().map(|likeness| likeness.mean))? })
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use tradewind_policies::SourceFile;

    use super::*;
    use crate::{limit::Spending, shadow::Side};

    const POLICY: &str = "version = 1\n\
        [backend.a]\nprovider = \"openai\"\nmodels.m = {}\n\
        [backend.b]\nprovider = \"openai\"\nmodels.m = { price = { in = 1, out = 1 } }\n\
        [[route]]\nname = \"r\"\nmatch = { model = \"m\" }\ntiers = [[\"a\"]]\n\
        shadow = { backend = \"b\", share = \"5%\", max_cost_per_day = \"$2\" }\n";

    #[test]
    fn medians_ratios_and_what_may_be_spent_are_told_of_each_shadow() {
        let policy = Policy::parse(&[SourceFile::new("policy.toml", POLICY)]).unwrap();
        let shadows = Shadows::new(Arc::new(Spending::default()));
        let board = shadows.board(&"r".parse().unwrap(), &"b".parse().unwrap());
        for (number, tokens) in (1..=20_u64).zip([10_u64, 20].into_iter().cycle()) {
            board.count(ShadowFate::Sent);
            let side = |milliseconds: u64, tokens: u64| Side {
                first_token: Some(Duration::from_millis(milliseconds)),
                total: Duration::from_millis(2 * milliseconds),
                output_tokens: Some(tokens),
                embeddings: None,
            };
            board.ended(true);
            board.compare(&side(100 * number, tokens), &side(50 * number, 2 * tokens));
        }
        board.count(ShadowFate::OverCap);
        let reports: serde_json::Value = serde_json::from_str(&shadows.report(&policy).unwrap()).unwrap();
        let report = &reports[0];
        assert_eq!((&report["route"], &report["backend"], &report["share"]), (&"r".into(), &"b".into(), &"5%".into()));
        assert_eq!((&report["requests"]["sent"], &report["requests"]["over_cap"]), (&20.into(), &1.into()));
        assert_eq!((&report["pairs"], &report["succeeded"], &report["failed"]), (&20.into(), &20.into(), &0.into()));
        let first = &report["first_token_s"];
        assert_eq!((&first["primary"]["median"], &first["primary"]["p95"]), (&1.0.into(), &1.9.into()));
        assert_eq!((&first["ratio"]["median"], &report["total_s"]["ratio"]["p95"]), (&0.5.into(), &0.5.into()));
        assert_eq!(report["mean_length_ratio"], 2.0);
        assert_eq!(report["max_cost_per_day_nano_usd"], 2_000_000_000_u64);
    }

    #[test]
    fn a_route_has_places_for_so_many_copies() {
        let shadows = Shadows::new(Arc::new(Spending::default()));
        let board = shadows.board(&"r".parse().unwrap(), &"b".parse().unwrap());
        let minute = Duration::from_secs(60);
        let places: Vec<_> = (0..16).map(|_| shadows.admit(&board, minute).unwrap()).collect();
        assert!(shadows.admit(&board, minute).is_none());
        drop(places);
        assert!(shadows.admit(&board, Duration::from_millis(10)).is_none(), "nothing could be compared");
        assert!(shadows.admit(&board, minute).is_some());
        shadows.stop();
        assert!(shadows.admit(&board, minute).is_none());
    }
}
