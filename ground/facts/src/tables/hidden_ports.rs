//! Ports that are taken but that no list shows.
//!
//! Whoever hides a listener from every list still holds its port: binding it fails.
//!
//! A TCP socket that was bound and neither listens nor connects is in no list of kernels before
//! Linux 6.8. There a port counts only if it answers on loopback, which is one connection to it.
//!
//! Source: bind(2), sock_diag(7), `TCP_BOUND_INACTIVE` in include/net/tcp_states.h.

use std::collections::BTreeSet;
use std::time::Duration;

use stanch_machine::Kernel;
use stanch_machine::kernel::Protocol;
use stanch_words::{Ask, Gap, GapKind, Seen, table_spec};

use crate::Host;
use crate::sockets::{self, Listed, Socket, Sockets, TCP, UDP, diag, listed};

table_spec! {
    /// Hidden ports.
    pub static SPEC, col = "hidden_ports": Live, "Ports of our network namespace that are taken and in no list of sockets.";
    protocol Integer Plain "Transport protocol: 6 TCP, 17 UDP.";
    port Integer Plain "Port.";
    confirmed Integer Plain "How many further looks agreed, out of three.";
}

/// Looks that must agree after the first.
const LOOKS: i64 = 3;
const BETWEEN: Duration = Duration::from_millis(60);

/// Tries all ports and compares.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    let Some(kernel) = host.kernel(SPEC.name, seen) else { return };
    for (protocol, number) in [(Protocol::Tcp, TCP), (Protocol::Udp, UDP)] {
        let before = known_before(host, number, seen);
        let tried = match kernel.taken_ports(protocol) {
            Ok(tried) => tried,
            Err(miss) => {
                seen.gap(miss.gap(SPEC.name));
                continue;
            }
        };
        if tried.refused > 0 {
            let detail = format!(
                "{} ports of protocol {number} cannot be tried without privilege",
                tried.refused
            );
            seen.gap(Gap::new(SPEC.name, GapKind::Denied, detail));
        }
        let mut hidden: BTreeSet<u16> =
            tried.taken.into_iter().filter(|port| !before.contains(port)).collect();
        for _look in 0..LOOKS {
            if hidden.is_empty() {
                break;
            }
            let after = known(host, kernel, number);
            hidden.retain(|port| {
                !after.contains(port) && kernel.port_is_taken(protocol, *port).unwrap_or(false)
            });
            kernel.sleep(BETWEEN);
        }
        if number == TCP && !hidden.is_empty() && !lists_bound(kernel) {
            hidden.retain(|&port| kernel.answers_on_loopback(port));
        }
        for port in hidden {
            let mut row = SPEC.row();
            row.put(col::protocol, number).put(col::port, port).put(col::confirmed, LOOKS);
            seen.push(row);
        }
    }
}

/// Returns the local ports in the lists that other tables read too. They are a little older than
/// the trial: a port taken since is cleared by the looks that follow.
fn known_before(host: &Host, protocol: u8, seen: &mut Seen) -> BTreeSet<u16> {
    let own = sockets::own_namespace(host).unwrap_or(0);
    let (ours, listed) = (Sockets::of(host), Listed::of(host));
    for gap in &listed.gaps {
        seen.gap(Gap { what: SPEC.name.to_owned(), ..gap.clone() });
    }
    let ours = ours.list.iter().filter(|socket| socket.namespace == own);
    let all = ours.chain(&listed.list).filter(|socket| socket.protocol == protocol);
    all.map(|socket| socket.local_port).collect()
}

/// Returns all local ports that netlink or /proc lists now: a port that either shows is not hidden
/// from both (`socket_disagreements` tells of those that one hides).
fn known(host: &Host, kernel: &dyn Kernel, protocol: u8) -> BTreeSet<u16> {
    let mut list: Vec<Socket> = Vec::new();
    for family in [sockets::INET, sockets::INET6] {
        if let Ok(dump) = diag::dump(kernel, family, protocol) {
            list.extend(dump.sockets);
        }
    }
    let files: &[&str] = if protocol == TCP { &["tcp", "tcp6"] } else { &["udp", "udp6"] };
    debug_assert!(files.iter().all(|file| listed::FILES.contains(file)));
    sockets::read_listed(host, "/proc/self/net", files, &mut list, &mut Seen::default());
    list.iter().map(|socket| socket.local_port).collect()
}

/// Returns whether this kernel lists sockets that are only bound: since Linux 6.8.
fn lists_bound(kernel: &dyn Kernel) -> bool {
    let [_, _, release, ..] = kernel.uname();
    version(&release) >= (6, 8)
}

fn version(release: &str) -> (u32, u32) {
    let mut parts = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().ok());
    let mut next = || parts.next().flatten().unwrap_or(0);
    (next(), next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_versions() {
        for (release, expected) in [
            ("6.18.44-x", (6, 18)),
            ("6.1.0-56-cloud-amd64", (6, 1)),
            ("5.4", (5, 4)),
            ("x", (0, 0)),
        ] {
            assert_eq!(version(release), expected, "{release}");
        }
        assert!(version("6.10.1") >= (6, 8) && version("5.15.0") < (6, 8));
    }

    #[test]
    fn a_live_listener_is_taken_and_known() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = Host::new(std::sync::Arc::new(stanch_machine::Live::new()));
        let kernel = host.machine().kernel().unwrap();
        assert!(kernel.port_is_taken(Protocol::Tcp, port).unwrap());
        assert!(known(&host, kernel, TCP).contains(&port));
        assert!(kernel.answers_on_loopback(port));
    }
}
