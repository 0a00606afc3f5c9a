//! The adapter: the endpoints of one region whose containers speak one API.

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, Request, Uri,
    header::{ACCEPT, CONTENT_TYPE},
    uri::InvalidUri,
};
use tradewind_protocol::{
    Capabilities, Operation, Reasoning, Support,
    chat::{ChatRequest, Dropped},
    eventstream,
    openai::{EmbeddingInput, replace_model},
    tgi::{self, Flavor},
};

use super::{
    endpoint::{Runtime, Target, Transport},
    judge,
    translate::Container as Reading,
};
use crate::{
    Adapter, Ask, Authentication, Exchange, Judgement, PrepareError, Reader, Refusal,
    openai::{Host, body::chat_body},
};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const X_AMZN_SAGEMAKER_ACCEPT: HeaderName = HeaderName::from_static("x-amzn-sagemaker-accept");
const INFERENCE_COMPONENT: HeaderName = HeaderName::from_static("x-amzn-sagemaker-inference-component");

/// What a container speaks at `/invocations`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// OpenAI's API: TGI, LMI and vLLM containers.
    OpenAi,
    /// TGI's own.
    Tgi,
    /// LMI's own.
    Lmi,
    /// TEI's own.
    Tei,
}

/// The endpoints of one region; a model's name is `ENDPOINT` or `ENDPOINT/INFERENCE-COMPONENT`.
#[derive(Debug, Clone)]
pub struct SageMaker {
    region: String,
    runtime: Runtime,
    container: Container,
}

impl SageMaker {
    /// The region of that name, such as `us-east-1`. `runtime` is the address of its runtime, where it is not the region's public one.
    ///
    /// # Errors
    /// The region or the address makes no valid address.
    pub fn new(region: &str, runtime: Option<&Uri>, container: Container) -> Result<Self, InvalidUri> {
        Ok(Self { region: region.to_owned(), runtime: Runtime::of(region, runtime)?, container })
    }

    /// The client's own body, without the model's name: the endpoint's is not the container's, and an empty one stands for the only
    /// model that a container has.
    fn openai(&self, ask: &Ask<'_>) -> Result<Exchange, PrepareError> {
        let head = ask.payload.head();
        let mut dropped = Dropped::new();
        let body = if ask.operation.can_stream() {
            chat_body(&Ask { model: "", ..*ask }, &Host::SageMakerOpenAi.habits(), &mut dropped)?
        } else {
            replace_model(ask.payload.body(), &head.model_span, "")
        };
        if head.stream && ask.operation.can_stream() {
            let request = self.request(ask, body, Transport::Frames, "text/event-stream")?;
            return Ok(translated(request, Reading::OpenAi, dropped));
        }
        let request = self.request(ask, body, Transport::Whole, "application/json")?;
        Ok(Exchange { requests: vec![request], reader: Reader::Passthrough, dropped })
    }

    fn generate(&self, ask: &Ask<'_>, chat: &ChatRequest, flavor: Flavor) -> Result<Exchange, PrepareError> {
        let mut dropped = Dropped::new();
        let body = tgi::encode_generate(chat, flavor, &mut dropped)?;
        let (transport, accept) = match (chat.stream, flavor) {
            (false, _) => (Transport::Whole, "application/json"),
            (true, Flavor::Tgi) => (Transport::Frames, "text/event-stream"),
            (true, Flavor::Lmi) => (Transport::Frames, "application/jsonlines"),
        };
        Ok(translated(self.request(ask, body.into(), transport, accept)?, Reading::Generate, dropped))
    }

    fn embed(&self, ask: &Ask<'_>) -> Result<Exchange, PrepareError> {
        let mut dropped = Dropped::new();
        let embeddings = ask.payload.embeddings()?;
        let inputs = match &embeddings.input {
            EmbeddingInput::Texts(texts) => texts.len(),
            _ => 1,
        };
        let body = tgi::encode_tei_embeddings(embeddings, &mut dropped)?;
        let request = self.request(ask, body.into(), Transport::Whole, "application/json")?;
        Ok(translated(request, Reading::Embed { inputs }, dropped))
    }

    fn rerank(&self, ask: &Ask<'_>) -> Result<Exchange, PrepareError> {
        let mut dropped = Dropped::new();
        let rerank = ask.payload.rerank()?;
        let body = tgi::encode_tei_rerank(rerank, &mut dropped)?;
        let request = self.request(ask, body.into(), Transport::Whole, "application/json")?;
        Ok(translated(request, Reading::Rerank { top_n: rerank.top_n }, dropped))
    }

    fn request(
        &self,
        ask: &Ask<'_>,
        body: Bytes,
        transport: Transport,
        accept: &'static str,
    ) -> Result<Request<Bytes>, PrepareError> {
        let unfit = |error: &dyn std::fmt::Display| PrepareError::NotOffered(format!("the endpoint `{}`: {error}", ask.model));
        let target = Target::of(ask.model);
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.runtime.invocations(target.endpoint, transport).map_err(|error| unfit(&error))?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, JSON);
        let accept = HeaderValue::from_static(accept);
        match transport {
            Transport::Whole => headers.insert(ACCEPT, accept),
            // `Accept` names the frames, and a header of SageMaker's own what they hold.
            Transport::Frames => {
                headers.insert(ACCEPT, HeaderValue::from_static(eventstream::CONTENT_TYPE));
                headers.insert(X_AMZN_SAGEMAKER_ACCEPT, accept)
            }
        };
        if let Some(component) = target.component_header().map_err(|error| unfit(&error))? {
            headers.insert(INFERENCE_COMPONENT, component);
        }
        Ok(request)
    }
}

impl Adapter for SageMaker {
    fn name(&self) -> &'static str {
        "aws.sagemaker"
    }

    fn authentication(&self) -> Authentication {
        Authentication::SigV4 { service: "sagemaker", region: self.region.clone() }
    }

    fn prepare(&self, ask: &Ask<'_>) -> Result<Exchange, PrepareError> {
        match (self.container, ask.operation) {
            (_, Operation::Infer) => {
                Err(PrepareError::NotOffered("SageMaker does not speak the Open Inference Protocol".to_owned()))
            }
            (Container::OpenAi, _) => self.openai(ask),
            (Container::Tgi, Operation::Chat) => self.generate(ask, ask.payload.chat()?, Flavor::Tgi),
            (Container::Tgi, Operation::Completions) => self.generate(ask, ask.payload.completion()?, Flavor::Tgi),
            (Container::Lmi, Operation::Chat) => self.generate(ask, ask.payload.chat()?, Flavor::Lmi),
            (Container::Lmi, Operation::Completions) => self.generate(ask, ask.payload.completion()?, Flavor::Lmi),
            (Container::Tei, Operation::Embeddings) => self.embed(ask),
            (Container::Tei, Operation::Rerank) => self.rerank(ask),
            (Container::Tgi | Container::Lmi, Operation::Embeddings | Operation::Rerank) => {
                Err(PrepareError::NotOffered(format!("a container that generates text does no {}", ask.operation)))
            }
            (Container::Tei, Operation::Chat | Operation::Completions) => {
                Err(PrepareError::NotOffered(format!("a TEI container does no {}", ask.operation)))
            }
        }
    }

    fn judge(&self, refusal: &Refusal<'_>) -> Judgement {
        judge::judge(refusal)
    }

    fn capabilities(&self, _model: &str) -> Capabilities {
        let text_only = Capabilities {
            tools: Support::No,
            forced_tools: Support::No,
            vision: Support::No,
            json_schema: Support::No,
            prefill: Support::No,
            reasoning: Reasoning::None,
            ..Capabilities::UNKNOWN
        };
        match self.container {
            Container::OpenAi => Capabilities { prefill: Support::No, ..Capabilities::UNKNOWN },
            Container::Tgi => Capabilities { json_schema: Support::Yes, ..text_only },
            Container::Lmi | Container::Tei => text_only,
        }
    }
}

fn translated(request: Request<Bytes>, reading: Reading, dropped: Dropped) -> Exchange {
    Exchange { requests: vec![request], reader: Reader::Translated(Box::new(reading)), dropped }
}
