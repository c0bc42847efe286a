//! `process.rlimits`: limits of the process.

use oci_spec::runtime as oci;

use super::Context;
use super::origin::{Origin, Origins};
use crate::compose::value::rlimit::RlimitKind;
use crate::diag::{Code, Diagnostics, Reported};

/// The limits of `ulimits`, by name. Without any, the process has those of whoever starts the runtime; Docker's
/// daemon has its own.
pub fn rlimits(
    d: &mut Diagnostics,
    context: &Context,
    o: &mut Origins,
) -> Result<Option<Vec<oci::PosixRlimit>>, Reported> {
    let mut ulimits = context.written().ulimits.clone();
    ulimits.sort_by_key(|ulimit| ulimit.kind.value.to_string());
    let rlimits = ulimits.iter().enumerate().map(|(index, ulimit)| {
        let at = format!("/process/rlimits/{index}");
        o.set(format!("{at}/type"), Origin::Written(ulimit.kind.span));
        o.set(format!("{at}/soft"), Origin::Written(ulimit.soft.span));
        o.set(format!("{at}/hard"), Origin::Written(ulimit.hard.span));
        let builder = oci::PosixRlimitBuilder::default().typ(oci(ulimit.kind.value));
        let builder = builder.soft(limit(ulimit.soft.value)).hard(limit(ulimit.hard.value));
        let rlimit = builder.build();
        rlimit.map_err(|error| d.error(Code::Internal, format!("no limit: {error}")).emit())
    });
    let rlimits = rlimits.collect::<Result<Vec<_>, _>>()?;
    Ok((!rlimits.is_empty()).then_some(rlimits))
}

/// -1 is `RLIM_INFINITY`, the largest number there is.
fn limit(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// The same limit in the library's type.
fn oci(kind: RlimitKind) -> oci::PosixRlimitType {
    use oci::PosixRlimitType as Type;
    match kind {
        RlimitKind::As => Type::RlimitAs,
        RlimitKind::Core => Type::RlimitCore,
        RlimitKind::Cpu => Type::RlimitCpu,
        RlimitKind::Data => Type::RlimitData,
        RlimitKind::Fsize => Type::RlimitFsize,
        RlimitKind::Locks => Type::RlimitLocks,
        RlimitKind::Memlock => Type::RlimitMemlock,
        RlimitKind::Msgqueue => Type::RlimitMsgqueue,
        RlimitKind::Nice => Type::RlimitNice,
        RlimitKind::Nofile => Type::RlimitNofile,
        RlimitKind::Nproc => Type::RlimitNproc,
        RlimitKind::Rss => Type::RlimitRss,
        RlimitKind::Rtprio => Type::RlimitRtprio,
        RlimitKind::Rttime => Type::RlimitRttime,
        RlimitKind::Sigpending => Type::RlimitSigpending,
        RlimitKind::Stack => Type::RlimitStack,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_keeps_its_name() {
        for kind in RlimitKind::ALL {
            assert_eq!(serde_json::to_value(oci(*kind)).unwrap(), kind.spec_name());
        }
    }
}
