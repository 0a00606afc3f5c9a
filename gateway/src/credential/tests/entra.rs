//! Entra: applications and managed identities.

use std::time::Duration;

use tradewind_policies::spec::{EntraCredential, EntraSource, SecretRef};

use super::{
    super::{CredentialError, EndpointFault, Life, entra::source},
    support::{Endpoint, NOW, surroundings, token},
};

const SCOPE: &str = "https://cognitiveservices.azure.com/.default";

fn credential(source: EntraSource, authority: Option<String>) -> EntraCredential {
    EntraCredential { source, scope: None, authority: authority.map(|url| url.parse().unwrap()) }
}

fn by_secret() -> EntraSource {
    EntraSource::ClientSecret {
        tenant_id: Some("t1".to_owned()),
        client_id: Some("c1".to_owned()),
        client_secret: SecretRef::Env("SECRET".to_owned()),
    }
}

#[tokio::test]
async fn an_application_shows_its_secret() {
    let authority = Endpoint::always(token("entra")).await;
    let credential = credential(by_secret(), Some(authority.url()));
    let source = source(&credential, Some(SCOPE), &surroundings([("SECRET", "s&cret".to_owned())])).unwrap();
    let fresh = source.obtain().await.unwrap();
    assert_eq!((fresh.value.expose(), fresh.life), ("entra", Life::token(Duration::from_secs(3600))));
    let asked = authority.only();
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/t1/oauth2/v2.0/token"));
    let form = asked.form();
    assert_eq!(form.len(), 4);
    assert_eq!(
        [&form["grant_type"], &form["client_id"], &form["client_secret"], &form["scope"]],
        ["client_credentials", "c1", "s&cret", SCOPE]
    );
}

#[tokio::test]
async fn a_federated_token_is_read_anew_for_each_exchange() {
    let authority = Endpoint::always(token("entra")).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let surroundings = surroundings([
        ("AZURE_FEDERATED_TOKEN_FILE", file.display().to_string()),
        ("AZURE_TENANT_ID", "t2".to_owned()),
        ("AZURE_CLIENT_ID", "c2".to_owned()),
        ("AZURE_AUTHORITY_HOST", format!("{}/", authority.url())),
    ]);
    let way = EntraSource::WorkloadIdentity { tenant_id: None, client_id: None, token_file: None };
    let source = source(&credential(way, None), Some(SCOPE), &surroundings).unwrap();
    for assertion in ["first", "second"] {
        std::fs::write(&file, format!("{assertion}\n")).unwrap();
        source.obtain().await.unwrap();
        let asked = authority.received().pop().unwrap();
        assert_eq!(asked.target, "/t2/oauth2/v2.0/token");
        let form = asked.form();
        assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        assert_eq!((form["client_assertion"].as_str(), form["client_id"].as_str()), (assertion, "c2"));
        assert!(!form.contains_key("client_secret"));
    }
}

#[tokio::test]
async fn a_machine_asks_its_metadata_service() {
    let metadata = Endpoint::always(format!(r#"{{"access_token":"mi","expires_in":"3599","expires_on":"{NOW}"}}"#)).await;
    let surroundings = surroundings([("AZURE_POD_IDENTITY_AUTHORITY_HOST", metadata.url())]);
    let way = EntraSource::ManagedIdentity { client_id: Some("id 1".to_owned()) };
    let fresh = source(&credential(way, None), Some(SCOPE), &surroundings).unwrap().obtain().await.unwrap();
    assert_eq!((fresh.value.expose(), fresh.life), ("mi", Life::token(Duration::from_secs(3599))));
    let asked = metadata.only();
    assert_eq!(
        asked.target,
        "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fcognitiveservices.azure.com&client_id=id+1"
    );
    assert_eq!(asked.header("metadata"), "true");
}

#[tokio::test]
async fn an_app_service_has_its_own_endpoint() {
    let app = Endpoint::always(format!(r#"{{"access_token":"app","expires_on":"{}"}}"#, NOW + 7200)).await;
    let surroundings =
        surroundings([("IDENTITY_ENDPOINT", format!("{}/msi/token", app.url())), ("IDENTITY_HEADER", "guid".to_owned())]);
    let way = EntraSource::ManagedIdentity { client_id: None };
    let fresh = source(&credential(way, None), Some(SCOPE), &surroundings).unwrap().obtain().await.unwrap();
    assert_eq!((fresh.value.expose(), fresh.life), ("app", Life::token(Duration::from_secs(7200))));
    let asked = app.only();
    assert_eq!(asked.target, "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fcognitiveservices.azure.com");
    assert_eq!(asked.header("x-identity-header"), "guid");
}

#[tokio::test]
async fn what_is_missing_is_named_with_its_variable() {
    let world = surroundings([("SECRET", "s".to_owned())]);
    let way = EntraSource::ClientSecret { tenant_id: None, client_id: None, client_secret: SecretRef::Env("SECRET".to_owned()) };
    let error = source(&credential(way, None), Some(SCOPE), &world).unwrap_err();
    assert!(error.to_string().contains("`tenant_id`") && error.to_string().contains("AZURE_TENANT_ID"), "{error}");
    let error = source(&credential(by_secret(), None), None, &world).unwrap_err();
    assert!(error.to_string().contains("`scope`"), "{error}");
}

#[tokio::test]
async fn a_refusal_is_told_in_the_endpoints_words_but_never_with_the_secret() {
    let authority = Endpoint::start(|asked, _| {
        let secret = asked.form()["client_secret"].clone();
        (401, format!(r#"{{"error":"invalid_client","error_description":"AADSTS7000215: '{secret}' is wrong"}}"#))
    })
    .await;
    let credential = credential(by_secret(), Some(authority.url()));
    let surroundings = surroundings([("SECRET", "hunter2hunter2".to_owned())]);
    let error = source(&credential, Some(SCOPE), &surroundings).unwrap().obtain().await.unwrap_err();
    let CredentialError::Endpoint { endpoint, fault: EndpointFault::Refused { status, detail } } = &error else {
        panic!("{error:?}")
    };
    assert_eq!((endpoint.as_str(), status.as_u16()), (format!("{}/t1/oauth2/v2.0/token", authority.url()).as_str(), 401));
    assert_eq!(detail.as_deref(), Some("invalid_client: AADSTS7000215: '[redacted]' is wrong"));
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}
