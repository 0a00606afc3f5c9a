//! What a caller asks a model to do.

use std::fmt;

/// One kind of request to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Generate the next message of a conversation.
    Chat,
    /// Turn texts into vectors.
    Embeddings,
}

impl Operation {
    /// Every operation, in the order in which they are listed to a reader.
    pub const ALL: [Self; 2] = [Self::Chat, Self::Embeddings];

    /// The name used in policy files, metrics and audit records; equal to OpenTelemetry's `gen_ai.operation.name`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
        }
    }

    /// The operation of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.as_str() == name)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
