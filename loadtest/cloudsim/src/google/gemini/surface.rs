//! The two surfaces that serve Gemini, and where they differ.

/// Who serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Surface {
    /// Vertex AI: calls have no ids, and requests may have labels.
    Vertex,
    /// Google AI Studio: calls have ids.
    AiStudio,
}
