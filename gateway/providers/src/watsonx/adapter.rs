//! The adapter of watsonx.ai.

use http::{Uri, uri::InvalidUri};
use tradewind_protocol::{Capabilities, MaxTokensField, Operation, Support, chat::Dropped};

use super::{
    answers::Lists,
    body::{chat, completion, embeddings, rerank},
};
use crate::{
    Adapter, Ask, Authentication, Exchange, Judgement, PrepareError, Reader, Refusal, Translate,
    aws::path_segment,
    openai::shape::{Answers, judge},
    post::post,
};

/// Where the use of watsonx.ai is accounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// A project.
    Project(String),
    /// A deployment space.
    Space(String),
    /// The model's name is a deployment, which has its own.
    Deployment,
}

/// An instance of watsonx.ai.
#[derive(Debug, Clone)]
pub struct Watsonx {
    base: String,
    version: String,
    scope: Scope,
}

impl Watsonx {
    /// The instance at `base`, such as `https://us-south.ml.cloud.ibm.com`; `version` is the date of its API, such as `2024-03-13`.
    ///
    /// # Errors
    /// The base is no address.
    pub fn new(base: &str, version: &str, scope: Scope) -> Result<Self, InvalidUri> {
        let _valid: Uri = base.parse()?;
        Ok(Self { base: base.trim_end_matches('/').to_owned(), version: path_segment(version), scope })
    }

    fn address(&self, operation: &str, model: &str) -> String {
        let Self { base, version, scope } = self;
        match scope {
            Scope::Deployment => {
                format!("{base}/ml/v1/deployments/{}/text/{operation}?version={version}", path_segment(model))
            }
            Scope::Project(_) | Scope::Space(_) => format!("{base}/ml/v1/text/{operation}?version={version}"),
        }
    }
}

impl Adapter for Watsonx {
    fn name(&self) -> &'static str {
        "ibm.watsonx.ai"
    }

    fn authentication(&self) -> Authentication {
        Authentication::Bearer
    }

    fn prepare(&self, ask: &Ask<'_>) -> Result<Exchange, PrepareError> {
        let mut dropped = Dropped::new();
        let is_list = matches!(ask.operation, Operation::Embeddings | Operation::Rerank);
        if is_list && self.scope == Scope::Deployment {
            return Err(PrepareError::NotOffered(format!("deployments of watsonx.ai do not offer {}", ask.operation)));
        }
        let (path, body) = match ask.operation {
            Operation::Chat => ("chat", chat(ask, &self.scope, &mut dropped)?),
            Operation::Completions => ("chat", completion(ask, &self.scope, &mut dropped)?),
            Operation::Embeddings => ("embeddings", embeddings(ask, &self.scope, &mut dropped)?),
            Operation::Rerank => ("rerank", rerank(ask, &self.scope)?),
            Operation::Infer => {
                return Err(PrepareError::NotOffered("watsonx.ai does not speak the Open Inference Protocol".to_owned()));
            }
        };
        let path = if !is_list && ask.payload.head().stream { "chat_stream" } else { path };
        let uri = self.address(path, ask.model).parse();
        let uri = uri.map_err(|error| PrepareError::NotOffered(format!("the model `{}` has no address: {error}", ask.model)))?;
        let reader: Box<dyn Translate> = if is_list { Box::new(Lists(ask.operation)) } else { Box::new(Answers(ask.operation)) };
        Ok(Exchange { requests: vec![post(uri, body)], reader: Reader::Translated(reader), dropped })
    }

    fn judge(&self, refusal: &Refusal<'_>) -> Judgement {
        judge(refusal)
    }

    fn capabilities(&self, _model: &str) -> Capabilities {
        Capabilities { max_tokens_field: MaxTokensField::MaxTokens, prefill: Support::No, ..Capabilities::UNKNOWN }
    }
}
