//! From the tokens of an answer to what is told of it: text, and calls of functions.

use super::generation::TokenLikelihood;
use super::stop::{Matched, StopMatcher};
use super::{Event, Finish};
use crate::tokenizer::StreamDecoder;
use crate::tools::{Heard, Listener};

/// What is told of an answer.
#[derive(Debug)]
pub(super) struct Speech {
    choice: usize,
    decoder: StreamDecoder,
    /// Where functions may be called.
    listener: Option<Listener>,
    /// Of text alone: what stands in a call is no text.
    stops: StopMatcher,
    /// Of tokens whose text is held back.
    likelihoods: Vec<TokenLikelihood>,
    calls: usize,
}

/// Whether an answer goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heeded {
    GoesOn,
    /// A stop string came up.
    Stops,
}

impl Speech {
    pub(super) fn new(choice: usize, decoder: StreamDecoder, listener: Option<Listener>, stop: Vec<String>) -> Self {
        Self { choice, decoder, listener, stops: StopMatcher::new(stop), likelihoods: Vec::new(), calls: 0 }
    }

    /// How likely the token was that comes next.
    pub(super) fn note(&mut self, likelihood: TokenLikelihood) {
        self.likelihoods.push(likelihood);
    }

    /// The next token. Where it is structure that stands for a marker, `shown` says how that is written.
    pub(super) fn push(&mut self, token: u32, shown: Option<&str>, tell: &mut impl FnMut(Event)) -> Heeded {
        let text = self.decoder.push(token);
        let heard = match &mut self.listener {
            Some(listener) => listener.push(shown.unwrap_or(&text)),
            None => vec![Heard::Text(text)],
        };
        self.tell_all(heard, tell)
    }

    /// The text from a marker on, if the last token has completed one, and whole characters.
    pub(super) fn marked(&self) -> Option<&str> {
        self.listener.as_ref().and_then(Listener::marked).filter(|_| self.decoder.is_between_characters())
    }

    /// Whether that is a call.
    pub(super) fn settle(&mut self, is_call: bool, tell: &mut impl FnMut(Event)) -> Heeded {
        let Some(listener) = &mut self.listener else { return Heeded::GoesOn };
        let heard = if is_call { listener.confirm() } else { listener.refuse() };
        self.tell_all(heard, tell)
    }

    /// The answer ends here: tells what was held back. How it ended in truth.
    pub(super) fn end(&mut self, finish: Finish, tell: &mut impl FnMut(Event)) -> Finish {
        let rest = self.decoder.finish();
        let mut heard = match &mut self.listener {
            Some(listener) => listener.push(&rest),
            None => vec![Heard::Text(rest)],
        };
        heard.extend(self.listener.iter_mut().flat_map(Listener::finish));
        // Half a character at the very end may still complete a stop string.
        if self.tell_all(heard, tell) == Heeded::GoesOn {
            let text = self.stops.finish();
            self.tell_text(text, tell);
        }
        if !self.likelihoods.is_empty() {
            tell(Event::Text { choice: self.choice, text: String::new(), tokens: std::mem::take(&mut self.likelihoods) });
        }
        self.finished(finish)
    }

    /// The answer ends with a stop string. What is held belongs to that as well as to the text before it: it is not told with either.
    pub(super) fn stop(&mut self) -> Finish {
        self.likelihoods.clear();
        self.finished(Finish::Stop)
    }

    fn finished(&self, finish: Finish) -> Finish {
        let has_called = self.listener.as_ref().is_some_and(Listener::has_called);
        if has_called && finish == Finish::Stop { Finish::Calls } else { finish }
    }

    fn tell_all(&mut self, heard: Vec<Heard>, tell: &mut impl FnMut(Event)) -> Heeded {
        for heard in heard {
            match heard {
                Heard::Text(text) => match self.stops.push(&text) {
                    Matched::Pass(text) => self.tell_text(text, tell),
                    Matched::Stop(text) => {
                        self.likelihoods.clear();
                        self.tell_text(text, tell);
                        return Heeded::Stops;
                    }
                },
                Heard::Call(name) => {
                    let text = self.stops.finish();
                    self.tell_text(text, tell);
                    self.calls += 1;
                    tell(Event::Call { choice: self.choice, call: self.calls - 1, name });
                }
                Heard::Arguments(json) => {
                    tell(Event::Arguments { choice: self.choice, call: self.calls.saturating_sub(1), json });
                }
            }
        }
        if self.calls > 0 {
            // How likely the tokens of a call were is not told.
            self.likelihoods.clear();
        }
        Heeded::GoesOn
    }

    fn tell_text(&mut self, text: String, tell: &mut impl FnMut(Event)) {
        if !text.is_empty() {
            tell(Event::Text { choice: self.choice, text, tokens: std::mem::take(&mut self.likelihoods) });
        }
    }
}
