//! One-line witnesses of Snort (`alert_fast`) and Suricata (`fast.log`).
//!
//! Source: Snort 2 `spo_alert_fast.c`, Suricata `src/alert-fastlog.c`: `11/02/2026-08:12:44.123456
//! [**] [1:2013028:4] text [**] [Classification: x] [Priority: 2] {TCP} 192.0.2.7:1 -> 10.0.0.1:80`.

use std::borrow::Cow;

use stanch_words::EventKind;

use super::stamps::Stamp;
use super::{Each, Form, Format, Line, Sample, Stamps, Understood, cut, single};

pub(super) static FORMAT: Format = Format {
    name: "ids-fast",
    recognise: |sample| recognise(sample),
    form: Form::Lines(|context| single::reader(context, read)),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    single::share(sample, |line, stamps| header(line, stamps).is_some())
}

/// Reads `11/02/2026-08:12:44.123456`, `11/02/26-…` and `11/02-…` (the month first).
pub(super) fn month_first<'t>(text: &'t str, stamps: &mut Stamps) -> Option<(Stamp, &'t str)> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (date, rest) = text.split_once('-')?;
    let (time, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let mut parts = date.split('/');
    let (month, day, year) = (parts.next()?, parts.next()?, parts.next());
    if month.len() != 2 || day.len() != 2 || time.len() > 20 {
        return None;
    }
    // Put in order as text: a witness is rare.
    let (stamp, left) = match year.map(str::len) {
        Some(4) => stamps.iso(&format!("{}-{month}-{day}T{time}", year?)).map(own)?,
        Some(2) => stamps.iso(&format!("20{}-{month}-{day}T{time}", year?)).map(own)?,
        None => {
            let name = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
            stamps.bsd(&format!("{name} {day} {time}")).map(own)?
        }
        Some(_) => return None,
    };
    left.then_some((stamp, rest.trim_start()))
}

/// Returns the stamp, and whether nothing was left.
fn own((stamp, rest): (Stamp, &str)) -> (Stamp, bool) {
    (stamp, rest.is_empty())
}

fn header<'l>(text: &'l str, stamps: &mut Stamps) -> Option<(Stamp, &'l str)> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) || text.as_bytes().get(2) != Some(&b'/') {
        return None;
    }
    let (stamp, rest) = month_first(text, stamps)?;
    let rest =
        rest.strip_prefix("[Drop] ").or_else(|| rest.strip_prefix("[wDrop] ")).unwrap_or(rest);
    Some((stamp, rest.strip_prefix("[**] ")?))
}

fn read(line: &Line<'_>, stamps: &mut Stamps, each: &mut Each<'_>) -> Understood {
    let Some((stamp, rest)) = header(line.text, stamps) else { return Understood::No };
    let message = single::message(stamp, line, "ids", line.text);
    let mut event = message.event(EventKind::IdsWitness);
    let (id, rest) =
        rest.strip_prefix('[').and_then(|rest| rest.split_once("] ")).unwrap_or(("", rest));
    let (text, rest) = rest.split_once(" [**]").unwrap_or((rest, ""));
    event.with("signature", text.trim_matches('"')).with("signature_id", id);
    if let Some(class) = cut::between(rest, "[Classification: ", "]") {
        event.with("category", class);
    }
    if let Some(priority) =
        cut::between(rest, "[Priority: ", "]").and_then(|n| n.parse::<i64>().ok())
    {
        event.with("severity", priority);
    }
    if let Some((protocol, ends)) = rest.split_once('{').and_then(|(_, rest)| rest.split_once("} "))
        && let Some((source, target)) = ends.split_once(" -> ")
    {
        let (address, port) = last_colon(source);
        (event.source_ip, event.source_port) = (Cow::Borrowed(address), port);
        let (address, port) = last_colon(target.trim_end());
        event.with("destination_ip", address).with("protocol", protocol);
        if let Some(port) = port {
            event.with("destination_port", i64::from(port));
        }
    }
    each(&event);
    Understood::Yes
}

/// Both write the port behind the last colon, of IPv6 too.
fn last_colon(text: &str) -> (&str, Option<u16>) {
    if cut::is_address(text) && text.matches(':').count() < 8 && !text.contains('.') {
        // A full IPv6 address has seven colons; with a port eight.
        if let Some((address, port)) = text.rsplit_once(':')
            && address.matches(':').count() == 7
        {
            return (address, port.parse().ok());
        }
        return (text, None);
    }
    match text.rsplit_once(':') {
        Some((address, port)) => (cut::address(address), port.parse().ok()),
        None => (cut::address(text), None),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Stream};

    #[test]
    fn witnesses_with_and_without_a_year() {
        let log = "11/02/2026-08:12:44.123456  [**] [1:2013028:4] ET POLICY curl [**] [Classification: x] [Priority: 2] {TCP} 192.0.2.7:55 -> 10.0.0.1:80\n\
            11/02-08:12:44.123456  [**] [1:1000:1] \"SSH scan\" [**] [Priority: 1] {ICMP} 2001:db8::1 -> 2001:db8::2\n\
            11/02/26-08:12:44.123456  [Drop] [**] [1:1000:1] scan [**] [Priority: 1] {TCP} 2001:db8:0:0:0:0:0:1:55 -> 10.0.0.1:22\n";
        let mut found = Vec::new();
        let mut each = |event: &stanch_words::Event<'_>| {
            let (signature, target) = (event.text("signature"), event.text("destination_ip"));
            let (from, port) = (&event.source_ip, event.source_port.unwrap_or(0));
            found.push(format!("{} {from} {port} {target} {signature}", event.kind.name()));
        };
        let mut stream = Stream::new(Context::new("fast.log", 1_795_435_200_000_000), None);
        stream.feed(log.as_bytes(), &mut each);
        stream.end(&mut each);
        assert_eq!(
            found,
            [
                "ids.witness 192.0.2.7 55 10.0.0.1 ET POLICY curl",
                "ids.witness 2001:db8::1 0 2001:db8::2 SSH scan",
                "ids.witness 2001:db8:0:0:0:0:0:1 55 10.0.0.1 scan",
            ]
        );
    }
}
