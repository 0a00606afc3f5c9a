//! A policy over simulated clouds of every kind, each behind models of its own.

use std::fmt::Write as _;

use tradewind_cloudsim::{Behaviour, CloudKind, Sim};

use super::{Gateway, Policy};

/// Running clouds, and a gateway in front of them.
pub(crate) struct Clouds {
    pub(crate) gateway: Gateway,
    running: Vec<Cloud>,
}

/// One backend: a running cloud, and how the policy asks it.
pub(crate) struct Cloud {
    /// The row of the matrix, and the name of the backend.
    pub(crate) name: &'static str,
    pub(crate) sim: Sim,
    lines: &'static str,
}

/// The backends of the matrix: their names, their clouds, and what their policy says beside address and key.
const BACKENDS: &[(&str, CloudKind, &str)] = &[
    ("openai", CloudKind::OpenAi, ""),
    ("mistral", CloudKind::Mistral, ""),
    ("groq", CloudKind::Groq, ""),
    ("anthropic", CloudKind::Anthropic, ""),
];

impl Clouds {
    /// Starts all of them.
    pub(crate) async fn start() -> Self {
        let mut running = Vec::new();
        for (name, kind, lines) in BACKENDS {
            let sim = Sim::start_cloud(*kind, Behaviour::default()).await.unwrap();
            running.push(Cloud { name, sim, lines });
        }
        let tables: String = running.iter().zip(BACKENDS).map(|(cloud, (_, kind, _))| cloud.tables(*kind)).collect();
        // The policy's own backends are not needed; its key file is.
        let gateway = Gateway::start(&Policy::in_turn([]).with(&tables)).await;
        Self { gateway, running }
    }

    /// Each of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Cloud> {
        self.running.iter()
    }
}

impl Cloud {
    /// The model by which the gateway asks this cloud.
    pub(crate) fn model(&self, operation: &str) -> String {
        format!("{operation}-{}", self.name)
    }

    fn tables(&self, kind: CloudKind) -> String {
        let (name, url) = (self.name, self.sim.base_url());
        let mut text = format!("[backend.{name}]\nprovider = \"{kind}\"\nbase_url = \"{url}\"\n{}\n", self.lines);
        for (operation, operations) in
            [("chat", r#""chat", "completions""#), ("embed", r#""embeddings""#), ("rerank", r#""rerank""#)]
        {
            let model = self.model(operation);
            writeln!(text, "models.{model} = {{ name = \"sim-{operation}\", operations = [{operations}] }}").unwrap();
        }
        for operation in ["chat", "embed", "rerank"] {
            let model = self.model(operation);
            writeln!(text, "[[route]]\nname = \"{model}\"\nmatch = {{ model = \"{model}\" }}\ntiers = [[\"{name}\"]]").unwrap();
        }
        text
    }
}
