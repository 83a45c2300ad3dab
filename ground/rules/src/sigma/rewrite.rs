//! Makes of a rule what its author meant: where the engine reads Sigma's standard otherwise than
//! the standard's own converter does, and where a Linux of today has other paths than a rule.
//!
//! - A keyword with wildcards is sought anywhere in a log line (the engine wants it to be the
//!   whole line).
//! - A number among keywords is sought as a word (the engine never finds it in text).
//! - A `temporal` correlation without a condition wants all of its rules (the engine is content
//!   with any).
//! - The type of an audit record is asked last, because it tells least.
//! - `/bin/x` and `/usr/bin/x` are one file since distributions merged them: a rule that names one
//!   names the other, too.

use rsigma_parser::{
    ConditionOperator, CorrelationCondition, CorrelationRule, CorrelationType, Detection,
    DetectionItem, FieldSpec, Modifier, SigmaRule, SigmaString, SigmaValue, StringPart,
};

/// Fields that hold a program's path.
const PROGRAMS: [&str; 4] = ["Image", "ParentImage", "exe", "ParentProcessImage"];

/// Rewrites a rule's detections.
pub(super) fn rewrite(rule: &mut SigmaRule) {
    rule.detection.named.values_mut().for_each(one);
}

/// Rewrites a correlation's condition.
pub(super) fn rewrite_correlation(rule: &mut CorrelationRule) {
    if rule.correlation_type != CorrelationType::Temporal {
        return;
    }
    if let CorrelationCondition::Threshold { predicates, .. } = &mut rule.condition
        && (predicates.is_empty() || *predicates == [(ConditionOperator::Gte, 1)])
    {
        let all = u64::try_from(rule.rules.len()).unwrap_or(u64::MAX);
        *predicates = vec![(ConditionOperator::Gte, all)];
    }
}

fn one(detection: &mut Detection) {
    match detection {
        Detection::AllOf(items) => {
            items.iter_mut().for_each(item);
            // Every record has a type: asked first, it lets each rule look at each event.
            items.sort_by_key(|item| item.field.name.as_deref() == Some("type"));
        }
        Detection::AnyOf(all) | Detection::And(all) => all.iter_mut().for_each(one),
        Detection::ArrayMatch { body, .. } => one(body),
        Detection::Conditional { named, .. } => named.values_mut().for_each(one),
        Detection::Keywords(values) => {
            let values = std::mem::take(values);
            let (hard, plain): (Vec<SigmaValue>, Vec<SigmaValue>) =
                values.into_iter().partition(is_hard);
            let mut any: Vec<Detection> = hard.into_iter().map(keyword).collect();
            if !plain.is_empty() {
                any.push(Detection::Keywords(plain));
            }
            *detection = match any.pop() {
                Some(only) if any.is_empty() => only,
                Some(last) => {
                    any.push(last);
                    Detection::AnyOf(any)
                }
                None => Detection::Keywords(Vec::new()),
            };
        }
    }
}

/// Returns whether a keyword is no plain text.
fn is_hard(value: &SigmaValue) -> bool {
    match value {
        SigmaValue::String(text) => !text.is_plain(),
        SigmaValue::Integer(_) | SigmaValue::Float(_) => true,
        SigmaValue::Bool(_) | SigmaValue::Null => false,
    }
}

fn keyword(value: SigmaValue) -> Detection {
    match value {
        SigmaValue::String(text) => {
            // The longest plain part, so that the engine's index can tell at once that a line
            // has none of it.
            let longest = text.parts.iter().filter_map(|part| match part {
                StringPart::Plain(plain) => Some(plain.as_str()),
                StringPart::Special(_) => None,
            });
            let longest = longest.max_by_key(|plain| plain.len()).unwrap_or_default().to_owned();
            let anywhere = SigmaString::new(&format!("*{}*", text.original));
            let whole = Detection::Keywords(vec![SigmaValue::String(anywhere)]);
            if longest.is_empty() {
                return whole;
            }
            let part = SigmaValue::String(SigmaString::from_raw(&longest));
            Detection::And(vec![Detection::Keywords(vec![part]), whole])
        }
        number => {
            let number = match number {
                SigmaValue::Integer(number) => number.to_string(),
                SigmaValue::Float(number) => number.to_string(),
                _ => String::new(),
            };
            let pattern = format!(r#"(?:^|[\s"'=]){number}(?:$|[\s"'])"#);
            Detection::AllOf(vec![DetectionItem {
                field: FieldSpec::new(None, vec![Modifier::Re]),
                values: vec![SigmaValue::String(SigmaString::from_raw(&pattern))],
            }])
        }
    }
}

fn item(item: &mut DetectionItem) {
    let Some(field) = item.field.name.as_deref() else { return keyword_item(item) };
    if field == "type" && item.field.modifiers.is_empty() {
        return record_type(item);
    }
    if !PROGRAMS.contains(&field) {
        return;
    }
    let is_exact = item.field.modifiers.iter().all(|modifier| {
        matches!(modifier, Modifier::StartsWith | Modifier::EndsWith | Modifier::Cased)
    });
    if !is_exact {
        return;
    }
    let ends = item.field.has_modifier(Modifier::EndsWith);
    let twins: Vec<SigmaValue> = item
        .values
        .iter()
        .filter_map(|value| match value {
            SigmaValue::String(text) => twin(&text.original, ends),
            _ => None,
        })
        .filter(|twin| !item.values.contains(twin))
        .collect();
    item.values.extend(twins);
}

/// The engine's index takes an exact value for the best that a rule has to say. Of the records
/// that every event has it is the worst: told as an expression, it leaves the index to the rest.
fn record_type(item: &mut DetectionItem) {
    const COMMON: [&str; 3] = ["SYSCALL", "EXECVE", "PATH"];
    for value in &mut item.values {
        let SigmaValue::String(text) = value else { return };
        if !COMMON.iter().any(|common| text.original.eq_ignore_ascii_case(common)) {
            return;
        }
    }
    for value in &mut item.values {
        if let SigmaValue::String(text) = value {
            *text = SigmaString::from_raw(&format!("^(?i:{})$", text.original));
        }
    }
    item.field.modifiers.push(Modifier::Re);
}

/// Keywords linked by `all` stand in an item without a field.
fn keyword_item(item: &mut DetectionItem) {
    if item.field.modifiers.iter().any(|modifier| *modifier != Modifier::All) {
        return;
    }
    for value in &mut item.values {
        let text = match value {
            SigmaValue::String(text) => text.original.clone(),
            SigmaValue::Integer(number) => number.to_string(),
            _ => continue,
        };
        *value = SigmaValue::String(SigmaString::new(&text));
    }
    // Without this, each value would have to be the whole line.
    item.field.modifiers.insert(0, Modifier::Contains);
}

/// The other path of a program in a merged directory. What only ends a path (`/usr/bin/x`) also
/// ends the longer one, so that only the shorter twin is new.
fn twin(path: &str, ends: bool) -> Option<SigmaValue> {
    let other = match path.strip_prefix("/usr") {
        Some(rest) if rest.starts_with("/bin/") || rest.starts_with("/sbin/") => rest.to_owned(),
        _ if !ends && (path.starts_with("/bin/") || path.starts_with("/sbin/")) => {
            format!("/usr{path}")
        }
        _ => return None,
    };
    Some(SigmaValue::String(SigmaString::new(&other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keywords(texts: &[&str]) -> Detection {
        let value = |text: &&str| match text.parse() {
            Ok(number) => SigmaValue::Integer(number),
            Err(_) => SigmaValue::String(SigmaString::new(text)),
        };
        let mut detection = Detection::Keywords(texts.iter().map(value).collect());
        one(&mut detection);
        detection
    }

    #[test]
    fn plain_keywords_stay_what_they_are() {
        assert!(matches!(keywords(&["a", "b"]), Detection::Keywords(all) if all.len() == 2));
    }

    #[test]
    fn keywords_with_wildcards_and_numbers_are_sought_anywhere() {
        let Detection::AnyOf(all) = keywords(&["plain", "Trojan*FOUND", "6"]) else { panic!() };
        assert_eq!(all.len(), 3);
        assert!(matches!(&all[0], Detection::And(both) if both.len() == 2));
        assert!(matches!(&all[1], Detection::AllOf(items) if items[0].field.name.is_none()));
    }

    #[test]
    fn merged_directories_are_one() {
        let twin = |path, ends| {
            twin(path, ends).map(|value| match value {
                SigmaValue::String(text) => text.original,
                _ => String::new(),
            })
        };
        assert_eq!(twin("/bin/sh", false).as_deref(), Some("/usr/bin/sh"));
        assert_eq!(twin("/bin/sh", true), None);
        assert_eq!(twin("/usr/sbin/", false).as_deref(), Some("/sbin/"));
        assert_eq!(twin("/usr/bin/dpkg", true).as_deref(), Some("/bin/dpkg"));
        assert_eq!(twin("/usr/local/bin/x", false), None);
        assert_eq!(twin("/tmp/", false), None);
    }
}
