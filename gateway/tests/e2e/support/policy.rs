//! The text of a policy with the upstreams of a test.

use std::{fmt::Write as _, path::Path};

/// The backends' names, in the order in which a test gives their addresses.
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// A policy whose backends `a`, `b`, … all serve the models `chat` and `embed`.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    urls: Vec<String>,
    tiers: &'static str,
    first: &'static str,
    defaults: String,
    in_routes: &'static str,
    more: String,
    shadow: Option<Shadow>,
}

/// A backend `s` that is sent copies of the requests of both routes.
#[derive(Clone, Debug)]
struct Shadow {
    url: String,
    keys: &'static str,
    price: &'static str,
}

impl Policy {
    /// Each upstream is a tier of its own: asked in this order.
    pub(crate) fn in_turn(urls: impl IntoIterator<Item = String>) -> Self {
        Self::new(urls, "], [")
    }

    /// All upstreams are one tier: asked in whatever order the gateway prefers.
    pub(crate) fn side_by_side(urls: impl IntoIterator<Item = String>) -> Self {
        Self::new(urls, ", ")
    }

    fn new(urls: impl IntoIterator<Item = String>, between: &'static str) -> Self {
        Self {
            urls: urls.into_iter().collect(),
            tiers: between,
            first: "",
            defaults: String::new(),
            in_routes: "",
            more: String::new(),
            shadow: None,
        }
    }

    /// Adds a line to the first backend.
    pub(crate) fn first_has(mut self, line: &'static str) -> Self {
        self.first = line;
        self
    }

    /// Adds a line to the defaults.
    pub(crate) fn default(mut self, line: &str) -> Self {
        self.defaults += &format!("{line}\n");
        self
    }

    /// Adds a line to each route.
    pub(crate) fn routes_have(mut self, line: &'static str) -> Self {
        self.in_routes = line;
        self
    }

    /// Adds a backend `s` whose models have this price, and sends it copies as these keys say.
    pub(crate) fn shadowed(mut self, url: String, keys: &'static str, price: &'static str) -> Self {
        self.shadow = Some(Shadow { url, keys, price });
        self
    }

    /// Adds tables.
    pub(crate) fn with(mut self, tables: &str) -> Self {
        self.more += &format!("{tables}\n");
        self
    }

    /// The file, with credentials from the file at `key`.
    pub(crate) fn text(&self, key: &Path) -> String {
        let mut text = format!("version = 1\n[defaults]\n{}", self.defaults);
        let backends = NAMES.iter().zip(&self.urls);
        for (name, url) in backends.clone() {
            let more = if *name == NAMES[0] { self.first } else { "" };
            writeln!(
                text,
                "[backend.{name}]\nprovider = \"openai\"\nbase_url = \"{url}\"\nsecret = \"file:{}\"\n\
                 {more}\n\
                 models.chat = {{ name = \"sim-chat\" }}\n\
                 models.embed = {{ name = \"sim-embed\", operations = [\"embeddings\"] }}",
                key.display(),
            )
            .unwrap();
        }
        if let Some(Shadow { url, price, .. }) = &self.shadow {
            writeln!(
                text,
                "[backend.s]\nprovider = \"openai\"\nbase_url = \"{url}\"\nsecret = \"file:{}\"\njurisdictions = [\"US\"]\n\
                 models.chat = {{ name = \"sim-chat\", price = {price} }}\n\
                 models.embed = {{ name = \"sim-embed\", operations = [\"embeddings\"], price = {price} }}",
                key.display(),
            )
            .unwrap();
        }
        let shadow = self.shadow.as_ref().map(|shadow| format!("shadow = {{ backend = \"s\", {} }}\n", shadow.keys));
        let shadow = shadow.unwrap_or_default();
        let names: Vec<_> = backends.map(|(name, _)| format!("\"{name}\"")).collect();
        let (tiers, more) = (names.join(self.tiers), self.in_routes);
        for model in ["chat", "embed"] {
            writeln!(
                text,
                "[[route]]\nname = \"to-{model}\"\nmatch = {{ model = \"{model}\" }}\ntiers = [[{tiers}]]\n{more}\n{shadow}"
            )
            .unwrap();
        }
        text += &self.more;
        text
    }
}
