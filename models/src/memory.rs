//! How much memory this process has.

use std::fs;

/// Bytes of this process that lie in memory; none where the system has no `/proc` that tells.
pub fn resident() -> Option<u64> {
    // `status` rather than `statm`: that one counts pages, and does not say how large they are.
    resident_of(&fs::read_to_string("/proc/self/status").ok()?)
}

fn resident_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_set_is_told_in_bytes() {
        assert_eq!(resident_of("Name:\tx\nVmRSS:\t    2048 kB\nThreads: 1\n"), Some(2 << 20));
        assert_eq!(resident_of("Name:\tx\n"), None);
    }
}
