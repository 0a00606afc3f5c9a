//! What the simulated cloud offers when it behaves.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::aws::{AccessKey, AccessKeys};
use crate::google::ServiceAccounts;
use crate::pace::Pace;
use crate::tokens::Tokens;

/// What the simulated cloud offers when it behaves.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// The key it demands, in the place where the cloud wants keys; without one, it accepts every caller.
    pub token: Option<String>,
    /// Tokens that it accepts besides the key, and issues where it is its own identity service.
    pub tokens: Tokens,
    /// How long the tokens that it issues last.
    pub token_lifetime: Duration,
    /// The client that may ask for tokens: id and secret.
    pub client: (String, String),
    /// The keys that sign for AWS.
    pub access_keys: AccessKeys,
    /// The service accounts of Google.
    pub service_accounts: ServiceAccounts,
    /// What the secret managers keep, by name.
    pub secrets: BTreeMap<String, String>,
    /// The models it chats with.
    pub chat_models: Vec<String>,
    /// The models it embeds with.
    pub embedding_models: Vec<String>,
    /// The models it reranks with.
    pub rerank_models: Vec<String>,
    /// The answer to a chat that asks for nothing else, in the pieces in which it is streamed; each counts as one token.
    pub answer: Vec<String>,
    /// How long that answer is.
    pub length: Length,
    /// The length of its embeddings, where the request asks for none.
    pub dimensions: usize,
    /// How fast it answers.
    pub pace: Pace,
}

/// How long an answer is that nothing else asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Length {
    /// As it is written, or up to the limit of the request.
    #[default]
    AsWritten,
    /// It is said again and again, up to the limit of the request; as it is written where there is none.
    ToTheLimit,
}

impl Default for Behaviour {
    /// Key `sk-sim`, client `sim-client` with `sim-secret`, AWS key `AKIASIM` with `sim-secret-key`, secret `sim-secret`, models `sim-chat`,
    /// `sim-embed` and `sim-rerank`, and those whose names AWS goes by; a short answer at once.
    fn default() -> Self {
        Self {
            token: Some("sk-sim".into()),
            tokens: Tokens::default(),
            token_lifetime: Duration::from_secs(3600),
            access_keys: AccessKeys::new([AccessKey {
                id: "AKIASIM".into(),
                secret: "sim-secret-key".into(),
                session_token: None,
                expires: None,
            }]),
            service_accounts: ServiceAccounts::default(),
            secrets: BTreeMap::from([("sim-secret".into(), "sk-sim".into())]),
            client: ("sim-client".into(), "sim-secret".into()),
            chat_models: ["sim-chat", "tgi-chat", "lmi-chat"].map(String::from).into(),
            embedding_models: ["sim-embed", "tei-embed", "amazon.titan-embed-text-v2:0"].map(String::from).into(),
            rerank_models: vec!["sim-rerank".into()],
            answer: ["The", " wind", " blows", " from", " the", " east", "."].map(String::from).into(),
            length: Length::default(),
            dimensions: 8,
            pace: Pace::default(),
        }
    }
}
