//! wget's memory of hosts that ask for HTTPS: where a download came from, and when first.
//!
//! Source: wget `src/hsts.c`: `hostname<TAB>port<TAB>incl. subdomains<TAB>created<TAB>max-age`.

use std::borrow::Cow;

use stanch_words::{Clock, Event, EventKind, Trust};

use super::{Each, Form, Format, Line, Sample, Stamps, Understood, cut, single};

pub(super) static FORMAT: Format = Format {
    name: "wget-hsts",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: false,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    let begins = sample.bytes.starts_with(b"# HSTS 1.0 Known Hosts database for GNU Wget");
    if begins || sample.name == ".wget-hsts" { super::shell_history::BY_NAME } else { 0 }
}

fn read(line: &Line<'_>, _: &mut Stamps, each: &mut Each<'_>) -> Understood {
    if line.text.starts_with('#') {
        return Understood::Silent;
    }
    let mut fields = line.text.split('\t');
    let (Some(host), Some(port), Some(_), Some(created)) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Understood::No;
    };
    let Ok(created) = created.parse::<i64>() else { return Understood::No };
    let mut event = Event::new(EventKind::NetworkConnect);
    event.trust = Trust::User;
    event.place = line.place;
    (event.time, event.clock) = (created.checked_mul(1_000_000), Clock::Utc);
    event.program = Cow::Borrowed("wget");
    event.user = Cow::Borrowed(cut::home_owner(line.place.file));
    event.message = Cow::Borrowed(line.text);
    event.with("server_name", host);
    match port.parse::<i64>() {
        Ok(port) if port > 0 => event.with("destination_port", port),
        _ => event.with("destination_port", 443),
    };
    each(&event);
    Understood::Yes
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Stream};
    use super::*;

    #[test]
    fn a_host_that_was_fetched_from() {
        let text = "# HSTS 1.0 Known Hosts database for GNU Wget.\nraw.example.org\t0\t1\t1700000000\t31536000\ntorn\t0\n";
        let mut found = Vec::new();
        let mut each = |event: &Event<'_>| {
            found.push(format!("{} {} {:?}", event.user, event.text("server_name"), event.time));
        };
        let mut stream = Stream::new(Context::new("/root/.wget-hsts", 0), None);
        stream.feed(text.as_bytes(), &mut each);
        let (counts, _) = stream.end(&mut each);
        assert_eq!(found, ["root raw.example.org Some(1700000000000000)"]);
        assert_eq!(counts.not_understood, 1);
    }
}
