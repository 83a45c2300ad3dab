//! `stanch eradicate`: removes what the intruder left.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ArgMatches;
use stanch_incident::deeds::{self, ActError};
use stanch_incident::eradication::{self, Suspect};
use stanch_incident::{Archives, Depth, Detection, Incident, Options, Scope, Starter};
use stanch_view::pages::{eradicate as page, query, scan};
use stanch_view::{Report, Trouble, documents};
use stanch_words::{Finding, Level, Plan};

use super::contain::{agreed, show};
use crate::arguments::Asked;
use crate::progress::Progress;
use crate::terminal::Terminal;

/// How long content is read, as `stanch detect` does.
const CONTENT_SECONDS: i64 = 8;

pub(super) fn run(
    matches: &ArgMatches,
    asked: &Asked,
    terminal: &Terminal,
) -> Result<u8, Box<Report>> {
    super::only_live(asked)?;
    match matches.subcommand() {
        Some(("apply", matches)) => apply(matches, asked, terminal),
        Some((_plan, matches)) => {
            let plan = planned(matches, asked, terminal)?;
            show(&plan, asked, terminal)?;
            Ok(if plan.steps.is_empty() && !plan.refusals.is_empty() {
                Trouble::Refused.exit()
            } else {
                0
            })
        }
        None => Ok(0),
    }
}

fn apply(matches: &ArgMatches, asked: &Asked, terminal: &Terminal) -> Result<u8, Box<Report>> {
    let plan = match matches.get_one::<String>("plan") {
        Some(id) => deeds::kept_plan(&asked.desk, id).map_err(told)?,
        None => planned(matches, asked, terminal)?,
    };
    if !agreed(&plan, matches, asked, terminal)? {
        return Ok(if plan.refusals.is_empty() { 0 } else { Trouble::Refused.exit() });
    }
    let deeds = deeds::apply(&asked.desk, &plan).map_err(told)?;
    if matches.get_flag("no-look") {
        return super::contain::tell(asked, terminal, &page::applied(&deeds, None, asked.look));
    }
    let incident = super::open(&asked.place)?;
    let left = left(&plan, &look(&incident, &["files", "logs", "processes"], asked)?);
    super::contain::tell(asked, terminal, &page::applied(&deeds, Some(&left), asked.look))?;
    Ok(if left.is_empty() { 0 } else { 3 })
}

/// Makes a plan of what was found, or of what was named, and keeps it in the case.
fn planned(matches: &ArgMatches, asked: &Asked, terminal: &Terminal) -> Result<Plan, Box<Report>> {
    let incident = super::open(&asked.place)?;
    let brought = |name: &str| matches.get_one::<PathBuf>(name).cloned();
    let (packages, keyring) = (brought("packages"), brought("keyring"));
    let is_archive = matches.get_one::<String>("trust").is_some_and(|trust| trust == "archive");
    // Who brings package files wants them compared.
    if is_archive || packages.is_some() || keyring.is_some() {
        incident.trust_archive(packages, keyring);
    }
    let paths = matches.get_many::<PathBuf>("path").into_iter().flatten();
    let mut suspects: Vec<Suspect> =
        paths.map(|path| Suspect::named(&super::scan::whole(path, asked))).collect();
    let report = matches.get_one::<PathBuf>("report");
    let level = matches.get_one::<String>("level").and_then(|name| Level::from_name(name));
    if report.is_some() || level.is_some() || suspects.is_empty() {
        let found: Vec<Suspect> = match report {
            Some(report) => read(report, &incident)?,
            None => {
                look(&incident, &[], asked)?.findings.iter().map(eradication::suspect).collect()
            }
        };
        let only: Vec<&String> = matches.get_many("finding").into_iter().flatten().collect();
        let is_lost = |id: &&&String| !found.iter().any(|suspect| suspect.finding == ***id);
        if let Some(id) = only.iter().find(is_lost) {
            return Err(Box::new(page::no_finding(id)));
        }
        let least = level.unwrap_or(Level::Medium);
        suspects.extend(found.into_iter().filter(|suspect| match only.as_slice() {
            [] => suspect.level >= least,
            only => only.contains(&&suspect.finding),
        }));
    }
    let made = eradication::plan(&asked.desk, &incident, &suspects);
    let (plan, gaps) = made.map_err(told)?;
    terminal.speak(&query::missed(&gaps, terminal.errors()));
    Ok(plan)
}

#[expect(clippy::needless_pass_by_value, reason = "it ends an error's way")]
fn told(error: ActError) -> Box<Report> {
    Box::new(stanch_view::pages::acts::trouble(&error, "stanch eradicate plan"))
}

/// Reads a report of `stanch detect --json` about this machine: what another one has is nothing to
/// clear away here, whatever its name.
fn read(path: &Path, incident: &Incident) -> Result<Vec<Suspect>, Box<Report>> {
    let host = &incident.host_name();
    let bad = |why: String| Box::new(page::no_report(&path.to_string_lossy(), &why));
    let bytes = eradication::read_report(path).map_err(|miss| bad(miss.detail))?;
    let report: stanch_wire::Detect =
        serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
    if report.schema != stanch_wire::Detect::SCHEMA {
        return Err(bad(format!("not of schema `{}`", stanch_wire::Detect::SCHEMA)));
    }
    if report.host != *host {
        return Err(Box::new(page::another_host(&path.to_string_lossy(), &report.host, host)));
    }
    let of = report.machine.as_ref().map(documents::looked);
    let Some(pids) = of.and_then(|of| of.is_of(&incident.identity())) else {
        let kind = report.machine.as_ref().map(|machine| machine.look.as_str());
        return Err(Box::new(page::another_machine(&path.to_string_lossy(), host, kind)));
    };
    let suspects: Result<Vec<Suspect>, Box<Report>> = report
        .findings
        .iter()
        .map(|finding| {
            documents::suspect(finding)
                .ok_or_else(|| bad(format!("`{}` has no such level or kind", finding.id)))
        })
        .collect();
    Ok(suspects?.into_iter().map(|suspect| pids.told(suspect)).collect())
}

/// Looks for the signs of an intrusion as `stanch detect` does.
fn look(incident: &Incident, only: &[&str], asked: &Asked) -> Result<Detection, Box<Report>> {
    let progress =
        Progress::start(asked.look.say("looking for signs of an intrusion", "正在查找入侵迹象"));
    let rules = stanch_incident::yara(&[], Starter::With, None)
        .map_err(|miss| Box::new(scan::unusable(&miss.path, &miss.detail, miss.kind)))?;
    let content = Scope {
        rules: Some(Arc::new(rules.rules)),
        archives: Archives::AsTheyLie,
        seconds: Some(CONTENT_SECONDS),
        ..Scope::default()
    };
    let only = only.iter().map(|&category| category.to_owned()).collect();
    let options =
        Options { only, content: Some(content), depth: Depth::Usual, ..Options::default() };
    let detection = incident.detect(&options).map_err(|error| Box::new(super::bug(&error)))?;
    drop(progress);
    Ok(detection)
}

/// Returns the findings that are still about what the plan dealt with.
fn left(plan: &Plan, detection: &Detection) -> Vec<Finding> {
    let paths: Vec<&String> =
        plan.steps.iter().filter_map(|step| step.subject.path.as_ref()).collect();
    let still = detection.findings.iter().filter(|finding| {
        finding.level > Level::Low
            && finding.subject.path.as_ref().is_some_and(|path| paths.contains(&path))
    });
    still.cloned().collect()
}
