//! Single values.

use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::read::providers;

macro_rules! values {
    ($($name:ident $schema:tt)+) => {$(
        pub(super) struct $name;

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )+};
}

values! {
    Name { "type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$" }
    Model { "type": "string", "minLength": 1, "maxLength": 256 }
    ModelPattern { "type": "string", "minLength": 1, "maxLength": 256 }
    Text { "type": "string", "minLength": 1 }
    Path { "type": "string", "minLength": 1 }
    Jurisdiction { "type": "string", "minLength": 2, "examples": ["EU", "EEA", "DE", "CH"] }
    Date { "type": "string", "format": "date" }
    Moment { "type": "string", "format": "date-time" }
    Url { "type": "string", "pattern": "^https?://" }
    Duration { "type": "string", "pattern": "^[0-9]", "examples": ["500ms", "30s", "10m"] }
    Money { "type": "string", "pattern": "^\\$[0-9]+(\\.[0-9]{1,9})?$", "examples": ["$0.25", "$400"] }
    Share { "type": "string", "pattern": "^[0-9]+(\\.[0-9]{1,2})?%$", "examples": ["5%", "2.5%"] }
    Secret {
        "type": "string",
        "pattern": "^(env|file|aws-sm|azure-kv|gcp-sm|vault):.+",
        "examples": ["env:OPENAI_API_KEY", "file:/run/secrets/openai", "vault:secret/llm#key"],
    }
    Count { "type": "integer", "minimum": 1 }
    Tokens { "type": "integer", "minimum": 0 }
    AbortIf {
        "type": "string",
        "pattern": "^ *(error_rate|ttft_p50|ttft_p95|ttft_p99|tpot_p50|tpot_p95) *>",
        "examples": ["error_rate > 2% or ttft_p95 > 2x", "ttft_p95 > 1.5s or tpot_p95 > 40ms"],
    }
    Weight { "type": "integer", "minimum": 0, "maximum": 1_000_000 }
    Number { "type": "number", "minimum": 0 }
    Device { "type": "string", "pattern": "^(auto|cpu|cuda(:[0-9]+)?)$" }
    Concurrency {
        "anyOf": [{ "type": "integer", "minimum": 1, "maximum": 100_000 }, { "enum": ["adaptive", "unlimited"] }],
    }
    Provider { "enum": providers() }
    OneOrMany {
        "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
    }
}

/// A value, or a list of them.
pub(super) struct OneOrMore<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for OneOrMore<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{} or several", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one.clone(), { "type": "array", "minItems": 1, "items": one }] })
    }
}

/// A value, or `false` for none.
pub(super) struct OrFalse<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for OrFalse<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{} or false", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "const": false }, generator.subschema_for::<T>()] })
    }
}

/// A value, a name to look it up by, or `false` for none.
pub(super) struct NameOrFalse<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for NameOrFalse<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}, its name or false", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "const": false }, { "type": "string" }, generator.subschema_for::<T>()] })
    }
}
