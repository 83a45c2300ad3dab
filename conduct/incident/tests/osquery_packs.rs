//! Every Linux or POSIX query of osquery's own packs runs unchanged on our tables.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a test reads its own data")]

use stanch_incident::{Incident, Place};

/// Folder of the packs, beside the project (see its README).
const PACKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/osquery-packs");

struct PackQuery {
    name: String,
    sql: String,
}

/// Returns the queries of a pack that are meant for this system. A pack may state its platform as
/// a whole or for each query; a query without any is for all. osquery's configuration joins lines
/// that end in a backslash.
fn queries(pack: &str) -> Vec<PackQuery> {
    let text = std::fs::read_to_string(format!("{PACKS}/{pack}")).unwrap().replace("\\\n", " ");
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let whole = document["platform"].as_str();
    let queries = document["queries"].as_object().unwrap().iter();
    queries
        .filter(|(_, query)| {
            let platform = query["platform"].as_str().or(whole).unwrap_or("linux");
            platform.split(',').any(|p| matches!(p.trim(), "linux" | "posix" | "any"))
        })
        .map(|(name, query)| PackQuery {
            name: name.clone(),
            sql: query["query"].as_str().unwrap().trim().to_owned(),
        })
        .collect()
}

#[test]
fn every_query_runs_unchanged() {
    let incident = Incident::open(&Place::Live).unwrap();
    let mut failed = Vec::new();
    let mut passed = 0;
    for pack in ["incident-response.conf", "ossec-rootkit.conf"] {
        for query in queries(pack) {
            match incident.query(&query.sql) {
                Ok((answer, _gaps)) => {
                    assert!(!answer.columns.is_empty());
                    println!("passed {pack} {} ({} rows)", query.name, answer.rows.len());
                    passed += 1;
                }
                Err(error) => {
                    println!("failed {pack} {}: {error}", query.name);
                    failed.push(format!("{pack} {}: {error}", query.name));
                }
            }
        }
    }
    println!("osquery packs: {passed} queries passed, {} failed", failed.len());
    assert!(passed + failed.len() >= 75, "the packs hold more queries than that");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
