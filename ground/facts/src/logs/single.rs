//! Formats in which each line is a record: what their readers share.

use stanch_words::Trust;

use super::messages::Message;
use super::stamps::Stamp;
use super::{Context, Each, Line, Reader, Sample, Stamps, Understood};

/// Reads one line.
pub type Read = fn(&Line<'_>, &mut Stamps, &mut Each<'_>) -> Understood;

struct Single {
    stamps: Stamps,
    read: Read,
}

impl Reader for Single {
    fn line(&mut self, line: &Line<'_>, each: &mut Each<'_>) -> Understood {
        (self.read)(line, &mut self.stamps, each)
    }
}

/// Returns a reader that has nothing to remember but times.
pub fn reader(context: &Context, read: Read) -> Box<dyn Reader> {
    Box::new(Single { stamps: Stamps::new(context), read })
}

/// Returns the share of a sample's lines that a test with a reader of times accepts, in percent.
pub fn share(sample: &Sample<'_>, mut is_such: impl FnMut(&str, &mut Stamps) -> bool) -> u32 {
    let mut stamps = Stamps::new(&Context::new("", i64::MAX / 4));
    sample.share(|line| {
        std::str::from_utf8(line)
            .is_ok_and(|line| is_such(line.trim_end_matches('\r'), &mut stamps))
    })
}

/// Returns a program's own line as a message.
pub fn message<'l>(stamp: Stamp, line: &Line<'l>, program: &'l str, text: &'l str) -> Message<'l> {
    Message {
        time: Some(stamp.time),
        clock: stamp.clock,
        tag: program,
        program,
        text,
        trust: Trust::Program,
        place: line.place,
        ..Message::default()
    }
}
