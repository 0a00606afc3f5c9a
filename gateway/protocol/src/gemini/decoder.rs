//! Streamed answers: server-sent events, each a whole answer with what is new.

use super::{
    GoogleError, call_id, finish, logprobs,
    wire::{Answer, Candidate, Part},
};
use crate::{
    Usage,
    chat::{FinishReason, Sink, StreamDecoder, StreamEvent, StreamFault},
    sse,
    text::from_json,
};

/// So many answers at once may come; Google gives eight at most.
const MOST_CHOICES: usize = 128;

/// Reads the body of `streamGenerateContent?alt=sse`.
#[derive(Debug)]
pub struct ChatDecoder {
    events: sse::Decoder,
    state: State,
}

/// What the events so far have told.
#[derive(Debug)]
struct State {
    expected: usize,
    is_started: bool,
    choices: Vec<ChoiceState>,
    /// Counts grow from event to event; only the last are told.
    usage: Option<Usage>,
    is_ended: bool,
    /// Holds the id of a call while it is told.
    id: String,
}

#[derive(Debug)]
struct ChoiceState {
    number: u32,
    calls: u32,
    is_finished: bool,
}

impl ChatDecoder {
    /// A decoder at the start of a stream of so many answers as were asked for.
    #[must_use]
    pub fn new(choices: u32) -> Self {
        let expected = usize::try_from(choices).unwrap_or(usize::MAX).max(1);
        let state = State { expected, is_started: false, choices: Vec::new(), usage: None, is_ended: false, id: String::new() };
        Self { events: sse::Decoder::new(), state }
    }
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
        if state.is_ended {
            return Ok(());
        }
        // Fewer answers than were asked for may come, but none of them half.
        if state.choices.is_empty() || !state.all_finished() {
            return Err(StreamFault::Cut);
        }
        state.end(sink);
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.state.is_ended
    }
}

impl State {
    fn end(&mut self, sink: &mut dyn Sink) {
        self.is_ended = true;
        if let Some(usage) = self.usage.take() {
            sink.event(StreamEvent::Usage(usage));
        }
    }

    fn all_finished(&self) -> bool {
        self.choices.iter().all(|choice| choice.is_finished)
    }

    fn read(&mut self, data: &[u8], sink: &mut dyn Sink) -> Result<(), StreamFault> {
        // Nothing of importance can follow the end.
        if self.is_ended {
            return Ok(());
        }
        // Left where it was read: answers are large, and moving them costs more than looking at them.
        let mut read = from_json::<Answer<'_>>(data);
        let answer = match &mut read {
            Ok(answer) if answer.error.is_none() => answer,
            Ok(_) => return Err(told(data, "`error` is none of Google's")),
            Err(error) => return Err(told(data, &error.to_string())),
        };
        let id = answer.response_id.as_deref().unwrap_or_default();
        if !self.is_started {
            self.is_started = true;
            sink.event(StreamEvent::Start { id });
        }
        self.usage = answer.usage_metadata.map(Usage::from).or(self.usage);
        let is_blocked =
            answer.candidates.is_empty() && answer.prompt_feedback.as_ref().is_some_and(|told| told.block_reason.is_some());
        for candidate in answer.candidates.iter_mut() {
            self.candidate(candidate, id, sink)?;
        }
        if is_blocked {
            self.finish_choice(0, |_| FinishReason::ContentFilter, sink)?;
        }
        // Every event counts anew; whoever reads stops at the end of the answer, so the last count must be told by then.
        if self.choices.len() >= self.expected && self.all_finished() {
            self.end(sink);
        }
        Ok(())
    }

    fn candidate(&mut self, candidate: &mut Candidate<'_>, id: &str, sink: &mut dyn Sink) -> Result<(), StreamFault> {
        let choice = candidate.index.unwrap_or(0);
        // One answer may have ended before others have.
        if self.choice(choice)?.is_finished {
            return Ok(());
        }
        for part in candidate.content.iter_mut().flat_map(|content| content.parts.iter_mut()) {
            self.part(choice, part, id, sink)?;
        }
        if let Some(raw) = candidate.logprobs_result {
            let json = logprobs::to_openai(raw).map_err(|error| StreamFault::Malformed(error.to_string()))?;
            sink.event(StreamEvent::Logprobs { choice, json: json.get() });
        }
        match &candidate.finish_reason {
            Some(reason) => self.finish_choice(choice, |calls| finish::reason(reason, calls), sink),
            None => Ok(()),
        }
    }

    fn part(&mut self, choice: u32, part: &Part<'_>, id: &str, sink: &mut dyn Sink) -> Result<(), StreamFault> {
        if let Some(text) = part.text.as_deref().filter(|text| !text.is_empty()) {
            sink.event(match part.thought {
                Some(true) => StreamEvent::Reasoning { choice, text },
                _ => StreamEvent::Text { choice, text },
            });
        }
        let Some(call) = &part.function_call else { return Ok(()) };
        let name = call.name().map_err(StreamFault::Malformed)?;
        let state = self.choice(choice)?;
        let index = state.calls;
        state.calls += 1;
        match call.id.as_deref().filter(|id| !id.is_empty()) {
            Some(id) => id.clone_into(&mut self.id),
            None => call_id::write(&mut self.id, id, choice, index, name),
        }
        sink.event(StreamEvent::ToolCall { choice, index, id: &self.id, name, signature: part.thought_signature.as_deref() });
        sink.event(StreamEvent::ToolArguments { choice, index, fragment: call.arguments() });
        Ok(())
    }

    fn finish_choice(
        &mut self,
        choice: u32,
        reason: impl FnOnce(u32) -> FinishReason,
        sink: &mut dyn Sink,
    ) -> Result<(), StreamFault> {
        let state = self.choice(choice)?;
        if !state.is_finished {
            state.is_finished = true;
            sink.event(StreamEvent::Finish { choice, reason: reason(state.calls) });
        }
        Ok(())
    }

    fn choice(&mut self, number: u32) -> Result<&mut ChoiceState, StreamFault> {
        let known = self.choices.iter().position(|choice| choice.number == number);
        if known.is_none() && self.choices.len() >= MOST_CHOICES {
            return Err(StreamFault::Malformed(format!("more than {MOST_CHOICES} answers in one stream")));
        }
        let place = known.unwrap_or_else(|| {
            self.choices.push(ChoiceState { number, calls: 0, is_finished: false });
            self.choices.len() - 1
        });
        self.choices.get_mut(place).ok_or_else(|| StreamFault::Malformed("an answer without a number".to_owned()))
    }
}

/// The error that an event tells, or that it is malformed.
fn told(data: &[u8], fault: &str) -> StreamFault {
    GoogleError::read(data).map_or_else(|| StreamFault::Malformed(fault.to_owned()), StreamFault::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(decoder: &mut ChatDecoder, event: &str) -> Result<usize, StreamFault> {
        let mut events = 0;
        let mut count = |_: StreamEvent<'_>| events += 1;
        decoder.push(format!("data: {event}\n\n").as_bytes(), &mut count)?;
        Ok(events)
    }

    #[test]
    fn a_stream_is_done_when_all_answers_that_were_asked_for_have_ended() {
        let mut decoder = ChatDecoder::new(2);
        assert_eq!(push(&mut decoder, r#"{"candidates":[{"index":0,"finishReason":"STOP"}]}"#), Ok(2));
        assert!(!decoder.is_done());
        assert_eq!(push(&mut decoder, r#"{"candidates":[{"index":1,"finishReason":"STOP"}]}"#), Ok(1));
        assert!(decoder.is_done());
    }

    #[test]
    fn the_last_count_is_told_with_the_end_of_the_answer() {
        let mut decoder = ChatDecoder::new(1);
        let counted = |text: &str, count: u8, end: &str| {
            format!(
                "data: {{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\"{text}\"}}]}}{end}}}],\
                 \"usageMetadata\":{{\"promptTokenCount\":2,\"candidatesTokenCount\":{count}}}}}\n\n"
            )
        };
        let mut counts = Vec::new();
        let mut count = |event: StreamEvent<'_>| {
            if let StreamEvent::Usage(usage) = event {
                counts.push(usage.completion_tokens);
            }
        };
        decoder.push(counted("a", 1, "").as_bytes(), &mut count).unwrap();
        decoder.push(counted("b", 2, ",\"finishReason\":\"STOP\"").as_bytes(), &mut count).unwrap();
        assert!(decoder.is_done());
        decoder.finish(&mut count).unwrap();
        assert_eq!(counts, [2]);
    }

    #[test]
    fn deep_nesting_costs_no_stack() {
        let (open, close) = ("[".repeat(200_000), "]".repeat(200_000));
        let call =
            format!(r#"{{"candidates":[{{"content":{{"parts":[{{"functionCall":{{"name":"f","args":{open}{close}}}}}]}}}}]}}"#);
        assert_eq!(push(&mut ChatDecoder::new(1), &call), Ok(3));
        let unknown = format!(r#"{{"invented":{open}{close}}}"#);
        assert_eq!(push(&mut ChatDecoder::new(1), &unknown), Ok(1));
        let list = format!(r#"{{"candidates":{open}{close}}}"#);
        assert!(matches!(push(&mut ChatDecoder::new(1), &list), Err(StreamFault::Malformed(_))));
    }

    #[test]
    fn answers_without_number_are_not_kept_without_end() {
        let mut decoder = ChatDecoder::new(1);
        let many = (0..=MOST_CHOICES).map(|index| push(&mut decoder, &format!(r#"{{"candidates":[{{"index":{index}}}]}}"#)));
        assert!(matches!(many.last(), Some(Err(StreamFault::Malformed(_)))));
    }
}
