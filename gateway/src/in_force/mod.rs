//! Which policy is in force, since when and why, which were before it, and what became of the last attempt to replace it.
//!
//! [`read()`] and [`write()`] are the only places that touch policy files: both see to it that a policy of several files is taken, or put in
//! place, as one. What was in force is kept in the state folder by [`History`]. [`Board`] is what the running gateway tells of it all.

mod board;
mod change;
mod history;
mod moment;
mod read;
mod write;

#[cfg(test)]
mod tests;

pub use self::{
    board::{Board, FaultReport, Refusal, Report, Status},
    history::{Damaged, Entry, History, KEPT, Kept, Past, Why},
    moment::Moment,
    read::{PolicyFile, PolicyFiles, ReadError, Shape, read},
    write::{WriteError, copy_to, is_unfinished, write},
};
