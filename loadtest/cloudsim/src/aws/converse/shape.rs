//! What Converse takes, after the service model `bedrock-runtime/2023-09-30`.
//!
//! Left out, and therefore refused, is what no gateway has a reason to send: prompt variables, search results, citations played back,
//! tools added or removed on the way.

use crate::shape::{Alphabet, NON_EMPTY, Shape, TEXT, Text, list, optional, required};

/// The body of Converse and ConverseStream.
pub(super) const BODY: Shape = Shape::Structure(&[
    required("messages", &MESSAGES),
    optional("system", &SYSTEM),
    optional("inferenceConfig", &INFERENCE),
    optional("toolConfig", &TOOLS),
    optional("guardrailConfig", &GUARDRAIL),
    optional("additionalModelRequestFields", &Shape::AnyObject),
    optional("additionalModelResponseFieldPaths", &Shape::List { of: &NON_EMPTY, min: 0, max: 10 }),
    optional("requestMetadata", &Shape::Map { of: &TEXT, max: 16 }),
    optional("performanceConfig", &Shape::Structure(&[optional("latency", &Shape::Choice(&["standard", "optimized"]))])),
    optional("serviceTier", &Shape::Structure(&[required("type", &TIER)])),
    optional("outputConfig", &OUTPUT),
]);

const MESSAGES: Shape = list(&MESSAGE);
// The model has a role `system` for some models only.
const MESSAGE: Shape =
    Shape::Structure(&[required("role", &Shape::Choice(&["user", "assistant"])), required("content", &CONTENT)]);
const CONTENT: Shape = list(&BLOCK);
const BLOCK: Shape = Shape::Union(&[
    optional("text", &TEXT),
    optional("image", &IMAGE),
    optional("document", &DOCUMENT),
    optional("video", &VIDEO),
    optional("audio", &AUDIO),
    optional("toolUse", &TOOL_USE),
    optional("toolResult", &TOOL_RESULT),
    optional("guardContent", &GUARDED),
    optional("cachePoint", &CACHE_POINT),
    optional("reasoningContent", &REASONING),
]);

const S3: Shape = Shape::Structure(&[required("uri", &NON_EMPTY), optional("bucketOwner", &TEXT)]);
const SOURCE: Shape = Shape::Union(&[optional("bytes", &Shape::Base64), optional("s3Location", &S3)]);
const IMAGE: Shape =
    Shape::Structure(&[required("format", &Shape::Choice(&["png", "jpeg", "gif", "webp"])), required("source", &SOURCE)]);
const VIDEO_FORMAT: Shape = Shape::Choice(&["mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"]);
const VIDEO: Shape = Shape::Structure(&[required("format", &VIDEO_FORMAT), required("source", &SOURCE)]);
const AUDIO_FORMAT: Shape = Shape::Choice(&[
    "mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg", "mpga", "pcm", "webm",
]);
const AUDIO: Shape = Shape::Structure(&[required("format", &AUDIO_FORMAT), required("source", &SOURCE)]);
const DOCUMENT_FORMAT: Shape = Shape::Choice(&["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"]);
const DOCUMENT_SOURCE: Shape = Shape::Union(&[
    optional("bytes", &Shape::Base64),
    optional("s3Location", &S3),
    optional("text", &TEXT),
    optional("content", &list(&Shape::Union(&[optional("text", &TEXT)]))),
]);
const DOCUMENT: Shape = Shape::Structure(&[
    optional("format", &DOCUMENT_FORMAT),
    required("name", &Shape::Text(Text { min: 1, max: 200, of: Alphabet::Any })),
    required("source", &DOCUMENT_SOURCE),
    optional("context", &TEXT),
    optional("citations", &Shape::Structure(&[required("enabled", &Shape::Flag)])),
]);

const TOOL_USE_ID: Shape = Shape::Text(Text { min: 1, max: 64, of: Alphabet::Id });
const TOOL_NAME: Shape = Shape::Text(Text { min: 1, max: 64, of: Alphabet::Name });
const TOOL_USE: Shape =
    Shape::Structure(&[required("toolUseId", &TOOL_USE_ID), required("name", &TOOL_NAME), required("input", &Shape::Any)]);
const TOOL_RESULT_BLOCK: Shape = Shape::Union(&[
    optional("json", &Shape::AnyObject),
    optional("text", &TEXT),
    optional("image", &IMAGE),
    optional("document", &DOCUMENT),
    optional("video", &VIDEO),
]);
const TOOL_RESULT: Shape = Shape::Structure(&[
    required("toolUseId", &TOOL_USE_ID),
    required("content", &list(&TOOL_RESULT_BLOCK)),
    optional("status", &Shape::Choice(&["success", "error"])),
]);

const CACHE_POINT: Shape =
    Shape::Structure(&[required("type", &Shape::Choice(&["default"])), optional("ttl", &Shape::Choice(&["5m", "1h"]))]);
const GUARDED_TEXT: Shape = Shape::Structure(&[
    required("text", &TEXT),
    optional("qualifiers", &list(&Shape::Choice(&["grounding_source", "query", "guard_content"]))),
]);
const GUARDED: Shape = Shape::Union(&[optional("text", &GUARDED_TEXT)]);
const THOUGHT: Shape = Shape::Structure(&[required("text", &TEXT), optional("signature", &TEXT)]);
const REASONING: Shape = Shape::Union(&[optional("reasoningText", &THOUGHT), optional("redactedContent", &Shape::Base64)]);

const SYSTEM: Shape = list(&Shape::Union(&[
    optional("text", &NON_EMPTY),
    optional("guardContent", &GUARDED),
    optional("cachePoint", &CACHE_POINT),
]));
const INFERENCE: Shape = Shape::Structure(&[
    optional("maxTokens", &Shape::Whole(1, i32::MAX as i64)),
    optional("temperature", &Shape::Number(0.0, 1.0)),
    optional("topP", &Shape::Number(0.0, 1.0)),
    optional("stopSequences", &Shape::List { of: &NON_EMPTY, min: 0, max: 2500 }),
]);

const TOOL_SPEC: Shape = Shape::Structure(&[
    required("name", &TOOL_NAME),
    optional("description", &NON_EMPTY),
    required("inputSchema", &Shape::Union(&[optional("json", &Shape::AnyObject)])),
    optional("strict", &Shape::Flag),
]);
const TOOL: Shape = Shape::Union(&[
    optional("toolSpec", &TOOL_SPEC),
    optional("systemTool", &Shape::Structure(&[required("name", &TOOL_NAME)])),
    optional("cachePoint", &CACHE_POINT),
]);
const NOTHING: Shape = Shape::Structure(&[]);
const TOOL_CHOICE: Shape = Shape::Union(&[
    optional("auto", &NOTHING),
    optional("any", &NOTHING),
    optional("tool", &Shape::Structure(&[required("name", &TOOL_NAME)])),
]);
const TOOLS: Shape = Shape::Structure(&[
    required("tools", &Shape::List { of: &TOOL, min: 1, max: usize::MAX }),
    optional("toolChoice", &TOOL_CHOICE),
]);

const GUARDRAIL: Shape = Shape::Structure(&[
    required("guardrailIdentifier", &TEXT),
    required("guardrailVersion", &TEXT),
    optional("trace", &Shape::Choice(&["enabled", "disabled", "enabled_full"])),
    optional("streamProcessingMode", &Shape::Choice(&["sync", "async"])),
]);
const TIER: Shape = Shape::Choice(&["priority", "default", "flex", "reserved"]);
const JSON_SCHEMA: Shape =
    Shape::Structure(&[required("schema", &TEXT), optional("name", &TEXT), optional("description", &TEXT)]);
const TEXT_FORMAT: Shape = Shape::Structure(&[
    required("type", &Shape::Choice(&["json_schema"])),
    required("structure", &Shape::Union(&[optional("jsonSchema", &JSON_SCHEMA)])),
]);
const OUTPUT: Shape = Shape::Structure(&[
    optional("textFormat", &TEXT_FORMAT),
    optional("effort", &Shape::Text(Text { min: 0, max: 16, of: Alphabet::Any })),
]);
