//! Reads where a backend is, and what is agreed about the data that it is sent.

use super::super::cursor::{Located, Table, Value};
use super::super::require::jurisdictions;
use super::field::IDENTIFIER;
use super::kind::{Kind, Speaks};
use crate::fault::{At, Place, Report};
use crate::residency::{Cloud, DeploymentType, Jurisdictions};
use crate::spec::{DataTerms, Residency};

/// What is said of a backend as a whole.
pub(super) struct Facts {
    cloud: Option<Cloud>,
    region: Option<Located<String>>,
    stated: Option<Located<Jurisdictions>>,
    pub(super) terms: DataTerms,
}

/// What is said of one of its models.
pub(super) struct ModelFacts {
    deployment: Option<DeploymentType>,
    stated: Option<Located<Jurisdictions>>,
}

/// What is said of the backend; `None` if part of it could not be read.
pub(super) fn read(kind: Option<&Kind>, table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Facts> {
    let cloud = kind.and_then(|kind| kind.speaks.cloud());
    let region = match cloud {
        Some(Cloud::Vertex) => table.peek("location"),
        Some(Cloud::Azure) => table.take("region").and_then(|value| region(value, report)),
        Some(Cloud::Bedrock | Cloud::SageMaker | Cloud::Ibm) => table.peek("region"),
        None => None,
    };
    let stated = table.optional("jurisdictions", report, located);
    let zero_retention = table.optional("zero_retention", report, Value::boolean);
    let no_training = table.optional("no_training", report, Value::boolean);
    // Nothing leaves this process, and nothing in it is kept or learnt from.
    let is_here = matches!(kind, Some(Kind { speaks: Speaks::Local, .. }));
    let terms = DataTerms { zero_retention: zero_retention?.unwrap_or(is_here), no_training: no_training?.unwrap_or(is_here) };
    Some(Facts { cloud, region, stated: stated?, terms })
}

/// What is said of a model; `None` if part of it could not be read.
pub(super) fn of_model(facts: Option<&Facts>, table: &mut Table<'_>, report: &mut Report<'_>) -> Option<ModelFacts> {
    let is_azure = facts.is_some_and(|facts| facts.cloud == Some(Cloud::Azure));
    let deployment = if is_azure { table.optional("deployment_type", report, deployment_type) } else { Some(None) };
    let stated = table.optional("jurisdictions", report, located);
    Some(ModelFacts { deployment: deployment?, stated: stated? })
}

fn deployment_type(value: Value<'_>, report: &mut Report<'_>) -> Option<DeploymentType> {
    let words = [
        ("standard", DeploymentType::Regional),
        ("provisioned", DeploymentType::Regional),
        ("data-zone", DeploymentType::DataZone),
        ("global", DeploymentType::Global),
    ];
    value.choice(&words, report)
}

fn region(value: Value<'_>, report: &mut Report<'_>) -> Option<Located<String>> {
    let (at, key) = (value.at, value.key.clone());
    IDENTIFIER.read(value, report).map(|value| Located { value, at, key })
}

fn located(value: Value<'_>, report: &mut Report<'_>) -> Option<Located<Jurisdictions>> {
    let (at, key) = (value.at, value.key.clone());
    jurisdictions(value, report).map(|value| Located { value, at, key })
}

impl Facts {
    /// Where the model `upstream` runs, which is written at `at`. A statement that leaves out where it may run is a fault: the cloud moves data
    /// there whatever the policy says.
    pub(super) fn residency(&self, upstream: &str, model: &ModelFacts, at: At, report: &mut Report<'_>) -> Residency {
        let region = self.region.as_ref().map(|region| region.value.as_str());
        let derived = self.cloud.and_then(|cloud| cloud.runs(region, upstream, model.deployment));
        let stated = model.stated.as_ref().or(self.stated.as_ref());
        match (derived, stated) {
            (Some(runs), Some(stated)) if !stated.value.cover(&runs.places) => {
                let named =
                    if model.stated.is_some() { String::new() } else { format!(" of `{upstream}`{}", report.mention(at)) };
                let write = if runs.places == Jurisdictions::EVERYWHERE { "leave the key out" } else { "write that" };
                let message = format!(
                    "`{}` leaves out where the data{named} may be processed: {} means {}; {write}, or use a deployment that stays",
                    stated.value, runs.because, runs.places
                );
                report.fault(stated.at, stated.key.as_str(), message);
                known(runs.places, runs.because, report.place(stated.at))
            }
            (_, Some(stated)) => known(stated.value, "`jurisdictions`".into(), report.place(stated.at)),
            (Some(runs), None) => known(runs.places, runs.because, report.place(at)),
            (None, None) => Residency { place: report.place(at), ..Residency::default() },
        }
    }
}

fn known(jurisdictions: Jurisdictions, because: String, place: Option<Place>) -> Residency {
    Residency { jurisdictions: Some(jurisdictions), because, place }
}
