//! A bug of ours ends as a report, not as a backtrace over the page.

use std::panic::PanicHookInfo;
use std::sync::{Mutex, PoisonError};

use stanch_view::{Report, Trouble};
use stanch_words::Both;

/// Where the last panic happened and what it said. A panic while a table is read becomes a gap;
/// this text is only used when nothing caught it.
static LAST: Mutex<String> = Mutex::new(String::new());

/// Keeps panics off the terminal.
pub(crate) fn set() {
    std::panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let place = info.location().map(|at| format!("{}:{}", at.file(), at.line()));
        let payload = info.payload();
        let message = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let message = message.or_else(|| payload.downcast_ref::<String>().cloned());
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        *last = format!("{}: {}", place.unwrap_or_default(), message.unwrap_or_default());
    }));
}

/// Returns the report of the last panic.
pub(crate) fn report() -> Report {
    let last = LAST.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Report::new(
        Trouble::Bug,
        Both::new("stanch stopped because of a mistake of its own", "stanch 因自身缺陷而停止"),
    )
    .because(Both::new(last.clone(), last))
    .next(Both::new(
        "run it with `--only` and another kind of signs, and send us the line above",
        "可用 `--only` 换一类迹象再试，并把上面这行发给我们",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanch_view::Look;
    use stanch_words::Lang;

    #[test]
    fn a_bug_is_told_with_its_place_in_both_languages() {
        set();
        let caught = std::panic::catch_unwind(|| panic!("boom"));
        let report = report();
        drop(std::panic::take_hook());
        assert!(caught.is_err());
        assert_eq!(report.kind.exit(), 70);
        for lang in [Lang::En, Lang::Zh] {
            let text = report.text(Look::plain(lang));
            assert!(text.contains("faces/cli/src/trap.rs:") && text.contains(": boom"), "{text}");
        }
    }
}
