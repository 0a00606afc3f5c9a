//! What a started gateway prints: where it is, what it serves, and a request to paste.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use tradewind_policies::{Caller, Grants, Operation, spec::Provider};

use crate::{
    admin::PAGES,
    backend::{Engine, LocalEngines, operations},
    gateway::Gateway,
};

/// Credentials that clouds' own tools read. Finding one is worth a word; using it unasked would spend somebody's money.
const CREDENTIALS: [(&str, &str); 14] = [
    ("OPENAI_API_KEY", "OpenAI"),
    ("ANTHROPIC_API_KEY", "Anthropic"),
    ("AWS_ACCESS_KEY_ID", "AWS"),
    ("AWS_BEARER_TOKEN_BEDROCK", "AWS Bedrock"),
    ("AZURE_OPENAI_API_KEY", "Azure OpenAI"),
    ("GEMINI_API_KEY", "Google AI Studio"),
    ("GOOGLE_APPLICATION_CREDENTIALS", "Google Cloud"),
    ("MISTRAL_API_KEY", "Mistral"),
    ("COHERE_API_KEY", "Cohere"),
    ("GROQ_API_KEY", "Groq"),
    ("DEEPSEEK_API_KEY", "DeepSeek"),
    ("TOGETHER_API_KEY", "Together"),
    ("OPENROUTER_API_KEY", "OpenRouter"),
    ("HF_TOKEN", "Hugging Face"),
];

/// Whom the example is for.
const TENANT: &str = "acme";

/// The first lines, as soon as it listens.
pub(super) fn listening(gateway: &Gateway) -> String {
    let mut text = format!("tradewind {}\n\n", env!("CARGO_PKG_VERSION"));
    line(&mut text, "applications", &format!("https://{}", gateway.settings().listen));
    line(&mut text, "operators", &format!("http://{}   {} /explain", gateway.settings().admin, PAGES.join(" ")));
    line(&mut text, "certificate", &gateway.certificate().display().to_string());
    let policy = gateway.settings().policy.as_ref();
    line(&mut text, "policy", &policy.map_or_else(|| "built-in: the local models".to_owned(), |path| path.display().to_string()));
    let snapshot = gateway.snapshot();
    for backend in snapshot.policy.backends() {
        if let Provider::Remote(server) = &backend.provider {
            line(&mut text, "upstream", &format!("{} ({})", backend.name, server.api.place()));
        }
    }
    let found = CREDENTIALS.iter().filter(|(name, _)| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    let found: Vec<_> = found.map(|(name, cloud)| format!("{cloud} ({name})")).collect();
    if !found.is_empty() {
        line(&mut text, "available", &format!("{}; name them in a policy to use them", found.join(", ")));
    }
    text
}

/// What is printed once the local models have come in, or have not.
#[derive(Debug)]
pub(super) struct Ready {
    url: String,
    certificate: PathBuf,
    home: PathBuf,
    dev_issuer: bool,
    chat_model: Option<String>,
}

impl Ready {
    pub(super) fn of(gateway: &Gateway) -> Self {
        let snapshot = gateway.snapshot();
        let (tenant, everything) = (TENANT.parse(), Grants::parse(["*"]));
        let visible = |(tenant, grants)| snapshot.policy.models_for(&Caller::of(&tenant), Some(&grants));
        let visible = tenant.ok().zip(everything.ok()).map(visible);
        let chat = visible.unwrap_or_default().into_iter().find(|model| model.operations.contains(Operation::Chat));
        let settings = gateway.settings();
        Self {
            url: format!("https://{}/v1/chat/completions", settings.listen),
            certificate: gateway.certificate(),
            home: settings.home.clone(),
            dev_issuer: settings.auth.dev_issuer,
            chat_model: chat.map(|model| model.name.to_owned()),
        }
    }

    pub(super) fn text(&self, engines: &LocalEngines) -> String {
        let mut text = String::new();
        for model in engines.models() {
            let state = match engines.get(model.id.as_str()).as_deref() {
                Some(Engine::Unavailable(reason)) => format!("not available: {reason}"),
                Some(Engine::Unloaded(_)) => "not loaded".to_owned(),
                Some(Engine::Loading) | None => "loading".to_owned(),
                Some(_) => "ready".to_owned(),
            };
            let served = operations(&model).iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            line(&mut text, "local model", &format!("{} ({served}), {state}", model.id));
        }
        if self.dev_issuer {
            let token = format!("{} token --tenant {TENANT} --model '*' --ttl 1h{}", program(), self.home_flag());
            line(&mut text, "token", &token);
            if let Some(model) = &self.chat_model {
                text.push_str("\n  try it:\n\n");
                text.push_str(&self.curl(&token, model));
            }
        }
        text
    }

    fn home_flag(&self) -> String {
        if self.home == Path::new(".tradewind") { String::new() } else { format!(" --home {}", self.home.display()) }
    }

    fn curl(&self, token: &str, model: &str) -> String {
        let body =
            format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"Why is the sky blue?"}}],"max_tokens":60}}"#);
        format!(
            "curl --cacert {} {} \\\n  -H \"Authorization: Bearer $({token})\" \\\n  -H 'Content-Type: application/json' \\\n  -d '{body}'\n\n",
            self.certificate.display(),
            self.url,
        )
    }
}

/// How to call this program from here.
fn program() -> String {
    let called = std::env::current_exe().ok();
    let here = std::env::current_dir().ok();
    let relative = called.as_ref().zip(here).and_then(|(called, here)| called.strip_prefix(here).ok().map(Path::to_path_buf));
    relative.or(called).map_or_else(|| "tradewind".to_owned(), |path| path.display().to_string())
}

fn line(text: &mut String, label: &str, value: &str) {
    // Writing to a string cannot fail.
    let _infallible = writeln!(text, "  {label:<13} {value}");
}
