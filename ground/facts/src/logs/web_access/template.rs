//! A log format of the machine's own configuration, as positions in a line.
//!
//! Source: nginx ngx_http_log_module (`log_format name [escape=…] '…'`, the variables of
//! ngx_http_core_module) and Apache mod_log_config (`LogFormat "…" name`, the `%` directives).
//!
//! Each field goes to the first place where the text that follows it in the format stands. A
//! client who writes that text into his own field breaks the line for the template; such a line
//! is then read by its shape, or counted as not understood: never taken for something else.

use super::{Access, value};
use crate::logs::Stamps;
use crate::logs::stamps::{SECOND, Stamp};

/// A compiled format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Text, then the field behind it.
    parts: Vec<(String, Field)>,
    /// The text behind the last field.
    tail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Source,
    SourcePort,
    Forwarded,
    User,
    Host,
    /// The time in any shape.
    Time,
    Request,
    Method,
    Target,
    Query,
    Status,
    Bytes,
    Referrer,
    UserAgent,
    Other,
}

/// How many fields a format may have.
const FIELDS: usize = 200;

impl Template {
    /// Compiles the text of an nginx `log_format`.
    pub fn nginx(format: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = format;
        while let Some(at) = rest.find('$') {
            let (before, after) = rest.split_at(at);
            text.push_str(before);
            let after = after.get(1..)?;
            let (name, left) = match after.strip_prefix('{') {
                Some(braced) => braced.split_once('}')?,
                None => {
                    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                    let end = after.find(|c| !is_name(c)).unwrap_or(after.len());
                    after.split_at(end)
                }
            };
            rest = left;
            parts.push((std::mem::take(&mut text), nginx_field(name)));
        }
        text.push_str(rest);
        Self::checked(parts, text)
    }

    /// Compiles the text of an Apache `LogFormat`, without its outer quotes and their escapes.
    pub fn apache(format: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = format;
        while let Some(at) = rest.find('%') {
            let (before, after) = rest.split_at(at);
            text.push_str(before);
            let mut after = after.get(1..)?;
            if let Some(left) = after.strip_prefix('%') {
                text.push('%');
                rest = left;
                continue;
            }
            // `%>s`, `%!200,304{Referer}i`: which request, and at which statuses.
            let is_modifier = |c: char| matches!(c, '<' | '>' | '!' | ',') || c.is_ascii_digit();
            after = after.trim_start_matches(is_modifier);
            let (argument, after) = match after.strip_prefix('{') {
                Some(braced) => braced.split_once('}')?,
                None => ("", after),
            };
            // `%{…}^ti`, `%{…}^to`: trailers.
            let name_end =
                if after.starts_with('^') { 3 } else { after.chars().next()?.len_utf8() };
            let name = after.get(..name_end)?;
            rest = after.get(name_end..)?;
            // `%t` brings its own brackets.
            if name == "t" && argument.is_empty() {
                text.push('[');
                parts.push((std::mem::take(&mut text), Field::Time));
                text.push(']');
                continue;
            }
            parts.push((std::mem::take(&mut text), apache_field(name, argument)));
        }
        text.push_str(rest);
        Self::checked(parts, text)
    }

    /// A format is of use if it tells who asked for what, and if its fields can be told apart.
    fn checked(parts: Vec<(String, Field)>, tail: String) -> Option<Self> {
        let has = |wanted: Field| parts.iter().any(|(_, field)| *field == wanted);
        let useful = (has(Field::Source) || has(Field::Forwarded))
            && (has(Field::Request) || has(Field::Target));
        let apart = parts.iter().skip(1).all(|(text, _)| !text.is_empty());
        (useful && apart && parts.len() <= FIELDS).then_some(Self { parts, tail })
    }

    /// Reads a line of this format.
    pub(super) fn read<'l>(&self, line: &'l str, stamps: &mut Stamps) -> Option<Access<'l>> {
        let mut access = Access::default();
        let mut rest = line;
        let mut forwarded = "";
        for (at, (text, field)) in self.parts.iter().enumerate() {
            rest = rest.strip_prefix(text.as_str())?;
            let next = self.parts.get(at.saturating_add(1)).map_or(&self.tail, |(text, _)| text);
            let (found, after) =
                if next.is_empty() { (rest, "") } else { rest.split_at(end_of_field(rest, next)?) };
            rest = after;
            if *field == Field::Forwarded {
                forwarded = found.split(',').next().unwrap_or_default().trim();
                continue;
            }
            put(*field, found, &mut access, stamps)?;
        }
        if access.source.is_empty() {
            access.source = value(forwarded);
        }
        (!access.source.is_empty()).then_some(access)
    }
}

/// Returns where the text behind a field begins; a quote that is escaped is none.
fn end_of_field(rest: &str, next: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let found = memchr::memmem::find(rest.as_bytes().get(from..)?, next.as_bytes())?;
        let at = from.saturating_add(found);
        let escaped = next.starts_with('"')
            && at > 0
            && rest.as_bytes().get(at.saturating_sub(1)) == Some(&b'\\');
        if !escaped {
            return Some(at);
        }
        from = at.saturating_add(1);
    }
}

/// Puts a field's text where it belongs; nothing if it cannot be such a field.
fn put<'l>(
    field: Field,
    found: &'l str,
    access: &mut Access<'l>,
    stamps: &mut Stamps,
) -> Option<()> {
    match field {
        Field::Source => access.source = value(found),
        Field::SourcePort => access.source_port = found.parse().ok(),
        Field::User => access.user = value(found),
        Field::Host if access.virtual_host.is_empty() => access.virtual_host = value(found),
        Field::Time => {
            let stamp = time(found, stamps)?;
            (access.time, access.clock) = (Some(stamp.time), stamp.clock);
        }
        Field::Request => access.request(found),
        Field::Method => access.method = value(found),
        Field::Target => access.target = found,
        Field::Status => {
            access.status = match found {
                "-" | "000" => None,
                digits => Some(digits.parse().ok()?),
            }
        }
        Field::Bytes => access.bytes = found.parse().ok(),
        Field::Referrer => access.referrer = value(found),
        Field::UserAgent => access.user_agent = value(found),
        Field::Host | Field::Query | Field::Forwarded | Field::Other => {}
    }
    Some(())
}

fn time(text: &str, stamps: &mut Stamps) -> Option<Stamp> {
    if let Some((stamp, _)) = stamps.clf(text).or_else(|| stamps.iso(text)) {
        return Some(stamp);
    }
    // `1763928892.123`, or seconds alone.
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = seconds.parse().ok()?;
    let millis: i64 = if fraction.is_empty() { 0 } else { fraction.get(..3)?.parse().ok()? };
    let time = seconds.checked_mul(SECOND)?.checked_add(millis.checked_mul(1000)?)?;
    Some(Stamp { time, clock: stanch_words::Clock::Utc })
}

fn nginx_field(name: &str) -> Field {
    match name {
        "remote_addr" | "realip_remote_addr" | "proxy_protocol_addr" => Field::Source,
        "remote_port" => Field::SourcePort,
        "http_x_forwarded_for" | "proxy_add_x_forwarded_for" | "http_x_real_ip" => Field::Forwarded,
        "remote_user" => Field::User,
        "host" | "http_host" | "server_name" => Field::Host,
        "time_local" | "time_iso8601" | "msec" => Field::Time,
        "request" => Field::Request,
        "request_method" => Field::Method,
        "request_uri" => Field::Target,
        "uri" | "document_uri" => Field::Target,
        "args" | "query_string" => Field::Query,
        "status" => Field::Status,
        "body_bytes_sent" | "bytes_sent" => Field::Bytes,
        "http_referer" => Field::Referrer,
        "http_user_agent" => Field::UserAgent,
        _ => Field::Other,
    }
}

fn apache_field(name: &str, argument: &str) -> Field {
    match (name, argument.to_ascii_lowercase().as_str()) {
        ("h" | "a", "" | "c") => Field::Source,
        ("i", "x-forwarded-for" | "x-real-ip") => Field::Forwarded,
        ("u", _) => Field::User,
        ("v" | "V", _) | ("i", "host") => Field::Host,
        ("t", "sec" | "%s" | "begin:sec") => Field::Time,
        ("t", argument) if argument.starts_with("%y-%m-%d") || argument.starts_with("%d/%b/%y") => {
            Field::Time
        }
        ("r", _) => Field::Request,
        ("m", _) => Field::Method,
        ("U", _) => Field::Target,
        ("q", _) => Field::Query,
        ("s", _) => Field::Status,
        ("b" | "B" | "O", _) => Field::Bytes,
        ("i", "referer") => Field::Referrer,
        ("i", "user-agent") => Field::UserAgent,
        _ => Field::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::Context;

    fn read(template: &Template, line: &'static str) -> Option<Access<'static>> {
        template.read(line, &mut Stamps::new(&Context::new("", i64::MAX / 4)))
    }

    #[test]
    fn a_template_of_nginx_in_an_order_of_its_own() {
        let format = "$time_iso8601|$host|$status|$request_method $request_uri|$http_x_forwarded_for|\
                      $remote_addr|$request_time|$body_bytes_sent|\"$http_user_agent\"";
        let template = Template::nginx(format).unwrap();
        let access = read(
            &template,
            "2026-11-23T12:00:00+00:00|shop.example|200|POST /cart?a=1|-|\
            192.0.2.9|0.003|512|\"curl/8.0 \\\"x\\\"\"",
        )
        .unwrap();
        assert_eq!(
            (access.source, access.method, access.target),
            ("192.0.2.9", "POST", "/cart?a=1")
        );
        assert_eq!((access.status, access.bytes), (Some(200), Some(512)));
        assert_eq!(
            (access.virtual_host, access.time),
            ("shop.example", Some(1_795_435_200_000_000))
        );
        assert_eq!(access.user_agent, "curl/8.0 \\\"x\\\"");
    }

    #[test]
    fn a_template_of_apache_with_a_vhost_and_timings() {
        let format = r#"%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i" %D"#;
        let template = Template::apache(format).unwrap();
        let line = r#"a.example:443 2001:db8::1 - ann [23/Nov/2026:12:00:00 +0000] "GET / HTTP/2.0" 304 - "-" "-" 1532"#;
        let access = read(&template, line).unwrap();
        assert_eq!((access.source, access.user, access.status), ("2001:db8::1", "ann", Some(304)));
        assert_eq!((access.virtual_host, access.bytes), ("a.example", None));
    }

    #[test]
    fn json_by_template_and_a_forged_field() {
        let format = r#"{"t":"$time_local","a":"$remote_addr","r":"$request","s":"$status"}"#;
        let template = Template::nginx(format).unwrap();
        let line = r#"{"t":"23/Nov/2026:12:00:00 +0000","a":"192.0.2.1","r":"GET /\" HTTP/1.1","s":"404"}"#;
        assert_eq!(read(&template, line).unwrap().target, "/\\\"");
        let forged =
            Template::nginx("$remote_addr $remote_user [$time_local] \"$request\"").unwrap();
        assert!(
            read(&forged, "192.0.2.1 a [b] [23/Nov/2026:12:00:00 +0000] \"GET / HTTP/1.1\"")
                .is_none()
        );
    }

    #[test]
    fn what_cannot_be_told_apart_is_no_template() {
        for format in ["", "$remote_addr$request", "$status $request", "$remote_addr $status", "${"]
        {
            assert_eq!(Template::nginx(format), None, "{format}");
        }
        for format in ["%", "%h%r", "%{", "%{Referer", "%h %s", "%!"] {
            assert_eq!(Template::apache(format), None, "{format}");
        }
    }
}
