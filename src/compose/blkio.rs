//! `blkio_config`: the share and the limits of reading from disks and writing to them.

use std::rc::Rc;

use super::decode::{Table, integer, list, text};
use super::value::block_device::BlockDevice;
use crate::diag::{Code, Diagnostics, Reported};
use crate::source::{Span, Spanned};
use crate::yaml::Node;

/// `blkio_config`.
#[derive(Debug, Default)]
pub struct Blkio {
    /// The share of all disks; none where nothing or 0 is written.
    pub weight: Option<Spanned<u16>>,
    /// The share of single disks.
    pub weight_device: Vec<DeviceWeight>,
    /// The most bytes read in a second.
    pub device_read_bps: Vec<DeviceRate>,
    /// The most bytes written in a second.
    pub device_write_bps: Vec<DeviceRate>,
    /// The most reads in a second.
    pub device_read_iops: Vec<DeviceRate>,
    /// The most writes in a second.
    pub device_write_iops: Vec<DeviceRate>,
}

/// The share of one disk.
#[derive(Clone, Copy, Debug)]
pub struct DeviceWeight {
    /// The disk.
    pub device: BlockDevice,
    /// From 10 to 1000.
    pub weight: u16,
    /// Where it is written.
    pub span: Span,
}

/// The limit of one disk.
#[derive(Clone, Copy, Debug)]
pub struct DeviceRate {
    /// The disk.
    pub device: BlockDevice,
    /// So many in a second.
    pub rate: u64,
    /// Where it is written.
    pub span: Span,
}

pub(super) fn decode(d: &mut Diagnostics, node: &Node) -> Result<Blkio, Reported> {
    let mut t = Table::new(d, node, "`blkio_config`")?;
    let blkio = Blkio {
        weight: t.opt(d, "weight", weight).flatten(),
        weight_device: t.list(d, "weight_device", list(device_weight)),
        device_read_bps: t.list(d, "device_read_bps", list(device_rate)),
        device_write_bps: t.list(d, "device_write_bps", list(device_rate)),
        device_read_iops: t.list(d, "device_read_iops", list(device_rate)),
        device_write_iops: t.list(d, "device_write_iops", list(device_rate)),
    };
    t.finish(d)?;
    Ok(blkio)
}

/// 0 is what Compose has where nothing is written.
fn weight(d: &mut Diagnostics, node: &Node) -> Result<Option<Spanned<u16>>, Reported> {
    let weight = integer(d, node)?;
    if weight.value == 0 { Ok(None) } else { share(d, &weight).map(Some) }
}

/// As Docker does (moby `daemon/daemon_unix.go`, and the command line for single disks).
fn share(d: &mut Diagnostics, weight: &Spanned<i64>) -> Result<Spanned<u16>, Reported> {
    if let Ok(value @ 10..=1000) = u16::try_from(weight.value) {
        return Ok(Spanned { value, span: weight.span });
    }
    let message = format!("a weight is from 10 to 1000, and this is {}", weight.value);
    Err(d.error(Code::InvalidValue, message).label(weight.span, "").emit())
}

fn device_weight(d: &mut Diagnostics, node: &Node) -> Result<DeviceWeight, Reported> {
    let mut t = Table::new(d, node, "a weight of a device")?;
    let device = t.required(d, "path", device);
    let weight = t.required(d, "weight", |d, node| integer(d, node).and_then(|weight| share(d, &weight)));
    t.finish(d)?;
    Ok(DeviceWeight { device: device?, weight: weight?.value, span: node.span })
}

fn device_rate(d: &mut Diagnostics, node: &Node) -> Result<DeviceRate, Reported> {
    let mut t = Table::new(d, node, "a limit of a device")?;
    let device = t.required(d, "path", device);
    let rate = t.required(d, "rate", rate);
    t.finish(d)?;
    Ok(DeviceRate { device: device?, rate: rate?, span: node.span })
}

/// The kernel takes 0 for no limit at all.
fn rate(d: &mut Diagnostics, node: &Node) -> Result<u64, Reported> {
    let rate = integer(d, node)?;
    u64::try_from(rate.value).ok().filter(|rate| *rate > 0).ok_or_else(|| {
        let message = format!("a limit of a device must be above 0, and this is {}", rate.value);
        d.error(Code::InvalidValue, message).label(rate.span, "").help("remove it for no limit").emit()
    })
}

fn device(d: &mut Diagnostics, node: &Node) -> Result<BlockDevice, Reported> {
    let path: Spanned<Rc<str>> = text(d, node)?;
    path.value.parse().map_err(|invalid| d.invalid(Code::InvalidValue, invalid, |range| path.at(range)))
}
