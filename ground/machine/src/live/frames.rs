//! Hearing whole frames at devices of the network, for a bounded time.
//!
//! Source: packet(7).

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{self, RecvFlags};

use super::Live;
use crate::kernel::{Heard, Listen};
use crate::{Kernel as _, Miss, sys};

/// A frame is at most as long as an ordinary device lets it be, and some more.
const LONGEST: usize = 2048;
/// After so many frames nobody listens on: a flood is no neighbour.
const MOST: usize = 4096;

/// `ETH_P_ALL`: a socket for one kind alone gets its copy only behind the rules at a device, so
/// that a machine that we have isolated would be deaf.
const EVERYTHING: u16 = 3;
/// What of everything is heard: LLDP (0x88cc), and frames with a length in place of a kind (802.2,
/// which CDP is); nothing that this machine sends itself, as a daemon for LLDP does. Instructions of
/// the classic filter (linux/bpf_common.h): load, jump if equal or greater, return.
const FILTER: [libc::sock_filter; 7] = [
    // `SKF_AD_OFF + SKF_AD_PKTTYPE`, against `PACKET_OUTGOING`.
    instruction(0x30, 0, 0, 0xffff_f004),
    instruction(0x15, 4, 0, 4),
    instruction(0x28, 0, 0, 12),
    instruction(0x15, 1, 0, 0x88cc),
    instruction(0x25, 1, 0, 0x5dc),
    instruction(0x06, 0, 0, LONGEST as u32),
    instruction(0x06, 0, 0, 0),
];

const fn instruction(code: u16, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf, k }
}

/// One ear: a device and the socket.
struct Ear<'a> {
    device: &'a str,
    socket: OwnedFd,
}

/// Listens until enough was heard or the time is over.
pub(super) fn hear(
    live: &Live,
    listen: &Listen<'_>,
    each: &mut dyn FnMut(&Heard<'_>) -> bool,
) -> Result<(), Miss> {
    let miss = |errno| Miss::from_errno(errno, Path::new("packet socket"));
    let mut ears = Vec::new();
    for (device, number) in listen.devices {
        match sys::packet_socket(*number, EVERYTHING, &FILTER, listen.groups) {
            Ok(socket) => ears.push(Ear { device, socket }),
            // It went away, or is down.
            Err(Errno::NODEV | Errno::NETDOWN | Errno::NXIO) => {}
            Err(errno) => return Err(miss(errno)),
        }
    }
    let until = live.monotonic().saturating_add(nanoseconds(listen.time));
    let mut heard = 0_usize;
    while heard < MOST {
        let left = until.saturating_sub(live.monotonic());
        if left == 0 || ears.is_empty() {
            return Ok(());
        }
        let mut waiting: Vec<PollFd<'_>> =
            ears.iter().map(|ear| PollFd::new(&ear.socket, PollFlags::IN)).collect();
        let time = Timespec {
            tv_sec: i64::try_from(left / 1_000_000_000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(left % 1_000_000_000).unwrap_or(0),
        };
        match poll(&mut waiting, Some(&time)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(miss(errno)),
        }
        let ready: Vec<bool> = waiting.iter().map(|one| !one.revents().is_empty()).collect();
        let mut deaf = Vec::new();
        for (at, ear) in ears.iter().enumerate() {
            if ready.get(at) != Some(&true) {
                continue;
            }
            let mut frame = [0_u8; LONGEST];
            match net::recv(&ear.socket, &mut frame[..], RecvFlags::empty()) {
                Ok((length, _whole)) => {
                    heard = heard.saturating_add(1);
                    let bytes = frame.get(..length).unwrap_or_default();
                    if each(&Heard { device: ear.device, bytes }) {
                        return Ok(());
                    }
                }
                Err(Errno::AGAIN | Errno::INTR | Errno::NOBUFS) => {}
                // The device went down or away: nothing more comes from it.
                Err(_gone) => deaf.push(at),
            }
        }
        for at in deaf.into_iter().rev() {
            ears.remove(at);
        }
    }
    Ok(())
}

fn nanoseconds(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
