//! What the backends of `examples/clouds.toml` mean: where each is, what it speaks, and what it is shown.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a helper that panics fails its test")]

use tradewind_policies::spec::{
    AnthropicHost, AnthropicVersion, Api, AssumeRole, AwsCredential, AwsSource, AzureSurface, BackendSpec, BedrockChat,
    Credential, EntraCredential, EntraSource, GoogleCredential, GoogleSource, HttpVersion, IbmCredential, OAuthCredential,
    OpenAiHost, Provider, Remote, SageMakerContainer, SecretRef, SnowflakeKeyPair, VertexChat, WatsonxScope,
};
use tradewind_policies::{Caller, Operation, Policy, Request, SourceFile};
use tradewind_protocol::{Capabilities, MaxTokensField, Support};

const CLOUDS: &str = include_str!("../examples/clouds.toml");

fn clouds() -> Policy {
    Policy::parse(&[SourceFile::new("clouds.toml", CLOUDS)]).unwrap_or_else(|errors| panic!("{errors}"))
}

fn backend<'p>(policy: &'p Policy, name: &str) -> &'p BackendSpec {
    policy.backends().iter().find(|backend| backend.name.as_str() == name).unwrap_or_else(|| panic!("no backend {name}"))
}

fn remote(name: &str) -> Remote {
    match &backend(&clouds(), name).provider {
        Provider::Remote(remote) => remote.clone(),
        Provider::Local => panic!("{name} is local"),
    }
}

fn url(text: &str) -> tradewind_policies::spec::BaseUrl {
    text.parse().unwrap()
}

fn secret(text: &str) -> SecretRef {
    text.parse().unwrap()
}

fn openai(host: OpenAiHost, base_url: &str) -> Api {
    Api::OpenAi { host, base_url: url(base_url) }
}

#[test]
fn hosts_with_openai_s_api_are_where_they_are_known_to_be() {
    for (name, host, base_url) in [
        ("openai", OpenAiHost::OpenAi, "https://api.openai.com/v1"),
        ("mistral", OpenAiHost::Mistral, "https://api.mistral.ai/v1"),
        ("groq", OpenAiHost::Groq, "https://api.groq.com/openai/v1"),
        ("deepseek", OpenAiHost::DeepSeek, "https://api.deepseek.com/v1"),
        ("xai", OpenAiHost::XAi, "https://api.x.ai/v1"),
        ("together", OpenAiHost::Together, "https://api.together.xyz/v1"),
        ("fireworks", OpenAiHost::Fireworks, "https://api.fireworks.ai/inference/v1"),
        ("openrouter", OpenAiHost::OpenRouter, "https://openrouter.ai/api/v1"),
        ("huggingface", OpenAiHost::HuggingFace, "https://router.huggingface.co/v1"),
        ("ollama", OpenAiHost::Ollama, "http://127.0.0.1:11434/v1"),
        ("vllm", OpenAiHost::Vllm, "https://vllm.internal:8000/v1"),
        ("sglang", OpenAiHost::SgLang, "https://10.0.0.7:30000/v1"),
        ("tgi", OpenAiHost::Tgi, "http://tgi.internal:8080/v1"),
        ("tei", OpenAiHost::Tei, "http://tei.internal:8080/v1"),
        ("nim", OpenAiHost::Nim, "http://nim.internal:8000/v1"),
        ("ray-serve", OpenAiHost::RayServe, "http://ray.internal:8000/v1"),
        ("databricks", OpenAiHost::Databricks, "https://adb-1234567890123456.7.azuredatabricks.net/serving-endpoints"),
        ("snowflake", OpenAiHost::Snowflake, "https://company-prod.snowflakecomputing.com/api/v2/cortex/v1"),
        ("bedrock-openai", OpenAiHost::BedrockOpenAi, "https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1"),
        (
            "sagemaker-openai",
            OpenAiHost::SageMakerOpenAi,
            "https://runtime.sagemaker.cn-north-1.amazonaws.com.cn/endpoints/qwen-endpoint/inference-components/qwen-component/openai/v1",
        ),
        (
            "vertex-openai",
            OpenAiHost::VertexOpenAi,
            "https://aiplatform.eu.rep.googleapis.com/v1/projects/company-prod/locations/eu/endpoints/openapi",
        ),
        (
            "vertex-global",
            OpenAiHost::VertexOpenAi,
            "https://aiplatform.googleapis.com/v1/projects/company-prod/locations/global/endpoints/openapi",
        ),
    ] {
        assert_eq!(remote(name).api, openai(host, base_url), "{name}");
    }
}

#[test]
fn clouds_with_an_api_of_their_own_have_their_options() {
    assert_eq!(
        remote("bedrock").api,
        Api::Bedrock {
            region: "eu-central-1".into(),
            base_url: None,
            agent_url: None,
            chat: BedrockChat::Converse,
            guardrail: Some(("gr4a1b2c3d4e".into(), "1".into())),
        }
    );
    let Api::Bedrock { base_url, agent_url, chat, .. } = remote("bedrock-claude").api else { panic!("not Bedrock") };
    assert_eq!(base_url, Some(url("https://vpce-0123.bedrock-runtime.us-east-1.vpce.amazonaws.com")));
    assert_eq!(agent_url, Some(url("https://vpce-4567.bedrock-agent-runtime.us-east-1.vpce.amazonaws.com")));
    assert_eq!(chat, BedrockChat::Anthropic);
    for (name, container) in [
        ("sagemaker", SageMakerContainer::Tgi),
        ("sagemaker-tei", SageMakerContainer::Tei),
        ("sagemaker-lmi", SageMakerContainer::Lmi),
        ("sagemaker-vllm", SageMakerContainer::OpenAi),
    ] {
        let Api::SageMaker { container: seen, .. } = remote(name).api else { panic!("not SageMaker") };
        assert_eq!(seen, container, "{name}");
    }
    let vertex =
        |location: &str, chat| Api::Vertex { project: "company-prod".into(), location: location.into(), base_url: None, chat };
    assert_eq!(remote("vertex").api, vertex("europe-west4", None));
    assert_eq!(remote("vertex-claude").api, vertex("global", Some(VertexChat::Anthropic)));
    assert_eq!(remote("gemini").api, Api::Gemini { base_url: url("https://generativelanguage.googleapis.com/v1beta") });
    assert_eq!(remote("cohere").api, Api::Cohere { base_url: url("https://api.cohere.com") });
    assert_eq!(
        remote("watsonx").api,
        Api::Watsonx {
            base_url: url("https://eu-de.ml.cloud.ibm.com"),
            version: "2024-03-13".into(),
            scope: WatsonxScope::Project("0f3c9d1e-0000-4000-8000-000000000003".into()),
        }
    );
    let Api::Watsonx { version, scope, .. } = remote("watsonx-deployment").api else { panic!("not watsonx") };
    assert_eq!((version.as_str(), scope), ("2025-02-11", WatsonxScope::Deployment));
}

#[test]
fn azure_s_surface_follows_from_the_provider_and_the_version() {
    let azure = |base_url: &str, surface| Api::AzureOpenAi { base_url: url(base_url), surface };
    assert_eq!(remote("azure").api, azure("https://company-eu.openai.azure.com", AzureSurface::V1));
    let dated = AzureSurface::Dated("2024-10-21".into());
    assert_eq!(remote("azure-dated").api, azure("https://company-us.openai.azure.com", dated));
    let inference = AzureSurface::ModelInference("2024-05-01-preview".into());
    assert_eq!(remote("azure-inference").api, azure("https://mistral-large.eastus2.models.ai.azure.com", inference));
}

#[test]
fn claude_is_spoken_to_at_every_host_that_speaks_its_dialect() {
    for (name, host, base_url) in [
        ("anthropic", AnthropicHost::Anthropic, "https://api.anthropic.com"),
        ("foundry-claude", AnthropicHost::Foundry, "https://company-us.services.ai.azure.com"),
        ("databricks-claude", AnthropicHost::Databricks, "https://adb-1234567890123456.7.azuredatabricks.net"),
        ("snowflake-claude", AnthropicHost::Snowflake, "https://company-prod.snowflakecomputing.com"),
    ] {
        let betas = if name == "anthropic" { vec!["context-1m-2025-08-07".into()] } else { Vec::new() };
        let version = AnthropicVersion::V2023_06_01;
        assert_eq!(remote(name).api, Api::Anthropic { host, base_url: url(base_url), version, betas }, "{name}");
    }
}

#[test]
fn aws_credentials_come_from_the_surroundings_unless_the_policy_says_otherwise() {
    let aws = |source| Credential::Aws(AwsCredential { source, ..AwsCredential::default() });
    assert_eq!(remote("bedrock").credential, aws(AwsSource::Chain));
    assert_eq!(remote("bedrock-openai").credential, Credential::Key(secret("env:AWS_BEARER_TOKEN_BEDROCK")));
    assert_eq!(remote("sagemaker").credential, aws(AwsSource::Profile("production".into())));
    assert_eq!(remote("sagemaker-tei").credential, aws(AwsSource::Container));
    assert_eq!(remote("sagemaker-lmi").credential, aws(AwsSource::Instance));
    let keys = AwsSource::Keys {
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: secret("aws-sm:llm/sagemaker#secret_access_key"),
        session_token: Some(secret("env:SAGEMAKER_SESSION_TOKEN")),
    };
    assert_eq!(remote("sagemaker-vllm").credential, aws(keys));
    let Credential::Aws(endpoint) = remote("sagemaker-openai").credential else { panic!("not AWS") };
    assert_eq!((endpoint.source, endpoint.region.as_deref()), (AwsSource::Environment, Some("cn-north-1")));
    let role = AssumeRole {
        role_arn: "arn:aws:iam::123456789012:role/llm".into(),
        session_name: Some("tradewind".into()),
        external_id: Some("company".into()),
    };
    let assumed = AwsCredential {
        source: AwsSource::WebIdentity { token_file: None, role_arn: None },
        assume_role: Some(role),
        region: None,
        sts_url: Some(url("https://sts.us-east-1.amazonaws.com")),
    };
    assert_eq!(remote("bedrock-claude").credential, Credential::Aws(assumed));
}

#[test]
fn entra_credentials_have_their_source_and_databricks_its_own_scope() {
    let entra = |source, scope: Option<&str>| EntraCredential { source, scope: scope.map(Into::into), authority: None };
    let managed = EntraSource::ManagedIdentity { client_id: None };
    assert_eq!(remote("azure-dated").credential, Credential::Entra(entra(managed.clone(), None)));
    let workload = EntraSource::WorkloadIdentity {
        tenant_id: None,
        client_id: Some("7f1c2d3e-0000-4000-8000-000000000001".into()),
        token_file: None,
    };
    assert_eq!(remote("azure-inference").credential, Credential::Entra(entra(workload, None)));
    let client = EntraCredential {
        source: EntraSource::ClientSecret {
            tenant_id: Some("company.onmicrosoft.com".into()),
            client_id: Some("7f1c2d3e-0000-4000-8000-000000000002".into()),
            client_secret: secret("file:/run/secrets/entra"),
        },
        scope: Some("https://ai.azure.com/.default".into()),
        authority: Some(url("https://login.microsoftonline.com")),
    };
    assert_eq!(remote("foundry-claude").credential, Credential::Entra(client));
    let databricks = entra(managed, Some("2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default"));
    assert_eq!(remote("databricks-claude").credential, Credential::Entra(databricks));
}

#[test]
fn google_credentials_are_the_application_s_unless_the_policy_says_otherwise() {
    let google = |source| Credential::Google(GoogleCredential { source, quota_project: None });
    assert_eq!(remote("vertex").credential, google(GoogleSource::Default));
    assert_eq!(remote("vertex-openai").credential, google(GoogleSource::File("/run/secrets/service-account.json".into())));
    let json = GoogleSource::Json(secret("gcp-sm:projects/company-prod/secrets/llm/versions/latest"));
    assert_eq!(remote("vertex-global").credential, google(json));
    let billed = GoogleCredential { source: GoogleSource::Metadata, quota_project: Some("company-billing".into()) };
    assert_eq!(remote("vertex-claude").credential, Credential::Google(billed));
}

#[test]
fn what_an_address_tells_need_not_be_said_again_in_the_credential() {
    let databricks = OAuthCredential {
        token_url: url("https://adb-1234567890123456.7.azuredatabricks.net/oidc/v1/token"),
        client_id: "llm-gateway".into(),
        client_secret: secret("env:DATABRICKS_CLIENT_SECRET"),
        scope: Some("all-apis".into()),
    };
    assert_eq!(remote("databricks").credential, Credential::OAuth(databricks));
    let snowflake = SnowflakeKeyPair {
        account: "company-prod".into(),
        user: "LLM_GATEWAY".into(),
        private_key: secret("file:/run/secrets/snowflake.pem"),
    };
    assert_eq!(remote("snowflake").credential, Credential::SnowflakeKeyPair(snowflake));
    let idp = OAuthCredential {
        token_url: url("https://idp.company.example/oauth2/token"),
        client_id: "llm-gateway".into(),
        client_secret: secret("env:IDP_CLIENT_SECRET"),
        scope: Some("models.read".into()),
    };
    assert_eq!(remote("kserve").credential, Credential::OAuth(idp));
    let ibm = IbmCredential { api_key: secret("vault:secret/llm/watsonx#api_key"), iam_url: None };
    assert_eq!(remote("watsonx").credential, Credential::Ibm(ibm));
    assert_eq!(remote("sglang").credential, Credential::None);
}

#[test]
fn a_connection_may_go_by_another_name_through_a_proxy_with_a_certificate() {
    let vllm = remote("vllm").connection;
    assert_eq!(vllm.http, HttpVersion::Http2);
    assert_eq!(vllm.ca_file.unwrap().to_str(), Some("/etc/tradewind/company-ca.pem"));
    assert_eq!(vllm.client_certificate.unwrap().key.to_str(), Some("/etc/tradewind/gateway.key"));
    let sglang = remote("sglang").connection;
    assert_eq!(sglang.host.as_deref(), Some("sglang.llm.example.com"));
    assert_eq!(sglang.proxy, Some(url("http://proxy.internal:3128")));
    let headers = remote("openrouter").connection.headers;
    assert_eq!(headers.get("http-referer").unwrap(), "https://app.example.com");
    assert_eq!(headers.get("x-title").unwrap(), "Example");
}

#[test]
fn what_the_operator_knows_of_a_model_goes_above_what_the_adapter_believes() {
    let policy = clouds();
    let reasoning = backend(&policy, "openai").serves(&"reasoning".parse().unwrap()).unwrap();
    let seen = reasoning.capabilities.apply(Capabilities::UNKNOWN);
    assert_eq!((seen.context, seen.max_output), (Some(200_000), Some(100_000)));
    assert_eq!((seen.sampling, seen.max_tokens_field), (Support::No, MaxTokensField::MaxCompletionTokens));
    assert_eq!(backend(&policy, "tei").models[0].capabilities.dimensions, Some(384));
}

#[test]
fn a_model_serves_chat_and_completions_unless_told_otherwise() {
    let policy = clouds();
    let served = |name: &str| backend(&policy, name).models[0].operations.iter().collect::<Vec<_>>();
    assert_eq!(served("openai"), [Operation::Chat, Operation::Completions]);
    assert_eq!(served("local"), [Operation::Chat, Operation::Completions]);
    assert_eq!(served("tei"), [Operation::Embeddings]);
    let who = "acme".parse().unwrap();
    let backends = |asked, operation| {
        let eligible = policy.eligible(&Request::new(Caller::of(&who), asked, operation)).unwrap();
        eligible.targets().map(|target| policy.backends()[target.backend.get()].name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(backends("rerank", Operation::Rerank), ["cohere", "bedrock"]);
    assert!(backends("chat", Operation::Chat).contains(&"local".into()));
    assert!(backends("chat", Operation::Completions).contains(&"local".into()));
}
