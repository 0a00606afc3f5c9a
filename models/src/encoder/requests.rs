//! The requests that have come and are not answered yet.

use std::collections::HashMap;

use tokio::sync::oneshot;

use super::size::{Size, Unread};
use super::waiting::{Line, Place};
use super::{EncodeError, Encoded};
use crate::load::Estimates;
use crate::tokenizer::TokenSpan;

/// What a request is answered.
pub(super) type Outcome = Result<Encoded, EncodeError>;

/// A request.
#[derive(Debug)]
pub(super) struct Request {
    result: oneshot::Sender<Outcome>,
    outputs: Vec<Vec<f32>>,
    spans: Vec<Vec<TokenSpan>>,
    missing: usize,
    prompt_tokens: usize,
    /// Inputs that are not tokens yet.
    pub(super) unread: Unread,
    /// Sequences that are in no batch yet.
    pub(super) waiting: Size,
    pub(super) line: Line,
}

/// All of them, by number.
#[derive(Debug, Default)]
pub(super) struct Requests {
    open: HashMap<u64, Request>,
    count: u64,
}

impl Requests {
    /// Takes one in, with so many inputs. One without any is answered at once.
    pub(super) fn accept(&mut self, inputs: usize, unread: Unread, result: oneshot::Sender<Outcome>) -> u64 {
        let number = self.count;
        self.count += 1;
        let request = Request {
            result,
            outputs: vec![Vec::new(); inputs],
            spans: vec![Vec::new(); inputs],
            missing: inputs,
            prompt_tokens: 0,
            unread,
            waiting: Size::default(),
            line: Line::default(),
        };
        self.open.insert(number, request);
        self.answer_if_complete(number);
        number
    }

    /// Whether somebody still waits for it.
    pub(super) fn wants(&self, number: u64) -> bool {
        self.open.get(&number).is_some_and(|request| !request.result.is_closed())
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Request> {
        self.open.get_mut(&number)
    }

    /// Forgets those that nobody waits for.
    pub(super) fn drop_unwanted(&mut self) {
        self.open.retain(|_, request| !request.result.is_closed());
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.open.clear();
    }

    /// Sequences of one of them are now in a batch, or in it no more.
    pub(super) fn change_waiting(&mut self, owners: &[Place], change: impl Fn(&mut Size)) {
        for owner in owners {
            if let Some(request) = self.open.get_mut(&owner.request) {
                change(&mut request.waiting);
            }
        }
    }

    /// An input turned out to have so many tokens, from those places.
    pub(super) fn note_read(&mut self, owner: Place, tokens: usize, spans: Vec<TokenSpan>) {
        if let Some(request) = self.open.get_mut(&owner.request) {
            request.prompt_tokens += tokens;
            if let Some(place) = request.spans.get_mut(owner.index) {
                *place = spans;
            }
        }
    }

    /// Gives an output to all that wait for it.
    pub(super) fn fill(&mut self, owners: &[Place], output: &[f32]) {
        for owner in owners {
            let Some(request) = self.open.get_mut(&owner.request) else { continue };
            if let Some(place) = request.outputs.get_mut(owner.index) {
                *place = output.to_vec();
                request.missing = request.missing.saturating_sub(1);
            }
            self.answer_if_complete(owner.request);
        }
    }

    /// Answers with an error.
    pub(super) fn fail(&mut self, number: u64, error: EncodeError) {
        if let Some(request) = self.open.remove(&number) {
            tracing::debug!(%error, "encoding failed");
            // A caller that left in this very moment needs no result.
            let _left = request.result.send(Err(error));
        }
    }

    /// What is to be computed of each that waits and is still wanted.
    pub(super) fn waiting(&self, estimates: &Estimates) -> Vec<Size> {
        let wanted = self.open.values().filter(|request| !request.result.is_closed());
        let sizes = wanted.map(|request| request.waiting + request.unread.expected(estimates));
        sizes.filter(|size| size.tokens > 0.0).collect()
    }

    fn answer_if_complete(&mut self, number: u64) {
        if self.open.get(&number).is_none_or(|request| request.missing > 0) {
            return;
        }
        if let Some(Request { result, outputs, spans, prompt_tokens, .. }) = self.open.remove(&number) {
            let _left = result.send(Ok(Encoded { outputs, spans, prompt_tokens }));
        }
    }
}
