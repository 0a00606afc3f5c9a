//! Which device computes.

use std::str::FromStr;

use candle_core::Device;

/// The device that the operator asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The first NVIDIA GPU if this build and this machine have one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The NVIDIA GPU of that number, or an error.
    Cuda(usize),
}

impl DeviceChoice {
    /// Whether this is a GPU on this machine, with this build.
    pub fn is_gpu(self) -> bool {
        match self {
            Self::Cpu => false,
            Self::Cuda(_) => true,
            Self::Auto => gpus() > 0,
        }
    }

    /// Opens the device.
    ///
    /// # Errors
    /// When a GPU was asked for by number and cannot be had.
    pub(crate) fn open(self) -> Result<Device, DeviceError> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Cuda(ordinal) => open_cuda(ordinal),
            Self::Auto if !candle_core::utils::cuda_is_available() => Ok(Device::Cpu),
            Self::Auto => Ok(open_cuda(0).unwrap_or_else(|error| {
                tracing::warn!(%error, "no GPU: computing on the CPU");
                Device::Cpu
            })),
        }
    }
}

/// How many GPUs this build can compute on here.
pub fn gpus() -> usize {
    cuda::count()
}

/// The memory of a GPU, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GpuMemory {
    /// What nobody has.
    pub free: u64,
    /// All of it.
    pub total: u64,
}

/// Measures the memory of the GPU of that number.
///
/// # Errors
/// When it cannot be had.
pub fn gpu_memory(ordinal: usize) -> Result<GpuMemory, DeviceError> {
    cuda::memory(ordinal)
}

#[cfg(feature = "cuda")]
mod cuda {
    use candle_core::cuda_backend::cudarc::driver::CudaContext;

    use super::{DeviceError, GpuMemory, open_cuda};

    pub(super) fn count() -> usize {
        // Without a driver, there is none to count.
        let counted = CudaContext::device_count().ok();
        counted.and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
    }

    pub(super) fn memory(ordinal: usize) -> Result<GpuMemory, DeviceError> {
        let absent = |source| DeviceError::Absent { ordinal, source: Box::new(source) };
        let device = open_cuda(ordinal)?;
        let stream = device.as_cuda_device().map_err(absent)?.cuda_stream();
        let told = stream.context().mem_get_info();
        let (free, total) = told.map_err(|error| absent(candle_core::Error::wrap(error)))?;
        Ok(GpuMemory { free: free as u64, total: total as u64 })
    }
}

#[cfg(not(feature = "cuda"))]
mod cuda {
    use super::{DeviceError, GpuMemory};

    pub(super) fn count() -> usize {
        0
    }

    pub(super) fn memory(ordinal: usize) -> Result<GpuMemory, DeviceError> {
        Err(DeviceError::NotBuilt { ordinal })
    }
}

fn open_cuda(ordinal: usize) -> Result<Device, DeviceError> {
    if !candle_core::utils::cuda_is_available() {
        return Err(DeviceError::NotBuilt { ordinal });
    }
    Device::new_cuda(ordinal).map_err(|source| DeviceError::Absent { ordinal, source: Box::new(source) })
}

impl FromStr for DeviceChoice {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let unknown = || DeviceError::Unknown(text.to_owned());
        match text.split_once(':') {
            None if text == "auto" => Ok(Self::Auto),
            None if text == "cpu" => Ok(Self::Cpu),
            None if text == "cuda" => Ok(Self::Cuda(0)),
            Some(("cuda", ordinal)) => ordinal.parse().map(Self::Cuda).map_err(|_| unknown()),
            _ => Err(unknown()),
        }
    }
}

/// A device that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// A word that names no device.
    #[error("`{0}` is no device: use auto, cpu, cuda or cuda:N")]
    Unknown(String),
    /// A GPU asked of a build without CUDA.
    #[error("cuda:{ordinal} was asked for, and this build has no CUDA: build with `--features cuda`, or use the cpu")]
    NotBuilt {
        /// The GPU's number.
        ordinal: usize,
    },
    /// A GPU that the driver does not give.
    #[error("cuda:{ordinal} was asked for and cannot be opened: {source}; see `nvidia-smi`, or use the cpu")]
    Absent {
        /// The GPU's number.
        ordinal: usize,
        /// What the driver said.
        source: Box<candle_core::Error>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_device_is_read() {
        for (text, choice) in [
            ("auto", DeviceChoice::Auto),
            ("cpu", DeviceChoice::Cpu),
            ("cuda", DeviceChoice::Cuda(0)),
            ("cuda:3", DeviceChoice::Cuda(3)),
        ] {
            assert_eq!(text.parse::<DeviceChoice>().unwrap(), choice);
        }
        for text in ["", "gpu", "cuda:", "cuda:x", "cpu:0"] {
            assert!(text.parse::<DeviceChoice>().unwrap_err().to_string().contains("use auto, cpu"), "{text}");
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn asking_a_build_without_cuda_for_a_gpu_says_how_to_get_one() {
        let error = DeviceChoice::Cuda(1).open().unwrap_err();
        assert!(error.to_string().contains("cuda:1") && error.to_string().contains("--features cuda"), "{error}");
        assert!(DeviceChoice::Auto.open().unwrap().is_cpu());
        assert!(!DeviceChoice::Auto.is_gpu() && gpu_memory(0).is_err());
    }
}
