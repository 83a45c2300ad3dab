//! Which strings may be looked for without end, and how the engine looks for strings.
//!
//! The engine finds a string by a fixed text in it, and looks at the clock between two of them. Two
//! kinds of strings take long without that: those that have no fixed text, which it looks for in one
//! go, and those of a short one behind a repetition, which it follows back over 4,096 bytes from
//! each place. Where they cannot be long, they end soon all the same. The 12 of the first kind among
//! the 33,056 strings of signature-base (8a89b3b) are all short.

use boreal::compiler::{CompilerBuilder, CompilerParams};
use boreal::statistics::CompiledString;
use boreal_parser::hex_string::Token;
use boreal_parser::regex::{AssertionKind, Node, RepetitionKind, RepetitionRange};
use boreal_parser::rule::{Rule, VariableDeclaration, VariableDeclarationValue};

/// A string that cannot be longer is looked for in steps that are short enough.
const LONG: u64 = 4096;
/// A fixed text of fewer bytes may stand at any place.
const SHORT: usize = 4;

/// Returns whether the engine's look at the clock may come late while it looks for a string.
pub(super) fn is_slow(string: &CompiledString) -> bool {
    string.literals.is_empty() || is_followed_back(string)
}

/// Returns whether each place of a fixed text may be followed back over many others: the engine
/// says so in words (1.4.0, `Validator`).
fn is_followed_back(string: &CompiledString) -> bool {
    string.matching_algo.contains("(greedy)")
}

/// Returns whether a text of rules may have such a string: reading the grammar costs more than a
/// look. Regular expressions stand after `=`, and so do hexadecimal strings.
pub(super) fn may_have_one(text: &str) -> bool {
    text.split('=').skip(1).any(|after| after.trim_start().starts_with(['/', '{']))
}

/// Returns whether a rule has a string that may be looked for without end.
pub(super) fn has_one(rule: &Rule, text: &str) -> bool {
    rule.variables.iter().any(|string| may_be_long(&string.value) && is_endless(string, text))
}

/// Asks the engine what it makes of a string.
fn is_endless(string: &VariableDeclaration, text: &str) -> bool {
    let Some(declared) = text.get(string.span.clone()) else { return false };
    let rule = format!("rule r {{ strings: {declared} condition: any of them }}");
    let mut compiler = CompilerBuilder::new().build();
    let params = CompilerParams::default().compute_statistics(true);
    compiler.set_params(params.disable_unknown_escape_warning(true));
    // What it refuses is told when the rules are loaded.
    let Ok(status) = compiler.add_rules_str(&rule) else { return false };
    let strings = status.statistics().flat_map(|rule| &rule.strings);
    let short = |string: &CompiledString| string.literals.iter().any(|text| text.len() < SHORT);
    let endless = |string: &CompiledString| {
        string.literals.is_empty() || (is_followed_back(string) && short(string))
    };
    strings.into_iter().any(endless)
}

fn may_be_long(value: &VariableDeclarationValue) -> bool {
    match value {
        VariableDeclarationValue::Bytes(_) => false,
        // What is bound to the first byte is looked for there only.
        VariableDeclarationValue::Regex(regex) => {
            !begins_at_the_first_byte(&regex.ast) && longest(&regex.ast) > LONG
        }
        VariableDeclarationValue::HexString(tokens) => longest_of(tokens) > LONG,
    }
}

fn begins_at_the_first_byte(node: &Node) -> bool {
    match node {
        Node::Assertion(kind) => *kind == AssertionKind::StartLine,
        Node::Concat(nodes) => nodes.first().is_some_and(begins_at_the_first_byte),
        Node::Alternation(nodes) => nodes.iter().all(begins_at_the_first_byte),
        Node::Group(node) => begins_at_the_first_byte(node),
        _ => false,
    }
}

/// Returns how many bytes an expression matches at most.
fn longest(node: &Node) -> u64 {
    match node {
        Node::Alternation(nodes) => nodes.iter().map(longest).max().unwrap_or(0),
        Node::Concat(nodes) => nodes.iter().map(longest).fold(0, u64::saturating_add),
        Node::Assertion(_) | Node::Empty => 0,
        Node::Class(_) | Node::Dot | Node::Literal(_) => 1,
        Node::Char(literal) => u64::try_from(literal.c.len_utf8()).unwrap_or(u64::MAX),
        Node::Group(node) => longest(node),
        Node::Repetition { node, kind, .. } => {
            let times = match kind {
                RepetitionKind::ZeroOrOne => 1,
                RepetitionKind::ZeroOrMore | RepetitionKind::OneOrMore => u64::MAX,
                RepetitionKind::Range(RepetitionRange::AtLeast(_)) => u64::MAX,
                RepetitionKind::Range(
                    RepetitionRange::Exactly(most) | RepetitionRange::Bounded(_, most),
                ) => u64::from(*most),
            };
            longest(node).saturating_mul(times)
        }
    }
}

fn longest_of(tokens: &[Token]) -> u64 {
    let one = |token: &Token| match token {
        Token::Jump(jump) => jump.to.map_or(u64::MAX, u64::from),
        Token::Alternatives(all) => all.iter().map(|one| longest_of(one)).max().unwrap_or(0),
        _ => 1,
    };
    tokens.iter().map(one).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use boreal_parser::file::YaraFileComponent;

    use super::*;

    fn is_endless(string: &str) -> bool {
        let text = format!("rule a {{ strings: $a = {string} condition: $a }}");
        assert!(may_have_one(&text), "{string}");
        let parsed = boreal_parser::parse(&text).unwrap();
        let [YaraFileComponent::Rule(rule)] = parsed.components.as_slice() else {
            panic!("{string}")
        };
        has_one(rule, &text)
    }

    #[test]
    fn strings_without_fixed_text_that_may_be_long_are_endless() {
        for string in [
            "/[a-z]+/",
            "/(a+)+b/",
            "/[a-z]+$/ nocase wide ascii",
            "/(ab|[0-9]{2,})*x?/s",
            "/[a-z]{1,100}[0-9]{5000}/ fullword",
            "{ ?? [4-] ?? }",
            "{ ( ?? | ?? ?? ) [2-5000] ?? }",
        ] {
            assert!(is_endless(string), "{string}");
        }
        for string in [
            "/[a-z]{1,100}/",
            "/^[a-z]+/",
            "/(^[a-z]+|^[0-9]+x)/",
            "/marked [a-z]+/",
            "/[a-z]+ is marked/",
            "/x?(marked|hidden) *.{1,9}/i",
            "{ 01 02 03 04 [4-] 05 06 07 08 }",
            "{ ?? [4-20] ?? }",
        ] {
            assert!(!is_endless(string), "{string}");
        }
        assert!(!may_have_one("rule a { meta: b = \"/x/\" strings: $a = \"a\" condition: $a }"));
    }

    #[test]
    fn no_starter_rule_is_endless() {
        let mut endless = Vec::new();
        for (file, bytes) in crate::Yara::starter_files() {
            let text = String::from_utf8(bytes).unwrap();
            for component in boreal_parser::parse(&text).unwrap().components {
                let YaraFileComponent::Rule(rule) = component else { continue };
                let own = |string: &&VariableDeclaration| {
                    may_be_long(&string.value) && super::is_endless(string, &text)
                };
                let strings = rule.variables.iter().filter(own);
                endless
                    .extend(strings.map(|string| format!("{file} {} ${}", rule.name, string.name)));
            }
        }
        assert_eq!(endless, Vec::<String>::new(), "a repetition in it needs an end, as `{{0,20}}`");
    }
}
