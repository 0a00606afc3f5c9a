//! The engine with an encoder that costs virtual time, and whose vectors say what they were made of.

mod batches;
mod faults;
mod load;
mod properties;
mod rig;
mod threads;
