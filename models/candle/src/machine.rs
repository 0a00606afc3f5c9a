//! What this machine offers for computing, and what this build makes of it.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::cpu::kernels;
use crate::memory::Memory;
use crate::threads::usual_threads;

/// Where NVIDIA's driver for Linux tells what it drives.
const NVIDIA: &str = "/proc/driver/nvidia";

/// What a machine offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Cores that this process may use.
    pub cores: usize,
    /// Of which so many compute unless the settings say otherwise.
    pub compute_threads: usize,
    /// The instructions that the CPU's kernels were chosen for.
    pub kernels: &'static str,
    /// Its memory, where the system tells.
    pub memory: Option<Memory>,
    /// NVIDIA's driver, by its version, if there is one.
    pub driver: Option<String>,
    /// NVIDIA's GPUs by their names.
    pub gpus: Vec<String>,
    /// Whether this build can compute on them.
    pub has_cuda: bool,
    /// Whether it has fused kernels of attention for them.
    pub has_fused_attention: bool,
}

impl Machine {
    /// Looks at this one.
    pub fn look() -> Self {
        let read = |path: &str| fs::read_to_string(path).ok();
        Self {
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            compute_threads: usual_threads(),
            kernels: kernels(),
            memory: Memory::look(),
            driver: read(&format!("{NVIDIA}/version")).and_then(|text| driver(&text)),
            gpus: gpus(&Path::new(NVIDIA).join("gpus")),
            has_cuda: candle_core::utils::cuda_is_available(),
            has_fused_attention: cfg!(feature = "flash-attn"),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cores, compute_threads, kernels, .. } = self;
        writeln!(f, "cpu     {cores} cores, {compute_threads} for models; kernels for {kernels}")?;
        if let Some(memory) = self.memory {
            writeln!(f, "memory  {memory}")?;
        }
        match &self.driver {
            Some(version) => writeln!(f, "driver  NVIDIA {version}")?,
            None => writeln!(f, "driver  none of NVIDIA's")?,
        }
        for gpu in &self.gpus {
            writeln!(f, "gpu     {gpu}")?;
        }
        match (self.has_cuda, self.gpus.is_empty()) {
            (true, true) => writeln!(f, "build   with CUDA, which finds no GPU: models compute on the CPU"),
            (true, false) => writeln!(f, "build   with CUDA: models compute on the first GPU unless `device` says otherwise"),
            (false, true) => writeln!(f, "build   without CUDA: models compute on the CPU"),
            (false, false) => {
                writeln!(f, "build   without CUDA: models compute on the CPU; `--features cuda` makes one for the GPU")
            }
        }?;
        if self.has_fused_attention {
            writeln!(f, "        with fused kernels of attention, by `attention = \"kernels\"` in [local]")?;
        }
        Ok(())
    }
}

/// Reads `/proc/driver/nvidia/version`, whose first line names the module, its version and when it was built.
fn driver(version: &str) -> Option<String> {
    let mut words = version.lines().next()?.split_whitespace();
    words.find(|word| word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.')).map(str::to_owned)
}

/// The GPUs, each of which has a folder with its `information`.
fn gpus(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let told = entries.flatten().filter_map(|entry| fs::read_to_string(entry.path().join("information")).ok());
    let mut names: Vec<String> = told.filter_map(|text| model(&text)).collect();
    names.sort();
    names
}

fn model(information: &str) -> Option<String> {
    information.lines().find_map(|line| line.strip_prefix("Model:")).map(|name| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_tells_is_read() {
        let told = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.82.07  Release Build  (root@builder)\nGCC version: 12.2.0\n";
        assert_eq!(driver(told).as_deref(), Some("580.82.07"));
        assert_eq!(model("Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t 38\n").as_deref(), Some("NVIDIA H100 80GB HBM3"));
    }

    #[test]
    fn gpus_are_those_with_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        for (slot, name) in [("0000:01:00.0", "B"), ("0000:02:00.0", "A")] {
            fs::create_dir(folder.path().join(slot)).unwrap();
            fs::write(folder.path().join(slot).join("information"), format!("Model: {name}\n")).unwrap();
        }
        assert_eq!(gpus(folder.path()), ["A", "B"]);
        assert!(gpus(&folder.path().join("none")).is_empty());
    }

    #[test]
    fn this_machine_can_be_looked_at() {
        let machine = Machine::look();
        assert!(machine.cores >= 1 && machine.compute_threads >= 1);
        assert!(machine.to_string().contains("kernels for"), "{machine}");
    }
}
