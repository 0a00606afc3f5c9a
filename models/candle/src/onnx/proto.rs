//! As much of `onnx.proto` as it takes to find weights. The numbers are those of the fields there; other fields are skipped.

use candle_core::{Result, bail};

/// `ModelProto`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Model {
    #[prost(message, optional, tag = "7")]
    pub(super) graph: Option<Graph>,
}

/// `GraphProto`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub(super) node: Vec<Node>,
    #[prost(message, repeated, tag = "5")]
    pub(super) initializer: Vec<TensorData>,
}

/// `NodeProto`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Node {
    #[prost(string, repeated, tag = "1")]
    pub(super) input: Vec<String>,
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
const FLOAT16: i32 = 10;
const BFLOAT16: i32 = 16;

impl Node {
    /// The attribute of that name, if it is there.
    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.attribute.iter().find(|attribute| attribute.name == name).and_then(|attribute| usize::try_from(attribute.i).ok())
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

    fn check_location(&self) -> Result<()> {
        if self.data_location == 0 {
            Ok(())
        } else {
            bail!("the data of `{}` are outside the file; only one file is read", self.name)
        }
    }

    fn check_count(&self, count: usize) -> Result<()> {
        let said = self.shape()?.iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
        if said == Some(count) { Ok(()) } else { bail!("`{}` has {count} numbers, and its shape is {:?}", self.name, self.dims) }
    }
}
