//! A policy for the gateway that uses the simulated clouds.
//!
//! Every backend serves its models under two names: one of its own, so that one cloud can be asked for, and one that it shares with
//! all others, so that a request finds its way over many clouds. Secrets are named, never written: [`secrets`] says where they are
//! looked for.

use std::time::SystemTime;

use crate::behaviour::Behaviour;
use crate::kind::CloudKind;
use crate::sim::Sim;

/// A key, as most backends are shown it.
const KEY: &str = "secret = \"env:CLOUDSIM_KEY\"";

/// What backends have to offer, by the words of a policy.
const CHAT: &str = "chat";
const EMBED: &str = "embeddings";
const RERANK: &str = "rerank";

/// One backend of the policy.
struct Backend {
    name: String,
    /// The lines of its table but for the models.
    lines: String,
    /// What it serves: the operation, and what it calls the model.
    models: Vec<(&'static str, String)>,
}

/// The environment variables in which the policy looks for secrets, with their values.
pub fn secrets(behaviour: &Behaviour) -> [(&'static str, String); 3] {
    let aws = behaviour.access_keys.find(AWS_KEY, SystemTime::now()).map(|key| key.secret).unwrap_or_default();
    [
        ("CLOUDSIM_KEY", behaviour.token.clone().unwrap_or_default()),
        ("CLOUDSIM_CLIENT_SECRET", behaviour.client.1.clone()),
        ("CLOUDSIM_AWS_SECRET", aws),
    ]
}

/// The access key that signs for AWS.
const AWS_KEY: &str = "AKIASIM";

/// A policy that uses these clouds, all of which behave like that.
pub fn policy(sims: &[Sim], behaviour: &Behaviour) -> String {
    let backends: Vec<Backend> = sims.iter().flat_map(|sim| backends(sim, behaviour)).collect();
    let mut text = String::from("# Simulated clouds on this machine. Set before the gateway is started:\n");
    for (name, value) in secrets(behaviour) {
        text += &format!("#   {name}={value}\n");
    }
    text += "\nversion = 1\n\n[tenant.sim]\nallow = [\"*\"]\n";
    for backend in &backends {
        backend.write(&mut text);
    }
    for (operation, shared) in [(CHAT, "sim-chat"), (EMBED, "sim-embed"), (RERANK, "sim-rerank")] {
        let serving: Vec<&Backend> = backends.iter().filter(|backend| backend.serves(operation)).collect();
        let names: Vec<String> = serving.iter().map(|backend| format!("{:?}", backend.name)).collect();
        if !names.is_empty() {
            route(&mut text, shared, &names.join(", "));
        }
        for backend in serving {
            route(&mut text, &backend.own(operation), &format!("{:?}", backend.name));
        }
    }
    text
}

/// The names of the backends that [`policy`] makes of a cloud, in its order. Alone, one is asked by its name for chat, and by
/// `NAME-embeddings` and `NAME-rerank`.
pub fn backend_names(sim: &Sim, behaviour: &Behaviour) -> Vec<String> {
    backends(sim, behaviour).into_iter().map(|backend| backend.name).collect()
}

fn route(text: &mut String, model: &str, backends: &str) {
    *text += &format!("\n[[route]]\nname = {model:?}\nmatch = {{ model = {model:?} }}\ntiers = [[{backends}]]\n");
}

impl Backend {
    fn serves(&self, operation: &str) -> bool {
        self.models.iter().any(|(served, _)| *served == operation)
    }

    /// The name under which a client asks this backend alone for an operation.
    fn own(&self, operation: &str) -> String {
        if operation == CHAT { self.name.clone() } else { format!("{}-{operation}", self.name) }
    }

    fn write(&self, text: &mut String) {
        *text += &format!("\n[backend.{}]\n{}\n", self.name, self.lines);
        for (operation, model) in &self.models {
            let shared = match *operation {
                CHAT => "sim-chat",
                EMBED => "sim-embed",
                _ => "sim-rerank",
            };
            for name in [shared.to_owned(), self.own(operation)] {
                let operations =
                    if *operation == CHAT { "\"chat\", \"completions\"".to_owned() } else { format!("{operation:?}") };
                *text += &format!("models.{name} = {{ name = {model:?}, operations = [{operations}] }}\n");
            }
        }
    }
}

/// The backends that a cloud is good for.
fn backends(sim: &Sim, behaviour: &Behaviour) -> Vec<Backend> {
    let kind = sim.kind();
    let client = &behaviour.client.0;
    let (origin, url) = (sim.origin(), sim.base_url());
    let key_url = format!("base_url = {url:?}\n{KEY}");
    let one = |provider: &str, lines: &str, operations: &[&'static str]| {
        vec![backend(kind.name(), provider, lines, operations, behaviour)]
    };
    match kind {
        CloudKind::Databricks => {
            let credential = format!(
                "credential = {{ kind = \"oauth\", client_id = {client:?}, client_secret = \"env:CLOUDSIM_CLIENT_SECRET\" }}"
            );
            one("databricks", &format!("base_url = {url:?}\n{credential}"), &[CHAT, EMBED])
        }
        CloudKind::OpenAi
        | CloudKind::Mistral
        | CloudKind::OpenRouter
        | CloudKind::Ollama
        | CloudKind::SgLang
        | CloudKind::Nim
        | CloudKind::RayServe
        | CloudKind::Fireworks
        | CloudKind::Snowflake => one(kind.name(), &key_url, &[CHAT, EMBED]),
        CloudKind::Together | CloudKind::Vllm => one(kind.name(), &key_url, &[CHAT, EMBED, RERANK]),
        CloudKind::Tei => one("tei", &key_url, &[EMBED, RERANK]),
        CloudKind::Cohere => one("cohere", &key_url, &[CHAT, EMBED, RERANK]),
        CloudKind::VertexOpenAi => one("vertex-openai", &format!("base_url = {origin:?}\n{VERTEX_PLACE}\n{KEY}"), &[CHAT]),
        CloudKind::BedrockOpenAi => one(kind.name(), &format!("region = \"us-east-1\"\n{key_url}"), &[CHAT]),
        CloudKind::SageMakerOpenAi => {
            let lines = format!("region = \"us-east-1\"\nbase_url = {origin:?}\nendpoint = \"sim-endpoint\"\n{KEY}");
            one(kind.name(), &lines, &[CHAT])
        }
        CloudKind::Watsonx => {
            let credential = format!("credential = {{ kind = \"ibm\", api_key = \"env:CLOUDSIM_KEY\", iam_url = {origin:?} }}");
            one("watsonx", &format!("base_url = {url:?}\nproject = \"sim-project\"\n{credential}"), &[CHAT, EMBED, RERANK])
        }
        CloudKind::Azure => azure(&origin, behaviour),
        CloudKind::Aws => aws(&origin, behaviour),
        CloudKind::Google => google(&origin, behaviour),
        // It issues tokens and answers nobody.
        CloudKind::Identity => Vec::new(),
        _ => one(kind.name(), &key_url, &[CHAT]),
    }
}

/// Where the simulated models of Vertex AI run.
const VERTEX_PLACE: &str = "project = \"sim-project\"\nlocation = \"sim-location\"";

fn backend(name: &str, provider: &str, lines: &str, operations: &[&'static str], behaviour: &Behaviour) -> Backend {
    let served = |operation: &&'static str| {
        let models = match *operation {
            CHAT => &behaviour.chat_models,
            EMBED => &behaviour.embedding_models,
            _ => &behaviour.rerank_models,
        };
        models.first().map(|model| (*operation, model.clone()))
    };
    let models = operations.iter().filter_map(served).collect();
    Backend { name: name.into(), lines: format!("provider = {provider:?}\n{lines}"), models }
}

fn azure(origin: &str, behaviour: &Behaviour) -> Vec<Backend> {
    let client = &behaviour.client.0;
    let entra = format!(
        "credential = {{ kind = \"entra\", source = \"client-secret\", tenant_id = \"sim-tenant\", client_id = {client:?}, \
         client_secret = \"env:CLOUDSIM_CLIENT_SECRET\", authority = {origin:?} }}"
    );
    let both: &[&'static str] = &[CHAT, EMBED];
    vec![
        backend("azure", "azure-openai", &format!("base_url = {origin:?}\n{KEY}"), both, behaviour),
        backend(
            "azure-dated",
            "azure-openai",
            &format!("base_url = {origin:?}\napi_version = \"2024-10-21\"\n{entra}"),
            both,
            behaviour,
        ),
        backend("azure-inference", "azure-inference", &format!("base_url = \"{origin}/models\"\n{KEY}"), both, behaviour),
    ]
}

/// The first of these models whose name begins so: some clouds tell by its name what a model is.
fn named<'m>(models: &'m [String], prefix: &str) -> Option<&'m String> {
    models.iter().find(|model| model.starts_with(prefix))
}

fn aws(origin: &str, behaviour: &Behaviour) -> Vec<Backend> {
    let lines = format!(
        "region = \"us-east-1\"\nbase_url = {origin:?}\ncredential = {{ kind = \"aws\", source = \"keys\", \
         access_key_id = {AWS_KEY:?}, secret_access_key = \"env:CLOUDSIM_AWS_SECRET\" }}"
    );
    let agent = format!("{lines}\nagent_url = {origin:?}");
    let mut bedrock = backend("bedrock", "bedrock", &agent, &[CHAT, RERANK], behaviour);
    bedrock.models.extend(named(&behaviour.embedding_models, "amazon.titan").map(|model| (EMBED, model.clone())));
    let container = |container: &str, operation: &'static str, models: &[String]| {
        let lines = format!("provider = \"sagemaker\"\n{lines}\ncontainer = {container:?}");
        let models = named(models, &format!("{container}-")).map(|model| vec![(operation, model.clone())])?;
        Some(Backend { name: format!("sagemaker-{container}"), lines, models })
    };
    let mut backends = vec![
        bedrock,
        backend("bedrock-claude", "bedrock", &format!("{lines}\nchat = \"anthropic\""), &[CHAT], behaviour),
        backend("sagemaker", "sagemaker", &format!("{lines}\ncontainer = \"openai\""), &[CHAT, EMBED], behaviour),
    ];
    backends.extend(container("tgi", CHAT, &behaviour.chat_models));
    backends.extend(container("lmi", CHAT, &behaviour.chat_models));
    backends.extend(container("tei", EMBED, &behaviour.embedding_models));
    backends
}

fn google(origin: &str, behaviour: &Behaviour) -> Vec<Backend> {
    let vertex = format!("base_url = {origin:?}\n{VERTEX_PLACE}\n{KEY}");
    vec![
        backend("vertex", "vertex", &format!("{vertex}\nchat = \"gemini\""), &[CHAT, EMBED], behaviour),
        backend("vertex-claude", "vertex", &format!("{vertex}\nchat = \"anthropic\""), &[CHAT], behaviour),
        backend("gemini", "gemini", &format!("base_url = \"{origin}/v1beta\"\n{KEY}"), &[CHAT, EMBED], behaviour),
    ]
}
