//! Lua, as web servers run it: OpenResty, mod_lua, and routers' pages.
//!
//! Source: the Lua 5.1 manual, "Lexical Conventions"; the manual of lua-nginx-module.

use crate::content::taint::scanner::{Escape, Quote, Spelling, cut};
use crate::content::taint::token::Token;
use crate::content::taint::{Beside, By, Language, Runs, Sink, Source};

const SPELLING: Spelling = Spelling {
    line_comments: &["--"],
    comments: &[("--[[", "]]")],
    quotes: &[
        Quote { mark: "[[", close: "]]", escape: Escape::Never, puts_in: "", call: "" },
        Quote::plain("\""),
        Quote::plain("'"),
    ],
    prefixes: b"",
    name_bytes: b"",
    line_ends: true,
    continues: "",
    is_indented: true,
    is_folded: false,
    has_patterns: false,
};

fn tokens(code: &[u8]) -> Vec<(Token, usize)> {
    let mut out = Vec::new();
    cut(&SPELLING, code, 0, &mut out);
    out
}

/// Lua.
pub(super) const LANGUAGE: Language = Language {
    file: tokens,
    code: tokens,
    chains: &[".."],
    members: &[".", ":"],
    beside: Beside::Nothing,
    definers: &["function"],
    keywords: &["local", "if", "then", "else", "elseif", "end", "while", "do", "repeat", "until"],
    compares_with_equals: false,
    gives_last: false,
    sources: &[
        Source::of("ngx.req.get_uri_args"),
        Source::of("ngx.req.get_post_args"),
        Source::of("ngx.req.get_headers"),
        Source::of("ngx.req.get_body_data"),
        Source::of("ngx.var.arg_*"),
        Source::of("ngx.var.http_*"),
        Source::of("ngx.var.cookie_*"),
        Source::of("ngx.var.args"),
        Source::of("ngx.var.query_string"),
        Source::of("ngx.var.request_body"),
        Source::of("ngx.req.get_body_file"),
        Source::of("ngx.var.uri"),
        Source::of("ngx.var.request_uri"),
        Source::of("ngx.req.raw_header"),
        Source::of("self.params"),
        Source::of("*.get_argument"),
        Source::of("cgilua.QUERY"),
        Source::of("cgilua.POST"),
        Source { path: "io.read", needs: "CONTENT_LENGTH" },
        Source::of("r.parseargs"),
        Source::of("r.parsebody"),
        Source::of("r.args"),
        Source::of("luci.http.formvalue"),
        Source::of("http.formvalue"),
        Source::of("os.getenv.QUERY_STRING"),
        Source::of("os.getenv.HTTP_*"),
    ],
    sinks: &[
        Sink::by("os.execute", Runs::Command, By::Any),
        Sink::by("io.popen", Runs::Command, By::Argument(0)),
        Sink::by("luci.sys.exec", Runs::Command, By::Any),
        Sink::by("sys.exec", Runs::Command, By::Any),
        Sink::by("ffi.C.system", Runs::Command, By::Any),
        Sink::by("ffi.C.popen", Runs::Command, By::Any),
        Sink::by("shell.run", Runs::Command, By::Any),
        Sink::by("*.shell.run", Runs::Command, By::Any),
        Sink::first("package.loadlib", Runs::Loads),
        Sink::first("loadstring", Runs::Code),
        Sink::first("load", Runs::Code),
        Sink::first("dofile", Runs::Loads),
        Sink::first("loadfile", Runs::Loads),
    ],
    namers: &["require"],
};
