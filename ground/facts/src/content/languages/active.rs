//! Active server pages: VBScript and JScript of old, VB and C# of ASP.NET.
//!
//! Source: the VBScript language reference; the C# language specification, "Lexical structure"; the
//! reference of `System.Web.HttpRequest`.

use crate::content::Oddity;
use crate::content::taint::scanner::{Quote, Spelling, cut};
use crate::content::taint::token::Token;
use crate::content::taint::{self, Beside, By, Language, Runs, Sink, Source};

const SHARP: Spelling = Spelling {
    line_comments: &["//", "#region", "#endregion"],
    comments: &[("/*", "*/")],
    quotes: &[Quote::plain("\""), Quote::plain("'")],
    prefixes: b"@$",
    name_bytes: b"",
    line_ends: false,
    continues: "",
    is_indented: false,
    is_folded: false,
    has_patterns: false,
};

const BASIC: Spelling = Spelling {
    line_comments: &["'", "rem "],
    comments: &[],
    quotes: &[Quote::doubled("\"")],
    prefixes: b"",
    name_bytes: b"",
    line_ends: true,
    continues: "_",
    is_indented: false,
    is_folded: true,
    has_patterns: false,
};

/// Returns what is odd in a page.
pub(in crate::content) fn page(bytes: &[u8]) -> Option<Oddity> {
    let head = bytes.get(..bytes.len().min(8192)).unwrap_or_default().to_ascii_lowercase();
    let head: Vec<u8> = head.into_iter().filter(|&b| !matches!(b, b'"' | b'\'' | b' ')).collect();
    let has = |word: &[u8]| memchr::memmem::find(&head, word).is_some();
    if has(b"language=c#") || has(b"language=csharp") {
        return taint::judge(bytes, &SHARP_PAGES);
    }
    if has(b"language=jscript") || has(b"language=javascript%>") {
        return taint::judge(bytes, &SCRIPT_PAGES);
    }
    let basic = taint::judge(bytes, &BASIC_PAGES);
    // A page of ASP.NET without a word on its language is C# as often as not.
    basic.or_else(|| taint::judge(bytes, &SHARP_PAGES))
}

fn parts(page: &[u8], spelling: &Spelling) -> Vec<(Token, usize)> {
    let mut out = Vec::new();
    let mut is_any = false;
    for part in taint::parts(page, &["script"], "server", false) {
        is_any = true;
        if !part.mark.ends_with(b"@") {
            cut(spelling, part.code, part.at, &mut out);
        } else if memchr::memmem::find(&part.code.to_ascii_lowercase(), b"handler").is_some()
            || memchr::memmem::find(&part.code.to_ascii_lowercase(), b"webservice").is_some()
        {
            // All that follows is code.
            let at = part.at.saturating_add(part.code.len()).saturating_add(2);
            cut(spelling, page.get(at..).unwrap_or_default(), at, &mut out);
            return out;
        }
    }
    if !is_any {
        cut(spelling, page, 0, &mut out);
    }
    out
}

fn sharp(page: &[u8]) -> Vec<(Token, usize)> {
    parts(page, &SHARP)
}

fn basic(page: &[u8]) -> Vec<(Token, usize)> {
    parts(page, &BASIC)
}

fn script(page: &[u8]) -> Vec<(Token, usize)> {
    parts(page, &SHARP)
}

fn sharp_code(code: &[u8]) -> Vec<(Token, usize)> {
    let mut out = Vec::new();
    cut(&SHARP, code, 0, &mut out);
    out
}

fn basic_code(code: &[u8]) -> Vec<(Token, usize)> {
    let mut out = Vec::new();
    cut(&BASIC, code, 0, &mut out);
    out
}

const SHARP_PAGES: Language = Language {
    file: sharp,
    code: sharp_code,
    chains: &["+"],
    members: &[".", "?."],
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
        "readonly",
        "override",
        "virtual",
        "const",
        "throw",
        "using",
        "namespace",
        "break",
        "continue",
        "internal",
        "lock",
        "unsafe",
        "async",
    ],
    compares_with_equals: false,
    gives_last: false,
    sources: SHARP_SOURCES,
    sinks: SHARP_SINKS,
    namers: &[
        "Type.GetType",
        "Type.GetTypeFromProgID",
        "*.GetType",
        "CreateObject",
        "*.CreateObject",
    ],
};

/// JScript is C# without types, as far as a page's few lines go.
const SCRIPT_PAGES: Language = Language {
    file: script,
    keywords: &["if", "else", "while", "do", "var", "try", "catch", "let", "const", "switch"],
    beside: Beside::Nothing,
    definers: &["function"],
    namers: &["ActiveXObject", "*.CreateObject", "GetObject"],
    ..SHARP_PAGES
};

const SHARP_SOURCES: &[Source] = &[
    Source::of("Request"),
    Source::of("*.Request"),
    Source::of("Request.Form"),
    Source::of("Request.QueryString"),
    Source::of("Request.Params"),
    Source::of("Request.Item"),
    Source::of("Request.Headers"),
    Source::of("Request.Cookies"),
    Source::of("Request.ServerVariables"),
    Source::of("Request.InputStream"),
    Source::of("Request.BinaryRead"),
    Source::of("Request.RawUrl"),
    Source::of("HttpRequest.Form"),
    Source::of("HttpContext.Request"),
    Source { path: "*.Text", needs: "TextBox" },
];

const SHARP_SINKS: &[Sink] = &[
    Sink::first("eval", Runs::Code),
    Sink::first("Eval", Runs::Code),
    Sink::by("Process.Start", Runs::Command, By::Any),
    Sink::by("ProcessStartInfo", Runs::Command, By::Any),
    Sink::by("*.Arguments", Runs::Command, By::Assigned),
    Sink::by("StartInfo.FileName", Runs::Command, By::Assigned),
    Sink::by("ProcessStartInfo.FileName", Runs::Command, By::Assigned),
    Sink::by("WScript.Shell.Run", Runs::Command, By::Any),
    Sink::by("WScript.Shell.Exec", Runs::Command, By::Any),
    Sink::by("WScript.Shell.exec", Runs::Command, By::Any),
    Sink::by("WScript.Shell.run", Runs::Command, By::Any),
    Sink::by("Shell.Application.ShellExecute", Runs::Command, By::Any),
    Sink::first("Assembly.Load", Runs::Code),
    Sink::first("Assembly.LoadFrom", Runs::Loads),
    Sink::first("Assembly.LoadFile", Runs::Loads),
    Sink::by("*.CompileAssemblyFromSource", Runs::Code, By::Any),
    Sink::first("*.AddScript", Runs::Code),
    Sink::first("*.InvokeScript", Runs::Code),
    Sink::first("RunspaceInvoke.Invoke", Runs::Code),
    Sink::first("CSharpScript.EvaluateAsync", Runs::Code),
    Sink::first("VsaEngine.JScriptEvaluate", Runs::Code),
    Sink::by("Eval.JScriptEvaluate", Runs::Code, By::Argument(0)),
    Sink::first("CSharpScript.RunAsync", Runs::Code),
    Sink::first("CSharpScript.Create", Runs::Code),
    Sink::first("Interaction.Shell", Runs::Code),
    Sink::first("XslCompiledTransform.Load", Runs::Code),
    Sink::first("Assembly.UnsafeLoadFrom", Runs::Loads),
    Sink::by("*.CompileAssemblyFromDom", Runs::Code, By::Any),
    Sink::first("XamlReader.Parse", Runs::Code),
    Sink::first("XamlReader.Load", Runs::Code),
    Sink::first("BinaryFormatter.Deserialize", Runs::Objects),
    Sink::first("LosFormatter.Deserialize", Runs::Objects),
    Sink::first("ObjectStateFormatter.Deserialize", Runs::Objects),
    Sink::first("SoapFormatter.Deserialize", Runs::Objects),
    Sink::first("NetDataContractSerializer.Deserialize", Runs::Objects),
    Sink::first("BinaryFormatter.UnsafeDeserialize", Runs::Objects),
    Sink::by("File.AppendAllText", Runs::Writes, By::Any),
    Sink::by("File.WriteAllText", Runs::Writes, By::Any),
    Sink::by("File.WriteAllBytes", Runs::Writes, By::Any),
    Sink::by("StreamWriter.Write", Runs::Writes, By::Any),
];

const BASIC_PAGES: Language = Language {
    file: basic,
    code: basic_code,
    chains: &["&", "+"],
    members: &["."],
    beside: Beside::Argument,
    definers: &["sub", "function"],
    keywords: &[
        "if",
        "then",
        "else",
        "elseif",
        "end",
        "while",
        "wend",
        "do",
        "loop",
        "until",
        "next",
        "to",
        "step",
        "select",
        "case",
        "on",
        "error",
        "resume",
        "option",
        "explicit",
        "exit",
        "with",
        "public",
        "private",
        "byref",
        "byval",
        "endif",
        "imports",
        "try",
        "catch",
        "class",
        "each",
        "protected",
        "shared",
        "redim",
        "preserve",
        "goto",
        "as",
        "and",
        "or",
    ],
    compares_with_equals: true,
    gives_last: false,
    sources: BASIC_SOURCES,
    sinks: BASIC_SINKS,
    namers: &["createobject", "*.createobject", "getobject", "getref"],
};

const BASIC_SOURCES: &[Source] = &[
    Source::of("request"),
    Source::of("*.request"),
    Source::of("request.form"),
    Source::of("request.querystring"),
    Source::of("request.item"),
    Source::of("request.cookies"),
    Source::of("request.params"),
    Source::of("request.headers"),
    Source::of("request.servervariables"),
    Source::of("request.binaryread"),
    Source::of("request.inputstream"),
    Source { path: "*.text", needs: "TextBox" },
];

const BASIC_SINKS: &[Sink] = &[
    Sink::first("eval", Runs::Code),
    Sink::first("execute", Runs::Code),
    Sink::first("executeglobal", Runs::Code),
    Sink::by("wscript.shell.run", Runs::Command, By::Any),
    Sink::by("wscript.shell.exec", Runs::Command, By::Any),
    Sink::by("shell.application.shellexecute", Runs::Command, By::Any),
    Sink::by("shell", Runs::Command, By::Argument(0)),
    Sink::first("*.addcode", Runs::Code),
    Sink::first("*.executestatement", Runs::Code),
    Sink::first("scriptcontrol.eval", Runs::Code),
    Sink::first("msscriptcontrol.scriptcontrol.eval", Runs::Code),
    Sink::first("adodb.stream.savetofile", Runs::Objects),
    Sink::first("interaction.shell", Runs::Code),
    Sink::first("server.execute", Runs::Loads),
    Sink::by("process.start", Runs::Command, By::Any),
    Sink::by("*.arguments", Runs::Command, By::Assigned),
    Sink::by("startinfo.filename", Runs::Command, By::Assigned),
    Sink::first("assembly.load", Runs::Code),
    Sink::by("*.compileassemblyfromsource", Runs::Code, By::Any),
    Sink::by("opentextfile.write", Runs::Writes, By::Any),
    Sink::by("createtextfile.write", Runs::Writes, By::Any),
    Sink::by("createtextfile.writeline", Runs::Writes, By::Any),
    Sink::by("file.writealltext", Runs::Writes, By::Any),
];
