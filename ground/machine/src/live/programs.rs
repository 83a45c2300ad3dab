//! Programs at the devices of the network (XDP).
//!
//! Source: bpf(2); linux/if_link.h (`IFLA_XDP_*`); rtnetlink(7).

use std::os::fd::AsRawFd as _;

use rustix::io::Errno;

use super::netlink;
use crate::netlink::{attribute, request};
use crate::sys;

/// `RTM_SETLINK`, and of its attributes `IFLA_IFNAME` and `IFLA_XDP` (nested).
const SET_LINK: u16 = 19;
const DEVICE: u16 = 3;
const XDP: u16 = 43 | 0x8000;
/// `IFLA_XDP_FD`, `IFLA_XDP_FLAGS`.
const DESCRIPTOR: u16 = 1;
const FLAGS: u16 = 3;
/// `XDP_FLAGS_SKB_MODE`: any device can.
const GENERIC: u32 = 1 << 1;

/// Puts a program at a device, in place of the one that is there. It stays when we end.
pub(super) fn attach(device: &str, name: &str, program: &[u8]) -> Result<(), Errno> {
    let loaded = sys::bpf_load(name, program)?;
    set(device, loaded.as_raw_fd())
}

/// Takes the program at a device away.
pub(super) fn detach(device: &str) -> Result<(), Errno> {
    set(device, -1)
}

fn set(device: &str, descriptor: i32) -> Result<(), Errno> {
    let inner = [
        attribute(DESCRIPTOR, &descriptor.to_ne_bytes()),
        attribute(FLAGS, &GENERIC.to_ne_bytes()),
    ]
    .concat();
    // `struct ifinfomsg`: the device is named below.
    let mut body = vec![0_u8; 16];
    body.extend(attribute(DEVICE, &[device.as_bytes(), &[0]].concat()));
    body.extend(attribute(XDP, &inner));
    // `NLM_F_REQUEST | NLM_F_ACK`.
    let request = request(SET_LINK, 5, &body);
    netlink::dump(0, &request).map(|_acknowledged| ())
}
