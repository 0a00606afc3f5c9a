//! Answers of Bedrock.

use http::HeaderMap;
use tradewind_protocol::{
    anthropic::read_answer,
    bedrock::{ConverseDecoder, InvokeDecoder, ToolNames, read_chat, read_embeddings, read_rerank},
    chat::StreamDecoder,
};

use crate::{ReadError, Reply, Translate, Translated, aws::expect_event_stream};

/// Tokens of the input of InvokeModel, where the body does not tell them.
const INPUT_TOKENS: &str = "x-amzn-bedrock-input-token-count";

/// Reads answers of Converse and ConverseStream.
#[derive(Debug)]
pub(super) struct Converse {
    pub(super) names: ToolNames,
}

impl Translate for Converse {
    fn whole(&mut self, answers: &[Reply]) -> Result<Translated, ReadError> {
        Ok(Translated::Chat(read_chat(&only(answers)?.body, &self.names)?))
    }

    fn stream(&mut self, headers: &HeaderMap) -> Result<Box<dyn StreamDecoder>, ReadError> {
        expect_event_stream(headers)?;
        Ok(Box::new(ConverseDecoder::new(std::mem::take(&mut self.names))))
    }
}

/// Reads answers of Claude by InvokeModel.
#[derive(Debug)]
pub(super) struct InvokeClaude;

impl Translate for InvokeClaude {
    fn whole(&mut self, answers: &[Reply]) -> Result<Translated, ReadError> {
        Ok(Translated::Chat(read_answer(&only(answers)?.body)?))
    }

    fn stream(&mut self, headers: &HeaderMap) -> Result<Box<dyn StreamDecoder>, ReadError> {
        expect_event_stream(headers)?;
        Ok(Box::new(InvokeDecoder::new()))
    }
}

/// Reads embeddings of so many inputs.
#[derive(Debug)]
pub(super) struct Embeddings {
    pub(super) inputs: usize,
}

impl Translate for Embeddings {
    fn whole(&mut self, answers: &[Reply]) -> Result<Translated, ReadError> {
        let tokens = |reply: &Reply| reply.headers.get(INPUT_TOKENS)?.to_str().ok()?.parse().ok();
        let embeddings = read_embeddings(answers.iter().map(|reply| (reply.body.as_ref(), tokens(reply))))?;
        let vectors = embeddings.vectors.len();
        if vectors == self.inputs {
            Ok(Translated::Embeddings(embeddings))
        } else {
            Err(ReadError::Malformed(format!("{vectors} vectors for {} inputs", self.inputs)))
        }
    }

    fn stream(&mut self, _headers: &HeaderMap) -> Result<Box<dyn StreamDecoder>, ReadError> {
        Err(no_stream())
    }
}

/// Reads the answer of Rerank.
#[derive(Debug)]
pub(super) struct Rerank;

impl Translate for Rerank {
    fn whole(&mut self, answers: &[Reply]) -> Result<Translated, ReadError> {
        Ok(Translated::Rerank(read_rerank(&only(answers)?.body)?))
    }

    fn stream(&mut self, _headers: &HeaderMap) -> Result<Box<dyn StreamDecoder>, ReadError> {
        Err(no_stream())
    }
}

fn only(answers: &[Reply]) -> Result<&Reply, ReadError> {
    match answers {
        [answer] => Ok(answer),
        _ => Err(ReadError::Malformed(format!("{} answers to one request", answers.len()))),
    }
}

fn no_stream() -> ReadError {
    ReadError::Malformed("this operation has no stream".to_owned())
}
