//! Answers that keep to a grammar: which tokens may come next, worked out by the `llguidance` crate.
//!
//! A [`Constrainer`] belongs to a tokenizer and compiles a [`Grammar`] into a [`Pattern`]; every answer follows a [`Constraint`] of its own,
//! begun from the pattern. A constraint gives the [`Mask`] of the tokens that may come next, is told the one that was chosen, and knows
//! the tokens that are [forced](Constraint::take_forced): where the grammar leaves only one text, the model need not be asked.
//!
//! # Hostile grammars
//! Whoever writes a grammar decides what it costs. So its source, its nesting, its size when compiled and the work for one mask are all
//! limited, and it is compiled in a thread of its own, whose stack has room for the deepest one that is taken.

mod bounds;
mod compile;
mod error;
mod gbnf;
mod schema;
mod vocabulary;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use llguidance::Matcher;
use llguidance::toktrie::SimpleVob;

pub use self::bounds::STACK;
pub use self::compile::Constrainer;
pub use self::error::{ConstraintError, GrammarError, VocabularyError};
pub(crate) use self::schema::call_schema;

/// What an answer must be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Grammar {
    /// JSON that a schema describes: the schema, as JSON. It is written with one space behind each comma and colon, and no other space
    /// between tokens, so that a model has nothing to choose there.
    JsonSchema(String),
    /// A text that an expression matches as a whole, in the syntax of the `regex` crate.
    Regex(String),
    /// One of these texts.
    Choice(Vec<String>),
    /// A text of a context-free grammar: llguidance's variant of Lark, or GBNF, which is known by its `::=`.
    Lark(String),
    /// The same, written by this crate for calls of functions: its schemas are checked already.
    Calls(String),
}

/// A compiled grammar. Clones share it.
#[derive(Clone)]
pub struct Pattern(Arc<Mutex<Matcher>>);

impl Pattern {
    fn new(matcher: Matcher) -> Self {
        Self(Arc::new(Mutex::new(matcher)))
    }

    /// An answer begins. It shares nothing with others: what is computed for one cannot change, nor slow, another.
    pub fn begin(&self) -> Constraint {
        Constraint { matcher: self.0.lock().unwrap_or_else(PoisonError::into_inner).deep_clone() }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pattern")
    }
}

/// How far an answer has come in its grammar.
pub struct Constraint {
    matcher: Matcher,
}

impl Constraint {
    /// The tokens that may come next. The end of a turn is among them where the answer may end.
    ///
    /// # Errors
    /// When the grammar turns out to be too complex here.
    pub fn mask(&mut self) -> Result<Mask, ConstraintError> {
        self.matcher.compute_mask_or_eos().map(Mask).map_err(ConstraintError::of)
    }

    /// This token was chosen.
    ///
    /// # Errors
    /// When the grammar does not allow it, or turns out to be too complex.
    pub fn accept(&mut self, token: u32) -> Result<(), ConstraintError> {
        self.matcher.consume_token(token).map_err(ConstraintError::of)
    }

    /// Takes the tokens that must come next, if there is no choice: at most so many.
    ///
    /// # Errors
    /// When the grammar turns out to be too complex.
    pub fn take_forced(&mut self, most: usize) -> Result<Vec<u32>, ConstraintError> {
        let mut forced = self.matcher.compute_ff_tokens();
        forced.truncate(most);
        self.matcher.consume_tokens(&forced).map_err(ConstraintError::of)?;
        Ok(forced)
    }

    /// Whether the answer is complete, and nothing can follow.
    pub fn is_complete(&self) -> bool {
        self.matcher.is_stopped() && !self.matcher.is_error()
    }

    /// Whether all these tokens are allowed, one after the other. If not, it is of no further use.
    pub fn follow(&mut self, tokens: &[u32]) -> bool {
        self.matcher.try_consume_tokens(tokens).is_ok_and(|taken| taken == tokens.len())
    }
}

impl fmt::Debug for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Constraint").field("stop_reason", &self.matcher.stop_reason()).finish_non_exhaustive()
    }
}

/// The tokens that may come next.
#[derive(Debug)]
pub struct Mask(SimpleVob);

impl Mask {
    /// Leaves the logits of allowed tokens as they are, and makes those of all others -∞.
    pub fn apply(&self, logits: &mut [f32]) {
        for (logits, allowed) in logits.chunks_mut(u32::BITS as usize).zip(self.0.as_slice().iter().chain(std::iter::repeat(&0)))
        {
            match *allowed {
                u32::MAX => {}
                0 => logits.fill(f32::NEG_INFINITY),
                allowed => {
                    for (place, logit) in logits.iter_mut().enumerate() {
                        if allowed >> place & 1 == 0 {
                            *logit = f32::NEG_INFINITY;
                        }
                    }
                }
            }
        }
    }

    /// Whether this token may come.
    pub fn allows(&self, token: u32) -> bool {
        usize::try_from(token).is_ok_and(|token| token < self.0.len()) && self.0.is_allowed(token)
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod validity;
