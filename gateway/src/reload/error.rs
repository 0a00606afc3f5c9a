//! Why a policy is not in force.

use tradewind_models::registry::RegistryErrors;
use tradewind_policies::{InvalidName, PolicyErrors, PolicyHash};

use crate::{
    in_force::{FaultReport, Moment, ReadError, Refusal},
    snapshot::BuildError,
};

/// Why a policy is not in force.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Its files cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// The models of the built-in policy have names that no policy could give them.
    #[error("the built-in policy is unusable: {0}")]
    BuiltIn(InvalidName),
    /// What it says is faulty.
    #[error(transparent)]
    Faulty(#[from] PolicyErrors),
    /// The manifests of local models.
    #[error("the manifests of local models cannot be used:\n{0}")]
    Manifests(#[from] RegistryErrors),
    /// What it says of a local model contradicts itself.
    #[error("{0}")]
    Local(String),
    /// What it says cannot be set up.
    #[error("{}", list(.0))]
    Unbuildable(Vec<BuildError>),
}

fn list(faults: &[BuildError]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl LoadError {
    /// What is told to operators of a policy of this hash, whose files say so.
    pub(super) fn refusal(&self, hash: Option<PolicyHash>) -> Refusal {
        let error = self.to_string().lines().next().unwrap_or_default().to_owned();
        Refusal { at: Moment::now(), hash: hash.map(|hash| hash.to_string()), error, faults: self.faults() }
    }

    fn faults(&self) -> Vec<FaultReport> {
        match self {
            Self::Faulty(errors) => errors.faults().iter().map(FaultReport::from).collect(),
            Self::Unbuildable(faults) => faults.iter().map(|fault| FaultReport::anywhere(fault.to_string())).collect(),
            Self::Unreadable(_) | Self::BuiltIn(_) | Self::Manifests(_) | Self::Local(_) => {
                vec![FaultReport::anywhere(self.to_string())]
            }
        }
    }
}
