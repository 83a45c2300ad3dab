//! The list of log formats: what each looks like, and how it becomes events.
//!
//! A format is one file. A reader gets one line (or one block of records) at a time, shows the
//! events in it, and says whether it understood: lines = events + not understood, and both are
//! counted by [`Stream`].

pub mod cut;
pub mod database;
pub mod held;
pub mod json;
pub mod messages;
pub mod package_lines;
pub mod single;
pub mod stamps;
pub mod statement;
pub mod stream;
pub mod years;

use std::io::{self, BufRead};
use std::path::Path;

use stanch_machine::{Machine, Miss, beside};
use stanch_words::{Event, Gap, Place};

use crate::decompress;
use crate::digest::{self, Digest, Running};

pub use stamps::Stamps;
pub use stream::{Counts, Stream};

/// What a reader must know of a source beside its bytes.
#[derive(Clone, Debug)]
pub struct Context {
    /// The source's path as text.
    pub file: String,
    /// The zone of the machine, for times that name none.
    pub zone: jiff::tz::TimeZone,
    /// When the source was last written, in microseconds since 1970 UTC: no line is younger, so a
    /// stamp without a year finds its year by it.
    pub modified: i64,
    /// The year of the first stamp without one, if it is known already.
    pub first_year: Option<i64>,
    /// Whether the source is known to go over less than a year, so that this needs no search.
    pub is_short: bool,
    /// Whether lines that nobody understood are shown as events of their own kind.
    pub tell_strange: bool,
    /// Whether the digest of the very bytes that the events are made of is wanted
    /// ([`Counts::sha256`]).
    pub wants_digest: bool,
    /// The format of the source's lines by the machine's own configuration, where there is one.
    pub template: Option<std::sync::Arc<web_access::Template>>,
}

impl Context {
    /// Returns the context of a source of an unknown machine: UTC, and the given last change.
    pub fn new(file: impl Into<String>, modified: i64) -> Self {
        Self {
            file: file.into(),
            zone: jiff::tz::TimeZone::UTC,
            modified,
            first_year: None,
            is_short: false,
            tell_strange: false,
            wants_digest: false,
            template: None,
        }
    }

    /// Returns the last part of the source's path.
    pub fn file_name(&self) -> &str {
        self.file.rsplit('/').next().unwrap_or_default()
    }
}

/// One line, without its line feed.
#[derive(Clone, Copy, Debug)]
pub struct Line<'l> {
    /// The text; bytes that are no UTF-8 are escaped ([`stanch_words::text::from_bytes`]).
    pub text: &'l str,
    /// Where it stands.
    pub place: Place<'l>,
}

/// What a reader made of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Understood {
    /// It gave events, or will give them when its record is whole.
    Yes,
    /// It belongs to the line before it, or says nothing by design (a comment, a header).
    Silent,
    /// It gave nothing: counted as not understood.
    No,
}

/// Where events are shown.
pub type Each<'e> = dyn FnMut(&Event<'_>) + 'e;

/// Reads the lines of one source, in order.
pub trait Reader: Send {
    /// Reads a line.
    fn line(&mut self, line: &Line<'_>, each: &mut Each<'_>) -> Understood;

    /// Shows what was still being put together when the source ended.
    fn end(&mut self, _each: &mut Each<'_>) {}

    /// Returns what the reader itself must say about the source.
    fn gaps(&mut self) -> Vec<Gap> {
        Vec::new()
    }
}

/// Reads the records of one source of fixed-size records, in order.
pub trait RecordReader: Send {
    /// Reads whole records; `offset` is where they begin. Returns how many were not understood.
    fn records(&mut self, bytes: &[u8], file: &str, offset: u64, each: &mut Each<'_>) -> u64;
}

/// How a format is read.
#[derive(Clone, Copy)]
pub enum Form {
    /// Line by line.
    Lines(fn(&Context) -> Box<dyn Reader>),
    /// In records of a size that the first bytes tell.
    Records(fn(&[u8]) -> usize, fn(&Context, &[u8]) -> Box<dyn RecordReader>),
    /// As a whole file that is read at will (a database, a journal, a sparse table).
    Whole(ReadWhole),
}

/// Reads a whole file: shows its events, returns what it held and what stood in the way.
pub type ReadWhole =
    fn(&dyn Machine, &Path, &Context, &mut Each<'_>) -> Result<(Counts, Vec<Gap>), Miss>;

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Lines(_) => "lines",
            Self::Records(..) => "records",
            Self::Whole(_) => "whole",
        })
    }
}

/// The beginning of a source, from which its format is told.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'s> {
    /// The first bytes, at most [`stream::HEAD`].
    pub bytes: &'s [u8],
    /// The last part of the source's path: a hint, never a proof.
    pub name: &'s str,
}

impl<'s> Sample<'s> {
    /// Returns the first lines that hold something.
    pub fn lines(&self) -> impl Iterator<Item = &'s [u8]> {
        let lines = self.bytes.split(|&b| b == b'\n');
        lines.filter(|line| !line.trim_ascii().is_empty()).take(LOOKED_AT)
    }

    /// Returns how many of the first hundred lines are such, in percent.
    pub fn share(&self, mut is_such: impl FnMut(&[u8]) -> bool) -> u32 {
        let (mut all, mut such) = (0_u32, 0_u32);
        for line in self.lines() {
            all = all.saturating_add(1);
            such = such.saturating_add(u32::from(is_such(line)));
        }
        such.saturating_mul(100).checked_div(all).unwrap_or(0)
    }
}

/// How many lines of a sample are looked at.
const LOOKED_AT: usize = 100;

/// One format of logs.
#[derive(Debug)]
pub struct Format {
    /// Its name, as in `stanch events --format`.
    pub name: &'static str,
    /// How sure we are that a sample is of this format, 0 to 100 (a share of its lines).
    pub recognise: fn(&Sample<'_>) -> u32,
    /// How it is read.
    pub form: Form,
    /// Whether a line of this format is known by itself, so that it can be read wherever it
    /// stands (in a file of mixed formats).
    pub stands_alone: bool,
}

/// Declares the modules and the list in one place: each module has `FORMAT`.
macro_rules! formats {
    ($($name:ident)+) => {
        $(pub mod $name;)+
        /// All formats. Where two are equally sure, the first wins.
        pub static ALL: &[&Format] = &[$(&$name::FORMAT),+];
    };
}

// One line a format. Syslog comes last: whatever begins with a time and a word looks like it.
formats! {
    apt_history
    asterisk
    audit
    bind
    client_history
    container_output
    counter_strike
    cowrie
    dnf
    domino
    dpkg
    editor_history
    ejabberd
    eve
    exim
    fail2ban
    fast
    journal
    logrus
    lastlog
    lastlog2
    login_records
    mongodb
    mssql
    mysql
    openvpn
    oracle_messaging
    ossec
    pacct
    pacman
    postgresql
    redis
    shell_history
    softether
    squid
    stunnel
    threeproxy
    unbound
    vsftpd
    web_access
    web_apps
    web_error
    wget_hsts
    wtmpdb
    xferlog
    xrdp
    yum
    zeek
    zypper
    syslog
}

/// Returns a format by its name.
pub fn find(name: &str) -> Option<&'static Format> {
    ALL.iter().copied().find(|format| format.name == name)
}

/// Reads one source from a machine: its format is told from its beginning unless it is given.
/// `alive` is called now and then.
///
/// # Errors
/// A [`Miss`] if the file cannot be read at all.
pub fn read(
    machine: &dyn Machine,
    path: &Path,
    mut context: Context,
    format: Option<&'static Format>,
    alive: &dyn Fn(),
    each: &mut Each<'_>,
) -> Result<(Option<&'static str>, Counts, Vec<Gap>), Miss> {
    let mut head = vec![0; stream::HEAD];
    let length = machine.open(path)?.read_at(0, &mut head)?;
    head.truncate(length);
    let format = format.or_else(|| match decompress::Compression::of(&head) {
        Some(_told_after_decompression) => None,
        None => recognise(&Sample { bytes: &head, name: context.file_name() }),
    });
    if let Some(Format { name, form: Form::Whole(whole), .. }) = format {
        let mut shown = 0_u32;
        let each = &mut |event: &Event<'_>| {
            shown = shown.wrapping_add(1);
            if shown.is_multiple_of(4096) {
                alive();
            }
            each(event);
        };
        let digest = || digest::of_file(machine, path, &[Digest::Sha256]).ok()?.pop();
        let (counts, gaps) = std::thread::scope(|threads| {
            // The file is read at will: its digest is made beside that, from its beginning.
            let digest = context.wants_digest.then(|| beside(threads, digest).ok()).flatten();
            let (mut counts, gaps) = whole(machine, path, &context, each)?;
            counts.sha256 = digest.and_then(|digest| digest.join().ok().flatten());
            Ok((counts, gaps))
        })?;
        return Ok((Some(name), counts, gaps));
    }
    if context.first_year.is_none() && !context.is_short {
        let turns = years::Turns::of(machine, path);
        context.first_year =
            turns.and_then(|turns| turns.first_year(context.modified.saturating_add(stamps::DAY)));
    }
    let mut running = context.wants_digest.then(|| Running::new(Digest::Sha256));
    let mut stream = Stream::new(context, format);
    let read = decompress::read_pieces(machine, path, MOST_BYTES, &mut |piece| {
        alive();
        if let Some(running) = &mut running {
            running.update(piece);
        }
        stream.feed(piece, each);
    })?;
    let (format, mut counts, gaps) = ended(stream, read.gaps("", path), each);
    let is_whole = read.compression.is_none() && !read.truncated;
    counts.sha256 = running.filter(|_| is_whole).map(Running::finish);
    Ok((format, counts, gaps))
}

/// Reads one source that comes through a pipe, compressed or not.
///
/// # Errors
/// When the pipe breaks; what came before it was shown.
pub fn read_pipe(
    pipe: &mut dyn BufRead,
    context: Context,
    format: Option<&'static Format>,
    each: &mut Each<'_>,
) -> io::Result<(Option<&'static str>, Counts, Vec<Gap>)> {
    let name = context.file.clone();
    let mut stream = Stream::new(context, format);
    let read = decompress::pipe_pieces(pipe, MOST_BYTES, &mut |piece| stream.feed(piece, each))?;
    Ok(ended(stream, read.gaps("", name.as_ref()), each))
}

fn ended(
    mut stream: Stream,
    mut gaps: Vec<Gap>,
    each: &mut Each<'_>,
) -> (Option<&'static str>, Counts, Vec<Gap>) {
    stream.settle(each);
    let format = stream.format();
    let (counts, more) = stream.end(each);
    gaps.extend(more);
    (format, counts, gaps)
}

/// The most bytes of one source, after decompression.
const MOST_BYTES: u64 = 16 << 30;

/// Returns the format of a sample, if any is at least a little sure.
pub fn recognise(sample: &Sample<'_>) -> Option<&'static Format> {
    let scored = ALL.iter().map(|format| ((format.recognise)(sample), *format));
    let mut best: Option<(u32, &'static Format)> = None;
    for (score, format) in scored {
        if score > best.map_or(0, |(best, _)| best) {
            best = Some((score, format));
        }
    }
    best.map(|(_, format)| format)
}
