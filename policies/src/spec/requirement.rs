//! What is required of a backend before it may see a request, and what is known of one.

use std::fmt;

use super::{BackendSpec, ServedModel};
use crate::fault::Place;
use crate::policy::{Excluded, Stage};
use crate::residency::Jurisdictions;

/// What is required of a backend. Requirements add up: none takes another back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Requirement {
    /// Data may be processed here and nowhere else; anywhere if absent.
    pub jurisdictions: Option<Jurisdictions>,
    /// Nothing of a request is kept once it is answered.
    pub zero_retention: bool,
    /// No model is trained with what it is sent.
    pub no_training: bool,
}

/// What is agreed about the data that a backend is sent. What nobody says is not agreed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataTerms {
    /// Nothing of a request is kept once it is answered.
    pub zero_retention: bool,
    /// No model is trained with what it is sent.
    pub no_training: bool,
}

/// Where a model of a backend is run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Residency {
    /// Where data may be processed there; `None` if nobody knows, which satisfies no requirement.
    pub jurisdictions: Option<Jurisdictions>,
    /// What says so: a key, a region, the name of an inference profile.
    pub because: String,
    /// Where that is written; nowhere for the built-in policy.
    pub place: Option<Place>,
}

/// A requirement and who has it.
#[derive(Clone, Debug)]
pub(crate) struct Demand {
    pub(crate) requirement: Requirement,
    /// Such as ``route `chat` ``.
    pub(crate) by: String,
    pub(crate) place: Option<Place>,
}

impl Requirement {
    /// Whether nothing is required.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// This and `other`.
    pub(crate) fn and(self, other: Self) -> Self {
        let both = self.jurisdictions.zip(other.jurisdictions).map(|(ours, theirs)| ours.intersection(theirs));
        Self {
            jurisdictions: both.or(self.jurisdictions).or(other.jurisdictions),
            zero_retention: self.zero_retention || other.zero_retention,
            no_training: self.no_training || other.no_training,
        }
    }

    /// Whether `served` of `backend` is all that is required.
    pub(crate) fn is_met(&self, backend: &BackendSpec, served: &ServedModel) -> bool {
        self.resides(served)
            && (backend.terms.zero_retention || !self.zero_retention)
            && (backend.terms.no_training || !self.no_training)
    }

    /// What a model lacks that is served under these terms.
    pub(crate) fn lack(&self, terms: DataTerms, served: &ServedModel) -> Option<Lack> {
        if let Some(allowed) = self.jurisdictions.filter(|_| !self.resides(served)) {
            return Some(Lack::Residency { residency: served.residency.clone(), allowed });
        }
        let agreed =
            [(self.zero_retention, terms.zero_retention, "zero_retention"), (self.no_training, terms.no_training, "no_training")];
        agreed.into_iter().find(|(is_required, is_agreed, _)| *is_required && !is_agreed).map(|(.., key)| Lack::Term(key))
    }

    fn resides(&self, served: &ServedModel) -> bool {
        let known = served.residency.jurisdictions;
        self.jurisdictions.is_none_or(|allowed| known.is_some_and(|places| allowed.cover(&places)))
    }
}

/// What a backend lacks of what is required.
#[derive(Clone, Debug)]
pub(crate) enum Lack {
    /// It may process data elsewhere than is allowed.
    Residency { residency: Residency, allowed: Jurisdictions },
    /// Nobody says this of it.
    Term(&'static str),
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Residency { residency: Residency { jurisdictions: Some(places), because, .. }, allowed } => {
                write!(f, "data may be processed in {places} ({because}), and only {allowed} is allowed")
            }
            Self::Residency { residency: Residency { jurisdictions: None, .. }, allowed } => {
                write!(f, "nobody says where data is processed there (it has no `jurisdictions`), and only {allowed} is allowed")
            }
            Self::Term(key) => write!(f, "nobody says `{key} = true` of it"),
        }
    }
}

impl Demand {
    /// What keeps `served` of `backend` from meeting it, if anything does.
    pub(crate) fn unmet(&self, backend: &BackendSpec, served: &ServedModel) -> Option<Excluded> {
        let lack = self.requirement.lack(backend.terms, served)?;
        let at = self.place.as_ref().map(|place| format!(" at {place}")).unwrap_or_default();
        let why = format!("{lack}; {}{at} requires it", self.by);
        let (stage, place) = match lack {
            Lack::Residency { residency, .. } => (Stage::Residency, residency.place.or_else(|| served.place.clone())),
            Lack::Term(_) => (Stage::DataTerms, backend.place.clone()),
        };
        Some(Excluded { stage, why, place })
    }
}
