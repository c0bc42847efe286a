//! What seccomp calls an architecture. See `seccomp_arch_add(3)`.

use oci_spec::runtime::Arch;

use crate::compose::value::architecture::Architecture;

/// The architecture itself and the others whose programs its kernels run, in Docker's order. A call through an
/// architecture that is not listed kills the process; that of the machine is always listed (libseccomp adds it).
/// Docker leaves the list empty for one that is alone; we name it, so that a 32-bit program is filtered, and not
/// killed, on a 64-bit machine too.
pub fn filtered(architecture: Architecture) -> &'static [Arch] {
    match architecture {
        Architecture::X86 => &[Arch::ScmpArchX86],
        Architecture::Amd64 => &[Arch::ScmpArchX86_64, Arch::ScmpArchX86, Arch::ScmpArchX32],
        Architecture::Arm => &[Arch::ScmpArchArm],
        Architecture::Arm64 => &[Arch::ScmpArchAarch64, Arch::ScmpArchArm],
        Architecture::Loong64 => &[Arch::ScmpArchLoongarch64],
        Architecture::Mips => &[Arch::ScmpArchMips],
        Architecture::Mips64 => &[Arch::ScmpArchMips64, Arch::ScmpArchMips, Arch::ScmpArchMips64n32],
        Architecture::Mips64le => &[Arch::ScmpArchMipsel64, Arch::ScmpArchMipsel, Arch::ScmpArchMipsel64n32],
        Architecture::Mipsle => &[Arch::ScmpArchMipsel],
        Architecture::Ppc64 => &[Arch::ScmpArchPpc64],
        Architecture::Ppc64le => &[Arch::ScmpArchPpc64le],
        Architecture::Riscv64 => &[Arch::ScmpArchRiscv64],
        Architecture::S390x => &[Arch::ScmpArchS390x, Arch::ScmpArchS390],
    }
}

/// The architecture itself, without the others its kernels run.
pub fn own(architecture: Architecture) -> Arch {
    filtered(architecture).first().copied().unwrap_or(Arch::ScmpArchNative)
}

/// The names that the conditions of Docker's profiles may hold: libseccomp's (`seccomp_arch_resolve_name(3)`) and
/// Docker's own spelling of one. Those without an [`Architecture`] hold for no container of ours.
pub const NAMES: &[&str] = &[
    "amd64",
    "arm",
    "arm64",
    "loong64",
    "loongarch64",
    "mips",
    "mips3l64n32",
    "mips64",
    "mips64n32",
    "mipsel",
    "mipsel64",
    "mipsel64n32",
    "ppc",
    "ppc64",
    "ppc64le",
    "riscv64",
    "s390",
    "s390x",
    "x32",
    "x86",
];

/// Whether a name of [`NAMES`] means this architecture.
pub fn is_named(architecture: Architecture, name: &str) -> bool {
    match architecture {
        Architecture::X86 => name == "x86",
        Architecture::Loong64 => matches!(name, "loong64" | "loongarch64"),
        Architecture::Mips64le => name == "mipsel64",
        Architecture::Mipsle => name == "mipsel",
        _ => name == architecture.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name() {
        for architecture in Architecture::ALL {
            assert!(NAMES.iter().any(|name| is_named(*architecture, name)), "{architecture}");
            assert_ne!(own(*architecture), Arch::ScmpArchNative);
        }
    }
}
