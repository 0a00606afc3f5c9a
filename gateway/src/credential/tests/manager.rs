//! Secret managers.

use super::{
    super::{CredentialError, Life, Secret, Surroundings, secrets::SecretSource, Source},
    support::{Endpoint, surroundings, token},
};

async fn read(place: &str, surroundings: &Surroundings) -> Result<Secret, CredentialError> {
    let fresh = SecretSource::new(&place.parse().unwrap(), surroundings).obtain().await?;
    assert_eq!(fresh.life, Life::reread(std::time::Duration::from_secs(300)));
    Ok(fresh.value)
}

#[tokio::test]
async fn aws_is_asked_with_a_signature() {
    let manager = Endpoint::start(|asked, _| match asked.text() {
        r#"{"SecretId":"llm/openai"}"# => (200, r#"{"Name":"llm/openai","SecretString":"{\"key\":\"sk-1\"}"}"#.to_owned()),
        _ => (400, r#"{"__type":"ResourceNotFoundException","Message":"no such secret"}"#.to_owned()),
    })
    .await;
    let surroundings = surroundings([
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", manager.url()),
        ("AWS_REGION", "eu-central-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "AKID".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "s".to_owned()),
    ]);
    assert_eq!(read("aws-sm:llm/openai#key", &surroundings).await.unwrap().expose(), "sk-1");
    let asked = manager.only();
    assert_eq!(asked.header("x-amz-target"), "secretsmanager.GetSecretValue");
    assert_eq!(asked.header("content-type"), "application/x-amz-json-1.1");
    assert!(asked.header("authorization").contains("/eu-central-1/secretsmanager/aws4_request"), "{asked:?}");

    assert_eq!(read("aws-sm:llm/openai", &surroundings).await.unwrap().expose(), r#"{"key":"sk-1"}"#);
    let error = read("aws-sm:llm/openai#other", &surroundings).await.unwrap_err();
    assert_eq!(error.to_string(), "aws-sm:llm/openai#other has no text under `other`");
    let error = read("aws-sm:none", &surroundings).await.unwrap_err();
    assert!(error.to_string().ends_with("status 400, ResourceNotFoundException: no such secret"), "{error}");
    let arn = "aws-sm:arn:aws:secretsmanager:us-west-2:123456789012:secret:x-AbCdEf";
    assert!(read(arn, &surroundings).await.is_err());
    assert!(manager.received().pop().unwrap().header("authorization").contains("/us-west-2/secretsmanager/"));
}

#[tokio::test]
async fn azure_is_asked_with_a_token_for_vaults() {
    let identity = Endpoint::always(token("vault-token")).await;
    let vault = Endpoint::always(r#"{"value":"sk-2","id":"x"}"#).await;
    let surroundings = surroundings([("AZURE_POD_IDENTITY_AUTHORITY_HOST", identity.url())]);
    let secret = read(&format!("azure-kv:{}/secrets/openai/0123abcd", vault.url()), &surroundings).await.unwrap();
    assert_eq!(secret.expose(), "sk-2");
    let asked = vault.only();
    assert_eq!(asked.target, "/secrets/openai/0123abcd?api-version=7.4");
    assert_eq!(asked.header("authorization"), "Bearer vault-token");
    assert!(identity.only().target.contains("resource=https%3A%2F%2Fvault.azure.net"));
}

#[tokio::test]
async fn google_is_asked_with_the_default_credentials() {
    let metadata = Endpoint::always(token("gcp-token")).await;
    let manager = Endpoint::always(r#"{"name":"n","payload":{"data":"c2stMw==","dataCrc32c":"1"}}"#).await;
    let surroundings = surroundings([
        ("GCE_METADATA_HOST", metadata.authority()),
        ("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER", format!("{}/", manager.url())),
    ]);
    assert_eq!(read("gcp-sm:projects/p1/secrets/openai", &surroundings).await.unwrap().expose(), "sk-3");
    let asked = manager.only();
    assert_eq!(asked.target, "/v1/projects/p1/secrets/openai/versions/latest:access");
    assert_eq!(asked.header("authorization"), "Bearer gcp-token");
}

#[tokio::test]
async fn vault_is_shown_the_token_of_its_agent() {
    let vault = Endpoint::start(|asked, _| match asked.header("x-vault-token") {
        "one" | "two" => (200, r#"{"data":{"data":{"api_key":"sk-4","n":1},"metadata":{"version":3}}}"#.to_owned()),
        _ => (403, r#"{"errors":["permission denied"]}"#.to_owned()),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let surroundings = surroundings([
        ("VAULT_ADDR", vault.url()),
        ("VAULT_NAMESPACE", "team".to_owned()),
        ("VAULT_TOKEN_FILE", file.display().to_string()),
    ]);
    for token in ["one", "two"] {
        std::fs::write(&file, token).unwrap();
        assert_eq!(read("vault:secret/llm/openai#api_key", &surroundings).await.unwrap().expose(), "sk-4");
        let asked = vault.received().pop().unwrap();
        assert_eq!((asked.target.as_str(), asked.header("x-vault-namespace")), ("/v1/secret/data/llm/openai", "team"));
    }
    let error = read("vault:secret/llm/openai#n", &surroundings).await.unwrap_err();
    assert_eq!(error.to_string(), "vault:secret/llm/openai#n has no text under `n`");
    std::fs::write(&file, "expired-token").unwrap();
    let error = read("vault:secret/llm/openai#api_key", &surroundings).await.unwrap_err();
    assert!(error.to_string().ends_with("status 403, permission denied"), "{error}");
}
