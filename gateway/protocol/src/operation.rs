//! What a caller asks a model to do.

use std::fmt;

/// One kind of request to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Generate the next message of a conversation.
    Chat,
    /// Continue a text.
    Completions,
    /// Turn texts into vectors.
    Embeddings,
    /// Order documents by how well they answer a query.
    Rerank,
    /// Ask a predictive model, by the Open Inference Protocol.
    Infer,
}

impl Operation {
    /// Every operation, in the order in which they are listed to a reader.
    pub const ALL: [Self; 5] = [Self::Chat, Self::Completions, Self::Embeddings, Self::Rerank, Self::Infer];

    /// The name used in policy files, metrics and audit records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Rerank => "rerank",
            Self::Infer => "infer",
        }
    }

    /// Whether its answer may come as events.
    #[must_use]
    pub const fn can_stream(self) -> bool {
        matches!(self, Self::Chat | Self::Completions)
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
