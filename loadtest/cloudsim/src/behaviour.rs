//! What the simulated cloud offers when it behaves.

/// What the simulated cloud offers when it behaves.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// The bearer token it demands; without one, it accepts every caller.
    pub token: Option<String>,
    /// The models it chats with.
    pub chat_models: Vec<String>,
    /// The models it embeds with.
    pub embedding_models: Vec<String>,
    /// The answer to every chat, in the pieces in which it is streamed; each counts as one token.
    pub answer: Vec<String>,
    /// The length of its embeddings, where the request asks for none.
    pub dimensions: usize,
}

impl Default for Behaviour {
    /// Token `sk-sim`, models `sim-chat` and `sim-embed`, a short answer.
    fn default() -> Self {
        Self {
            token: Some("sk-sim".into()),
            chat_models: vec!["sim-chat".into()],
            embedding_models: vec!["sim-embed".into()],
            answer: ["The", " wind", " blows", " from", " the", " east", "."].map(String::from).into(),
            dimensions: 8,
        }
    }
}
