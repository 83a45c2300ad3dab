//! Access logs of web servers.
//!
//! Source: Apache's mod_log_config and nginx's ngx_http_log_module (common, combined, with a
//! virtual host before it, with fields behind it, or a template of the machine's own
//! configuration: [`Template`]), lighttpd's mod_accesslog, Traefik's and HAProxy's documentation;
//! JSON lines under the names that nginx, Caddy and Traefik use.
//!
//! A request is kept whatever it holds: rubbish, TLS on a plain port and empty lines are events
//! as well. What its own text says it wants is told by [`crate::web_attacks`].

mod json;
mod line;
mod template;

use std::borrow::Cow;

use stanch_words::{Clock, Event, EventKind, Trust};

use super::{Context, Each, Form, Format, Line, Reader, Sample, Stamps, Understood};
use crate::web_attacks::{self, Attack, Request};

pub use template::Template;

pub(super) static FORMAT: Format = Format {
    name: "web-access",
    recognise,
    form: Form::Lines(|context| {
        Box::new(WebAccess { stamps: Stamps::new(context), template: context.template.clone() })
    }),
    stands_alone: true,
};

fn recognise(sample: &Sample<'_>) -> u32 {
    let mut stamps = Stamps::new(&Context::new("", i64::MAX / 4));
    sample.share(|line| {
        std::str::from_utf8(line).is_ok_and(|line| {
            let found = line.starts_with('{') && json::looks_like(line);
            found || line::read(line, &mut stamps).is_some()
        })
    })
}

struct WebAccess {
    stamps: Stamps,
    template: Option<std::sync::Arc<Template>>,
}

impl Reader for WebAccess {
    fn line(&mut self, line: &Line<'_>, each: &mut Each<'_>) -> Understood {
        let mut show = |access: &Access<'_>| {
            let mut event = access.event();
            event.trust = Trust::Program;
            event.message = Cow::Borrowed(line.text);
            event.place = line.place;
            each(&event);
        };
        if let Some(template) = &self.template
            && let Some(access) = template.read(line.text, &mut self.stamps)
        {
            show(&access);
            return Understood::Yes;
        }
        if line.text.starts_with('{') {
            return match json::read(line.text, &mut self.stamps, &mut show) {
                true => Understood::Yes,
                false => Understood::No,
            };
        }
        match line::read(line.text, &mut self.stamps) {
            Some(access) => {
                show(&access);
                Understood::Yes
            }
            None => Understood::No,
        }
    }
}

/// Reads one access line that stands in another envelope (syslog, journal).
pub(super) fn read<'l>(text: &'l str, stamps: &mut Stamps) -> Option<Access<'l>> {
    line::read(text, stamps)
}

/// What an access line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Access<'l> {
    pub(super) time: Option<i64>,
    pub(super) clock: Clock,
    pub(super) source: &'l str,
    pub(super) source_port: Option<u16>,
    pub(super) user: &'l str,
    pub(super) virtual_host: &'l str,
    pub(super) method: &'l str,
    /// The target; of a request without shape, all of it.
    pub(super) target: &'l str,
    pub(super) status: Option<u16>,
    pub(super) bytes: Option<i64>,
    pub(super) referrer: &'l str,
    pub(super) user_agent: &'l str,
    /// Whether a 401 is a failure although no name is told. (Else it is only the question for one,
    /// with which every login by HTTP begins.)
    pub(super) names_untold: bool,
    /// Whether the line ends in the middle of a field.
    pub(super) torn: bool,
}

impl<'l> Access<'l> {
    /// Takes a request line apart: `GET /path HTTP/1.1`; what has no such shape is all target.
    pub(super) fn request(&mut self, request: &'l str) {
        (self.method, self.target) = match shape(request) {
            Some((method, target)) => (method, target),
            None => ("", request),
        };
    }

    /// Returns what the request wants, if it is nothing good.
    fn attack(&self) -> Option<Attack> {
        web_attacks::classify(&Request {
            method: self.method,
            target: self.target,
            referrer: self.referrer,
            user_agent: self.user_agent,
            status: self.status,
        })
    }

    /// Returns whether it is a login that failed: a name was given and refused, or WordPress shows
    /// its form again (a login that works redirects).
    fn login_failed(&self) -> bool {
        match self.status {
            Some(401) => !self.user.is_empty() || self.names_untold,
            Some(200) if self.method == "POST" => {
                let path = self.target.split('?').next().unwrap_or_default();
                path.ends_with("/wp-login.php") && !self.target.contains("action=")
            }
            _ => false,
        }
    }

    /// Returns the event.
    pub(super) fn event(&self) -> Event<'l> {
        let attack = self.attack();
        let kind = match attack {
            Some(_) => EventKind::WebAbuse,
            None if self.login_failed() => EventKind::AuthFailure,
            None => EventKind::WebRequest,
        };
        let mut event = Event::new(kind);
        event.more.reserve_exact(8);
        event.time = self.time;
        event.clock = self.clock;
        event.source_ip = Cow::Borrowed(plain_address(self.source));
        event.source_port = self.source_port;
        event.user = Cow::Borrowed(self.user);
        event.method = Cow::Borrowed(self.method);
        event.with("url", self.target);
        if let Some(status) = self.status {
            event.with("status", i64::from(status));
        }
        if let Some(bytes) = self.bytes {
            event.with("bytes", bytes);
        }
        let texts = [
            ("referrer", self.referrer),
            ("user_agent", self.user_agent),
            ("virtual_host", self.virtual_host),
        ];
        for (name, text) in texts {
            if !matches!(text, "" | "-") {
                event.with(name, text);
            }
        }
        if let Some(attack) = attack {
            event.with("attack", attack.name());
        }
        if kind == EventKind::AuthFailure {
            event.with("service", "http");
        }
        if self.torn {
            event.with("torn", 1);
        }
        event
    }
}

/// Splits `METHOD target HTTP/1.1`. A target may hold blanks where a server logs it decoded.
fn shape(request: &str) -> Option<(&str, &str)> {
    let (method, rest) = request.split_once(' ')?;
    let is_method = (2..=24).contains(&method.len())
        && method.bytes().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_'));
    if !is_method {
        return None;
    }
    let target = match rest.rsplit_once(' ') {
        Some((target, version)) if version.starts_with("HTTP/") => target,
        // HTTP/0.9 has no version.
        None if rest.starts_with('/') && !rest.starts_with("HTTP/") => rest,
        Some(_) if rest.starts_with('/') && !rest.ends_with("/1.0") => rest,
        Some(_) | None => return None,
    };
    (!target.is_empty()).then_some((method, target))
}

/// An IPv4 address written as IPv6 is the same address.
fn plain_address(address: &str) -> &str {
    match address.strip_prefix("::ffff:") {
        Some(v4) if v4.contains('.') => v4,
        _ => address,
    }
}

/// A dash stands for nothing.
fn value(text: &str) -> &str {
    if text == "-" { "" } else { text }
}

#[cfg(test)]
mod tests;
