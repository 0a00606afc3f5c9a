//! Whether a server can serve: asked, and concluded from more than one answer.

use super::watch::Subject;

/// So many failures in a row are no accident.
const FAILURES: u32 = 2;

/// Asks a server whether it can serve, again and again. What was found holds for as long as this runs.
pub(super) async fn check(subject: Subject) {
    let mut finding = Finding::default();
    let found = Found(&subject);
    loop {
        let answer = subject.fetch().await;
        let backend = subject.backend().as_str();
        match (finding.observe(answer.is_ok()), answer) {
            (Some(Change::Fell), Err(error)) => {
                tracing::warn!(backend, %error, "the health check fails: requests go elsewhere while they can");
                found.tell(false);
            }
            (Some(_), _) => {
                tracing::info!(backend, "the health check succeeds again");
                found.tell(true);
            }
            (None, Err(error)) => tracing::debug!(backend, %error, "the health check failed"),
            (None, Ok(_)) => {}
        }
        subject.pause().await;
    }
}

/// What is concluded from the answers so far.
#[derive(Debug, Default)]
pub(super) struct Finding {
    /// How many failed in a row.
    failures: u32,
}

/// What an answer changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It was well, and is not.
    Fell,
    /// It is well again.
    Recovered,
}

impl Finding {
    pub(super) fn observe(&mut self, is_ok: bool) -> Option<Change> {
        let before = self.failures;
        self.failures = if is_ok { 0 } else { before.saturating_add(1) };
        match (before, self.failures) {
            (_, FAILURES) if before < FAILURES => Some(Change::Fell),
            (FAILURES.., 0) => Some(Change::Recovered),
            _ => None,
        }
    }
}

/// Tells the deployments of a server how it is. When nobody asks any more, nothing is held against them.
struct Found<'a>(&'a Subject);

impl Found<'_> {
    fn tell(&self, is_healthy: bool) {
        self.0.deployments().iter().for_each(|deployment| deployment.checked(is_healthy));
    }
}

impl Drop for Found<'_> {
    fn drop(&mut self) {
        self.tell(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_failures_in_a_row_are_believed_and_one_success_ends_it() {
        let mut finding = Finding::default();
        let mut changes = |answers: &[bool]| answers.iter().map(|is_ok| finding.observe(*is_ok)).collect::<Vec<_>>();
        assert_eq!(changes(&[true, false, true, false]), [None; 4]);
        assert_eq!(changes(&[false, false, false]), [Some(Change::Fell), None, None]);
        assert_eq!(changes(&[true, true]), [Some(Change::Recovered), None]);
        assert_eq!(changes(&[false, false]), [None, Some(Change::Fell)]);
    }
}
