//! Operators that candle-onnx lacks, or computes otherwise than the standard says.
//!
//! It takes the axes of reductions for attributes only, of which later versions made inputs, and reduces everything where there are none;
//! it puts several new axes in the wrong order, and transposes only the last two. Those are computed here:
//! <https://github.com/onnx/onnx/blob/main/docs/Operators.md>.

use candle_core::{DType, Device, Result, Tensor, bail};
use candle_nn::ops::{layer_norm, softmax};
use candle_onnx::onnx::tensor_proto::DataType;
use candle_onnx::onnx::{AttributeProto, NodeProto, TensorProto};

/// The first version whose softmax is of one axis; before, of all from that axis on.
const SOFTMAX_OF_ONE_AXIS: i64 = 13;
/// What the standard adds to a variance where a node does not say.
const EPSILON: f32 = 1e-5;

/// A node with its inputs; those that are left out are none.
pub(super) struct Call<'a> {
    pub(super) node: &'a NodeProto,
    pub(super) inputs: &'a [Option<Tensor>],
    /// The version of the operators.
    pub(super) opset: i64,
}

impl Call<'_> {
    /// The node's output, if the operator is one of these.
    ///
    /// # Errors
    /// When it cannot be computed.
    pub(super) fn compute(&self) -> Result<Option<Tensor>> {
        Ok(Some(match self.node.op_type.as_str() {
            "Cast" if self.number("to", 0) == DataType::Bool as i64 => self.input(0)?.ne(&self.input(0)?.zeros_like()?)?,
            "Constant" => self.constant()?,
            "CumSum" => self.running_sum()?,
            "Gelu" if self.text("approximate") == "tanh" => self.input(0)?.gelu()?,
            "Gemm" => self.product()?,
            "LayerNormalization" => self.normalised()?,
            "Max" => self.largest()?,
            "Reciprocal" => self.input(0)?.recip()?,
            "ReduceL2" => self.reduced(|x, axes| x.sqr()?.sum_keepdim(axes)?.sqrt())?,
            "ReduceMean" => self.reduced(|x, axes| x.mean_keepdim(axes))?,
            "ReduceSum" => self.reduced(|x, axes| x.sum_keepdim(axes))?,
            "Shape" => self.shape()?,
            "Softmax" => self.softmax()?,
            "Split" if self.attribute("split").is_some() => bail!("sizes as an attribute are not read: only as an input"),
            "Squeeze" => self.squeezed()?,
            "Transpose" => self.transposed()?,
            "Unsqueeze" => self.unsqueezed()?,
            _ => return Ok(None),
        }))
    }

    fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.node.attribute.iter().find(|attribute| attribute.name == name)
    }

    fn number(&self, name: &str, usual: i64) -> i64 {
        self.attribute(name).map_or(usual, |attribute| attribute.i)
    }

    fn factor(&self, name: &str) -> f64 {
        self.attribute(name).map_or(1.0, |attribute| f64::from(attribute.f))
    }

    fn text(&self, name: &str) -> String {
        self.attribute(name).map_or_else(String::new, |attribute| String::from_utf8_lossy(&attribute.s).into_owned())
    }

    fn optional(&self, place: usize) -> Option<&Tensor> {
        self.inputs.get(place).and_then(Option::as_ref)
    }

    fn input(&self, place: usize) -> Result<&Tensor> {
        match self.optional(place) {
            Some(input) => Ok(input),
            None => bail!("input {place} is missing"),
        }
    }

    /// Axes of a tensor of that rank, ascending: those of the attribute, or else of the second input.
    fn axes(&self, rank: usize) -> Result<Option<Vec<usize>>> {
        let numbers = match (self.attribute("axes"), self.optional(1)) {
            (Some(attribute), _) => attribute.ints.clone(),
            (None, Some(input)) => input.flatten_all()?.to_vec1::<i64>()?,
            (None, None) => return Ok(None),
        };
        let mut axes = numbers.into_iter().map(|axis| axis_of(axis, rank)).collect::<Result<Vec<_>>>()?;
        axes.sort_unstable();
        axes.dedup();
        Ok(Some(axes))
    }

    fn reduced(&self, reduce: impl Fn(&Tensor, Vec<usize>) -> Result<Tensor>) -> Result<Tensor> {
        let x = self.input(0)?;
        let axes = match self.axes(x.rank())?.filter(|axes| !axes.is_empty()) {
            Some(axes) => axes,
            None if self.number("noop_with_empty_axes", 0) == 1 => return Ok(x.clone()),
            None => (0..x.rank()).collect(),
        };
        let reduced = reduce(x, axes.clone())?;
        if self.number("keepdims", 1) == 1 { Ok(reduced) } else { without(reduced, &axes) }
    }

    fn squeezed(&self) -> Result<Tensor> {
        let x = self.input(0)?;
        let ones = || x.dims().iter().enumerate().filter(|(_, size)| **size == 1).map(|(axis, _)| axis).collect();
        let axes = self.axes(x.rank())?.unwrap_or_else(ones);
        without(x.clone(), &axes)
    }

    /// Axes are counted in what comes out.
    fn unsqueezed(&self) -> Result<Tensor> {
        let x = self.input(0)?;
        let count = match (self.attribute("axes"), self.optional(1)) {
            (Some(attribute), _) => attribute.ints.len(),
            (None, axes) => axes.map_or(0, Tensor::elem_count),
        };
        let axes = self.axes(x.rank() + count)?.unwrap_or_default();
        axes.into_iter().try_fold(x.clone(), |x, axis| x.unsqueeze(axis))
    }

    fn transposed(&self) -> Result<Tensor> {
        let x = self.input(0)?;
        let order = match self.attribute("perm") {
            Some(order) => order.ints.iter().map(|axis| axis_of(*axis, x.rank())).collect::<Result<Vec<_>>>()?,
            None => (0..x.rank()).rev().collect(),
        };
        x.permute(order)?.contiguous()
    }

    fn shape(&self) -> Result<Tensor> {
        let dims = self.input(0)?.dims();
        let rank = i64::try_from(dims.len()).map_err(candle_core::Error::wrap)?;
        let place = |number: i64| {
            let place = if number < 0 { number + rank } else { number };
            usize::try_from(place.clamp(0, rank)).map_err(candle_core::Error::wrap)
        };
        let (start, end) = (place(self.number("start", 0))?, place(self.number("end", rank))?);
        let sizes: Vec<i64> = dims.get(start..end).unwrap_or_default().iter().map(|size| *size as i64).collect();
        Tensor::new(sizes, &Device::Cpu)
    }

    fn softmax(&self) -> Result<Tensor> {
        let x = self.input(0)?;
        let usual = if self.opset < SOFTMAX_OF_ONE_AXIS { 1 } else { -1 };
        let axis = axis_of(self.number("axis", usual), x.rank())?;
        if self.opset < SOFTMAX_OF_ONE_AXIS && axis + 1 != x.rank() {
            bail!("a softmax of version {} is computed only of the last axis, and not from axis {axis} on", self.opset)
        }
        softmax(&x.contiguous()?, axis)
    }

    fn normalised(&self) -> Result<Tensor> {
        let (x, scale) = (self.input(0)?, self.input(1)?);
        if axis_of(self.number("axis", -1), x.rank())? + 1 != x.rank() {
            bail!("only the last axis is normalised")
        }
        let bias = self.optional(2).cloned().map_or_else(|| scale.zeros_like(), Ok)?;
        let epsilon = self.attribute("epsilon").map_or(EPSILON, |attribute| attribute.f);
        layer_norm(&x.contiguous()?, &scale.contiguous()?, &bias.contiguous()?, epsilon)
    }

    /// `alpha A B + beta C`.
    fn product(&self) -> Result<Tensor> {
        let turned = |place: usize, name: &str| {
            let matrix = self.input(place)?;
            if self.number(name, 0) == 0 { Ok(matrix.clone()) } else { matrix.t() }
        };
        let scaled = |x: Tensor, factor: f64| if factor == 1.0 { Ok(x) } else { x * factor };
        let product = scaled(turned(0, "transA")?.matmul(&turned(1, "transB")?)?, self.factor("alpha"))?;
        match self.optional(2) {
            Some(added) => product.broadcast_add(&scaled(added.clone(), self.factor("beta"))?),
            None => Ok(product),
        }
    }

    fn largest(&self) -> Result<Tensor> {
        let rest = self.inputs.iter().skip(1).flatten();
        rest.into_iter().try_fold(self.input(0)?.clone(), |largest, x| largest.broadcast_maximum(x))
    }

    /// candle adds up floating-point numbers only; whole numbers below 2^53 are exact in 64 bits.
    fn running_sum(&self) -> Result<Tensor> {
        if self.number("exclusive", 0) != 0 || self.number("reverse", 0) != 0 {
            bail!("sums from the end, or without the number itself, are not computed")
        }
        let x = self.input(0)?;
        let axis = self.input(1)?.to_dtype(DType::I64)?.flatten_all()?.to_vec1::<i64>()?;
        let [axis] = axis.as_slice() else { bail!("there is not one axis") };
        x.to_dtype(DType::F64)?.cumsum(axis_of(*axis, x.rank())?)?.to_dtype(x.dtype())
    }

    fn constant(&self) -> Result<Tensor> {
        let Some(value) = self.node.attribute.first() else { bail!("it has no value") };
        match (value.name.as_str(), &value.t) {
            ("value", Some(stored)) => tensor(stored),
            ("value_float", _) => Tensor::new(value.f, &Device::Cpu),
            ("value_floats", _) => Tensor::new(value.floats.as_slice(), &Device::Cpu),
            ("value_int", _) => Tensor::new(value.i, &Device::Cpu),
            ("value_ints", _) => Tensor::new(value.ints.as_slice(), &Device::Cpu),
            (other, _) => bail!("a constant by `{other}` is not read"),
        }
    }
}

/// Which axis of so many that is; negative numbers count from the end.
fn axis_of(number: i64, rank: usize) -> Result<usize> {
    let place = if number < 0 {
        usize::try_from(-number).ok().and_then(|back| rank.checked_sub(back))
    } else {
        usize::try_from(number).ok()
    };
    match place.filter(|axis| *axis < rank) {
        Some(axis) => Ok(axis),
        None => bail!("there is no axis {number} among {rank}"),
    }
}

/// Drops axes of size one, which are ascending.
fn without(x: Tensor, axes: &[usize]) -> Result<Tensor> {
    axes.iter().rev().try_fold(x, |x, axis| match x.dim(*axis)? {
        1 => x.squeeze(*axis),
        size => bail!("axis {axis} is of {size} and cannot be dropped"),
    })
}

/// A tensor of the file. Whole numbers become those of 64 bits, which the operators compute with.
pub(super) fn tensor(stored: &TensorProto) -> Result<Tensor> {
    let shape = stored.dims.iter().map(|size| usize::try_from(*size)).collect::<std::result::Result<Vec<_>, _>>();
    let shape = shape.map_err(candle_core::Error::wrap)?;
    let raw = &stored.raw_data;
    let listed = &stored.int32_data;
    match DataType::try_from(stored.data_type) {
        Ok(DataType::Int32) if raw.is_empty() => {
            Tensor::from_vec(listed.iter().map(|number| i64::from(*number)).collect(), shape, &Device::Cpu)
        }
        Ok(DataType::Int32) => {
            let numbers = raw.as_chunks::<4>().0.iter().map(|bytes| i64::from(i32::from_le_bytes(*bytes)));
            Tensor::from_vec(numbers.collect(), shape, &Device::Cpu)
        }
        Ok(DataType::Bool | DataType::Uint8) if raw.is_empty() => {
            let bytes = listed.iter().map(|number| u8::try_from(*number)).collect::<std::result::Result<Vec<_>, _>>();
            Tensor::from_vec(bytes.map_err(candle_core::Error::wrap)?, shape, &Device::Cpu)
        }
        _ => candle_onnx::eval::get_tensor(stored, &stored.name),
    }
}
