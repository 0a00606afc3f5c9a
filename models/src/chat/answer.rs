//! One answer in the making: chooses its tokens and turns them into text.

use super::generation::{LikelyToken, TokenLikelihood};
use super::stop::{Matched, StopMatcher};
use super::{Event, Finish};
use crate::sample::{Likelihood, Likelihoods, NoFiniteLogit, Sampler};
use crate::tokenizer::{StreamDecoder, Tokenizer};

/// One answer to a request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) request: u64,
    pub(super) choice: usize,
    sampler: Sampler,
    decoder: StreamDecoder,
    stops: StopMatcher,
    /// The most tokens that it may have.
    longest: usize,
    generated: usize,
    /// How many of the likeliest tokens to tell with each, if any.
    logprobs: Option<usize>,
    /// Of tokens whose text is held back.
    held: Vec<TokenLikelihood>,
    is_over: bool,
}

/// What all answers of a model have in common.
#[derive(Debug)]
pub(super) struct Vocabulary {
    pub(super) tokenizer: Tokenizer,
    /// Tokens that end a turn.
    pub(super) stop_tokens: Vec<u32>,
}

/// How an answer goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// With this token.
    Token(u32),
    /// Not at all.
    End(Finish),
}

/// What makes an answer.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) request: u64,
    pub(super) choice: usize,
    pub(super) sampler: Sampler,
    pub(super) decoder: StreamDecoder,
    pub(super) stop: Vec<String>,
    pub(super) longest: usize,
    pub(super) logprobs: Option<usize>,
}

impl Answer {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { request, choice, sampler, decoder, stop, longest, logprobs } = parts;
        Self {
            request,
            choice,
            sampler,
            decoder,
            stops: StopMatcher::new(stop),
            longest,
            generated: 0,
            logprobs,
            held: Vec::new(),
            is_over: false,
        }
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

    /// Chooses the token that stands at this place of the sequence, and hands what there is to tell of it to `tell`.
    pub(super) fn next(
        &mut self,
        logits: &[f32],
        place: usize,
        vocabulary: &Vocabulary,
        mut tell: impl FnMut(Event),
    ) -> Result<Next, NoFiniteLogit> {
        if self.left() == 0 {
            return Ok(self.end(Finish::Length, tell));
        }
        let token = self.sampler.sample(logits, place)?;
        self.generated += 1;
        if vocabulary.stop_tokens.contains(&token) {
            return Ok(self.end(Finish::Stop, tell));
        }
        if let Some(top) = self.logprobs {
            self.held.push(described(&Likelihoods::of(logits, token, top), &vocabulary.tokenizer));
        }
        match self.stops.push(&self.decoder.push(token)) {
            Matched::Pass(text) => self.tell(text, &mut tell),
            Matched::Stop(text) => {
                // What is held belongs to the stop string as well as to the text before it: it is not told with either.
                self.held.clear();
                self.tell(text, &mut tell);
                return Ok(self.finished(Finish::Stop, tell));
            }
        }
        if self.left() == 0 { Ok(self.end(Finish::Length, tell)) } else { Ok(Next::Token(token)) }
    }

    /// Ends the answer with what was held back.
    fn end(&mut self, finish: Finish, mut tell: impl FnMut(Event)) -> Next {
        // Half a character at the very end may still complete a stop string.
        let text = match self.stops.push(&self.decoder.finish()) {
            Matched::Pass(text) => text + &self.stops.finish(),
            Matched::Stop(text) => text,
        };
        if text.is_empty() && !self.held.is_empty() {
            tell(Event::Text { choice: self.choice, text, tokens: std::mem::take(&mut self.held) });
        } else {
            self.tell(text, &mut tell);
        }
        self.finished(finish, tell)
    }

    fn finished(&mut self, finish: Finish, mut tell: impl FnMut(Event)) -> Next {
        self.is_over = true;
        tell(Event::Finished { choice: self.choice, finish });
        Next::End(finish)
    }

    fn tell(&mut self, text: String, tell: &mut impl FnMut(Event)) {
        if !text.is_empty() {
            tell(Event::Text { choice: self.choice, text, tokens: std::mem::take(&mut self.held) });
        }
    }
}

fn described(likelihoods: &Likelihoods, tokenizer: &Tokenizer) -> TokenLikelihood {
    let token = |likely: &Likelihood| LikelyToken { bytes: tokenizer.bytes_of(likely.token).to_vec(), logprob: likely.logprob };
    TokenLikelihood { chosen: token(&likelihoods.chosen), top: likelihoods.top.iter().map(token).collect() }
}
