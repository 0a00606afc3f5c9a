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
        // Every frame of every stream comes through here: one pass, and only the texts that count are read.
        let (mut kind, mut event, mut exception, mut code, mut message) = ("", "", "", "", "");
        for header in self.headers().raw() {
            let text = match header.name {
                b":message-type" => &mut kind,
                b":event-type" => &mut event,
                b":exception-type" => &mut exception,
                b":error-code" => &mut code,
                b":error-message" => &mut message,
                _ => continue,
            };
            *text = header.text().unwrap_or_default();
        }
        match kind {
            "event" => Kind::Event(event),
            "exception" => Kind::Exception(exception),
            "error" => Kind::Error { code, message },
            _ => Kind::Unknown,
        }
    }
}
