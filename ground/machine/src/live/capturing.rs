//! Taking all frames at devices of the network, for a bounded time.
//!
//! Source: packet(7), socket(7) (`SO_TIMESTAMPNS`).

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::Live;
use crate::kernel::{Capture, Frame, Lost};
use crate::{Kernel as _, Miss, sys};

/// The longest frame: devices that join segments hand up 64 KiB and a header.
const LONGEST: usize = 256 << 10;
/// What the kernel keeps for us at each device while we are busy.
const KEPT: i32 = 16 << 20;
/// `ETH_P_ALL`.
const EVERYTHING: u16 = 3;
/// `PACKET_OUTGOING`.
const OUTGOING: u8 = 4;
/// How many frames are taken of one device before another is looked at.
const AT_ONCE: usize = 256;

struct Ear {
    device: usize,
    socket: OwnedFd,
    is_gone: bool,
}

fn ears(order: &Capture<'_>) -> Result<Vec<Ear>, Errno> {
    let mut ears = Vec::new();
    for (device, (_, number)) in order.devices.iter().enumerate() {
        match sys::packet_socket(*number, EVERYTHING, &[], &[]) {
            Ok(socket) => {
                sys::stamp_frames(socket.as_fd(), KEPT)?;
                ears.push(Ear { device, socket, is_gone: false });
            }
            // It went away, or is down.
            Err(Errno::NODEV | Errno::NETDOWN | Errno::NXIO) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(ears)
}

/// Takes frames until the time is over or it is enough; returns what was lost.
pub(super) fn capture(
    live: &Live,
    order: &Capture<'_>,
    each: &mut dyn FnMut(&Frame<'_>) -> bool,
) -> Result<Vec<Lost>, Miss> {
    let miss = |errno| Miss::from_errno(errno, Path::new("packet socket"));
    let mut ears = ears(order).map_err(miss)?;
    let time = u64::try_from(order.time.as_nanos()).unwrap_or(u64::MAX);
    let until = live.monotonic().saturating_add(time);
    let mut room = vec![0_u8; LONGEST];
    'time: loop {
        let left = until.saturating_sub(live.monotonic());
        if left == 0 || ears.iter().all(|ear| ear.is_gone) {
            break;
        }
        let time = Timespec {
            tv_sec: i64::try_from(left / 1_000_000_000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(left % 1_000_000_000).unwrap_or(0),
        };
        let listening = ears.iter().filter(|ear| !ear.is_gone);
        let mut waiting: Vec<PollFd<'_>> =
            listening.map(|ear| PollFd::new(&ear.socket, PollFlags::IN)).collect();
        match poll(&mut waiting, Some(&time)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(miss(errno)),
        }
        drop(waiting);
        for ear in ears.iter_mut().filter(|ear| !ear.is_gone) {
            for _ in 0..AT_ONCE {
                match sys::receive_frame(ear.socket.as_fd(), &mut room) {
                    Ok(received) => {
                        let frame = Frame {
                            device: ear.device,
                            time: received.time.unwrap_or(0),
                            length: received.length,
                            outgoing: received.kind == OUTGOING,
                            bytes: room.get(..received.length).unwrap_or(&room),
                        };
                        if each(&frame) {
                            break 'time;
                        }
                    }
                    Err(Errno::AGAIN | Errno::INTR | Errno::NOBUFS) => break,
                    // The device went down or away: nothing more comes from it.
                    Err(_gone) => {
                        ear.is_gone = true;
                        break;
                    }
                }
            }
        }
    }
    let lost = |ear: &Ear| {
        let (received, dropped) = sys::packet_statistics(ear.socket.as_fd()).unwrap_or((0, 0));
        Lost { device: ear.device, received: received.into(), dropped: dropped.into() }
    };
    Ok(ears.iter().map(lost).collect())
}
