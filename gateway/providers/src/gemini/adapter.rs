//! The adapter: Google AI Studio.

use http::{HeaderName, Uri};
use tradewind_protocol::{
    Capabilities, Operation,
    chat::Dropped,
    gemini::{Service, encode_batch_embed, read_batch_embed},
};

use super::{Generate, capabilities};
use crate::{
    Adapter, Ask, Authentication, Exchange, Judgement, PrepareError, Reader, Refusal, aws::path_segment, post::post,
    vectors::Vectors,
};

/// So many texts may stand in one `batchEmbedContents`.
const TEXTS_AT_A_TIME: usize = 100;

/// Google AI Studio.
#[derive(Debug, Clone)]
pub struct Gemini {
    base: String,
}

impl Gemini {
    /// The API that begins at `base`, such as `https://generativelanguage.googleapis.com/v1beta`.
    #[must_use]
    pub fn new(base: &Uri) -> Self {
        Self { base: base.to_string().trim_end_matches('/').to_owned() }
    }

    fn uri(&self, resource: &str, suffix: &str) -> Result<Uri, PrepareError> {
        let address = format!("{}/{resource}{suffix}", self.base);
        address.parse().map_err(|error| PrepareError::NotOffered(format!("the address of `{resource}` is not valid: {error}")))
    }

    fn generate(&self, ask: &Ask<'_>) -> Result<Exchange, PrepareError> {
        let mut dropped = Dropped::new();
        let (body, method, reader) = Generate::of(ask, Service::AiStudio, &mut dropped)?;
        let uri = self.uri(&resource(ask.model), method.suffix())?;
        Ok(Exchange { requests: vec![post(uri, body)], reader: Reader::Translated(Box::new(reader)), dropped })
    }

    fn embed(&self, ask: &Ask<'_>) -> Result<Exchange, PrepareError> {
        let mut dropped = Dropped::new();
        let request = ask.payload.embeddings()?;
        let texts = request.texts()?;
        let resource = resource(ask.model);
        let uri = self.uri(&resource, ":batchEmbedContents")?;
        let requests = texts.chunks(TEXTS_AT_A_TIME).map(|texts| {
            let body = encode_batch_embed(request, &resource, texts, &mut dropped)?;
            Ok(post(uri.clone(), body))
        });
        let requests = requests.collect::<Result<_, PrepareError>>()?;
        let reader = Reader::Translated(Box::new(Vectors { read: read_batch_embed, texts: texts.len() }));
        Ok(Exchange { requests, reader, dropped })
    }
}

impl Adapter for Gemini {
    fn name(&self) -> &'static str {
        "gcp.gemini"
    }

    fn authentication(&self) -> Authentication {
        Authentication::Header(HeaderName::from_static("x-goog-api-key"))
    }

    fn prepare(&self, ask: &Ask<'_>) -> Result<Exchange, PrepareError> {
        match ask.operation {
            Operation::Chat | Operation::Completions => self.generate(ask),
            Operation::Embeddings => self.embed(ask),
            Operation::Rerank | Operation::Infer => {
                Err(PrepareError::NotOffered(format!("the Gemini API has no {}", ask.operation)))
            }
        }
    }

    fn judge(&self, refusal: &Refusal<'_>) -> Judgement {
        super::judge(refusal)
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        capabilities(model)
    }
}

/// The name of the model as a resource: `models/…` or `tunedModels/…`.
fn resource(model: &str) -> String {
    let (kind, name) = match model.split_once('/') {
        Some((kind @ ("models" | "tunedModels"), name)) => (kind, name),
        _ => ("models", model),
    };
    format!("{kind}/{}", path_segment(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_named_with_or_without_its_kind_and_stays_in_its_place() {
        for (model, expected) in [
            ("gemini-2.5-pro", "models/gemini-2.5-pro"),
            ("models/gemini-2.5-pro", "models/gemini-2.5-pro"),
            ("tunedModels/mine", "tunedModels/mine"),
            ("models/../files/x?key=1", "models/..%2Ffiles%2Fx%3Fkey%3D1"),
            ("..", "models/%2E%2E"),
        ] {
            assert_eq!(resource(model), expected);
        }
    }
}
