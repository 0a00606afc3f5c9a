//! An answer that breaks off goes on at another backend, and the client sees one answer.
//!
//! # Why so seldom
//!
//! Bytes that were sent cannot be unsent, so the second half has to fit the first: the same weights, told by their host's own means to go on with
//! the text that the client has. Asking a model in the user's name to "please continue" would be another conversation. Where anything stands in
//! the way (see [`continue_with`] and [`Transcript`]), and after a second break, the client is told in-band as ever.
//!
//! # What the client sees
//!
//! The second half is written anew, as more of the first: the same id, model and time, no second role, the token counts of both.
//! A comment, which SDKs skip, tells where the seam is.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::{FutureExt, Stream, future::BoxFuture};
use tradewind_policies::{select::Turn, spec::Midstream};
use tradewind_protocol::{
    BrokenOff, Operation, Payload,
    chat::{Sink, StreamDecoder, StreamEvent},
    openai::{Begun, ChunkDecoder, ChunkEncoder, Head, Identity, Transcript, continue_with},
};

use super::{
    answered::Lesson,
    attempt::{Ended, attempt},
};
use crate::{
    body::EventStream,
    error::{Error, Kind},
    inference::{Answer, Blame, Content, Inference},
    route::{Candidates, Planned, RouteState},
};

/// What it takes to go on elsewhere.
pub(super) struct Means {
    pub(super) inference: Inference,
    pub(super) candidates: Candidates,
    pub(super) state: Arc<RouteState>,
    pub(super) lesson: Arc<Lesson>,
    /// How many further attempts may be made.
    pub(super) attempts_left: u32,
    /// Where the answer began.
    pub(super) planned: Planned,
}

/// The events of an answer that goes on elsewhere, once, if it breaks off.
pub(super) struct Unbroken {
    stage: Stage,
    transcript: Transcript,
    /// Taken by the first break.
    means: Option<Means>,
}

enum Stage {
    Begun(EventStream),
    /// The first half broke off for this reason, and its continuation is sought.
    Broken(BoxFuture<'static, Result<Continuation, Error>>),
    Continued(Box<Continuation>),
}

impl Unbroken {
    /// `events`, which go on elsewhere where `midstream` and the request allow for it.
    pub(super) fn wrap(events: EventStream, midstream: Midstream, means: Means) -> EventStream {
        let may_go_on =
            midstream == Midstream::Continue && means.inference.operation == Operation::Chat && means.planned.weights.is_some();
        if may_go_on {
            Box::pin(Self { stage: Stage::Begun(events), transcript: Transcript::default(), means: Some(means) })
        } else {
            events
        }
    }
}

impl Stream for Unbroken {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            match &mut this.stage {
                Stage::Begun(events) => match ready!(events.as_mut().poll_next(cx)) {
                    Some(Ok(piece)) => {
                        this.transcript.push(&piece);
                        return Poll::Ready(Some(Ok(piece)));
                    }
                    Some(Err(error)) => match this.means.take().zip(this.transcript.take()) {
                        Some((means, begun)) => this.stage = Stage::Broken(means.go_on(begun, error).boxed()),
                        None => return Poll::Ready(Some(Err(error))),
                    },
                    None => return Poll::Ready(None),
                },
                Stage::Broken(seeking) => match ready!(seeking.as_mut().poll(cx)) {
                    Ok(continuation) => this.stage = Stage::Continued(Box::new(continuation)),
                    Err(error) => return Poll::Ready(Some(Err(error))),
                },
                Stage::Continued(continuation) => return continuation.poll_next(cx),
            }
        }
    }
}

impl Means {
    /// Goes on with the answer that broke off with `error`, which stands where nobody can.
    async fn go_on(self, begun: Begun, error: Error) -> Result<Continuation, Error> {
        self.seek(begun).await.ok_or(error)
    }

    async fn seek(self, begun: Begun) -> Option<Continuation> {
        let Self { inference, candidates, state, lesson, mut attempts_left, planned } = self;
        let weights = planned.weights.as_ref()?;
        let sent = tokens_sent(&begun, &planned);
        let inference = going_on(inference, &begun, sent)?;
        let mut candidates = candidates.able_to_continue(weights);
        let context = &inference.context;
        let broken_off = BrokenOff { told: begun.usage, sent };
        context.set_broken_off(broken_off);
        while attempts_left > 0 && !candidates.are_exhausted() && !context.remaining().is_zero() && state.take_retry() {
            let chosen = candidates.begin(Turn::Again, context)?;
            let Ended { planned: at, outcome, .. } = attempt(inference.clone(), chosen, Arc::clone(&lesson), None, false).await;
            match outcome {
                Ok(Answer { content: Content::Events(events), .. }) => {
                    at.deployment.metrics().continued();
                    tracing::info!(
                        from = planned.deployment.backend_name(),
                        at = at.deployment.backend_name(),
                        "an answer goes on"
                    );
                    let opening = format!(": x_tradewind.continued_from={}\n\n", planned.deployment.backend_name());
                    let include_usage = inference.head().include_usage;
                    return Some(Continuation::new(events, opening.into(), &begun, broken_off, include_usage));
                }
                // A stream was asked for.
                Ok(Answer { content: Content::Whole(_), .. }) => return None,
                // It was not asked, so it does not count.
                Err(failure) if failure.blame == Blame::Unsuited => {}
                Err(_) => attempts_left -= 1,
            }
        }
        None
    }
}

/// How many tokens the client has: what the stream told, or else as many as its pieces usually hold, which is one at least.
fn tokens_sent(begun: &Begun, planned: &Planned) -> u64 {
    let per_piece = planned.deployment.tokens_per_event().unwrap_or(1.0).max(1.0);
    let told = begun.usage.map_or(0, |usage| usage.completion_tokens);
    told.max((begun.pieces as f64 * per_piece).round() as u64)
}

/// The request that asks to go on; none where something of the client's request stands in the way.
fn going_on(inference: Inference, begun: &Begun, sent: u64) -> Option<Inference> {
    let body = continue_with(inference.payload.body(), &begun.text, sent);
    let body = body.inspect_err(|reason| tracing::debug!(%reason, "an answer cannot go on elsewhere")).ok()?;
    let head = Head::read(&body);
    let head = head.inspect_err(|error| tracing::error!(%error, "a request to go on cannot be read")).ok()?;
    let payload = Arc::new(Payload::going_on(head, body, begun.text.clone()));
    Some(Inference { payload, ..inference })
}

/// The second half of an answer.
struct Continuation {
    events: EventStream,
    /// What the client is told first.
    opening: Option<Bytes>,
    decoder: ChunkDecoder,
    encoder: ChunkEncoder,
    broken_off: BrokenOff,
    /// It cannot go on: to be told after what was written.
    fault: Option<Error>,
}

impl Continuation {
    fn new(events: EventStream, opening: Bytes, begun: &Begun, broken_off: BrokenOff, include_usage: bool) -> Self {
        let identity = Identity { id: &begun.id, created: begun.created, model: &begun.model };
        let encoder = ChunkEncoder::going_on(&identity, include_usage);
        Self { events, opening: Some(opening), decoder: ChunkDecoder::default(), encoder, broken_off, fault: None }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        if let Some(opening) = self.opening.take() {
            return Poll::Ready(Some(Ok(opening)));
        }
        loop {
            let written = self.encoder.take();
            if !written.is_empty() {
                return Poll::Ready(Some(Ok(written)));
            }
            if let Some(fault) = self.fault.take() {
                return Poll::Ready(Some(Err(fault)));
            }
            match ready!(self.events.as_mut().poll_next(cx)) {
                Some(Ok(piece)) => self.fault = self.read(&piece).err(),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }

    /// Writes a piece anew.
    fn read(&mut self, piece: &[u8]) -> Result<(), Error> {
        let mut seam = Seam { encoder: &mut self.encoder, broken_off: self.broken_off, is_other: false };
        let read = self.decoder.push(piece, &mut seam);
        if seam.is_other {
            return Err(interrupted("it went on in another way than it had begun"));
        }
        read.map_err(|fault| interrupted(&fault.to_string()))?;
        if self.decoder.is_done() {
            self.encoder.end();
        }
        Ok(())
    }
}

fn interrupted(reason: &str) -> Error {
    Error::new(Kind::StreamInterrupted, format!("The answer broke off: {reason}."))
}

/// Makes the events of the second half fit the first.
struct Seam<'a> {
    encoder: &'a mut ChunkEncoder,
    broken_off: BrokenOff,
    /// There was something that does not fit: a thought behind a text is none. A server whose parser takes all that it is not told to be an answer
    /// for a thought would make one of the rest of it.
    is_other: bool,
}

impl Sink for Seam<'_> {
    fn event(&mut self, event: StreamEvent<'_>) {
        match event {
            StreamEvent::Start { .. } => {}
            StreamEvent::Usage(rest) => self.encoder.event(StreamEvent::Usage(self.broken_off.and(rest))),
            StreamEvent::Text { choice: 0, .. }
            | StreamEvent::Refusal { choice: 0, .. }
            | StreamEvent::ToolCall { choice: 0, .. }
            | StreamEvent::ToolArguments { choice: 0, .. }
            | StreamEvent::Finish { choice: 0, .. } => self.encoder.event(event),
            _ => self.is_other = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};

    use super::*;

    const MORE: &str = "data: {\"id\":\"other\",\"model\":\"n\",\"created\":9,\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n\
        data: {\"id\":\"other\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" blows\"}}]}\n\n\
        data: {\"id\":\"other\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}]}\n\n";
    const USAGE: &str =
        "data: {\"id\":\"other\",\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":1}}\n\ndata: [DONE]\n\n";

    async fn rest(pieces: impl IntoIterator<Item = &'static str>) -> Result<String, Error> {
        let pieces: Vec<_> = pieces.into_iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
        let begun = Begun { id: "first".into(), model: "m".into(), created: 7, text: "The wind".into(), pieces: 2, usage: None };
        let broken_off = BrokenOff { told: None, sent: 2 };
        let mut rest = Continuation::new(Box::pin(stream::iter(pieces)), ": seam\n\n".into(), &begun, broken_off, true);
        let mut events = stream::poll_fn(move |cx| rest.poll_next(cx));
        let mut text = String::new();
        while let Some(piece) = events.next().await {
            text.push_str(std::str::from_utf8(&piece?).unwrap());
        }
        Ok(text)
    }

    #[tokio::test]
    async fn the_second_half_is_more_of_the_first() {
        let text = rest([MORE, USAGE]).await.unwrap();
        let events: Vec<&str> = text.trim_end().split("\n\n").collect();
        let [seam, blows, finish, usage, done] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!((*seam, *done), (": seam", "data: [DONE]"));
        for event in [blows, finish, usage] {
            let begin = r#"data: {"id":"first","object":"chat.completion.chunk","created":7,"model":"m","choices":["#;
            assert!(event.starts_with(begin), "{event}");
        }
        assert!(blows.contains(r#""delta":{"content":" blows"}"#), "{blows}");
        assert!(finish.contains(r#""finish_reason":"length""#), "{finish}");
        assert!(usage.contains(r#""prompt_tokens":10,"completion_tokens":3,"total_tokens":13"#), "{usage}");
    }

    #[tokio::test]
    async fn a_second_half_that_does_not_fit_breaks_off() {
        let thought = "data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\" blows\"}}]}\n\n";
        for odd in [thought, "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"a\"}}]}\n\n", "data: }\n\n"] {
            assert_eq!(rest([odd, USAGE]).await.unwrap_err().kind(), Kind::StreamInterrupted, "{odd}");
        }
    }
}
