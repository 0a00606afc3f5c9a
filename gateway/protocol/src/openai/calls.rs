//! The tool calls of a streamed answer, which hosts number and name in their own ways.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{messages::ExtraContent, thought::split_thought, wire::arguments_text};
use crate::{
    chat::{Sink, StreamEvent, StreamFault},
    text::Loose,
};

/// More calls than this in one answer are taken for nonsense.
const MOST_CALLS: usize = 1024;
/// The ids of all calls are kept to the end of the answer, so that one longer than this is none.
const LONGEST_ID: usize = 1024;

/// A piece of a call.
#[derive(Deserialize)]
pub(super) struct CallDelta<'a> {
    index: Option<u32>,
    #[serde(borrow, default)]
    id: Loose<'a>,
    #[serde(borrow)]
    function: Option<FunctionDelta<'a>>,
    extra_content: Option<ExtraContent>,
}

#[derive(Deserialize)]
struct FunctionDelta<'a> {
    #[serde(borrow, default)]
    name: Loose<'a>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

/// The calls that have begun.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Call>);

#[derive(Debug)]
struct Call {
    choice: u32,
    /// The number that the host gave it.
    wire_index: Option<u32>,
    id: String,
    /// The number that it is given here: hosts repeat theirs, or leave them out.
    index: u32,
    has_arguments: bool,
}

impl Calls {
    /// Reads a piece. A piece continues the call with its index, or without one the last; a new id begins a new call, even where a host
    /// gives all calls one index. A call without an id is named after the answer.
    pub(super) fn read(
        &mut self,
        choice: u32,
        delta: CallDelta<'_>,
        answer: &str,
        sink: &mut dyn Sink,
    ) -> Result<(), StreamFault> {
        let (id, signature) = split_thought(delta.id.text().unwrap_or_default());
        let function = delta.function.as_ref();
        let open = self.0.iter().rposition(|call| {
            call.choice == choice && (delta.index.is_none() || call.wire_index == delta.index) && (id.is_empty() || call.id == id)
        });
        // Without an index, a name is the sign of a new call.
        let name = function.and_then(|function| function.name.text());
        let is_new = delta.index.is_none() && id.is_empty() && name.is_some();
        let place = match open.filter(|_| !is_new) {
            Some(place) => place,
            None => {
                let name = name.ok_or_else(|| StreamFault::Malformed("a tool call without the name of a tool".to_owned()))?;
                let index = u32::try_from(self.0.iter().filter(|call| call.choice == choice).count()).unwrap_or(u32::MAX);
                if self.0.len() >= MOST_CALLS {
                    return Err(StreamFault::Malformed(format!("more than {MOST_CALLS} tool calls")));
                }
                if id.len() > LONGEST_ID {
                    return Err(StreamFault::Malformed(format!("a tool call with an id of more than {LONGEST_ID} bytes")));
                }
                let id = if id.is_empty() { format!("call_{answer}_{choice}_{index}") } else { id.to_owned() };
                let extra = delta.extra_content.and_then(ExtraContent::into_signature);
                let signature = signature.or(extra.as_deref());
                sink.event(StreamEvent::ToolCall { choice, index, id: &id, name, signature });
                self.0.push(Call { choice, wire_index: delta.index, id, index, has_arguments: false });
                self.0.len() - 1
            }
        };
        let arguments = function.and_then(|function| function.arguments).map(arguments_text);
        if let (Some(call), Some(fragment)) = (self.0.get_mut(place), arguments.filter(|fragment| !fragment.is_empty())) {
            call.has_arguments = true;
            sink.event(StreamEvent::ToolArguments { choice, index: call.index, fragment: &fragment });
        }
        Ok(())
    }

    /// The answer ends: calls without arguments get empty ones. Whether there were calls.
    pub(super) fn close(&mut self, choice: u32, sink: &mut dyn Sink) -> bool {
        let mut has_calls = false;
        for call in self.0.iter_mut().filter(|call| call.choice == choice) {
            has_calls = true;
            if !std::mem::replace(&mut call.has_arguments, true) {
                sink.event(StreamEvent::ToolArguments { choice, index: call.index, fragment: "{}" });
            }
        }
        has_calls
    }
}
