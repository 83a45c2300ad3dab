//! Judging in a thread of its own that is waited for so long and no longer.
//!
//! The engine looks at the clock between the places where a fixed text of some string stands. A
//! string without fixed text (`/[a-z]+/`) is looked for in one go, from every byte to the end of
//! what it matches: ten thousand times 20 MB of letters take ten minutes, and nothing can stop it.
//! So is a text of few bytes behind a repetition (`/(a+)+b/`). Such rules are asked here:
//!
//! ```text
//!   judge: set, set, set ─► hand ── told of each ──► judge goes on
//!                             └─ not in time: left behind with its bytes; the rest to another hand
//! ```
//!
//! What was left behind ends by itself, at the latest with the process. While [`MOST`] hands are at
//! work for the same set, that set is not asked again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stanch_words::{About, ByteJudgement};

use super::modules::now;
use super::{Set, Yara};

/// How many threads that were left behind may be at work for one set.
const MOST: usize = 2;
/// How much longer than its time a set is waited for: the engine needs a moment to notice.
const GRACE: Duration = Duration::from_millis(250);
/// Bytes so few are judged at once: every string is through with them in a moment, and to hand
/// them over would cost more.
pub(super) const FEW: usize = 4096;

/// Threads that wait for work, of all rules that were loaded together.
#[derive(Debug, Default)]
pub(super) struct Hands(Mutex<Vec<Hand>>);

#[derive(Debug)]
struct Hand(Sender<Work>);

type Work = Box<dyn FnOnce() + Send>;

/// How many threads are at work for a set that were left behind.
#[derive(Debug, Default)]
pub(super) struct Left(AtomicUsize);

impl Left {
    /// Returns whether no more may be left behind.
    pub(super) fn is_full(&self) -> bool {
        self.0.load(Ordering::SeqCst) >= MOST
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.load(Ordering::SeqCst) == 0
    }
}

/// What a hand tells of the set that it is at.
enum Told {
    /// What was found; where the strings stand is still looked for.
    Found(ByteJudgement),
    /// All of it.
    Done(ByteJudgement),
}

/// How far a hand is.
#[derive(Default)]
struct Way {
    /// The set that it is at, by its number.
    at: usize,
    /// Whether nobody waits for it any more.
    is_left: bool,
}

impl Hands {
    /// Judges bytes by sets, one after the other; each may take as long as this.
    pub(super) fn judge(
        &self,
        sets: &[Arc<Set>],
        bytes: &Arc<Vec<u8>>,
        about: &About,
        time: Duration,
    ) -> ByteJudgement {
        let mut all = ByteJudgement::default();
        let mut rest: &[Arc<Set>] = sets;
        while !rest.is_empty() {
            let judged = self.one_hand(rest, bytes, about, time);
            rest = rest.get(judged.len()..).unwrap_or_default();
            judged.into_iter().for_each(|one| add(&mut all, one));
        }
        all
    }

    /// Has one hand judge by as many sets as it comes through in time, and by one at least.
    fn one_hand(
        &self,
        sets: &[Arc<Set>],
        bytes: &Arc<Vec<u8>>,
        about: &About,
        time: Duration,
    ) -> Vec<ByteJudgement> {
        let (teller, told) = channel();
        let way = Arc::<Mutex<Way>>::default();
        let work = {
            let (sets, bytes, about) = (sets.to_vec(), Arc::clone(bytes), about.clone());
            let way = Arc::clone(&way);
            move || all(&sets, &bytes, &about, time, &teller, &way)
        };
        let Some(hand) = self.give(Box::new(work)) else {
            let failed = Some("no thread could be started".to_owned());
            return vec![ByteJudgement { failed, ..ByteJudgement::default() }; sets.len()];
        };
        let mut judged = Vec::new();
        for (number, set) in sets.iter().enumerate() {
            let mut one = wait(&told, time.saturating_add(GRACE));
            if one.is_err() {
                let mut way = locked(&way);
                if way.at == number {
                    way.is_left = true;
                    set.left.0.fetch_add(1, Ordering::SeqCst);
                } else {
                    // It was told while we looked away.
                    one = wait(&told, Duration::ZERO);
                }
            }
            match one {
                Ok(one) => judged.push(one),
                Err(found) => {
                    judged.push(found);
                    return judged;
                }
            }
        }
        self.take_back(hand);
        judged
    }

    /// Gives work to a thread that waits for some, or to a new one.
    fn give(&self, work: Work) -> Option<Hand> {
        let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let hand = match idle {
            Some(hand) => hand,
            None => Hand::new()?,
        };
        hand.0.send(work).is_ok().then_some(hand)
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn take_back(&self, hand: Hand) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(hand);
    }
}

impl Hand {
    fn new() -> Option<Self> {
        let (sender, works) = channel::<Work>();
        let work = move || works.into_iter().for_each(|work| work());
        std::thread::Builder::new().name("rules".into()).spawn(work).ok()?;
        Some(Self(sender))
    }
}

/// Waits for what comes of a set; what it had found if it does not end.
fn wait(told: &Receiver<Told>, most: Duration) -> Result<ByteJudgement, ByteJudgement> {
    let end = now().checked_add(most);
    let mut found = ByteJudgement { timed_out: true, ..ByteJudgement::default() };
    loop {
        let left = end.map_or(most, |end| end.saturating_duration_since(now()));
        match told.recv_timeout(left) {
            Ok(Told::Found(judged)) => found = judged,
            Ok(Told::Done(judged)) => return Ok(judged),
            Err(_not_in_time) => return Err(found),
        }
    }
}

/// Judges by sets in the thread of a hand, until it is left behind.
fn all(
    sets: &[Arc<Set>],
    bytes: &[u8],
    about: &About,
    time: Duration,
    teller: &Sender<Told>,
    way: &Mutex<Way>,
) {
    for set in sets {
        let mut found = |judged: &ByteJudgement| {
            let _asker_left = teller.send(Told::Found(judged.clone()));
        };
        let judged =
            catch_unwind(AssertUnwindSafe(|| Yara::judge_by(set, bytes, about, time, &mut found)));
        let judged = judged.unwrap_or_else(|_panic| ByteJudgement {
            failed: Some("a mistake in the engine".to_owned()),
            ..ByteJudgement::default()
        });
        let mut way = locked(way);
        if way.is_left {
            set.left.0.fetch_sub(1, Ordering::SeqCst);
            return;
        }
        way.at = way.at.saturating_add(1);
        let _asker_left = teller.send(Told::Done(judged));
    }
}

fn locked(way: &Mutex<Way>) -> MutexGuard<'_, Way> {
    way.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds what came of a set to what came of others.
pub(super) fn add(all: &mut ByteJudgement, one: ByteJudgement) {
    all.hits.extend(one.hits);
    all.timed_out |= one.timed_out;
    all.not_asked = all.not_asked.saturating_add(one.not_asked);
    if one.failed.is_some() {
        all.failed = one.failed;
    }
}
