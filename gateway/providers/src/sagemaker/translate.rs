//! Answers of containers.

use http::HeaderMap;
use tradewind_protocol::{
    chat::StreamDecoder,
    openai::{ChunkDecoder, read_chat_answer},
    tgi::{GenerateDecoder, read_generated, read_tei_embeddings, read_tei_rerank},
};

use super::parts::PayloadParts;
use crate::{ReadError, Reply, Translate, Translated, aws::expect_event_stream};

/// Reads what a container answers to one request.
#[derive(Debug)]
pub(super) enum Container {
    /// OpenAI's API. Whole answers pass through; only streams must be unwrapped.
    OpenAi,
    /// The own API of TGI and LMI.
    Generate,
    /// TEI, asked for so many embeddings.
    Embed { inputs: usize },
    /// TEI, asked for the best documents.
    Rerank { top_n: Option<u64> },
}

impl Translate for Container {
    fn whole(&mut self, answers: &[Reply]) -> Result<Translated, ReadError> {
        let [answer] = answers else {
            return Err(ReadError::Malformed(format!("{} answers to one request", answers.len())));
        };
        match self {
            Self::OpenAi => Ok(Translated::Chat(read_chat_answer(&answer.body)?)),
            Self::Generate => Ok(Translated::Chat(read_generated(&answer.body)?)),
            Self::Embed { inputs } => {
                let embeddings = read_tei_embeddings(&answer.body)?;
                let vectors = embeddings.vectors.len();
                if vectors == *inputs {
                    Ok(Translated::Embeddings(embeddings))
                } else {
                    Err(ReadError::Malformed(format!("{vectors} vectors for {inputs} inputs")))
                }
            }
            Self::Rerank { top_n } => Ok(Translated::Rerank(read_tei_rerank(&answer.body, *top_n)?)),
        }
    }

    fn stream(&mut self, headers: &HeaderMap) -> Result<Box<dyn StreamDecoder>, ReadError> {
        expect_event_stream(headers)?;
        match self {
            Self::OpenAi => Ok(Box::new(PayloadParts::new(ChunkDecoder::default()))),
            Self::Generate => Ok(Box::new(PayloadParts::new(GenerateDecoder::new()))),
            Self::Embed { .. } | Self::Rerank { .. } => Err(ReadError::Malformed("this operation has no stream".to_owned())),
        }
    }
}
