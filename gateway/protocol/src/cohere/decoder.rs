//! Streamed answers: typed server-sent events.

use super::{
    event::{Call, Delta, Event},
    finish,
};
use crate::{
    chat::{Sink, StreamDecoder, StreamEvent, StreamFault},
    sse,
    text::{Text, from_json},
};

/// Reads the body of `POST /v2/chat` with `stream`.
#[derive(Debug, Default)]
pub struct ChatDecoder {
    events: sse::Decoder,
    state: State,
}

/// What the events so far have told.
#[derive(Debug, Default)]
struct State {
    is_started: bool,
    /// How many calls have begun.
    calls: u32,
    /// The last call has begun, and none of its arguments have come.
    lacks_arguments: bool,
    is_ended: bool,
}

impl StreamDecoder for ChatDecoder {
    fn push(&mut self, piece: &[u8], sink: &mut dyn Sink) -> Result<(), StreamFault> {
        let mut outcome = Ok(());
        let state = &mut self.state;
        let read = self.events.push(piece, |event| {
            if outcome.is_ok() {
                outcome = state.read(event.data, sink);
            }
        });
        outcome?;
        read.map(|_| ()).map_err(|error| StreamFault::Malformed(error.to_string()))
    }

    fn finish(&mut self, sink: &mut dyn Sink) -> Result<(), StreamFault> {
        let mut outcome = Ok(());
        let state = &mut self.state;
        self.events.finish(|event| outcome = state.read(event.data, sink));
        outcome?;
        if self.state.is_ended { Ok(()) } else { Err(StreamFault::Cut) }
    }

    fn is_done(&self) -> bool {
        self.state.is_ended
    }
}

impl State {
    fn read(&mut self, data: &[u8], sink: &mut dyn Sink) -> Result<(), StreamFault> {
        // Nothing of importance can follow the end.
        if self.is_ended {
            return Ok(());
        }
        let event: Event<'_> = from_json(data).map_err(malformed)?;
        if !self.is_started {
            self.is_started = true;
            sink.event(StreamEvent::Start { id: event.id.as_deref().unwrap_or_default() });
        }
        let Some(kind) = event.r#type.as_deref() else {
            let message = event.message.map_or_else(|| "an event without a type".to_owned(), Text::into_string);
            return Err(StreamFault::Told { status: 500, message });
        };
        let delta = || event.delta.map_or(Ok(Delta::default()), |raw| serde_json::from_str(raw.get()).map_err(malformed));
        match kind {
            "content-start" | "content-delta" | "tool-plan-delta" => said(&delta()?, sink),
            "tool-call-start" => self.call(&delta()?.message.tool_calls.unwrap_or_default(), sink)?,
            "tool-call-delta" => self.arguments(&delta()?.message.tool_calls.unwrap_or_default(), sink)?,
            "tool-call-end" => self.end_call(sink),
            "message-end" => self.end(delta()?, sink)?,
            // The first event, the end of content, citations, and what may be invented yet.
            _ => {}
        }
        Ok(())
    }

    fn call(&mut self, call: &Call<'_>, sink: &mut dyn Sink) -> Result<(), StreamFault> {
        self.end_call(sink);
        let is_told = |text: &&str| !text.is_empty();
        let id = call.id.as_deref().filter(is_told);
        let (id, name) = id
            .zip(call.function.name.as_deref().filter(is_told))
            .ok_or_else(|| StreamFault::Malformed("a call without id or name".to_owned()))?;
        let index = self.calls;
        self.calls += 1;
        sink.event(StreamEvent::ToolCall { choice: 0, index, id, name, signature: None });
        self.lacks_arguments = true;
        self.fragment(index, call, sink);
        Ok(())
    }

    fn arguments(&mut self, call: &Call<'_>, sink: &mut dyn Sink) -> Result<(), StreamFault> {
        let index = self.calls.checked_sub(1);
        let index = index.ok_or_else(|| StreamFault::Malformed("arguments before any call of a tool".to_owned()))?;
        self.fragment(index, call, sink);
        Ok(())
    }

    fn fragment(&mut self, index: u32, call: &Call<'_>, sink: &mut dyn Sink) {
        if let Some(fragment) = call.function.arguments.as_deref().filter(|text| !text.is_empty()) {
            self.lacks_arguments = false;
            sink.event(StreamEvent::ToolArguments { choice: 0, index, fragment });
        }
    }

    fn end_call(&mut self, sink: &mut dyn Sink) {
        if self.lacks_arguments {
            self.lacks_arguments = false;
            sink.event(StreamEvent::ToolArguments { choice: 0, index: self.calls.saturating_sub(1), fragment: "{}" });
        }
    }

    fn end(&mut self, delta: Delta<'_>, sink: &mut dyn Sink) -> Result<(), StreamFault> {
        self.end_call(sink);
        let reason = delta.finish_reason.as_deref().unwrap_or_default();
        let reason = finish::reason(reason).map_err(|status| StreamFault::Told {
            status,
            message: delta.error.map_or_else(|| format!("the answer ended with {reason}"), Text::into_string),
        })?;
        let calls = usize::try_from(self.calls).unwrap_or(usize::MAX);
        sink.event(StreamEvent::Finish { choice: 0, reason: reason.settled(calls) });
        if let Some(usage) = delta.usage.and_then(|usage| usage.usage()) {
            sink.event(StreamEvent::Usage(usage));
        }
        self.is_ended = true;
        Ok(())
    }
}

fn said(delta: &Delta<'_>, sink: &mut dyn Sink) {
    let is_some = |text: &&str| !text.is_empty();
    let content = delta.message.content.as_ref();
    let thought = content.and_then(|content| content.thinking.as_deref()).or(delta.message.tool_plan.as_deref());
    if let Some(text) = thought.filter(is_some) {
        sink.event(StreamEvent::Reasoning { choice: 0, text });
    }
    if let Some(text) = content.and_then(|content| content.text.as_deref()).filter(is_some) {
        sink.event(StreamEvent::Text { choice: 0, text });
    }
}

fn malformed(error: serde_json::Error) -> StreamFault {
    StreamFault::Malformed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_nesting_costs_no_stack() {
        let (open, close) = ("[".repeat(200_000), "]".repeat(200_000));
        for (event, is_read) in [
            (format!(r#"{{"type":"invented","delta":{open}{close}}}"#), true),
            (format!(r#"{{"type":"content-delta","delta":{{"message":{{"content":{{"text":"a","x":{open}{close}}}}}}}}}"#), true),
            (format!(r#"{{"type":"content-delta","delta":{open}{close}}}"#), false),
        ] {
            let mut ignore = |_: StreamEvent<'_>| ();
            let read = ChatDecoder::default().push(format!("data: {event}\n\n").as_bytes(), &mut ignore);
            assert_eq!(read.is_ok(), is_read);
        }
    }

    #[test]
    fn arguments_of_no_call_are_malformed() {
        let event = r#"{"type":"tool-call-delta","delta":{"message":{"tool_calls":{"function":{"arguments":"{"}}}}}"#;
        let mut ignore = |_: StreamEvent<'_>| ();
        let read = ChatDecoder::default().push(format!("data: {event}\n\n").as_bytes(), &mut ignore);
        assert!(matches!(read, Err(StreamFault::Malformed(_))));
    }
}
