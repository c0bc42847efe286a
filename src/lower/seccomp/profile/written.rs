//! The JSON of a profile as types: the union of the runtime spec's format and Docker's (moby/profiles, `seccomp.go`).

use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;

use oci_spec::runtime as oci;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IntoDeserializer, MapAccess, Visitor};

use super::super::KernelVersion;
use super::super::architecture::NAMES;
use crate::compose::value::capability::Capability;
use crate::diag::Invalid;
use crate::nearest::nearest;

/// Reads a whole text.
pub fn read(text: &str) -> serde_json::Result<Written> {
    let mut parser = serde_json::Deserializer::from_str(text);
    // Not `Written::deserialize`, which would take a list of values for a list of fields.
    let written = parser.deserialize_any(InPlace::<Written, Written>::new("a seccomp profile"))?;
    parser.end()?;
    Ok(written)
}

/// The union of both formats.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Written {
    pub default_action: oci::LinuxSeccompAction,
    pub default_errno_ret: Option<Errno>,
    pub architectures: Option<Vec<oci::Arch>>,
    pub arch_map: Option<Vec<ArchMapEntry>>,
    pub flags: Option<Vec<oci::LinuxSeccompFilterFlag>>,
    pub listener_path: Option<PathBuf>,
    pub listener_metadata: Option<String>,
    pub syscalls: Option<Vec<Rule>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ArchMapEntry {
    pub architecture: oci::Arch,
    pub sub_architectures: Option<Vec<oci::Arch>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WrittenRule {
    name: Option<String>,
    names: Option<Vec<String>>,
    action: oci::LinuxSeccompAction,
    errno_ret: Option<Errno>,
    args: Option<Vec<Argument>>,
    #[serde(rename = "comment")]
    _comment: Option<String>,
    includes: Option<Condition>,
    excludes: Option<Condition>,
}

/// A rule that names at least one call.
pub struct Rule {
    pub names: Vec<String>,
    pub action: oci::LinuxSeccompAction,
    pub errno_ret: Option<Errno>,
    pub args: Vec<Argument>,
    pub includes: Condition,
    pub excludes: Condition,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Argument {
    pub index: ArgumentIndex,
    pub value: u64,
    pub value_two: Option<u64>,
    pub op: oci::LinuxSeccompOperator,
}

#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Condition {
    pub caps: Option<Vec<CapabilityText>>,
    pub arches: Option<Vec<ArchitectureText>>,
    pub min_kernel: Option<KernelText>,
}

#[derive(Clone, Copy)]
pub struct Errno(pub u32);

#[derive(Clone, Copy)]
pub struct ArgumentIndex(pub usize);

pub struct CapabilityText(pub Capability);

pub struct ArchitectureText(pub String);

pub struct KernelText(pub KernelVersion);

/// Reads a `W` and makes a `T` of it while the parser still stands at its end, so that a refusal gets that place;
/// serde's `try_from` attribute converts later, when the parser has gone on.
struct InPlace<W, T> {
    expected: &'static str,
    types: PhantomData<(W, T)>,
}

impl<W, T> InPlace<W, T> {
    fn new(expected: &'static str) -> Self {
        InPlace { expected, types: PhantomData }
    }
}

impl<'de, W, T> Visitor<'de> for InPlace<W, T>
where
    W: Deserialize<'de>,
    T: TryFrom<W, Error: fmt::Display>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::try_from(W::deserialize(text.into_deserializer())?).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        T::try_from(W::deserialize(number.into_deserializer())?).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::try_from(W::deserialize(MapAccessDeserializer::new(map))?).map_err(A::Error::custom)
    }
}

macro_rules! read_in_place {
    ($($type:ty as $written:ty, $expected:literal;)*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(InPlace::<$written, Self>::new($expected))
            }
        }
    )*};
}

read_in_place! {
    Rule as WrittenRule, "a rule";
    Errno as u32, "an error number";
    ArgumentIndex as usize, "a number from 0 to 5";
    CapabilityText as String, "a capability";
    ArchitectureText as String, "an architecture";
    KernelText as String, "a kernel version";
}

impl TryFrom<WrittenRule> for Rule {
    type Error = &'static str;

    fn try_from(written: WrittenRule) -> Result<Self, Self::Error> {
        let names = match (written.name, written.names.unwrap_or_default()) {
            // An empty name is none, as in Docker: its profiles were once written with both keys.
            (Some(name), names) if names.is_empty() && !name.is_empty() => vec![name],
            (Some(name), _) if !name.is_empty() => return Err("a rule has both `name` and `names`"),
            (_, names) if names.is_empty() => return Err("a rule names no system call"),
            (_, names) => names,
        };
        Ok(Rule {
            names,
            action: written.action,
            errno_ret: written.errno_ret,
            args: written.args.unwrap_or_default(),
            includes: written.includes.unwrap_or_default(),
            excludes: written.excludes.unwrap_or_default(),
        })
    }
}

impl TryFrom<u32> for Errno {
    type Error = String;

    /// The kernel's `MAX_ERRNO`: libseccomp refuses a larger one when the container starts.
    fn try_from(number: u32) -> Result<Self, String> {
        if number <= 4095 { Ok(Errno(number)) } else { Err(format!("{number} is not an error number")) }
    }
}

impl TryFrom<usize> for ArgumentIndex {
    type Error = String;

    fn try_from(index: usize) -> Result<Self, String> {
        if index < 6 {
            Ok(ArgumentIndex(index))
        } else {
            Err("a system call has arguments 0 to 5".to_owned())
        }
    }
}

impl TryFrom<String> for CapabilityText {
    type Error = String;

    /// Docker compares the text as it stands, so another spelling is a condition that never holds.
    fn try_from(text: String) -> Result<Self, String> {
        match text.parse::<Capability>() {
            Ok(capability) if capability.name() == text => Ok(CapabilityText(capability)),
            Ok(capability) => Err(suggested("capability", &text, Some(capability.name()))),
            Err(_) => {
                Err(suggested("capability", &text, nearest(&text, Capability::ALL.iter().map(|c| c.name()))))
            }
        }
    }
}

impl TryFrom<String> for ArchitectureText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if NAMES.contains(&text.as_str()) {
            return Ok(ArchitectureText(text));
        }
        Err(suggested("architecture", &text, nearest(&text, NAMES.iter().copied())))
    }
}

impl TryFrom<String> for KernelText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(KernelText).map_err(|invalid: Invalid| invalid.message)
    }
}

/// In the form of the parser's own messages, which `place` takes apart.
fn suggested(kind: &str, text: &str, near: Option<&str>) -> String {
    match near {
        Some(near) => format!("unknown {kind} `{text}`, expected `{near}`"),
        None => format!("unknown {kind} `{text}`"),
    }
}
