//! What a policy names outside of itself. Whether it is there only the caller can tell, who has files and an environment.

use std::path::PathBuf;

use super::{Fault, Severity};
use crate::spec::{SecretRef, ServedModel};

/// Something outside of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outside {
    /// The place of a secret.
    Secret(SecretRef),
    /// A file: a certificate, a key, a token.
    File(PathBuf),
    /// A model of this process.
    LocalModel(Box<ServedModel>),
}

/// Where a policy names something outside of itself.
#[derive(Clone, Debug)]
pub struct Reference {
    /// What it names.
    pub to: Outside,
    /// A fault of that place, which says nothing yet.
    pub(super) blank: Fault,
}

impl Reference {
    /// A fault of the place where it is named.
    pub fn fault(&self, severity: Severity, message: impl Into<String>) -> Fault {
        Fault { severity, message: message.into(), ..self.blank.clone() }
    }
}

impl Fault {
    /// A fault of the policy as a whole.
    pub fn of_policy(severity: Severity, message: impl Into<String>) -> Self {
        Self { place: None, key: String::new(), severity, message: message.into(), notes: Vec::new(), snippet: None }
    }
}
