//! JavaScript on a server: Node's own requests, and those of Express, Koa and the like.
//!
//! Source: ECMA-262, "Lexical Grammar"; the manual of Node.js.

use crate::content::taint::scanner::{Escape, Quote, Spelling, cut};
use crate::content::taint::token::Token;
use crate::content::taint::{Beside, By, Language, Runs, Sink, Source};

pub(super) const SPELLING: Spelling = Spelling {
    line_comments: &["//"],
    comments: &[("/*", "*/"), ("<!--", "-->")],
    quotes: &[
        Quote::plain("\""),
        Quote::plain("'"),
        Quote { mark: "`", close: "`", escape: Escape::Backslash, puts_in: "${", call: "" },
    ],
    prefixes: b"",
    name_bytes: b"$",
    line_ends: true,
    continues: "\\",
    is_indented: false,
    is_folded: false,
    has_patterns: true,
};

fn tokens(code: &[u8]) -> Vec<(Token, usize)> {
    let mut out = Vec::new();
    // What runs only in a browser is not looked at: it has no request and no program to start.
    let has = |word: &str| memchr::memmem::find(code, word.as_bytes()).is_some();
    const SERVER: [&str; 10] = [
        "req.query",
        "req.body",
        "req.params",
        "req.headers",
        "req.url",
        "req.get",
        "request.",
        "ctx.",
        "child",
        "event.queryString",
    ];
    const RUNS: [&str; 8] =
        ["eval", "Function", "child", "vm.", "require(", "writeFile", "global[", "This["];
    let hides = has("eval") && ["Buffer.from", "atob(", "fromCharCode"].iter().any(|it| has(it));
    let flows = SERVER.iter().any(|it| has(it)) && RUNS.iter().any(|it| has(it));
    if (hides || flows) && has_server(code) {
        cut(&SPELLING, code, 0, &mut out);
    }
    out
}

/// Returns whether a script asks for modules, as only a server's does.
fn has_server(code: &[u8]) -> bool {
    let has = |word: &str| memchr::memmem::find(code, word.as_bytes()).is_some();
    ["require(", "import ", "process.", "module.exports", "globalThis", "global["]
        .iter()
        .any(|it| has(it))
        && !has("document.createElement")
}

fn inner(code: &[u8]) -> Vec<(Token, usize)> {
    let mut out = Vec::new();
    cut(&SPELLING, code, 0, &mut out);
    out
}

/// JavaScript.
pub(super) const LANGUAGE: Language = Language {
    file: tokens,
    code: inner,
    chains: &["+"],
    members: &[".", "?."],
    beside: Beside::Nothing,
    definers: &["function"],
    keywords: &[
        "if", "else", "while", "do", "switch", "case", "default", "try", "catch", "finally",
        "class", "var", "let", "const", "export", "async", "throw", "break", "continue", "extends",
        "static",
    ],
    compares_with_equals: false,
    gives_last: false,
    sources: &[
        Source::of("req.query"),
        Source::of("req.body"),
        Source::of("req.params"),
        Source::of("req.headers"),
        Source::of("req.cookies"),
        Source::of("req.url"),
        Source::of("req.get"),
        Source::of("req.header"),
        Source::of("req.param"),
        Source::of("request.query"),
        Source::of("request.body"),
        Source::of("request.params"),
        Source::of("request.headers"),
        Source::of("request.url"),
        Source::of("ctx.query"),
        Source::of("ctx.request"),
        Source::of("ctx.params"),
        Source::of("event.queryStringParameters"),
        Source::of("event.body"),
        Source::of("ctx.request.body"),
        Source::of("ctx.headers"),
        Source::of("ctx.get"),
        Source::of("c.req.query"),
        Source::of("request.cookies"),
        Source::of("req.path"),
        Source::of("req.originalUrl"),
        Source::of("req.rawHeaders"),
        // Whatever the handler calls its request, beside what starts programs.
        Source { path: "*.query", needs: "child_process" },
        Source { path: "*.body", needs: "child_process" },
        Source { path: "*.headers", needs: "child_process" },
        Source { path: "*.params", needs: "child_process" },
    ],
    sinks: &[
        Sink::first("eval", Runs::Code),
        Sink::by("Function", Runs::Code, By::Any),
        Sink::by("constructor.constructor", Runs::Code, By::Any),
        Sink::first("worker_threads.Worker", Runs::Code),
        Sink::first("vm.runInNewContext", Runs::Code),
        Sink::first("vm.runInThisContext", Runs::Code),
        Sink::first("vm.runInContext", Runs::Code),
        Sink::first("vm.Script", Runs::Code),
        Sink::first("vm.compileFunction", Runs::Code),
        Sink::first("*._compile", Runs::Code),
        Sink::first("require", Runs::Loads),
        Sink::by("child_process.exec", Runs::Command, By::Argument(0)),
        Sink::by("child_process.execSync", Runs::Command, By::Argument(0)),
        Sink::by("child_process.spawn", Runs::Command, By::Any),
        Sink::by("child_process.spawnSync", Runs::Command, By::Any),
        Sink::by("child_process.execFile", Runs::Command, By::Any),
        Sink::by("child_process.execFileSync", Runs::Command, By::Any),
        Sink::by("process.binding.spawn", Runs::Command, By::Any),
        Sink::first("serialize.unserialize", Runs::Objects),
        Sink::first("node-serialize.unserialize", Runs::Objects),
        Sink::by("fs.writeFileSync", Runs::Writes, By::Any),
        Sink::by("fs.writeFile", Runs::Writes, By::Any),
    ],
    namers: &["require", "process.mainModule.require", "module.require", "process.binding"],
};
