//! How much memory there is for models.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Where Linux shows its control groups.
const CGROUPS: &str = "/sys/fs/cgroup";

/// The memory of a machine, or of the part of it that this process may use, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// All of it.
    pub total: u64,
    /// What this process could still get.
    pub available: u64,
    /// Whether a control group allows less than the machine has.
    pub is_limited: bool,
}

impl Memory {
    /// Looks at this machine, and at the control groups that this process is in. `None` where the system does not tell.
    pub fn look() -> Option<Self> {
        let machine = of_machine(&fs::read_to_string("/proc/meminfo").ok()?)?;
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Some(machine.within(limits(Path::new(CGROUPS), &groups)))
    }

    /// What of it is left within these limits, each with what is used of it.
    fn within(self, limits: impl IntoIterator<Item = Limit>) -> Self {
        limits.into_iter().filter(|limit| limit.most < self.total).fold(self, |memory, limit| Self {
            total: memory.total.min(limit.most),
            available: memory.available.min(limit.most.saturating_sub(limit.used)),
            is_limited: true,
        })
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gib = |bytes: u64| bytes as f64 / f64::from(1_u32 << 30);
        write!(f, "{:.1} GiB, {:.1} of them available", gib(self.total), gib(self.available))?;
        if self.is_limited { f.write_str(" within the limit of its control group") } else { Ok(()) }
    }
}

/// Reads `/proc/meminfo`.
fn of_machine(meminfo: &str) -> Option<Memory> {
    let (total, available) = (kibibytes(meminfo, "MemTotal")?, kibibytes(meminfo, "MemAvailable")?);
    Some(Memory { total, available, is_limited: false })
}

/// A value of `/proc`, which counts in kibibytes, in bytes.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let count: u64 = line.strip_prefix(':')?.trim().trim_end_matches(" kB").parse().ok()?;
    count.checked_mul(1024)
}

/// What a control group allows, and what its processes have of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limit {
    most: u64,
    used: u64,
}

/// The limits of the groups of `/proc/self/cgroup`, and of all groups that these are in; of version 2, and of version 1.
fn limits(root: &Path, groups: &str) -> Vec<Limit> {
    let group = |line: &str| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?.trim_start_matches('/'));
        match controllers {
            "" => Some((root.to_owned(), path.to_owned(), ["memory.max", "memory.current"])),
            "memory" => Some((root.join("memory"), path.to_owned(), ["memory.limit_in_bytes", "memory.usage_in_bytes"])),
            _ => None,
        }
    };
    groups.lines().filter_map(group).flat_map(|(root, path, names)| of_group(&root, &path, names)).collect()
}

/// A container sees its own group as the root, whatever path it is told: where there is none of that path, the root still counts.
fn of_group(root: &Path, path: &str, [most, used]: [&str; 2]) -> Vec<Limit> {
    let read = |folder: &Path, name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
    let folder: PathBuf = root.join(path);
    let above = folder.ancestors().take_while(|folder| folder.starts_with(root));
    above.filter_map(|folder| Some(Limit { most: read(folder, most)?, used: read(folder, used)? })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_tells_is_read_in_bytes() {
        let told = "MemTotal:       24653072 kB\nMemFree:         1 kB\nMemAvailable:    1048576 kB\n";
        let memory = Memory { total: 24_653_072 * 1024, available: 1 << 30, is_limited: false };
        assert_eq!(of_machine(told), Some(memory));
        assert_eq!(of_machine("MemTotal: many\n"), None);
    }

    #[test]
    fn the_tightest_of_all_groups_above_counts() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("pods/one");
        fs::create_dir_all(&inner).unwrap();
        let write = |folder: &Path, most: &str, used: &str| {
            fs::write(folder.join("memory.max"), most).unwrap();
            fs::write(folder.join("memory.current"), used).unwrap();
        };
        write(&inner, "max\n", "10\n");
        write(&root.path().join("pods"), "1000\n", "400\n");
        let found = limits(root.path(), "1:cpu:/other\n0::/pods/one\n");
        assert_eq!(found, [Limit { most: 1000, used: 400 }]);
        let machine = Memory { total: 5000, available: 3000, is_limited: false };
        assert_eq!(machine.within(found), Memory { total: 1000, available: 600, is_limited: true });
        assert_eq!(machine.within([]), machine);
        // As in a container.
        write(root.path(), "700\n", "0\n");
        assert_eq!(limits(root.path(), "0::/not/seen/here\n"), [Limit { most: 700, used: 0 }]);
    }

    #[test]
    fn of_the_first_version_the_controller_of_memory_counts() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("memory");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("memory.limit_in_bytes"), "4096").unwrap();
        fs::write(folder.join("memory.usage_in_bytes"), "96").unwrap();
        assert_eq!(limits(root.path(), "3:cpu:/a\n2:memory:/\n"), [Limit { most: 4096, used: 96 }]);
    }

    #[test]
    fn this_machine_has_memory() {
        assert!(Memory::look().is_none_or(|memory| memory.available <= memory.total));
    }
}
