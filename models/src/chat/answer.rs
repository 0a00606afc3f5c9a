//! One answer in the making: chooses its tokens.

use std::sync::Arc;

use super::generation::{LikelyToken, TokenLikelihood};
use super::grammars::Grammars;
use super::guide::Guide;
use super::speech::{Heeded, Speech};
use super::{Event, Finish, GenerateError};
use crate::sample::{Likelihood, Likelihoods, Sampler};
use crate::tokenizer::Tokenizer;

/// One answer to a request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) request: u64,
    pub(super) choice: usize,
    sampler: Sampler,
    guide: Guide,
    speech: Speech,
    /// A token that is structure, and how it is written where it begins a call.
    marker: Option<(u32, &'static str)>,
    /// The most tokens that it may have.
    longest: usize,
    generated: usize,
    /// How many of the likeliest tokens to tell with each, if any.
    logprobs: Option<usize>,
    is_over: bool,
}

/// What all answers of a model have in common.
#[derive(Debug)]
pub(super) struct Vocabulary {
    pub(super) tokenizer: Tokenizer,
    /// Tokens that end a turn.
    pub(super) stop_tokens: Vec<u32>,
    /// Where the grammars come from that answers are held to.
    pub(super) grammars: Arc<Grammars>,
}

/// How an answer goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// With these tokens: the one that was chosen, and those that must follow.
    Tokens(Vec<u32>),
    /// Not at all.
    End(Finish),
}

/// What makes an answer.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) request: u64,
    pub(super) choice: usize,
    pub(super) sampler: Sampler,
    pub(super) guide: Guide,
    pub(super) speech: Speech,
    pub(super) marker: Option<(u32, &'static str)>,
    pub(super) longest: usize,
    pub(super) logprobs: Option<usize>,
}

impl Answer {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { request, choice, sampler, guide, speech, marker, longest, logprobs } = parts;
        Self { request, choice, sampler, guide, speech, marker, longest, generated: 0, logprobs, is_over: false }
    }

    /// Whether it is complete.
    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Tokens so far.
    pub(super) const fn generated(&self) -> usize {
        self.generated
    }

    /// The most tokens that may still come.
    pub(super) const fn left(&self) -> usize {
        self.longest.saturating_sub(self.generated)
    }

    /// What holds it to its grammar.
    pub(super) const fn guide(&mut self) -> &mut Guide {
        &mut self.guide
    }

    /// Chooses the token that stands at this place of the sequence, and hands what there is to tell of it to `tell`.
    pub(super) fn next(
        &mut self,
        logits: &[f32],
        place: usize,
        vocabulary: &Vocabulary,
        mut tell: impl FnMut(Event),
    ) -> Result<Next, GenerateError> {
        if self.left() == 0 {
            return Ok(self.end(Finish::Length, &mut tell));
        }
        let mask = self.guide.mask()?;
        let token = self.sampler.sample(logits, place, mask.as_ref())?;
        self.generated += 1;
        if vocabulary.stop_tokens.contains(&token) {
            return Ok(self.end(Finish::Stop, &mut tell));
        }
        if let Some(top) = self.logprobs {
            self.speech.note(described(&Likelihoods::of(logits, token, top), &vocabulary.tokenizer));
        }
        self.guide.accept(token)?;
        if let Some(end) = self.push(token, vocabulary, &mut tell) {
            return Ok(end);
        }
        let mut tokens = vec![token];
        // How likely a token is, only the model can say.
        let most = if self.logprobs.is_none() { self.left() } else { 0 };
        for token in self.guide.take_forced(most)? {
            self.generated += 1;
            self.sampler.note(token);
            if let Some(end) = self.push(token, vocabulary, &mut tell) {
                return Ok(end);
            }
            tokens.push(token);
        }
        if self.guide.is_complete() {
            Ok(self.end(Finish::Stop, &mut tell))
        } else if self.left() == 0 {
            Ok(self.end(Finish::Length, &mut tell))
        } else {
            Ok(Next::Tokens(tokens))
        }
    }

    /// Tells a token that it has. Something, if a stop string ends the answer there.
    fn push(&mut self, token: u32, vocabulary: &Vocabulary, tell: &mut impl FnMut(Event)) -> Option<Next> {
        let shown = self.marker.filter(|(marker, _)| *marker == token).map(|(_, shown)| shown);
        let mut heeded = self.speech.push(token, shown, tell);
        if heeded == Heeded::GoesOn
            && let Some(marked) = self.speech.marked()
        {
            let is_call = vocabulary.grammars.get().is_ok_and(|constrainer| self.guide.call(marked, constrainer));
            heeded = self.speech.settle(is_call, tell);
        }
        (heeded == Heeded::Stops).then(|| {
            let finish = self.speech.stop();
            self.finished(finish, tell)
        })
    }

    /// Ends the answer with what was held back.
    fn end(&mut self, finish: Finish, tell: &mut impl FnMut(Event)) -> Next {
        let finish = self.speech.end(finish, tell);
        self.finished(finish, tell)
    }

    fn finished(&mut self, finish: Finish, tell: &mut impl FnMut(Event)) -> Next {
        self.is_over = true;
        tell(Event::Finished { choice: self.choice, finish });
        Next::End(finish)
    }
}

fn described(likelihoods: &Likelihoods, tokenizer: &Tokenizer) -> TokenLikelihood {
    let token = |likely: &Likelihood| LikelyToken { bytes: tokenizer.bytes_of(likely.token).to_vec(), logprob: likely.logprob };
    TokenLikelihood { chosen: token(&likelihoods.chosen), top: likelihoods.top.iter().map(token).collect() }
}
