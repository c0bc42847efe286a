//! slirp4netns, where there is no pasta: a network of its own behind the host's. See
//! [slirp4netns(1)](https://github.com/rootless-containers/slirp4netns/blob/master/slirp4netns.1.md).

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Shutdown};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use serde_json::{Value, json};

use super::super::Error;
use super::super::argv::user_network::UserNetwork;
use super::super::argv::{PATH, Ports};
use super::super::directory::path_in;
use super::super::plugin::find;
use super::super::task::Task;

pub const NAME: &str = "slirp4netns";

/// Where it takes orders.
pub const SOCKET: &str = "slirp4netns.sock";

/// The address that it gives the namespace.
const GUEST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 100);

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest answer.
const LIMIT: u64 = 1 << 16;

/// Starts it, has it written down, and waits until it works. It stays where it is started: nobody waits for it.
pub fn start(
    told: &UserNetwork,
    owner: Task,
    keep: &mut dyn FnMut(Task) -> Result<(), Error>,
) -> Result<(), Error> {
    let program = find(PATH, NAME).ok_or_else(|| failed("not found"))?;
    let (ready, other) =
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(Error::system("make a pipe"))?;
    let mut command = Command::new(program);
    command.args(["--configure", "--mtu=65520", "--disable-host-loopback"]);
    command.arg(format!("--userns-path={}", owner.proc("ns/user")));
    // The name of a socket has room for 107 characters, and that of a project for more.
    command.arg(format!("--api-socket={SOCKET}"));
    command.current_dir(format!("{}/{}/{}", told.run, told.project, super::BUNDLE));
    // The one descriptor that every process has: it says there when it is ready.
    command.args(["--ready-fd=0", &owner.pid.to_string(), "tap0"]);
    command.env_clear().env("PATH", PATH).process_group(0);
    command.stdin(other).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().map_err(Error::io(format!("run {NAME}")))?;
    drop(command);
    let pid = i32::try_from(child.id()).map_err(|_| failed("has no process"))?;
    // At once: whatever happens from here on, it is ended.
    if let Ok(task) = Task::find(pid) {
        keep(task)?;
    }
    wait(&ready)
}

fn wait(ready: &OwnedFd) -> Result<(), Error> {
    let limit = Timespec { tv_sec: PATIENCE.as_secs().cast_signed(), tv_nsec: 0 };
    let mut polled = [PollFd::new(ready, PollFlags::IN)];
    rustix::event::poll(&mut polled, Some(&limit)).map_err(Error::system("wait for slirp4netns"))?;
    let mut byte = [0];
    match polled.iter().any(|polled| !polled.revents().is_empty()) {
        true if rustix::io::read(ready, &mut byte).is_ok_and(|read| read > 0) => Ok(()),
        true => Err(failed("came to its end at once; is /dev/net/tun there, and open to you?")),
        false => Err(failed("was not ready in time")),
    }
}

/// Publishes the ports, where it is this program that carries the traffic.
pub fn publish(told: &UserNetwork, place: &OwnedFd) -> Result<(), Error> {
    if rustix::fs::statat(place, SOCKET, rustix::fs::AtFlags::SYMLINK_NOFOLLOW).is_err() {
        return Ok(());
    }
    for ports in &told.ports {
        for more in 0..ports.count {
            let (host, container) = (ports.host.checked_add(more), ports.container.checked_add(more));
            if let (Some(host), Some(container)) = (host, container) {
                one(ports, host, container, place)?;
            }
        }
    }
    Ok(())
}

fn one(ports: &Ports, host: u16, container: u16, place: &OwnedFd) -> Result<(), Error> {
    let refused = |reason: String| Error::Port { port: format!("{host}/{}", ports.protocol), reason };
    let ip = match ports.ip {
        None => Ipv4Addr::UNSPECIFIED,
        Some(IpAddr::V4(ip)) => ip,
        Some(IpAddr::V6(_)) => {
            return Err(refused(format!("{NAME} knows no addresses of IPv6; pasta does (Debian: passt)")));
        }
    };
    let order = json!({"execute": "add_hostfwd", "arguments": {
        "proto": ports.protocol, "host_addr": ip, "host_port": host,
        "guest_addr": GUEST, "guest_port": container,
    }});
    let answer = ask(&order, place).map_err(Error::io(format!("ask {NAME}")))?;
    match answer.get("error") {
        None => Ok(()),
        Some(error) => {
            let said = error.get("desc").and_then(Value::as_str).unwrap_or("refused");
            Err(refused(format!("{NAME}: {said}")))
        }
    }
}

fn ask(order: &Value, place: &OwnedFd) -> std::io::Result<Value> {
    let mut stream = UnixStream::connect(path_in(place, SOCKET))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(order.to_string().as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    stream.take(LIMIT).read_to_end(&mut answer)?;
    Ok(serde_json::from_slice(&answer)?)
}

fn failed(reason: &str) -> Error {
    Error::Program { program: NAME.to_owned(), reason: reason.to_owned() }
}
