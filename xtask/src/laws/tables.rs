//! The sentences of tables and columns.

use stanch_facts::tables;

use super::{Offence, offence};
use crate::House;

fn is_sentence(text: &str) -> bool {
    text.len() > 4 && text.ends_with('.') && !text.contains("TODO")
}

/// Finds tables and columns without a sentence, and names that are no SQL names.
pub fn sentences(_house: &House) -> Vec<Offence> {
    let mut offences = Vec::new();
    let plain =
        |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    for spec in tables::ALL.iter().map(|table| table.spec) {
        let file = format!("ground/facts/src/tables/{}.rs", spec.name);
        if !is_sentence(spec.summary) {
            offences.push(offence(file.clone(), format!("no sentence: `{}`", spec.summary)));
        }
        for column in spec.columns {
            if !is_sentence(column.means) {
                let what = format!("`{}` has no sentence: `{}`", column.name, column.means);
                offences.push(offence(file.clone(), what));
            }
            let twice = spec.columns.iter().filter(|other| other.name == column.name).count();
            if twice > 1 || !plain(column.name) {
                let what = format!("`{}` occurs twice or is no plain name", column.name);
                offences.push(offence(file.clone(), what));
            }
        }
        if !plain(spec.name) {
            offences.push(offence(file, "no plain name"));
        }
    }
    offences
}
