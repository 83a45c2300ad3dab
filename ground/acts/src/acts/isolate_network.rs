//! Cuts the machine off the network, or a part of it, in one transaction of nf_tables.
//!
//! The rules stand in two tables of our own: nothing of other tables is read, changed or flushed,
//! and a packet that is dropped here is not brought back by another table. The first table sees
//! IPv4 and IPv6 before connections are tracked, so that no "established" lets a standing
//! connection through; the second stands at the devices, where raw frames and containers with
//! devices of their own pass, too.
//!
//! Every rule that cuts applies only while a set of the kernel's holds an element whose time runs
//! out: unless the responder confirms over a new connection, the kernel opens the machine by
//! itself, even if this program is gone.
//!
//! Facts and their measurements: catalogue of containment, M1 to M33; nft(8).

mod blind;
mod order;
pub mod proof;
mod rules;
mod standing;

use stanch_machine::{Changing, Commit, Machine};
use stanch_words::{Both, Refusal, Risk, Step, Subject, SubjectKind, Undo};

use crate::act::{Act, Trouble};
use crate::connections::{self, Connection};
use crate::netlink;
use crate::nft::{self, Family};
use crate::sockets::{self, Socket};

use blind::Guard;

pub use order::{Level, Order};
pub use standing::{Standing, apply_again};

/// Our tables.
const TABLE: &str = "stanch";
const DEVICE_TABLE: &str = "stanch_devices";

/// Cuts the machine off the network.
#[derive(Debug)]
pub struct IsolateNetwork;

impl IsolateNetwork {
    /// The act's name.
    pub const NAME: &'static str = "isolate_network";

    /// Plans it. Nothing is touched.
    ///
    /// # Errors
    /// [`Trouble`] if the machine does not let itself be read.
    pub fn plan(machine: &dyn Machine, order: &Order) -> Result<Result<Step, Refusal>, Trouble> {
        match order.refusal() {
            Some(refusal) => Ok(Err(refusal)),
            None => Self::plan_for_console(machine, order),
        }
    }

    /// Plans it for a responder who sits at the machine itself, where no way in need stay open.
    ///
    /// # Errors
    /// [`Trouble`] if the machine does not let itself be read.
    pub fn plan_for_console(
        machine: &dyn Machine,
        order: &Order,
    ) -> Result<Result<Step, Refusal>, Trouble> {
        let met = IsolateNetwork.look(machine, &order.write())?;
        // One cut laid over another could only be taken back to the first, which is gone by then.
        if met != nothing_cut() {
            return Ok(Err(Refusal {
                asked: order.does(),
                why: Both::new(
                    "the network is cut by us already; open it first with `stanch contain release`",
                    "本工具已经切断了网络；请先用 `stanch contain release` 解除",
                ),
            }));
        }
        if let Some(device) = taken(machine, order)? {
            return Ok(Err(Refusal {
                asked: order.does(),
                why: Both::new(
                    format!(
                        "a program of somebody else stands at `{device}` and would be replaced; use `--level isolate`"
                    ),
                    format!("`{device}` 上已有他人的 XDP 程序，会被替换；请用 `--level isolate`"),
                ),
            }));
        }
        Ok(Ok(step(machine, order, met)))
    }

    /// Plans it for somebody who may not see the packet filter: as if nothing were cut. Such a plan
    /// is to be shown, and made anew before it is done.
    ///
    /// # Errors
    /// A [`Refusal`] where nothing is named that is to be blocked.
    pub fn plan_unseen(machine: &dyn Machine, order: &Order) -> Result<Step, Refusal> {
        match order.refusal() {
            Some(refusal) if order.level == Level::Block => Err(refusal),
            _ => Ok(step(machine, order, nothing_cut())),
        }
    }

    /// Lets the kernel check the rules without making them.
    ///
    /// # Errors
    /// [`Trouble`] with the kernel's reason: nf_tables or a part of it may be missing.
    pub fn rehearse(hands: &dyn Changing, order: &Order) -> Result<(), Trouble> {
        hands
            .firewall(&rules::of(order), Commit::DryRun)
            .map_err(Trouble::while_doing("letting the kernel check the rules"))
    }

    /// Gives the cut a new time to run out, in one transaction.
    ///
    /// # Errors
    /// [`Trouble`] if the kernel does not take it: then the box has opened already, or will.
    pub fn renew(hands: &dyn Changing, order: &Order, seconds: u64) -> Result<(), Trouble> {
        hands
            .firewall(&rules::renewed(order, seconds), Commit::Yes)
            .map_err(Trouble::while_doing("renewing the time of the cut"))?;
        if order.level == Level::Blind {
            blind::attach(hands, &Order { seconds, ..order.clone() })?;
        }
        Ok(())
    }

    /// Returns after how many seconds the kernel opens the machine by itself; none if nothing is
    /// cut, or no more.
    ///
    /// # Errors
    /// [`Trouble`] if the kernel does not tell.
    pub fn left(machine: &dyn Machine) -> Result<Option<u64>, Trouble> {
        let kernel = machine.kernel().ok_or(Trouble::NotLive)?;
        let request = nft::ask_for_elements(Family::Inet, TABLE, rules::ARMED);
        match kernel.netlink(netlink::NETFILTER, &request) {
            Ok(answers) => {
                let times = netlink::bodies(&answers).into_iter().flat_map(nft::expirations);
                Ok(times.max().map(|milliseconds| milliseconds.div_ceil(1000)))
            }
            Err(miss) if miss.absent => Ok(None),
            Err(source) => Err(Trouble::Machine { doing: "asking for the time left", source }),
        }
    }

    /// Returns the sockets that would be cut, as lines to be read: protocol, own port, other side.
    ///
    /// # Errors
    /// [`Trouble`] if the kernel does not tell its sockets.
    pub fn would_cut(machine: &dyn Machine, order: &Order) -> Result<Vec<String>, Trouble> {
        let cut = cut(machine, order)?;
        let line = |socket: &Socket| {
            let (remote, port) = (socket.remote(), socket.remote_port());
            format!("{} {} {remote} {port}", socket.protocol(), socket.local_port())
        };
        Ok(cut.iter().map(line).collect())
    }
}

impl Act for IsolateNetwork {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    /// The state is which of our tables there are. Tables of others do not matter: ours stand
    /// beside them, whatever they say.
    fn look(&self, machine: &dyn Machine, order: &str) -> Result<String, Trouble> {
        let order = Order::read(order)?;
        let inet = has_table(machine, Family::Inet, TABLE)?;
        let devices = has_table(machine, Family::Netdev, DEVICE_TABLE)?;
        if order.level != Level::Blind {
            return Ok(state(inet, devices));
        }
        let mut blind: Vec<&str> = Vec::new();
        for device in &order.devices {
            if blind::guard(machine, device)? == Guard::Ours {
                blind.push(device);
            }
        }
        if blind.is_empty() {
            return Ok(state(inet, devices));
        }
        Ok(serde_json::json!({ "inet": inet, "devices": devices, "blind": blind }).to_string())
    }

    fn apply(&self, hands: &dyn Changing, order: &str) -> Result<(), Trouble> {
        let order = Order::read(order)?;
        hands
            .firewall(&rules::of(&order), Commit::Yes)
            .map_err(Trouble::while_doing("making the rules"))?;
        if order.level == Level::Blind {
            blind::attach(hands, &order)?;
        }
        // Only now: a socket that ends before the drop stands tells its other side (M11).
        end_connections(hands, &order)
    }

    fn verify(&self, machine: &dyn Machine, order: &str) -> Result<Option<String>, Trouble> {
        let order = Order::read(order)?;
        if !has_table(machine, Family::Inet, TABLE)? {
            return Ok(Some(format!("the table `inet {TABLE}` is not there")));
        }
        if order.covers_devices() && !has_table(machine, Family::Netdev, DEVICE_TABLE)? {
            return Ok(Some(format!("the table `netdev {DEVICE_TABLE}` is not there")));
        }
        if order.level == Level::Blind {
            for device in &order.devices {
                if blind::guard(machine, device)? != Guard::Ours {
                    return Ok(Some(format!("`{device}` is not blind")));
                }
            }
        }
        // A socket that is being closed lives on for a moment: only those that stand count.
        let standing = cut(machine, &order)?.into_iter().filter(Socket::is_established).count();
        Ok((standing > 0).then(|| format!("{standing} connections still stand")))
    }

    fn undo(&self, hands: &dyn Changing, order: &str, _met: &str) -> Result<(), Trouble> {
        let order = Order::read(order)?;
        if order.level == Level::Blind {
            blind::detach(hands, &order)?;
        }
        hands
            .firewall(&rules::removed(), Commit::Yes)
            .map_err(Trouble::while_doing("removing the rules"))
    }
}

fn step(machine: &dyn Machine, order: &Order, met: String) -> Step {
    let mut subject = Subject::new(SubjectKind::Host);
    subject.name = machine.kernel().map(|kernel| {
        let [_, node, ..] = kernel.uname();
        node
    });
    Step {
        id: String::new(),
        act: IsolateNetwork::NAME.to_owned(),
        subject,
        does: order.does(),
        undo: Undo::Possible,
        risk: if order.level == Level::Block { Risk::Service } else { Risk::LockOut },
        order: order.write(),
        met,
    }
}

/// Returns a device that is to be blinded and has a program of somebody else.
fn taken(machine: &dyn Machine, order: &Order) -> Result<Option<String>, Trouble> {
    if order.level != Level::Blind {
        return Ok(None);
    }
    for device in &order.devices {
        if blind::guard(machine, device)? == Guard::Other {
            return Ok(Some(device.clone()));
        }
    }
    Ok(None)
}

fn state(inet: bool, devices: bool) -> String {
    serde_json::json!({ "inet": inet, "devices": devices }).to_string()
}

fn nothing_cut() -> String {
    state(false, false)
}

/// Returns the sockets that an order cuts and that have another side.
fn cut(machine: &dyn Machine, order: &Order) -> Result<Vec<Socket>, Trouble> {
    let kernel = machine.kernel().ok_or(Trouble::NotLive)?;
    let all = sockets::all(kernel).map_err(Trouble::while_doing("listing the sockets"))?;
    let served: Vec<u16> = all.iter().filter(|one| one.listens()).map(Socket::local_port).collect();
    let has_other_side = |socket: &Socket| socket.remote_port() != 0 && !socket.listens();
    Ok(all
        .into_iter()
        .filter(|socket| has_other_side(socket) && !socket.remote().is_loopback())
        .filter(|socket| socket.local() != socket.remote())
        .filter(|socket| {
            let (own, other) = (socket.local_port(), socket.remote_port());
            order.cuts(socket.remote(), own, other, served.contains(&own))
        })
        .collect())
}

/// Ends the sockets that an order cuts, and has the kernel forget their connections, so that none
/// goes on when the network is opened again (M10).
fn end_connections(hands: &dyn Changing, order: &Order) -> Result<(), Trouble> {
    for socket in cut(hands.machine(), order)? {
        sockets::end(hands, &socket).map_err(Trouble::while_doing("ending a socket"))?;
    }
    let kernel = hands.machine().kernel().ok_or(Trouble::NotLive)?;
    for one in connections::all(kernel).into_iter().filter(|one| is_cut(order, one)) {
        connections::forget(hands, &one).map_err(Trouble::while_doing("ending a connection"))?;
    }
    Ok(())
}

/// Returns whether a tracked connection, of this machine or passing through it, is cut.
fn is_cut(order: &Order, one: &Connection) -> bool {
    let ((from, from_port), (to, to_port)) = (one.from, one.to);
    if from.is_loopback() || to.is_loopback() {
        return false;
    }
    let by_from = order.cuts(from, to_port, from_port, true);
    let by_to = order.cuts(to, from_port, to_port, true);
    match order.level {
        Level::Block => by_from || by_to,
        // One end is our own, which is never among what is kept.
        Level::Isolate | Level::Blind => by_from && by_to,
        // Its answers are told by the tracking itself.
        Level::Egress => false,
    }
}

/// Asks the kernel for a table by name.
fn has_table(machine: &dyn Machine, family: Family, name: &str) -> Result<bool, Trouble> {
    let kernel = machine.kernel().ok_or(Trouble::NotLive)?;
    match kernel.netlink(netlink::NETFILTER, &nft::ask_for_table(family, name)) {
        Ok(_told) => Ok(true),
        Err(miss) if miss.absent => Ok(false),
        Err(source) => Err(Trouble::Machine { doing: "asking for our tables", source }),
    }
}

/// Returns the line that opens the machine again without this program.
pub fn emergency_line() -> Both {
    let line = format!("nft delete table inet {TABLE}; nft delete table netdev {DEVICE_TABLE}");
    Both::new(line.clone(), line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::responder::Keep;

    #[test]
    fn a_tracked_connection_of_the_responder_stays_and_others_are_forgotten() {
        let order = |level| Order {
            v: 1,
            level,
            keep: vec![Keep::parse("10.0.0.9:22").unwrap()],
            block: vec![Keep::parse("203.0.113.4").unwrap()],
            ways_in: Vec::new(),
            devices: Vec::new(),
            uplinks: Vec::new(),
            seconds: 120,
            code: String::new(),
        };
        let is_cut = |level, from: (&str, u16), to: (&str, u16)| {
            let one =
                Connection::of((from.0.parse().unwrap(), from.1), (to.0.parse().unwrap(), to.1));
            super::is_cut(&order(level), &one)
        };
        let (responder, own) = (("10.0.0.9", 50_000), "10.0.0.2");
        assert!(!is_cut(Level::Isolate, responder, (own, 22)));
        assert!(is_cut(Level::Isolate, responder, (own, 80)));
        assert!(is_cut(Level::Isolate, ("172.17.0.2", 40_000), ("203.0.113.4", 443)));
        assert!(is_cut(Level::Block, (own, 40_000), ("203.0.113.4", 443)));
        assert!(!is_cut(Level::Block, (own, 40_000), ("198.51.100.1", 443)));
        assert!(!is_cut(Level::Egress, (own, 40_000), ("198.51.100.1", 443)));
        assert!(!is_cut(Level::Isolate, ("127.0.0.1", 40_000), ("127.0.0.1", 80)));
    }
}
