//! The kernels themselves, where they are built in.

pub(crate) use here::kernel_for;

#[cfg(feature = "flash-attn")]
mod here {
    use candle_core::{Device, Result, Tensor};
    use candle_flash_attn::flash_attn_varlen_paged_windowed;

    use super::super::contract::{PAGE, Unfit, fits};
    use super::super::{Call, Kernel};
    use crate::decoder::Heads;

    /// Those of `candle-flash-attn`.
    #[derive(Debug)]
    pub(crate) struct Fused;

    impl Kernel for Fused {
        fn attend(&self, call: &Call<'_>) -> Result<Tensor> {
            let Call { queries, keys, values, step, scale, before, cap } = *call;
            // Nothing behind its own place, and none of the ranges that are seen whatever the window is.
            let (behind, ranges) = (Some(0), None);
            flash_attn_varlen_paged_windowed(
                queries,
                keys,
                values,
                &step.queries,
                &step.keys,
                &step.table,
                ranges,
                step.most_queries,
                step.most_keys,
                scale,
                before,
                behind,
                PAGE,
                cap,
            )
        }
    }

    /// The kernels for heads like these on that device.
    ///
    /// # Errors
    /// Why there are none.
    pub(crate) fn kernel_for(heads: &Heads, device: &Device) -> std::result::Result<Fused, Unfit> {
        let Device::Cuda(gpu) = device else { return Err(Unfit::NotAGpu) };
        let capability = gpu.cuda_stream().context().compute_capability();
        fits(heads, capability.map_err(|error| Unfit::Driver(error.to_string()))?)?;
        Ok(Fused)
    }
}

#[cfg(not(feature = "flash-attn"))]
mod here {
    use candle_core::{Device, Result, Tensor};

    use super::super::contract::Unfit;
    use super::super::{Call, Kernel};
    use crate::decoder::Heads;

    /// What there is none of.
    #[derive(Debug)]
    pub(crate) enum Absent {}

    impl Kernel for Absent {
        fn attend(&self, _: &Call<'_>) -> Result<Tensor> {
            match *self {}
        }
    }

    /// No kernels.
    ///
    /// # Errors
    /// Always.
    pub(crate) fn kernel_for(_: &Heads, _: &Device) -> std::result::Result<Absent, Unfit> {
        Err(Unfit::NotBuilt)
    }
}
