//! Local models follow the policy and the operators' orders, while others answer.

use std::path::Path;

use serde_json::Value;

use crate::support::{ANSWER, Gateway, Policy, Setup, chat, cloud, soon};

/// A model of this machine, which nothing can load: its weights are a line of text.
const MANIFEST: &str = r#"
id = "broken"
task = { kind = "chat" }
licence = "MIT"
context = 16
[[file]]
name = "weights.gguf"
[[source]]
kind = "local"
path = "weights"
"#;

const LOCAL: &str = "[backend.own]\nprovider = \"local\"\nmodels.broken = { cache_tokens = 64 }\n";

/// What operators are told of the model, once it is in this state.
async fn told(gateway: &Gateway, state: &str) -> Value {
    soon(async {
        loop {
            let answer = gateway.admin("/models").await;
            let list: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
            if let Some(model) = list.as_array().unwrap().iter().find(|model| model["state"] == state) {
                return model.clone();
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

fn write_model(folder: &Path) {
    std::fs::create_dir(folder.join("weights")).unwrap();
    std::fs::write(folder.join("weights/weights.gguf"), "no weights").unwrap();
    std::fs::write(folder.join("broken.toml"), MANIFEST).unwrap();
}

#[tokio::test]
async fn a_model_that_is_named_later_is_loaded_without_a_restart_and_unloaded_when_an_operator_says_so() {
    let sim = cloud([]).await;
    let (manifests, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folders = (manifests.path().to_owned(), cache.path().to_owned());
    let policy = Policy::in_turn([sim.base_url()]);
    let setup = Setup::new(&policy).keeping(manifests).keeping(cache).with(|settings| {
        settings.local.enabled = true;
        (settings.local.manifests, settings.local.models) = (Some(folders.0.clone()), Some(folders.1));
    });
    let gateway = setup.start().await;
    assert!(gateway.admin("/models").await.ends_with("[]\n"));
    assert!(gateway.operate("POST", "/models/broken/load", "").await.contains("no local model of this id; known are: smollm2"));

    write_model(&folders.0);
    gateway.write_policy(&policy.with(LOCAL));
    let model = told(&gateway, "failed").await;
    assert_eq!((&model["model"], &model["in_policy"]), (&"broken".into(), &true.into()));
    assert!(model["reason"].as_str().is_some_and(|reason| reason.contains("weights")), "{model}");
    assert_eq!(gateway.metric("tradewind_local_models", &["state=\"failed\""]).await, 1.0);
    assert_eq!(gateway.metric("tradewind_local_loads_total", &["result=\"error\""]).await, 1.0);
    assert!(gateway.admin("/readyz").await.contains("200 OK"), "a model that is added later does not make it less ready");
    assert_eq!(gateway.ask(&chat()).await.content(), ANSWER);

    let answer = gateway.operate("POST", "/models/broken/unload", "origin: https://example.com\r\n").await;
    assert!(answer.contains("403 Forbidden"), "{answer}");
    let answer = gateway.operate("GET", "/models/broken/unload", "").await;
    assert!(answer.contains("405 Method Not Allowed"), "{answer}");
    gateway.operate("POST", "/models/broken/unload", "").await;
    assert_eq!(told(&gateway, "unloaded").await["ordered"], "unload");
    gateway.stop().await;
}
