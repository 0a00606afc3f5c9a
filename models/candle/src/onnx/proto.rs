//! As much of `onnx.proto` as it takes to find weights, and to see what a graph asks for. The numbers are those of the fields there; other fields are skipped.

use candle_core::{Result, bail};

/// `ModelProto`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Model {
    #[prost(message, optional, tag = "7")]
    pub(super) graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    pub(super) opset_import: Vec<Opset>,
}

/// `OperatorSetIdProto`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Opset {
    #[prost(string, tag = "1")]
    pub(super) domain: String,
    #[prost(int64, tag = "2")]
    pub(super) version: i64,
}

/// `GraphProto`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub(super) node: Vec<Node>,
    #[prost(message, repeated, tag = "5")]
    pub(super) initializer: Vec<TensorData>,
    #[prost(message, repeated, tag = "11")]
    pub(super) input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    pub(super) output: Vec<ValueInfo>,
}

/// `ValueInfoProto`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ValueInfo {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) kind: Option<Type>,
}

/// `TypeProto`, of a tensor.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Type {
    #[prost(message, optional, tag = "1")]
    pub(super) tensor: Option<TensorType>,
}

/// `TypeProto.Tensor`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TensorType {
    #[prost(int32, tag = "1")]
    pub(super) elements: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) shape: Option<Shape>,
}

/// `TensorShapeProto`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Shape {
    #[prost(message, repeated, tag = "1")]
    pub(super) dimensions: Vec<Dimension>,
}

/// `TensorShapeProto.Dimension`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Dimension {
    /// The size, where it is not left open.
    #[prost(int64, optional, tag = "1")]
    pub(super) size: Option<i64>,
}

/// `NodeProto`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Node {
    #[prost(string, repeated, tag = "1")]
    pub(super) input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(super) output: Vec<String>,
    #[prost(string, tag = "3")]
    pub(super) name: String,
    #[prost(string, tag = "4")]
    pub(super) op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) attribute: Vec<Attribute>,
    #[prost(string, tag = "7")]
    pub(super) domain: String,
}

/// `AttributeProto`, of a whole number.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Attribute {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(int64, tag = "3")]
    pub(super) i: i64,
}

/// `TensorProto`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TensorData {
    #[prost(int64, repeated, tag = "1")]
    pub(super) dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub(super) data_type: i32,
    #[prost(float, repeated, tag = "4")]
    pub(super) float_data: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    pub(super) int32_data: Vec<i32>,
    #[prost(string, tag = "8")]
    pub(super) name: String,
    #[prost(bytes = "vec", tag = "9")]
    pub(super) raw_data: Vec<u8>,
    /// `DataLocation`: 1 where the data lie in a file of their own.
    #[prost(int32, tag = "14")]
    pub(super) data_location: i32,
}

/// `TensorProto.DataType`.
const FLOAT: i32 = 1;
const UINT8: i32 = 2;
const INT32: i32 = 6;
const INT64: i32 = 7;
const FLOAT16: i32 = 10;
const BFLOAT16: i32 = 16;

impl Node {
    /// The attribute of that name, if it is there.
    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.attribute.iter().find(|attribute| attribute.name == name).and_then(|attribute| usize::try_from(attribute.i).ok())
    }
}

impl ValueInfo {
    fn tensor(&self) -> Option<&TensorType> {
        self.kind.as_ref()?.tensor.as_ref()
    }

    /// Its dimensions, if it says how many.
    pub(super) fn dimensions(&self) -> Option<&[Dimension]> {
        Some(&self.tensor()?.shape.as_ref()?.dimensions)
    }

    /// Whether it is of whole numbers.
    pub(super) fn is_whole(&self) -> bool {
        self.tensor().is_some_and(|tensor| matches!(tensor.elements, INT32 | INT64))
    }
}

impl TensorData {
    pub(super) fn is_float(&self) -> bool {
        matches!(self.data_type, FLOAT | FLOAT16 | BFLOAT16)
    }

    pub(super) fn shape(&self) -> Result<Vec<usize>> {
        self.dims.iter().map(|size| usize::try_from(*size).map_err(candle_core::Error::wrap)).collect()
    }

    /// Its numbers, as many as the shape says.
    pub(super) fn floats(&self) -> Result<Vec<f32>> {
        self.check_location()?;
        let raw = &self.raw_data;
        let halves = |of: fn(u16) -> f32| raw.as_chunks::<2>().0.iter().map(|bytes| of(u16::from_le_bytes(*bytes))).collect();
        let numbers: Vec<f32> = match self.data_type {
            FLOAT if raw.is_empty() => self.float_data.clone(),
            FLOAT => raw.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            FLOAT16 => halves(|bits| half::f16::from_bits(bits).to_f32()),
            BFLOAT16 => halves(|bits| half::bf16::from_bits(bits).to_f32()),
            other => bail!("`{}` is of data type {other}, and should be floats", self.name),
        };
        self.check_count(numbers.len())?;
        Ok(numbers)
    }

    /// Its bytes, as many as the shape says.
    pub(super) fn bytes(&self) -> Result<Vec<u8>> {
        self.check_location()?;
        let bytes = match self.data_type {
            UINT8 if self.raw_data.is_empty() => {
                let byte = |number: &i32| u8::try_from(*number).map_err(candle_core::Error::wrap);
                self.int32_data.iter().map(byte).collect::<Result<_>>()?
            }
            UINT8 => self.raw_data.clone(),
            other => bail!("`{}` is of data type {other}, and should be unsigned bytes", self.name),
        };
        self.check_count(bytes.len())?;
        Ok(bytes)
    }

    /// Whether its numbers are in a file of their own.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.data_location != 0
    }

    fn check_location(&self) -> Result<()> {
        if self.is_elsewhere() {
            bail!("the data of `{}` are outside the file; only one file is read", self.name)
        }
        Ok(())
    }

    fn check_count(&self, count: usize) -> Result<()> {
        let said = self.shape()?.iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
        if said == Some(count) { Ok(()) } else { bail!("`{}` has {count} numbers, and its shape is {:?}", self.name, self.dims) }
    }
}
