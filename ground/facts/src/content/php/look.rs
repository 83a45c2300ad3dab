//! A first look at a page: whether there is anything in it that could run what a request sends, or
//! what is unpacked. Of honest pages few are gone through.

use super::tokens::{COMMAND, Token};

/// Words that run, call or write what they are given.
const RUNNING: [&str; 60] = [
    "eval",
    "assert",
    "create_function",
    "include",
    "include_once",
    "require",
    "require_once",
    "system",
    "exec",
    "shell_exec",
    "passthru",
    "popen",
    "proc_open",
    "pcntl_exec",
    "expect_popen",
    COMMAND,
    "preg_replace",
    "preg_filter",
    "mb_ereg_replace",
    "mb_eregi_replace",
    "preg_replace_callback",
    "preg_replace_callback_array",
    "mb_ereg_replace_callback",
    "unserialize",
    "mail",
    "mb_send_mail",
    "putenv",
    "ini_set",
    "ini_alter",
    "dl",
    "imap_open",
    "file_put_contents",
    "fwrite",
    "fputs",
    "fputcsv",
    "error_log",
    "move_uploaded_file",
    "copy",
    "rename",
    "extractto",
    "array_map",
    "array_filter",
    "array_walk",
    "array_walk_recursive",
    "array_reduce",
    "usort",
    "uasort",
    "uksort",
    "call_user_func",
    "call_user_func_array",
    "forward_static_call",
    "forward_static_call_array",
    "register_shutdown_function",
    "ob_start",
    "spl_autoload_register",
    "set_error_handler",
    "iterator_apply",
    "reflectionfunction",
    "reflectionmethod",
    "reflectionclass",
];
/// Words that give what a request sends.
const GIVING: [&str; 12] = [
    "getallheaders",
    "apache_request_headers",
    "filter_input",
    "filter_input_array",
    "getenv",
    "apache_getenv",
    "import_request_variables",
    "get_defined_vars",
    "http_get_request_body",
    "http_get_request_headers",
    "session_id",
    "stdin",
];
/// Variables that PHP fills for a page.
const FILLED: [&str; 11] = [
    "_GET",
    "_POST",
    "_REQUEST",
    "_COOKIE",
    "_SERVER",
    "_FILES",
    "_ENV",
    "_SESSION",
    "GLOBALS",
    "HTTP_RAW_POST_DATA",
    "HTTP_POST_FILES",
];
/// Words that run code.
const CODE: [&str; 3] = ["eval", "assert", "create_function"];
/// From which length on a text without blanks may be packed.
const PACKED: usize = 40;

/// Whether there is anything in a page that could run something.
pub(super) fn may_run(tokens: &[(Token, usize)]) -> bool {
    let (mut gives, mut runs, mut has_code, mut packed, mut calls) =
        (false, false, false, false, false);
    for (token, _) in tokens {
        match token {
            Token::Variable(name) => {
                gives |= FILLED.contains(&name.as_str()) || name.starts_with("HTTP_");
            }
            Token::Name(name) => {
                runs |= RUNNING.contains(&name.as_str());
                gives |= GIVING.contains(&name.as_str());
                has_code |= CODE.contains(&name.as_str());
            }
            Token::Text(text) => {
                gives |= memchr::memmem::find(text, b"input").is_some();
                packed |= text.len() > PACKED && !text.contains(&b' ');
                // What names a function that runs something.
                calls |= text.len() < 20 && is_running(text);
            }
            Token::Sign("$") => gives = true,
            Token::Sign(_) | Token::Number(_) => {}
        }
    }
    let dynamic = is_dynamic(tokens);
    (gives && (runs || dynamic)) || has_code || (dynamic && packed) || (calls && gives)
}

fn is_running(text: &[u8]) -> bool {
    RUNNING.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(text))
}

/// Whether what is called, or made, is a value and no name.
fn is_dynamic(tokens: &[(Token, usize)]) -> bool {
    tokens.windows(2).any(|two| match two {
        [(Token::Variable(_) | Token::Text(_), _), (Token::Sign("("), _)]
        | [(Token::Sign(")" | "]" | "}"), _), (Token::Sign("("), _)]
        | [(Token::Sign("->" | "::"), _), (Token::Variable(_) | Token::Sign("{" | "$"), _)] => true,
        [(Token::Name(name), _), (Token::Variable(_) | Token::Sign("(" | "$"), _)] => name == "new",
        _ => false,
    })
}
