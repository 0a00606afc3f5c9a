//! Where each surface keeps its operations.

use http::{Uri, uri::InvalidUri};
use tradewind_protocol::Operation;

use crate::aws::path_segment;

/// The surfaces of Azure OpenAI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Surface {
    /// `/openai/v1/…`; the deployment is the `model` of the body.
    V1,
    /// `/openai/deployments/NAME/…?api-version=`, with the version.
    Dated(String),
    /// The model inference API, `/chat/completions?api-version=`, with the version.
    ModelInference(String),
}

impl Surface {
    /// The address of an operation of the resource at `base`, for the deployment `model`.
    pub(super) fn uri(&self, base: &str, operation: Operation, model: &str) -> Result<Uri, InvalidUri> {
        let path = match operation {
            Operation::Chat => "chat/completions",
            // The model inference API has chat alone.
            Operation::Completions if matches!(self, Self::ModelInference(_)) => "chat/completions",
            Operation::Completions => "completions",
            Operation::Embeddings => "embeddings",
            Operation::Rerank => "rerank",
            Operation::Infer => "infer",
        };
        match self {
            Self::V1 => format!("{base}/openai/v1/{path}").parse(),
            Self::Dated(version) => {
                let deployment = path_segment(model);
                let version = path_segment(version);
                format!("{base}/openai/deployments/{deployment}/{path}?api-version={version}").parse()
            }
            Self::ModelInference(version) => format!("{base}/{path}?api-version={}", path_segment(version)).parse(),
        }
    }

    /// Whether a dated version is of the time before `stream_options`, which it would refuse.
    pub(super) fn is_before_stream_options(&self) -> bool {
        matches!(self, Self::Dated(version) if version.as_str() < "2024-09-01")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_cannot_leave_its_place_in_the_path() {
        let surface = Surface::Dated("2024-10-21".to_owned());
        let uri = surface.uri("https://r.openai.azure.com", Operation::Chat, "../x/y?z").unwrap();
        let path = "/openai/deployments/..%2Fx%2Fy%3Fz/chat/completions?api-version=2024-10-21";
        assert_eq!(uri.path_and_query().unwrap(), path);
    }
}
