//! Translation, in instructions: a chat request of 4 kB from the client's bytes to the provider's, and a stream of a hundred chunks of text
//! from the provider's bytes to the client's. For comparison, the same by way of a tree of JSON values.

#![expect(missing_docs, unused_qualifications, reason = "of what the macros of the benchmarks write")]

use std::hint::black_box;

use bytes::Bytes;
use gungraun::prelude::*;
use tradewind_bench::{
    CHUNKS, Dialect, Passing, Prepared, Reading, Target, naive_chunk, naive_request, pass, prepare, read, request, wire,
};

fn asked(dialect: Dialect) -> (Option<Target>, Bytes) {
    let target = dialect.target();
    // What is made once a process is made before the count.
    assert!(target.as_ref().and_then(|target| prepare(target, request())).is_some());
    (target, request())
}

#[library_benchmark]
#[bench::openai(asked(Dialect::OpenAi))]
#[bench::azure(asked(Dialect::Azure))]
#[bench::mistral(asked(Dialect::Mistral))]
#[bench::watsonx(asked(Dialect::Watsonx))]
#[bench::anthropic(asked(Dialect::Anthropic))]
#[bench::bedrock(asked(Dialect::Bedrock))]
#[bench::gemini(asked(Dialect::Gemini))]
#[bench::cohere(asked(Dialect::Cohere))]
fn a_request((target, body): (Option<Target>, Bytes)) -> (Option<Prepared>, Option<Target>) {
    let prepared = target.as_ref().and_then(|target| prepare(target, body));
    (black_box(prepared), target)
}

#[library_benchmark]
#[bench::openai(request())]
fn a_request_as_a_tree(body: Bytes) -> (Option<Vec<u8>>, Bytes) {
    (black_box(naive_request(&body, "gpt-4o-2024-08-06")), body)
}

fn read_before(dialect: Dialect) -> (Option<Reading>, Vec<Bytes>) {
    let pieces = wire(dialect);
    assert!(Reading::of(dialect).is_some_and(|mut reading| read(&mut reading, &pieces).is_some()));
    (Reading::of(dialect), pieces)
}

#[library_benchmark]
#[bench::mistral(read_before(Dialect::Mistral))]
#[bench::watsonx(read_before(Dialect::Watsonx))]
#[bench::anthropic(read_before(Dialect::Anthropic))]
#[bench::bedrock(read_before(Dialect::Bedrock))]
#[bench::gemini(read_before(Dialect::Gemini))]
#[bench::cohere(read_before(Dialect::Cohere))]
fn a_stream((mut reading, pieces): (Option<Reading>, Vec<Bytes>)) -> (Option<usize>, Option<Reading>, Vec<Bytes>) {
    let sent = reading.as_mut().and_then(|reading| read(reading, &pieces));
    (black_box(sent), reading, pieces)
}

fn passed_before() -> (Passing, Vec<Bytes>) {
    let pieces = wire(Dialect::OpenAi);
    assert!(pass(&mut Passing::new(), &pieces).is_some());
    (Passing::new(), pieces)
}

#[library_benchmark]
#[bench::openai(passed_before())]
fn a_stream_that_passes((mut passing, pieces): (Passing, Vec<Bytes>)) -> (Option<usize>, Passing, Vec<Bytes>) {
    (black_box(pass(&mut passing, &pieces)), passing, pieces)
}

#[library_benchmark]
#[bench::openai(wire(Dialect::OpenAi))]
fn a_stream_as_trees(pieces: Vec<Bytes>) -> (usize, Vec<Bytes>) {
    let sent = pieces.iter().filter_map(|piece| naive_chunk(piece)).map(|event| black_box(event).len()).sum();
    assert!(sent > CHUNKS);
    (sent, pieces)
}

library_benchmark_group!(
    name = translate,
    benchmarks = [a_request, a_request_as_a_tree, a_stream, a_stream_that_passes, a_stream_as_trees]
);

main!(library_benchmark_groups = translate);
