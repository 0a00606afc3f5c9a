//! What a request carries in the end.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request};
use tradewind_policies::spec::{
    Api, AwsCredential, AzureSurface, Connection, Credential, EntraCredential, EntraSource, GoogleCredential, GoogleSource,
    OpenAiHost, Remote, SecretRef, SnowflakeKeyPair,
};
use tradewind_providers::Authentication;

use super::{
    super::{Authorizer, CredentialError, Surroundings},
    support::{Endpoint, surroundings, token},
    tokens::rsa_key,
};

fn openai(host: OpenAiHost, base_url: &str) -> Api {
    Api::OpenAi { host, base_url: base_url.parse().unwrap() }
}

fn build(
    api: Api,
    credential: Credential,
    authentication: &Authentication,
    surroundings: &Surroundings,
) -> Result<Authorizer, CredentialError> {
    let remote = Remote { api, credential, connection: Connection::default() };
    Authorizer::build("backend test", &remote, authentication, surroundings)
}

fn request() -> Request<Bytes> {
    let request = Request::post("https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse");
    request.header("content-type", "application/json").body(Bytes::from_static(b"{}")).unwrap()
}

async fn headers(authorizer: &Authorizer) -> HeaderMap {
    let mut request = request();
    authorizer.authorize(&mut request).await.unwrap();
    assert_eq!(*request.body(), "{}");
    request.headers().clone()
}

fn key(name: &str) -> Credential {
    Credential::Key(SecretRef::Env(name.to_owned()))
}

fn vllm() -> Api {
    openai(OpenAiHost::Vllm, "http://h/v1")
}

#[tokio::test]
async fn a_key_goes_where_the_provider_wants_it() {
    let surroundings = surroundings([("K", "sk-1\n".to_owned())]);
    let sigv4 = Authentication::SigV4 { service: "bedrock", region: "us-east-1".to_owned() };
    let header = Authentication::Header(HeaderName::from_static("x-api-key"));
    for (authentication, name, value) in [
        (Authentication::Bearer, "authorization", "Bearer sk-1"),
        (sigv4, "authorization", "Bearer sk-1"),
        (header, "x-api-key", "sk-1"),
    ] {
        let authorizer = build(vllm(), key("K"), &authentication, &surroundings).unwrap();
        let headers = headers(&authorizer).await;
        assert_eq!(headers.len(), 2, "{headers:?}");
        assert_eq!(headers[name], value);
        assert!(!format!("{headers:?}").contains("sk-1"), "the value is marked as sensitive");
    }
}

#[tokio::test]
async fn without_a_credential_nothing_is_added() {
    let authorizer = build(vllm(), Credential::None, &Authentication::Bearer, &surroundings([])).unwrap();
    assert_eq!(headers(&authorizer).await.len(), 1);
}

#[tokio::test]
async fn what_was_in_its_place_is_replaced() {
    let authorizer = build(vllm(), key("K"), &Authentication::Bearer, &surroundings([("K", "new".to_owned())])).unwrap();
    let mut request = request();
    request.headers_mut().append("authorization", "Bearer old".parse().unwrap());
    request.headers_mut().append("authorization", "Bearer older".parse().unwrap());
    authorizer.authorize(&mut request).await.unwrap();
    assert_eq!(request.headers().get_all("authorization").iter().collect::<Vec<_>>(), ["Bearer new"]);
}

#[tokio::test]
async fn a_key_that_is_missing_or_cannot_be_sent_is_found_out_at_once_and_not_shown() {
    let error = build(vllm(), key("K"), &Authentication::Bearer, &surroundings([])).unwrap_err();
    assert!(error.to_string().starts_with("the environment variable K is not set"), "{error}");
    let surroundings = surroundings([("K", "sk-secret\r\nx: y".to_owned())]);
    let error = build(vllm(), key("K"), &Authentication::Bearer, &surroundings).unwrap_err();
    assert_eq!(error.to_string(), "env:K holds characters that cannot stand in an HTTP header");
    assert!(!format!("{error:?}").contains("sk-secret"));
}

#[tokio::test]
async fn a_key_file_that_was_replaced_is_read_after_a_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, "one").unwrap();
    let credential = Credential::Key(SecretRef::File(path.clone()));
    let authorizer = build(vllm(), credential, &Authentication::Bearer, &surroundings([])).unwrap();
    let mut first = request();
    let shown = authorizer.authorize(&mut first).await.unwrap();
    std::fs::write(&path, "two").unwrap();
    assert_eq!(authorizer.renew(shown).await, Ok(true));
    assert_eq!(headers(&authorizer).await["authorization"], "Bearer two");
}

#[tokio::test]
async fn a_refused_key_from_the_environment_is_not_tried_again() {
    let authorizer = build(vllm(), key("K"), &Authentication::Bearer, &surroundings([("K", "k".to_owned())])).unwrap();
    let shown = authorizer.authorize(&mut request()).await.unwrap();
    assert_eq!(authorizer.renew(shown).await, Ok(false));
}

#[tokio::test]
async fn requests_to_aws_are_signed_with_the_golden_signature() {
    let surroundings = surroundings([
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()),
    ]);
    let authentication = Authentication::SigV4 { service: "bedrock", region: "us-east-1".to_owned() };
    let authorizer = build(vllm(), Credential::Aws(AwsCredential::default()), &authentication, &surroundings).unwrap();
    let uri = "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/converse";
    // Twice: the second time with the key that was derived for the first.
    for _ in 0..2 {
        let body = Bytes::from_static(br#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#);
        let mut request = Request::post(uri).header("content-type", "application/json").body(body.clone()).unwrap();
        authorizer.authorize(&mut request).await.unwrap();
        assert_eq!(request.uri(), uri);
        assert_eq!(*request.body(), body);
        assert_eq!(
            request.headers()["authorization"],
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/bedrock/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=2617f356b006d5f3ddc87587af21e1f2bb4cc33442c445418d16b7fcf1a3e5a0"
        );
    }
}

#[tokio::test]
async fn the_openai_endpoints_of_aws_take_a_bearer_token_made_of_credentials() {
    let surroundings = surroundings([("AWS_ACCESS_KEY_ID", "AKID".to_owned()), ("AWS_SECRET_ACCESS_KEY", "s".to_owned())]);
    let aws = || Credential::Aws(AwsCredential::default());
    for (host, url, prefix) in [
        (OpenAiHost::BedrockOpenAi, "https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1", "Bearer bedrock-api-key-"),
        (
            OpenAiHost::SageMakerOpenAi,
            "https://runtime.sagemaker.us-west-2.amazonaws.com/endpoints/e/openai/v1",
            "Bearer sagemaker-api-key-",
        ),
    ] {
        let authorizer = build(openai(host, url), aws(), &Authentication::Bearer, &surroundings).unwrap();
        let headers = headers(&authorizer).await;
        assert!(headers["authorization"].to_str().unwrap().starts_with(prefix));
    }
    let error = build(vllm(), aws(), &Authentication::Bearer, &surroundings).unwrap_err();
    assert_eq!(error.to_string(), "this provider takes no credentials of AWS");
}

#[tokio::test]
async fn azure_openai_gets_a_token_for_cognitive_services() {
    let identity = Endpoint::always(token("entra")).await;
    let surroundings = surroundings([("AZURE_POD_IDENTITY_AUTHORITY_HOST", identity.url())]);
    let api = Api::AzureOpenAi { base_url: "https://r.openai.azure.com".parse().unwrap(), surface: AzureSurface::V1 };
    let source = EntraSource::ManagedIdentity { client_id: None };
    let credential = Credential::Entra(EntraCredential { source, scope: None, authority: None });
    let authentication = Authentication::Header(HeaderName::from_static("api-key"));
    let authorizer = build(api, credential, &authentication, &surroundings).unwrap();
    assert_eq!(headers(&authorizer).await["authorization"], "Bearer entra");
    assert!(identity.only().target.contains("resource=https%3A%2F%2Fcognitiveservices.azure.com"));
}

#[tokio::test]
async fn a_google_project_that_pays_is_named() {
    let metadata = Endpoint::always(token("gcp")).await;
    let surroundings = surroundings([("GCE_METADATA_HOST", metadata.authority())]);
    let credential = GoogleCredential { source: GoogleSource::Metadata, quota_project: Some("payer".to_owned()) };
    let authorizer = build(vllm(), Credential::Google(credential), &Authentication::Bearer, &surroundings).unwrap();
    let headers = headers(&authorizer).await;
    assert_eq!(
        (&headers["authorization"], &headers["x-goog-user-project"]),
        (&"Bearer gcp".parse().unwrap(), &"payer".parse().unwrap())
    );
}

#[tokio::test]
async fn snowflake_is_told_what_kind_of_token_it_gets() {
    const KIND: &str = "x-snowflake-authorization-token-type";
    let surroundings = surroundings([("PAT", "pat".to_owned()), ("KEY", rsa_key().serialize_pem())]);
    let api = || openai(OpenAiHost::Snowflake, "https://a.snowflakecomputing.com/api/v2/cortex/v1");
    let pat = build(api(), key("PAT"), &Authentication::Bearer, &surroundings).unwrap();
    assert_eq!(headers(&pat).await[KIND], "PROGRAMMATIC_ACCESS_TOKEN");
    let pair = SnowflakeKeyPair { account: "a".to_owned(), user: "u".to_owned(), private_key: SecretRef::Env("KEY".to_owned()) };
    let jwt = build(api(), Credential::SnowflakeKeyPair(pair), &Authentication::Bearer, &surroundings).unwrap();
    let headers = headers(&jwt).await;
    assert_eq!(headers[KIND], "KEYPAIR_JWT");
    assert!(headers["authorization"].to_str().unwrap().starts_with("Bearer eyJ"));
}
