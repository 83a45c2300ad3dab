//! Takes lines out of a file that has others which stay: a key of many, a job of many.
//!
//! The file is replaced in one step by one without them; owner, mode, ACLs, locks stay, and so does
//! every other byte. The whole of what was there lies in the vault, so that undoing gives it back
//! to the byte. A line that is not where the plan met it makes the plan stale.

use stanch_ledger::Vault;
use stanch_machine::Machine;
use stanch_words::{Both, Refusal, Risk, Step, text};

use crate::act::Trouble;
use crate::files::{self, Change, Line, Met, Order, State, Whole};
use crate::order::Ordered;

/// Takes lines out of a file.
#[derive(Debug)]
pub struct EditFile;

impl EditFile {
    /// The act's name.
    pub const NAME: &'static str = "edit_file";

    /// Plans it. Nothing is touched.
    ///
    /// # Errors
    /// [`Trouble`] if the file cannot be read; a [`Refusal`] if there are no such lines.
    pub fn plan(
        machine: &dyn Machine,
        met: &Met,
        numbers: &[u64],
        vault: &Vault,
    ) -> Result<Result<Step, Refusal>, Trouble> {
        let name = text::escaped(&met.path.to_string_lossy());
        let list: Vec<String> = numbers.iter().map(u64::to_string).collect();
        let list = list.join(", ");
        let asked = Both::new(
            format!("take lines {list} out of `{name}`"),
            format!("从 `{name}` 删除第 {list} 行"),
        );
        let refuse =
            |en: &str, zh: &str| Ok(Err(Refusal { asked: asked.clone(), why: Both::new(en, zh) }));
        let State::File(whole) = &met.seen.state else {
            return refuse("it is no regular file", "它不是普通文件");
        };
        if whole.size > files::LONGEST_TEXT {
            return refuse("it is too long to be edited", "文件过长，不作编辑");
        }
        let read = machine.read(&met.path, files::LONGEST_TEXT);
        let bytes = read.map_err(Trouble::while_doing("reading a file"))?.bytes;
        let all: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
        let mut lines = Vec::new();
        for &number in numbers {
            let place = usize::try_from(number).unwrap_or(0).checked_sub(1);
            let Some(line) = place.and_then(|place| all.get(place)) else {
                return refuse("it has fewer lines by now", "文件现有行数不足");
            };
            lines.push(Line { number, text: text::from_bytes(files::end_off(line)) });
        }
        lines.sort_by_key(|line| line.number);
        lines.dedup_by_key(|line| line.number);
        let left = files::without(&bytes, &lines).filter(|_| !lines.is_empty());
        let Some(left) = left else {
            return refuse("it changes while it is read", "文件正在变化");
        };
        let to = State::File(Whole {
            size: left.len() as u64,
            sha256: files::sha256(&left),
            modified: None,
            ..whole.clone()
        });
        let shown = shown(&lines);
        let change = Change {
            act: Self::NAME,
            to,
            does: Both::new(
                format!("Takes {} out of `{name}`: {shown}", count(&lines)),
                format!("从 `{name}` 删除 {} 行：{shown}", lines.len()),
            ),
            asked,
            without: lines,
            risk: Risk::Service,
        };
        Ok(change.step(met, vault))
    }
}

/// How many lines are shown, and how much of each.
const SHOWN: usize = 3;
const LONGEST: usize = 120;

fn shown(lines: &[Line]) -> String {
    let one = |line: &Line| {
        let text: String = text::escaped(&line.text).chars().take(LONGEST).collect();
        format!("{} `{text}`", line.number)
    };
    let mut shown: Vec<String> = lines.iter().take(SHOWN).map(one).collect();
    if lines.len() > SHOWN {
        shown.push("…".to_owned());
    }
    shown.join("; ")
}

fn count(lines: &[Line]) -> String {
    match lines.len() {
        1 => "one line".to_owned(),
        many => format!("{many} lines"),
    }
}

impl Ordered for EditFile {
    const ACT: &'static str = Self::NAME;
    type Order = Order;
}
