//! What a path of the protocol names.

/// One of the protocol's endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Path {
    /// `GET /v2`: what the server is.
    Server,
    /// `GET /v2/health/live`.
    Live,
    /// `GET /v2/health/ready`.
    Ready,
    /// `GET /v2/models/{model}`: what the model takes and gives.
    Model(String),
    /// `GET /v2/models/{model}/ready`.
    ModelReady(String),
    /// `POST /v2/models/{model}/infer`.
    Infer(String),
}

impl Path {
    /// The paths, as they are told to a reader.
    pub const SERVED: &str =
        "/v2, /v2/health/live, /v2/health/ready, /v2/models/{model}, /v2/models/{model}/ready, /v2/models/{model}/infer";

    /// Whether a path is the protocol's affair, whatever it names.
    #[must_use]
    pub fn is_of_protocol(path: &str) -> bool {
        path == "/v2" || ["/v2/health/", "/v2/models/"].iter().any(|start| path.starts_with(start))
    }

    /// The model that it is about, if it is about one.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        match self {
            Self::Model(model) | Self::ModelReady(model) | Self::Infer(model) => Some(model),
            Self::Server | Self::Live | Self::Ready => None,
        }
    }

    /// Reads a path. A model's name may have slashes, as they are or percent-encoded.
    #[must_use]
    pub fn read(path: &str) -> Option<Self> {
        match path {
            "/v2" => return Some(Self::Server),
            "/v2/health/live" => return Some(Self::Live),
            "/v2/health/ready" => return Some(Self::Ready),
            _ => {}
        }
        let named = path.strip_prefix("/v2/models/")?;
        let (model, path): (_, fn(String) -> Self) = if let Some(model) = named.strip_suffix("/infer") {
            (model, Self::Infer)
        } else if let Some(model) = named.strip_suffix("/ready") {
            (model, Self::ModelReady)
        } else {
            (named, Self::Model)
        };
        Some(path(decoded(model).filter(|model| !model.is_empty())?))
    }
}

/// A text with its percent-encoded bytes decoded, if they are UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_known_by_its_path() {
        for (path, read) in [
            ("/v2", Path::Server),
            ("/v2/health/live", Path::Live),
            ("/v2/health/ready", Path::Ready),
            ("/v2/models/m", Path::Model("m".to_owned())),
            ("/v2/models/m/ready", Path::ModelReady("m".to_owned())),
            ("/v2/models/m/infer", Path::Infer("m".to_owned())),
            ("/v2/models/org/m%20%C3%BC/infer", Path::Infer("org/m ü".to_owned())),
        ] {
            assert_eq!(Path::read(path), Some(read), "{path}");
            assert!(Path::is_of_protocol(path), "{path}");
        }
    }

    #[test]
    fn what_names_nothing_is_no_path() {
        for path in
            ["/v2/", "/v2/models", "/v2/models/", "/v2/models//infer", "/v2/models/%ff", "/v2/models/%4", "/v2/rerank", "/v1"]
        {
            assert_eq!(Path::read(path), None, "{path}");
        }
        assert!(!Path::is_of_protocol("/v2/rerank") && !Path::is_of_protocol("/v20"));
    }
}
