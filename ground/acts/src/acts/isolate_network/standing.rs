//! How a cut stands in the kernel: whether its rules are those that were made, and what they cut.

use stanch_machine::{Changing, Commit, Machine};

use super::order::{Level, Order};
use super::{DEVICE_TABLE, TABLE, blind, end_connections, rules};
use crate::act::Trouble;
use crate::netlink;
use crate::nft::{self, Family, Told};

/// The rules of a cut as the kernel tells them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Every rule's words, in the kernel's order, without what they have counted; then what
    /// stands at each device.
    words: Vec<Vec<u8>>,
    rules: usize,
    dropped: u64,
}

impl Standing {
    /// Reads the rules of our tables, and what stands at the devices.
    ///
    /// # Errors
    /// [`Trouble`] if the kernel does not tell.
    pub fn of(machine: &dyn Machine, order: &Order) -> Result<Self, Trouble> {
        let kernel = machine.kernel().ok_or(Trouble::NotLive)?;
        let mut told: Vec<Told> = Vec::new();
        for (family, table) in [(Family::Inet, TABLE), (Family::Netdev, DEVICE_TABLE)] {
            match kernel.netlink(netlink::NETFILTER, &nft::ask_for_rules(family, table)) {
                Ok(answers) => {
                    told.extend(netlink::bodies(&answers).into_iter().map(nft::rule));
                }
                Err(miss) if miss.absent => {}
                Err(source) => {
                    return Err(Trouble::Machine { doing: "asking for our rules", source });
                }
            }
        }
        let dropped = told.iter().filter(|rule| rule.drops).filter_map(|rule| rule.packets).sum();
        let mut words: Vec<Vec<u8>> = told.into_iter().map(|rule| rule.words).collect();
        let rules = words.len();
        if order.level == Level::Blind {
            for device in &order.devices {
                words.push(format!("{device} {:?}", blind::guard(machine, device)?).into_bytes());
            }
        }
        Ok(Self { words, rules, dropped })
    }

    /// Returns how many packets were cut since the rules were made. One that two of our hooks see
    /// is counted where it is dropped, which is the first.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Returns how many rules there are.
    pub fn rules(&self) -> usize {
        self.rules
    }

    /// Returns whether the rules are the same, whatever they have counted.
    pub fn is_same(&self, other: &Self) -> bool {
        self.words == other.words
    }
}

/// Makes the rules of a standing cut again, with the devices there are now and the time that is
/// left to it.
///
/// # Errors
/// [`Trouble`] if the kernel does not take them.
pub fn apply_again(
    hands: &dyn Changing,
    order: &Order,
    devices: Vec<String>,
    seconds: u64,
) -> Result<(), Trouble> {
    let order = Order { devices, seconds, ..order.clone() };
    hands
        .firewall(&rules::of(&order), Commit::Yes)
        .map_err(Trouble::while_doing("making the rules again"))?;
    if order.level == Level::Blind {
        blind::attach(hands, &order)?;
    }
    end_connections(hands, &order)
}
