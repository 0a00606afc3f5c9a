//! Where an issuer's JWKS comes from, and one attempt to load it.

use std::path::PathBuf;

use http::Uri;

use super::discovery::{self, Discovery};
use super::set::{KeySet, SetError};
use crate::auth::{Fetch, FetchError};

/// The place of a JWKS.
#[derive(Debug)]
pub(in crate::auth) enum Source {
    /// A file.
    File(PathBuf),
    /// The issuer itself.
    Discovery(Discovery),
}

/// An attempt to load a JWKS failed.
#[derive(Debug, thiserror::Error)]
pub(in crate::auth) enum LoadError {
    /// The file could not be read.
    #[error("cannot read {}: {reason}", path.display())]
    File { path: PathBuf, reason: std::io::Error },
    /// A document could not be fetched.
    #[error("cannot fetch {uri}: {reason}{}", transport(reason))]
    Fetch { uri: Uri, reason: FetchError },
    /// The discovery document is not one.
    #[error("the discovery document is not usable: {0}")]
    Document(String),
    /// The discovery document speaks for somebody else.
    #[error("the discovery document is of issuer {0:?}")]
    OtherIssuer(String),
    /// The JWKS is somewhere unsafe.
    #[error("the JWKS cannot be at {uri:?}: {reason}")]
    BadUri { uri: String, reason: &'static str },
    /// The JWKS is not usable.
    #[error("the JWKS is not usable: {0}")]
    Set(#[from] SetError),
}

fn transport(reason: &FetchError) -> String {
    match reason {
        FetchError::Transport(cause) => format!(" ({cause})"),
        _ => String::new(),
    }
}

/// Whether the issuer is asked again where its keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// In the regular refresh, so that a moved JWKS is found.
    Anew,
    /// For an unknown key, which is one fetch instead of two.
    IfNotKnown,
}

impl Source {
    /// Loads the JWKS once. `known` remembers where discovery led.
    pub(super) async fn load(&self, fetch: &dyn Fetch, known: &mut Option<Uri>, ask: Ask) -> Result<KeySet, LoadError> {
        match self {
            Self::File(path) => {
                let json = tokio::fs::read(path).await;
                let json = json.map_err(|reason| LoadError::File { path: path.clone(), reason })?;
                Ok(KeySet::parse(&json)?)
            }
            Self::Discovery(discovery) => {
                let remembered = known.take().filter(|_| ask == Ask::IfNotKnown);
                let uri = match remembered {
                    Some(uri) => uri,
                    None => discovery.jwks_uri(fetch).await?,
                };
                // Remembered only when it worked: after a failure the next attempt asks again.
                let set = KeySet::parse(&discovery::get(fetch, &uri).await?)?;
                *known = Some(uri);
                Ok(set)
            }
        }
    }
}
