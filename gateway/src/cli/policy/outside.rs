//! Looks for what a policy names outside of itself: secrets, files, local models.

use std::time::Duration;

use tradewind_policies::spec::SecretRef;
use tradewind_policies::{Fault, Outside, Policy, Reference, Severity};

use super::validate::Secrets;
use crate::backend::{LocalEngines, Named};
use crate::config::Settings;
use crate::credential::{self, CredentialError, Surroundings, Variables};
use crate::gateway;
use crate::home::Home;

/// How long a secret manager may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was found.
#[derive(Default)]
pub(super) struct Surveyed {
    /// What is not there, or cannot be used.
    pub(super) faults: Vec<Fault>,
    /// How many secrets only a secret manager could tell of, which was not asked.
    pub(super) not_asked: usize,
}

/// Looks for all that `references` name; else why that cannot be done.
pub(super) fn survey(
    policy: Option<&Policy>,
    references: &[Reference],
    secrets: Secrets,
    settings: &Settings,
) -> Result<Surveyed, String> {
    let mut surveyed = Surveyed::default();
    let variables = Variables::of_process();
    let engines =
        LocalEngines::open(gateway::manifests(settings, &Home::at(settings.home.clone()))).map_err(|error| error.to_string())?;
    let mut far = Vec::new();
    for reference in references {
        let fault = match &reference.to {
            Outside::LocalModel(served) => engines.check(served).err(),
            _ if secrets == Secrets::None => None,
            Outside::File(path) => {
                std::fs::File::open(path).err().map(|error| format!("cannot read {}: {error}", path.display()))
            }
            Outside::Secret(place) => match credential::at_hand(place, &variables) {
                Ok(Some(_)) => None,
                Ok(None) => {
                    far.push((reference, place));
                    None
                }
                Err(error) => Some(error.to_string()),
            },
        };
        surveyed.faults.extend(fault.map(|message| reference.fault(Severity::Error, message)));
    }
    match secrets {
        Secrets::All => surveyed.faults.extend(ask(&far)?),
        Secrets::Local | Secrets::None => surveyed.not_asked = far.len(),
    }
    let contradiction = policy.and_then(|policy| Named::of(policy).err());
    surveyed.faults.extend(contradiction.map(|message| Fault::of_policy(Severity::Error, message)));
    Ok(surveyed)
}

/// Asks the secret managers, one after the other, each place once.
fn ask(far: &[(&Reference, &SecretRef)]) -> Result<Vec<Fault>, String> {
    if far.is_empty() {
        return Ok(Vec::new());
    }
    let surroundings = gateway::surroundings().map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let mut asked: Vec<(&SecretRef, Option<String>)> = Vec::new();
    let mut faults = Vec::new();
    for (reference, place) in far {
        let answer = match asked.iter().find(|(known, _)| known == place) {
            Some((_, answer)) => answer.clone(),
            None => {
                let answer = runtime.block_on(refusal(place, &surroundings));
                asked.push((place, answer.clone()));
                answer
            }
        };
        faults.extend(answer.map(|message| reference.fault(Severity::Error, message)));
    }
    Ok(faults)
}

/// Why a secret cannot be had, if it cannot.
async fn refusal(place: &SecretRef, surroundings: &Surroundings) -> Option<String> {
    let fetched: Result<Result<_, CredentialError>, _> =
        tokio::time::timeout(PATIENCE, credential::fetch(place, surroundings)).await;
    match fetched {
        Ok(fetched) => fetched.err().map(|error| error.to_string()),
        Err(_) => Some(format!("{place} was not answered for within {} s", PATIENCE.as_secs())),
    }
}
