//! The adapter of Azure's surfaces.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Uri, uri::InvalidUri};
use tradewind_protocol::{Capabilities, Operation, Support, chat::Dropped, openai::replace_model};

use super::Surface;
use crate::{
    Adapter, Ask, Authentication, Exchange, Judgement, PrepareError, Reader, Refusal,
    openai::shape::{
        AZURE, AZURE_BEFORE_STREAM_OPTIONS, Answers, FOUNDRY, Habits, chat_body, completion_by_chat, judge, openai_model,
    },
    post::post,
};

const API_KEY: HeaderName = HeaderName::from_static("api-key");
/// What the model inference API does with fields that it does not know.
const EXTRA_PARAMETERS: HeaderName = HeaderName::from_static("extra-parameters");

/// A resource of Azure OpenAI or Azure AI Foundry.
#[derive(Debug, Clone)]
pub struct Azure {
    base: String,
    surface: Surface,
    habits: Habits,
}

impl Azure {
    /// The resource at `base`, such as `https://NAME.openai.azure.com`: an absolute address without a query.
    ///
    /// # Errors
    /// The base is no address.
    pub fn new(base: &str, surface: Surface) -> Result<Self, InvalidUri> {
        let _valid: Uri = base.parse()?;
        let habits = match surface {
            Surface::ModelInference(_) => FOUNDRY,
            _ if surface.is_before_stream_options() => AZURE_BEFORE_STREAM_OPTIONS,
            Surface::V1 | Surface::Dated(_) => AZURE,
        };
        let base = base.trim_end_matches('/');
        let base = if surface == Surface::V1 { base.strip_suffix("/openai/v1").unwrap_or(base) } else { base };
        Ok(Self { base: base.to_owned(), surface, habits })
    }

    fn translate(&self, ask: &Ask<'_>, dropped: &mut Dropped) -> Result<(Bytes, Reader), PrepareError> {
        let is_inference = matches!(self.surface, Surface::ModelInference(_));
        Ok(match ask.operation {
            Operation::Completions if is_inference => {
                let reader = Reader::Translated(Box::new(Answers(Operation::Completions)));
                (completion_by_chat(ask, &self.habits, dropped)?, reader)
            }
            Operation::Chat | Operation::Completions => (chat_body(ask, &self.habits, dropped)?, Reader::Passthrough),
            Operation::Embeddings => {
                (replace_model(ask.payload.body(), &ask.payload.head().model_span, ask.model), Reader::Passthrough)
            }
            Operation::Rerank | Operation::Infer => {
                return Err(PrepareError::NotOffered(format!("{} does not offer {}", self.habits.name, ask.operation)));
            }
        })
    }
}

impl Adapter for Azure {
    fn name(&self) -> &'static str {
        self.habits.name
    }

    fn authentication(&self) -> Authentication {
        Authentication::Header(API_KEY)
    }

    fn prepare(&self, ask: &Ask<'_>) -> Result<Exchange, PrepareError> {
        let mut dropped = Dropped::new();
        let (body, reader) = self.translate(ask, &mut dropped)?;
        let uri = self.surface.uri(&self.base, ask.operation, ask.model);
        let uri =
            uri.map_err(|error| PrepareError::NotOffered(format!("the deployment `{}` has no address: {error}", ask.model)))?;
        let mut request = post(uri, body);
        if matches!(self.surface, Surface::ModelInference(_)) {
            request.headers_mut().insert(EXTRA_PARAMETERS, HeaderValue::from_static("pass-through"));
        }
        Ok(Exchange { requests: vec![request], reader, dropped })
    }

    fn judge(&self, refusal: &Refusal<'_>) -> Judgement {
        judge(refusal)
    }

    /// A deployment may have any name. One that is named after a model that thinks is taken for it: such a model refuses what others take,
    /// while the others take what it is sent.
    fn capabilities(&self, model: &str) -> Capabilities {
        let capabilities = openai_model(model);
        let capabilities = if capabilities.sampling.is_yes() { Capabilities::UNKNOWN } else { capabilities };
        // It answers a last message of the assistant instead of going on with it.
        Capabilities { prefill: Support::No, ..capabilities }
    }
}
