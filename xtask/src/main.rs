//! The command line of the house's own tools: `cargo xtask tidy|pack|new|handbook|score`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use xtask::{House, handbook, laws, new, pack, say, score};

const USAGE: &str = "\
usage: cargo xtask tidy                  checks the laws of the house
       cargo xtask pack [--fix]          checks every page of content; --fix puts pages in order
                                         and adds new ids to content/ids.lock
       cargo xtask new sign TOPIC.NAME   writes a page that fails until it is filled in
       cargo xtask new table NAME        writes a table that fails until it is filled in
       cargo xtask handbook              writes what is generated below handbook/
       cargo xtask score [--misses]      prints how well the logs of ../shared/data are read
       cargo xtask score webshells [DIR] prints how well web shells are told from the honest pages
                                         below DIR, or of packages that it fetches
       cargo xtask score artifacts DIR…  prints what of the artifacts of UAC and ForensicArtifacts,
                                         which lie in DIR, our own pages take
";

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let house = House::read()?;
    match words[..] {
        ["tidy"] => tidy(&house),
        ["pack"] => pack::check(&house),
        ["pack", "--fix"] => pack::fix(&house),
        ["new", "sign", id] => new::sign(&house, id),
        ["new", "table", name] => new::table(&house, name),
        ["handbook"] => handbook::write(&house),
        ["score"] => show_score(&house, false),
        ["score", "--misses"] => show_score(&house, true),
        ["score", "webshells"] => show_web_shells(&house, None),
        ["score", "webshells", folder] => show_web_shells(&house, Some(Path::new(folder))),
        ["score", "artifacts", ref folders @ ..] if !folders.is_empty() => {
            let folders: Vec<&Path> = folders.iter().map(Path::new).collect();
            for line in score::artifacts::lines(&house, &folders)? {
                say(&line);
            }
            Ok(ExitCode::SUCCESS)
        }
        _ => bail!("{USAGE}"),
    }
}

fn tidy(house: &House) -> Result<ExitCode> {
    let mut broken = 0_usize;
    for law in laws::ALL {
        let offences = (law.check)(house);
        if offences.is_empty() {
            continue;
        }
        broken = broken.saturating_add(1);
        say(&laws::verdict(law, &offences));
    }
    for note in laws::sizes::long(house) {
        say(&format!("note: {note}"));
    }
    say(&format!("{} laws, {broken} broken", laws::ALL.len()));
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show_score(house: &House, with_misses: bool) -> Result<ExitCode> {
    for line in score::lines(house, with_misses)? {
        say(&line);
    }
    Ok(ExitCode::SUCCESS)
}

fn show_web_shells(house: &House, folder: Option<&Path>) -> Result<ExitCode> {
    for line in score::web_shell_lines(house, folder)? {
        say(&line);
    }
    Ok(ExitCode::SUCCESS)
}
