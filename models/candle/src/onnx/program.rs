//! A graph as steps, one for each node.
//!
//! candle-onnx evaluates a whole graph at a time: it reads the weights out of the file's buffers in every call, and keeps every value to
//! the end. Here it evaluates one node at a time. Weights are tensors from the beginning, what depends on nothing else is computed once, what
//! the output does not need is not computed, and a value is let go of after the last step that reads it.

use std::collections::{HashMap, HashSet};

use candle_core::{Result, Tensor, bail};
use candle_onnx::onnx::{GraphProto, ModelProto, NodeProto, ValueInfoProto};
use candle_onnx::simple_eval;

use super::operators::{Call, tensor};

/// Constants of more numbers than this are computed each time: an expanded mask must not stay in memory.
const LARGEST_CONSTANT: usize = 1 << 24;

/// What computes one output.
#[derive(Debug)]
pub(super) struct Program {
    /// Weights, and what follows from them alone.
    constants: HashMap<String, Tensor>,
    steps: Vec<Step>,
    output: String,
    opset: i64,
}

#[derive(Debug)]
struct Step {
    /// The one node, as a graph.
    model: ModelProto,
    /// What no later step reads.
    last_read: Vec<String>,
}

impl Program {
    /// As much of the graph as `output` needs.
    ///
    /// # Errors
    /// When a weight cannot be read, or what follows from weights alone cannot be computed.
    pub(super) fn new(graph: GraphProto, opset: i64, output: &str) -> Result<Self> {
        let constants = graph.initializer.iter().map(|stored| Ok((stored.name.clone(), tensor(stored)?)));
        let mut program =
            Self { constants: constants.collect::<Result<_>>()?, steps: Vec::new(), output: output.to_owned(), opset };
        for node in needed(graph.node, output) {
            let step = Step::of(node);
            if step.inputs().all(|input| program.constants.contains_key(input)) {
                let values = program.evaluate(&step, &HashMap::new())?;
                if values.iter().all(|(_, value)| value.elem_count() <= LARGEST_CONSTANT) {
                    program.constants.extend(values);
                    continue;
                }
            }
            program.steps.push(step);
        }
        program.forget();
        Ok(program)
    }

    /// Computes the output of these inputs.
    ///
    /// # Errors
    /// When a node cannot be computed; the message names it.
    pub(super) fn run(&self, inputs: HashMap<String, Tensor>) -> Result<Tensor> {
        let mut values = inputs;
        for step in &self.steps {
            let made = self.evaluate(step, &values)?;
            values.extend(made);
            for name in &step.last_read {
                values.remove(name);
            }
        }
        match values.remove(&self.output).or_else(|| self.constants.get(&self.output).cloned()) {
            Some(output) => Ok(output),
            None => bail!("no node makes `{}`", self.output),
        }
    }

    fn evaluate(&self, step: &Step, values: &HashMap<String, Tensor>) -> Result<Vec<(String, Tensor)>> {
        let Some(node) = step.node() else { return Ok(Vec::new()) };
        self.compute(step, node, values).map_err(|error| {
            let name = if node.name.is_empty() { node.output.first() } else { Some(&node.name) };
            let name = name.map_or("", String::as_str);
            candle_core::Error::Msg(format!("the node `{name}` ({}) cannot be computed: {error}", node.op_type))
        })
    }

    fn compute(&self, step: &Step, node: &NodeProto, values: &HashMap<String, Tensor>) -> Result<Vec<(String, Tensor)>> {
        let find = |name: &String| match values.get(name).or_else(|| self.constants.get(name)) {
            Some(value) => Ok(Some(value.clone())),
            None if name.is_empty() => Ok(None),
            None => bail!("nothing makes its input `{name}`"),
        };
        let inputs = node.input.iter().map(find).collect::<Result<Vec<_>>>()?;
        if let Some(output) = (Call { node, inputs: &inputs, opset: self.opset }).compute()? {
            return Ok(node.output.first().map(|name| (name.clone(), output)).into_iter().collect());
        }
        let named = node.input.iter().cloned().zip(inputs).filter_map(|(name, value)| Some((name, value?)));
        Ok(simple_eval(&step.model, named.collect())?.into_iter().collect())
    }

    /// Finds after which step each value is not read again.
    fn forget(&mut self) {
        let mut read = HashSet::from([self.output.clone()]);
        for step in self.steps.iter_mut().rev() {
            let touched: HashSet<String> = step.inputs().chain(step.outputs()).cloned().collect();
            step.last_read = touched.into_iter().filter(|name| read.insert(name.clone())).collect();
        }
    }
}

impl Step {
    fn of(node: NodeProto) -> Self {
        let value = |name: &String| ValueInfoProto { name: name.clone(), ..ValueInfoProto::default() };
        let output = node.output.iter().filter(|name| !name.is_empty()).map(value).collect();
        let graph = GraphProto { output, node: vec![node], ..GraphProto::default() };
        Self { model: ModelProto { graph: Some(graph), ..ModelProto::default() }, last_read: Vec::new() }
    }

    fn node(&self) -> Option<&NodeProto> {
        self.model.graph.as_ref()?.node.first()
    }

    fn inputs(&self) -> impl Iterator<Item = &String> {
        self.node().into_iter().flat_map(|node| &node.input).filter(|name| !name.is_empty())
    }

    fn outputs(&self) -> impl Iterator<Item = &String> {
        self.node().into_iter().flat_map(|node| &node.output).filter(|name| !name.is_empty())
    }
}

/// The nodes that `output` needs, in their order, in which none reads what a later one makes.
fn needed(nodes: Vec<NodeProto>, output: &str) -> Vec<NodeProto> {
    let mut names = HashSet::from([output.to_owned()]);
    let mut needed = Vec::with_capacity(nodes.len());
    for node in nodes.into_iter().rev() {
        if node.output.iter().any(|name| names.contains(name)) {
            names.extend(node.input.iter().cloned());
            needed.push(node);
        }
    }
    needed.reverse();
    needed
}
