//! The fingerprint of RSA keys made by Infineon's library of 2012 to 2017 (CVE-2017-15361, "ROCA"), which can be factored.
//!
//! Their primes have the form `k · M + (65537^a mod M)` with `M` a product of small primes, so the modulus is a power of
//! 65537 modulo each of these. A random modulus is that for all of them once in 2^27. (Nemec et al., "The Return of
//! Coppersmith's Attack", CCS 2017, section 2.4.)

/// The odd primes up to 167, the largest in `M` for 512-bit keys.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127,
    131, 137, 139, 149, 151, 157, 163, 167,
];
const GENERATOR: u32 = 65537;

/// Whether the big-endian modulus has the fingerprint.
pub(super) fn is_vulnerable(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|&prime| {
        let residue = modulus.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        is_power(residue, prime)
    })
}

fn is_power(residue: u32, prime: u32) -> bool {
    let step = GENERATOR % prime;
    let mut power = 1;
    loop {
        if power == residue {
            return true;
        }
        power = power * step % prime;
        if power == 1 {
            return false;
        }
    }
}
