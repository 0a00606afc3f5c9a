//! Tokens of Google Cloud: by a key of a service account, as a user, by another cloud's identity, or from the metadata server.
//!
//! A credentials file is read anew for every token, so that it can be replaced.

mod authorized_user;
mod document;
mod external_account;
mod impersonation;
mod metadata;
mod service_account;

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use tradewind_policies::spec::GoogleSource;

use self::document::Document;
use super::{
    CredentialError, Fresh, Secret, Source, Surroundings,
    secrets::{SecretSource, read_file},
};

/// What tokens are for: each API that backends speak accepts it, and what the identity may do is IAM's affair.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Where the policy says that tokens come from.
pub(super) fn source(source: &GoogleSource, surroundings: &Surroundings) -> Result<Box<dyn Source<Secret>>, CredentialError> {
    let source = match source {
        GoogleSource::Default => Origin::Default,
        GoogleSource::File(path) => Origin::File(path.clone()),
        GoogleSource::Json(place) => Origin::Json(SecretSource::new(place, surroundings)?),
        GoogleSource::Metadata => Origin::Metadata,
    };
    Ok(Box::new(Google { source, surroundings: surroundings.clone() }))
}

#[derive(Debug)]
struct Google {
    source: Origin,
    surroundings: Surroundings,
}

#[derive(Debug)]
enum Origin {
    Default,
    File(PathBuf),
    Json(SecretSource),
    Metadata,
}

impl Source<Secret> for Google {
    fn obtain(&self) -> BoxFuture<'_, Result<Fresh<Secret>, CredentialError>> {
        Box::pin(async move {
            let surroundings = &self.surroundings;
            let document = match &self.source {
                Origin::Metadata => return metadata::token(surroundings).await,
                Origin::Default => match well_known(surroundings) {
                    Some(path) => of_file(&path).await?,
                    None => return metadata::token(surroundings).await,
                },
                Origin::File(path) => of_file(path).await?,
                Origin::Json(secret) => Document::parse(secret.read().await?.expose(), &secret.place())?,
            };
            document.token(surroundings).await
        })
    }
}

async fn of_file(path: &std::path::Path) -> Result<Document, CredentialError> {
    Document::parse(&read_file(path).await?, &path.display().to_string())
}

/// The file of the application default credentials: the one that a variable names, or the one that `gcloud` leaves.
fn well_known(surroundings: &Surroundings) -> Option<PathBuf> {
    let variables = &surroundings.variables;
    if let Some(path) = variables.get("GOOGLE_APPLICATION_CREDENTIALS") {
        return Some(path.into());
    }
    let folder = variables.get("CLOUDSDK_CONFIG").map(PathBuf::from).or_else(|| variables.below_home(".config/gcloud"));
    folder.map(|folder| folder.join("application_default_credentials.json")).filter(|path| path.is_file())
}
