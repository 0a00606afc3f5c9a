//! What computes local models.

use std::fmt;
use std::str::FromStr;

/// What computes local models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Device {
    /// Every GPU that the build and the machine have, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// Every GPU, one engine on each; it is an error if there is none.
    Cuda,
    /// The GPU of this number, or an error.
    Gpu(usize),
}

/// Not a device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{typed:?} is not a device; write auto, cpu, cuda for every GPU, or cuda:0 for the first one")]
pub struct InvalidDevice {
    typed: String,
}

impl FromStr for Device {
    type Err = InvalidDevice;

    fn from_str(typed: &str) -> Result<Self, InvalidDevice> {
        let numbered = || typed.strip_prefix("cuda:").and_then(|number| number.parse().ok());
        match typed {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda),
            _ => numbered().map(Self::Gpu).ok_or_else(|| InvalidDevice { typed: typed.chars().take(80).collect() }),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda => f.write_str("cuda"),
            Self::Gpu(number) => write!(f, "cuda:{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_written_as_it_is_read() {
        for (typed, device) in [("auto", Device::Auto), ("cpu", Device::Cpu), ("cuda", Device::Cuda), ("cuda:1", Device::Gpu(1))]
        {
            assert_eq!((typed.parse(), device.to_string().as_str()), (Ok(device), typed));
        }
        for typed in ["", "gpu", "cuda:", "cuda:x", "cpu:0"] {
            assert!(typed.parse::<Device>().unwrap_err().to_string().contains("cuda:0 for the first"), "{typed}");
        }
    }
}
