//! Amazon Web Services: the part of an account that inference meets.

mod authorization;
mod error;
mod frame;
mod keys;
mod sigv4;
