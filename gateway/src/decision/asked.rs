//! A request as an operator describes it, to see how it would be decided.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tradewind_policies::{Attributes, InvalidName, Needs, Operation, Session, TenantId};

/// A request that nobody has sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Described {
    /// The model, by the name that is asked for.
    pub model: String,
    /// Who asks.
    pub tenant: String,
    /// What is to be done, by its name in policy files; `chat` if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// How many tokens the prompt has.
    #[serde(default)]
    pub prompt_tokens: u64,
    /// How many tokens the answer may have, if that is limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// How many answers it asks for, if it says; else one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<u64>,
    /// It offers tools.
    #[serde(default)]
    pub tools: bool,
    /// It shows images.
    #[serde(default)]
    pub vision: bool,
    /// Its answer has to keep to a JSON schema.
    #[serde(default)]
    pub json_schema: bool,
    /// It wants to know how likely the tokens were.
    #[serde(default)]
    pub logprobs: bool,
    /// How long its embeddings have to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u64>,
    /// Its headers, by their names in lower case.
    #[serde(default)]
    pub headers: BTreeMap<String, Vec<String>>,
    /// What its token claims.
    #[serde(default)]
    pub claims: BTreeMap<String, Vec<String>>,
    /// What it calls its session. Without one, a route that splits its sessions is told by its tiers alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// A description that describes no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DescribedError {
    /// No such tenant can be.
    #[error(transparent)]
    Tenant(#[from] InvalidName),
    /// No such operation is known.
    #[error("`{0}` is no operation; accepted are {accepted}", accepted = Operation::ALL.map(Operation::as_str).join(", "))]
    Operation(String),
    /// No model is named.
    #[error("`model` is empty; name the model that is asked for")]
    NoModel,
}

/// The same, understood.
#[derive(Debug)]
pub(super) struct Understood {
    pub(super) tenant: TenantId,
    pub(super) operation: Operation,
    pub(super) needs: Needs,
    pub(super) headers: Attributes,
    pub(super) claims: Attributes,
    pub(super) session: Option<Session>,
}

impl Described {
    pub(super) fn understand(&self) -> Result<Understood, DescribedError> {
        if self.model.is_empty() {
            return Err(DescribedError::NoModel);
        }
        let operation = match &self.operation {
            None => Operation::Chat,
            Some(name) => Operation::from_name(name).ok_or_else(|| DescribedError::Operation(name.clone()))?,
        };
        let needs = Needs {
            prompt_tokens: self.prompt_tokens,
            max_output_tokens: self.max_output_tokens,
            answers: self.answers.filter(|answers| *answers > 1),
            tools: self.tools,
            vision: self.vision,
            json_schema: self.json_schema,
            logprobs: self.logprobs,
            dimensions: self.dimensions,
            too_small: None,
        };
        let lower = self.headers.iter().map(|(name, values)| (name.to_ascii_lowercase(), values));
        let tenant: TenantId = self.tenant.parse()?;
        Ok(Understood {
            session: self.session.as_ref().map(|name| Session::of(&tenant, name.as_bytes())),
            tenant,
            operation,
            needs,
            headers: attributes(lower),
            claims: attributes(self.claims.iter().map(|(name, values)| (name.clone(), values))),
        })
    }
}

fn attributes<'v>(named: impl Iterator<Item = (String, &'v Vec<String>)>) -> Attributes {
    named.flat_map(|(name, values)| values.iter().map(move |value| (name.clone(), value.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_describes_no_request_is_told_with_what_is_accepted() {
        let good = Described { model: "m".into(), tenant: "acme".into(), ..Described::default() };
        assert_eq!(good.understand().unwrap().operation, Operation::Chat);
        let odd = Described { operation: Some("sing".into()), ..good.clone() }.understand().unwrap_err().to_string();
        assert!(odd.contains("`sing` is no operation; accepted are chat, completions"), "{odd}");
        assert!(Described { tenant: "a b".into(), ..good.clone() }.understand().is_err());
        assert_eq!(Described { model: String::new(), ..good }.understand().unwrap_err(), DescribedError::NoModel);
    }

    #[test]
    fn headers_are_known_by_their_names_in_lower_case() {
        let headers = BTreeMap::from([("X-Team".to_owned(), vec!["a".to_owned(), "b".to_owned()])]);
        let described = Described { model: "m".into(), tenant: "acme".into(), headers, ..Described::default() };
        assert_eq!(described.understand().unwrap().headers.get("x-team").len(), 2);
    }
}
