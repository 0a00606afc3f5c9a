//! The columns of the exported table: their names, their types, and what of a decision is in them.

use std::borrow::Cow;

use tradewind_policies::decision::{Attempt, Candidate, Decision, Expected, Kept, Score, TokenNames, Tokens};

/// A value of a column.
#[derive(Debug, PartialEq)]
pub(super) enum Value<'r> {
    Flag(bool),
    Number(i64),
    Real(f64),
    /// Microseconds since 1970.
    Moment(i64),
    Text(Cow<'r, str>),
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Flag,
    Number,
    Real,
    Moment,
    Text,
}

/// Whether each row has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Always,
    Sometimes,
}

/// One column of rows `R`.
pub(super) struct Column<R> {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) presence: Presence,
    pub(super) read: fn(&R) -> Option<Value<'_>>,
}

macro_rules! columns {
    ($row:ty: $($name:ident $kind:ident $presence:ident = $read:expr;)+) => {
        vec![$(Column::<$row> { name: stringify!($name), kind: Kind::$kind, presence: Presence::$presence, read: $read },)+]
    };
}

fn text(text: &str) -> Value<'_> {
    Value::Text(Cow::Borrowed(text))
}

fn number(number: u64) -> Value<'static> {
    // Parquet's unsigned integers are not read everywhere.
    Value::Number(i64::try_from(number).unwrap_or(i64::MAX))
}

/// The word of an enum in the records.
fn word(value: impl serde::Serialize) -> Option<Value<'static>> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Some(Value::Text(Cow::Owned(word))),
        _ => None,
    }
}

/// Names with their values as a JSON object; none where none were to be recorded.
fn kept(kept: &Kept) -> Option<Value<'static>> {
    if kept.is_empty() { None } else { serde_json::to_string(kept).ok().map(|json| Value::Text(Cow::Owned(json))) }
}

/// The tenant that the token names.
fn named(decision: &Decision) -> Option<Value<'_>> {
    match &decision.token_names {
        TokenNames::TheTenant => Some(text(&decision.tenant)),
        TokenNames::Nobody => None,
        TokenNames::Another(name) => Some(text(name)),
    }
}

fn tokens(decision: &Decision, read: fn(&Tokens) -> u64) -> Option<Value<'static>> {
    decision.usage.as_ref().map(|usage| number(read(usage)))
}

fn score(candidate: &Candidate, read: fn(&Score) -> f64) -> Option<Value<'static>> {
    candidate.score.as_ref().map(|score| Value::Real(read(score)))
}

fn expected(candidate: &Candidate, read: fn(&Expected) -> f64) -> Option<Value<'static>> {
    candidate.expected.as_ref().map(|expected| Value::Real(read(expected)))
}

/// Those of a decision itself.
pub(super) fn of_decisions() -> Vec<Column<Decision>> {
    columns! { Decision:
        id Text Always = |d| Some(text(&d.id));
        received_at Moment Always = |d| Some(Value::Moment(i64::try_from(d.at.micros()).unwrap_or(i64::MAX)));
        share Real Always = |d| Some(Value::Real(d.share));
        policy Text Always = |d| Some(text(&d.policy));
        route Text Sometimes = |d| d.route.as_deref().map(text);
        tenant Text Always = |d| Some(text(&d.tenant));
        asked Text Always = |d| Some(text(&d.asked));
        model Text Sometimes = |d| d.model.as_deref().map(text);
        operation Text Always = |d| Some(text(d.operation.as_str()));
        streamed Flag Always = |d| Some(Value::Flag(d.streamed));
        estimated_prompt_tokens Number Always = |d| Some(number(d.prompt_tokens));
        max_output_tokens Number Sometimes = |d| d.max_output_tokens.map(number);
        too_small_room Number Sometimes = |d| d.too_small.map(number);
        answers Number Always = |d| Some(number(d.answers()));
        expected_output_tokens Real Always = |d| Some(Value::Real(d.expected_output_tokens));
        needs_tools Flag Always = |d| Some(Value::Flag(d.needs.tools));
        needs_vision Flag Always = |d| Some(Value::Flag(d.needs.vision));
        needs_json_schema Flag Always = |d| Some(Value::Flag(d.needs.json_schema));
        needs_logprobs Flag Always = |d| Some(Value::Flag(d.needs.logprobs));
        needs_dimensions Number Sometimes = |d| d.needs.dimensions.map(number);
        session Text Sometimes = |d| d.session.as_deref().map(text);
        claims Text Sometimes = |d| kept(&d.claims);
        headers Text Sometimes = |d| kept(&d.headers);
        token_names Text Sometimes = named;
        arm Text Sometimes = |d| d.arm.map(|arm| text(arm.as_str()));
        outgrown_route Text Sometimes = |d| d.outgrown.first().map(|outgrown| text(&outgrown.route));
        outgrown_model Text Sometimes = |d| d.outgrown.first().map(|outgrown| text(&outgrown.model));
        shadow Text Sometimes = |d| d.shadow.as_ref().map(|shadow| text(&shadow.backend));
        shadow_fate Text Sometimes = |d| d.shadow.as_ref().map(|shadow| text(shadow.fate.as_str()));
        chosen Text Sometimes = |d| d.chosen.as_deref().map(text);
        prompt_tokens Number Sometimes = |d| tokens(d, |usage| usage.prompt_tokens);
        completion_tokens Number Sometimes = |d| tokens(d, |usage| usage.completion_tokens);
        cached_tokens Number Sometimes = |d| tokens(d, |usage| usage.cached_tokens);
        cache_write_tokens Number Sometimes = |d| tokens(d, |usage| usage.cache_write_tokens);
        reasoning_tokens Number Sometimes = |d| tokens(d, |usage| usage.reasoning_tokens);
        tokens_estimated Flag Sometimes = |d| d.usage.map(|usage| Value::Flag(usage.estimated));
        cost_nano_usd Number Sometimes = |d| d.cost_nano_usd.map(number);
        first_token_s Real Sometimes = |d| d.first_token_s.map(Value::Real);
        per_token_s Real Sometimes = |d| d.per_token_s.map(Value::Real);
        total_s Real Always = |d| Some(Value::Real(d.total_s));
        status Number Always = |d| Some(number(d.status.into()));
        outcome Text Always = |d| word(d.outcome);
        error Text Sometimes = |d| d.error.as_deref().map(text);
    }
}

/// Those of the structs in the list `candidates`.
pub(super) fn of_candidates() -> Vec<Column<Candidate>> {
    columns! { Candidate:
        backend Text Always = |c| Some(text(&c.backend));
        model Text Sometimes = |c| c.model.as_deref().map(text);
        tier Number Always = |c| Some(number(c.tier.into()));
        excluded_stage Text Sometimes = |c| c.excluded.as_ref().map(|excluded| text(&excluded.stage));
        excluded_why Text Sometimes = |c| c.excluded.as_ref().map(|excluded| text(&excluded.why));
        excluded_place Text Sometimes = |c| c.excluded.as_ref()?.place.as_deref().map(text);
        removed Text Sometimes = |c| c.removed.map(|removed| text(removed.reason.as_str()));
        removed_back_in_s Real Sometimes = |c| c.removed?.back_in_s.map(Value::Real);
        score_s Real Sometimes = |c| score(c, Score::total);
        score_first_token_s Real Sometimes = |c| score(c, |score| score.first_token);
        score_generation_s Real Sometimes = |c| score(c, |score| score.generation);
        score_crowding_s Real Sometimes = |c| score(c, |score| score.crowding);
        score_failure_s Real Sometimes = |c| score(c, |score| score.failure);
        score_cost_s Real Sometimes = |c| score(c, |score| score.cost);
        base_s Real Sometimes = |c| expected(c, |expected| expected.base_s);
        prompt_s Real Sometimes = |c| expected(c, |expected| expected.prompt_s);
        load_s Real Sometimes = |c| expected(c, |expected| expected.load_s);
        factor Real Sometimes = |c| expected(c, |expected| expected.factor);
        per_token_s Real Sometimes = |c| expected(c, |expected| expected.per_token_s);
        output_tokens Real Sometimes = |c| expected(c, |expected| expected.output_tokens);
        cached_tokens Real Sometimes = |c| expected(c, |expected| expected.cached_tokens);
        in_flight Real Sometimes = |c| expected(c, |expected| expected.in_flight);
        failure_rate Real Sometimes = |c| expected(c, |expected| expected.failure_rate);
        slo_strain Real Sometimes = |c| c.expected.as_ref()?.strain.map(Value::Real);
        price_nano_usd Number Sometimes = |c| c.price_nano_usd.map(number);
    }
}

/// Those of the structs in the list `attempts`.
pub(super) fn of_attempts() -> Vec<Column<Attempt>> {
    columns! { Attempt:
        backend Text Always = |a| Some(text(&a.backend));
        outgrown_model Text Sometimes = |a| a.outgrown.as_deref().map(text);
        turn Text Always = |a| word(a.turn);
        continues Flag Always = |a| Some(Value::Flag(a.continues));
        reason Text Always = |a| word(a.reason);
        probability Real Always = |a| Some(Value::Real(a.probability));
        despite Text Sometimes = |a| a.despite.map(|despite| text(despite.as_str()));
        spilled Flag Always = |a| Some(Value::Flag(a.spilled));
        predicted_s Real Always = |a| Some(Value::Real(a.predicted_s));
        begun_s Real Always = |a| Some(Value::Real(a.begun_s));
        first_token_s Real Sometimes = |a| a.first_token_s.map(Value::Real);
        total_s Real Always = |a| Some(Value::Real(a.total_s));
        outcome Text Always = |a| Some(text(a.outcome.as_str()));
    }
}
