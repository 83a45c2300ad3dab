//! Which rules may stand apart, and which of them no Linux file can fulfil.
//!
//! The engine looks for the strings of all rules at once, so that every byte pays for every rule.
//! Half of the public rules are for Windows programs and say so: their condition demands that the
//! bytes begin with `MZ`. Those are compiled apart, and only bytes that begin so are shown to them.
//! What remains is as true as before: a rule is taken for one of them only if its condition cannot
//! be fulfilled otherwise. Rules that name each other stay together.

use std::collections::BTreeMap;
use std::ops::Range;

use boreal_parser::expression::{Expression, ExpressionKind, ReadIntegerType};
use boreal_parser::file::YaraFileComponent;
use boreal_parser::rule::Rule;

/// What bytes must begin with to fulfil any rule of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Begins {
    /// Nothing is demanded.
    Anyhow,
    /// `MZ`, as programs for Windows do.
    Mz,
}

impl Begins {
    /// Returns whether bytes begin so.
    pub(super) fn fits(self, bytes: &[u8]) -> bool {
        match self {
            Self::Anyhow => true,
            Self::Mz => bytes.starts_with(b"MZ"),
        }
    }
}

/// A file of rules whose parts may be compiled apart.
#[derive(Debug)]
pub(super) struct Divided {
    imports: Vec<(String, Range<usize>)>,
    /// The parts, in the order of their first rules.
    pub(super) parts: Vec<Part>,
}

/// Rules of one file that must be compiled together; most often one.
#[derive(Debug)]
pub(super) struct Part {
    /// Where they stand, in order.
    rules: Vec<Range<usize>>,
    /// The words of their conditions that name modules.
    modules: Vec<String>,
    /// What bytes must begin with.
    pub(super) begins: Begins,
}

impl Part {
    /// Returns how many rules it has.
    pub(super) fn count(&self) -> usize {
        self.rules.len()
    }
}

impl Divided {
    /// Divides a file. One that includes others, or whose rules cannot be told apart, is not
    /// divided, and the compiler says what is wrong with it.
    pub(super) fn of(text: &str) -> Option<Self> {
        let parsed = boreal_parser::parse(text).ok()?;
        let mut imports = Vec::new();
        let mut rules: Vec<(&Rule, Range<usize>)> = Vec::new();
        let mut from = 0;
        for component in &parsed.components {
            let end = match component {
                YaraFileComponent::Include(_) => return None,
                YaraFileComponent::Import(import) => {
                    imports.push((import.name.clone(), import.span.clone()));
                    import.span.end
                }
                YaraFileComponent::Rule(rule) => {
                    let end = end(text, rule.condition.span.end)?;
                    rules.push((rule, from..end));
                    end
                }
            };
            from = end;
        }
        // A global rule concerns all others, and of two rules of one name the second is a mistake.
        let mut names = BTreeMap::new();
        for (number, (rule, _)) in rules.iter().enumerate() {
            if rule.is_global || names.insert(rule.name.as_str(), number).is_some() {
                return None;
            }
        }
        let parts = parts(text, &rules, &names, &imports);
        Some(Self { imports, parts })
    }

    /// Returns the text of some parts; what stands between is empty, and every line keeps its
    /// number. A module is imported where it is named: the engine reads a file for each anew.
    pub(super) fn text(&self, whole: &str, parts: &[&Part]) -> String {
        let mut kept: Vec<&Range<usize>> = parts.iter().flat_map(|part| &part.rules).collect();
        let is_named = |name: &String| parts.iter().any(|part| part.modules.contains(name));
        kept.extend(self.imports.iter().filter(|(name, _)| is_named(name)).map(|(_, at)| at));
        kept.sort_by_key(|range| range.start);
        let mut text = String::new();
        let mut at = 0;
        for range in kept {
            blank(&mut text, whole.get(at..range.start).unwrap_or_default());
            text.push_str(whole.get(range.clone()).unwrap_or_default());
            at = range.end;
        }
        text
    }
}

/// Returns a file's text without the rule at an offset and all before it, if it can be told where
/// that rule ends and there is one after it.
pub(super) fn after(text: &str, offset: usize) -> Option<String> {
    let parsed = boreal_parser::parse(text).ok()?;
    let mut rest = String::new();
    let mut at = 0;
    let mut is_after = false;
    for component in &parsed.components {
        match component {
            YaraFileComponent::Include(_) => return None,
            YaraFileComponent::Import(import) => {
                blank(&mut rest, text.get(at..import.span.start)?);
                rest.push_str(text.get(import.span.clone())?);
                at = import.span.end;
            }
            YaraFileComponent::Rule(rule) => {
                let end = end(text, rule.condition.span.end)?;
                if is_after {
                    rest.push_str(text.get(at..)?);
                    return Some(rest);
                }
                is_after = end > offset;
                blank(&mut rest, text.get(at..end)?);
                at = end;
            }
        }
    }
    None
}

/// Puts spaces in place of a text, and its line ends.
fn blank(into: &mut String, text: &str) {
    let last = match text.rsplit_once('\n') {
        Some((before, last)) => {
            into.extend(before.bytes().filter(|&byte| byte == b'\n').map(char::from));
            into.push('\n');
            last
        }
        None => text,
    };
    into.extend(last.chars().map(|_| ' '));
}

/// Returns where a rule ends whose condition ends here: after the bracket that closes it.
fn end(text: &str, condition: usize) -> Option<usize> {
    let mut rest = text.get(condition..)?;
    loop {
        rest = rest.trim_start();
        rest = if let Some(comment) = rest.strip_prefix("//") {
            comment.split_once('\n')?.1
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/")?.1
        } else {
            return text.len().checked_sub(rest.strip_prefix('}')?.len());
        }
    }
}

/// Puts rules together that name each other.
fn parts(
    text: &str,
    rules: &[(&Rule, Range<usize>)],
    names: &BTreeMap<&str, usize>,
    imports: &[(String, Range<usize>)],
) -> Vec<Part> {
    // For each rule the first one that it hangs together with.
    let mut firsts: Vec<usize> = (0..rules.len()).collect();
    let mut modules: Vec<Vec<String>> = Vec::new();
    for (number, (rule, _)) in rules.iter().enumerate() {
        let condition = text.get(rule.condition.span.clone()).unwrap_or_default();
        let mut named = Vec::new();
        for word in words(condition) {
            if imports.iter().any(|(name, _)| name == word) {
                named.push(word.to_owned());
            }
            let others: Vec<usize> = match word.strip_suffix('*') {
                Some(start) => names
                    .iter()
                    .filter_map(|(name, &other)| name.starts_with(start).then_some(other))
                    .collect(),
                None => names.get(word).copied().into_iter().collect(),
            };
            for other in others {
                join(&mut firsts, number, other);
            }
        }
        modules.push(named);
    }
    let mut parts: BTreeMap<usize, Part> = BTreeMap::new();
    for (((rule, range), modules), &first) in rules.iter().zip(modules).zip(&firsts) {
        let part = parts.entry(first).or_insert_with(|| Part {
            rules: Vec::new(),
            modules: Vec::new(),
            begins: Begins::Mz,
        });
        part.rules.push(range.clone());
        part.modules.extend(modules);
        // What a private rule demands is no matter: it is not told.
        if !rule.is_private && !demands_mz(&rule.condition) {
            part.begins = Begins::Anyhow;
        }
    }
    parts.into_values().collect()
}

fn join(firsts: &mut [usize], one: usize, other: usize) {
    let first = |firsts: &[usize], of: usize| firsts.get(of).copied().unwrap_or(of);
    let (one, other) = (first(firsts, one), first(firsts, other));
    let (low, high) = (one.min(other), one.max(other));
    firsts.iter_mut().filter(|first| **first == high).for_each(|first| *first = low);
}

/// Returns the words of a condition, a star after one among them. Names of strings keep their
/// sign, so that no rule is named so; words inside texts are words too: too much hangs together
/// then, which does no harm.
fn words(condition: &str) -> impl Iterator<Item = &str> {
    let is_inside = |c: char| c.is_ascii_alphanumeric() || "_*$#@".contains(c);
    condition.split(move |c| !is_inside(c)).flat_map(|word| {
        // `a*b` is a product, and either may be meant.
        word.split_inclusive('*').filter(|word| !word.is_empty() && *word != "*")
    })
}

/// Returns whether a condition cannot be fulfilled by bytes that do not begin with `MZ`.
fn demands_mz(condition: &Expression) -> bool {
    match &condition.expr {
        ExpressionKind::And(all) => all.iter().any(demands_mz),
        ExpressionKind::Or(any) => any.iter().all(demands_mz),
        ExpressionKind::Eq(left, right) => is_mz(left, right) || is_mz(right, left),
        _ => false,
    }
}

fn is_mz(read: &Expression, number: &Expression) -> bool {
    let (ExpressionKind::ReadInteger { ty, addr }, ExpressionKind::Integer(number)) =
        (&read.expr, &number.expr)
    else {
        return false;
    };
    let wanted = match ty {
        ReadIntegerType::Uint16 | ReadIntegerType::Int16 => 0x5a4d,
        ReadIntegerType::Uint16BE | ReadIntegerType::Int16BE => 0x4d5a,
        _ => return false,
    };
    addr.expr == ExpressionKind::Integer(0) && *number == wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts_of(text: &str) -> Vec<(usize, Begins)> {
        let divided = Divided::of(text).unwrap();
        divided.parts.iter().map(|part| (part.count(), part.begins)).collect()
    }

    #[test]
    fn only_a_condition_that_cannot_do_without_mz_demands_it() {
        let begins = |condition: &str| {
            let text =
                format!("rule a {{ strings: $a = \"a\" $b = \"b\" condition: {condition} }}");
            parts_of(&text)
        };
        for condition in [
            "uint16(0) == 0x5a4d",
            "0x5A4D == uint16(0) and $a and $b",
            "$a and (uint16be(0) == 0x4d5a and $b)",
            "(uint16(0) == 23117 and $a) or (filesize < 10KB and int16(0) == 0x5a4d and $b)",
        ] {
            assert_eq!(begins(condition), [(1, Begins::Mz)], "{condition}");
        }
        for condition in [
            "uint16(1) == 0x5a4d and $a and $b",
            "uint16(0) == 0x4d5a and $a and $b",
            "uint16(0) == 0x5a4d or ($a and $b)",
            "not (uint16(0) == 0x5a4d and $a and $b)",
            "uint16(0) != 0x5a4d and $a and $b",
            "uint16(0) == 0x5a4d == false and $a and $b",
            "for any of them : (uint16(0) == 0x5a4d)",
            "uint32(0) == 0x5a4d and $a and $b",
            "uint8(0) == 0x4d and $a and $b",
        ] {
            assert_eq!(begins(condition), [(1, Begins::Anyhow)], "{condition}");
        }
    }

    #[test]
    fn rules_that_name_each_other_are_one_part_and_global_ones_are_not_divided() {
        let text = "rule a { condition: true } rule b { condition: true } rule ab { condition: a }\n\
                    rule c { strings: $b = \"x\" condition: #b > 1 and @b[1] > 2 and $b }\n\
                    rule d { condition: 1 of (c*) } rule e { condition: uint16(0) == 0x5a4d }";
        let expected = [(2, Begins::Anyhow), (1, Begins::Anyhow), (2, Begins::Anyhow)];
        assert_eq!(parts_of(text)[..3], expected);
        assert_eq!(parts_of(text)[3..], [(1, Begins::Mz)]);
        for text in [
            "global rule a { condition: true } rule b { condition: true }",
            "rule a { condition: true } rule a { condition: false }",
            "include \"b.yar\" rule a { condition: true }",
            "rule a { condition: true ",
        ] {
            assert!(Divided::of(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_text_of_parts_keeps_lines_and_columns_and_only_the_modules_that_are_named() {
        let whole = "import \"pe\"\nimport \"math\"\nrule a { condition: true } // }\n\n\
                     rule b { condition: pe.is_pe == 1 /* } */ } rule c { condition: true }\n";
        let divided = Divided::of(whole).unwrap();
        let [a, b, c] = divided.parts.as_slice() else { panic!("{divided:?}") };
        let expected = "import \"pe\"\n\n                           // }\n\n\
                        rule b { condition: pe.is_pe == 1 /* } */ }";
        assert_eq!(divided.text(whole, &[b]), expected);
        assert_eq!(divided.text(whole, &[a, c]).lines().last().unwrap().find("rule c"), Some(44));
    }

    #[test]
    fn what_comes_after_a_rule_is_told_by_a_place_in_it() {
        let text = "import \"pe\"\nrule a {\n condition: true }\nrule b { condition: a }\n";
        let at = |word| text.find(word).unwrap();
        let rest = after(text, at("true")).unwrap();
        assert_eq!(rest, "import \"pe\"\n\n                  \nrule b { condition: a }\n");
        assert_eq!(after(text, at("rule a")), Some(rest));
        assert_eq!(after(text, at("rule b")), None);
        assert_eq!(after("rule a { condition: true", 0), None);
    }
}
