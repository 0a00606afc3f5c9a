//! What a request must look like.

use crate::behaviour::Behaviour;
use crate::json::Object;
use crate::refusal::{Refusal, Why};
use crate::scene::{Form, Prompt, Thinks};

use super::version::{Version, is_beta};
use super::{Delivery, Rules, blocks, history, thinking, tools};

const FIELDS: &[&str] = &[
    "model",
    "max_tokens",
    "messages",
    "system",
    "metadata",
    "stop_sequences",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "service_tier",
    "cache_control",
    "container",
    "context_management",
    "inference_geo",
    "mcp_servers",
    "speed",
];

/// The most cache points that a request may hold.
const CACHE_POINTS: usize = 4;

/// Reads a request.
pub(super) fn read(behaviour: &Behaviour, body: &Object<'_>, rules: &Rules) -> Result<(Prompt, Delivery), Refusal> {
    known_fields(body, rules)?;
    let mut prompt = Prompt { model: model(behaviour, body, rules)?, ..Prompt::default() };
    let limit = body.count("max_tokens")?.ok_or_else(|| body.wrong("max_tokens", "is required"))?;
    prompt.limit = Some(limit);
    let thinking = thinking::read(body, limit)?;
    prompt.thinks = if thinking == thinking::Thinking::Off { Thinks::No } else { Thinks::Yes };
    sampling(body, rules.version, thinking)?;
    let mut points = usize::from(body.get("cache_control").is_some());
    points += system(body, &mut prompt)?;
    points += tools::read(body, thinking, &mut prompt)?;
    points += history::read(body, rules.version, thinking, &mut prompt)?;
    if points > CACHE_POINTS {
        return Err(body.wrong("messages", &format!("may hold no more than {CACHE_POINTS} blocks with cache_control")));
    }
    if points > 0 {
        prompt.cache = crate::scene::Cache::Point;
    }
    prompt.form = form(body)?;
    prompt.stops = stops(body)?;
    rest(body)?;
    let delivery = match rules.delivery {
        Some(delivery) => delivery,
        None if body.flag("stream")? => Delivery::Events,
        None => Delivery::Whole,
    };
    Ok((prompt, delivery))
}

fn known_fields(body: &Object<'_>, rules: &Rules) -> Result<(), Refusal> {
    let absent = |field: &&str| match *field {
        "model" => rules.model.is_none(),
        // Where the path says it, only those who forward the body as it is may repeat it.
        "stream" => !matches!(rules.version, Version::InBody(version) if version.starts_with("bedrock")),
        _ => true,
    };
    let mut known: Vec<&str> = FIELDS.iter().copied().filter(|field| absent(field)).collect();
    if let Version::InBody(version) = rules.version {
        known.extend(["anthropic_version", "anthropic_beta"]);
        if body.required_text("anthropic_version")? != version {
            return Err(body.wrong("anthropic_version", &format!("must be {version:?}")));
        }
        if let Some(unknown) = body.texts("anthropic_beta")?.iter().find(|beta| !is_beta(beta)) {
            return Err(Refusal::new(400, Why::Invalid { field: None }, format!("invalid beta flag: {unknown}")));
        }
    }
    body.only(&known)
}

fn model(behaviour: &Behaviour, body: &Object<'_>, rules: &Rules) -> Result<String, Refusal> {
    let model = match &rules.model {
        Some(model) => model.as_str(),
        None => body.required_text("model")?,
    };
    if behaviour.chat_models.iter().any(|known| known == model) {
        Ok(model.to_owned())
    } else {
        Err(Refusal::unknown_model(model))
    }
}

fn sampling(body: &Object<'_>, version: Version, thinking: thinking::Thinking) -> Result<(), Refusal> {
    for field in ["temperature", "top_p", "top_k"] {
        if version == Version::V2026 && body.has(field) {
            return Err(body.wrong(field, "is not permitted in this version of the API"));
        }
    }
    let temperature = body.number("temperature", 0.0, 1.0)?;
    body.number("top_p", 0.0, 1.0)?;
    body.count("top_k")?;
    if thinking == thinking::Thinking::Off {
        return Ok(());
    }
    if temperature.is_some_and(|temperature| temperature < 1.0) {
        return Err(body.wrong("temperature", "may only be set to 1 when thinking is enabled"));
    }
    if body.has("top_k") { Err(body.wrong("top_k", "must be unset when thinking is enabled")) } else { Ok(()) }
}

/// Reads the system's words; how many cache points they hold.
fn system(body: &Object<'_>, prompt: &mut Prompt) -> Result<usize, Refusal> {
    let Some(system) = body.place_of("system") else {
        return Ok(0);
    };
    if let Some(text) = system.value.as_str() {
        prompt.say(text);
        return Ok(0);
    }
    let mut points = 0;
    for place in system.list()? {
        let block = place.object()?;
        if block.required_text("type")? != "text" {
            return Err(block.wrong("type", "must be 'text'"));
        }
        points += blocks::cache_point(&block)?;
        prompt.say(blocks::text(&block, &[])?);
    }
    Ok(points)
}

fn form(body: &Object<'_>) -> Result<Form, Refusal> {
    let Some(config) = body.object("output_config")? else {
        return Ok(Form::Text);
    };
    config.only(&["format", "effort", "task_budget"])?;
    config.one_of("effort", &["low", "medium", "high", "xhigh", "max"])?;
    let Some(format) = config.object("format")? else {
        return Ok(Form::Text);
    };
    format.only(&["type", "schema"])?;
    format.one_of("type", &["json_schema"])?;
    format.required_object("schema")?;
    Ok(format.get("schema").cloned().map_or(Form::Json, Form::Schema))
}

fn stops(body: &Object<'_>) -> Result<Vec<String>, Refusal> {
    let stops = body.texts("stop_sequences")?;
    if stops.iter().any(|stop| stop.trim().is_empty()) {
        return Err(body.wrong("stop_sequences", "each stop sequence must contain non-whitespace"));
    }
    Ok(stops)
}

fn rest(body: &Object<'_>) -> Result<(), Refusal> {
    body.one_of("service_tier", &["auto", "standard_only"])?;
    body.one_of("speed", &["standard", "fast"])?;
    if let Some(metadata) = body.object("metadata")? {
        metadata.only(&["user_id"])?;
        metadata.text("user_id")?;
    }
    Ok(())
}
