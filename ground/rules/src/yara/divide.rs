//! Which rules may stand apart, and which of them no Linux file can fulfil.
//!
//! The engine looks for the strings of all rules at once, so that every byte pays for every rule.
//! Half of the public rules are for Windows programs and say so: their condition demands that the
//! bytes begin with `MZ`. Those are compiled apart, and only bytes that begin so are shown to them.
//! Where there are too many rules for one set anyhow, those for ELF programs stand apart as well,
//! and those that no large program fulfils: they ask for few bytes or for another beginning.
//! Rules whose strings may be looked for without end stand apart always.
//! What remains is as true as before: a rule is taken for one of them only if its condition cannot
//! be fulfilled otherwise. Rules that name each other stay together.

use std::collections::BTreeMap;
use std::ops::Range;

use boreal_parser::expression::{Expression, ExpressionKind, ReadIntegerType};
use boreal_parser::file::YaraFileComponent;
use boreal_parser::rule::Rule;

use super::endless;

/// What bytes may fulfil any rule of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fits {
    /// Any.
    Any,
    /// Those that begin with `MZ`, as programs for Windows do.
    Mz,
    /// Those that begin as ELF programs do.
    Elf,
    /// All but programs of more than [`SMALL`] bytes.
    Lesser,
}

/// Up to so many bytes a file is small: most public rules that ask for a size ask for less.
const SMALL: usize = 1 << 20;

/// Kinds of bytes, as bits: small and large programs for Windows, ELF programs, others.
const MZ: u8 = 0b00_00_11;
const ELF: u8 = 0b00_11_00;
const OTHER: u8 = 0b11_00_00;
const ALL: u8 = MZ | ELF | OTHER;
const SMALL_ONES: u8 = 0b01_01_01;

impl Fits {
    /// Returns for whom rules are that only these kinds of bytes can fulfil.
    fn of(kinds: u8) -> Self {
        let only = |of: u8| kinds & !of == 0;
        match kinds {
            _ if only(MZ) => Self::Mz,
            _ if only(ELF) => Self::Elf,
            _ if only(SMALL_ONES | OTHER) => Self::Lesser,
            _ => Self::Any,
        }
    }

    /// Returns whether bytes are for the rules.
    pub(super) fn fits(self, bytes: &[u8]) -> bool {
        let is_elf = bytes.starts_with(ELF_BEGINS);
        match self {
            Self::Any => true,
            Self::Mz => bytes.starts_with(MZ_BEGINS),
            Self::Elf => is_elf,
            Self::Lesser => bytes.len() <= SMALL || !(is_elf || bytes.starts_with(MZ_BEGINS)),
        }
    }
}

const MZ_BEGINS: &[u8] = b"MZ";
/// Two bytes, since half of the rules for ELF ask for no more.
const ELF_BEGINS: &[u8] = b"\x7fE";

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
    /// What bytes may fulfil it.
    pub(super) fits: Fits,
    /// Whether a string of theirs may be looked for without end: then others are not asked with
    /// them, so that what those find is not lost.
    pub(super) is_endless: bool,
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

    /// Returns whether a string of some rule may be looked for without end.
    pub(super) fn has_endless(&self) -> bool {
        self.parts.iter().any(|part| part.is_endless)
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

/// Returns where a rule ends whose condition ends here: after the bracket that closes it. The
/// parentheses round a whole condition are none of it for the grammar.
fn end(text: &str, condition: usize) -> Option<usize> {
    let mut rest = text.get(condition..)?;
    loop {
        rest = rest.trim_start();
        rest = if let Some(comment) = rest.strip_prefix("//") {
            comment.split_once('\n')?.1
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/")?.1
        } else if let Some(more) = rest.strip_prefix(')') {
            more
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
    let mut parts: BTreeMap<usize, (Part, u8)> = BTreeMap::new();
    for (((rule, range), modules), &first) in rules.iter().zip(modules).zip(&firsts) {
        let (part, part_kinds) = parts.entry(first).or_insert_with(|| {
            let (rules, modules) = (Vec::new(), Vec::new());
            (Part { rules, modules, fits: Fits::Mz, is_endless: false }, 0)
        });
        part.is_endless |= endless::has_one(rule, text);
        part.rules.push(range.clone());
        part.modules.extend(modules);
        // What a private rule demands is no matter: it is not told.
        if !rule.is_private {
            *part_kinds |= kinds(&rule.condition);
        }
    }
    let fitted = |(part, kinds)| Part { fits: Fits::of(kinds), ..part };
    parts.into_values().map(fitted).collect()
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

/// Returns the kinds of bytes that may fulfil a condition.
fn kinds(condition: &Expression) -> u8 {
    match &condition.expr {
        ExpressionKind::And(all) => all.iter().map(kinds).fold(ALL, |all, one| all & one),
        ExpressionKind::Or(any) => any.iter().map(kinds).fold(0, |any, one| any | one),
        ExpressionKind::Eq(left, right) => {
            beginning(left, right).or_else(|| beginning(right, left)).map_or(ALL, |it| begun(&it))
        }
        ExpressionKind::Cmp { left, right, less_than, .. } => {
            let (less, more) = if *less_than { (left, right) } else { (right, left) };
            let most = match &more.expr {
                ExpressionKind::Integer(most) => usize::try_from(*most).ok(),
                _ => None,
            };
            let is_small = most.is_some_and(|most| most <= SMALL);
            if less.expr == ExpressionKind::Filesize && is_small { SMALL_ONES } else { ALL }
        }
        _ => ALL,
    }
}

/// Returns the bytes that a file begins with whose first number is read and is this.
fn beginning(read: &Expression, number: &Expression) -> Option<Vec<u8>> {
    let (ExpressionKind::ReadInteger { ty, addr }, ExpressionKind::Integer(number)) =
        (&read.expr, &number.expr)
    else {
        return None;
    };
    let (length, is_big) = match ty {
        ReadIntegerType::Int8 | ReadIntegerType::Uint8 => (1, false),
        ReadIntegerType::Int16 | ReadIntegerType::Uint16 => (2, false),
        ReadIntegerType::Int16BE | ReadIntegerType::Uint16BE => (2, true),
        ReadIntegerType::Int32 | ReadIntegerType::Uint32 => (4, false),
        ReadIntegerType::Int32BE | ReadIntegerType::Uint32BE => (4, true),
    };
    let number = u32::try_from(*number).ok().filter(|_| addr.expr == ExpressionKind::Integer(0))?;
    let (own, rest) =
        number.to_le_bytes().split_at_checked(length).map(|(a, b)| (a.to_vec(), b.to_vec()))?;
    // What is larger than what is read is never met: no reason to know better.
    if rest.iter().any(|&byte| byte != 0) {
        return None;
    }
    Some(if is_big { own.into_iter().rev().collect() } else { own })
}

/// Returns the kinds of bytes that may begin so.
fn begun(bytes: &[u8]) -> u8 {
    let may = |begins: &[u8]| bytes.starts_with(begins) || begins.starts_with(bytes);
    let is_known = [MZ_BEGINS, ELF_BEGINS].iter().any(|begins| bytes.starts_with(begins));
    (if may(MZ_BEGINS) { MZ } else { 0 })
        | (if may(ELF_BEGINS) { ELF } else { 0 })
        | (if is_known { 0 } else { OTHER })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts_of(text: &str) -> Vec<(usize, Fits)> {
        let divided = Divided::of(text).unwrap();
        divided.parts.iter().map(|part| (part.count(), part.fits)).collect()
    }

    #[test]
    fn only_a_condition_that_cannot_do_without_mz_demands_it() {
        let fits = |condition: &str| {
            let text =
                format!("rule a {{ strings: $a = \"a\" $b = \"b\" condition: {condition} }}");
            parts_of(&text)
        };
        for condition in [
            "uint16(0) == 0x5a4d",
            "0x5A4D == uint16(0) and $a and $b",
            "$a and (uint16be(0) == 0x4d5a and $b)",
            "(uint16(0) == 23117 and $a) or (filesize < 10KB and int16(0) == 0x5a4d and $b)",
            "uint32(0) == 0x00905a4d and $a and $b",
        ] {
            assert_eq!(fits(condition), [(1, Fits::Mz)], "{condition}");
        }
        for condition in [
            "uint16(1) == 0x5a4d and $a and $b",
            "uint16(0) == 0x4d5a and $a and $b",
            "uint16(0) == 0x5a4d or ($a and $b)",
            "not (uint16(0) == 0x5a4d and $a and $b)",
            "uint16(0) != 0x5a4d and $a and $b",
            "uint16(0) == 0x5a4d == false and $a and $b",
            "for any of them : (uint16(0) == 0x5a4d)",
            "uint8(0) == 0x4d and $a and $b",
            "uint8(0) == 0x15a4d and $a and $b",
            "uint16(0) == 0x5a4d or uint16(0) == 0x457f and $a and $b",
        ] {
            assert!(matches!(fits(condition)[..], [(1, Fits::Any | Fits::Lesser)]), "{condition}");
        }
        assert!(Fits::Mz.fits(b"MZ") && !Fits::Mz.fits(b"M") && !Fits::Mz.fits(b"\x7fELF"));
    }

    #[test]
    fn rules_for_elf_and_those_that_no_large_program_fulfils_are_known() {
        let fits = |condition: &str| {
            let text = format!("rule a {{ strings: $a = \"a\" condition: {condition} }}");
            parts_of(&text)[0].1
        };
        for condition in [
            "uint32(0) == 0x464c457f and $a",
            "$a and uint16(0) == 0x457f and filesize < 10KB",
            "(uint32be(0) == 0x7f454c46 or uint16(0) == 0x457f) and $a",
        ] {
            assert_eq!(fits(condition), Fits::Elf, "{condition}");
        }
        for condition in [
            "filesize < 1MB and $a",
            "$a and filesize <= 10",
            "$a and 700KB > filesize",
            "uint16(0) == 0x4b50 and $a",
            "uint16(0) == 0x4b50 and $a or (filesize < 4 and $a)",
            "uint16(0) == 0x457f and $a and filesize < 1KB or uint16(0) == 0xcfd0",
        ] {
            assert_eq!(fits(condition), Fits::Lesser, "{condition}");
        }
        for condition in [
            "filesize < 2MB and $a",
            "$a and filesize > 10",
            "$a and 700KB < filesize",
            "$a or filesize < 10",
            "not (filesize < 10 and $a)",
            "filesize < 10 or uint16(0) == 0x457f and $a",
            "uint16(0) != 0x4b50 and $a",
        ] {
            assert_eq!(fits(condition), Fits::Any, "{condition}");
        }
        let large = |begins: &[u8]| [begins, &vec![0; SMALL]].concat();
        assert!(Fits::Lesser.fits(b"MZ") && Fits::Lesser.fits(&large(b"PK")));
        assert!(!Fits::Lesser.fits(&large(b"MZ")) && !Fits::Lesser.fits(&large(b"\x7fELF")));
        assert!(Fits::Elf.fits(b"\x7fELF") && !Fits::Elf.fits(b"\x7f") && Fits::Any.fits(b""));
    }

    #[test]
    fn rules_that_name_each_other_are_one_part_and_global_ones_are_not_divided() {
        let text = "rule a { condition: true } rule b { condition: true } rule ab { condition: a }\n\
                    rule c { strings: $b = \"x\" condition: #b > 1 and @b[1] > 2 and $b }\n\
                    rule d { condition: 1 of (c*) } rule e { condition: uint16(0) == 0x5a4d }";
        let expected = [(2, Fits::Any), (1, Fits::Any), (2, Fits::Any)];
        assert_eq!(parts_of(text)[..3], expected);
        assert_eq!(parts_of(text)[3..], [(1, Fits::Mz)]);
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
    fn parentheses_round_a_whole_condition_are_passed_over() {
        let text = "rule a { condition: ( ( uint16(0) == 0x5a4d ) /* ) } */ ) // )\n }\n\
                    rule b { condition: (true)}";
        assert_eq!(parts_of(text), [(1, Fits::Mz), (1, Fits::Any)]);
        let divided = Divided::of(text).unwrap();
        assert!(divided.text(text, &[&divided.parts[1]]).trim().starts_with("rule b"));
        assert_eq!(after(text, 3).unwrap().trim(), "rule b { condition: (true)}");
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
