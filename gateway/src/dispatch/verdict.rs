//! What to tell the caller when no attempt answered.

use crate::{
    error::Error,
    inference::{Blame, Failure},
};

/// What to tell the caller when no attempt answered: the last real failure; a rate limit only where there was nothing else, with the
/// earliest time to come back; and that the request asks for too much only where every backend said so.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    failed: Option<Error>,
    limited: Option<Error>,
    unsuited: Option<Error>,
}

impl Verdict {
    pub(super) fn add(&mut self, failure: Failure) {
        let Failure { blame, error, .. } = failure;
        match blame {
            Blame::Unsuited => self.unsuited = Some(error),
            Blame::Backend(_) | Blame::Misconfigured | Blame::Invalid | Blame::Request | Blame::ContextLength => {
                self.failed = Some(error)
            }
            Blame::RateLimited(_) => {
                let earlier = self.limited.as_ref().and_then(Error::retry_after);
                if earlier.is_none_or(|earlier| error.retry_after().is_some_and(|after| after < earlier)) {
                    self.limited = Some(error);
                }
            }
        }
    }

    /// `unavailable` is for where nothing was heard.
    pub(super) fn into_error(self, unavailable: impl FnOnce() -> Error) -> Error {
        self.failed.or(self.limited).or(self.unsuited).unwrap_or_else(unavailable)
    }
}
