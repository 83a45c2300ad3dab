//! The Chinese sentences of tables and columns, by topic. A sentence that several specs have word
//! for word is translated once, in `shared.rs`, by its English: a column whose English differs
//! must say its own, so that a shared sentence is never told of a column that means another thing.

mod accounts;
pub(super) mod details;
mod files;
mod flows;
mod history;
mod kernel;
mod load;
mod logins;
mod network;
mod processes;
mod services;
mod shared;
mod system;

use stanch_words::{Column, TableSpec};

/// What one table says.
struct Wording {
    table: &'static str,
    summary: &'static str,
    /// Column and sentence; columns whose English is in `shared.rs` need none.
    columns: &'static [(&'static str, &'static str)],
}

fn all() -> impl Iterator<Item = &'static Wording> {
    let topics = [
        processes::TABLES,
        network::TABLES,
        accounts::TABLES,
        logins::TABLES,
        services::TABLES,
        history::TABLES,
        files::TABLES,
        flows::TABLES,
        kernel::TABLES,
        load::TABLES,
        system::TABLES,
    ];
    topics.into_iter().flatten()
}

fn wording(spec: &TableSpec) -> Option<&'static Wording> {
    all().find(|wording| wording.table == spec.name)
}

fn of(list: &[(&str, &'static str)], key: &str) -> Option<&'static str> {
    list.iter().find(|(known, _)| *known == key).map(|(_, sentence)| *sentence)
}

/// Returns a table's sentence.
pub(super) fn summary(spec: &TableSpec) -> Option<&'static str> {
    wording(spec).map(|wording| wording.summary)
}

/// Returns the sentence of a column.
pub(super) fn means(spec: &TableSpec, column: &Column) -> Option<&'static str> {
    let own = wording(spec).and_then(|wording| of(wording.columns, column.name));
    own.or_else(|| of(shared::SHARED, column.means))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHERE: &str = "faces/view/src/texts/zh/{processes,network,accounts,logins,history,files,kernel,system}.rs";

    /// What stands in the lists for a table that has no Chinese yet, to be pasted and filled in.
    fn skeleton(spec: &TableSpec) -> String {
        let columns: String =
            spec.columns.iter().filter_map(|column| missing_line(spec, column)).collect();
        let name = spec.name;
        format!(
            "    Wording {{\n        table: \"{name}\",\n        // {}\n        summary: \"…。\",\n        \
             columns: &[\n{columns}        ],\n    }},\n",
            spec.summary
        )
    }

    fn missing_line(spec: &TableSpec, column: &Column) -> Option<String> {
        let (name, english) = (column.name, column.means);
        means(spec, column)
            .is_none()
            .then(|| format!("            (\"{name}\", \"…。\"), // {english}\n"))
    }

    #[test]
    fn every_table_and_column_is_written_in_chinese() {
        let mut missing = String::new();
        for spec in stanch_incident::tables() {
            if wording(spec).is_none() {
                missing.push_str(&skeleton(spec));
                continue;
            }
            let columns: String =
                spec.columns.iter().filter_map(|column| missing_line(spec, column)).collect();
            if !columns.is_empty() {
                missing.push_str(&format!("  into the columns of `{}`:\n{columns}", spec.name));
            }
        }
        assert!(
            missing.is_empty(),
            "these have no Chinese. Paste them into the file of their topic \
             ({WHERE}), write each sentence, then run `cargo xtask handbook`:\n{missing}"
        );
    }

    #[test]
    fn nothing_is_written_about_what_is_gone() {
        let specs = stanch_incident::tables();
        let mut gone = Vec::new();
        for wording in all() {
            let Some(spec) = specs.iter().find(|spec| spec.name == wording.table) else {
                gone.push(format!("table `{}`", wording.table));
                continue;
            };
            for (column, _) in wording.columns {
                if spec.position(column).is_none() {
                    gone.push(format!("column `{column}` of `{}`", wording.table));
                }
            }
            if all().filter(|other| other.table == wording.table).count() > 1 {
                gone.push(format!("table `{}` is written twice", wording.table));
            }
        }
        assert!(gone.is_empty(), "no longer there, take them out of {WHERE}:\n{gone:#?}");
    }

    #[test]
    fn a_shared_sentence_is_shared() {
        let specs = stanch_incident::tables();
        for (english, _) in shared::SHARED {
            let falls_back = |spec: &TableSpec, column: &Column| {
                let own = wording(spec).and_then(|wording| of(wording.columns, column.name));
                column.means == *english && own.is_none()
            };
            let users = specs.iter().flat_map(|spec| {
                spec.columns.iter().filter(move |column| falls_back(spec, column))
            });
            assert!(
                users.count() > 1,
                "shared.rs: fewer than two columns need `{english}`: move it to its table"
            );
        }
    }

    #[test]
    fn sentences_are_chinese_and_end() {
        let own = all().flat_map(|wording| {
            let columns = wording.columns.iter().map(|(_, sentence)| *sentence);
            columns.chain([wording.summary])
        });
        for sentence in own.chain(shared::SHARED.iter().map(|(_, sentence)| *sentence)) {
            let written = sentence.ends_with('。') && sentence != "…。";
            assert!(written && sentence.chars().any(|c| ('一'..='鿿').contains(&c)), "{sentence}");
        }
    }
}
