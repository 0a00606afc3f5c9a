//! Files in buckets: Amazon S3, Google Cloud Storage, Azure Blob Storage, and what speaks like one of them.
//!
//! What differs between the clouds, addresses, signatures and credentials, is the `object_store` crate's; it is given this crate's own HTTP client.
//! Credentials and endpoints are those of the variables that the clouds' tools read: `AWS_…` (keys, web identity, the role of the container or the
//! instance), `GOOGLE_…` (service account, application default credentials, the machine's account), `AZURE_…`.

use std::future::Future;
use std::io::Read;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::client::{
    ClientConfigKey, ClientOptions, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::runtime::Runtime;

use super::SourceError;
use super::part::{Part, Pinned};
use super::progress::Progress;
use super::sources::{Offered, Surroundings};
use super::web::agent_of;

/// How much is asked for at once: what is lost when a connection breaks, and what lies in memory meanwhile.
const PIECE: u64 = 16 << 20;

/// Puts the files, each given with its path below `url`, into the folder.
pub(super) fn download(
    url: &str,
    files: &Offered<'_>,
    surroundings: &Surroundings,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<(), SourceError> {
    let failed = |source: object_store::Error| SourceError::Object { url: url.to_owned(), source: Box::new(source) };
    let (bucket, prefix) = Bucket::parse(url)?;
    let store = bucket.open(surroundings).map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(SourceError::local(folder))?;
    for (file, path) in files {
        let object = ObjectPath::from(format!("{prefix}/{path}").as_str());
        get(&*store, &object, *file, folder, progress, &runtime, failed)?;
    }
    Ok(())
}

fn get(
    store: &dyn ObjectStore,
    object: &ObjectPath,
    file: Pinned<'_>,
    folder: &Path,
    progress: &dyn Progress,
    runtime: &Runtime,
    failed: impl Fn(object_store::Error) -> SourceError,
) -> Result<(), SourceError> {
    let mut meter = progress.begin(file.name.as_str(), Some(file.size));
    let mut part = Part::resume(file, folder)?;
    while !part.is_complete() {
        let start = part.length();
        let piece = start..file.size.min(start + PIECE);
        let bytes = runtime.block_on(store.get_range(object, piece)).map_err(&failed)?;
        if bytes.is_empty() {
            break;
        }
        part.push(&bytes, meter.as_mut())?;
    }
    part.finish()
}

/// A bucket of one of the clouds.
struct Bucket<'u> {
    cloud: Cloud,
    name: &'u str,
}

#[derive(Debug, Clone, Copy)]
enum Cloud {
    Aws,
    Google,
    Azure,
}

impl<'u> Bucket<'u> {
    /// The bucket of `SCHEME://BUCKET/PREFIX`, and the prefix.
    fn parse(url: &'u str) -> Result<(Self, &'u str), SourceError> {
        let unknown = || SourceError::Bucket(url.to_owned());
        let (scheme, rest) = url.split_once("://").ok_or_else(unknown)?;
        let cloud = match scheme {
            "s3" | "s3a" => Cloud::Aws,
            "gs" => Cloud::Google,
            "az" | "azure" => Cloud::Azure,
            _ => return Err(unknown()),
        };
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if name.is_empty() {
            return Err(unknown());
        }
        Ok((Self { cloud, name }, prefix))
    }

    fn open(&self, surroundings: &Surroundings) -> object_store::Result<Arc<dyn ObjectStore>> {
        let variables = surroundings.all().into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
        let name = self.name;
        Ok(match self.cloud {
            Cloud::Aws => {
                let known = variables.filter(|(name, _)| name.starts_with("aws_"));
                let set = known.filter_map(|(name, value)| Some((name.parse::<AmazonS3ConfigKey>().ok()?, value)));
                let builder = AmazonS3Builder::new().with_bucket_name(name).with_http_connector(Connector);
                Arc::new(set.fold(builder, |builder, (key, value)| builder.with_config(key, value)).build()?)
            }
            Cloud::Google => {
                let known = variables.filter(|(name, _)| name.starts_with("google_"));
                let set = known.filter_map(|(name, value)| Some((name.parse::<GoogleConfigKey>().ok()?, value)));
                let builder = GoogleCloudStorageBuilder::new().with_bucket_name(name).with_http_connector(Connector);
                Arc::new(set.fold(builder, |builder, (key, value)| builder.with_config(key, value)).build()?)
            }
            Cloud::Azure => {
                let known = variables.filter(|(name, _)| name.starts_with("azure_"));
                let set = known.filter_map(|(name, value)| Some((name.parse::<AzureConfigKey>().ok()?, value)));
                let builder = MicrosoftAzureBuilder::new().with_container_name(name).with_http_connector(Connector);
                Arc::new(set.fold(builder, |builder, (key, value)| builder.with_config(key, value)).build()?)
            }
        })
    }
}

/// Makes HTTP clients of this crate's kind.
#[derive(Debug)]
struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let allows_http = options.get_config_value(&ClientConfigKey::AllowHttp).is_some_and(|value| value == "true");
        let agent = agent_of(|config| config.https_only(!allows_http).max_redirects(0));
        Ok(HttpClient::new(Client(agent)))
    }
}

/// Blocks, as all of fetching does: nothing else runs on its runtime.
#[derive(Debug)]
struct Client(ureq::Agent);

impl Client {
    fn ask(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (head, body) = request.into_parts();
        let body = body.as_bytes().cloned().unwrap_or_default();
        let request = ureq::http::Request::from_parts(head, body.to_vec());
        let response = self.0.run(request).map_err(|error| HttpError::new(HttpErrorKind::Request, error))?;
        let (head, body) = response.into_parts();
        let mut bytes = Vec::new();
        // One more than was asked for, so that a server that sends more than that is found out.
        let read = body.into_reader().take(PIECE + 1).read_to_end(&mut bytes);
        read.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error))?;
        Ok(HttpResponse::from_parts(head, HttpResponseBody::from(bytes)))
    }
}

impl HttpService for Client {
    fn call<'s, 'a>(&'s self, request: HttpRequest) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'a>>
    where
        's: 'a,
        Self: 'a,
    {
        Box::pin(std::future::ready(self.ask(request)))
    }
}
