//! The adapter of all OpenAI-shaped hosts.

use bytes::Bytes;
use http::uri::InvalidUri;
use tradewind_protocol::{
    Capabilities, MaxTokensField, Operation, Support,
    chat::{Dropped, Target},
    openai::{encode_chat, replace_model},
};

use super::{
    Host,
    answers::Answers,
    begun::WithoutEcho,
    body::{adapt, chat_body, unreadable, unwritable},
    endpoint::Endpoint,
    host::{self, Completions, Embeds, Habits, Prefill, Reranks},
    judge::judge,
    lists,
    models::openai_model,
    object::Object,
};
use crate::{Adapter, Ask, Authentication, Exchange, Judgement, PrepareError, Reader, Refusal, post::post};

/// A host of OpenAI's API.
#[derive(Debug, Clone)]
pub struct OpenAi {
    host: Host,
    habits: Habits,
    endpoint: Endpoint,
    authentication: Authentication,
}

impl OpenAi {
    /// The host whose API begins at `base`, such as `https://api.openai.com/v1`: an absolute address without a query.
    ///
    /// # Errors
    /// The base is no address.
    pub fn new(host: Host, base: &str, authentication: Authentication) -> Result<Self, InvalidUri> {
        let habits = host.habits();
        Ok(Self { host, endpoint: Endpoint::of(base, &habits)?, habits, authentication })
    }

    /// The body, how its answer is read, and what was left out of it.
    fn translate(&self, ask: &Ask<'_>, dropped: &mut Dropped) -> Result<(Bytes, Reader), PrepareError> {
        let offers = &self.habits.offers;
        let translated = || Reader::Translated(Box::new(Answers(ask.operation)));
        let renamed = || replace_model(ask.payload.body(), &ask.payload.head().model_span, ask.model);
        Ok(match ask.operation {
            Operation::Chat => {
                let begun = ask.payload.begun().filter(|_| self.habits.prefill == Prefill::EchoedPrefix);
                let reader = match (begun, self.habits.answers) {
                    (Some(begun), _) => {
                        let answers = Answers(ask.operation);
                        Reader::Translated(Box::new(WithoutEcho { answers, begun: begun.to_owned() }))
                    }
                    (None, host::Answers::Same) => Reader::Passthrough,
                    (None, host::Answers::Varied) => translated(),
                };
                (chat_body(ask, &self.habits, dropped)?, reader)
            }
            Operation::Completions => match offers.completions {
                Completions::Own => (chat_body(ask, &self.habits, dropped)?, Reader::Passthrough),
                Completions::ByChat => (completion_by_chat(ask, &self.habits, dropped)?, translated()),
                Completions::No => return Err(self.not_offered(ask.operation)),
            },
            Operation::Embeddings => match offers.embeddings {
                Embeds::Same | Embeds::Tei => (renamed(), Reader::Passthrough),
                Embeds::Mistral => (lists::mistral_embeddings(ask, dropped)?, Reader::Passthrough),
                Embeds::Snowflake => (lists::snowflake_embeddings(ask, dropped)?, translated()),
                Embeds::No => return Err(self.not_offered(ask.operation)),
            },
            Operation::Rerank => match offers.rerank {
                Reranks::Same => (renamed(), translated()),
                Reranks::Tei => (lists::tei_rerank(ask, dropped)?, translated()),
                Reranks::No => return Err(self.not_offered(ask.operation)),
            },
            Operation::Infer => return Err(self.not_offered(ask.operation)),
        })
    }

    /// Whether it can be asked to go on with an answer. DeepSeek's beta takes other requests than its API does, at an address of its own.
    fn prefill(&self) -> Support {
        match self.habits.prefill {
            Prefill::Unasked => Support::No,
            Prefill::Prefix if !self.endpoint.uri(Operation::Chat).is_some_and(|uri| uri.path().starts_with("/beta/")) => {
                Support::No
            }
            Prefill::Flags | Prefill::Prefix | Prefill::EchoedPrefix => Support::Yes,
        }
    }

    fn not_offered(&self, operation: Operation) -> PrepareError {
        PrepareError::NotOffered(format!("{} does not offer {operation}", self.habits.name))
    }
}

impl Adapter for OpenAi {
    fn name(&self) -> &'static str {
        self.habits.name
    }

    fn authentication(&self) -> Authentication {
        self.authentication.clone()
    }

    fn prepare(&self, ask: &Ask<'_>) -> Result<Exchange, PrepareError> {
        let mut dropped = Dropped::new();
        let (body, reader) = self.translate(ask, &mut dropped)?;
        let uri = self.endpoint.uri(ask.operation).ok_or_else(|| self.not_offered(ask.operation))?;
        let request = post(uri.clone(), body);
        Ok(Exchange { requests: vec![request], reader, dropped })
    }

    fn judge(&self, refusal: &Refusal<'_>) -> Judgement {
        judge(refusal)
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        let capabilities = match self.host {
            Host::OpenAi => openai_model(model),
            // It keeps to JSON, but not to a schema.
            Host::DeepSeek => Capabilities { json_schema: Support::No, ..Capabilities::UNKNOWN },
            _ => Capabilities::UNKNOWN,
        };
        let capabilities = Capabilities { prefill: self.prefill(), ..capabilities };
        match capabilities.max_tokens_field {
            MaxTokensField::AsWritten => Capabilities { max_tokens_field: self.habits.max_tokens, ..capabilities },
            _ => capabilities,
        }
    }
}

/// The body of a text completion, as a chat with one message.
pub(crate) fn completion_by_chat(ask: &Ask<'_>, habits: &Habits, dropped: &mut Dropped) -> Result<Bytes, PrepareError> {
    let target = Target { model: ask.model, capabilities: ask.capabilities };
    let body = encode_chat(ask.payload.completion()?, &target, dropped)?;
    let mut object = Object::read(&body).map_err(unreadable)?;
    adapt(&mut object, ask, habits, dropped)?;
    object.write().map(Bytes::from).map_err(unwritable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_host_with_a_word_for_it_goes_on_with_an_answer() {
        for (host, base, can) in [
            (Host::Vllm, "http://localhost/v1", true),
            (Host::SgLang, "http://localhost/v1", true),
            (Host::Mistral, "https://api.mistral.ai/v1", true),
            (Host::DeepSeek, "https://api.deepseek.com/beta", true),
            (Host::DeepSeek, "https://api.deepseek.com/v1", false),
            (Host::OpenAi, "https://api.openai.com/v1", false),
            (Host::Nim, "http://localhost/v1", false),
        ] {
            let adapter = OpenAi::new(host, base, Authentication::Bearer).unwrap();
            assert_eq!(adapter.capabilities("m").prefill.is_yes(), can, "{host:?} {base}");
        }
    }
}
