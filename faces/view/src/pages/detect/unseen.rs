//! What could not be seen, folded: by kind of gap, with how many signs each kind blinds.

use std::collections::{BTreeMap, BTreeSet};

use stanch_incident::Blind;
use stanch_words::{GapKind, Lang, text};

use crate::pages::query;
use crate::texts::system;
use crate::{Sheet, Tone};

/// Tables that are named; the rest is counted.
const NAMED: usize = 6;

/// Writes the section; with `--all` each gap by itself.
pub(super) fn section(sheet: &mut Sheet, gaps: &[Blind]) {
    if gaps.is_empty() {
        return;
    }
    sheet.heading("What could not be seen", "未能看到的");
    let mut kinds: BTreeMap<(bool, GapKind), Vec<&Blind>> = BTreeMap::new();
    for blind in gaps {
        kinds.entry((!blind.gap.kind.is_partial(), blind.gap.kind)).or_default().push(blind);
    }
    for ((_, kind), blinds) in kinds {
        let line = folded(sheet, kind, &blinds);
        sheet.hanging(2, "", 0, &line);
        if sheet.look.all {
            for blind in blinds {
                one(sheet, blind);
            }
        }
    }
}

fn folded(sheet: &Sheet, kind: GapKind, blinds: &[&Blind]) -> String {
    let look = sheet.look;
    let mut tables: BTreeMap<&str, usize> = BTreeMap::new();
    let mut signs: BTreeSet<&str> = BTreeSet::new();
    for blind in blinds {
        *tables.entry(query::what(&blind.gap, sheet.look)).or_default() += 1;
        signs.extend(blind.signs.iter().map(|title| title.en.as_str()));
    }
    let count = tables.len();
    let mut ranked: Vec<(&str, usize)> = tables.into_iter().collect();
    ranked.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let named: Vec<String> = ranked
        .iter()
        .take(NAMED)
        .map(|&(table, times)| match times {
            1 => table.to_owned(),
            _ => format!("{table} ×{times}"),
        })
        .collect();
    let named = named.join(look.say(", ", "、"));
    let more = count.saturating_sub(NAMED);
    let kind = kind.text();
    match look.lang {
        Lang::En => {
            let more = if more > 0 { format!(" and {more} more tables") } else { String::new() };
            let signs = match signs.len() {
                0 => String::new(),
                1 => "; 1 sign judged in part".to_owned(),
                signs => format!("; {signs} signs judged in part"),
            };
            format!("{}: {named}{more}{signs}", kind.en)
        }
        Lang::Zh => {
            let more = if more > 0 { format!(" 等 {count} 张表") } else { String::new() };
            let signs = match signs.len() {
                0 => String::new(),
                signs => format!("；{signs} 项迹象只能部分判断"),
            };
            format!("{}：{named}{more}{signs}", kind.zh)
        }
    }
}

fn one(sheet: &mut Sheet, blind: &Blind) {
    let path = blind.gap.path.as_deref().unwrap_or_default();
    let detail = system::said(&blind.gap.detail, sheet.look.lang);
    let parts = [query::what(&blind.gap, sheet.look), path, &detail];
    let parts: Vec<String> =
        parts.iter().filter(|part| !part.is_empty()).map(|part| text::escaped(part)).collect();
    let line = format!("    {}", parts.join("  "));
    sheet.line(sheet.look.paint(Tone::Faint, &line));
}
