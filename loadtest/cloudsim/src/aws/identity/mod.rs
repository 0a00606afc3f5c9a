//! Who hands out AWS credentials: STS, the metadata service of an instance (version 2), and the one of a container.

mod container;
mod instance;
mod issue;
mod sts;

pub(super) use container::container;
pub(super) use instance::instance;
pub(super) use sts::sts;
