//! What `response_format` must look like.

use serde_json::Value;

use super::host::{Host, Unknown};
use super::tools::is_name;
use crate::json::Object;
use crate::refusal::Refusal;
use crate::scene::{Form, Prompt};

/// The form that the answer must have.
pub(super) fn read(host: &Host, body: &Object<'_>, prompt: &Prompt) -> Result<Form, Refusal> {
    let Some(format) = body.object("response_format")? else {
        return Ok(Form::Text);
    };
    let kind = format.required_text("type")?;
    if !host.formats.contains(&kind) {
        return Err(format.wrong("type", &format!("must be one of {:?}", host.formats)));
    }
    match kind {
        "text" => Ok(Form::Text),
        // A grammar, as TGI calls it.
        "json" | "json_object" if format.get("value").is_some() => {
            Ok(format.get("value").cloned().map_or(Form::Json, Form::Schema))
        }
        "json_object" => {
            let told = prompt.text.to_lowercase().contains("json");
            if host.unknown == Unknown::Refused && !told {
                return Err(body.wrong("messages", "must contain the word 'json' to use 'response_format' of type 'json_object'"));
            }
            Ok(Form::Json)
        }
        _ => schema(host, &format),
    }
}

fn schema(host: &Host, format: &Object<'_>) -> Result<Form, Refusal> {
    let named = format.required_object("json_schema")?;
    if host.unknown == Unknown::Refused {
        named.only(&["name", "description", "schema", "strict"])?;
        if !is_name(named.required_text("name")?) {
            return Err(named.wrong("name", "must match ^[a-zA-Z0-9_-]{1,64}$"));
        }
    }
    let Some(schema) = named.get("schema") else {
        return Ok(Form::Json);
    };
    named.required_object("schema")?;
    let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    if named.flag("strict")? && host.unknown == Unknown::Refused && !closed {
        return Err(named.wrong("schema", "needs 'additionalProperties' to be supplied and to be false"));
    }
    Ok(Form::Schema(schema.clone()))
}
