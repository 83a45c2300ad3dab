//! Watches over a cut: whoever removes or changes its rules finds them made again.
//!
//! The kernel tells of every change to nf_tables and to the devices of the network; then, and
//! every few seconds, the rules are compared with those that were there when the watch began.
//! The watch ends with the cut. If it is killed nothing is lost but the watch: the rules and their
//! time stand in the kernel.

use std::time::Duration;

use stanch_acts::isolate_network::{IsolateNetwork, Order, Standing, apply_again};
use stanch_acts::{Deed, State, deeds};
use stanch_ledger::LedgerError;
use stanch_machine::{Changes, Hands, Kernel as _, Live, Machine as _};

use crate::case::Desk;
use crate::containment::{ContainError, Holds, cut};
use crate::deeds::ActError;

/// What the ledger says of rules that were made again.
pub(crate) const MADE_AGAIN: &str = "contain.made-again";

/// How long nothing is looked at unless the kernel tells of a change.
const ROUND: Duration = Duration::from_secs(5);
/// After so many in one watch, only every hundredth is recorded: an intruder who removes the rules
/// in a loop must not fill the disk.
const RECORDED: u64 = 100;
/// After so many, a pause is made between two: he must not keep the machine busy either.
const AT_ONCE: u64 = 1000;
const PAUSE: Duration = Duration::from_millis(20);
/// How often the rules are tried anew before the watch gives up.
const TRIES: u32 = 5;

/// What was found changed, and mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tampered {
    /// The rules were removed.
    Removed,
    /// Rules were added, changed or removed.
    Changed,
    /// The element whose time was running was removed: the rules let everything go on.
    Disarmed,
    /// The network got a device that the rules did not cover.
    NewDevice,
}

impl Tampered {
    /// Returns its name in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::Disarmed => "disarmed",
            Self::NewDevice => "new-device",
        }
    }
}

/// How a watch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchEnd {
    /// The network was opened by the one who cut it.
    Released,
    /// The cut's time ran out.
    RanOut,
}

/// A cut that is watched.
struct Watch<'a> {
    desk: &'a Desk,
    live: &'a Live,
    deed: Deed,
    order: Order,
    standing: Standing,
    /// When its time runs out, by the clock that only goes forward, in seconds.
    until: u64,
    mended: u64,
}

/// Watches over the cut until it ends, and tells of each time that its rules were made again.
///
/// # Errors
/// [`ContainError`] if nothing is cut by us, or the machine cannot be changed from here.
pub fn watch(desk: &Desk, tell: &mut dyn FnMut(Tampered)) -> Result<WatchEnd, ContainError> {
    let live = Live::new();
    let hands = Hands::on(&live).map_err(ActError::NotOurs)?;
    let changes = Changes::listen().map_err(ActError::NotOurs)?;
    let cut = cut(desk)?.ok_or(ContainError::NotCut)?;
    match cut.holds {
        Holds::Yes => {}
        Holds::RanOut => return Err(ContainError::TimeRanOut),
        Holds::Removed | Holds::Rebooted => return Err(ContainError::Removed),
    }
    let until = after(&live, cut.left.unwrap_or(0));
    let standing = Standing::of(&live, &cut.order)?;
    let mut watch =
        Watch { desk, live: &live, deed: cut.deed, order: cut.order, standing, until, mended: 0 };
    loop {
        if let Some(end) = watch.round(&hands, tell)? {
            return Ok(end);
        }
        changes.wait(ROUND).map_err(ActError::NotOurs)?;
    }
}

/// Returns the moment in so many seconds, by the clock that only goes forward.
fn after(live: &Live, seconds: u64) -> u64 {
    (live.monotonic() / 1_000_000_000).saturating_add(seconds)
}

impl Watch<'_> {
    /// Looks once, and mends what was tampered with.
    fn round(
        &mut self,
        hands: &Hands<'_>,
        tell: &mut dyn FnMut(Tampered),
    ) -> Result<Option<WatchEnd>, ContainError> {
        match self.state() {
            State::Done => {}
            State::CutOff | State::UndoCutOff => return Ok(None),
            State::Undone | State::Failed => return Ok(Some(WatchEnd::Released)),
        }
        let left = IsolateNetwork::left(self.live)?;
        let devices = stanch_contain::devices(self.live);
        let tampered = self.tampered(left, &devices)?;
        let Some(tampered) = tampered else {
            if let Some(seconds) = left {
                // It may have been confirmed meanwhile.
                self.until = after(self.live, seconds);
                return Ok(None);
            }
            return Ok(Some(WatchEnd::RanOut));
        };
        let seconds = self.until.saturating_sub(after(self.live, 0));
        if seconds == 0 {
            return Ok(Some(WatchEnd::RanOut));
        }
        // The intent stands in the ledger since the cut; what counts now is every millisecond.
        self.order.devices = self.make_again(hands, seconds)?;
        self.standing = Standing::of(self.live, &self.order)?;
        self.mended = self.mended.saturating_add(1);
        // The rules stand, recorded or not: a full disk does not end the watch either.
        let _unrecorded = self.record(tampered);
        tell(tampered);
        if self.mended > AT_ONCE {
            std::thread::sleep(PAUSE);
        }
        Ok(None)
    }

    /// Makes the rules again, and returns the devices that they cover. One that goes away between
    /// the look and the making has the kernel refuse them all: then it is looked again.
    fn make_again(&self, hands: &Hands<'_>, seconds: u64) -> Result<Vec<String>, ContainError> {
        let mut tries = TRIES;
        loop {
            let devices = stanch_contain::devices(self.live);
            tries = tries.saturating_sub(1);
            match apply_again(hands, &self.order, devices.clone(), seconds) {
                Ok(()) => return Ok(devices),
                Err(trouble) if tries == 0 => return Err(trouble.into()),
                Err(_once_more) => {}
            }
        }
    }

    /// Returns what is not as it was; nothing if all is, or if the time simply ran out.
    fn tampered(
        &self,
        left: Option<u64>,
        devices: &[String],
    ) -> Result<Option<Tampered>, ContainError> {
        let now = Standing::of(self.live, &self.order)?;
        if !now.is_same(&self.standing) {
            let is_gone = now.rules() == 0;
            return Ok(Some(if is_gone { Tampered::Removed } else { Tampered::Changed }));
        }
        // The kernel rounds up: a second before the end nobody can tell which of the two it was.
        let is_over = self.until <= after(self.live, 1);
        if left.is_none() {
            return Ok((!is_over).then_some(Tampered::Disarmed));
        }
        let is_covered = |device: &String| self.order.devices.contains(device);
        Ok((!devices.iter().all(is_covered)).then_some(Tampered::NewDevice))
    }

    /// Returns how the act stands. Where the ledger cannot be read, or is gone, the cut stands: an
    /// undo writes its intent before it changes anything, and whoever damages the ledger must not
    /// end the watch by it.
    fn state(&self) -> State {
        let case = self.desk.case().ok().flatten();
        let entries = case.and_then(|case| case.entries().ok()).unwrap_or_default();
        let deed = deeds(&entries).into_iter().find(|deed| deed.id == self.deed.id);
        deed.map_or(State::Done, |deed| deed.state)
    }

    fn record(&self, tampered: Tampered) -> Result<(), ContainError> {
        if self.mended > RECORDED && !self.mended.is_multiple_of(RECORDED) {
            return Ok(());
        }
        let now = self.live.now();
        let body = serde_json::json!({
            "intent": self.deed.intent, "tampered": tampered.name(), "times": self.mended,
        });
        let record = self.desk.record(now, MADE_AGAIN, body);
        // Another process may be writing for a moment, such as a confirmation.
        for _attempt in 0..50 {
            let written = self.desk.case_to_write(now).and_then(|case| {
                let mut ledger = self.desk.write(&case, now)?;
                ledger.append(&record)
            });
            match written {
                Err(LedgerError::InUse { .. }) => std::thread::sleep(PAUSE),
                other => return Ok(other.map(|_entry| ())?),
            }
        }
        Ok(())
    }
}
