//! The layer over a service that the tests hold in their hands, on a paused clock.

use std::{
    future::poll_fn,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture, stream};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, advance},
};
use tower::{Layer, Service, ServiceExt};
use tradewind_protocol::{Operation, Payload, openai::Head};

use super::{IDEMPOTENCY_KEY, IdempotencyKey, IdempotentLayer, Ledger};
use crate::{
    body::Body,
    config::{ByteSize, IdempotencySettings},
    context::{RequestContext, testing},
    error::{Error, Kind},
    inference::Inference,
};

const TTL: Duration = Duration::from_secs(600);

type Outcome = Result<Response<Body>, Error>;

/// What is executed: it counts, and answers as it was told.
#[derive(Clone, Default)]
struct Backend {
    executed: Arc<AtomicUsize>,
    script: Arc<Mutex<Vec<oneshot::Receiver<Outcome>>>>,
}

impl Backend {
    /// The next request waits for what is sent here.
    fn next(&self) -> oneshot::Sender<Outcome> {
        let (tell, told) = oneshot::channel();
        self.script.lock().unwrap().insert(0, told);
        tell
    }

    /// The next request gets this at once.
    fn answers(&self, outcome: Outcome) {
        self.next().send(outcome).unwrap();
    }

    /// The next request gets a stream of what is sent here.
    fn streams(&self) -> mpsc::UnboundedSender<Result<Bytes, Error>> {
        let (tell, mut told) = mpsc::unbounded_channel();
        let events = stream::poll_fn(move |cx| told.poll_recv(cx));
        self.answers(Ok(Response::new(Body::events(Box::pin(events)))));
        tell
    }

    fn executed(&self) -> usize {
        self.executed.load(Ordering::Relaxed)
    }
}

impl Service<Inference> for Backend {
    type Response = Response<Body>;
    type Error = Error;
    type Future = BoxFuture<'static, Outcome>;

    fn poll_ready(&mut self, _cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _inference: Inference) -> Self::Future {
        self.executed.fetch_add(1, Ordering::Relaxed);
        let told = self.script.lock().unwrap().pop().expect("nothing more was to be executed");
        Box::pin(async move { told.await.unwrap() })
    }
}

struct Fixture {
    backend: Backend,
    layer: IdempotentLayer,
}

impl Fixture {
    fn new() -> Self {
        Self::with(|settings| settings)
    }

    fn with(change: impl FnOnce(IdempotencySettings) -> IdempotencySettings) -> Self {
        let settings = change(IdempotencySettings { ttl: TTL, ..IdempotencySettings::default() });
        Self { backend: Backend::default(), layer: IdempotentLayer::new(Ledger::new(settings)) }
    }

    /// Asks as everybody does.
    fn ask(&self) -> BoxFuture<'static, Outcome> {
        self.ask_with("key", "{\"model\":\"chat\"}")
    }

    fn ask_with(&self, key: &'static str, body: &'static str) -> BoxFuture<'static, Outcome> {
        self.ask_as(testing::context_of("acme", "tester"), Operation::Chat, key, body)
    }

    fn ask_as(
        &self,
        context: Arc<RequestContext>,
        operation: Operation,
        key: &'static str,
        body: &'static str,
    ) -> BoxFuture<'static, Outcome> {
        let headers = HeaderMap::from_iter([(IDEMPOTENCY_KEY, HeaderValue::from_static(key))]);
        context.set_idempotency_key(IdempotencyKey::of(&headers).unwrap().unwrap());
        let body = Bytes::from_static(body.as_bytes());
        let payload = Arc::new(Payload::new(Head::read(&body).unwrap(), body));
        self.layer.layer(self.backend.clone()).oneshot(Inference { context, operation, payload }).boxed()
    }
}

fn whole(body: &'static str) -> Outcome {
    Ok(Response::new(Body::full(Bytes::from_static(body.as_bytes()))))
}

fn piece(text: &'static str) -> Result<Bytes, Error> {
    Ok(Bytes::from_static(text.as_bytes()))
}

fn is_replay(response: &Response<Body>) -> bool {
    response.headers().contains_key("idempotency-replayed")
}

async fn text(outcome: Outcome) -> String {
    String::from_utf8(outcome.unwrap().into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// The next frame of a body, which must be there already.
fn ready(body: &mut Body) -> Option<Bytes> {
    let frame = body.frame().now_or_never().expect("the next piece is there")?;
    Some(frame.unwrap().into_data().unwrap())
}

/// Polls once what is not ready yet.
async fn pending<F: Future + Unpin>(future: &mut F) {
    poll_fn(|cx| {
        assert!(future.poll_unpin(cx).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn those_who_ask_at_once_and_later_share_one_execution_until_its_answer_is_too_old() {
    let fixture = Fixture::new();
    let tell = fixture.backend.next();
    let (mut first, mut second) = (fixture.ask(), fixture.ask());
    pending(&mut first).await;
    pending(&mut second).await;
    tell.send(whole("answer")).unwrap();
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert_eq!((is_replay(&first), is_replay(&second)), (false, true));
    assert_eq!((text(Ok(first)).await, text(Ok(second)).await), ("answer".to_owned(), "answer".to_owned()));

    advance(TTL - Duration::from_millis(1)).await;
    let context = testing::context_of("acme", "tester");
    let third = fixture.ask_as(Arc::clone(&context), Operation::Chat, "key", "{\"model\":\"chat\"}").await.unwrap();
    assert!(is_replay(&third) && context.replay_of().is_some());
    assert_eq!((text(Ok(third)).await, fixture.backend.executed()), ("answer".to_owned(), 1));

    advance(Duration::from_millis(1)).await;
    fixture.backend.answers(whole("another"));
    let anew = fixture.ask().await.unwrap();
    assert!(!is_replay(&anew));
    assert_eq!((text(Ok(anew)).await, fixture.backend.executed()), ("another".to_owned(), 2));
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_too_old_are_swept_out() {
    let fixture = Fixture::new();
    fixture.backend.answers(whole("answer"));
    fixture.ask().await.unwrap();
    let ledger = fixture.layer.ledger();
    assert_eq!(ledger.stored(), 1);
    let tidied = ledger.clone();
    let tidying = tokio::spawn(async move { tidied.keep_tidy().await });
    tokio::time::sleep(TTL + Duration::from_secs(60)).await;
    assert_eq!(ledger.stored(), 0);
    tidying.abort();
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused_during_the_execution_and_after() {
    let fixture = Fixture::new();
    let tell = fixture.backend.next();
    let mut first = fixture.ask();
    pending(&mut first).await;
    let other = || fixture.ask_with("key", "{\"model\":\"other\"}");
    assert_eq!(other().await.unwrap_err().kind(), Kind::IdempotencyKeyReused);
    tell.send(whole("answer")).unwrap();
    first.await.unwrap();
    assert_eq!(other().await.unwrap_err().kind(), Kind::IdempotencyKeyReused);
}

#[tokio::test]
async fn a_key_means_nothing_to_another_caller_nor_for_another_operation() {
    let fixture = Fixture::new();
    let callers = [("acme", "tester"), ("acme", "other"), ("other", "tester")];
    let operations = [Operation::Chat, Operation::Embeddings];
    for (tenant, subject) in callers {
        for operation in operations {
            fixture.backend.answers(whole("answer"));
            let context = testing::context_of(tenant, subject);
            let answer = fixture.ask_as(context, operation, "key", "{\"model\":\"chat\"}").await.unwrap();
            assert!(!is_replay(&answer), "{tenant} {subject} {operation}");
        }
    }
    assert_eq!(fixture.backend.executed(), 6);
}

#[tokio::test]
async fn a_failure_is_told_to_those_who_wait_and_a_retry_is_executed_anew() {
    let fixture = Fixture::new();
    for kind in [Kind::NoHealthyUpstream, Kind::RateLimited, Kind::UpstreamFailed, Kind::Timeout] {
        let tell = fixture.backend.next();
        let (mut first, mut second) = (fixture.ask(), fixture.ask());
        pending(&mut first).await;
        pending(&mut second).await;
        tell.send(Err(Error::new(kind, "no"))).unwrap();
        assert_eq!((first.await.unwrap_err().kind(), second.await.unwrap_err().kind()), (kind, kind));
    }
    let mut refusal = whole("refused").unwrap();
    *refusal.status_mut() = StatusCode::BAD_REQUEST;
    fixture.backend.answers(Ok(refusal));
    assert_eq!(fixture.ask().await.unwrap().status(), 400);
    fixture.backend.answers(whole("answer"));
    assert_eq!(text(fixture.ask().await).await, "answer");
    assert_eq!(fixture.backend.executed(), 6);
}

#[tokio::test]
async fn a_panic_ends_the_wait_of_all() {
    let fixture = Fixture::new();
    let tell = fixture.backend.next();
    let (mut first, mut second) = (fixture.ask(), fixture.ask());
    pending(&mut first).await;
    pending(&mut second).await;
    // The backend's own expectation fails.
    drop(tell);
    assert_eq!((first.await.unwrap_err().kind(), second.await.unwrap_err().kind()), (Kind::Internal, Kind::Internal));
    fixture.backend.answers(whole("answer"));
    assert_eq!(text(fixture.ask().await).await, "answer");
}

#[tokio::test]
async fn an_execution_outlives_the_first_and_ends_with_the_last() {
    let fixture = Fixture::new();
    let mut tell = fixture.backend.next();
    let (mut first, mut second) = (fixture.ask(), fixture.ask());
    pending(&mut first).await;
    pending(&mut second).await;
    drop(first);
    pending(&mut second).await;
    assert!(!tell.is_closed());
    drop(second);
    tell.closed().await;

    let tell = fixture.backend.next();
    let (mut first, mut second) = (fixture.ask(), fixture.ask());
    pending(&mut first).await;
    pending(&mut second).await;
    drop(first);
    tell.send(whole("answer")).unwrap();
    assert_eq!(text(second.await).await, "answer");
    assert_eq!(fixture.backend.executed(), 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_has_time_left_starts_over_when_the_time_of_the_first_is_up() {
    let fixture = Fixture::new();
    let (tell, again) = (fixture.backend.next(), fixture.backend.next());
    let hurried = testing::context_of("acme", "tester");
    hurried.set_deadline(Instant::now() + Duration::from_secs(1));
    let mut first = fixture.ask_as(hurried, Operation::Chat, "key", "{\"model\":\"chat\"}");
    let mut second = fixture.ask();
    pending(&mut first).await;
    pending(&mut second).await;
    advance(Duration::from_secs(2)).await;
    drop(first);
    tell.send(Err(Error::new(Kind::Timeout, "late"))).unwrap();
    pending(&mut second).await;
    again.send(whole("answer")).unwrap();
    let second = second.await.unwrap();
    assert!(!is_replay(&second));
    assert_eq!((text(Ok(second)).await, fixture.backend.executed()), ("answer".to_owned(), 2));
}

#[tokio::test]
async fn whoever_joins_a_stream_gets_it_from_its_beginning_while_it_goes_on() {
    let fixture = Fixture::new();
    let tell = fixture.backend.streams();
    let mut first = fixture.ask().await.unwrap().into_body();
    tell.send(piece("one,")).unwrap();
    assert_eq!(ready(&mut first).unwrap(), "one,");
    let second = fixture.ask().await.unwrap();
    assert!(is_replay(&second));
    let mut second = second.into_body();
    assert_eq!(ready(&mut second).unwrap(), "one,");
    // Whoever asked last is the one that the stream knows, and leaves: the other is woken all the same.
    let waiting = tokio::spawn(first.collect());
    tokio::task::yield_now().await;
    assert!(second.frame().now_or_never().is_none());
    drop(second);
    tell.send(piece("two,")).unwrap();
    tell.send(piece("three")).unwrap();
    let third = tokio::spawn(fixture.ask());
    tokio::task::yield_now().await;
    drop(tell);
    assert_eq!(waiting.await.unwrap().unwrap().to_bytes(), "two,three");
    assert_eq!(text(third.await.unwrap()).await, "one,two,three");

    let later = fixture.ask().await.unwrap();
    assert!(is_replay(&later));
    assert_eq!((text(Ok(later)).await, fixture.backend.executed()), ("one,two,three".to_owned(), 1));
}

#[tokio::test]
async fn a_stream_is_cancelled_when_its_last_reader_leaves() {
    let fixture = Fixture::new();
    let tell = fixture.backend.streams();
    let (first, second) = (fixture.ask().await.unwrap(), fixture.ask().await.unwrap());
    drop(first);
    tell.send(piece("one")).unwrap();
    assert!(!tell.is_closed());
    drop(second);
    assert!(tell.is_closed());
    fixture.backend.answers(whole("answer"));
    assert_eq!(text(fixture.ask().await).await, "answer");
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_told_to_its_readers_and_executed_anew() {
    let fixture = Fixture::new();
    let tell = fixture.backend.streams();
    let (first, second) = (fixture.ask().await, fixture.ask().await);
    tell.send(piece("one")).unwrap();
    tell.send(Err(Error::new(Kind::StreamInterrupted, "gone"))).unwrap();
    for reader in [first, second] {
        let text = text(reader).await;
        assert!(text.starts_with("one") && text.contains("stream_interrupted"), "{text}");
    }
    fixture.backend.answers(whole("answer"));
    assert_eq!(text(fixture.ask().await).await, "answer");
}

#[tokio::test]
async fn a_whole_answer_that_is_too_large_goes_to_those_who_wait_says_so_and_is_not_kept() {
    let fixture = Fixture::with(|settings| IdempotencySettings { answer: ByteSize(4), ..settings });
    let tell = fixture.backend.next();
    let (mut first, mut second) = (fixture.ask(), fixture.ask());
    pending(&mut first).await;
    pending(&mut second).await;
    tell.send(whole("large")).unwrap();
    for answer in [first.await, second.await] {
        let answer = answer.unwrap();
        assert_eq!(answer.headers()["x-tradewind-idempotency"], "not-stored");
        assert_eq!(text(Ok(answer)).await, "large");
    }
    fixture.backend.answers(whole("tiny"));
    assert_eq!(text(fixture.ask().await).await, "tiny");
}

#[tokio::test]
async fn a_stream_that_is_too_large_goes_on_for_its_readers_but_cannot_be_joined_nor_kept() {
    let limits: [fn(IdempotencySettings) -> IdempotencySettings; 2] = [
        |settings| IdempotencySettings { answer: ByteSize(8), ..settings },
        // Of the whole ledger, where a piece counts for somewhat more than its bytes: room for two.
        |settings| IdempotencySettings { memory: ByteSize(140), ..settings },
    ];
    for large in limits {
        let fixture = Fixture::with(large);
        let tell = fixture.backend.streams();
        let (first, slow) = (fixture.ask().await.unwrap(), fixture.ask().await.unwrap());
        let mut first = first.into_body();
        for text in ["four", "five", "six!", "nine", "last"] {
            tell.send(piece(text)).unwrap();
            assert_eq!(ready(&mut first).unwrap(), text);
        }
        let refused = fixture.ask().await.unwrap_err();
        assert_eq!(refused.kind(), Kind::IdempotencyKeyInUse);
        drop(tell);
        assert_eq!(ready(&mut first), None);
        drop(first);
        // What it would read next is gone.
        let slow = text(Ok(slow)).await;
        assert!(slow.contains("stream_interrupted"), "{slow}");
        fixture.backend.answers(whole("answer"));
        assert_eq!(text(fixture.ask().await).await, "answer");
    }
}

#[tokio::test]
async fn answers_are_bounded_by_their_number_and_their_bytes() {
    const KEYS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let few = |settings| IdempotencySettings { answers: 4.try_into().unwrap(), ..settings };
    let small = |settings| IdempotencySettings { memory: ByteSize::kib(6), answer: ByteSize::kib(1), ..settings };
    let fixtures = [Fixture::with(few), Fixture::with(small)];
    for fixture in fixtures {
        for key in KEYS {
            fixture.backend.answers(Ok(Response::new(Body::full(Bytes::from(vec![b'x'; 512])))));
            fixture.ask_with(key, "{\"model\":\"chat\"}").await.unwrap();
        }
        let stored = fixture.layer.ledger().stored();
        assert!((1..=4).contains(&stored), "{stored}");
    }
}
