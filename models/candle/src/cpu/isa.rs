//! Which vector instructions this processor has.
//!
//! The binary is built for any processor of its family, so what is worth it is compiled several times over and chosen when the
//! program runs. Plain loops over arrays are enough for most kernels: the compiler vectorises each copy for its instructions.

use std::sync::OnceLock;

/// A set of instructions that this processor has: there is no way to come by one that it lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Isa(Level);

/// The sets that kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// What every processor of the family has.
    Baseline,
    /// AVX2, FMA and F16C.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 with its F, BW, VL and VNNI parts.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// These, and AMX with its tiles of bfloat16.
    #[cfg(target_arch = "x86_64")]
    Amx,
}

impl Isa {
    /// The quickest one.
    pub(crate) fn best() -> Self {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| Self::available().last().copied().unwrap_or(Self(Level::Baseline)))
    }

    /// All of them, the quickest last.
    pub(super) fn available() -> Vec<Self> {
        let mut levels = vec![Level::Baseline];
        #[cfg(target_arch = "x86_64")]
        {
            let has_avx2 =
                is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c");
            let has_avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512vnni");
            if has_avx2 {
                levels.push(Level::Avx2);
            }
            if has_avx2 && has_avx512 {
                levels.push(Level::Avx512);
            }
            if has_avx2 && has_avx512 && tiles::may_be_used() {
                levels.push(Level::Amx);
            }
        }
        levels.into_iter().map(Self).collect()
    }

    /// Its name, for a person.
    pub(crate) const fn name(self) -> &'static str {
        match self.0 {
            Level::Baseline => "any processor of its family",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "AVX-512 with VNNI",
            #[cfg(target_arch = "x86_64")]
            Level::Amx => "AVX-512 with VNNI, and AMX",
        }
    }

    pub(super) fn level(self) -> Level {
        self.0
    }
}

#[cfg(target_arch = "x86_64")]
mod tiles {
    //! Tiles are more state than a thread has room for, so Linux wants to be asked first
    //! (<https://docs.kernel.org/arch/x86/xstate.html>). Other systems are not asked.

    /// Whether the processor has tiles and products of bfloat16 in them, and the system grants them to this process.
    pub(super) fn may_be_used() -> bool {
        are_there() && are_granted()
    }

    /// AMX-BF16 and AMX-TILE: bits 22 and 24 of EDX, leaf 7 of CPUID, which every processor with AVX-512 has.
    fn are_there() -> bool {
        const BITS: u32 = 1 << 22 | 1 << 24;
        std::arch::x86_64::__cpuid_count(7, 0).edx & BITS == BITS
    }

    #[cfg(target_os = "linux")]
    fn are_granted() -> bool {
        const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
        const XFEATURE_XTILEDATA: libc::c_long = 18;
        #[expect(unsafe_code, reason = "a system call that no library knows")]
        // SAFETY: the call takes two numbers, and changes nothing but what this process may use.
        unsafe {
            libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn are_granted() -> bool {
        false
    }
}

/// Compiles a function of plain Rust, which must be `#[inline(always)]`, for every [`Level`], and defines one that calls the copy
/// for the [`Isa`] at hand. The function is told whether a fused multiplication and addition is one instruction.
macro_rules! for_each_isa {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) = $body:ident) => {
        $(#[$attribute])*
        $visibility fn $name(isa: $crate::cpu::isa::Isa, $($argument: $type),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx2,fma,f16c")]
            fn avx512($($argument: $type),*) {
                $body::<true>($($argument),*);
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c")]
            fn avx2($($argument: $type),*) {
                $body::<true>($($argument),*);
            }
            match isa.level() {
                $crate::cpu::isa::Level::Baseline => $body::<false>($($argument),*),
                #[cfg(target_arch = "x86_64")]
                #[expect(unsafe_code, reason = "instructions that not every processor has")]
                // SAFETY: an `Isa` has this level only where the processor was seen to have its instructions.
                $crate::cpu::isa::Level::Avx2 => unsafe { avx2($($argument),*) },
                #[cfg(target_arch = "x86_64")]
                #[expect(unsafe_code, reason = "instructions that not every processor has")]
                // SAFETY: an `Isa` has this level only where the processor was seen to have its instructions.
                $crate::cpu::isa::Level::Avx512 | $crate::cpu::isa::Level::Amx => unsafe { avx512($($argument),*) },
            }
        }
    };
}

pub(super) use for_each_isa;

/// `a b + c`, rounded once where that costs nothing.
#[inline(always)]
pub(super) fn multiply_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}
