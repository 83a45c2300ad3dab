//! Mail that accounts of this machine handed in, from every mail log that survived.
//!
//! Source: [`crate::history`]; Postfix `src/pickup/pickup.c` (`uid=`), Exim's specification,
//! chapter 52 (`U=`).

use stanch_words::{Ask, Seen, table_spec};

use crate::Host;
use crate::history::History;

table_spec! {
    /// Accounts that handed in mail.
    pub static SPEC, col = "mail_submissions": Files, "Accounts that handed in mail on this machine itself (not over the network), over all mail logs that survived.";
    username Text Plain "The account; empty if its number has no name.";
    uid BigInt Plain "Its number, where it is known.";
    count BigInt Plain "How many mails it handed in.";
    hours BigInt Plain "In how many hours it handed any in.";
    busiest_hour BigInt Plain "Beginning of the first of the hours with most mails, in seconds since 1970 UTC.";
    busiest_count BigInt Plain "Mails in that hour.";
    usual_count BigInt Plain "Median of the other hours with mail; NULL if there is none.";
    first_time BigInt Plain "First mail, in seconds since 1970 UTC.";
    last_time BigInt Plain "Last mail, in seconds since 1970 UTC.";
    file Text Plain "The log of the busiest hour.";
    line BigInt Plain "A line of it, from 1.";
    excerpt Text Plain "What it says there.";
    lines Text Plain "Up to ten of the lines, as a JSON array of source, line, offset and excerpt.";
}

/// Reads the history.
pub(super) fn read(host: &Host, _ask: &Ask, seen: &mut Seen) {
    History::of(host).give(SPEC.name, seen);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stanch_machine::Pretend;

    use super::*;

    fn shown(machine: Pretend) -> Vec<String> {
        let host = Host::new(Arc::new(machine));
        let mut seen = Seen::default();
        read(&host, &Ask::all(), &mut seen);
        assert_eq!(seen.gaps, []);
        let columns = [
            col::username,
            col::uid,
            col::count,
            col::hours,
            col::busiest_count,
            col::usual_count,
            col::line,
        ];
        let text = |row: &stanch_words::Row| columns.map(|c| row.get(c).to_string()).join(" ");
        seen.rows.iter().map(text).collect()
    }

    #[test]
    fn a_burst_is_counted_once_though_two_logs_tell_it() {
        let calm = (0..4).map(|n| (format!("0{n}:10:01"), format!("4D{n}: uid=33")));
        let burst = (0..40).map(|n| (format!("08:00:{n:02}"), format!("5D{n}: uid=33")));
        let own = ("08:01:00".to_owned(), "6D1: uid=0".to_owned());
        let mut log: String = calm
            .chain(burst)
            .chain([own])
            .map(|(time, said)| format!("Nov  2 {time} h postfix/pickup[7]: {said} from=<x>\n"))
            .collect();
        // What the queue says of the same mail is no other mail.
        log.push_str("Nov  2 08:01:00 h postfix/qmgr[8]: 6D1: from=<root@h>, size=9, nrcpt=1\n");
        let machine = Pretend::new()
            .file(
                "/etc/passwd",
                "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/false\n",
            )
            .file("/var/log/mail.log", log.as_str())
            .file("/var/log/syslog", log.as_str());
        assert_eq!(shown(machine), ["root 0 1 1 1  45", "www-data 33 44 5 40 1 6"]);
    }

    #[test]
    fn exim_names_who_handed_in_and_mail_from_the_network_is_nobody_s() {
        let log = "2026-01-02 03:04:07 1oK3xJ-0002Aa-7f <= ann@example.org H=(x) [192.0.2.7] U=ann P=esmtp S=712\n\
            2026-01-02 03:04:08 1oK3xJ-0002Aa-7g <= www-data@web U=www-data P=local S=712\n\
            2026-01-02 03:04:09 1oK3xJ-0002Aa-7g Completed\n";
        let machine = Pretend::new()
            .file("/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
            .file("/var/log/exim4/mainlog", log);
        assert_eq!(shown(machine), ["www-data  1 1 1  2"]);
    }
}
