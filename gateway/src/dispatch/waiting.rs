//! The wait for a backend, which counts as an attempt however it ends.

use tokio::time::Instant;

use crate::context::RequestContext;

/// A request that waits for a backend. When this is dropped, the attempt and the time it took are counted: also where the client left,
/// or the deadline passed, before there was an answer.
pub(super) struct Waiting<'a> {
    context: Option<&'a RequestContext>,
    since: Instant,
}

impl<'a> Waiting<'a> {
    /// Begins to wait.
    pub(super) fn on_behalf_of(context: &'a RequestContext) -> Self {
        Self { context: Some(context), since: Instant::now() }
    }

    /// The backend was not asked after all.
    pub(super) fn did_not_happen(mut self) {
        self.context = None;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(context) = self.context {
            context.add_attempt(self.since.elapsed());
        }
    }
}
