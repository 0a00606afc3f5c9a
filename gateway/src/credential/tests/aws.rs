//! AWS: each source, the order between them, and roles.

use std::time::Duration;

use tempfile::TempDir;
use tradewind_policies::spec::{AssumeRole, AwsCredential, AwsSource, SecretRef};
use tradewind_providers::aws::Credentials;

use super::{
    super::{CredentialError, Fresh, Life, Source, Surroundings, aws::Chain},
    support::{Endpoint, surroundings},
};

/// An hour after the tests' clock.
const END: &str = "2026-01-02T04:04:05Z";

fn sts_answer(action: &str) -> String {
    format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><AssumedRoleUser><Arn>a</Arn>\
         <AssumedRoleId>i</AssumedRoleId></AssumedRoleUser><Credentials><AccessKeyId>ASIA</AccessKeyId>\
         <SecretAccessKey>s3cr&amp;t</SecretAccessKey><SessionToken>tok</SessionToken><Expiration>{END}</Expiration></Credentials>\
         </{action}Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{action}Response>"
    )
}

async fn sts() -> Endpoint {
    Endpoint::start(|asked, _| (200, sts_answer(&asked.form()["Action"]))).await
}

fn issued(id: &str) -> String {
    format!(r#"{{"Code":"Success","AccessKeyId":"{id}","SecretAccessKey":"s","Token":"t","Expiration":"{END}"}}"#)
}

fn assumed() -> Fresh<Credentials> {
    let value = Credentials {
        access_key_id: "ASIA".to_owned(),
        secret_access_key: "s3cr&t".to_owned(),
        session_token: Some("tok".to_owned()),
    };
    Fresh { value, life: Life::aws(Duration::from_secs(3600)) }
}

async fn obtain(credential: AwsCredential, surroundings: &Surroundings) -> Result<Fresh<Credentials>, CredentialError> {
    Chain::new(&credential, "eu-west-1", surroundings)?.obtain().await
}

async fn from(source: AwsSource, surroundings: &Surroundings) -> Result<Fresh<Credentials>, CredentialError> {
    obtain(AwsCredential { source, ..AwsCredential::default() }, surroundings).await
}

async fn id(surroundings: &Surroundings) -> String {
    from(AwsSource::Chain, surroundings).await.unwrap().value.access_key_id
}

/// A home with the shared configuration files.
fn home(config: &str, credentials: &str) -> (TempDir, String) {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    std::fs::write(home.path().join(".aws/config"), config).unwrap();
    std::fs::write(home.path().join(".aws/credentials"), credentials).unwrap();
    let path = home.path().display().to_string();
    (home, path)
}

#[tokio::test]
async fn the_chain_takes_the_first_that_is_there() {
    let sts = sts().await;
    let container = Endpoint::always(issued("CONTAINER")).await;
    let (home, path) = home("[profile role]\nrole_arn = r\nsource_profile = default\n", "[default]\naws_access_key_id=FILE\naws_secret_access_key=s\n");
    let token = home.path().join("token");
    std::fs::write(&token, "jwt").unwrap();
    let key = ("AWS_ACCESS_KEY_ID", "ENV".to_owned());
    let secret = ("AWS_SECRET_ACCESS_KEY", "s".to_owned());
    let role = ("AWS_PROFILE", "role".to_owned());
    let url = ("AWS_ENDPOINT_URL_STS", sts.url());
    let web = ("AWS_WEB_IDENTITY_TOKEN_FILE", token.display().to_string());
    let arn = ("AWS_ROLE_ARN", "arn:web".to_owned());
    let files = ("HOME", path);
    let ecs = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/v1", container.url()));
    let role_of_last_question = || sts.received().pop().unwrap().form()["RoleArn"].clone();

    let all = [key, secret, role.clone(), url.clone(), web.clone(), arn.clone(), files.clone(), ecs.clone()];
    assert_eq!(id(&surroundings(all)).await, "ENV");
    let from_role = [role, url.clone(), web.clone(), arn.clone(), files.clone(), ecs.clone()];
    assert_eq!((id(&surroundings(from_role)).await.as_str(), role_of_last_question().as_str()), ("ASIA", "r"));
    let from_web = [url, web, arn, files.clone(), ecs.clone()];
    assert_eq!((id(&surroundings(from_web)).await.as_str(), role_of_last_question().as_str()), ("ASIA", "arn:web"));
    assert_eq!(id(&surroundings([files, ecs.clone()])).await, "FILE");
    assert_eq!(id(&surroundings([ecs])).await, "CONTAINER");
    let nothing = surroundings([("AWS_EC2_METADATA_DISABLED", "true".to_owned())]);
    let error = from(AwsSource::Chain, &nothing).await.unwrap_err();
    assert!(error.to_string().starts_with("there are no AWS credentials: none in the environment, no profile `default`"), "{error}");
}

#[tokio::test]
async fn half_a_pair_in_the_environment_is_a_mistake_and_not_skipped() {
    let error = from(AwsSource::Chain, &surroundings([("AWS_ACCESS_KEY_ID", "x".to_owned())])).await.unwrap_err();
    assert!(error.to_string().contains("but not AWS_SECRET_ACCESS_KEY"), "{error}");
}

#[tokio::test]
async fn a_web_identity_is_exchanged_without_a_signature_and_read_anew() {
    let sts = sts().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let surroundings = surroundings([
        ("AWS_ENDPOINT_URL_STS", sts.url()),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r".to_owned()),
        ("AWS_ROLE_SESSION_NAME", "pod".to_owned()),
    ]);
    for token in ["one", "two"] {
        std::fs::write(&file, token).unwrap();
        let source = AwsSource::WebIdentity { token_file: Some(file.clone()), role_arn: None };
        assert_eq!(from(source, &surroundings).await.unwrap(), assumed());
        let asked = sts.received().pop().unwrap();
        assert_eq!((asked.method.as_str(), asked.target.as_str(), asked.header("authorization")), ("POST", "/", ""));
        let form: Vec<_> = asked.form().into_iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(form, [
            "Action=AssumeRoleWithWebIdentity",
            "RoleArn=arn:aws:iam::1:role/r",
            "RoleSessionName=pod",
            "Version=2011-06-15",
            &format!("WebIdentityToken={token}"),
        ]);
    }
}

#[tokio::test]
async fn a_role_is_assumed_with_a_signed_request() {
    let sts = sts().await;
    let credential = AwsCredential {
        source: AwsSource::Keys {
            access_key_id: "AKID".to_owned(),
            secret_access_key: SecretRef::Env("S".to_owned()),
            session_token: Some(SecretRef::Env("T".to_owned())),
        },
        assume_role: Some(AssumeRole {
            role_arn: "arn:role".to_owned(),
            session_name: None,
            external_id: Some("ext".to_owned()),
        }),
        sts_url: Some(sts.url().parse().unwrap()),
        ..AwsCredential::default()
    };
    let surroundings = surroundings([("S", "secret".to_owned()), ("T", "session".to_owned())]);
    assert_eq!(obtain(credential, &surroundings).await.unwrap(), assumed());
    let asked = sts.only();
    assert_eq!((asked.form()["RoleSessionName"].as_str(), asked.form()["ExternalId"].as_str()), ("tradewind", "ext"));
    let signed = asked.header("authorization");
    assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=AKID/20260102/eu-west-1/sts/aws4_request"), "{signed}");
    assert_eq!(asked.header("x-amz-security-token"), "session");
}

#[tokio::test]
async fn a_refusal_of_sts_is_told_in_its_words() {
    let sts = Endpoint::start(|_, _| {
        (403, "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized</Message></Error></ErrorResponse>".to_owned())
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "jwt-of-the-pod").unwrap();
    let source = AwsSource::WebIdentity { token_file: Some(file), role_arn: Some("r".to_owned()) };
    let error = from(source, &surroundings([("AWS_ENDPOINT_URL_STS", sts.url())])).await.unwrap_err();
    assert!(error.to_string().ends_with("status 403, AccessDenied: not authorized"), "{error}");
}

#[tokio::test]
async fn what_sts_answers_must_be_credentials() {
    for answer in ["", "<a/>", "{}", &sts_answer("AssumeRole").replace(END, "soon")] {
        let sts = Endpoint::always(answer).await;
        let role = AssumeRole { role_arn: "r".to_owned(), session_name: None, external_id: None };
        let credential = AwsCredential { assume_role: Some(role), source: AwsSource::Environment, ..AwsCredential::default() };
        let surroundings = surroundings([
            ("AWS_ENDPOINT_URL_STS", sts.url()),
            ("AWS_ACCESS_KEY_ID", "a".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "b".to_owned()),
        ]);
        let error = obtain(credential, &surroundings).await.unwrap_err();
        assert!(error.to_string().contains("its answer is no credential"), "{error}");
    }
}

#[tokio::test]
async fn a_container_shows_the_token_from_its_file() {
    let endpoint = Endpoint::always(issued("POD")).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let surroundings = surroundings([
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/v1/credentials", endpoint.url())),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.display().to_string()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "not this".to_owned()),
    ]);
    for token in ["one", "two"] {
        std::fs::write(&file, token).unwrap();
        let fresh = from(AwsSource::Container, &surroundings).await.unwrap();
        assert_eq!((fresh.value.access_key_id.as_str(), fresh.life), ("POD", Life::aws(Duration::from_secs(3600))));
        let asked = endpoint.received().pop().unwrap();
        assert_eq!((asked.target.as_str(), asked.header("authorization")), ("/v1/credentials", token));
    }
}

#[tokio::test]
async fn a_container_endpoint_elsewhere_is_not_asked() {
    let variables = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.169.254/steal".to_owned())];
    let error = from(AwsSource::Container, &surroundings(variables)).await.unwrap_err();
    assert!(error.to_string().contains("169.254.170.23"), "{error}");
}

#[tokio::test]
async fn an_instance_is_asked_with_a_session_first() {
    let imds = Endpoint::start(|asked, _| {
        let session = asked.header("x-aws-ec2-metadata-token");
        match (asked.method.as_str(), asked.target.as_str()) {
            ("PUT", "/latest/api/token") if asked.header("x-aws-ec2-metadata-token-ttl-seconds") == "21600" => (200, "session".to_owned()),
            ("GET", "/latest/meta-data/iam/security-credentials/") if session == "session" => (200, "my-role\n".to_owned()),
            ("GET", "/latest/meta-data/iam/security-credentials/my-role") if session == "session" => (200, issued("EC2")),
            _ => (401, String::new()),
        }
    })
    .await;
    let surroundings = surroundings([("AWS_EC2_METADATA_SERVICE_ENDPOINT", format!("{}/", imds.url()))]);
    assert_eq!(from(AwsSource::Instance, &surroundings).await.unwrap().value.access_key_id, "EC2");
    assert_eq!(imds.received().len(), 3);
    assert_eq!(id(&surroundings).await, "EC2", "the chain ends there");
}

#[tokio::test]
async fn an_instance_whose_role_cannot_be_assumed_says_so() {
    let imds = Endpoint::start(|asked, _| {
        (200, if asked.target.ends_with("/r") { r#"{"Code":"AssumeRoleUnauthorizedAccess"}"#.to_owned() } else { "r".to_owned() })
    })
    .await;
    let error = from(AwsSource::Instance, &surroundings([("AWS_EC2_METADATA_SERVICE_ENDPOINT", imds.url())])).await.unwrap_err();
    assert!(error.to_string().contains("its code is AssumeRoleUnauthorizedAccess"), "{error}");
}

async fn profile(name: &str, surroundings: &Surroundings) -> Result<Fresh<Credentials>, CredentialError> {
    from(AwsSource::Profile(name.to_owned()), surroundings).await
}

#[tokio::test]
async fn a_profile_leads_through_others_to_a_role() {
    let sts = sts().await;
    let (_home, path) = home(
        "[profile outer]\nrole_arn = arn:outer\nsource_profile = inner\nexternal_id = x\nduration_seconds = 900\n\
         [profile inner]\nrole_arn = arn:inner\nrole_session_name = me\nsource_profile = inner\n",
        "[inner]\naws_access_key_id = AKINNER\naws_secret_access_key = s\n",
    );
    let surroundings = surroundings([("HOME", path), ("AWS_ENDPOINT_URL_STS", sts.url())]);
    assert_eq!(profile("outer", &surroundings).await.unwrap(), assumed());
    let [inner, outer] = <[_; 2]>::try_from(sts.received()).unwrap();
    assert_eq!((inner.form()["RoleArn"].as_str(), inner.form()["RoleSessionName"].as_str()), ("arn:inner", "me"));
    assert!(inner.header("authorization").contains("Credential=AKINNER/"));
    assert_eq!((outer.form()["RoleArn"].as_str(), outer.form()["ExternalId"].as_str()), ("arn:outer", "x"));
    assert_eq!(outer.form()["DurationSeconds"], "900");
    assert!(outer.header("authorization").contains("Credential=ASIA/"));
}

#[tokio::test]
async fn profiles_that_lead_nowhere_say_why() {
    let (_home, path) = home(
        "[profile a]\nrole_arn = r\nsource_profile = b\n[profile b]\nrole_arn = r\nsource_profile = a\n\
         [profile sso]\nsso_session = x\n[profile mfa]\nrole_arn = r\nmfa_serial = m\nsource_profile = a\n\
         [profile lost]\nrole_arn = r\n[profile empty]\nregion = x\n",
        "",
    );
    let surroundings = surroundings([("HOME", path)]);
    for (name, reason) in [
        ("a", "is its own source, by way of others"),
        ("sso", "signs in by SSO"),
        ("mfa", "asks for a second factor"),
        ("lost", "has a role but no way to it"),
        ("empty", "has neither a pair of keys"),
        ("none", "is in neither of the shared configuration files"),
    ] {
        let error = profile(name, &surroundings).await.unwrap_err().to_string();
        assert!(error.contains(reason), "{name}: {error}");
    }
}

#[tokio::test]
async fn the_files_are_read_anew_when_keys_rotate() {
    let (home, path) = home("", "[default]\naws_access_key_id = ONE\naws_secret_access_key = s\n");
    let surroundings = surroundings([("HOME", path)]);
    let fresh = profile("default", &surroundings).await.unwrap();
    assert_eq!((fresh.value.access_key_id.as_str(), fresh.life.end), ("ONE", None));
    assert!(fresh.life.refresh.is_some());
    std::fs::write(home.path().join(".aws/credentials"), "[default]\naws_access_key_id = TWO\naws_secret_access_key = s\n").unwrap();
    assert_eq!(profile("default", &surroundings).await.unwrap().value.access_key_id, "TWO");
}

fn with_process(command: &str) -> (TempDir, Surroundings) {
    let (home, path) = home(&format!("[profile p]\ncredential_process = {command}\n"), "");
    (home, surroundings([("HOME", path)]))
}

#[tokio::test]
async fn a_program_may_print_the_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out put.json");
    std::fs::write(&output, format!(r#"{{"Version":1,"AccessKeyId":"P","SecretAccessKey":"s","SessionToken":"t","Expiration":"{END}"}}"#)).unwrap();
    let (_home, surroundings) = with_process(&format!("cat \"{}\"", output.display()));
    let fresh = profile("p", &surroundings).await.unwrap();
    assert_eq!((fresh.value.access_key_id.as_str(), fresh.life), ("P", Life::aws(Duration::from_secs(3600))));
    assert_eq!(fresh.value.session_token.as_deref(), Some("t"));
}

#[tokio::test]
async fn a_program_that_fails_is_blamed_without_its_output() {
    for (command, reason) in [
        ("false", "ended with exit status: 1"),
        ("/nonexistent/program", "cannot be run"),
        ("echo hunter2", "printed no credentials"),
        (r#"echo '{"Version":2,"AccessKeyId":"a","SecretAccessKey":"hunter2"}'"#, "its version is 2"),
    ] {
        let (_home, surroundings) = with_process(command);
        let error = profile("p", &surroundings).await.unwrap_err().to_string();
        assert!(error.contains(reason) && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn credentials_are_not_shown() {
    assert!(!format!("{:?}", assumed()).contains("s3cr"));
}
