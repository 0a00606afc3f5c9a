//! Authentication from the outside: tokens in headers, key sets from a fake issuer, a clock that tests set.

mod keys;
mod remembered;
mod rules;
mod support;
mod wycheproof;
