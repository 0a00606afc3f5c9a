//! What computes local models: the values of `local.device`.

use std::str::FromStr;

use thiserror::Error;

/// What computes local models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Device {
    /// The first usable GPU, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU of this number; starting fails without it.
    Cuda(usize),
}

/// Not a device.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{typed:?} is not a device; write auto, cpu, or cuda:0 for the first GPU")]
pub struct InvalidDevice {
    typed: String,
}

impl FromStr for Device {
    type Err = InvalidDevice;

    fn from_str(typed: &str) -> Result<Self, InvalidDevice> {
        let cuda = || typed.strip_prefix("cuda:").and_then(|number| number.parse().ok());
        match typed {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            _ => cuda().map(Self::Cuda).ok_or_else(|| InvalidDevice { typed: typed.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_automatic_the_cpu_or_a_numbered_gpu() {
        assert_eq!("auto".parse(), Ok(Device::Auto));
        assert_eq!("cpu".parse(), Ok(Device::Cpu));
        assert_eq!("cuda:1".parse(), Ok(Device::Cuda(1)));
        assert!("cuda".parse::<Device>().unwrap_err().to_string().contains("cuda:0"));
    }
}
