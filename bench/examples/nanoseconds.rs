//! Translation, in time: nanoseconds a request of 4 kB and a chunk of text, on one thread and with the gateway's allocator. Of several
//! runs the quickest counts, since others use the machine too.

#![expect(clippy::disallowed_types, reason = "there is no clock to pause in a benchmark")]

use std::{
    cell::RefCell,
    hint::black_box,
    time::{Duration, Instant},
};

use http::Uri;
use tradewind_bench::{
    CHUNKS, Dialect, Fleet, Passing, Reading, decide, forward, naive_chunk, naive_request, pass, prepare, read, request, wire,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Short runs, ten thousand requests in all: the scheduler leaves some of them alone.
const RUNS: usize = 100;
const REQUESTS: u32 = 100;
/// A thousand chunks a run.
const STREAMS: u32 = 10;

/// Nanoseconds of one of `times` calls, in the quickest of the runs. `make` is not timed.
fn quickest<T>(times: u32, make: impl Fn() -> T, call: impl Fn(&mut T) -> bool) -> f64 {
    let runs = (0..RUNS).map(|_| {
        let mut items: Vec<T> = (0..times).map(|_| make()).collect();
        let start = Instant::now();
        let done = items.iter_mut().all(&call);
        let took = start.elapsed();
        assert!(done, "a call failed");
        took.as_secs_f64() * 1e9 / f64::from(times)
    });
    runs.fold(f64::INFINITY, f64::min)
}

fn main() {
    let chunks = CHUNKS as f64;
    let body = request();
    println!("a request of {} bytes", body.len());
    for dialect in Dialect::ALL {
        let target = dialect.target();
        let call = |(): &mut ()| target.as_ref().is_some_and(|target| black_box(prepare(target, body.clone())).is_some());
        println!("  {:<10} {:>7.0} ns", dialect.name(), quickest(REQUESTS, || (), call));
    }
    let uri = Uri::from_static("https://api.openai.com/v1/chat/completions");
    let bare = quickest(REQUESTS, || (), |()| !black_box(forward(&uri, body.clone())).body().is_empty());
    println!("  {:<10} {bare:>7.0} ns", "forwarded");
    let naive = quickest(REQUESTS, || (), |()| black_box(naive_request(&body, "gpt-4o-2024-08-06")).is_some());
    println!("  {:<10} {naive:>7.0} ns", "as a tree");

    println!("a decision among twenty, the first tokens of eight requests awaited at each");
    for (overdue, waited) in [("none late", 1), ("some late", 600), ("all late", 4_000)] {
        // One decision after the other about the same backends, as in a gateway at work.
        let fleet = RefCell::new(Fleet::waiting(Duration::from_millis(waited)));
        let decision = quickest(REQUESTS, || (), |()| black_box(decide(&mut fleet.borrow_mut())).is_some());
        println!("  {overdue:<10} {decision:>7.0} ns");
    }

    println!("a chunk of text");
    for dialect in Dialect::ALL {
        let pieces = wire(dialect);
        let whole = match Reading::of(dialect) {
            None => quickest(STREAMS, Passing::new, |passing| black_box(pass(passing, &pieces)).is_some()),
            Some(_) => {
                let call = |reading: &mut Option<Reading>| {
                    reading.as_mut().is_some_and(|reading| black_box(read(reading, &pieces)).is_some())
                };
                quickest(STREAMS, || Reading::of(dialect), call)
            }
        };
        println!("  {:<10} {:>7.0} ns", dialect.name(), whole / chunks);
    }
    let pieces = wire(Dialect::OpenAi);
    let naive = quickest(STREAMS, || (), |()| pieces.iter().take(CHUNKS).all(|piece| black_box(naive_chunk(piece)).is_some()));
    println!("  {:<10} {:>7.0} ns", "as a tree", naive / chunks);
}
