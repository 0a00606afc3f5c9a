//! What `generateContent` takes, after the vendor's SDK and API description.

use crate::shape::{Alphabet, NON_EMPTY, Shape, TEXT, Text, list, optional, required};

/// The body of `generateContent` and `streamGenerateContent`.
pub(super) static BODY: Shape = Shape::Structure(&[
    required("contents", &CONTENTS),
    optional("systemInstruction", &CONTENT),
    optional("tools", &TOOLS),
    optional("toolConfig", &TOOL_CONFIG),
    optional("safetySettings", &SAFETY_SETTINGS),
    optional("generationConfig", &GENERATION),
    optional("cachedContent", &TEXT),
    optional("labels", &Shape::Map { of: &TEXT, max: 64 }),
]);

/// Something that is said.
pub(in super::super) const CONTENT: Shape = Shape::Structure(&[optional("role", &TEXT), required("parts", &PARTS)]);
const CONTENTS: Shape = Shape::List { of: &CONTENT, min: 1, max: usize::MAX };
const PARTS: Shape = Shape::List { of: &PART, min: 1, max: usize::MAX };

/// One of text, data, call or result, and what is known of it. That it is exactly one is checked with the rules.
const PART: Shape = Shape::Structure(&[
    optional("text", &TEXT),
    optional("inlineData", &INLINE),
    optional("fileData", &FILE),
    optional("functionCall", &CALL),
    optional("functionResponse", &RESPONSE),
    optional("thought", &Shape::Flag),
    optional("thoughtSignature", &Shape::Base64),
    optional("mediaResolution", &Shape::AnyObject),
    optional("videoMetadata", &Shape::AnyObject),
]);
const INLINE: Shape =
    Shape::Structure(&[required("mimeType", &NON_EMPTY), required("data", &Shape::Base64), optional("displayName", &TEXT)]);
const FILE: Shape =
    Shape::Structure(&[optional("mimeType", &NON_EMPTY), required("fileUri", &NON_EMPTY), optional("displayName", &TEXT)]);
const CALL: Shape =
    Shape::Structure(&[optional("id", &NON_EMPTY), required("name", &FUNCTION), optional("args", &Shape::AnyObject)]);
const RESPONSE: Shape = Shape::Structure(&[
    optional("id", &NON_EMPTY),
    required("name", &FUNCTION),
    required("response", &Shape::AnyObject),
    optional("parts", &Shape::Any),
]);

/// Letters, digits, `_.:-`, up to 64 of them.
const FUNCTION: Shape = Shape::Text(Text { min: 1, max: 64, of: Alphabet::Id });
const DECLARATION: Shape = Shape::Structure(&[
    required("name", &FUNCTION),
    optional("description", &TEXT),
    optional("behavior", &Shape::Choice(&["UNSPECIFIED", "BLOCKING", "NON_BLOCKING"])),
    optional("parameters", &SCHEMA),
    optional("parametersJsonSchema", &Shape::Any),
    optional("response", &SCHEMA),
    optional("responseJsonSchema", &Shape::Any),
]);
const DECLARATIONS: Shape = list(&DECLARATION);
const TOOLS: Shape = list(&Shape::Structure(&[
    optional("functionDeclarations", &DECLARATIONS),
    optional("googleSearch", &Shape::AnyObject),
    optional("codeExecution", &Shape::AnyObject),
    optional("urlContext", &Shape::AnyObject),
]));
const CALLING: Shape = Shape::Structure(&[
    optional("mode", &Shape::Choice(&["AUTO", "ANY", "NONE", "VALIDATED", "MODE_UNSPECIFIED"])),
    optional("allowedFunctionNames", &list(&FUNCTION)),
]);
const TOOL_CONFIG: Shape =
    Shape::Structure(&[optional("functionCallingConfig", &CALLING), optional("retrievalConfig", &Shape::AnyObject)]);

const CATEGORY: Shape = Shape::Choice(&[
    "HARM_CATEGORY_HATE_SPEECH",
    "HARM_CATEGORY_DANGEROUS_CONTENT",
    "HARM_CATEGORY_HARASSMENT",
    "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    "HARM_CATEGORY_CIVIC_INTEGRITY",
    "HARM_CATEGORY_JAILBREAK",
]);
const THRESHOLD: Shape =
    Shape::Choice(&["BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_ONLY_HIGH", "BLOCK_NONE", "OFF"]);
const SAFETY_SETTINGS: Shape = list(&Shape::Structure(&[
    required("category", &CATEGORY),
    required("threshold", &THRESHOLD),
    optional("method", &Shape::Choice(&["SEVERITY", "PROBABILITY"])),
]));

const THINKING: Shape = Shape::Structure(&[
    optional("includeThoughts", &Shape::Flag),
    optional("thinkingBudget", &Shape::Whole(-1, 32_768)),
    optional("thinkingLevel", &Shape::Choice(&["MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"])),
]);
const GENERATION: Shape = Shape::Structure(&[
    optional("temperature", &Shape::Number(0.0, 2.0)),
    optional("topP", &Shape::Number(0.0, 1.0)),
    optional("topK", &Shape::Number(1.0, f64::MAX)),
    optional("candidateCount", &Shape::Whole(1, 8)),
    optional("maxOutputTokens", &Shape::Whole(1, i32::MAX as i64)),
    optional("stopSequences", &Shape::List { of: &NON_EMPTY, min: 0, max: 5 }),
    optional("presencePenalty", &Shape::Number(-2.0, 2.0)),
    optional("frequencyPenalty", &Shape::Number(-2.0, 2.0)),
    optional("seed", &Shape::Whole(i32::MIN as i64, i32::MAX as i64)),
    optional("responseLogprobs", &Shape::Flag),
    optional("logprobs", &Shape::Whole(0, 20)),
    optional("responseMimeType", &Shape::Choice(&["text/plain", "application/json", "text/x.enum"])),
    optional("responseSchema", &SCHEMA),
    optional("responseJsonSchema", &Shape::Any),
    optional("responseModalities", &list(&Shape::Choice(&["TEXT", "IMAGE", "AUDIO"]))),
    optional("thinkingConfig", &THINKING),
    optional("mediaResolution", &TEXT),
]);

const TYPE: Shape = Shape::Choice(&[
    "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL", "string", "number", "integer", "boolean", "array",
    "object", "null",
]);

/// The subset of OpenAPI's schemas; it has neither `$ref` nor `additionalProperties`.
static SCHEMA: Shape = Shape::Structure(&[
    optional("type", &TYPE),
    optional("format", &TEXT),
    optional("title", &TEXT),
    optional("description", &TEXT),
    optional("nullable", &Shape::Flag),
    optional("enum", &TEXTS),
    optional("items", &SCHEMA),
    optional("minItems", &ANY_WHOLE),
    optional("maxItems", &ANY_WHOLE),
    optional("properties", &SCHEMAS),
    optional("required", &TEXTS),
    optional("minProperties", &ANY_WHOLE),
    optional("maxProperties", &ANY_WHOLE),
    optional("minimum", &ANY_NUMBER),
    optional("maximum", &ANY_NUMBER),
    optional("minLength", &ANY_WHOLE),
    optional("maxLength", &ANY_WHOLE),
    optional("pattern", &TEXT),
    optional("example", &Shape::Any),
    optional("default", &Shape::Any),
    optional("anyOf", &SCHEMA_LIST),
    optional("propertyOrdering", &TEXTS),
]);
static SCHEMAS: Shape = Shape::Map { of: &SCHEMA, max: usize::MAX };
static SCHEMA_LIST: Shape = list(&SCHEMA);
const TEXTS: Shape = list(&TEXT);
const ANY_WHOLE: Shape = Shape::Whole(i64::MIN, i64::MAX);
const ANY_NUMBER: Shape = Shape::Number(f64::MIN, f64::MAX);
