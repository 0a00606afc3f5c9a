//! Why a command about the policy in force cannot be carried out.

use std::io;

use tradewind_policies::{HashPrefix, PolicyErrors};

use crate::client::TlsError;
use crate::config::ConfigErrors;
use crate::home::HomeError;
use crate::in_force::{ReadError, WriteError};

/// Why a command about the policy in force cannot be carried out. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// The gateway's settings.
    #[error(transparent)]
    Settings(#[from] ConfigErrors),
    /// There is no file to be replaced.
    #[error("no policy file is configured, and the built-in policy cannot be replaced: name the file or folder with --policy")]
    BuiltIn,
    /// The state directory.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A policy cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A policy has faults.
    #[error("the new policy is faulty:\n{0}")]
    Faulty(#[from] PolicyErrors),
    /// A policy cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The history has no such policy.
    #[error("no policy whose hash begins with {0} was in force lately; `tradewind policy history` lists those that are kept")]
    NotKept(HashPrefix),
    /// It has several.
    #[error("the hashes of several policies begin with {0}; write more digits")]
    Ambiguous(HashPrefix),
    /// It has nothing but what is there.
    #[error("no other policy was in force lately; `tradewind policy history` lists those that are kept")]
    NoPrevious,
    /// What answers is no gateway, or none of today.
    #[error(
        "what answers at {address} does not tell of a policy ({problem}); name the gateway's operators' listener with --admin"
    )]
    NoGateway {
        /// Where.
        address: String,
        /// What it said.
        problem: String,
    },
    /// The files are not what is in force, and not what was refused.
    #[error("the files of the policy were changed and are not in force yet: look at them, and try again")]
    Unsettled,
    /// The files are an edit that the gateway refused, and would be lost.
    #[error(
        "the files of the policy hold an edit that the gateway refused: mend or undo it first, so that it is not lost (`tradewind policy validate` \
         shows what is wrong with it, `tradewind policy rollback` puts back what is in force)"
    )]
    HoldsRefused,
    /// No client for the operators' listener.
    #[error(transparent)]
    Client(#[from] TlsError),
    /// The system gives no means to wait with.
    #[error("cannot begin: {0}")]
    Runtime(io::Error),
    /// The output was closed.
    #[error("cannot print what came of it: {0}")]
    Print(#[from] io::Error),
}
