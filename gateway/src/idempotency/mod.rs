//! One execution for each `Idempotency-Key`, and its outcome for whoever asks again
//! (draft-ietf-httpapi-idempotency-key-header).
//!
//! A client that lost its connection cannot know whether its request was served, and to ask again may cost it twice. With a key it
//! may: the request is executed once, and everybody who sends it with the same key gets that one outcome.
//!
//! # What a key names
//! A key belongs to a caller (issuer, subject and tenant) and an operation, so that nobody meets another's answers. The same key with
//! another body is a mistake and refused with 422. The key is opaque: a quoted one is not the same as one without quotes.
//!
//! # Who waits for whom
//! The first to ask starts the execution; those who come while it is under way join it, and get its stream from the beginning. There is
//! no task behind it: whoever waits drives it, and when the last of them has left, it is dropped and so cancelled, as is every request
//! whose client leaves. The first is no more than the others: it may leave, and the execution goes on. Only where its deadline passed
//! and that made the execution fail, one of those whose own has not passed starts over.
//!
//! # What is kept
//! A success that came to its end, for a time counted from there. Failures, refusals and streams that broke off are told to those who
//! wait and then forgotten, so that a retry is executed anew: a client retries because it wants the answer.
//!
//! # Memory
//! It is bounded for answers that are kept and for those under way, for each alike. An answer that is too large for it, or for the
//! limit on a single one, goes to those who already wait for it and is not kept. A whole one says so in a header. A stream cannot, as it
//! has begun; while it goes on, a request with its key is refused with 409, because its beginning is gone.
//!
//! The ledger is of this process alone: behind a load balancer, a retry has to reach the same one.

mod asked;
mod execution;
mod key;
mod layer;
mod ledger;
mod listeners;
mod read_key;
mod recording;
#[cfg(test)]
mod tests;
mod whole;

pub use key::{IDEMPOTENCY_KEY, IdempotencyKey};
pub use layer::{Idempotent, IdempotentLayer};
pub use ledger::Ledger;
pub use read_key::{ReadKey, ReadKeyLayer};
