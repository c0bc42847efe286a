//! `linux.resources.blockIO`.

use oci_spec::runtime as oci;

use crate::compose::blkio::{DeviceRate, DeviceWeight};
use crate::diag::{Code, Diagnostics};
use crate::lower::Context;
use crate::lower::origin::{Origin, Origins};

pub(super) fn block_io(d: &mut Diagnostics, context: &Context, o: &mut Origins) -> Option<oci::LinuxBlockIo> {
    let blkio = context.written().blkio_config.as_ref()?;
    if let Some(weight) = blkio.weight {
        o.set("/linux/resources/blockIO/weight", Origin::Written(weight.span));
    }
    let mut spec = oci::LinuxBlockIo::default();
    spec.set_weight(blkio.weight.map(|weight| weight.value))
        .set_weight_device(weights(d, &blkio.weight_device, o))
        .set_throttle_read_bps_device(rates(d, "throttleReadBpsDevice", &blkio.device_read_bps, o))
        .set_throttle_write_bps_device(rates(d, "throttleWriteBpsDevice", &blkio.device_write_bps, o))
        .set_throttle_read_iops_device(rates(d, "throttleReadIOPSDevice", &blkio.device_read_iops, o))
        .set_throttle_write_iops_device(rates(d, "throttleWriteIOPSDevice", &blkio.device_write_iops, o));
    (spec != oci::LinuxBlockIo::default()).then_some(spec)
}

fn weights(
    d: &mut Diagnostics,
    weights: &[DeviceWeight],
    o: &mut Origins,
) -> Option<Vec<oci::LinuxWeightDevice>> {
    let devices = weights.iter().enumerate().map(|(index, weight)| {
        o.set(format!("/linux/resources/blockIO/weightDevice/{index}"), Origin::Written(weight.span));
        // The only way to set the numbers; it adds nothing.
        oci::LinuxWeightDeviceBuilder::default()
            .major(weight.device.major)
            .minor(weight.device.minor)
            .weight(weight.weight)
            .build()
    });
    known(d, devices.collect())
}

fn rates(
    d: &mut Diagnostics,
    key: &str,
    rates: &[DeviceRate],
    o: &mut Origins,
) -> Option<Vec<oci::LinuxThrottleDevice>> {
    let devices = rates.iter().enumerate().map(|(index, rate)| {
        o.set(format!("/linux/resources/blockIO/{key}/{index}"), Origin::Written(rate.span));
        oci::LinuxThrottleDeviceBuilder::default()
            .major(rate.device.major)
            .minor(rate.device.minor)
            .rate(rate.rate)
            .build()
    });
    known(d, devices.collect())
}

fn known<T>(d: &mut Diagnostics, devices: oci_spec::Result<Vec<T>>) -> Option<Vec<T>> {
    let devices =
        devices.map_err(|error| d.error(Code::Internal, format!("no limit of a device: {error}")).emit());
    devices.ok().filter(|devices| !devices.is_empty())
}
