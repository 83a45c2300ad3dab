//! One transaction of nf_tables: all messages in one batch, and the kernel's answer to each.
//!
//! Source: net/netfilter/nfnetlink.c (`nfnetlink_rcv_batch`), linux/netfilter/nfnetlink.h.

use rustix::io::Errno;
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use crate::Commit;

/// `NETLINK_NETFILTER`.
const NETFILTER: u32 = 12;
/// `NFNL_MSG_BATCH_BEGIN` and `NFNL_MSG_BATCH_END`.
const BEGIN: u16 = 16;
const END: u16 = 17;
/// `NLMSG_ERROR`, which is also an acknowledgement.
const ERROR: u16 = 2;
/// `NLM_F_REQUEST`.
const REQUEST: u16 = 1;
/// `NFNL_SUBSYS_NFTABLES`, in network order in the batch's marks.
const SUBSYSTEM: u8 = 10;

/// What the kernel refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// The message's number, from 1; 0 for the batch as a whole.
    pub(super) number: u32,
    /// The reason.
    pub(super) errno: Errno,
}

impl From<Errno> for Refused {
    fn from(errno: Errno) -> Self {
        Self { number: 0, errno }
    }
}

/// Sends the messages (each with its header, whose sequence number and flags are set here).
pub(super) fn send(messages: &[Vec<u8>], how: Commit) -> Result<(), Refused> {
    let protocol = std::num::NonZeroU32::new(NETFILTER).map(net::Protocol::from_raw);
    let flags = SocketFlags::CLOEXEC;
    let socket = net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, protocol)?;
    let batch = batch(messages, how);
    // The usual buffers hold 200 KiB; a set of 10,000 addresses takes twice that.
    let room = batch.len().saturating_mul(2).max(1 << 20);
    // Without CAP_NET_ADMIN the batch is refused below, with better words.
    let _refused_below = net::sockopt::set_socket_send_buffer_size_force(&socket, room);
    let _refused_below = net::sockopt::set_socket_recv_buffer_size_force(&socket, room);
    let timeout = Some(std::time::Duration::from_secs(5));
    net::sockopt::set_socket_timeout(&socket, net::sockopt::Timeout::Recv, timeout)?;
    net::send(&socket, &batch, SendFlags::empty())?;
    let mut answered = 0;
    let mut buffer = vec![0_u8; 64 << 10];
    while answered < messages.len() {
        let length = match net::recv(&socket, &mut buffer[..], RecvFlags::empty()) {
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => return Err(Errno::TIMEDOUT.into()),
            other => other?.0,
        };
        answered += acknowledged(buffer.get(..length).unwrap_or_default())?;
    }
    Ok(())
}

/// Returns how many messages an answer acknowledges, or the first that it refuses.
fn acknowledged(datagram: &[u8]) -> Result<usize, Refused> {
    let mut count = 0_usize;
    let mut rest = datagram;
    while let Some((header, body)) = rest.split_first_chunk::<16>() {
        let [l0, l1, l2, l3, k0, k1, _, _, s0, s1, s2, s3, ..] = *header;
        let length = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
        if u16::from_ne_bytes([k0, k1]) == ERROR {
            let code = body.first_chunk::<4>().map_or(0, |code| i32::from_ne_bytes(*code));
            if code != 0 {
                let number = u32::from_ne_bytes([s0, s1, s2, s3]);
                let errno = Errno::from_raw_os_error(code.wrapping_neg());
                return Err(Refused { number, errno });
            }
            count = count.saturating_add(1);
        }
        let step = length.max(16).next_multiple_of(4).min(rest.len());
        rest = rest.get(step..).unwrap_or_default();
    }
    Ok(count)
}

/// Returns the whole batch. Without its end mark the kernel checks it and forgets it.
fn batch(messages: &[Vec<u8>], how: Commit) -> Vec<u8> {
    let mut bytes = mark(BEGIN, 0);
    for (message, number) in messages.iter().zip(1_u32..) {
        let start = bytes.len();
        bytes.extend_from_slice(message);
        if let Some(place) = bytes.get_mut(start.saturating_add(8)..start.saturating_add(12)) {
            place.copy_from_slice(&number.to_ne_bytes());
        }
    }
    if how == Commit::Yes {
        bytes.extend_from_slice(&mark(END, 0));
    }
    bytes
}

/// A mark of begin or end: it wants no answer.
fn mark(kind: u16, number: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(20);
    bytes.extend_from_slice(&20_u32.to_ne_bytes());
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(&REQUEST.to_ne_bytes());
    bytes.extend_from_slice(&number.to_ne_bytes());
    bytes.extend_from_slice(&0_u32.to_ne_bytes());
    bytes.extend_from_slice(&[0, 0, 0, SUBSYSTEM]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(number: u32, code: i32) -> Vec<u8> {
        let mut bytes = 36_u32.to_ne_bytes().to_vec();
        bytes.extend_from_slice(&ERROR.to_ne_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&number.to_ne_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&code.to_ne_bytes());
        bytes.extend_from_slice(&[0; 16]);
        bytes
    }

    #[test]
    fn a_refused_message_is_named_by_its_number() {
        let both = [answer(1, 0), answer(2, -17)].concat();
        assert_eq!(acknowledged(&both), Err(Refused { number: 2, errno: Errno::EXIST }));
        assert_eq!(acknowledged(&answer(7, 0)), Ok(1));
        assert_eq!(acknowledged(b"\x08\0\0\0torn"), Ok(0));
    }

    #[test]
    fn a_dry_run_lacks_the_end_mark() {
        let message = vec![0_u8; 20];
        let dry = batch(std::slice::from_ref(&message), Commit::DryRun);
        let real = batch(&[message], Commit::Yes);
        assert_eq!(dry.len() + 20, real.len());
        assert_eq!(real[40 + 4..40 + 6], END.to_ne_bytes());
        assert_eq!(dry[20 + 8..20 + 12], 1_u32.to_ne_bytes(), "messages are numbered");
    }
}
