//! The golden files of OpenAI-shaped hosts, of Azure and of watsonx.ai.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says where and why")]

mod golden;

use golden::Golden;
use tradewind_providers::{
    Adapter, Authentication,
    azure::{Azure, Surface},
    openai::{Host, OpenAi},
    watsonx::{Scope, Watsonx},
};

/// The host of a variant, and where it lives.
fn host(variant: &str) -> Box<dyn Adapter> {
    let (host, base) = match variant {
        "" => (Host::OpenAi, "https://api.openai.com/v1"),
        "mistral" => (Host::Mistral, "https://api.mistral.ai/v1"),
        "groq" => (Host::Groq, "https://api.groq.com/openai/v1"),
        "deepseek" => (Host::DeepSeek, "https://api.deepseek.com"),
        "together" => (Host::Together, "https://api.together.xyz/v1"),
        "openrouter" => (Host::OpenRouter, "https://openrouter.ai/api/v1"),
        "huggingface" => (Host::HuggingFace, "https://router.huggingface.co/v1"),
        "vllm" => (Host::Vllm, "http://vllm:8000/v1"),
        "tgi" => (Host::Tgi, "http://tgi:8080/v1"),
        "tei" => (Host::Tei, "http://tei:8080"),
        "databricks" => (Host::Databricks, "https://w.cloud.databricks.com/serving-endpoints"),
        "snowflake" => (Host::Snowflake, "https://a.snowflakecomputing.com/api/v2/cortex/v1"),
        "vertex" => {
            let base = "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/endpoints/openapi";
            (Host::VertexOpenAi, base)
        }
        other => panic!("no host is called {other}"),
    };
    Box::new(OpenAi::new(host, base, Authentication::Bearer).unwrap())
}

fn azure(variant: &str) -> Box<dyn Adapter> {
    let base = "https://r.openai.azure.com";
    let azure = match variant {
        "" => Azure::new(base, Surface::V1),
        "dated" => Azure::new(base, Surface::Dated("2024-10-21".to_owned())),
        "old" => Azure::new(base, Surface::Dated("2024-06-01".to_owned())),
        "inference" => {
            let surface = Surface::ModelInference("2024-05-01-preview".to_owned());
            Azure::new("https://h.eastus.models.ai.azure.com", surface)
        }
        other => panic!("no surface is called {other}"),
    };
    Box::new(azure.unwrap())
}

fn watsonx(variant: &str) -> Box<dyn Adapter> {
    let scope = match variant {
        "" => Scope::Project("p".to_owned()),
        "space" => Scope::Space("s".to_owned()),
        "deployment" => Scope::Deployment,
        other => panic!("no scope is called {other}"),
    };
    Box::new(Watsonx::new("https://us-south.ml.cloud.ibm.com", "2024-03-13", scope).unwrap())
}

#[test]
fn openai_shaped_hosts_are_spoken_to_as_they_wish() {
    Golden { provider: "openai", adapter: host, frames: None }.check();
}

#[test]
fn azure_is_spoken_to_on_each_surface() {
    Golden { provider: "azure", adapter: azure, frames: None }.check();
}

#[test]
fn watsonx_is_spoken_to_in_its_envelope() {
    Golden { provider: "watsonx", adapter: watsonx, frames: None }.check();
}
