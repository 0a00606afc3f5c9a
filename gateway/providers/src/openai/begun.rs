//! A host goes on with an answer that another began.

use http::HeaderMap;
use serde_json::value::RawValue;
use tradewind_protocol::chat::{Sink, StreamDecoder, StreamEvent, StreamFault};

use super::{answers::Answers, host::Prefill, object::Object};
use crate::{ReadError, Reply, Translate, Translated};

/// Tells the host that the last message is not to be answered but to be gone on with.
pub(super) fn go_on(object: &mut Object<'_>, prefill: Prefill) -> Result<(), serde_json::Error> {
    match prefill {
        Prefill::Unasked => Ok(()),
        Prefill::Flags => {
            object.set("continue_final_message", &true)?;
            object.set("add_generation_prompt", &false)
        }
        Prefill::Prefix | Prefill::EchoedPrefix => {
            let messages = object.get("messages").unwrap_or("[]").to_owned();
            let mut messages: Vec<&RawValue> = serde_json::from_str(&messages)?;
            let Some(last) = messages.pop() else { return Ok(()) };
            let mut last = Object::read(last.get().as_bytes())?;
            last.set("prefix", &true)?;
            let last = serde_json::value::to_raw_value(&last)?;
            messages.push(&last);
            object.set("messages", &messages)
        }
    }
}

/// Reads the answer of a host that repeats what it was given, without that.
#[derive(Debug)]
pub(super) struct WithoutEcho {
    pub(super) answers: Answers,
    pub(super) begun: String,
}

impl Translate for WithoutEcho {
    fn whole(&mut self, _answers: &[Reply]) -> Result<Translated, ReadError> {
        Err(ReadError::Malformed("only a stream is gone on with".to_owned()))
    }

    fn stream(&mut self, headers: &HeaderMap) -> Result<Box<dyn StreamDecoder>, ReadError> {
        let decoder = self.answers.stream(headers)?;
        let echo = Echo { begun: std::mem::take(&mut self.begun), heard: 0 };
        Ok(Box::new(WithoutEchoDecoder { decoder, echo }))
    }
}

struct WithoutEchoDecoder {
    decoder: Box<dyn StreamDecoder>,
    echo: Echo,
}

impl StreamDecoder for WithoutEchoDecoder {
    fn push(&mut self, piece: &[u8], sink: &mut dyn Sink) -> Result<(), StreamFault> {
        self.decoder.push(piece, &mut |event: StreamEvent<'_>| self.echo.filter(event, sink))
    }

    fn finish(&mut self, sink: &mut dyn Sink) -> Result<(), StreamFault> {
        self.decoder.finish(&mut |event: StreamEvent<'_>| self.echo.filter(event, sink))
    }

    fn is_done(&self) -> bool {
        self.decoder.is_done()
    }
}

/// What is expected to be repeated, and how much of it has been. Text that turns out to be something else is given out after all.
#[derive(Debug)]
struct Echo {
    begun: String,
    heard: usize,
}

impl Echo {
    fn filter(&mut self, event: StreamEvent<'_>, sink: &mut dyn Sink) {
        match event {
            StreamEvent::Text { choice, text } if !self.begun.is_empty() => self.hear(choice, text, sink),
            StreamEvent::Finish { choice, .. } => {
                self.give_up(choice, sink);
                sink.event(event);
            }
            event => sink.event(event),
        }
    }

    fn hear(&mut self, choice: u32, text: &str, sink: &mut dyn Sink) {
        let expected = self.begun.get(self.heard..).unwrap_or_default();
        if expected.len() > text.len() && expected.starts_with(text) {
            self.heard += text.len();
            return;
        }
        let rest = text.strip_prefix(expected);
        if rest.is_some() {
            self.begun = String::new();
        } else {
            self.give_up(choice, sink);
        }
        let text = rest.unwrap_or(text);
        if !text.is_empty() {
            sink.event(StreamEvent::Text { choice, text });
        }
    }

    /// It was no echo.
    fn give_up(&mut self, choice: u32, sink: &mut dyn Sink) {
        let begun = std::mem::take(&mut self.begun);
        if let Some(text) = begun.get(..self.heard).filter(|text| !text.is_empty()) {
            sink.event(StreamEvent::Text { choice, text });
        }
        self.heard = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradewind_protocol::chat::FinishReason;

    fn told(prefill: Prefill) -> String {
        let mut object =
            Object::read(br#"{"model":"m","messages":[{"role":"user"}, {"role":"assistant","content":"The"}]}"#).unwrap();
        go_on(&mut object, prefill).unwrap();
        String::from_utf8(object.write().unwrap()).unwrap()
    }

    #[test]
    fn each_host_is_told_in_its_own_words() {
        let messages = r#""messages":[{"role":"user"}, {"role":"assistant","content":"The"}]"#;
        assert_eq!(told(Prefill::Unasked), format!(r#"{{"model":"m",{messages}}}"#));
        let flags = r#""continue_final_message":true,"add_generation_prompt":false"#;
        assert_eq!(told(Prefill::Flags), format!(r#"{{"model":"m",{messages},{flags}}}"#));
        let prefixed = r#"{"model":"m","messages":[{"role":"user"},{"role":"assistant","content":"The","prefix":true}]}"#;
        assert_eq!(told(Prefill::Prefix), prefixed);
        assert_eq!(told(Prefill::EchoedPrefix), prefixed);
    }

    fn without_echo(pieces: &[&str]) -> String {
        let mut echo = Echo { begun: "Thé wind".to_owned(), heard: 0 };
        let mut text = String::new();
        let mut sink = |event: StreamEvent<'_>| {
            if let StreamEvent::Text { text: more, .. } = event {
                text.push_str(more);
            }
        };
        for piece in pieces {
            echo.filter(StreamEvent::Text { choice: 0, text: piece }, &mut sink);
        }
        echo.filter(StreamEvent::Finish { choice: 0, reason: FinishReason::Stop }, &mut sink);
        text
    }

    #[test]
    fn an_echo_is_left_out_however_it_is_cut_and_nothing_else_is() {
        for (pieces, text) in [
            (&["Thé wind", " blows"][..], " blows"),
            (&["Th", "é", " wind blows"], " blows"),
            (&["Thé wind"], ""),
            (&[" blows", " Thé wind"], " blows Thé wind"),
            (&["Thé", " win", "ter"], "Thé winter"),
            (&["Thé"], "Thé"),
        ] {
            assert_eq!(without_echo(pieces), text, "{pieces:?}");
        }
    }
}
