//! A copy of the request goes to the route's shadow, on a task of its own.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::{
    task::spawn_blocking,
    time::{Instant, timeout},
};
use tracing::Instrument;
use tradewind_policies::decision::ShadowFate;
use tradewind_protocol::Operation;

use super::{STORED, answered::Lesson, attempt::attempt_at};
use crate::{
    body::EventStream,
    context::{Copied, RequestContext},
    error::Error,
    inference::{Answer, Content, Inference, Whole},
    limit::CopyReservation,
    route::{Drawn, Planned, Run},
    shadow::{Board, Heard, Place, Shadows, Side, Tell, pair},
};

/// The client's answer, which is compared with that to a copy. Nothing is told of it where the client leaves first.
#[derive(Debug)]
pub(super) struct Primary {
    tell: Tell,
    context: Arc<RequestContext>,
    begun: Instant,
    /// After how long the request came to this.
    after: std::time::Duration,
}

/// A copy that may be sent.
struct Admitted {
    // Dropped first: nothing of the copy is left when what it cost is counted.
    run: Run,
    planned: Planned,
    inference: Inference,
    place: Place,
    reservation: Option<CopyReservation>,
}

/// Sends a copy, if that may be just now. Tells of the client's answer are then for its comparison.
pub(super) fn send(shadows: &Shadows, inference: &Inference, drawn: Drawn, lesson: &Lesson) -> Option<Primary> {
    let context = &inference.context;
    let board = shadows.board(&context.taken()?.route, &drawn.backend);
    let backend = drawn.backend.clone();
    let admitted = admit(shadows, &board, inference, drawn);
    let fate = admitted.as_ref().err().copied().unwrap_or(ShadowFate::Sent);
    context.set_copied(Copied { backend, fate });
    board.count(fate);
    let (tell, heard) = pair();
    let lesson = Arc::new(lesson.of_copy());
    shadows.spawn(compare(admitted.ok()?, lesson, heard, board).in_current_span());
    Some(Primary { tell, context: Arc::clone(context), begun: Instant::now(), after: context.elapsed() })
}

fn admit(shadows: &Shadows, board: &Board, inference: &Inference, drawn: Drawn) -> Result<Admitted, ShadowFate> {
    let Drawn { planned, max_cost_per_day, predicted, .. } = drawn;
    let planned = planned.ok_or(ShadowFate::NotEligible)?;
    if inference.head().fields.may_hold(STORED) {
        return Err(ShadowFate::Stored);
    }
    let place = shadows.admit(board, inference.context.remaining()).ok_or(ShadowFate::Dropped)?;
    if !planned.is_well() {
        return Err(ShadowFate::Unavailable);
    }
    let context = Arc::new(inference.context.for_copy());
    let route = context.taken().ok_or(ShadowFate::Dropped)?.route;
    let reserve = |most| shadows.spending().reserve_copy(&context, &route, most, predicted);
    let reservation = max_cost_per_day.map(reserve).transpose().map_err(|_| ShadowFate::OverCap)?;
    let run = planned.begin().ok_or(ShadowFate::Unavailable)?;
    let inference = Inference { context, ..inference.clone() };
    Ok(Admitted { run, planned, inference, place, reservation })
}

/// Sends the copy, and compares its answer with the client's once both have ended.
async fn compare(admitted: Admitted, lesson: Arc<Lesson>, heard: Heard, board: Arc<Board>) {
    let Admitted { run, planned, inference, place, reservation } = admitted;
    let context = Arc::clone(&inference.context);
    let answer = timeout(context.remaining(), answer(inference, planned, run, lesson)).await;
    // Nobody gets this answer, so nobody else counts what it cost.
    context.cost().iter().for_each(|cost| board.paid(*cost));
    drop((reservation, place));
    let shadow = answer.ok().flatten();
    board.ended(shadow.is_some());
    let Some(shadow) = shadow else { return };
    match heard.end().await.flatten() {
        Some(primary) => {
            let compared = spawn_blocking(move || board.compare(&primary, &shadow)).await;
            if let Err(error) = compared {
                tracing::error!(%error, "two answers could not be compared");
            }
        }
        None => board.unpaired(),
    }
}

/// The answer to the copy, read to its end; none if it failed.
async fn answer(inference: Inference, planned: Planned, run: Run, lesson: Arc<Lesson>) -> Option<Side> {
    let context = &inference.context;
    let Answer { content, .. } = attempt_at(&inference, &planned, run, lesson, None, false).await.ok()?;
    let mut embeddings = None;
    match content {
        Content::Whole(whole) => {
            whole.usage.iter().for_each(|usage| context.set_usage(*usage));
            embeddings = compared_body(&inference, &whole).ok()?;
        }
        Content::Events(mut events) => {
            while let Some(piece) = events.next().await {
                piece.ok()?;
            }
        }
    }
    Some(Side {
        first_token: context.time_to_first_content(),
        total: context.elapsed(),
        output_tokens: output_tokens(&inference),
        embeddings,
    })
}

/// What of a whole answer is compared by its content; an error if it is a refusal.
fn compared_body(inference: &Inference, whole: &Whole) -> Result<Option<Bytes>, http::StatusCode> {
    if !whole.status.is_success() {
        return Err(whole.status);
    }
    Ok((inference.operation == Operation::Embeddings).then(|| whole.body.clone()))
}

fn output_tokens(inference: &Inference) -> Option<u64> {
    let has_output = matches!(inference.operation, Operation::Chat | Operation::Completions);
    inference.context.tokens().filter(|_| has_output).map(|tokens| tokens.usage.completion_tokens)
}

impl Primary {
    /// The client got a whole answer.
    pub(super) fn whole(self, inference: &Inference, whole: &Whole) {
        match compared_body(inference, whole) {
            Ok(embeddings) => {
                let output_tokens = whole.usage.map(|usage| usage.completion_tokens);
                let total = self.begun.elapsed();
                self.tell.answered(Side { first_token: None, total, output_tokens, embeddings });
            }
            Err(_refusal) => self.failed(),
        }
    }

    /// The client got none.
    pub(super) fn failed(self) {
        self.tell.failed();
    }

    /// The client gets these events.
    pub(super) fn watch(self, events: EventStream) -> EventStream {
        Box::pin(Watched { events, primary: Some(self) })
    }

    fn events_ended(self) {
        let first = self.context.time_to_first_content();
        let side = Side {
            first_token: first.map(|first| first.saturating_sub(self.after)),
            total: self.begun.elapsed(),
            output_tokens: self.context.tokens().map(|tokens| tokens.usage.completion_tokens),
            embeddings: None,
        };
        self.tell.answered(side);
    }
}

/// The events that the client gets.
struct Watched {
    events: EventStream,
    primary: Option<Primary>,
}

impl Stream for Watched {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.events.as_mut().poll_next(cx);
        match &polled {
            Poll::Ready(None) => self.primary.take().into_iter().for_each(Primary::events_ended),
            Poll::Ready(Some(Err(_))) => self.primary.take().into_iter().for_each(Primary::failed),
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        polled
    }
}
