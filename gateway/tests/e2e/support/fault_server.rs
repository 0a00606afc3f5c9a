//! An upstream that fails to the byte: it answers each request as a script says, and notes what came and who left.

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{self, AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::{Semaphore, watch},
    task::JoinHandle,
};

use super::{canned::is_whole, soon};

/// What a [`FaultServer`] does to answer a request. After the last step it waits for the next request on the same connection.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Sends these bytes.
    Send(Bytes),
    /// Sends them one by one, each in a packet of its own, with this pause between them.
    Drip(Bytes, Duration),
    /// Sends them so many times, as fast as the gateway takes them.
    Flood(Bytes, usize),
    /// Waits for a permit, and takes it.
    Await(Arc<Semaphore>),
    /// Waits until the gateway has left.
    Hang,
    /// Closes the connection in order.
    Close,
    /// Resets the connection.
    Reset,
}

/// What a [`FaultServer`] has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Connections, ever.
    pub(crate) connections: usize,
    /// Connections, now.
    pub(crate) open: usize,
    /// Requests, ever.
    pub(crate) requests: usize,
    /// Answers that the gateway did not wait for to the end.
    pub(crate) cancelled: usize,
    /// Bytes of floods that were taken.
    pub(crate) flooded: usize,
}

type Script = Box<dyn Fn(usize) -> Vec<Step> + Send + Sync>;

/// An upstream that follows a script in HTTP/1.1.
#[derive(Debug)]
pub(crate) struct FaultServer {
    address: SocketAddr,
    seen: Arc<Seen>,
    accepting: JoinHandle<()>,
}

struct Seen {
    script: Script,
    counts: watch::Sender<Counts>,
    received: Mutex<Vec<String>>,
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen").field("counts", &*self.counts.borrow()).finish_non_exhaustive()
    }
}

impl FaultServer {
    /// Answers each request, by its number from zero, as `script` says.
    pub(crate) async fn start(script: impl Fn(usize) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (counts, received) = (watch::Sender::default(), Mutex::default());
        let seen = Arc::new(Seen { script: Box::new(script), counts, received });
        let seen_there = Arc::clone(&seen);
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&seen_there)));
            }
        });
        Self { address, seen, accepting }
    }

    /// Answers every request in the same way.
    pub(crate) async fn always(steps: Vec<Step>) -> Self {
        Self::start(move |_| steps.clone()).await
    }

    /// The base URL of its API.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// How many requests have come.
    pub(crate) fn requests(&self) -> usize {
        self.seen.counts.borrow().requests
    }

    /// The bytes of all requests, head and body, in order.
    pub(crate) fn received(&self) -> Vec<String> {
        self.seen.received.lock().unwrap().clone()
    }

    /// What has been seen by now.
    pub(crate) fn counts(&self) -> Counts {
        *self.seen.counts.borrow()
    }

    /// Waits until it has seen this.
    pub(crate) async fn until(&self, what: impl FnMut(&Counts) -> bool) -> Counts {
        let mut counts = self.seen.counts.subscribe();
        *soon(counts.wait_for(what)).await.unwrap()
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Seen {
    fn count(&self, change: impl FnOnce(&mut Counts)) {
        self.counts.send_modify(change);
    }
}

/// A connection that counts as open.
struct Open(Arc<Seen>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.count(|counts| counts.open -= 1);
    }
}

async fn serve(mut stream: TcpStream, seen: Arc<Seen>) {
    seen.count(|counts| (counts.connections, counts.open) = (counts.connections + 1, counts.open + 1));
    let _open = Open(Arc::clone(&seen));
    stream.set_nodelay(true).unwrap();
    while let Some(request) = read_request(&mut stream).await {
        let number = seen.counts.borrow().requests;
        seen.received.lock().unwrap().push(request);
        seen.count(|counts| counts.requests += 1);
        for step in (seen.script)(number) {
            match play(step, &mut stream, &seen).await {
                Ok(Next::Step) => {}
                Ok(Next::End) => return,
                Err(_left) => return seen.count(|counts| counts.cancelled += 1),
            }
        }
    }
}

/// The next request; nothing if the gateway closes the connection in place of one.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = BytesMut::new();
    while !is_whole(&request) {
        // One that is reset has ended too.
        if stream.read_buf(&mut request).await.unwrap_or_default() == 0 {
            return None;
        }
    }
    Some(String::from_utf8(request.to_vec()).unwrap())
}

/// What follows a step.
enum Next {
    Step,
    End,
}

/// Takes a step; an error is a gateway that has left.
async fn play(step: Step, stream: &mut TcpStream, seen: &Seen) -> io::Result<Next> {
    let (mut reading, mut writing) = stream.split();
    let acting = async {
        match &step {
            Step::Send(bytes) => writing.write_all(bytes).await?,
            Step::Drip(bytes, pause) => drip(&mut writing, bytes, *pause).await?,
            Step::Flood(bytes, times) => flood(&mut writing, bytes, *times, seen).await?,
            Step::Await(permits) => permits.acquire().await.unwrap().forget(),
            Step::Hang => std::future::pending().await,
            Step::Close | Step::Reset => return io::Result::Ok(Next::End),
        }
        Ok(Next::Step)
    };
    let next = tokio::select! {
        biased;
        next = acting => next?,
        error = left(&mut reading) => return Err(error),
    };
    if matches!(step, Step::Reset) {
        // Closing with no time to linger makes the kernel send RST in place of FIN.
        stream.set_zero_linger()?;
    }
    Ok(next)
}

async fn drip(writing: &mut WriteHalf<'_>, bytes: &[u8], pause: Duration) -> io::Result<()> {
    for byte in bytes {
        writing.write_all(&[*byte]).await?;
        tokio::time::sleep(pause).await;
    }
    Ok(())
}

async fn flood(writing: &mut WriteHalf<'_>, bytes: &[u8], times: usize, seen: &Seen) -> io::Result<()> {
    for _ in 0..times {
        writing.write_all(bytes).await?;
        seen.count(|counts| counts.flooded += bytes.len());
        // Everybody runs on one thread.
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Waits until the gateway has left.
async fn left(reading: &mut ReadHalf<'_>) -> io::Error {
    match reading.peek(&mut [0]).await {
        Ok(0) => io::ErrorKind::UnexpectedEof.into(),
        Ok(_) => panic!("a request before the answer to the one before"),
        Err(error) => error,
    }
}

/// What such an upstream says when nothing is wrong.
pub(crate) const SAID: &str = "Nothing is wrong here.";

/// An answer with this status, these lines in its head, and this body.
pub(crate) fn answer(status: u16, lines: &str, body: &str) -> Vec<Step> {
    let head = format!("HTTP/1.1 {status} Whatever\r\n{lines}content-length: {}\r\n\r\n", body.len());
    vec![Step::Send(Bytes::from(head + body))]
}

/// An answer with status 200 and this body, which claims to be JSON.
pub(crate) fn claimed_json(body: &str) -> Vec<Step> {
    answer(200, "content-type: application/json\r\n", body)
}

/// A whole answer to a chat.
pub(crate) fn said() -> Vec<Step> {
    claimed_json(&format!(
        r#"{{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"{SAID}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":3,"completion_tokens":5,"total_tokens":8}}}}"#
    ))
}

/// The head of a stream of events, which come in chunks.
pub(crate) fn events_head() -> Step {
    Step::Send(Bytes::from_static(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"))
}

/// An event that adds to the answer, as a chunk.
pub(crate) fn event(text: &str) -> Bytes {
    chunk(&format!(r#"{{"id":"c","object":"chat.completion.chunk","choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}"#))
}

/// The end of a stream that is complete.
pub(crate) fn done() -> Bytes {
    Bytes::from([&chunk("[DONE]")[..], b"0\r\n\r\n"].concat())
}

/// A stream that is complete.
pub(crate) fn streamed_answer() -> Vec<Step> {
    vec![events_head(), Step::Send(event(SAID)), Step::Send(done())]
}

fn chunk(data: &str) -> Bytes {
    let event = format!("data: {data}\n\n");
    Bytes::from(format!("{:x}\r\n{event}\r\n", event.len()))
}

/// A listener whose queue is full: the kernel drops every further attempt to connect, as a firewall does that answers nothing.
#[derive(Debug)]
pub(crate) struct Blackhole {
    listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl Blackhole {
    /// How long a connection on loopback takes at most: what takes longer is not going to come.
    const CONNECTED: Duration = Duration::from_millis(500);

    /// Fills the queue of a listener that never accepts.
    pub(crate) async fn new() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(connected) = tokio::time::timeout(Self::CONNECTED, TcpStream::connect(address)).await {
            queued.push(connected.unwrap());
        }
        Self { listener, _queued: queued }
    }

    /// The base URL of its API.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.listener.local_addr().unwrap())
    }
}
