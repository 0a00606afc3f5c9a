//! Endpoints that are slow to come round, too large, or no token endpoints at all.

use tradewind_policies::spec::{IbmCredential, SecretRef};

use super::{
    super::{CredentialError, EndpointFault, Secret, Fresh, Source, ibm::ApiKey},
    support::{Endpoint, surroundings, token},
};

async fn ask(url: String) -> Result<Fresh<Secret>, CredentialError> {
    let credential = IbmCredential { api_key: SecretRef::Env("K".to_owned()), iam_url: Some(url.parse().unwrap()) };
    ApiKey::new(&credential, &surroundings([("K", "k".to_owned())])).unwrap().obtain().await
}

fn fault(result: Result<Fresh<Secret>, CredentialError>) -> EndpointFault {
    match result {
        Err(CredentialError::Endpoint { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_endpoint_that_fails_for_a_moment_is_asked_again() {
    let endpoint = Endpoint::start(|_, number| if number == 0 { (503, String::new()) } else { (200, token("t")) }).await;
    assert_eq!(ask(endpoint.url()).await.unwrap().value.expose(), "t");
    assert_eq!(endpoint.received().len(), 2);
}

#[tokio::test]
async fn one_that_refuses_is_not() {
    let endpoint = Endpoint::start(|_, _| (400, "{}".to_owned())).await;
    assert!(matches!(fault(ask(endpoint.url()).await), EndpointFault::Refused { detail: None, .. }));
    assert_eq!(endpoint.received().len(), 1);
}

#[tokio::test]
async fn an_answer_without_end_is_not_read() {
    let endpoint = Endpoint::always("x".repeat(1 << 20)).await;
    assert!(matches!(fault(ask(endpoint.url()).await), EndpointFault::Malformed(_)));
}

#[tokio::test]
async fn what_is_no_token_is_refused_without_being_repeated() {
    for body in ["<html>hunter2</html>", r#"{"access_token":["hunter2"]}"#, r#"{"access_token":"","expires_in":1}"#] {
        let endpoint = Endpoint::always(body).await;
        let fault = fault(ask(endpoint.url()).await);
        assert!(matches!(fault, EndpointFault::Malformed(_)) && !fault.to_string().contains("hunter2"), "{fault}");
    }
}

#[tokio::test]
async fn a_life_may_be_told_as_text_and_not_as_nonsense() {
    let endpoint = Endpoint::always(r#"{"access_token":"t","expires_in":"3600"}"#).await;
    assert_eq!(ask(endpoint.url()).await.unwrap().value.expose(), "t");
    for nonsense in ["\"soon\"", "-1", "1e300"] {
        let endpoint = Endpoint::always(format!(r#"{{"access_token":"t","expires_in":{nonsense}}}"#)).await;
        assert!(matches!(fault(ask(endpoint.url()).await), EndpointFault::Malformed(_)));
    }
}

#[tokio::test]
async fn nobody_there_is_told_as_such() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert!(matches!(fault(ask(format!("http://{address}")).await), EndpointFault::Unreachable(_)));
}
