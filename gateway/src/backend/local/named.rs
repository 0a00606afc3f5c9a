//! Which local models a policy names, and how they are to be run.

use std::collections::BTreeMap;

use tradewind_policies::{
    Policy,
    spec::{InProcess, Provider},
};

/// The local models of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named(BTreeMap<String, InProcess>);

impl Named {
    /// Those of `policy`.
    ///
    /// # Errors
    /// A model that is to be run in two ways.
    pub fn of(policy: &Policy) -> Result<Self, String> {
        let mut named = BTreeMap::new();
        let local = policy.backends().iter().filter(|backend| backend.provider == Provider::Local);
        for served in local.flat_map(|backend| &backend.models) {
            let name = served.upstream.as_str();
            let first = *named.entry(name.to_owned()).or_insert(served.in_process);
            if first != served.in_process {
                return Err(format!(
                    "the local model `{name}` is named twice, with another `device` or `cache_tokens`; it is loaded once: write the same"
                ));
            }
        }
        Ok(Self(named))
    }

    #[cfg(test)]
    pub(super) fn these(models: &[&str]) -> Self {
        Self(models.iter().map(|model| ((*model).to_owned(), InProcess::default())).collect())
    }

    pub(super) fn models(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(super) fn get(&self, model: &str) -> Option<InProcess> {
        self.0.get(model).copied()
    }
}

#[cfg(test)]
mod tests {
    use tradewind_policies::{SourceFile, spec::Device};

    use super::*;

    fn named(models: &str) -> Result<Named, String> {
        let text = format!(
            "version = 1\n[backend.own]\nprovider = \"local\"\n{models}\n[[route]]\nname = \"a\"\nmatch = {{ model = \"a\" }}\ntiers = [[\"own\"]]\n"
        );
        Named::of(&Policy::parse(&[SourceFile::new("policy.toml", text)]).unwrap())
    }

    #[test]
    fn a_model_is_named_by_what_the_backend_calls_it() {
        let named = named("models.a = { name = \"smollm2\", device = \"cuda:1\", cache_tokens = 4096 }").unwrap();
        assert_eq!(named.models().collect::<Vec<_>>(), ["smollm2"]);
        let how = named.get("smollm2").unwrap();
        assert_eq!((how.device, how.cache_tokens.unwrap().get()), (Some(Device::Gpu(1)), 4096));
        assert_eq!(named.get("a"), None);
    }

    #[test]
    fn a_model_cannot_be_run_in_two_ways_at_once() {
        assert!(named("models.a = { name = \"m\" }\nmodels.b = { name = \"m\" }").is_ok());
        let error = named("models.a = { name = \"m\" }\nmodels.b = { name = \"m\", device = \"cpu\" }").unwrap_err();
        assert!(error.contains("`m` is named twice"), "{error}");
    }
}
