//! From text to a [`Draft`]: what was typed, each part of the right shape and with its place.
//!
//! The tables are walked by hand rather than deserialised: serde stops at the first fault and loses the place of
//! nearly all, and an operator with five mistakes wants to hear of five. Whether the parts fit together is the
//! business of `resolve`.

use crate::fault::{At, Report};
use crate::source::SourceFile;

mod backend;
mod canary;
mod cursor;
mod draft;
mod duration;
mod file;
mod matcher;
mod price;
mod prices;
mod require;
mod route;
mod routing;
mod shadow;
mod tenant;
mod test;
mod timeouts;

#[cfg(test)]
pub(crate) use backend::providers;
pub(crate) use cursor::{Located, Table, Value, shortened};
pub(crate) use draft::{
    Draft, Expected, Given, NO_ROUTE, OUT_OF_SERVICE, RawBackend, RawCanary, RawCeiling, RawRoute, RawRouting, RawShadow,
    RawSplit, RawTenant, RawTest,
};
pub(crate) use matcher::CREDENTIALS;
pub(crate) use price::ServerCost;
pub(crate) use prices::built_in as built_in_prices;
pub(crate) use test::called;

/// Reads every file into one draft. What cannot be read is reported and left out.
///
/// Where a file is not TOML, nobody knows what the others may refer to, and the draft is empty.
pub(crate) fn read(files: &[SourceFile], report: &mut Report<'_>) -> Draft {
    let mut draft = Draft::default();
    if files.is_empty() {
        report.fault(At::top_of(0), "", "no policy file; give at least one that starts with `version = 1`");
    }
    // Collected before it is judged, so that every file is read.
    let read: Vec<_> =
        files.iter().enumerate().map(|(number, source)| file::read(number, &source.text, &mut draft, report)).collect();
    if read.into_iter().all(|read| read.is_ok()) { draft } else { Draft::default() }
}
