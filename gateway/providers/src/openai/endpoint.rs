//! Where the operations live below a base address.

use http::{Uri, uri::InvalidUri};
use tradewind_protocol::Operation;

use super::host::{Completions, Embeds, Habits, Reranks};

/// The addresses of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    chat: Uri,
    completions: Uri,
    embeddings: Uri,
    rerank: Uri,
}

impl Endpoint {
    /// The server whose API begins at `base`, such as `http://127.0.0.1:8000/v1`: an absolute address without a query. What is not
    /// OpenAI's stands beside its `/v1`.
    ///
    /// # Errors
    /// The address grows too long with the path of an operation, or is none.
    pub(crate) fn of(base: &str, habits: &Habits) -> Result<Self, InvalidUri> {
        let base = base.trim_end_matches('/');
        let root = base.strip_suffix("/v1").unwrap_or(base);
        let completions = match habits.offers.completions {
            Completions::ByChat => "chat/completions",
            Completions::Own | Completions::No => "completions",
        };
        let embeddings = match habits.offers.embeddings {
            Embeds::Snowflake => format!("{root}/inference:embed"),
            Embeds::Tei => format!("{root}/v1/embeddings"),
            Embeds::Same | Embeds::Mistral | Embeds::No => format!("{base}/embeddings"),
        };
        let rerank = match habits.offers.rerank {
            Reranks::Tei => format!("{root}/rerank"),
            Reranks::Same | Reranks::No => format!("{base}/rerank"),
        };
        Ok(Self {
            chat: format!("{base}/chat/completions").parse()?,
            completions: format!("{base}/{completions}").parse()?,
            embeddings: embeddings.parse()?,
            rerank: rerank.parse()?,
        })
    }

    /// Where to send an operation, by POST, if it is one of this API.
    pub(crate) const fn uri(&self, operation: Operation) -> Option<&Uri> {
        match operation {
            Operation::Chat => Some(&self.chat),
            Operation::Completions => Some(&self.completions),
            Operation::Embeddings => Some(&self.embeddings),
            Operation::Rerank => Some(&self.rerank),
            Operation::Infer => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openai::Host;

    #[test]
    fn a_slash_at_the_end_makes_no_difference() {
        for base in ["http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1/"] {
            let endpoint = Endpoint::of(base, &Host::Vllm.habits()).unwrap();
            assert_eq!(endpoint.uri(Operation::Chat).unwrap(), "http://127.0.0.1:8000/v1/chat/completions");
            assert_eq!(endpoint.uri(Operation::Embeddings).unwrap(), "http://127.0.0.1:8000/v1/embeddings");
        }
    }

    #[test]
    fn a_server_may_have_no_path_of_its_own() {
        let endpoint = Endpoint::of("http://[::1]:8000", &Host::Vllm.habits()).unwrap();
        assert_eq!(endpoint.uri(Operation::Chat).unwrap(), "http://[::1]:8000/chat/completions");
    }

    #[test]
    fn what_is_not_openais_stands_beside_it() {
        for base in ["http://127.0.0.1:8080/v1", "http://127.0.0.1:8080"] {
            let endpoint = Endpoint::of(base, &Host::Tei.habits()).unwrap();
            assert_eq!(endpoint.uri(Operation::Rerank).unwrap(), "http://127.0.0.1:8080/rerank");
            assert_eq!(endpoint.uri(Operation::Embeddings).unwrap(), "http://127.0.0.1:8080/v1/embeddings");
        }
    }
}
