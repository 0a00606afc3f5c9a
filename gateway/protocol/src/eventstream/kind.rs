//! What a message tells, by the headers that AWS's services set.

use super::Message;

/// What a message tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    /// An event of the stream, by its name (`:event-type`).
    Event(&'a str),
    /// An error that the service's model knows, by its name (`:exception-type`); the payload says more.
    Exception(&'a str),
    /// Any other error; there is no payload.
    Error {
        /// `:error-code`.
        code: &'a str,
        /// `:error-message`.
        message: &'a str,
    },
    /// None of these: to be skipped.
    Unknown,
}

impl<'a> Message<'a> {
    /// What it tells.
    #[must_use]
    pub fn kind(&self) -> Kind<'a> {
        let text = |name| self.text(name).unwrap_or_default();
        match self.text(":message-type") {
            Some("event") => Kind::Event(text(":event-type")),
            Some("exception") => Kind::Exception(text(":exception-type")),
            Some("error") => Kind::Error { code: text(":error-code"), message: text(":error-message") },
            _ => Kind::Unknown,
        }
    }
}
