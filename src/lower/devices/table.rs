//! Devices whose numbers follow from their names: those of the kernel's list of allocated numbers
//! (`Documentation/admin-guide/devices.txt`) and of `modules.devname`. What gets its number when a driver is loaded,
//! such as `/dev/video0` or `/dev/nvme0n1`, is not here.
//!
//! The modes are those that udev's own rules give (`50-udev-default.rules` of systemd), else the kernel's.

use crate::compose::value::device::{DeviceKind, DeviceNode};

/// A device with a name of its own.
struct Single(&'static str, DeviceKind, u32, u32, u32);

/// Devices that are counted: the name before the number, the kind, the major number, the minor number of the first,
/// how many there are, and the mode.
struct Family(&'static str, DeviceKind, u32, u32, u32, u32);

use DeviceKind::{Block, Char};

#[rustfmt::skip]
const SINGLES: &[Single] = &[
    Single("null", Char, 1, 3, 0o666),
    Single("zero", Char, 1, 5, 0o666),
    Single("full", Char, 1, 7, 0o666),
    Single("random", Char, 1, 8, 0o666),
    Single("urandom", Char, 1, 9, 0o666),
    Single("mem", Char, 1, 1, 0o640),
    Single("port", Char, 1, 4, 0o640),
    Single("kmsg", Char, 1, 11, 0o644),
    Single("tty", Char, 5, 0, 0o666),
    Single("console", Char, 5, 1, 0o600),
    Single("ptmx", Char, 5, 2, 0o666),
    Single("ttyprintk", Char, 5, 3, 0o600),
    Single("psaux", Char, 10, 1, 0o660),
    Single("watchdog", Char, 10, 130, 0o600),
    Single("nvram", Char, 10, 144, 0o640),
    Single("hwrng", Char, 10, 183, 0o600),
    Single("vfio/vfio", Char, 10, 196, 0o666),
    Single("net/tun", Char, 10, 200, 0o666),
    Single("cuse", Char, 10, 203, 0o600),
    Single("uinput", Char, 10, 223, 0o600),
    Single("tpm0", Char, 10, 224, 0o660),
    Single("hpet", Char, 10, 228, 0o600),
    Single("fuse", Char, 10, 229, 0o666),
    Single("snapshot", Char, 10, 231, 0o600),
    Single("kvm", Char, 10, 232, 0o666),
    Single("btrfs-control", Char, 10, 234, 0o660),
    Single("autofs", Char, 10, 235, 0o600),
    Single("mapper/control", Char, 10, 236, 0o600),
    Single("loop-control", Char, 10, 237, 0o660),
    Single("vhost-net", Char, 10, 238, 0o666),
    Single("uhid", Char, 10, 239, 0o600),
    Single("userio", Char, 10, 240, 0o600),
    Single("vhost-vsock", Char, 10, 241, 0o666),
    Single("rfkill", Char, 10, 242, 0o664),
    Single("input/mice", Char, 13, 63, 0o660),
    Single("ppp", Char, 108, 0, 0o600),
    Single("snd/seq", Char, 116, 1, 0o660),
    Single("snd/timer", Char, 116, 33, 0o660),
    Single("nvidia-modeset", Char, 195, 254, 0o666),
    Single("nvidiactl", Char, 195, 255, 0o666),
];

#[rustfmt::skip]
const FAMILIES: &[Family] = &[
    Family("ram", Block, 1, 0, 16, 0o660),
    Family("tty", Char, 4, 0, 64, 0o620),
    Family("ttyS", Char, 4, 64, 192, 0o660),
    Family("lp", Char, 6, 0, 8, 0o660),
    Family("loop", Block, 7, 0, 256, 0o660),
    Family("vcs", Char, 7, 0, 64, 0o660),
    Family("vcsa", Char, 7, 128, 64, 0o660),
    Family("md", Block, 9, 0, 256, 0o660),
    Family("st", Char, 9, 0, 32, 0o660),
    Family("nst", Char, 9, 128, 32, 0o660),
    Family("sr", Block, 11, 0, 256, 0o660),
    Family("input/js", Char, 13, 0, 32, 0o664),
    Family("input/mouse", Char, 13, 32, 31, 0o660),
    Family("input/event", Char, 13, 64, 32, 0o660),
    Family("sg", Char, 21, 0, 256, 0o660),
    Family("fb", Char, 29, 0, 32, 0o660),
    Family("i2c-", Char, 89, 0, 256, 0o600),
    Family("ttyACM", Char, 166, 0, 256, 0o660),
    Family("usb/lp", Char, 180, 0, 16, 0o660),
    Family("ttyUSB", Char, 188, 0, 256, 0o660),
    Family("nvidia", Char, 195, 0, 254, 0o666),
    Family("ttyAMA", Char, 204, 64, 16, 0o660),
    Family("dri/card", Char, 226, 0, 64, 0o660),
    Family("dri/renderD", Char, 226, 0, 192, 0o666),
];

/// Directories of devices, and what to write instead of one.
pub const DIRECTORIES: &[(&str, &str)] = &[
    ("/dev", "/dev/fuse"),
    ("/dev/bus/usb", "/dev/bus/usb/001/002"),
    ("/dev/dri", "/dev/dri/renderD128"),
    ("/dev/input", "/dev/input/event0"),
    ("/dev/mapper", "/dev/mapper/control"),
    ("/dev/net", "/dev/net/tun"),
    ("/dev/snd", "/dev/snd/timer"),
    ("/dev/usb", "/dev/usb/lp0"),
    ("/dev/vfio", "/dev/vfio/vfio"),
];

/// The first node for rendering; those below are cards.
const FIRST_RENDERER: u32 = 128;

/// The device that a clean path on the host stands for, on every host that has it.
pub fn known(path: &str) -> Option<DeviceNode> {
    let name = path.strip_prefix("/dev/")?;
    let single = SINGLES.iter().find(|single| single.0 == name);
    let single = single.map(|Single(_, kind, major, minor, mode)| node(*kind, *major, *minor, *mode));
    single
        .or_else(|| FAMILIES.iter().find_map(|family| member(family, name)))
        .or_else(|| disk(name))
        .or_else(|| usb(name))
}

/// The names of all single devices, to find the one that was meant.
pub fn names() -> impl Iterator<Item = &'static str> {
    SINGLES.iter().map(|single| single.0)
}

fn node(kind: DeviceKind, major: u32, minor: u32, mode: u32) -> DeviceNode {
    DeviceNode { kind, major, minor, mode }
}

fn member(family: &Family, name: &str) -> Option<DeviceNode> {
    let Family(prefix, kind, major, first, count, mode) = family;
    let number = counted(name.strip_prefix(prefix)?)?;
    let of_family = number < *count && (*prefix != "dri/renderD" || number >= FIRST_RENDERER);
    of_family.then(|| node(*kind, *major, first + number, *mode))
}

/// A number as names have it: no sign, and no zero before it.
fn counted(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| digits)
}

/// `sda` to `sdp`, and their partitions 1 to 15. Disks beyond these have other majors.
fn disk(name: &str) -> Option<DeviceNode> {
    let mut letters = name.strip_prefix("sd")?.chars();
    let disk = letters.next().filter(|letter| ('a'..='p').contains(letter))?;
    let partition = match letters.as_str() {
        "" => 0,
        partition => counted(partition).filter(|partition| (1..=15).contains(partition))?,
    };
    Some(node(Block, 8, (u32::from(disk) - u32::from('a')) * 16 + partition, 0o660))
}

/// `bus/usb/BUS/DEVICE`, each with three digits: 128 devices to a bus.
fn usb(name: &str) -> Option<DeviceNode> {
    let (bus, device) = name.strip_prefix("bus/usb/")?.split_once('/')?;
    let number = |text: &str| {
        let three = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|number| three && *number > 0)
    };
    let (bus, device) = (number(bus)?, number(device)?);
    (device <= 127).then(|| node(Char, 189, (bus - 1) * 128 + device - 1, 0o664))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        for (path, kind, major, minor) in [
            ("/dev/null", Char, 1, 3),
            ("/dev/net/tun", Char, 10, 200),
            ("/dev/fuse", Char, 10, 229),
            ("/dev/kvm", Char, 10, 232),
            ("/dev/dri/card1", Char, 226, 1),
            ("/dev/dri/renderD128", Char, 226, 128),
            ("/dev/tty7", Char, 4, 7),
            ("/dev/ttyS1", Char, 4, 65),
            ("/dev/ttyUSB0", Char, 188, 0),
            ("/dev/ttyACM3", Char, 166, 3),
            ("/dev/ttyAMA0", Char, 204, 64),
            ("/dev/input/event5", Char, 13, 69),
            ("/dev/loop12", Block, 7, 12),
            ("/dev/sda", Block, 8, 0),
            ("/dev/sdb3", Block, 8, 19),
            ("/dev/sdp15", Block, 8, 255),
            ("/dev/sr0", Block, 11, 0),
            ("/dev/nvidia0", Char, 195, 0),
            ("/dev/bus/usb/002/003", Char, 189, 130),
        ] {
            let found = known(path).map(|node| (node.kind, node.major, node.minor));
            assert_eq!(found, Some((kind, major, minor)), "{path}");
        }
        for path in [
            "/dev",
            "/dev/",
            "/dev/tty64",
            "/dev/ttyS192",
            "/dev/ttyUSB01",
            "/dev/ttyUSB+1",
            "/dev/dri/renderD5",
            "/dev/dri/card99999999999",
            "/dev/sda16",
            "/dev/sda0",
            "/dev/sdaa",
            "/dev/sd",
            "/dev/video0",
            "/dev/nvme0n1",
            "/dev/bus/usb/1/2",
            "/dev/bus/usb/001/128",
            "/dev/bus/usb/000/001",
            "/tmp/null",
        ] {
            assert_eq!(known(path), None, "{path}");
        }
    }
}
