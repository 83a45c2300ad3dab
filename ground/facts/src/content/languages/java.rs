//! Java in server pages: scriptlets, declarations, expressions, and pages written as XML.
//!
//! Source: the Java Language Specification, chapter 3; the Jakarta Server Pages specification.

use crate::content::Oddity;
use crate::content::taint::scanner::{Quote, Spelling, cut};
use crate::content::taint::token::Token;
use crate::content::taint::{self, Beside, By, Language, Runs, Sink, Source};

const SPELLING: Spelling = Spelling {
    line_comments: &["//"],
    comments: &[("/*", "*/"), ("<![CDATA", "["), ("]]", ">")],
    quotes: &[Quote::plain("\"\"\""), Quote::plain("\""), Quote::plain("'")],
    prefixes: b"",
    name_bytes: b"$",
    line_ends: false,
    continues: "",
    is_indented: false,
    is_folded: false,
    has_patterns: false,
};

/// Returns what is odd in a page.
pub(in crate::content) fn page(bytes: &[u8]) -> Option<Oddity> {
    taint::judge(bytes, &LANGUAGE)
}

fn file(page: &[u8]) -> Vec<(Token, usize)> {
    let mut out = Vec::new();
    let tags = ["jsp:scriptlet", "jsp:declaration", "jsp:expression"];
    for part in taint::parts(page, &tags, "", true) {
        if part.mark.ends_with(b"@") {
            continue;
        }
        let is_tag = part.mark.starts_with(b"<jsp");
        if is_tag || memchr::memmem::find(part.code, b"\\u").is_some() {
            cut(&SPELLING, &plain(part.code, is_tag), part.at, &mut out);
        } else {
            cut(&SPELLING, part.code, part.at, &mut out);
        }
    }
    out
}

fn code(code: &[u8]) -> Vec<(Token, usize)> {
    let mut out = Vec::new();
    cut(&SPELLING, code, 0, &mut out);
    out
}

/// Returns code with `\u0065` and, in XML, `&lt;` written plainly: Java itself reads it so.
fn plain(code: &[u8], is_xml: bool) -> Vec<u8> {
    const ENTITIES: [(&[u8], u8); 5] =
        [(b"&lt;", b'<'), (b"&gt;", b'>'), (b"&amp;", b'&'), (b"&quot;", b'"'), (b"&apos;", b'\'')];
    let mut out = Vec::with_capacity(code.len());
    let mut rest = code;
    while let Some((&byte, after)) = rest.split_first() {
        let entity =
            ENTITIES.iter().find(|(name, _)| is_xml && byte == b'&' && rest.starts_with(name));
        if let Some((name, plain)) = entity {
            out.push(*plain);
            rest = rest.get(name.len()..).unwrap_or_default();
            continue;
        }
        if is_xml && rest.starts_with(b"&#") {
            let length = memchr::memchr(b';', rest.get(..12.min(rest.len())).unwrap_or_default());
            let number = length.and_then(|end| rest.get(2..end)).and_then(|text| {
                let text = std::str::from_utf8(text).ok()?;
                match text.strip_prefix(['x', 'X']) {
                    Some(digits) => u8::from_str_radix(digits, 16).ok(),
                    None => text.parse().ok(),
                }
            });
            if let (Some(number), Some(end)) = (number, length) {
                out.push(number);
                rest = rest.get(end.saturating_add(1)..).unwrap_or_default();
                continue;
            }
        }
        if byte == b'\\' && after.first() == Some(&b'u') {
            let marks = after.iter().take_while(|&&byte| byte == b'u').count();
            let digits = after.get(marks..marks.saturating_add(4)).unwrap_or_default();
            let number =
                std::str::from_utf8(digits).ok().and_then(|it| u32::from_str_radix(it, 16).ok());
            if let Some(number) = number {
                out.push(number.to_le_bytes()[0]);
                rest = after.get(marks.saturating_add(4)..).unwrap_or_default();
                continue;
            }
        }
        out.push(byte);
        rest = after;
    }
    out
}

const LANGUAGE: Language = Language {
    file,
    code,
    chains: &["+"],
    members: &[".", "::"],
    beside: Beside::Type,
    definers: &[],
    keywords: &[
        "if",
        "else",
        "while",
        "do",
        "switch",
        "case",
        "default",
        "try",
        "catch",
        "finally",
        "class",
        "public",
        "private",
        "protected",
        "static",
        "final",
        "synchronized",
        "throw",
        "throws",
        "extends",
        "implements",
        "import",
        "break",
        "continue",
        "abstract",
        "interface",
        "volatile",
    ],
    compares_with_equals: false,
    gives_last: false,
    sources: SOURCES,
    sinks: SINKS,
    namers: &["Class.forName", "*.loadClass", "*.forName", "*.getEngineByName.none"],
};

const SOURCES: &[Source] = &[
    Source::of("*.getParameter"),
    Source::of("*.getParameterValues"),
    Source::of("*.getParameterMap"),
    Source::of("*.getParameterNames"),
    Source::of("*.getHeader"),
    Source::of("*.getHeaders"),
    Source::of("*.getQueryString"),
    Source::of("*.getCookies"),
    Source::of("request.getInputStream"),
    Source::of("request.getReader"),
    Source::of("request.getPathInfo"),
    Source::of("request.getRequestURI"),
    Source::of("req.getInputStream"),
    Source::of("req.getReader"),
    Source::of("HttpServletRequest.getInputStream"),
    Source::of("HttpServletRequest.getReader"),
    Source::of("ServletRequest.getInputStream"),
    Source::of("getRequest.getInputStream"),
    Source::of("getRequest.getReader"),
    Source::of("*.getPart"),
    Source::of("*.getParts"),
    Source::of("*.getSubmittedFileName"),
    Source::of("*.getCookie"),
    Source::of("req.getPathInfo"),
    Source::of("req.getRequestURI"),
    Source::of("HttpServletRequest.getPathInfo"),
    Source::of("HttpServletRequest.getRequestURI"),
    Source::of("param"),
    Source::of("paramValues"),
    Source::of("header"),
    Source::of("cookie"),
];

const SINKS: &[Sink] = &[
    Sink::by("getRuntime.exec", Runs::Command, By::Any),
    Sink::by("Runtime.exec", Runs::Command, By::Any),
    Sink::by("ProcessBuilder", Runs::Command, By::Any),
    Sink::by("ProcessBuilder.command", Runs::Command, By::Any),
    Sink::by("ProcessImpl.start", Runs::Command, By::Any),
    Sink::by("UNIXProcess.forkAndExec", Runs::Command, By::Any),
    Sink::first("getEngineByName.eval", Runs::Code),
    Sink::first("getEngineByExtension.eval", Runs::Code),
    Sink::first("ScriptEngine.eval", Runs::Code),
    Sink::first("NashornScriptEngine.eval", Runs::Code),
    Sink::first("ELProcessor.eval", Runs::Code),
    Sink::first("ELProcessor.getValue", Runs::Code),
    Sink::by("*.createValueExpression", Runs::Code, By::Any),
    Sink::first("*.parseExpression", Runs::Code),
    Sink::first("Ognl.getValue", Runs::Code),
    Sink::first("MVEL.eval", Runs::Code),
    Sink::first("Interpreter.eval", Runs::Code),
    Sink::first("GroovyShell.evaluate", Runs::Code),
    Sink::first("GroovyShell.parse", Runs::Code),
    Sink::first("GroovyClassLoader.parseClass", Runs::Code),
    Sink::first("JShell.eval", Runs::Code),
    Sink::first("create.eval", Runs::Code),
    Sink::by("*.defineClass", Runs::Code, By::Any),
    Sink::by("defineClass", Runs::Code, By::Any),
    Sink::by("*.defineAnonymousClass", Runs::Code, By::Any),
    Sink::first("URLClassLoader", Runs::Loads),
    Sink::first("URLClassLoader.newInstance", Runs::Loads),
    Sink::first("InitialContext.lookup", Runs::Loads),
    Sink::first("InitialContext.doLookup", Runs::Loads),
    Sink::first("System.load", Runs::Loads),
    Sink::first("*.loadLibrary", Runs::Loads),
    Sink::by("ObjectInputStream.readObject", Runs::Objects, By::Itself),
    Sink::by("ObjectInputStream.readUnshared", Runs::Objects, By::Itself),
    Sink::by("XMLDecoder.readObject", Runs::Code, By::Itself),
    Sink::by("XStream.fromXML", Runs::Objects, By::Argument(0)),
    Sink::by("java.beans.Expression", Runs::Code, By::Any),
    Sink::by("java.beans.Statement", Runs::Code, By::Any),
    Sink::by("Expression", Runs::Code, By::Any),
    Sink::by("Velocity.evaluate", Runs::Code, By::Any),
    Sink::by("VelocityEngine.evaluate", Runs::Code, By::Any),
    Sink::by("JShell.create.eval", Runs::Code, By::Any),
    Sink::by("getPart.write", Runs::Writes, By::Any),
    Sink::by("Part.write", Runs::Writes, By::Any),
    Sink::by("Files.copy", Runs::Writes, By::Any),
    Sink::by("FileOutputStream.write", Runs::Writes, By::Any),
    Sink::by("FileWriter.write", Runs::Writes, By::Any),
    Sink::by("PrintWriter.println", Runs::Writes, By::Any),
    Sink::by("Files.write", Runs::Writes, By::Any),
    Sink::by("Files.writeString", Runs::Writes, By::Any),
];
