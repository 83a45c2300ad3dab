//! `stanch preserve` and `stanch seal`: evidence taken, and verified.

use std::io;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use stanch_incident::evidence::{
    self, Bundled, CaptureOrder, Custody, EvidenceError, Options, Secrets,
};
use stanch_incident::wanted::wanted;
use stanch_incident::{Incident, Place, VerifyWith};
use stanch_view::Report;
use stanch_view::pages::status::Asker;
use stanch_view::pages::{evidence as page, evidence_list as form, query};
use stanch_wire::json;
use stanch_words::Both;

use crate::arguments::Asked;
use crate::progress::Progress;
use crate::terminal::Terminal;

pub(super) fn run(
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    let incident = super::open(&asked.place)?;
    let path = file(matches, "output");
    let options = options(matches, &incident)?;
    let sign = matches.get_one::<PathBuf>("sign").map(PathBuf::as_path);
    if path == "-" {
        return to_stdout(&incident, options, sign, asked, terminal);
    }
    let begun = incident.begin_bundle(&asked.desk, path, sign).map_err(failed(path))?;
    terminal.speak(&page::ahead(asker(asked), begun.custody(), terminal.errors()));
    let progress = Progress::start(asked.look.say("collecting evidence", "正在收集证据"));
    let made = incident.preserve(&asked.desk, options, begun).map_err(failed(path))?;
    drop(progress);
    if asked.json {
        let document = page::document(&shown(path), &made, asked.look);
        terminal.data(|out| json::pretty(out, &document))?;
    } else {
        terminal.text(&page::made(&shown(path), &made, asked.look))?;
    }
    Ok(told(&made, terminal))
}

/// Says what is missing, and returns the exit code.
fn told(made: &Bundled, terminal: &Terminal) -> u8 {
    let gaps = &made.collected.gaps;
    terminal.speak(&query::missed(gaps, terminal.errors()));
    if gaps.iter().any(|gap| gap.kind.is_partial()) { 3 } else { 0 }
}

/// Returns who asks; whoever looks at an image sees what its files let be seen.
fn asker(asked: &Asked) -> Asker {
    match asked.place == Place::Live && !rustix::process::geteuid().is_root() {
        true => Asker::User,
        false => Asker::Root,
    }
}

fn options(matches: &ArgMatches, incident: &Incident) -> Result<Options, Box<Report>> {
    let exclude = matches.get_many::<String>("exclude").into_iter().flatten().cloned();
    let usual = Options::default();
    let mut options = Options {
        since: super::since(matches, incident)?,
        exclude: exclude.collect(),
        largest: matches.get_one::<u64>("max-size").copied().unwrap_or(usual.largest),
        secrets: match matches.get_flag("with-secrets") {
            true => Secrets::Contents,
            false => Secrets::Digests,
        },
        capture: capture(matches),
        ..usual
    };
    let profile = matches.get_one::<String>("profile").map(String::as_str);
    let definitions: Vec<PathBuf> =
        matches.get_many::<PathBuf>("artifacts").into_iter().flatten().cloned().collect();
    wanted(&mut options, profile, &definitions)
        .map_err(|error| Box::new(page::unwanted(&error)))?;
    Ok(options)
}

/// Returns what of the network is to be captured.
fn capture(matches: &ArgMatches) -> Option<CaptureOrder> {
    /// Held in memory until it goes into the bundle.
    const MOST: usize = 64 << 20;
    let seconds = *matches.get_one::<u64>("capture")?;
    let interfaces = matches.get_many::<String>("interface").into_iter().flatten().cloned();
    Some(CaptureOrder {
        time: std::time::Duration::from_secs(seconds),
        interfaces: interfaces.collect(),
        most: MOST,
        alone: false,
    })
}

/// Writes the bundle itself to stdout; what is said of it goes to stderr.
fn to_stdout(
    incident: &Incident,
    options: Options,
    sign: Option<&Path>,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    super::only_piped(
        asked,
        sign,
        &Both::new("the bundle was not written to standard output", "未向标准输出写证据包"),
        Both::new(
            "a signature is a file of its own: sign where the bundle is kept, `minisign -S -m FILE`",
            "签名是单独的文件：请在存放证据包的地方签名，`minisign -S -m 文件`",
        ),
        &Both::new("ssh HOST stanch preserve -o - > FILE", "ssh 主机 stanch preserve -o - > 文件"),
    )?;
    terminal.speak(&page::ahead(asker(asked), &Custody::NoCase, terminal.errors()));
    let progress = Progress::start(asked.look.say("collecting evidence", "正在收集证据"));
    let mut made = None;
    terminal.data(|out| {
        made = Some(incident.preserve_to(&asked.desk, options, out));
        Ok(())
    })?;
    drop(progress);
    let Some(made) = made else { return Ok(3) };
    let made = made.map_err(failed(Path::new("-")))?;
    terminal.speak(&page::made("-", &made, terminal.errors()));
    Ok(told(&made, terminal))
}

/// `stanch seal verify`.
pub(super) fn seal(
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    match matches.subcommand() {
        Some(("list", matches)) => return list(matches, asked, terminal),
        Some(("request", matches)) => return request(matches, asked, terminal),
        _ => {}
    }
    let Some(("verify", matches)) = matches.subcommand() else {
        terminal.text(&crate::help::for_command(&["seal".to_owned()], asked.look)?)?;
        return Ok(2);
    };
    let path = file(matches, "file");
    let own = |name: &str| matches.get_one::<PathBuf>(name).cloned();
    let with = VerifyWith { public_key: own("public-key"), signature: own("signature") };
    let progress = Progress::start(asked.look.say("verifying", "正在校验"));
    let answer = if path == "-" {
        evidence::verify_stream(&mut io::stdin().lock(), &with)
    } else {
        evidence::verify_bundle(path, &with)
    };
    drop(progress);
    let answer = answer.map_err(failed(path))?;
    if asked.json {
        let document = page::verified_document(&shown(path), &answer);
        terminal.data(|out| json::pretty(out, &document))?;
    } else {
        terminal.text(&page::verified(&shown(path), &answer, asked.look))?;
    }
    Ok(page::exit(&answer))
}

/// `stanch seal list`.
fn list(matches: &ArgMatches, asked: &Asked, terminal: &Terminal) -> Result<u8, Box<Report>> {
    let path = file(matches, "file");
    let public_key = matches.get_one::<PathBuf>("public-key").cloned();
    let with = VerifyWith { public_key, signature: None };
    let progress = Progress::start(asked.look.say("verifying", "正在校验"));
    let list = evidence::list_bundle(&asked.desk, path, &with);
    drop(progress);
    let list = list.map_err(failed(path))?;
    let is_cut = list.bundle.verified.is_cut;
    if page::exit(&list.bundle) == 1 {
        return Err(failed(path)(EvidenceError::NotWhole));
    }
    let document = form::document(&shown(path), &list);
    let kind = matches.get_one::<String>("format").and_then(|name| form::Form::from_name(name));
    let mut out = Vec::new();
    let written = match (kind, asked.json) {
        (None, true) => json::pretty(&mut out, &document),
        (kind, _) => {
            form::write(&document, kind.unwrap_or(form::Form::Markdown), asked.look, &mut out)
        }
    };
    written.map_err(|error| Box::new(crate::mistakes::not_written(&error)))?;
    match matches.get_one::<PathBuf>("output") {
        Some(to) => evidence::keep_list(to, &out).map_err(failed(to))?,
        None => terminal.data(|to| to.write_all(&out))?,
    }
    Ok(if is_cut { 3 } else { 0 })
}

/// `stanch seal request`.
fn request(matches: &ArgMatches, asked: &Asked, terminal: &Terminal) -> Result<u8, Box<Report>> {
    let path = file(matches, "file");
    let beside = || {
        let mut name = path.as_os_str().to_owned();
        name.push(".tsq");
        PathBuf::from(name)
    };
    let to = matches.get_one::<PathBuf>("output").cloned().unwrap_or_else(beside);
    let progress = Progress::start(asked.look.say("verifying", "正在校验"));
    let requested = evidence::request_stamp(path, &to);
    drop(progress);
    requested.map_err(|error| match &error {
        EvidenceError::Kept(_) => failed(&to)(error),
        _ => failed(path)(error),
    })?;
    terminal.text(&page::requested(&shown(path), &shown(&to), asked.look))?;
    Ok(0)
}

fn file<'a>(matches: &'a ArgMatches, name: &str) -> &'a Path {
    matches.get_one::<PathBuf>(name).map_or(Path::new(""), PathBuf::as_path)
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn failed(path: &Path) -> impl FnOnce(EvidenceError) -> Box<Report> {
    move |error| Box::new(page::failed(&shown(path), &error))
}
