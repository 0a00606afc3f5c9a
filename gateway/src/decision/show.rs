//! Decisions as text for people.

use std::fmt::{self, Write as _};

use tradewind_policies::canary::Arm;
use tradewind_policies::decision::{
    Attempt, Candidate, Decision, Excluded, Expected, Kept, Outcome, Outgrown, Removal, Score, Shadow, Stays, TokenNames,
};

use super::explain::{Copied, Explanation};

/// One decision in one line.
#[must_use]
pub fn show_line(decision: &Decision) -> String {
    let Decision { at, id, tenant, asked, status, .. } = decision;
    let route = decision.route.as_deref().unwrap_or("-");
    let chosen = decision.chosen.as_deref().unwrap_or("-");
    let tried: Vec<_> = decision.attempts.iter().map(|made| format!("{}:{}", made.backend, made.outcome.as_str())).collect();
    let tried = if tried.is_empty() { "-".to_owned() } else { tried.join(" ") };
    let error = decision.error.as_ref().map(|error| format!(" {error}")).unwrap_or_default();
    format!("{at} {id} {tenant} {asked} {route} {chosen} {status}{error} {:.3}s {tried}", decision.total_s)
}

/// All that is known of one decision.
///
/// # Errors
/// Never: a text takes all that is written to it.
pub fn show_decision(decision: &Decision) -> Result<String, fmt::Error> {
    let mut out = String::new();
    let Decision { id, at, tenant, asked, operation, .. } = decision;
    writeln!(out, "{id}, {at}")?;
    let model = decision.model.as_ref().filter(|model| *model != asked).map(|model| format!(" ({model})")).unwrap_or_default();
    let most = decision.max_output_tokens.map(|most| format!(", at most {most}")).unwrap_or_default();
    let answers = decision.answers.map(|answers| format!(" in each of {answers} answers")).unwrap_or_default();
    writeln!(
        out,
        "tenant {tenant} asked for {operation} with {asked}{model}: about {} tokens in, {:.0} out expected{answers}{most}{}",
        decision.prompt_tokens,
        decision.expected_output_tokens,
        if decision.streamed { ", streamed" } else { "" },
    )?;
    match &decision.token_names {
        TokenNames::TheTenant => {}
        TokenNames::Nobody => writeln!(out, "its token names no tenant")?,
        TokenNames::Another(name) => writeln!(out, "its token names tenant {name}")?,
    }
    show_kept(&mut out, "claim", &decision.claims)?;
    show_kept(&mut out, "header", &decision.headers)?;
    let route = decision.route.as_deref().unwrap_or("none");
    writeln!(out, "policy {}, route {route}{}", decision.policy, arm(decision.arm))?;
    show_way(&mut out, &decision.outgrown, decision.stays.as_ref())?;
    if let Some(room) = decision.too_small {
        writeln!(out, "a backend refused it: it has more than {room} tokens")?;
    }
    show_candidates(&mut out, &decision.candidates, decision.length())?;
    show_attempts(&mut out, &decision.attempts)?;
    if let Some(Shadow { backend, fate }) = &decision.shadow {
        writeln!(out, "\nshadow {backend}: {fate}")?;
    }
    show_answer(&mut out, decision)?;
    Ok(out)
}

/// All that would be decided of a request.
///
/// # Errors
/// Never: a text takes all that is written to it.
pub fn show_explanation(explanation: &Explanation) -> Result<String, fmt::Error> {
    let mut out = String::new();
    let Explanation { policy, route, place, model, refused, prompt_tokens, expected_output_tokens, candidates, draw, .. } =
        explanation;
    let (shadow, part) = (&explanation.shadow, arm(explanation.arm));
    let place = place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
    writeln!(out, "policy {policy}, route {}{place}{part}", route.as_deref().unwrap_or("none"))?;
    if let Some(model) = model {
        writeln!(out, "model {model}, {expected_output_tokens:.0} tokens out expected")?;
    }
    show_way(&mut out, &explanation.outgrown, explanation.stays.as_ref())?;
    show_candidates(&mut out, candidates, *prompt_tokens)?;
    if let Some(refused) = refused {
        writeln!(out, "\nrefused: {refused}")?;
    } else if draw.is_empty() {
        writeln!(out, "\nno backend can be used just now")?;
    }
    if !draw.is_empty() {
        writeln!(out, "\nfirst attempt")?;
    }
    for chance in draw {
        writeln!(out, "  {:5.1} %  {} ({})", 100.0 * chance.probability, chance.backend, word(chance.reason))?;
    }
    if let Some(Copied { backend, excluded }) = shadow {
        let why = excluded.as_ref().map_or_else(|| "may be sent a copy".to_owned(), left_out_for_good);
        writeln!(out, "\nshadow {backend}: {why}")?;
    }
    Ok(out)
}

/// `claim groups: eng, ops`, a line for each.
fn show_kept(out: &mut String, what: &str, kept: &Kept) -> fmt::Result {
    for (name, values) in kept.iter() {
        let values = match values {
            None => "too long to be recorded".to_owned(),
            Some([]) => "none".to_owned(),
            // Whatever a caller has put there, it stays on its line.
            Some(values) => values.iter().map(|value| value.escape_debug().to_string()).collect::<Vec<_>>().join(", "),
        };
        writeln!(out, "{what} {name}: {values}")?;
    }
    Ok(())
}

/// By which way it came to its route, and why it went no further.
fn show_way(out: &mut String, outgrown: &[Outgrown], stays: Option<&Stays>) -> fmt::Result {
    for left in outgrown {
        writeln!(out, "{left}")?;
    }
    stays.map_or(Ok(()), |stays| writeln!(out, "{stays}"))
}

/// Which part of the sessions it is of, at the end of a line.
fn arm(arm: Option<Arm>) -> String {
    arm.map(|arm| format!(", arm {}", arm.as_str())).unwrap_or_default()
}

fn show_candidates(out: &mut String, candidates: &[Candidate], prompt_tokens: u64) -> fmt::Result {
    if candidates.is_empty() {
        return Ok(());
    }
    let width = candidates.iter().map(|candidate| candidate.backend.len()).max().unwrap_or_default();
    writeln!(out, "\ncandidates")?;
    for candidate in candidates {
        let Candidate { backend, tier, model, excluded, removed, score, expected, price_nano_usd } = candidate;
        let mut facts = Vec::new();
        facts.extend(excluded.as_ref().map(left_out_for_good));
        facts.extend(removed.map(|removed| left_out(&removed)));
        facts.extend(score.map(|score| total(&score)));
        facts.extend(
            expected.as_ref().zip(*score).into_iter().flat_map(|(expected, score)| terms(expected, &score, prompt_tokens)),
        );
        facts.extend(price_nano_usd.map(|price| format!("price {}", dollars(price))));
        let model = model.as_deref().unwrap_or("-");
        let mut facts = facts.into_iter();
        writeln!(out, "  tier {}  {backend:width$}  {}", tier + 1, facts.next().unwrap_or_else(|| model.to_owned()))?;
        for fact in facts {
            writeln!(out, "{:indent$}{fact}", "", indent = width + 12)?;
        }
    }
    Ok(())
}

fn left_out_for_good(excluded: &Excluded) -> String {
    let place = excluded.place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
    format!("left out by {}: {}{place}", excluded.stage, excluded.why)
}

fn left_out(removed: &Removal) -> String {
    let back = removed.back_in_s.map(|seconds| format!(", back in {seconds:.1} s")).unwrap_or_default();
    format!("left out for now: {}{back}", removed.reason.as_str())
}

/// `4.13 s = first token 0.42 + generation 3.60`, without what is nothing.
fn total(score: &Score) -> String {
    let Score { first_token, generation, crowding, failure, cost } = *score;
    let terms =
        [("first token", first_token), ("generation", generation), ("crowding", crowding), ("failure", failure), ("cost", cost)];
    let terms: Vec<_> = terms.iter().filter(|(_, seconds)| *seconds != 0.0).map(|(name, s)| format!("{name} {s:.3}")).collect();
    format!("{:.3} s = {}", score.total(), terms.join(" + "))
}

/// What the terms are made of.
fn terms(expected: &Expected, score: &Score, prompt_tokens: u64) -> Vec<String> {
    let Expected { base_s, prompt_s, load_s, factor, per_token_s, output_tokens, in_flight, .. } = *expected;
    let mut sum = format!("{base_s:.3}");
    if prompt_s != 0.0 {
        // By the thousand, as it is learnt.
        let thousands = ((prompt_tokens as f64 - expected.cached_tokens) / 1000.0).max(f64::MIN_POSITIVE);
        let _infallible = write!(sum, " + {:.3}·{thousands:.2} thousand tokens", prompt_s / thousands);
    }
    if load_s != 0.0 {
        let _infallible = write!(sum, " + {:.4}·{in_flight:.0} under way", load_s / in_flight.max(1.0));
    }
    let mut lines = vec![format!("first token {:.3} = ({sum}) × {factor:.2}", score.first_token)];
    if output_tokens > 0.0 {
        lines.push(format!("generation {:.3} = {output_tokens:.0} tokens × {per_token_s:.4}", score.generation));
    }
    if expected.failure_rate > 0.0 {
        lines.push(format!("failure {:.3}: {:.1} % of attempts fail", score.failure, 100.0 * expected.failure_rate));
    }
    lines.extend(expected.strain.map(in_time));
    if expected.cached_tokens > 0.0 {
        lines.push(format!("{:.0} tokens of the prompt are thought to be cached", expected.cached_tokens));
    }
    lines
}

/// What is expected as a part of what is wanted.
fn in_time(strain: f64) -> String {
    let percent = 100.0 * (strain - 1.0).abs();
    if strain <= 1.0 {
        format!("meets the SLO with {percent:.0} % to spare")
    } else {
        format!("misses the SLO by {percent:.0} %")
    }
}

fn show_attempts(out: &mut String, attempts: &[Attempt]) -> fmt::Result {
    if attempts.is_empty() {
        return Ok(());
    }
    let width = attempts.iter().map(|attempt| attempt.backend.len()).max().unwrap_or_default();
    writeln!(out, "\nattempts")?;
    for attempt in attempts {
        let Attempt { backend, turn, continues, reason, probability, despite, spilled, predicted_s, begun_s, total_s, .. } =
            attempt;
        let first = attempt.first_token_s.map(|seconds| format!("answering after {seconds:.3} s, ")).unwrap_or_default();
        let continues = if *continues { ", goes on with what broke off" } else { "" };
        let spilled = if *spilled { ", spilled from a tier that is not in time" } else { "" };
        let left = attempt.outgrown.as_ref().map(|model| format!(", too long for {model}")).unwrap_or_default();
        let despite = despite.map(|despite| format!(", despite {}", despite.as_str())).unwrap_or_default();
        writeln!(
            out,
            "  {begun_s:7.3} s  {backend:width$}  {first}{} after {total_s:.3} s; predicted {predicted_s:.3} s \
             ({}, {}, probability {probability:.3}{despite}{spilled}{continues}{left})",
            attempt.outcome.as_str(),
            word(*turn),
            word(*reason),
        )?;
    }
    Ok(())
}

fn show_answer(out: &mut String, decision: &Decision) -> fmt::Result {
    let ended = match decision.outcome {
        Outcome::Completed => "complete",
        Outcome::Interrupted => "broken off",
        Outcome::ClientClosed => "left by the caller",
        Outcome::Failed => "an error",
    };
    write!(out, "\nanswer {} from {}: {ended}", decision.status, decision.chosen.as_deref().unwrap_or("no backend"))?;
    if let Some(error) = &decision.error {
        write!(out, " ({error})")?;
    }
    write!(out, " after {:.3} s", decision.total_s)?;
    if let Some(first) = decision.first_token_s {
        write!(out, ", first token after {first:.3} s")?;
    }
    if let Some(per_token) = decision.per_token_s {
        write!(out, ", {:.1} ms a token", 1e3 * per_token)?;
    }
    if let Some(usage) = decision.usage {
        let estimated = if usage.estimated { ", estimated" } else { "" };
        write!(out, "; {} tokens in, {} out{estimated}", usage.prompt_tokens, usage.completion_tokens)?;
    }
    if let Some(cost) = decision.cost_nano_usd {
        write!(out, ", {}", dollars(cost))?;
    }
    writeln!(out)
}

/// The word of an enum in the records.
fn word(value: impl serde::Serialize) -> String {
    let word = serde_json::to_value(value).ok();
    word.as_ref().and_then(serde_json::Value::as_str).unwrap_or("?").to_owned()
}

/// To the billionth, without the zeros at the end.
fn dollars(nano_usd: u64) -> String {
    let text = format!("${}.{:09}", nano_usd / 1_000_000_000, nano_usd % 1_000_000_000);
    let short = text.trim_end_matches('0');
    if short.ends_with('.') { format!("{short}00") } else { short.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = include_str!("testdata/decision.jsonl");

    #[test]
    fn a_decision_is_told_in_full() {
        let decision = Decision::from_line(LINE.as_bytes()).unwrap();
        let text = show_decision(&decision).unwrap();
        assert_eq!(text, include_str!("testdata/decision.txt"), "{text}");
        assert!(!show_line(&decision).contains('\n'));
    }

    #[test]
    fn what_was_recorded_of_the_caller_is_told_on_a_line_each() {
        let mut decision = Decision::from_line(LINE.as_bytes()).unwrap();
        decision.token_names = TokenNames::Nobody;
        decision.claims.keep("groups", ["eng", "a\nb"]);
        decision.claims.keep("plan", []);
        decision.headers.keep("x-team", ["r"].into_iter().cycle().take(10_000));
        let text = show_decision(&decision).unwrap();
        let told = "streamed\nits token names no tenant\nclaim groups: eng, a\\nb\nclaim plan: none\nheader x-team: too long to be recorded\npolicy ";
        assert!(text.contains(told), "{text}");
    }

    #[test]
    fn money_is_told_to_the_last_digit() {
        for (nano_usd, text) in [(0, "$0.00"), (4_350_000, "$0.00435"), (2_000_000_000, "$2.00"), (1, "$0.000000001")] {
            assert_eq!(dollars(nano_usd), text);
        }
    }
}
