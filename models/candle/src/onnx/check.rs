//! Whether a graph can be run, and if it cannot, everything that stands in the way: all of it at once, so that one export mends it.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::ops::RangeInclusive;

use prost::DecodeError;

use super::proto::{Graph, Model, Node, ValueInfo};

/// Versions of the standard's operators whose meaning is known here.
const OPSETS: RangeInclusive<i64> = 11..=23;

/// The operators that can be run, each held to ONNX Runtime by a test.
pub(super) const OPERATORS: [&str; 69] = [
    "Abs",
    "Add",
    "And",
    "Cast",
    "Ceil",
    "Clip",
    "Concat",
    "Constant",
    "ConstantOfShape",
    "Cos",
    "CumSum",
    "Div",
    "Dropout",
    "Equal",
    "Erf",
    "Exp",
    "Expand",
    "Flatten",
    "Floor",
    "Gather",
    "GatherElements",
    "Gelu",
    "Gemm",
    "Greater",
    "GreaterOrEqual",
    "HardSwish",
    "Identity",
    "LayerNormalization",
    "LeakyRelu",
    "Less",
    "LessOrEqual",
    "Log",
    "LogSoftmax",
    "MatMul",
    "Max",
    "Min",
    "Mul",
    "Neg",
    "Not",
    "Or",
    "Pow",
    "Range",
    "Reciprocal",
    "ReduceL2",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceSum",
    "Relu",
    "Reshape",
    "Selu",
    "Shape",
    "Sigmoid",
    "Sign",
    "Sin",
    "Size",
    "Slice",
    "Softmax",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Tanh",
    "Tile",
    "Transpose",
    "Trilu",
    "Unsqueeze",
    "Where",
    "Xor",
];

/// What a graph of a text encoder takes and gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interface {
    /// The inputs by their names.
    pub(super) inputs: Vec<(String, InputKind)>,
    pub(super) outputs: Vec<Output>,
    /// Rows of the table that the ids are looked up in, where it is found.
    pub(super) vocabulary: Option<usize>,
    /// The version of the operators.
    pub(super) opset: i64,
}

/// What an input says of each token, `[sequences, tokens]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InputKind {
    /// Which it is.
    Ids,
    /// Whether it is there.
    Mask,
    /// Of which of two texts.
    Types,
    /// Its place.
    Positions,
}

/// An output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Output {
    pub(super) name: String,
    /// How many dimensions it has, where the file says it.
    pub(super) rank: Option<usize>,
}

/// Everything that keeps a graph from being run.
#[derive(Debug, PartialEq, Eq)]
pub struct GraphFaults(Vec<Fault>);

#[derive(Debug, PartialEq, Eq)]
enum Fault {
    /// What the reader says.
    Malformed(String),
    NoGraph,
    Opset(i64),
    /// An input, and what is wrong with it.
    Input(String, &'static str),
    NoIds,
    /// Weights in other files: how many, and the first.
    Elsewhere(usize, String),
    Operators(Vec<Absent>),
}

/// An operator that there is not.
#[derive(Debug, PartialEq, Eq)]
struct Absent {
    operator: String,
    nodes: usize,
    /// The first node's name, or what it makes where it has none.
    first: String,
}

impl GraphFaults {
    /// Of a file that cannot be read as ONNX.
    pub(super) fn malformed(error: &DecodeError) -> Self {
        Self(vec![Fault::Malformed(error.to_string())])
    }
}

impl InputKind {
    fn of(name: &str) -> Option<Self> {
        match name {
            "input_ids" => Some(Self::Ids),
            "attention_mask" => Some(Self::Mask),
            "token_type_ids" => Some(Self::Types),
            "position_ids" => Some(Self::Positions),
            _ => None,
        }
    }
}

impl Interface {
    /// Looks at all of a graph.
    ///
    /// # Errors
    /// [`GraphFaults`], if it cannot be run.
    pub(super) fn of(model: &Model) -> Result<Self, GraphFaults> {
        let Some(graph) = &model.graph else { return Err(GraphFaults(vec![Fault::NoGraph])) };
        let mut faults = Vec::new();
        let standard = model.opset_import.iter().find(|opset| is_standard(&opset.domain));
        let opset = standard.map_or(0, |opset| opset.version);
        if !OPSETS.contains(&opset) {
            faults.push(Fault::Opset(opset));
        }
        let inputs = inputs(graph, &mut faults);
        let mut elsewhere = graph.initializer.iter().filter(|tensor| tensor.is_elsewhere());
        if let Some(first) = elsewhere.next() {
            faults.push(Fault::Elsewhere(1 + elsewhere.count(), first.name.clone()));
        }
        let absent = absent(graph);
        if !absent.is_empty() {
            faults.push(Fault::Operators(absent));
        }
        if !faults.is_empty() {
            return Err(GraphFaults(faults));
        }
        let output = |output: &ValueInfo| Output { name: output.name.clone(), rank: output.dimensions().map(<[_]>::len) };
        Ok(Self { inputs, outputs: graph.output.iter().map(output).collect(), vocabulary: vocabulary(graph), opset })
    }
}

fn is_standard(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

/// The inputs that are not weights with a name.
fn inputs(graph: &Graph, faults: &mut Vec<Fault>) -> Vec<(String, InputKind)> {
    let is_weight = |name: &str| graph.initializer.iter().any(|tensor| tensor.name == name);
    let mut inputs = Vec::new();
    for input in graph.input.iter().filter(|input| !is_weight(&input.name)) {
        let fault = match (InputKind::of(&input.name), input.dimensions()) {
            (None, _) => Some("is none of those"),
            (_, Some(sizes)) if sizes.len() != 2 => Some("has not the two dimensions of sequences and tokens"),
            (_, Some(sizes)) if sizes.iter().any(|size| size.size.is_some_and(|size| size > 0)) => {
                Some("has sizes of its own; export it with sizes left open (dynamic axes)")
            }
            (Some(_), _) if !input.is_whole() => Some("is not of whole numbers"),
            (Some(kind), _) => {
                inputs.push((input.name.clone(), kind));
                None
            }
        };
        faults.extend(fault.map(|fault| Fault::Input(input.name.clone(), fault)));
    }
    if !graph.input.iter().any(|input| input.name == "input_ids") {
        faults.push(Fault::NoIds);
    }
    inputs
}

/// The operators that there are not, each once.
fn absent(graph: &Graph) -> Vec<Absent> {
    let mut absent: BTreeMap<String, Absent> = BTreeMap::new();
    let is_there = |node: &Node| is_standard(&node.domain) && OPERATORS.contains(&node.op_type.as_str());
    for node in graph.node.iter().filter(|node| !is_there(node)) {
        let operator = if is_standard(&node.domain) { node.op_type.clone() } else { format!("{}.{}", node.domain, node.op_type) };
        let name = if node.name.is_empty() { node.output.first() } else { Some(&node.name) };
        let first = Absent { operator: operator.clone(), nodes: 0, first: name.cloned().unwrap_or_default() };
        absent.entry(operator).or_insert(first).nodes += 1;
    }
    absent.into_values().collect()
}

/// The rows of the table that the ids are looked up in, perhaps as numbers of another kind.
fn vocabulary(graph: &Graph) -> Option<usize> {
    let is_cast = |node: &&Node| matches!(node.op_type.as_str(), "Cast" | "Identity") && node.input == ["input_ids"];
    let cast = graph.node.iter().filter(is_cast).flat_map(|node| &node.output);
    let ids: Vec<&str> = cast.map(String::as_str).chain(["input_ids"]).collect();
    let looks_up =
        |node: &&Node| node.op_type == "Gather" && node.input.get(1).is_some_and(|input| ids.contains(&input.as_str()));
    let table = graph.node.iter().find(looks_up)?.input.first()?;
    let table = graph.initializer.iter().find(|tensor| tensor.name == *table)?;
    table.dims.first().and_then(|rows| usize::try_from(*rows).ok())
}

impl fmt::Display for GraphFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "it is no ONNX file: {error}"),
            Self::NoGraph => write!(f, "there is no graph in it"),
            Self::Opset(version) => {
                let (from, to) = (OPSETS.start(), OPSETS.end());
                write!(f, "its operators are of version {version}, and of {from} to {to} can be run")
            }
            Self::Input(name, fault) => {
                write!(f, "the input `{name}` {fault}: there are input_ids, attention_mask, token_type_ids and position_ids")
            }
            Self::NoIds => write!(f, "it has no input `input_ids`"),
            Self::Elsewhere(tensors, first) => {
                write!(f, "{tensors} tensors are in files of their own, the first `{first}`: only one file is read")
            }
            Self::Operators(absent) => {
                let nodes = |absent: &Absent| match absent.nodes {
                    1 => format!("{} (node `{}`)", absent.operator, absent.first),
                    nodes => format!("{} ({nodes} nodes, the first `{}`)", absent.operator, absent.first),
                };
                let absent: Vec<String> = absent.iter().map(nodes).collect();
                write!(f, "there are no operators {}; there are {}", absent.join(", "), OPERATORS.join(", "))
            }
        }
    }
}

impl Error for GraphFaults {}

#[cfg(test)]
mod tests {
    use super::super::proto::{Dimension, Opset, Shape, TensorData, TensorType, Type};
    use super::*;

    fn node(name: &str, operator: &str, domain: &str, inputs: &[&str]) -> Node {
        Node {
            name: name.to_owned(),
            op_type: operator.to_owned(),
            domain: domain.to_owned(),
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            output: vec![format!("{operator}_output")],
            ..Node::default()
        }
    }

    fn value(name: &str, elements: i32, sizes: &[Option<i64>]) -> ValueInfo {
        let dimensions = sizes.iter().map(|size| Dimension { size: *size }).collect();
        let tensor = TensorType { elements, shape: Some(Shape { dimensions }) };
        ValueInfo { name: name.to_owned(), kind: Some(Type { tensor: Some(tensor) }) }
    }

    fn model(graph: Graph, version: i64) -> Model {
        Model { graph: Some(graph), opset_import: vec![Opset { domain: String::new(), version }] }
    }

    fn open(name: &str) -> ValueInfo {
        value(name, 7, &[None, None])
    }

    #[test]
    fn what_a_graph_takes_and_gives_is_seen() {
        let table = TensorData { name: "words".to_owned(), dims: vec![30, 8], data_type: 1, ..TensorData::default() };
        let graph = Graph {
            node: vec![node("", "Cast", "", &["input_ids"]), node("", "Gather", "", &["words", "Cast_output"])],
            initializer: vec![table],
            input: vec![value("input_ids", 6, &[None, None]), open("attention_mask"), value("words", 1, &[Some(30), Some(8)])],
            output: vec![value("last_hidden_state", 1, &[None, None, Some(8)])],
        };
        let expected = Interface {
            inputs: vec![("input_ids".to_owned(), InputKind::Ids), ("attention_mask".to_owned(), InputKind::Mask)],
            outputs: vec![Output { name: "last_hidden_state".to_owned(), rank: Some(3) }],
            vocabulary: Some(30),
            opset: 17,
        };
        assert_eq!(Interface::of(&model(graph, 17)), Ok(expected));
    }

    #[test]
    fn everything_that_stands_in_the_way_is_told_at_once() {
        let graph = Graph {
            node: vec![
                node("/a/Einsum", "Einsum", "", &[]),
                node("", "SkipLayerNormalization", "com.microsoft", &[]),
                node("/b/Einsum", "Einsum", "ai.onnx", &[]),
                node("/c/MatMul", "MatMul", "", &[]),
            ],
            initializer: vec![TensorData { name: "far".to_owned(), data_location: 1, ..TensorData::default() }],
            input: vec![
                open("pixel_values"),
                value("attention_mask", 7, &[Some(1), Some(128)]),
                value("token_type_ids", 1, &[None, None]),
                value("position_ids", 7, &[None]),
            ],
            ..Graph::default()
        };
        let told = Interface::of(&model(graph, 9)).unwrap_err().to_string();
        for part in [
            "operators are of version 9, and of 11 to 23 can be run; ",
            "the input `pixel_values` is none of those: there are input_ids, attention_mask",
            "the input `attention_mask` has sizes of its own",
            "the input `token_type_ids` is not of whole numbers",
            "the input `position_ids` has not the two dimensions",
            "it has no input `input_ids`",
            "1 tensors are in files of their own, the first `far`",
            "no operators Einsum (2 nodes, the first `/a/Einsum`), com.microsoft.SkipLayerNormalization (node `SkipLayerNormalization_output`)",
            "; there are Abs, Add, And,",
        ] {
            assert!(told.contains(part), "{told}");
        }
        assert!(!told.contains("MatMul ("), "{told}");
        assert_eq!(Interface::of(&Model::default()).unwrap_err().to_string(), "there is no graph in it");
    }

    #[test]
    fn the_operators_are_in_order_and_none_comes_twice() {
        assert!(OPERATORS.is_sorted_by(|a, b| a < b));
    }
}
