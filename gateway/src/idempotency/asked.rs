//! What makes two requests the same.

use aws_lc_rs::digest::{self, SHA256};

use super::IdempotencyKey;
use crate::{
    error::{Error, Kind},
    inference::Inference,
};

/// A request, as far as it can be compared. Digests only: they have one size, and tell nobody what was asked.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub(super) scope: Scope,
    pub(super) fingerprint: Fingerprint,
}

/// Where a key means something: its caller and the operation, and with that the method and the path.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Scope([u8; 32]);

/// What was asked there: the model, which not every body names, and the body, byte by byte.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint([u8; 32]);

impl Asked {
    pub(super) fn new(inference: &Inference, key: &IdempotencyKey) -> Result<Self, Error> {
        let principal = inference.context.principal().ok_or_else(|| Error::new(Kind::Internal, "Internal error."))?;
        let scope = sha256([
            // A subject is unique only with its issuer.
            principal.issuer.as_bytes(),
            principal.subject.as_bytes(),
            principal.tenant.as_str().as_bytes(),
            inference.operation.as_str().as_bytes(),
            key.as_bytes(),
        ]);
        let fingerprint = sha256([inference.head().model.as_bytes(), inference.payload.body().as_ref()]);
        Ok(Self { scope: Scope(scope), fingerprint: Fingerprint(fingerprint) })
    }
}

/// The digest of a list: each part with its length before it, so that none can pass for two.
fn sha256<const PARTS: usize>(parts: [&[u8]; PARTS]) -> [u8; 32] {
    let mut context = digest::Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut array = [0; 32];
    for (to, from) in array.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    array
}
