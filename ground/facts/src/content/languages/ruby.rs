//! Ruby: CGI, Rack, Sinatra and Rails.
//!
//! Source: the Ruby language's documentation, "Literals"; Rack's specification.

use crate::content::taint::scanner::{Escape, Quote, Spelling, cut};
use crate::content::taint::token::{COMMAND, Token};
use crate::content::taint::{Beside, By, Language, Runs, Sink, Source};

const fn command(mark: &'static str, close: &'static str) -> Quote {
    Quote { mark, close, escape: Escape::Backslash, puts_in: "#{", call: COMMAND }
}

const SPELLING: Spelling = Spelling {
    line_comments: &["#"],
    comments: &[("\n=begin", "\n=end")],
    quotes: &[
        command("`", "`"),
        command("%x(", ")"),
        command("%x{", "}"),
        command("%x[", "]"),
        Quote { close: ")", ..Quote::putting("%Q(", "#{") },
        Quote { close: ")", ..Quote::plain("%q(") },
        Quote::putting("\"", "#{"),
        Quote::plain("'"),
    ],
    prefixes: b"",
    name_bytes: b"",
    line_ends: true,
    continues: "\\",
    is_indented: true,
    is_folded: false,
    has_patterns: true,
};

fn tokens(code: &[u8]) -> Vec<(Token, usize)> {
    let mut out = Vec::new();
    cut(&SPELLING, code, 0, &mut out);
    out
}

/// Ruby.
pub(super) const LANGUAGE: Language = Language {
    file: tokens,
    code: tokens,
    chains: &["+"],
    members: &[".", "::", "?."],
    beside: Beside::Argument,
    definers: &["def"],
    keywords: &[
        "if", "elsif", "else", "unless", "while", "until", "begin", "rescue", "ensure", "end",
        "do", "class", "module", "then", "when", "case", "puts", "print", "and", "or",
    ],
    compares_with_equals: false,
    gives_last: true,
    sources: &[
        Source::of("params"),
        Source::of("request.params"),
        Source::of("request.body"),
        Source::of("request.query_string"),
        Source::of("request.env"),
        Source::of("request.headers"),
        Source::of("request.cookies"),
        Source::of("req.params"),
        Source::of("req.query"),
        Source::of("req.body"),
        Source::of("req.path"),
        Source::of("req.query_string"),
        Source::of("request.path_info"),
        Source::of("request.query"),
        Source { path: "*.params", needs: "Rack" },
        Source::of("cookies"),
        Source::of("CGI.new"),
        Source::of("ENV.QUERY_STRING"),
        Source::of("ENV.PATH_INFO"),
        Source::of("ENV.HTTP_*"),
        Source::of("env.QUERY_STRING"),
        Source::of("env.PATH_INFO"),
        Source::of("env.HTTP_*"),
        Source::of("env.rack.input"),
        Source { path: "STDIN.read", needs: "CONTENT_LENGTH" },
    ],
    sinks: &[
        Sink::first("eval", Runs::Code),
        Sink::first("Kernel.eval", Runs::Code),
        Sink::first("*.instance_eval", Runs::Code),
        Sink::first("*.class_eval", Runs::Code),
        Sink::first("*.module_eval", Runs::Code),
        Sink::first("binding.eval", Runs::Code),
        Sink::by(COMMAND, Runs::Command, By::Any),
        Sink::by("system", Runs::Command, By::Any),
        Sink::by("exec", Runs::Command, By::Any),
        Sink::by("spawn", Runs::Command, By::Any),
        Sink::by("syscall", Runs::Command, By::Any),
        Sink::by("IO.popen", Runs::Command, By::Any),
        Sink::by("Process.spawn", Runs::Command, By::Any),
        Sink::by("PTY.spawn", Runs::Command, By::Any),
        Sink::by("Open3.capture2", Runs::Command, By::Any),
        Sink::by("Open3.capture2e", Runs::Command, By::Any),
        Sink::by("Open3.capture3", Runs::Command, By::Any),
        Sink::by("Open3.popen3", Runs::Command, By::Any),
        Sink::first("Kernel.send", Runs::Code),
        Sink::first("Kernel.public_send", Runs::Code),
        Sink::first("Kernel.__send__", Runs::Code),
        Sink::first("Object.send", Runs::Code),
        Sink::by("Kernel.system", Runs::Command, By::Any),
        Sink::by("Kernel.exec", Runs::Command, By::Any),
        Sink::by("Kernel.spawn", Runs::Command, By::Any),
        Sink::by("Process.exec", Runs::Command, By::Any),
        Sink::by("Open3.popen2", Runs::Command, By::Any),
        Sink::by("Open3.popen2e", Runs::Command, By::Any),
        Sink::by("Open3.pipeline", Runs::Command, By::Any),
        Sink::first("open", Runs::Loads),
        Sink::first("YAML.unsafe_load", Runs::Objects),
        Sink::first("Marshal.restore", Runs::Objects),
        Sink::first("Marshal.load", Runs::Objects),
        Sink::first("ERB.new", Runs::Code),
        Sink::first("load", Runs::Loads),
        Sink::first("require", Runs::Loads),
        Sink::by("File.write", Runs::Writes, By::Any),
    ],
    namers: &["Object.const_get", "Kernel.const_get", "const_get", "method", "Kernel.method"],
};
