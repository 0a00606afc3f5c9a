//! In which of its forms the dialect is written.

/// Who reads it, and how schemas are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Who reads it.
    pub service: Service,
    /// How schemas are written.
    pub schema: SchemaForm,
}

/// Who serves Gemini.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Google AI Studio, the Gemini API: takes ids of function calls, no `labels`.
    AiStudio,
    /// Vertex AI: refuses ids of function calls, takes `labels`.
    Vertex,
}

/// How the schemas of answers and of functions are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SchemaForm {
    /// As they came, in `responseJsonSchema` and `parametersJsonSchema`: Gemini 2.5 and later.
    #[default]
    Json,
    /// Reduced to the part of OpenAPI 3.0 that `responseSchema` and `parameters` take: older models.
    OpenApi,
}
