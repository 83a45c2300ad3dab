//! `stanch baseline`: how files are, to be compared with later.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use stanch_incident::{
    BaselineChecked, BaselineDigests, BaselineError, BaselineScope, Crossing, Incident, KeepAs,
    Made, Older, Verified, VerifyWith,
};
use stanch_view::pages::baseline::{self as page, Answered};
use stanch_view::pages::query;
use stanch_view::{Report, Trouble};
use stanch_wire::json;
use stanch_words::{Both, Gap};

use super::detect::milliseconds;
use super::scan::whole;
use crate::arguments::Asked;
use crate::progress::Progress;
use crate::terminal::Terminal;

pub(super) fn run(
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    match matches.subcommand() {
        Some(("create", matches)) => create(matches, asked, terminal),
        Some(("update", matches)) => update(matches, asked, terminal),
        Some(("sign", matches)) => sign(matches, asked, terminal),
        Some(("key", matches)) => key(matches, asked, terminal),
        Some((_check, matches)) => check(matches, asked, terminal),
        None => {
            let names = ["baseline".to_owned()];
            terminal.text(&crate::help::for_command(&names, asked.look)?)?;
            Ok(2)
        }
    }
}

fn file<'a>(matches: &'a ArgMatches, name: &str) -> &'a Path {
    matches.get_one::<PathBuf>(name).map_or(Path::new(""), PathBuf::as_path)
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn failed(path: &Path) -> impl FnOnce(BaselineError) -> Box<Report> {
    move |error| Box::new(page::failed(&shown(path), &error))
}

/// Returns the exit code of what was done in full or in part.
fn done(gaps: &[Gap]) -> u8 {
    if gaps.iter().any(|gap| gap.kind.is_partial()) { 3 } else { 0 }
}

fn scope(matches: &ArgMatches, asked: &Asked) -> BaselineScope {
    let paths = |name: &str| -> Vec<PathBuf> {
        let given = matches.get_many::<PathBuf>(name).into_iter().flatten();
        given.map(|path| whole(path, asked)).collect()
    };
    let digests = matches.get_one::<String>("digest").map(String::as_str);
    BaselineScope {
        roots: paths("path"),
        except: paths("except"),
        digests: digests.and_then(BaselineDigests::of_name).unwrap_or_default(),
        crossing: match (matches.get_flag("network"), matches.get_flag("one-file-system")) {
            (true, _) => Crossing::Remote,
            (_, true) => Crossing::None,
            _ => Crossing::Storage,
        },
    }
}

fn create(matches: &ArgMatches, asked: &Asked, terminal: &Terminal) -> Result<u8, Box<Report>> {
    let incident = super::open(&asked.place)?;
    let (path, scope) = (file(matches, "output"), scope(matches, asked));
    super::are_there(&incident, asked, &scope.roots)?;
    let sign = matches.get_one::<PathBuf>("sign").map(PathBuf::as_path);
    if path == "-" {
        return to_stdout(&incident, scope, sign, asked, terminal);
    }
    let progress = Progress::start(asked.look.say("making the baseline", "正在建立基线"));
    let keep = KeepAs { path, older: Older::Refused, sign };
    let made = incident.keep_baseline(scope, None, &keep).map_err(failed(path))?;
    drop(progress);
    tell(path, &made, asked, terminal)
}

/// Tells of a baseline that was made.
fn tell(path: &Path, made: &Made, asked: &Asked, terminal: &Terminal) -> Result<u8, Box<Report>> {
    if asked.json {
        let document = page::made(&shown(path), made, asked.look);
        terminal.data(|out| json::pretty(out, &document))?;
    } else {
        terminal.text(&page::made_page(&shown(path), made, asked.look))?;
    }
    terminal.speak(&query::missed(&made.ended.gaps, terminal.errors()));
    Ok(done(&made.ended.gaps))
}

/// Writes the baseline itself to stdout; what is said of it goes to stderr.
fn to_stdout(
    incident: &Incident,
    scope: BaselineScope,
    sign: Option<&Path>,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    super::only_piped(
        asked,
        sign,
        &Both::new("the baseline was not written to standard output", "未向标准输出写基线"),
        Both::new(
            "a signature is a file of its own: sign where the baseline is kept, `stanch baseline sign FILE --key KEY`",
            "签名是单独的文件：请在存放基线的地方签名，`stanch baseline sign 文件 --key 密钥`",
        ),
        &Both::new("stanch baseline create -o - > FILE", "stanch baseline create -o - > 文件"),
    )?;
    let progress = Progress::start(asked.look.say("making the baseline", "正在建立基线"));
    let mut made = None;
    terminal.data(|out| {
        made = Some(incident.write_baseline(scope, None, out));
        Ok(())
    })?;
    drop(progress);
    let Some(made) = made else { return Ok(3) };
    let made = made.map_err(failed(Path::new("-")))?;
    terminal.speak(&page::made_page("-", &made, terminal.errors()));
    terminal.speak(&query::missed(&made.ended.gaps, terminal.errors()));
    Ok(done(&made.ended.gaps))
}

fn with(matches: &ArgMatches) -> VerifyWith {
    // `update` has no `--signature`: it signs the new one beside it.
    let path = |name: &str| matches.try_get_one::<PathBuf>(name).ok().flatten().cloned();
    VerifyWith { public_key: path("public-key"), signature: path("signature") }
}

/// Opens and verifies a baseline, from a file or from standard input.
fn open(path: &Path, with: &VerifyWith) -> Result<Verified, Box<Report>> {
    let verified = if path == "-" {
        stanch_incident::take_baseline(&mut io::stdin().lock(), with)
    } else {
        stanch_incident::open_baseline(path, with)
    };
    verified.map_err(failed(path))
}

fn check(matches: &ArgMatches, asked: &Asked, terminal: &Terminal) -> Result<u8, Box<Report>> {
    let before = milliseconds();
    let path = file(matches, "file");
    let verified = open(path, &with(matches))?;
    let incident = super::open(&asked.place)?;
    let checked = compare(&incident, path, &verified, asked, terminal, before)?;
    let found = checked
        .explained
        .told
        .iter()
        .any(|told| told.because != Some(stanch_incident::Because::Package));
    let found = found || checked.compared.more > 0;
    Ok(if found { 1 } else { done(&checked.gaps) })
}

fn compare(
    incident: &Incident,
    path: &Path,
    verified: &Verified,
    asked: &Asked,
    terminal: &Terminal,
    before: u64,
) -> Result<BaselineChecked, Box<Report>> {
    let progress = Progress::start(asked.look.say("comparing with the baseline", "正在与基线比较"));
    let checked = incident.check_baseline(verified).map_err(failed(path))?;
    drop(progress);
    let answered = Answered {
        host: &incident.host_name(),
        file: &shown(path),
        verified,
        checked: &checked,
        took_ms: milliseconds().saturating_sub(before),
    };
    if asked.json {
        let document = page::check(&answered, asked.look);
        terminal.data(|out| json::pretty(out, &document))?;
    } else {
        terminal.text(&page::page(&answered, asked.look))?;
    }
    terminal.speak(&query::missed(&checked.gaps, terminal.errors()));
    Ok(checked)
}

fn update(matches: &ArgMatches, asked: &Asked, terminal: &Terminal) -> Result<u8, Box<Report>> {
    let before = milliseconds();
    let path = file(matches, "file");
    let verified = stanch_incident::open_baseline(path, &with(matches)).map_err(failed(path))?;
    let incident = super::open(&asked.place)?;
    if !matches.get_flag("yes") {
        if !io::stdin().is_terminal() || asked.json {
            return Err(not_asked());
        }
        compare(&incident, path, &verified, asked, terminal, before)?;
        if !agrees(asked, terminal) {
            return Ok(4);
        }
    }
    let progress = Progress::start(asked.look.say("making the baseline", "正在建立基线"));
    let sign = matches.get_one::<PathBuf>("sign").map(PathBuf::as_path);
    let keep = KeepAs { path, older: Older::Renamed, sign };
    let scope = verified.header.scope.clone();
    let made = incident.keep_baseline(scope, Some(verified.ended.seal), &keep);
    let made = made.map_err(failed(path))?;
    drop(progress);
    tell(path, &made, asked, terminal)
}

/// Asks the person whether what was shown becomes the new baseline.
fn agrees(asked: &Asked, terminal: &Terminal) -> bool {
    terminal.speak(
        asked.look.say("Make this the new baseline? [y/N] ", "以现在的状态作为新基线？[y/N] "),
    );
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes" | "是")
}

fn not_asked() -> Box<Report> {
    let what = Both::new("the baseline was not updated", "未更新基线");
    let because = Both::new(
        "nobody was there to be asked: what differs now would be taken for good",
        "没有人可以确认：现有差异会从此被当作正常",
    );
    let next = Both::new(
        "look at `stanch baseline check FILE`, then repeat with `--yes`",
        "先看 `stanch baseline check 文件`，再加 `--yes` 重来",
    );
    Box::new(Report::new(Trouble::Refused, what).because(because).next(next))
}

fn sign(matches: &ArgMatches, asked: &Asked, terminal: &Terminal) -> Result<u8, Box<Report>> {
    let path = file(matches, "file");
    let signed = stanch_incident::sign_baseline(path, file(matches, "key"));
    let (verified, key) = signed.map_err(failed(path))?;
    if asked.json {
        let mut document = page::verified(&shown(path), &verified, asked.look);
        "yes".clone_into(&mut document.signed);
        document.key = Some(key);
        terminal.data(|out| json::pretty(out, &document))?;
    } else {
        terminal.text(&page::signed_page(&shown(path), &key, asked.look))?;
    }
    Ok(0)
}

fn key(matches: &ArgMatches, asked: &Asked, terminal: &Terminal) -> Result<u8, Box<Report>> {
    let path = file(matches, "output");
    let (public, id) = stanch_incident::make_keys(path).map_err(failed(path))?;
    terminal.text(&page::keys_page(&shown(path), &shown(&public), &id, asked.look))?;
    Ok(0)
}
