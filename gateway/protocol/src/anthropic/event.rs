//! The events of a stream, as they stand on the wire.

use serde::Deserialize;

use super::{
    answer::{Block, StopDetails},
    error::Detail,
    usage::Counts,
};
use crate::text::Loose;

/// An event. One flat form for all kinds: the kind may stand last, and a form for each would need the JSON to be read twice. What a delta has
/// not lies on the heap, so that deltas, which are nearly all events, do not carry its size about.
#[derive(Deserialize)]
pub(super) struct Event<'a> {
    #[serde(borrow)]
    pub(super) r#type: Loose<'a>,
    pub(super) index: Option<u64>,
    #[serde(borrow)]
    pub(super) delta: Option<Delta<'a>>,
    #[serde(borrow)]
    pub(super) content_block: Option<Box<Block<'a>>>,
    #[serde(borrow)]
    pub(super) message: Option<Box<Head<'a>>>,
    pub(super) usage: Option<Box<Counts>>,
    #[serde(borrow)]
    pub(super) error: Option<Box<Detail<'a>>>,
}

/// What `message_start` tells.
#[derive(Deserialize)]
pub(super) struct Head<'a> {
    #[serde(borrow, default)]
    pub(super) id: Loose<'a>,
    pub(super) usage: Option<Counts>,
}

/// What is added to a block, or, in `message_delta`, to the message.
#[derive(Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(borrow, default)]
    pub(super) r#type: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) text: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) partial_json: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) thinking: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) signature: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) stop_reason: Loose<'a>,
    #[serde(borrow)]
    pub(super) stop_details: Option<StopDetails<'a>>,
}

/// The kind of an event whose form is not the expected one.
#[derive(Deserialize)]
pub(super) struct Kind<'a> {
    #[serde(borrow)]
    pub(super) r#type: Loose<'a>,
}

/// Whether events of that kind are known here. Others are skipped, whatever they hold.
pub(super) fn is_known(kind: &str) -> bool {
    matches!(
        kind,
        "message_start"
            | "content_block_start"
            | "content_block_delta"
            | "content_block_stop"
            | "message_delta"
            | "message_stop"
            | "error"
    )
}
