//! What holds an answer to its grammar, if it has one.

use crate::constrain::{Constrainer, Constraint, ConstraintError, Mask};
use crate::tools::{Calling, Toolbox};

use super::ChatRequest;

/// What holds an answer to its grammar, if it has one.
#[derive(Debug, Default)]
pub(super) struct Guide {
    /// Boxed, since it goes to another thread and back.
    constraint: Option<Box<Constraint>>,
    /// Computed ahead for the next token.
    mask: Option<Result<Mask, ConstraintError>>,
    /// What begins with the first call.
    awaited: Option<Toolbox>,
}

impl Guide {
    /// For one of the answers to a request. One that must call is held to its calls, and one that may as soon as it does.
    pub(super) fn new(request: &ChatRequest) -> Self {
        let toolbox = request.toolbox.as_ref();
        let calls = toolbox.filter(|toolbox| toolbox.calling == Calling::Required).map(|toolbox| &toolbox.pattern);
        let awaited = toolbox.filter(|toolbox| toolbox.calling == Calling::Possible && request.pattern.is_none());
        let constraint = calls.or(request.pattern.as_ref()).map(|pattern| Box::new(pattern.begin()));
        Self { constraint, mask: None, awaited: awaited.cloned() }
    }

    /// Lends the constraint for its mask to be computed elsewhere, if that is needed.
    pub(super) fn lend(&mut self) -> Option<Box<Constraint>> {
        if self.mask.is_some() { None } else { self.constraint.take() }
    }

    /// Takes it back.
    pub(super) fn take_back(&mut self, constraint: Box<Constraint>, mask: Option<Result<Mask, ConstraintError>>) {
        (self.constraint, self.mask) = (Some(constraint), mask);
    }

    /// The tokens that may come next, if not all may.
    pub(super) fn mask(&mut self) -> Result<Option<Mask>, ConstraintError> {
        match (self.mask.take(), &mut self.constraint) {
            (Some(mask), _) => mask.map(Some),
            (None, Some(constraint)) => constraint.mask().map(Some),
            (None, None) => Ok(None),
        }
    }

    /// This token was chosen.
    pub(super) fn accept(&mut self, token: u32) -> Result<(), ConstraintError> {
        self.constraint.as_mut().map_or(Ok(()), |constraint| constraint.accept(token))
    }

    /// Takes the tokens that must follow, at most so many.
    pub(super) fn take_forced(&mut self, most: usize) -> Result<Vec<u32>, ConstraintError> {
        self.constraint.as_mut().map_or(Ok(Vec::new()), |constraint| constraint.take_forced(most))
    }

    /// Whether nothing can follow.
    pub(super) fn is_complete(&self) -> bool {
        self.constraint.as_ref().is_some_and(|constraint| constraint.is_complete())
    }

    /// The answer has come to a marker, and to this text from there on. Whether it is a call: from now on it is held to that.
    pub(super) fn call(&mut self, marked: &str, constrainer: &Constrainer) -> bool {
        // One that must call is held to it already.
        let Some(toolbox) = self.awaited.take() else { return self.constraint.is_some() };
        let mut constraint = toolbox.pattern.begin();
        let marker = toolbox.style.marker().filter(|_| toolbox.marker.is_some());
        let spelled = marker.and_then(|marker| marked.strip_prefix(marker)).unwrap_or(marked);
        let tokens: Vec<u32> = toolbox.marker.into_iter().chain(constrainer.spell(spelled.as_bytes())).collect();
        let is_call = constraint.follow(&tokens);
        self.constraint = is_call.then(|| Box::new(constraint));
        is_call
    }
}
