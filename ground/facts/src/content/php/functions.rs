//! Names of functions and variables, by what they do with what a request sends.

/// Functions that run code.
pub(super) const CODE: [&str; 3] = ["eval", "assert", "create_function"];
/// Functions that run commands.
pub(super) const COMMANDS: [&str; 8] = [
    "system",
    "exec",
    "shell_exec",
    "passthru",
    "popen",
    "proc_open",
    "pcntl_exec",
    "expect_popen",
];
/// Functions that call what they are given, and at which place it stands.
pub(super) const CALLERS: [(&str, usize); 20] = [
    ("call_user_func", 0),
    ("call_user_func_array", 0),
    ("array_map", 0),
    ("array_filter", 1),
    ("array_walk", 1),
    ("array_reduce", 1),
    ("array_diff_ukey", 2),
    ("array_udiff", 2),
    ("usort", 1),
    ("uasort", 1),
    ("uksort", 1),
    ("register_shutdown_function", 0),
    ("register_tick_function", 0),
    ("preg_replace_callback", 1),
    ("mb_ereg_replace_callback", 1),
    ("ob_start", 0),
    ("forward_static_call_array", 0),
    ("forward_static_call", 0),
    ("iterator_apply", 1),
    ("array_walk_recursive", 1),
];
/// Functions whose answer is made of what they get; those of [`UNPACKING`] too.
const PASSING: [&str; 38] = [
    "parse_ini_string",
    "yaml_parse",
    "str_getcsv",
    "preg_split",
    "urldecode",
    "rawurldecode",
    "stripslashes",
    "trim",
    "rtrim",
    "ltrim",
    "chop",
    "substr",
    "str_replace",
    "str_ireplace",
    "preg_replace",
    "implode",
    "join",
    "explode",
    "sprintf",
    "vsprintf",
    "array_merge",
    "array_pop",
    "array_shift",
    "end",
    "current",
    "reset",
    "next",
    "strval",
    "strtr",
    "html_entity_decode",
    "htmlspecialchars_decode",
    "unserialize",
    "json_decode",
    "str_split",
    "array_values",
    "chr",
    "iconv",
    "mb_convert_encoding",
];
/// Functions that make code of what looks like none.
pub(super) const UNPACKING: [&str; 12] = [
    "base64_decode",
    "str_rot13",
    "strrev",
    "gzinflate",
    "gzuncompress",
    "gzdecode",
    "hex2bin",
    "pack",
    "convert_uudecode",
    "zlib_decode",
    "openssl_decrypt",
    "mcrypt_decrypt",
];
/// Functions that give what lies in a file or at an address.
pub(super) const FETCHING: [&str; 6] =
    ["file_get_contents", "fopen", "curl_exec", "file", "stream_get_contents", "fread"];
/// Variables that a request fills.
pub(super) const REQUEST: [&str; 8] = [
    "_GET",
    "_POST",
    "_REQUEST",
    "_COOKIE",
    "HTTP_RAW_POST_DATA",
    "HTTP_POST_VARS",
    "HTTP_GET_VARS",
    "HTTP_COOKIE_VARS",
];
/// Signs after which only truth is left of a value.
pub(super) const JUDGING: [&str; 11] =
    ["==", "!=", "===", "!==", "<", ">", "<=", ">=", "<>", "&&", "||"];

/// Returns whether a function's answer is made of what it gets.
pub(super) fn is_passing(name: &str) -> bool {
    PASSING.contains(&name) || UNPACKING.contains(&name)
}

/// Returns whether a function runs code or commands.
pub(super) fn is_sink(name: &str) -> bool {
    CODE.contains(&name) || COMMANDS.contains(&name)
}

/// Returns whether a name is a word of the language that holds no value.
pub(super) fn is_keyword(name: &str) -> bool {
    [
        "if",
        "else",
        "elseif",
        "while",
        "for",
        "do",
        "switch",
        "case",
        "default",
        "try",
        "catch",
        "finally",
        "class",
        "interface",
        "trait",
        "extends",
        "implements",
        "public",
        "private",
        "protected",
        "static",
        "abstract",
        "final",
        "const",
        "var",
        "namespace",
        "use",
        "global",
        "declare",
        "endif",
        "endwhile",
        "endfor",
        "endforeach",
        "endswitch",
        "break",
        "continue",
        "goto",
        "as",
        "instanceof",
    ]
    .contains(&name)
}

/// Returns whether a pattern has the modifier `e`, which ran the replacement until PHP 7.
pub(super) fn is_evaluated(pattern: &[u8]) -> bool {
    let Some(&open) = pattern.first().filter(|byte| byte.is_ascii_punctuation()) else {
        return false;
    };
    let close = match open {
        b'(' => b')',
        b'{' => b'}',
        b'[' => b']',
        b'<' => b'>',
        other => other,
    };
    let Some(end) = memchr::memrchr(close, pattern).filter(|end| *end > 0) else { return false };
    let modifiers = pattern.get(end.saturating_add(1)..).unwrap_or_default();
    modifiers.contains(&b'e') && modifiers.iter().all(u8::is_ascii_alphabetic)
}
