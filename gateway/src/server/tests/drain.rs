//! How a server ends: what may finish, what is told to, and what is cut off.

use std::convert::Infallible;
use std::io;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use ::http::Response;
use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{Mutex, oneshot};
use tokio::time::Instant;

use super::super::*;
use super::harness::{Identity, Running, assert_passed, echo, get, h1, plain, start_http, start_https, text};

/// What a streamed answer does when it is told to end.
#[derive(Clone, Copy)]
enum WhenForced {
    SayGoodbye,
    GoOn,
}

/// The pieces of the one streamed answer; it ends when their sender is dropped.
type Pieces = Arc<Mutex<UnboundedReceiver<&'static str>>>;

fn pieces() -> (UnboundedSender<&'static str>, Pieces) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (sender, Arc::new(Mutex::new(receiver)))
}

fn streaming(pieces: Pieces, connection: Connection, when_forced: WhenForced) -> impl ConnectionService {
    tower::service_fn(move |_| {
        let start = Some((Arc::clone(&pieces), connection.clone()));
        let body = stream::unfold(start, move |state| async move {
            let (pieces, connection) = state?;
            let mut receiver = pieces.lock().await;
            let piece = tokio::select! {
                piece = receiver.recv() => piece?,
                () = connection.forced.cancelled(), if matches!(when_forced, WhenForced::SayGoodbye) => {
                    return Some((frame("goodbye"), None));
                }
            };
            drop(receiver);
            Some((frame(piece), Some((pieces, connection))))
        });
        std::future::ready(Ok::<_, Infallible>(Response::new(StreamBody::new(body))))
    })
}

fn frame(piece: &'static str) -> Result<Frame<Bytes>, io::Error> {
    Ok(Frame::data(Bytes::from_static(piece.as_bytes())))
}

async fn next(response: &mut Response<Incoming>) -> Bytes {
    response.body_mut().frame().await.unwrap().unwrap().into_data().unwrap()
}

/// Waits until nothing listens any more; the accept loops end by themselves.
async fn refused(server: &Running) {
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

const NOTHING_LOST: Drained = Drained { forced: 0, cut: 0 };

#[tokio::test]
async fn a_server_without_requests_ends_at_once_and_closes_idle_connections() {
    let identity = Identity::new();
    let server = start_https(&identity, ConnectionSettings::default(), echo).await;
    let mut client = identity.h2(server.address).await;
    text(client.send_request(get("/")).await.unwrap()).await;
    server.shutdown.begin();
    assert_eq!(server.drained.await.unwrap(), NOTHING_LOST);
    assert!(client.send_request(get("/")).await.is_err());
}

#[tokio::test]
async fn running_http1_and_http2_answers_finish_and_nothing_new_is_accepted() {
    let identity = Identity::new();
    let (two, pieces_of_two) = pieces();
    let (one, pieces_of_one) = pieces();
    let secure = start_https(&identity, ConnectionSettings::default(), move |connection| {
        streaming(Arc::clone(&pieces_of_two), connection, WhenForced::SayGoodbye)
    })
    .await;
    let open = start_http(ConnectionSettings::default(), move |connection| {
        streaming(Arc::clone(&pieces_of_one), connection, WhenForced::SayGoodbye)
    })
    .await;
    let mut two_client = identity.h2(secure.address).await;
    let mut one_client = plain(open.address).await;
    for (server, sender, mut response) in [
        (secure, two, two_client.send_request(get("/")).await.unwrap()),
        (open, one, one_client.send_request(get("/")).await.unwrap()),
    ] {
        sender.send("before ").unwrap();
        assert_eq!(next(&mut response).await, "before ");
        server.shutdown.begin();
        refused(&server).await;
        assert!(!server.drained.is_finished());
        sender.send("and after").unwrap();
        drop(sender);
        assert_eq!(text(response).await, "and after");
        assert_eq!(server.drained.await.unwrap(), NOTHING_LOST);
    }
    assert!(two_client.send_request(get("/")).await.is_err());
    assert!(one_client.send_request(get("/")).await.is_err());
}

#[tokio::test]
async fn a_client_that_connected_before_the_drain_still_gets_its_first_answer() {
    let (accepted, mut accepts) = mpsc::unbounded_channel();
    let server = start_http(ConnectionSettings::default(), move |connection| {
        accepted.send(()).unwrap();
        echo(connection)
    })
    .await;
    let mut client = plain(server.address).await;
    accepts.recv().await.unwrap();
    server.shutdown.begin();
    refused(&server).await;
    let response = client.send_request(get("/")).await.unwrap();
    assert_eq!(text(response).await, "GET / HTTP/1.1");
    tokio::time::pause();
    assert_eq!(server.drained.await.unwrap(), NOTHING_LOST);
}

#[tokio::test]
async fn a_client_that_waits_in_the_backlog_when_the_drain_begins_is_still_answered() {
    let server = start_http(ConnectionSettings::default(), echo).await;
    // Connected by the system's call, so that the server's task on this thread had no turn to accept.
    let socket = std::net::TcpStream::connect(server.address).unwrap();
    server.shutdown.begin();
    refused(&server).await;
    socket.set_nonblocking(true).unwrap();
    let mut client = h1(TcpStream::from_std(socket).unwrap()).await;
    assert_eq!(text(client.send_request(get("/")).await.unwrap()).await, "GET / HTTP/1.1");
    tokio::time::pause();
    assert_eq!(server.drained.await.unwrap(), NOTHING_LOST);
}

#[tokio::test]
async fn an_answer_that_begins_while_draining_tells_an_http1_client_to_close() {
    let (release, held) = oneshot::channel::<()>();
    let held = Arc::new(Mutex::new(Some(held)));
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let server = start_http(ConnectionSettings::default(), move |_| {
        let (held, arrived) = (Arc::clone(&held), arrived.clone());
        tower::service_fn(move |_| {
            let (held, arrived) = (Arc::clone(&held), arrived.clone());
            async move {
                arrived.send(()).unwrap();
                let held = held.lock().await.take().unwrap();
                held.await.unwrap();
                Ok::<_, Infallible>(Response::new(http_body_util::Empty::<Bytes>::new()))
            }
        })
    })
    .await;
    let mut client = plain(server.address).await;
    let answer = tokio::spawn(async move { client.send_request(get("/")).await });
    arrivals.recv().await.unwrap();
    server.shutdown.begin();
    refused(&server).await;
    release.send(()).unwrap();
    assert_eq!(answer.await.unwrap().unwrap().headers()["connection"], "close");
    assert_eq!(server.drained.await.unwrap(), NOTHING_LOST);
}

#[tokio::test]
async fn after_the_grace_streams_are_told_to_end_and_do_so_in_their_own_words() {
    let settings = ConnectionSettings::default();
    let grace = settings.shutdown_grace;
    let (sender, pieces) = pieces();
    let server = start_http(settings, move |connection| streaming(Arc::clone(&pieces), connection, WhenForced::SayGoodbye)).await;
    let mut response = plain(server.address).await.send_request(get("/")).await.unwrap();
    sender.send("before").unwrap();
    assert_eq!(next(&mut response).await, "before");
    tokio::time::pause();
    let begun = Instant::now();
    server.shutdown.begin();
    assert_eq!(text(response).await, "goodbye");
    assert_passed(begun, grace);
    assert_eq!(server.drained.await.unwrap(), Drained { forced: 1, cut: 0 });
}

#[tokio::test]
async fn a_second_request_to_end_does_not_wait_for_the_grace() {
    let identity = Identity::new();
    let (sender, pieces) = pieces();
    let server = start_https(&identity, ConnectionSettings::default(), move |connection| {
        streaming(Arc::clone(&pieces), connection, WhenForced::SayGoodbye)
    })
    .await;
    let mut response = identity.h2(server.address).await.send_request(get("/")).await.unwrap();
    sender.send("before").unwrap();
    assert_eq!(next(&mut response).await, "before");
    server.shutdown.begin();
    server.shutdown.force();
    assert_eq!(text(response).await, "goodbye");
    assert_eq!(server.drained.await.unwrap().cut, 0);
}

#[tokio::test]
async fn what_does_not_end_when_told_is_cut_off_and_looks_broken_to_the_client() {
    let identity = Identity::new();
    let (sender, pieces) = pieces();
    let server = start_https(&identity, ConnectionSettings::default(), move |connection| {
        streaming(Arc::clone(&pieces), connection, WhenForced::GoOn)
    })
    .await;
    let mut response = identity.h2(server.address).await.send_request(get("/")).await.unwrap();
    sender.send("before").unwrap();
    assert_eq!(next(&mut response).await, "before");
    tokio::time::pause();
    let begun = Instant::now();
    server.shutdown.force();
    assert!(response.into_body().collect().await.is_err());
    assert_eq!(server.drained.await.unwrap(), Drained { forced: 1, cut: 1 });
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert!(sender.is_closed(), "the body was dropped before the server ended");
}

#[tokio::test]
async fn the_first_signal_begins_a_shutdown_and_the_second_forces_it() {
    let shutdown = Shutdown::new();
    let signals = tokio::spawn(on_signals(shutdown.clone()));
    // Its first poll takes over the signals, before which they would end the test.
    tokio::task::yield_now().await;
    let kill = |signal: &str| {
        let status = Command::new("sh").args(["-c", &format!("kill -{signal} {}", std::process::id())]).status();
        assert!(status.unwrap().success());
    };
    kill("TERM");
    shutdown.begun().await;
    assert!(shutdown.has_begun() && !shutdown.forced().is_cancelled());
    kill("INT");
    signals.await.unwrap().unwrap();
    assert!(shutdown.forced().is_cancelled());
}
