//! The adapter: one region of Bedrock.

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, Request, Uri,
    header::{ACCEPT, CONTENT_TYPE},
    uri::InvalidUri,
};
use tradewind_protocol::{
    Capabilities, Operation, anthropic,
    bedrock::{self, Encoded, Family, Guardrail},
    chat::{ChatRequest, ConvertError, Dropped, Target},
    eventstream,
};

use super::{
    endpoint::{Action, Endpoint},
    judge,
    translate::{Converse, Embeddings, InvokeClaude, Rerank},
};
use crate::{Adapter, Ask, Authentication, Exchange, Judgement, PrepareError, Reader, Refusal, Translate};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static(eventstream::CONTENT_TYPE);
const X_AMZN_BEDROCK_ACCEPT: HeaderName = HeaderName::from_static("x-amzn-bedrock-accept");
const GUARDRAIL_IDENTIFIER: HeaderName = HeaderName::from_static("x-amzn-bedrock-guardrailidentifier");
const GUARDRAIL_VERSION: HeaderName = HeaderName::from_static("x-amzn-bedrock-guardrailversion");

/// How Bedrock is asked to chat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Chat {
    /// Converse and ConverseStream, for every model.
    #[default]
    Converse,
    /// InvokeModel in Anthropic's dialect, for Claude.
    Anthropic,
}

/// One region of Bedrock.
#[derive(Debug, Clone)]
pub struct Bedrock {
    region: String,
    endpoint: Endpoint,
    chat: Chat,
    guardrail: Option<Guardrail>,
}

impl Bedrock {
    /// The region of that name, such as `us-east-1`. `runtime` and `agent` are the addresses of its runtime and agent runtime, where they
    /// are not the region's public ones.
    ///
    /// # Errors
    /// The region or an address makes no valid address.
    pub fn new(
        region: &str,
        runtime: Option<&Uri>,
        agent: Option<&Uri>,
        chat: Chat,
        guardrail: Option<Guardrail>,
    ) -> Result<Self, InvalidUri> {
        Ok(Self { region: region.to_owned(), endpoint: Endpoint::of(region, runtime, agent)?, chat, guardrail })
    }

    fn address(&self, model: &str, action: Action) -> Result<Uri, PrepareError> {
        self.endpoint.model(model, action).map_err(|error| PrepareError::NotOffered(format!("the model `{model}`: {error}")))
    }

    fn chat(&self, ask: &Ask<'_>, chat: &ChatRequest) -> Result<Exchange, PrepareError> {
        ask.check_begun_for_claude()?;
        match self.chat {
            Chat::Converse => self.converse(ask, chat),
            Chat::Anthropic => self.invoke_claude(ask, chat),
        }
    }

    fn converse(&self, ask: &Ask<'_>, chat: &ChatRequest) -> Result<Exchange, PrepareError> {
        let mut dropped = Dropped::new();
        let target = Target { model: ask.model, capabilities: ask.capabilities };
        let Encoded { body, names } = bedrock::encode_chat(chat, &target, self.guardrail.as_ref(), &mut dropped)?;
        let (action, accept) = if chat.stream { (Action::ConverseStream, EVENT_STREAM) } else { (Action::Converse, JSON) };
        let mut request = post(self.address(ask.model, action)?, body);
        request.headers_mut().insert(ACCEPT, accept);
        Ok(exchange(vec![request], Converse { names }, dropped))
    }

    fn invoke_claude(&self, ask: &Ask<'_>, chat: &ChatRequest) -> Result<Exchange, PrepareError> {
        let mut dropped = Dropped::new();
        let target = Target { model: ask.model, capabilities: ask.capabilities };
        let body = anthropic::encode(chat, &target, &anthropic::Options::bedrock(&[]), &mut dropped)?;
        let action = if chat.stream { Action::InvokeStream } else { Action::Invoke };
        let mut request = post(self.address(ask.model, action)?, body);
        // Of a stream, `Accept` names the frames, and a header of Bedrock's own what they hold.
        if chat.stream {
            request.headers_mut().insert(ACCEPT, EVENT_STREAM);
            request.headers_mut().insert(X_AMZN_BEDROCK_ACCEPT, JSON);
        } else {
            request.headers_mut().insert(ACCEPT, JSON);
        }
        if let Some(Guardrail { identifier, version }) = &self.guardrail {
            request.headers_mut().insert(GUARDRAIL_IDENTIFIER, guardrail_header(identifier)?);
            request.headers_mut().insert(GUARDRAIL_VERSION, guardrail_header(version)?);
        }
        Ok(exchange(vec![request], InvokeClaude, dropped))
    }

    fn embeddings(&self, ask: &Ask<'_>) -> Result<Exchange, PrepareError> {
        if !matches!(Family::of(ask.model), Family::Titan | Family::Cohere | Family::Nova) {
            let message = format!(
                "`{}` is no embedding model of Amazon Bedrock that is known: models of Titan, Cohere and Nova are, by their ids",
                ask.model
            );
            return Err(PrepareError::NotOffered(message));
        }
        let mut dropped = Dropped::new();
        let embeddings = ask.payload.embeddings()?;
        let target = Target { model: ask.model, capabilities: ask.capabilities };
        let encoded = bedrock::encode_embeddings(embeddings, &target, &mut dropped)?;
        let inputs = encoded.inputs;
        let address = self.address(ask.model, Action::Invoke)?;
        let requests = encoded.bodies.into_iter().map(|body| {
            let mut request = post(address.clone(), body);
            request.headers_mut().insert(ACCEPT, JSON);
            request
        });
        Ok(exchange(requests.collect(), Embeddings { inputs }, dropped))
    }

    fn rerank(&self, ask: &Ask<'_>) -> Result<Exchange, PrepareError> {
        let mut dropped = Dropped::new();
        let arn = self.endpoint.arn(ask.model);
        let body = bedrock::encode_rerank(ask.payload.rerank()?, &arn, &mut dropped)?;
        let mut request = post(self.endpoint.rerank().clone(), body);
        request.headers_mut().insert(ACCEPT, JSON);
        Ok(exchange(vec![request], Rerank, dropped))
    }
}

impl Adapter for Bedrock {
    fn name(&self) -> &'static str {
        "aws.bedrock"
    }

    fn authentication(&self) -> Authentication {
        Authentication::SigV4 { service: "bedrock", region: self.region.clone() }
    }

    fn prepare(&self, ask: &Ask<'_>) -> Result<Exchange, PrepareError> {
        match ask.operation {
            Operation::Chat => self.chat(ask, ask.payload.chat()?),
            Operation::Completions => self.chat(ask, ask.payload.completion()?),
            Operation::Embeddings => self.embeddings(ask),
            Operation::Rerank => self.rerank(ask),
            Operation::Infer => Err(PrepareError::NotOffered("Bedrock does not speak the Open Inference Protocol".to_owned())),
        }
    }

    fn judge(&self, refusal: &Refusal<'_>) -> Judgement {
        judge::judge(refusal)
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        super::capabilities(model)
    }
}

fn post(uri: Uri, body: Vec<u8>) -> Request<Bytes> {
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    request.headers_mut().insert(CONTENT_TYPE, JSON);
    request
}

fn exchange(requests: Vec<Request<Bytes>>, translate: impl Translate + 'static, dropped: Dropped) -> Exchange {
    Exchange { requests, reader: Reader::Translated(Box::new(translate)), dropped }
}

fn guardrail_header(text: &str) -> Result<HeaderValue, PrepareError> {
    let unfit = |_| ConvertError::unsupported("model", "The guardrail of this backend has a name that no header can carry.");
    Ok(HeaderValue::from_str(text).map_err(unfit)?)
}
