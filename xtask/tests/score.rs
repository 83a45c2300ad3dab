//! The goals of the figures: what is read well today is read well tomorrow.
//!
//! A measure is asserted from the day on which the readers that it needs are there.
#![expect(clippy::unwrap_used, reason = "the helpers of tests may die as the tests may")]

use std::sync::OnceLock;

use xtask::House;
use xtask::score::{self, Measure};

fn folder(name: &str) -> Vec<Measure> {
    static HOUSE: OnceLock<House> = OnceLock::new();
    let house = HOUSE.get_or_init(|| House::read().unwrap());
    let (_, score) = score::ALL.iter().find(|(folder, _)| *folder == name).unwrap();
    score(&score::data(house).join(name)).unwrap()
}

fn reaches_its_goal(folder_name: &str, names: &[&str]) {
    let measures = folder(folder_name);
    for name in names {
        let measure = measures.iter().find(|measure| measure.name == *name).unwrap();
        assert!(measure.goal.is_some(), "{name} has no goal");
        assert!(
            measure.is_good(),
            "{name}: {} of {}, goal {:?}\n{}",
            measure.hits,
            measure.total,
            measure.goal,
            measure.misses.join("\n")
        );
    }
}

#[test]
fn web_shells_are_told_from_pages_that_nearly_are_ones() {
    let house = House::read().unwrap();
    let measures = score::web_shells::ours(&house).unwrap();
    let shells: usize = measures
        .iter()
        .filter(|measure| measure.goal.is_some() && measure.name.starts_with("recall"))
        .map(|measure| measure.total)
        .sum();
    assert!(shells >= 100, "only {shells} pages of ours");
    for measure in measures.iter().filter(|measure| measure.goal.is_some()) {
        assert!(measure.is_good(), "{}: {}", measure.name, measure.misses.join("\n"));
    }
}

#[test]
fn sshd_is_judged_as_fail2ban_judges_it() {
    reaches_its_goal("fail2ban-logs", &["sshd: recall", "sshd: host exact"]);
}

#[test]
fn all_services_are_judged_as_fail2ban_judges_them() {
    let names = [
        "services supported",
        "all supported: recall",
        "all supported: precision",
        "all supported: host exact",
    ];
    reaches_its_goal("fail2ban-logs", &names);
}

#[test]
fn lines_say_what_crowdsec_takes_from_them() {
    reaches_its_goal("crowdsec-hub-tests", &["parser fields", "parser fields of sshd and PAM"]);
}

#[test]
fn machines_that_were_only_guessed_at() {
    let names = [
        "lines of failed passwords",
        "attacking addresses named",
        "logins accepted",
        "Linux_2k: remote hosts of failures named",
    ];
    reaches_its_goal("loghub", &names);
}

#[test]
fn audit_records_say_what_go_libaudit_takes_from_them() {
    let names = ["fields of single records", "fields of whole events"];
    reaches_its_goal("go-libaudit", &names);
}

#[test]
fn every_measure_of_every_folder_counts_something() {
    for (name, _) in score::ALL {
        for measure in folder(name) {
            assert!(measure.total > 0, "{name}: {} counts nothing", measure.name);
        }
    }
}
