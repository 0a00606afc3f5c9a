//! ONNX files: weights of models that this crate has itself, and graphs of encoders that it has not.
//!
//! An exporter takes a model apart into dozens of operators a layer. Where this crate has the model itself, [its weights](load) are all that
//! is read, by the names that they had in the framework that they were exported from; any other encoder is [run as a graph](load_encoder).
//!
//! # Weights
//! What is needed of the graph are the multiplications, because their weights lost their names: each is found again by the path that the
//! exporter made the name of its node. Weights are floats, four-bit blocks (`MatMulNBits` of `com.microsoft`), or eight-bit tables; anything
//! else is refused by name. The format: <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>.

mod blocks;
mod check;
mod encoder;
#[cfg(all(test, feature = "onnx"))]
mod golden;
#[cfg(feature = "onnx")]
mod operators;
#[cfg(feature = "onnx")]
mod program;
mod proto;
#[cfg(feature = "onnx")]
mod run;

use std::collections::HashMap;
use std::path::Path;

use candle_core::{Device, Result, Tensor, bail};
use prost::Message;

pub use self::check::GraphFaults;
pub(crate) use self::encoder::{GraphFiles, check, load_encoder};
use self::proto::{Graph, Model, Node, TensorData};

/// What the exporter puts behind the path of a multiplication.
const MULTIPLICATIONS: [&str; 2] = ["/MatMul_Q4", "/MatMul"];
/// What an eight-bit table is called beside its scale and its zero.
const QUANTIZED: &str = "_quantized";

/// All weights of a file, in f32, on `device`.
///
/// # Errors
/// A file that cannot be read, or has weights in a form that is not known here.
pub(crate) fn load(path: &Path, device: &Device) -> Result<HashMap<String, Tensor>> {
    let bytes = std::fs::read(path)?;
    let model = Model::decode(bytes.as_slice()).map_err(candle_core::Error::wrap)?;
    let Some(graph) = model.graph else { bail!("{}: there is no graph in it", path.display()) };
    Initializers::of(&graph).weights(&graph, device)
}

/// The tensors of a graph, by name.
struct Initializers<'g>(HashMap<&'g str, &'g TensorData>);

impl<'g> Initializers<'g> {
    fn of(graph: &'g Graph) -> Self {
        Self(graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect())
    }

    fn weights(&self, graph: &Graph, device: &Device) -> Result<HashMap<String, Tensor>> {
        let mut weights = HashMap::new();
        for (name, tensor) in &self.0 {
            if let Some(table) = name.strip_suffix(QUANTIZED) {
                weights.insert(table.to_owned(), self.table(table, tensor)?.to_device(device)?);
            } else if tensor.is_float() {
                weights.insert((*name).to_owned(), Tensor::from_vec(tensor.floats()?, tensor.shape()?, device)?);
            }
        }
        for node in &graph.node {
            if let Some(weight) = self.multiplied(node)? {
                weights.insert(format!("{}.weight", path_of(node)?), weight.to_device(device)?);
            }
        }
        Ok(weights)
    }

    /// The weight `[outputs, inputs]` that a node multiplies by, if it multiplies by one.
    fn multiplied(&self, node: &Node) -> Result<Option<Tensor>> {
        match (node.op_type.as_str(), node.domain.as_str()) {
            ("MatMul", "" | "ai.onnx") => {
                let Some(weight) = node.input.get(1).and_then(|name| self.0.get(name.as_str())) else { return Ok(None) };
                Tensor::from_vec(weight.floats()?, weight.shape()?, &Device::Cpu)?.t()?.contiguous().map(Some)
            }
            ("MatMulNBits", "com.microsoft") => blocks::unpacked(node, |place| self.input(node, place)).map(Some),
            ("Gemm" | "MatMulInteger" | "QLinearMatMul" | "DynamicQuantizeMatMul", _) => {
                bail!("weights of the operator {} are not read: only MatMul, MatMulNBits and DequantizeLinear are", node.op_type)
            }
            _ => Ok(None),
        }
    }

    /// An input that is a tensor of the file; `None` for one that is left out.
    fn input(&self, node: &Node, place: usize) -> Result<Option<&'g TensorData>> {
        match node.input.get(place).filter(|name| !name.is_empty()) {
            None => Ok(None),
            Some(name) => match self.0.get(name.as_str()) {
                Some(tensor) => Ok(Some(tensor)),
                None => bail!("{}: the input `{name}` is computed, and should be in the file", node.name),
            },
        }
    }

    /// A table in bytes, with one scale and one zero for all of it.
    fn table(&self, name: &str, table: &TensorData) -> Result<Tensor> {
        let parameter = |what: &str| match self.0.get(format!("{name}_{what}").as_str()) {
            Some(tensor) => Ok(*tensor),
            None => bail!("`{name}` is quantised, and there is no `{name}_{what}`"),
        };
        let (scale, zero) = (parameter("scale")?.floats()?, parameter("zero_point")?.bytes()?);
        let ([scale], [zero]) = (scale.as_slice(), zero.as_slice()) else {
            bail!("`{name}` has {} scales; only one for all of a table is read", scale.len())
        };
        let numbers = table.bytes()?.into_iter().map(|byte| (f32::from(byte) - f32::from(*zero)) * scale);
        Tensor::from_vec(numbers.collect(), table.shape()?, &Device::Cpu)
    }
}

/// `bert.encoder.layer.0.output.dense` of `/bert/encoder/layer.0/output/dense/MatMul`.
fn path_of(node: &Node) -> Result<String> {
    match MULTIPLICATIONS.iter().find_map(|ending| node.name.strip_suffix(ending)) {
        Some(path) => Ok(path.trim_start_matches('/').replace('/', ".")),
        None => bail!("a weight of the node `{}` has no name: export it with the names of its modules", node.name),
    }
}

#[cfg(test)]
mod tests {
    use super::proto::Attribute;
    use super::*;

    fn node(name: &str, op_type: &str, domain: &str, inputs: &[&str], attributes: &[(&str, i64)]) -> Node {
        Node {
            name: name.to_owned(),
            op_type: op_type.to_owned(),
            domain: domain.to_owned(),
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            attribute: attributes.iter().map(|(name, i)| Attribute { name: (*name).to_owned(), i: *i }).collect(),
            ..Node::default()
        }
    }

    fn tensor(name: &str, kind: i32, dims: &[i64], raw: Vec<u8>) -> TensorData {
        TensorData { name: name.to_owned(), data_type: kind, dims: dims.to_vec(), raw_data: raw, ..TensorData::default() }
    }

    fn floats(name: &str, dims: &[i64], numbers: &[f32]) -> TensorData {
        tensor(name, 1, dims, numbers.iter().flat_map(|x| x.to_le_bytes()).collect())
    }

    fn loaded(graph: Graph) -> Result<HashMap<String, Tensor>> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), Model { graph: Some(graph), ..Model::default() }.encode_to_vec())?;
        load(file.path(), &Device::Cpu)
    }

    #[test]
    fn weights_have_the_names_of_their_modules_whatever_they_are_stored_as() -> Result<()> {
        // Nibbles 0 to 15 and back, the lower first; two outputs of one block of sixteen inputs.
        let packed: Vec<u8> = (0..8_u8).map(|pair| (2 * pair) | ((2 * pair + 1) << 4)).collect();
        let blocks = [packed.clone(), packed.iter().rev().map(|byte| byte.rotate_left(4)).collect()].concat();
        let four_bits = [("K", 16), ("N", 2), ("bits", 4), ("block_size", 16)];
        let graph = Graph {
            node: vec![
                node("/m/dense/MatMul", "MatMul", "", &["x", "w"], &[]),
                node("/m/scores/MatMul", "MatMul", "", &["x", "y"], &[]),
                node("/m/layer.0/out/MatMul_Q4", "MatMulNBits", "com.microsoft", &["x", "b", "s"], &four_bits),
            ],
            initializer: vec![
                floats("w", &[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
                floats("m.dense.bias", &[2], &[0.5, -0.5]),
                tensor("b", 2, &[2, 1, 8], blocks),
                floats("s", &[2, 1], &[0.5, 2.0]),
                tensor("m.words_quantized", 2, &[1, 2], vec![0, 255]),
                TensorData { float_data: vec![0.25], ..tensor("m.words_scale", 1, &[], Vec::new()) },
                TensorData { int32_data: vec![128], ..tensor("m.words_zero_point", 2, &[], Vec::new()) },
            ],
            ..Graph::default()
        };
        let weights = loaded(graph)?;
        assert_eq!(weights["m.dense.weight"].to_vec2::<f32>()?, [[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]);
        assert_eq!(weights["m.dense.bias"].to_vec1::<f32>()?, [0.5, -0.5]);
        assert_eq!(weights["m.words"].to_vec2::<f32>()?, [[-32.0, 31.75]]);
        let rows = weights["m.layer.0.out.weight"].to_vec2::<f32>()?;
        assert_eq!(rows[0], (-8..8_i8).map(|x| f32::from(x) * 0.5).collect::<Vec<_>>());
        assert_eq!(rows[1], (-8..8_i8).rev().map(|x| f32::from(x) * 2.0).collect::<Vec<_>>());
        assert!(!weights.contains_key("m.scores.weight"));
        Ok(())
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let one = |node: Node, initializer: Vec<TensorData>| {
            loaded(Graph { node: vec![node], initializer, ..Graph::default() }).unwrap_err().to_string()
        };
        let bits = |bits: i64| [("K", 16), ("N", 1), ("bits", bits), ("block_size", 16)];
        let blocks = || tensor("b", 2, &[1, 1, 8], vec![0; 8]);
        let multiplied = |inputs: &[&str], count| node("/m/MatMul_Q4", "MatMulNBits", "com.microsoft", inputs, &bits(count));
        for (error, part) in [
            (one(node("/m/Gemm", "Gemm", "", &["x", "w"], &[]), vec![]), "operator Gemm"),
            (one(multiplied(&["x", "b", "s"], 8), vec![blocks(), floats("s", &[1, 1], &[1.0])]), "8 bits"),
            (one(multiplied(&["x", "b", "s"], 4), vec![blocks()]), "`s` is computed"),
            (one(multiplied(&["x", "b", "s"], 4), vec![blocks(), floats("s", &[2], &[1.0, 1.0])]), "2 scales"),
            (one(node("MatMul_3", "MatMul", "", &["x", "w"], &[]), vec![floats("w", &[1, 1], &[1.0])]), "`MatMul_3` has no name"),
            (one(node("", "", "", &[], &[]), vec![floats("w", &[3], &[1.0])]), "`w`"),
        ] {
            assert!(error.contains(part), "{error}");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"no protobuf").unwrap();
        assert!(load(file.path(), &Device::Cpu).is_err());
    }
}
