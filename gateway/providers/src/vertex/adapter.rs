//! The adapter: one project's Vertex AI in one location.

use http::Uri;
use tradewind_protocol::{
    Capabilities, Operation,
    anthropic::{self, Options},
    chat::{Dropped, Target},
    gemini::{GoogleError, Service, encode_predict, read_predict},
};

use super::{ChatStyle, InvalidSettings, location::prefix, model::Model};
use crate::{
    Adapter, Ask, Authentication, Exchange, Judgement, PrepareError, Reader, Refusal,
    anthropic::Messages,
    gemini::{self, Generate},
    post::post,
    vectors::Vectors,
};

/// So many texts may stand in one `:predict`, except for models that take one at a time.
const TEXTS_AT_A_TIME: usize = 250;

/// One project's Vertex AI in one location.
#[derive(Debug, Clone)]
pub struct Vertex {
    prefix: String,
    chat: Option<ChatStyle>,
}

impl Vertex {
    /// The models of `project` in `location`, such as `europe-west4`, `eu` or `global`. `base` is used in place of the location's address;
    /// `chat` says what chat is spoken in, where the model's name does not.
    ///
    /// # Errors
    /// [`InvalidSettings`], where project or location is no name.
    pub fn new(project: &str, location: &str, base: Option<&Uri>, chat: Option<ChatStyle>) -> Result<Self, InvalidSettings> {
        Ok(Self { prefix: prefix(project, location, base)?, chat })
    }

    fn uri(&self, resource: &str, suffix: &str) -> Result<Uri, PrepareError> {
        let address = format!("{}/{resource}{suffix}", self.prefix);
        address.parse().map_err(|error| PrepareError::NotOffered(format!("the address of `{resource}` is not valid: {error}")))
    }

    fn style(&self, model: Model<'_>) -> ChatStyle {
        self.chat.unwrap_or_else(|| model.style())
    }

    fn chat(&self, ask: &Ask<'_>) -> Result<Exchange, PrepareError> {
        let model = Model::of(ask.model);
        let style = self.style(model);
        let resource = model.resource(style);
        let mut dropped = Dropped::new();
        let (suffix, body, reader) = match style {
            ChatStyle::Gemini => {
                let (body, method, reader) = Generate::of(ask, Service::Vertex, &mut dropped)?;
                (method.suffix(), body, Reader::Translated(Box::new(reader)))
            }
            ChatStyle::Anthropic => {
                ask.check_begun_for_claude()?;
                let chat =
                    if ask.operation == Operation::Completions { ask.payload.completion()? } else { ask.payload.chat()? };
                let target = Target { model: ask.model, capabilities: ask.capabilities };
                let body = anthropic::encode(chat, &target, &Options::vertex(), &mut dropped)?;
                let suffix = if chat.stream { ":streamRawPredict" } else { ":rawPredict" };
                (suffix, body, Reader::Translated(Box::new(Messages)))
            }
        };
        Ok(Exchange { requests: vec![post(self.uri(&resource, suffix)?, body)], reader, dropped })
    }

    fn embed(&self, ask: &Ask<'_>) -> Result<Exchange, PrepareError> {
        let mut dropped = Dropped::new();
        let request = ask.payload.embeddings()?;
        let texts = request.texts()?;
        let uri = self.uri(&Model::of(ask.model).resource(ChatStyle::Gemini), ":predict")?;
        let requests = texts.chunks(texts_at_a_time(ask.model)).map(|texts| {
            let body = encode_predict(request, texts, &mut dropped)?;
            Ok(post(uri.clone(), body))
        });
        let requests = requests.collect::<Result<_, PrepareError>>()?;
        let reader = Reader::Translated(Box::new(Vectors { read: read_predict, texts: texts.len() }));
        Ok(Exchange { requests, reader, dropped })
    }
}

impl Adapter for Vertex {
    fn name(&self) -> &'static str {
        "gcp.vertex_ai"
    }

    fn authentication(&self) -> Authentication {
        Authentication::Bearer
    }

    fn prepare(&self, ask: &Ask<'_>) -> Result<Exchange, PrepareError> {
        match ask.operation {
            Operation::Chat | Operation::Completions => self.chat(ask),
            Operation::Embeddings => self.embed(ask),
            Operation::Rerank | Operation::Infer => {
                Err(PrepareError::NotOffered(format!("Vertex AI has no {} for models", ask.operation)))
            }
        }
    }

    /// Google's own errors, or Anthropic's where its models answer themselves.
    fn judge(&self, refusal: &Refusal<'_>) -> Judgement {
        let is_anthropic = GoogleError::read(refusal.body).is_some_and(|error| error.status.is_empty() && error.code.is_none());
        if is_anthropic { crate::anthropic::judge(refusal) } else { gemini::judge(refusal) }
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        match self.style(Model::of(model)) {
            ChatStyle::Gemini => gemini::capabilities(model),
            ChatStyle::Anthropic => crate::anthropic::capabilities(model),
        }
    }
}

/// Gemini's embedding models take one text a request here, unlike at Google AI Studio.
fn texts_at_a_time(model: &str) -> usize {
    if model.contains("gemini-embedding") { 1 } else { TEXTS_AT_A_TIME }
}
