//! Models of an MLflow registry: from the name of a registered version to the place of its artifacts.
//!
//! REST API: <https://mlflow.org/docs/latest/api_reference/rest-api.html>

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::header::AUTHORIZATION;

use super::SourceError;
use super::sources::Surroundings;
use super::web::agent;

/// Answers of the registry are short.
const LONGEST_ANSWER: u64 = 1 << 20;

/// Where the artifacts of a version are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// On this machine.
    Folder(PathBuf),
    /// In a bucket, below this URL.
    Objects(String),
    /// At the tracking server, or another one, below this URL.
    Web {
        /// It.
        base: String,
        /// What `Authorization` says.
        authorization: Option<String>,
    },
}

/// `models:/NAME/VERSION` or `models:/NAME@ALIAS`.
#[derive(Debug, PartialEq, Eq)]
struct Registered<'m> {
    name: &'m str,
    which: Which<'m>,
}

#[derive(Debug, PartialEq, Eq)]
enum Which<'m> {
    Version(&'m str),
    Alias(&'m str),
}

impl<'m> Registered<'m> {
    fn parse(model: &'m str) -> Option<Self> {
        let rest = model.strip_prefix("models:/")?;
        let (name, which) = match rest.split_once('@') {
            Some((name, alias)) => (name, Which::Alias(alias)),
            None => {
                let (name, version) = rest.split_once('/')?;
                let is_number = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
                (name, Which::Version(Some(version).filter(|_| is_number)?))
            }
        };
        let is_one = !name.is_empty() && !name.contains('/') && which != Which::Alias("");
        is_one.then_some(Self { name, which })
    }
}

/// A tracking server.
struct Server {
    base: String,
    authorization: Option<String>,
}

#[derive(Deserialize)]
struct ByAlias {
    model_version: Version,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

#[derive(Deserialize)]
struct DownloadUri {
    artifact_uri: String,
}

/// Asks the registry where the artifacts are.
pub(super) fn locate(model: &str, surroundings: &Surroundings) -> Result<Place, SourceError> {
    let registered = Registered::parse(model).ok_or_else(|| SourceError::Registered(model.to_owned()))?;
    let base = surroundings.get("MLFLOW_TRACKING_URI").ok_or(SourceError::NoTrackingServer)?;
    let server = Server { base: base.trim_end_matches('/').to_owned(), authorization: authorization(surroundings) };
    let version = match registered.which {
        Which::Version(version) => version.to_owned(),
        Which::Alias(alias) => {
            let found: ByAlias = server.ask("registered-models/alias", &[("name", registered.name), ("alias", alias)])?;
            found.model_version.version
        }
    };
    let asked = [("name", registered.name), ("version", version.as_str())];
    let found: DownloadUri = server.ask("model-versions/get-download-uri", &asked)?;
    server.place(&found.artifact_uri)
}

/// A token, or a user with a password.
fn authorization(surroundings: &Surroundings) -> Option<String> {
    if let Some(token) = surroundings.get("MLFLOW_TRACKING_TOKEN") {
        return Some(format!("Bearer {token}"));
    }
    let user = surroundings.get("MLFLOW_TRACKING_USERNAME")?;
    let password = surroundings.get("MLFLOW_TRACKING_PASSWORD").unwrap_or_default();
    Some(format!("Basic {}", BASE64.encode(format!("{user}:{password}"))))
}

impl Server {
    fn ask<T: DeserializeOwned>(&self, method: &str, query: &[(&str, &str)]) -> Result<T, SourceError> {
        let url = format!("{}/api/2.0/mlflow/{method}", self.base);
        let mut request = agent().get(&url);
        for (name, value) in query {
            request = request.query(name, value);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let response = request.call().map_err(|error| SourceError::Http { url: url.clone(), source: Box::new(error) })?;
        if !response.status().is_success() {
            return Err(SourceError::Status { url, status: response.status().as_u16() });
        }
        let body = response.into_body().into_with_config().limit(LONGEST_ANSWER).read_to_vec();
        let body = body.map_err(|error| SourceError::Http { url: url.clone(), source: Box::new(error) })?;
        serde_json::from_slice(&body).map_err(|source| SourceError::Answer { url, source })
    }

    fn place(&self, uri: &str) -> Result<Place, SourceError> {
        let unknown = || SourceError::Artifacts(uri.to_owned());
        let Some((scheme, rest)) = uri.split_once(':') else { return Ok(Place::Folder(PathBuf::from(uri))) };
        match scheme {
            "s3" | "gs" | "az" => Ok(Place::Objects(uri.to_owned())),
            "abfss" | "wasbs" => azure(rest).map(Place::Objects).ok_or_else(unknown),
            "file" => Ok(Place::Folder(PathBuf::from(rest.strip_prefix("//").unwrap_or(rest)))),
            "http" | "https" => Ok(Place::Web { base: uri.to_owned(), authorization: None }),
            "mlflow-artifacts" => {
                // With a host after it, the scheme stands for that of the tracking server; only one is ever asked.
                let path = match rest.strip_prefix("//") {
                    Some(rest) => rest.split_once('/').ok_or_else(unknown)?.1,
                    None => rest.trim_start_matches('/'),
                };
                let base = format!("{}/api/2.0/mlflow-artifacts/artifacts/{path}", self.base);
                Ok(Place::Web { base, authorization: self.authorization.clone() })
            }
            _ => Err(unknown()),
        }
    }
}

/// `//CONTAINER@ACCOUNT.HOST/PATH` as a bucket. The account is the environment's.
fn azure(rest: &str) -> Option<String> {
    let (container, rest) = rest.strip_prefix("//")?.split_once('@')?;
    let (_account, path) = rest.split_once('/')?;
    Some(format!("az://{container}/{path}"))
}
