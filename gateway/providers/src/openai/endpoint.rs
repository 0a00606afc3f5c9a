//! Where the operations live below a base address.

use http::{Uri, uri::InvalidUri};
use tradewind_protocol::Operation;

/// The addresses of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    chat: Uri,
    completions: Uri,
    embeddings: Uri,
    rerank: Uri,
}

impl Endpoint {
    /// The server whose API begins at `base`, such as `http://127.0.0.1:8000/v1`: an absolute address without a query.
    ///
    /// # Errors
    /// The address grows too long with the path of an operation.
    pub fn below(base: &Uri) -> Result<Self, InvalidUri> {
        let base = base.to_string();
        let below = |path: &str| format!("{}/{path}", base.trim_end_matches('/')).parse();
        Ok(Self {
            chat: below("chat/completions")?,
            completions: below("completions")?,
            embeddings: below("embeddings")?,
            rerank: below("rerank")?,
        })
    }

    /// Where to send an operation, by POST.
    #[must_use]
    pub const fn uri(&self, operation: Operation) -> &Uri {
        match operation {
            Operation::Chat => &self.chat,
            Operation::Completions => &self.completions,
            Operation::Embeddings => &self.embeddings,
            Operation::Rerank => &self.rerank,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_the_end_makes_no_difference() {
        for base in ["http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1/"] {
            let endpoint = Endpoint::below(&base.parse().unwrap()).unwrap();
            assert_eq!(endpoint.uri(Operation::Chat), "http://127.0.0.1:8000/v1/chat/completions");
            assert_eq!(endpoint.uri(Operation::Embeddings), "http://127.0.0.1:8000/v1/embeddings");
        }
    }

    #[test]
    fn a_server_may_have_no_path_of_its_own() {
        let endpoint = Endpoint::below(&"http://[::1]:8000".parse().unwrap()).unwrap();
        assert_eq!(endpoint.uri(Operation::Chat), "http://[::1]:8000/chat/completions");
    }
}
