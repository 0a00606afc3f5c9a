//! The adapter: Cohere, or a private deployment of it.

use http::{Uri, uri::InvalidUri};
use tradewind_protocol::{
    Capabilities, Operation,
    chat::{Dropped, Target},
    cohere::{encode_chat, encode_embed, encode_rerank, read_embed},
};

use super::translate::Answer;
use crate::{Adapter, Ask, Authentication, Exchange, Judgement, PrepareError, Reader, Refusal, post::post, vectors::Vectors};

/// So many texts may stand in one request for vectors.
const TEXTS_AT_A_TIME: usize = 96;

/// Cohere.
#[derive(Debug, Clone)]
pub struct Cohere {
    chat: Uri,
    embed: Uri,
    rerank: Uri,
}

impl Cohere {
    /// The API below `base`, such as `https://api.cohere.com`; `/v2` is added unless it stands there already.
    ///
    /// # Errors
    /// The address grows too long with the path of an operation.
    pub fn new(base: &Uri) -> Result<Self, InvalidUri> {
        let base = base.to_string();
        let base = base.trim_end_matches('/').trim_end_matches("/v2");
        let below = |path: &str| format!("{base}/v2/{path}").parse();
        Ok(Self { chat: below("chat")?, embed: below("embed")?, rerank: below("rerank")? })
    }
}

impl Adapter for Cohere {
    fn name(&self) -> &'static str {
        "cohere"
    }

    fn authentication(&self) -> Authentication {
        Authentication::Bearer
    }

    fn prepare(&self, ask: &Ask<'_>) -> Result<Exchange, PrepareError> {
        let mut dropped = Dropped::new();
        let target = Target { model: ask.model, capabilities: ask.capabilities };
        let one = |uri: &Uri, body, answer: Answer| (vec![post(uri.clone(), body)], Reader::Translated(Box::new(answer)));
        let (requests, reader) = match ask.operation {
            Operation::Chat => one(&self.chat, encode_chat(ask.payload.chat()?, &target, &mut dropped)?, Answer::Chat),
            Operation::Completions => {
                one(&self.chat, encode_chat(ask.payload.completion()?, &target, &mut dropped)?, Answer::Chat)
            }
            Operation::Rerank => {
                one(&self.rerank, encode_rerank(ask.payload.rerank()?, ask.model, &mut dropped)?, Answer::Rerank)
            }
            Operation::Infer => {
                return Err(PrepareError::NotOffered("Cohere's API does not speak the Open Inference Protocol".to_owned()));
            }
            Operation::Embeddings => {
                let request = ask.payload.embeddings()?;
                let texts = request.texts()?;
                let requests = texts.chunks(TEXTS_AT_A_TIME).map(|texts| {
                    let body = encode_embed(request, ask.model, texts, &mut dropped)?;
                    Ok(post(self.embed.clone(), body))
                });
                let requests = requests.collect::<Result<_, PrepareError>>()?;
                (requests, Reader::Translated(Box::new(Vectors { read: read_embed, texts: texts.len() })))
            }
        };
        Ok(Exchange { requests, reader, dropped })
    }

    fn judge(&self, refusal: &Refusal<'_>) -> Judgement {
        super::judge(refusal)
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        super::capabilities(model)
    }
}
