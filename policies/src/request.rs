//! A request as a policy sees it: everything that may decide who serves it, and nothing else.

use std::collections::BTreeMap;

use crate::grant::Grants;
use crate::name::TenantId;
use crate::session::Session;
use tradewind_protocol::Operation;

/// Names with their values, such as the claims of a token or the headers of a request. A name that is not there has no values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(BTreeMap<Box<str>, Box<[Box<str>]>>);

/// What a caller without claims and headers has.
static NONE: Attributes = Attributes(BTreeMap::new());

impl Attributes {
    /// The values of `name`.
    pub fn get(&self, name: &str) -> &[Box<str>] {
        self.0.get(name).map_or(&[], |values| values)
    }

    /// Every name with its values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Box<str>])> {
        self.0.iter().map(|(name, values)| (&**name, &**values))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<Box<str>>, V: Into<Box<str>>> FromIterator<(N, V)> for Attributes {
    /// Values of the same name stand in the order in which they come.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(values: I) -> Self {
        let mut all: BTreeMap<Box<str>, Vec<Box<str>>> = BTreeMap::new();
        for (name, value) in values {
            all.entry(name.into()).or_default().push(value.into());
        }
        Self(all.into_iter().map(|(name, values)| (name, values.into())).collect())
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'r> {
    /// Whose budget, limits and policy apply.
    pub tenant: &'r TenantId,
    /// What the token claims, proved by its signature.
    pub claims: &'r Attributes,
    /// The models that the token grants; `None` if it leaves that to the policy.
    pub models: Option<&'r Grants>,
    /// The request's headers, by their names in lower case; those that the policy looks at are enough.
    pub headers: &'r Attributes,
}

impl<'r> Caller<'r> {
    /// One of whom only the tenant is known.
    pub fn of(tenant: &'r TenantId) -> Self {
        Self { tenant, claims: &NONE, models: None, headers: &NONE }
    }
}

/// What a request asks of the model that serves it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// How many tokens its prompt is thought to have.
    pub prompt_tokens: u64,
    /// How many tokens its answer may have, if it says.
    pub max_output_tokens: Option<u64>,
    /// How many answers it asks for, each of so many tokens, if it says; else one.
    pub answers: Option<u64>,
    /// Whether it offers tools.
    pub tools: bool,
    /// Whether it shows images.
    pub vision: bool,
    /// Whether the answer has to keep to a JSON schema.
    pub json_schema: bool,
    /// Whether it wants to know how likely the tokens were.
    pub logprobs: bool,
    /// How long its embeddings have to be, if it says.
    pub dimensions: Option<u64>,
    /// Room for so many tokens turned out to be too little. Which route is for the request, its prompt as it was thought to be decides all the same.
    pub too_small: Option<u64>,
}

impl Needs {
    /// How many answers are made: one at least.
    pub fn answers(&self) -> u64 {
        self.answers.unwrap_or(1).max(1)
    }

    /// How many tokens the model has to have room for: the prompt, and what may be answered, which is something.
    pub fn room(&self) -> u64 {
        self.length().saturating_add(self.max_output_tokens.unwrap_or(1))
    }

    /// How many tokens its prompt has, as far as that is known by now.
    pub fn length(&self) -> u64 {
        let told = |room: u64| room.saturating_sub(self.max_output_tokens.unwrap_or(1)).saturating_add(1);
        self.too_small.map_or(self.prompt_tokens, |room| self.prompt_tokens.max(told(room)))
    }

    /// The same, of a request that turned out to be too long for a model with room for so many tokens.
    #[must_use]
    pub fn beyond(self, room: u64) -> Self {
        Self { too_small: self.too_small.max(Some(room)), ..self }
    }
}

/// A request as a policy sees it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// Who asks.
    pub caller: Caller<'r>,
    /// The model, by the name that the caller used: an id or an alias.
    pub asked: &'r str,
    /// What is to be done.
    pub operation: Operation,
    /// What that takes.
    pub needs: Needs,
    /// What requests of one conversation have in common, if it is known. Where it is not, a route that splits its sessions goes by its tiers alone.
    pub session: Option<Session>,
}

impl<'r> Request<'r> {
    /// One that needs nothing in particular.
    pub fn new(caller: Caller<'r>, asked: &'r str, operation: Operation) -> Self {
        Self { caller, asked, operation, needs: Needs::default(), session: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_all_its_values_in_order_and_an_unknown_one_has_none() {
        let claims: Attributes = [("group", "b"), ("sub", "me"), ("group", "a")].into_iter().collect();
        assert_eq!(claims.get("group").iter().map(|value| &**value).collect::<Vec<_>>(), ["b", "a"]);
        assert!(claims.get("groups").is_empty() && Attributes::default().is_empty());
        assert_eq!(claims.iter().map(|(name, values)| (name, values.len())).collect::<Vec<_>>(), [("group", 2), ("sub", 1)]);
    }
}
