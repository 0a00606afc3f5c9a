//! From an ONNX file to an encoder that runs its graph.

use std::path::{Path, PathBuf};

use prost::Message;
use tradewind_models::classify::Labels;
use tradewind_models::encoder::Encoder;

use super::check::{GraphFaults, Interface};
use super::proto::Model;
use crate::bert::Purpose;
use crate::load::LoadError;

/// Where the files of such a model lie.
#[derive(Debug)]
#[cfg_attr(not(feature = "onnx"), expect(dead_code, reason = "a build that runs no graphs reads no further"))]
pub(crate) struct GraphFiles {
    /// The graph with its weights.
    pub(crate) graph: PathBuf,
    /// `config.json`, for the names of labels.
    pub(crate) config: Option<PathBuf>,
    /// `1_Pooling/config.json` of sentence-transformers.
    pub(crate) pooling: Option<PathBuf>,
    /// `modules.json` of the same.
    pub(crate) modules: Option<PathBuf>,
}

/// An encoder, and the labels that its numbers are scores of, if they are.
type Loaded = (Box<dyn Encoder>, Option<Labels>);

/// Loads a graph that answers with `purpose`; sequences end at `context` tokens. The tokenizer knows `words`.
///
/// # Errors
/// When the graph cannot be run, with everything that stands in the way, or this build runs none.
pub(crate) fn load_encoder(files: &GraphFiles, purpose: Purpose, context: usize, words: usize) -> Result<Loaded, LoadError> {
    let bytes = std::fs::read(&files.graph).map_err(LoadError::file(&files.graph))?;
    let interface = interface(&files.graph, &bytes)?;
    run::load(files, &bytes, interface, purpose, (context, words))
}

/// Whether a graph can be run.
///
/// # Errors
/// When it cannot, with everything that stands in the way, or this build runs none.
pub(crate) fn check(graph: &Path) -> Result<(), LoadError> {
    let bytes = std::fs::read(graph).map_err(LoadError::file(graph))?;
    interface(graph, &bytes)?;
    run::check(graph)
}

fn interface(path: &Path, bytes: &[u8]) -> Result<Interface, LoadError> {
    let model = Model::decode(bytes).map_err(|error| GraphFaults::malformed(&error));
    let interface = model.and_then(|model| Interface::of(&model));
    interface.map_err(|faults| LoadError::Graph { path: path.to_owned(), faults })
}

#[cfg(feature = "onnx")]
use super::run;

#[cfg(not(feature = "onnx"))]
mod run {
    use std::path::Path;

    use super::{GraphFiles, Interface, LoadError, Loaded, Purpose};

    pub(super) fn load(files: &GraphFiles, _: &[u8], _: Interface, _: Purpose, _: (usize, usize)) -> Result<Loaded, LoadError> {
        Err(LoadError::GraphsNotBuilt { path: files.graph.clone() })
    }

    pub(super) fn check(graph: &Path) -> Result<(), LoadError> {
        Err(LoadError::GraphsNotBuilt { path: graph.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::proto::{Graph, Node};

    fn told(bytes: &[u8]) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let files = GraphFiles { graph: file.path().to_owned(), config: None, pooling: None, modules: None };
        let error = load_encoder(&files, Purpose::Vectors, 8, 8).err().unwrap().to_string();
        assert_eq!(check(file.path()).unwrap_err().to_string(), error);
        assert!(error.contains(&file.path().display().to_string()), "{error}");
        error
    }

    #[test]
    fn a_file_that_cannot_be_run_is_refused_with_all_reasons() {
        let node = Node { name: "n".to_owned(), op_type: "Einsum".to_owned(), ..Node::default() };
        let graph = Graph { node: vec![node], ..Graph::default() };
        let told_of_graph = told(&Model { graph: Some(graph), ..Model::default() }.encode_to_vec());
        assert!(told_of_graph.contains("no operators Einsum (node `n`)"), "{told_of_graph}");
        assert!(told_of_graph.contains("no input `input_ids`"), "{told_of_graph}");
        assert!(told(b"no protobuf").contains("it is no ONNX file: "));
    }
}
