//! The framing of most streams.

use tradewind_protocol::{openai::StreamSniffer, sse};

use super::sizes_of_pieces;

/// An event's name and data.
type Event = (Vec<u8>, Vec<u8>);

/// Server-sent events: how they are cut makes no difference, neither to what they say nor to what may be sent on of them.
pub(crate) fn server_sent_events(bytes: &[u8]) {
    let [whole, bytewise, sevens] = sizes_of_pieces(bytes.len()).map(|size| Read::of(bytes, size));
    assert_eq!(bytewise.events, whole.events);
    assert_eq!(sevens.events, whole.events);
    for read in [&whole, &bytewise, &sevens] {
        let forwarded = Read::of(bytes.get(..read.complete).unwrap_or_default(), read.complete.max(1));
        assert_eq!(forwarded.before_end, whole.before_end, "what is complete holds all events and no half one");
        assert_eq!(forwarded.events, whole.before_end, "nothing of an incomplete event is sent on");
    }
    let [whole, bytewise, sevens] = sizes_of_pieces(bytes.len()).map(|size| sniffed(bytes, size));
    assert_eq!(bytewise, whole);
    assert_eq!(sevens, whole);
    reread(bytes);
}

struct Read {
    /// All events.
    events: Vec<Event>,
    /// Those that were whole before the end of the body made one of what was left.
    before_end: Vec<Event>,
    /// Where the last whole event ended.
    complete: usize,
}

impl Read {
    fn of(bytes: &[u8], size: usize) -> Self {
        let mut events = Vec::new();
        let mut keep = |event: sse::Event<'_>| events.push((event.name.to_vec(), event.data.to_vec()));
        let mut decoder = sse::Decoder::new();
        let (mut complete, mut read) = (0, 0);
        for piece in bytes.chunks(size) {
            match decoder.push(piece, &mut keep).expect("no input is as large as an event may be") {
                0 => {}
                end => complete = read + end,
            }
            read += piece.len();
        }
        let mut after = Vec::new();
        decoder.finish(|event| after.push((event.name.to_vec(), event.data.to_vec())));
        let before_end = events.clone();
        events.extend(after);
        Self { events, before_end, complete }
    }
}

/// All that the sniffer tells of a stream.
fn sniffed(bytes: &[u8], size: usize) -> impl PartialEq + std::fmt::Debug {
    let mut sniffer = StreamSniffer::new();
    let findings = bytes.chunks(size).map(|piece| sniffer.push(piece).expect("no input is as large as an event may be"));
    let firsts = findings.filter(|finding| finding.first_content).count();
    assert!(firsts <= 1, "the first content came {firsts} times");
    sniffer.finish();
    (sniffer.events(), sniffer.is_done(), sniffer.error().is_some(), sniffer.usage(), firsts)
}

/// What is encoded is decoded.
fn reread(bytes: &[u8]) {
    let data: Vec<u8> = bytes.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    let event = sse::encode(&data);
    let read = Read::of(&event, event.len());
    assert_eq!(read.before_end, [(Vec::new(), data)]);
    assert_eq!(read.complete, event.len());
}
