//! qmail, its helpers (`rblsmtpd`, vpopmail's `vchkpw`), and their refusals.
//!
//! Source: ucspi-tcp `rblsmtpd.c`; vpopmail `vchkpw.c` (`vchkpw-pop3: password fail …`).

use std::borrow::Cow;

use stanch_words::{Event, EventKind};

use super::super::cut;
use super::Message;

/// Parses what qmail's programs say.
pub fn parse<'l>(message: &Message<'l>) -> Option<Event<'l>> {
    if let Some(rest) = message
        .text
        .strip_prefix("vchkpw-")
        .or_else(|| message.program.starts_with("vchkpw").then_some(message.text))
    {
        return password(message, rest);
    }
    let text = message.text;
    // multilog's time, then the program: `1157520813.485077 rblsmtpd: …`.
    let said = match message.program {
        "rblsmtpd" => text,
        _ => cut::after(text, "rblsmtpd: ")
            .or_else(|| cut::after(text, "badiprbl: ip "))
            .or_else(|| cut::after(text, "qmail-smtpd: "))?,
    };
    let blocked = cut::after(said, " blocked ").unwrap_or(said);
    let (address, _) = cut::word(blocked);
    let address = cut::address(address.trim_end_matches(':'));
    if !cut::is_address(address) {
        return None;
    }
    let mut event = message.event(EventKind::MailAbuse);
    event.source_ip = Cow::Borrowed(address);
    event.with("reason", "address is on a block list");
    Some(event)
}

/// `pop3: password fail ann@example.org:192.0.2.7`, `vpopmail user not found ann@…:192.0.2.7`.
fn password<'l>(message: &Message<'l>, text: &'l str) -> Option<Event<'l>> {
    let kind = if text.contains("user not found") {
        EventKind::AuthInvalidUser
    } else if text.contains("fail") || text.contains("null password") {
        EventKind::AuthFailure
    } else if text.contains("login success") {
        EventKind::AuthSuccess
    } else {
        return None;
    };
    let (before, address) = text.trim_end().rsplit_once(':')?;
    let mut event = message.event(kind);
    event.source_ip = Cow::Borrowed(cut::address(address));
    event.user = Cow::Borrowed(before.rsplit(' ').next().unwrap_or_default());
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vpopmail_names_user_and_address() {
        let text = "vchkpw-smtp: vpopmail user not found ann@example.org:192.0.2.7";
        let message = Message { program: "vpopmail", text, ..Message::default() };
        let event = parse(&message).unwrap();
        assert_eq!((event.kind, &*event.user), (EventKind::AuthInvalidUser, "ann@example.org"));
        assert_eq!(event.source_ip, "192.0.2.7");
    }

    #[test]
    fn a_block_without_an_address_is_no_abuse() {
        let message = Message { program: "rblsmtpd", text: "x blocked y", ..Message::default() };
        assert_eq!(parse(&message), None);
    }
}
