//! One netlink dump: send the request, collect the datagrams until the end mark.

use rustix::io::Errno;
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// `NLMSG_ERROR` and `NLMSG_DONE` (linux/netlink.h).
const ERROR: u16 = 2;
const DONE: u16 = 3;

/// Sends a request and returns the answer's datagrams. The reply ends with `NLMSG_DONE`, with an
/// error, or, for a request without the dump flag, with its acknowledgement.
pub(super) fn dump(protocol: i32, request: &[u8]) -> Result<Vec<Vec<u8>>, Errno> {
    let protocol = u32::try_from(protocol).ok().and_then(std::num::NonZeroU32::new);
    let protocol = protocol.map(net::Protocol::from_raw);
    let socket =
        net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
    let timeout = Some(std::time::Duration::from_secs(2));
    net::sockopt::set_socket_timeout(&socket, net::sockopt::Timeout::Recv, timeout)?;
    net::send(&socket, request, SendFlags::empty())?;
    let mut answers = Vec::new();
    let mut total = 0_usize;
    // 256 KiB: larger than any datagram of a dump (the kernel fills at most 32 KiB, af_netlink.c).
    let mut buffer = vec![0_u8; 256 << 10];
    loop {
        let (length, whole) = match net::recv(&socket, &mut buffer[..], RecvFlags::TRUNC) {
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => return Err(Errno::TIMEDOUT),
            other => other?,
        };
        if whole > length {
            // Half a datagram would be rows lost in silence.
            return Err(Errno::MSGSIZE);
        }
        let datagram = buffer.get(..length).unwrap_or_default();
        total = total.saturating_add(length);
        let end = last(datagram)?;
        answers.push(datagram.to_vec());
        // 1 GiB of sockets is more than a host can hold; it would be a forged stream.
        if total > 1 << 30 {
            return Err(Errno::OVERFLOW);
        }
        if end || length == 0 {
            return Ok(answers);
        }
    }
}

/// Returns whether a datagram ends the dump, or the error that it carries.
fn last(datagram: &[u8]) -> Result<bool, Errno> {
    let mut rest = datagram;
    while let Some((header, _)) = rest.split_first_chunk::<16>() {
        let [l0, l1, l2, l3, k0, k1, f0, f1, ..] = *header;
        let length = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
        let flags = u16::from_ne_bytes([f0, f1]);
        match u16::from_ne_bytes([k0, k1]) {
            DONE => return Ok(true),
            ERROR => {
                let code = rest.get(16..20).and_then(|b| b.try_into().ok());
                let code = i32::from_ne_bytes(code.unwrap_or_default());
                return match code {
                    0 => Ok(true),
                    negative => Err(Errno::from_raw_os_error(negative.wrapping_neg())),
                };
            }
            // Not one of many (`NLM_F_MULTI` = 2): a single answer.
            _ if flags & 2 == 0 => return Ok(true),
            _ => {}
        }
        let step = length.max(16).next_multiple_of(4).min(rest.len());
        rest = rest.get(step..).unwrap_or_default();
    }
    Ok(false)
}
