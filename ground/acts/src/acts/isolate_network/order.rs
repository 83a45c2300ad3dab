//! What exactly is to be cut: written by the plan, kept in the ledger, read when it is done.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use stanch_words::{Both, Refusal};

use crate::act::Trouble;
use crate::order;
use crate::responder::{Keep, WayIn};

/// How much is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Traffic with the addresses that are named, both ways.
    Block,
    /// New connections from here to anywhere; what is served goes on.
    Egress,
    /// Everything but loopback, neighbour discovery, DHCP and what is kept.
    Isolate,
    /// The same, and programs that listen to the wire hear nothing of it either.
    Blind,
}

impl Level {
    /// All levels, mildest first.
    pub const ALL: [Self; 4] = [Self::Block, Self::Egress, Self::Isolate, Self::Blind];

    /// Returns the name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Egress => "egress",
            Self::Isolate => "isolate",
            Self::Blind => "blind",
        }
    }

    /// Returns whether everything is cut that is not kept.
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Isolate | Self::Blind)
    }

    /// Returns the level of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

/// The order, version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The version of this form: 1.
    pub v: u32,
    /// How much is cut.
    pub level: Level,
    /// What is not cut.
    pub keep: Vec<Keep>,
    /// What is cut at the level `block`; a port in it is not looked at.
    pub block: Vec<Keep>,
    /// By which connections the responder came in.
    pub ways_in: Vec<WayIn>,
    /// The devices at which raw frames are cut: all but loopback.
    pub devices: Vec<String>,
    /// Of these, those by which the machine reaches others.
    pub uplinks: Vec<String>,
    /// After how many seconds the kernel opens the machine by itself unless that is confirmed.
    pub seconds: u64,
    /// What has to be typed to confirm.
    pub code: String,
}

impl Order {
    /// Returns it as it is kept.
    pub fn write(&self) -> String {
        order::text(self)
    }

    /// Reads an order that was kept.
    ///
    /// # Errors
    /// [`Trouble::Order`] if it is not one.
    pub fn read(text: &str) -> Result<Self, Trouble> {
        order::read(super::IsolateNetwork::NAME, text, |order: &Self| order.v)
    }

    /// Returns whether frames at the devices are cut, too.
    pub(super) fn covers_devices(&self) -> bool {
        self.level != Level::Egress && !self.devices.is_empty()
    }

    /// Returns whether a connection is cut.
    pub(super) fn cuts(&self, remote: IpAddr, own: u16, other: u16, served: bool) -> bool {
        let kept = self.keep.iter().any(|keep| {
            let is_of_port = |port| own == port || other == port;
            keep.holds(remote) && keep.port.is_none_or(is_of_port)
        });
        match self.level {
            Level::Block => self.block.iter().any(|one| one.holds(remote)),
            Level::Egress => !kept && !served,
            Level::Isolate | Level::Blind => !kept,
        }
    }

    /// Returns why it will not be done, if so.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        let asked = self.does();
        let refuse = |why| Some(Refusal { asked: asked.clone(), why });
        if let Some(own) = self.own_blocked() {
            let from = own.from;
            return refuse(Both::new(
                format!(
                    "`{from}` is the address that you came in from: it would lock you out; come in another way, or block a smaller network"
                ),
                format!(
                    "`{from}` 正是您登录所用的地址，封锁它会把您自己关在外面；请换一条路登录，或缩小封锁网段"
                ),
            ));
        }
        match self.level {
            Level::Block if self.block.is_empty() => refuse(Both::new(
                "no address was named; give `--block ADDR`",
                "没有给出地址；请用 `--block ADDR` 指定",
            )),
            Level::Isolate | Level::Blind | Level::Egress if self.keep.is_empty() => {
                refuse(Both::new(
                    "no way in is known that would stay open; give `--keep ADDR:PORT`, or `--console` if you sit at the machine itself",
                    "没有已知的保留通路；请用 `--keep ADDR:PORT` 指定，若您就在机器的控制台前，请加 `--console`",
                ))
            }
            _ => None,
        }
    }

    /// Returns the way in that a block would shut, if there is one.
    fn own_blocked(&self) -> Option<&WayIn> {
        let is_blocked = |way: &&WayIn| self.block.iter().any(|one| one.holds(way.from));
        self.ways_in.iter().find(is_blocked)
    }

    /// Returns what it does, in one sentence.
    pub(super) fn does(&self) -> Both {
        let list = |list: &[Keep]| {
            let list: Vec<String> = list.iter().map(ToString::to_string).collect();
            list.join(", ")
        };
        let block = list(&self.block);
        // Nobody is kept: then there is no exception to name.
        let (but, zh_but, to, zh_to) = if self.keep.is_empty() {
            (String::new(), "全部通信".to_owned(), String::new(), String::new())
        } else {
            let keep = list(&self.keep);
            (
                format!(" but that with {keep}"),
                format!("除 {keep} 以外的全部通信"),
                format!(" but to {keep}"),
                format!("（{keep} 除外）"),
            )
        };
        match self.level {
            Level::Block => Both::new(
                format!(
                    "Cuts all traffic with {block}, both ways, and ends the connections that stand."
                ),
                format!("双向切断与 {block} 的全部通信，并终止现有连接。"),
            ),
            Level::Egress => Both::new(
                format!("Lets nothing new out of this machine{to}; what it serves goes on."),
                format!("禁止本机主动向外建立新连接{zh_to}，对外服务照常。"),
            ),
            Level::Isolate => Both::new(
                format!("Cuts all traffic{but}, and ends every other connection."),
                format!("切断{zh_but}，并终止其余所有连接。"),
            ),
            Level::Blind => Both::new(
                format!(
                    "Cuts all traffic{but}, ends every other connection, and lets no program that listens to the wire hear what is cut."
                ),
                format!("切断{zh_but}，终止其余所有连接，并使监听网卡的程序听不到被切断的数据。"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(level: Level) -> Order {
        Order {
            v: 1,
            level,
            keep: vec![Keep::parse("10.0.0.9:22").unwrap()],
            block: vec![Keep::parse("203.0.113.0/24").unwrap()],
            ways_in: vec![WayIn {
                from: "10.0.0.9".parse().unwrap(),
                from_port: 50_000,
                port: 22,
                held_by: 7,
            }],
            devices: vec!["eth0".to_owned()],
            uplinks: vec!["eth0".to_owned()],
            seconds: 120,
            code: "k7".to_owned(),
        }
    }

    #[test]
    fn an_order_is_read_as_it_was_written_and_a_strange_one_is_not() {
        let order = order(Level::Isolate);
        assert_eq!(Order::read(&order.write()).unwrap(), order);
        assert!(Order::read(&order.write().replace("\"v\":1", "\"v\":2")).is_err());
        assert!(Order::read("{}").is_err());
    }

    #[test]
    fn each_level_cuts_what_it_says() {
        let cuts = |level, address: &str, own, other, served| {
            order(level).cuts(address.parse().unwrap(), own, other, served)
        };
        assert!(!cuts(Level::Isolate, "10.0.0.9", 22, 50_000, true), "the responder");
        assert!(cuts(Level::Isolate, "10.0.0.9", 80, 50_001, true), "the responder's other port");
        assert!(cuts(Level::Isolate, "203.0.113.4", 443, 40_000, true));
        assert!(cuts(Level::Egress, "203.0.113.4", 40_000, 443, false), "it went out");
        assert!(!cuts(Level::Egress, "203.0.113.4", 443, 40_000, true), "it came in");
        assert!(cuts(Level::Block, "203.0.113.4", 443, 40_000, true));
        assert!(!cuts(Level::Block, "198.51.100.4", 443, 40_000, true));
    }

    #[test]
    fn what_would_lock_the_responder_out_is_refused() {
        let mut own = order(Level::Block);
        own.block = vec![Keep::parse("10.0.0.0/8").unwrap()];
        assert!(own.refusal().unwrap().why.en.contains("10.0.0.9"));
        let mut nobody = order(Level::Isolate);
        nobody.keep.clear();
        assert!(nobody.refusal().is_some());
        assert_eq!(order(Level::Isolate).refusal(), None);
    }
}
