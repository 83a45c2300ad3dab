//! From files to engines.

use std::collections::BTreeMap;

use rsigma_eval::{Engine, MatchDetailLevel};
use rsigma_parser::{
    ConditionExpr, CorrelationRule, Detection, FilterRule, SigmaRule, Status, parse_sigma_yaml,
};
use stanch_words::{Both, Level};

use super::complaint::Complaint;
use super::correlate::Correlations;
use super::mapping::{self, Row};
use super::source::{Nowhere, Source};
use super::{Group, Loaded, Rule, Sigma, rewrite};

/// The largest file of rules; SigmaHQ's largest has 12 KiB.
const LARGEST: usize = 1 << 20;

/// What was read, before it is sorted into engines.
#[derive(Default)]
struct Read {
    rules: Vec<(SigmaRule, Place)>,
    correlations: Vec<(CorrelationRule, Place)>,
    filters: Vec<(FilterRule, Place)>,
    complaints: Vec<Complaint>,
    files: usize,
}

/// Where a rule stands.
#[derive(Clone)]
struct Place {
    file: String,
    line: u64,
}

pub(super) fn load(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> (Sigma, Vec<Complaint>) {
    let mut read = Read::default();
    for (path, bytes) in files {
        read.file(&path, &bytes);
    }
    build(read)
}

impl Read {
    fn file(&mut self, path: &str, bytes: &[u8]) {
        self.files = self.files.saturating_add(1);
        if bytes.len() > LARGEST {
            let why = Both::new(
                format!("larger than {LARGEST} bytes: no file of rules is"),
                format!("超过 {LARGEST} 字节，不会是规则文件"),
            );
            self.complaints.push(Complaint::lost(path, why));
            return;
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.trim_start_matches('\u{feff}'),
            Err(error) => {
                let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let line = good.iter().filter(|&&byte| byte == b'\n').count().saturating_add(1);
                let why = Both::new("not UTF-8", "不是 UTF-8 编码");
                let complaint = Complaint::lost(path, why)
                    .at(u64::try_from(line).ok())
                    .help("save the file as UTF-8", "请将文件另存为 UTF-8");
                self.complaints.push(complaint);
                return;
            }
        };
        // `action: global` and its kin carry from one document to the next.
        if text.lines().any(|line| line.starts_with("action:")) {
            self.document(path, text, 1);
            return;
        }
        let before = self.told();
        for (first, document) in documents(text) {
            self.document(path, document, first);
        }
        if self.told() == before {
            let why = Both::new("there is no rule in it", "其中没有规则");
            self.complaints.push(Complaint::lost(path, why));
        }
    }

    /// Counts what was made of the files so far.
    fn told(&self) -> usize {
        let lists = [self.correlations.len(), self.filters.len(), self.complaints.len()];
        lists.into_iter().fold(self.rules.len(), usize::saturating_add)
    }

    fn document(&mut self, path: &str, text: &str, first: u64) {
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return;
        }
        let mut collection = match parse_sigma_yaml(text) {
            Ok(collection) => collection,
            Err(error) => {
                let complaint = Complaint::parser(path, text, first, &error.to_string());
                self.complaints.push(complaint);
                return;
            }
        };
        let is_odd = !collection.is_empty();
        for said in collection.errors.drain(..) {
            let mut complaint = Complaint::parser(path, text, first, &said);
            if is_odd {
                complaint.harm = super::Harm::Odd;
            }
            self.complaints.push(complaint);
        }
        let place = |title: &str| {
            let at = text.lines().position(|line| {
                line.strip_prefix("title:").is_some_and(|rest| rest.contains(title))
            });
            let at = at.and_then(|at| u64::try_from(at).ok()).unwrap_or(0);
            Place { file: path.to_owned(), line: first.saturating_add(at) }
        };
        for rule in collection.rules {
            let place = place(&rule.title);
            self.rules.push((rule, place));
        }
        for rule in collection.correlations {
            let place = place(&rule.title);
            self.correlations.push((rule, place));
        }
        for rule in collection.filters {
            let place = place(&rule.title);
            self.filters.push((rule, place));
        }
    }
}

/// Returns the documents of a YAML stream with the number of each one's first line.
fn documents(text: &str) -> Vec<(u64, &str)> {
    let mut all = Vec::new();
    let (mut start, mut first) = (0_usize, 1_u64);
    let mut at = 0_usize;
    for (line, number) in text.split_inclusive('\n').zip(1_u64..) {
        let end = at.saturating_add(line.len());
        let is_mark = line.trim_end() == "---" || line.starts_with("--- ");
        if is_mark {
            all.push((first, text.get(start..at).unwrap_or_default()));
            (start, first) = (end, number.saturating_add(1));
        }
        at = end;
    }
    all.push((first, text.get(start..).unwrap_or_default()));
    all
}

fn build(mut read: Read) -> (Sigma, Vec<Complaint>) {
    let mut loaded = Loaded { files: read.files, ..Loaded::default() };
    let mut complaints = std::mem::take(&mut read.complaints);
    let mut rules: Vec<Rule> = Vec::new();
    let mut by_id: BTreeMap<String, usize> = BTreeMap::new();
    let mut sorted: BTreeMap<Source, Vec<SigmaRule>> = BTreeMap::new();
    let mut parts: Vec<SigmaRule> = Vec::new();
    for (mut rule, place) in std::mem::take(&mut read.rules) {
        if let Err(complaint) = check(&rule, &place) {
            complaints.push(*complaint);
            continue;
        }
        let id = rule.id.clone().unwrap_or_else(|| stem(&place.file, place.line));
        if let Some(&other) = by_id.get(&id) {
            complaints.push(twice(&rule.title, &id, &place, rules.get(other)));
            continue;
        }
        let source = match Source::of(&rule.logsource) {
            Ok(source) => source,
            Err(nowhere) => {
                loaded.elsewhere = loaded.elsewhere.saturating_add(1);
                complaints.extend(elsewhere(&rule, &place, nowhere));
                continue;
            }
        };
        complaints.extend(unknown_fields(&rule, &place, &source));
        rule.id = Some(id.clone());
        // What the engine's own extensions could be told here is not part of Sigma.
        rule.custom_attributes.clear();
        rewrite::rewrite(&mut rule);
        by_id.insert(id, rules.len());
        rules.push(described(&rule, &place));
        parts.push(rule.clone());
        sorted.entry(source).or_default().push(rule);
    }
    let mut groups: Vec<Group> = Vec::new();
    for (source, members) in sorted {
        groups.push(group(source, &members, &mut by_id, &mut complaints, &rules));
    }
    loaded.filters = filters(&mut groups, &read.filters, &mut complaints);
    loaded.rules = by_id.len();
    let correlations = correlations(&mut read, &parts, &mut rules, &mut by_id, &mut complaints);
    loaded.correlations = correlations.len();
    complaints.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    (Sigma { rules, by_id, groups, correlations, loaded }, complaints)
}

fn correlations(
    read: &mut Read,
    parts: &[SigmaRule],
    rules: &mut Vec<Rule>,
    by_id: &mut BTreeMap<String, usize>,
    complaints: &mut Vec<Complaint>,
) -> Correlations {
    let mut known: Vec<(CorrelationRule, usize)> = Vec::new();
    for (mut rule, place) in std::mem::take(&mut read.correlations) {
        let id = rule.id.clone().unwrap_or_else(|| stem(&place.file, place.line));
        if let Some(&other) = by_id.get(&id) {
            complaints.push(twice(&rule.title, &id, &place, rules.get(other)));
            continue;
        }
        rule.id = Some(id.clone());
        rule.custom_attributes.clear();
        rewrite::rewrite_correlation(&mut rule);
        by_id.insert(id, rules.len());
        let told = correlating(&rule, &place);
        known.push((rule, rules.len()));
        rules.push(told);
    }
    let told = |index: usize| rules.get(index).map(|rule| (rule.file.as_str(), rule.line)).unzip();
    let (correlations, bad) = Correlations::new(parts, known, by_id);
    for (index, title, why) in bad {
        let (file, line) = told(index);
        let complaint = Complaint::lost(file.unwrap_or_default(), why).at(line);
        let complaint = complaint.rule(&title).help(
            "name rules by `id` or `name`, and load the files that they stand in",
            "请用 `id` 或 `name` 引用规则，并一并加载它们所在的文件",
        );
        complaints.push(complaint);
    }
    for &index in correlations.parts() {
        if let Some(rule) = rules.get_mut(index) {
            rule.is_part = true;
        }
    }
    correlations
}

fn group(
    source: Source,
    members: &[SigmaRule],
    by_id: &mut BTreeMap<String, usize>,
    complaints: &mut Vec<Complaint>,
    rules: &[Rule],
) -> Group {
    let mut engine = Engine::new();
    engine.set_match_detail(MatchDetailLevel::Summary);
    for (at, error) in engine.add_rules(members) {
        let Some(rule) = members.get(at) else { continue };
        let id = rule.id.as_deref().unwrap_or_default();
        let told = by_id.remove(id).and_then(|index| rules.get(index));
        let (file, line) = told.map(|rule| (rule.file.as_str(), rule.line)).unzip();
        let said = super::complaint::one_line(&error.to_string());
        let why = Both::new(
            format!("a selection cannot be used: {said}"),
            format!("选择条件无法使用：{said}"),
        );
        let complaint = Complaint::lost(file.unwrap_or_default(), why).at(line);
        complaints.push(complaint.rule(&rule.title));
    }
    let rows = mapping::rows(source.category, source.is_audit());
    let in_parts = source.category == Some(super::source::Category::ProcessCreation);
    Group { source, rows, engine, in_parts }
}

/// Applies filters to all engines that have rules for them.
fn filters(
    groups: &mut [Group],
    filters: &[(FilterRule, Place)],
    complaints: &mut Vec<Complaint>,
) -> usize {
    let mut count = 0_usize;
    for (filter, place) in filters {
        let mut filter = filter.clone();
        filter.custom_attributes.clear();
        let results: Vec<_> =
            groups.iter_mut().map(|group| group.engine.apply_filter(&filter)).collect();
        match results.into_iter().find_map(Result::err) {
            None => count = count.saturating_add(1),
            Some(error) => {
                let said = super::complaint::one_line(&error.to_string());
                let why = Both::new(
                    format!("the filter cannot be used: {said}"),
                    format!("过滤规则无法使用：{said}"),
                );
                let complaint = Complaint::lost(&place.file, why).at(Some(place.line));
                complaints.push(complaint.rule(&filter.title));
            }
        }
    }
    count
}

/// Checks that a condition names only what there is: the engine would take such a rule and never
/// fire it.
fn check(rule: &SigmaRule, place: &Place) -> Result<(), Box<Complaint>> {
    let named = &rule.detection.named;
    if rule.detection.conditions.is_empty() || named.is_empty() {
        let why =
            Both::new("there is no condition, or nothing to select", "缺少 condition 或选择条件");
        let complaint = Complaint::lost(&place.file, why).at(Some(place.line)).rule(&rule.title);
        return Err(Box::new(complaint));
    }
    for condition in &rule.detection.conditions {
        if let Some(missing) = undefined(condition, named.keys()) {
            let why = Both::new(
                format!("the condition names `{missing}`, which is not defined"),
                format!("condition 提到的 `{missing}` 没有定义"),
            );
            let mut complaint =
                Complaint::lost(&place.file, why).at(Some(place.line)).rule(&rule.title);
            let near = named
                .keys()
                .map(|name| (crate::functions::edit_distance(name, &missing), name))
                .min()
                .filter(|(distance, _)| *distance <= 3);
            if let Some((_, near)) = near {
                complaint = complaint
                    .help(format!("did you mean `{near}`?"), format!("是否应为 `{near}`？"));
            }
            return Err(Box::new(complaint));
        }
    }
    Ok(())
}

fn undefined<'n>(
    condition: &ConditionExpr,
    mut named: impl Iterator<Item = &'n String> + Clone,
) -> Option<String> {
    match condition {
        ConditionExpr::And(all) | ConditionExpr::Or(all) => {
            all.iter().find_map(|one| undefined(one, named.clone()))
        }
        ConditionExpr::Not(one) => undefined(one, named),
        ConditionExpr::Identifier(name) => {
            (!named.any(|known| known == name)).then(|| name.clone())
        }
        ConditionExpr::Selector { pattern, .. } => {
            let has_one = named.any(|known| pattern.matches_detection_name(known));
            (!has_one).then(|| pattern.to_string())
        }
    }
}

/// What is told of a rule of either kind: the parser has a type for each, with the same fields.
macro_rules! told {
    ($rule:expr, $place:expr, $is_correlation:expr) => {
        Rule {
            id: $rule.id.clone().unwrap_or_default(),
            title: $rule.title.clone(),
            level: level($rule.level),
            is_tried: matches!($rule.status, Some(Status::Stable | Status::Test)),
            author: $rule.author.clone().unwrap_or_default(),
            description: $rule.description.clone().unwrap_or_default(),
            innocent: $rule.falsepositives.clone(),
            attack: attack(&$rule.tags),
            file: $place.file.clone(),
            line: $place.line,
            is_part: false,
            is_correlation: $is_correlation,
        }
    };
}

fn described(rule: &SigmaRule, place: &Place) -> Rule {
    told!(rule, place, false)
}

fn correlating(rule: &CorrelationRule, place: &Place) -> Rule {
    told!(rule, place, true)
}

/// Sigma's levels are ours but for one name; a rule that claims none is a note.
fn level(level: Option<rsigma_parser::Level>) -> Level {
    use rsigma_parser::Level as Theirs;
    match level {
        Some(Theirs::Informational) => Level::Info,
        Some(Theirs::Low) | None => Level::Low,
        Some(Theirs::Medium) => Level::Medium,
        Some(Theirs::High) => Level::High,
        Some(Theirs::Critical) => Level::Critical,
    }
}

/// `attack.t1059.004` is T1059.004; tactics and groups are left out.
fn attack(tags: &[String]) -> Vec<String> {
    let technique = |tag: &String| {
        let name = tag.strip_prefix("attack.")?;
        let digits = name.strip_prefix(['t', 'T'])?;
        digits.starts_with(|c: char| c.is_ascii_digit()).then(|| name.to_ascii_uppercase())
    };
    tags.iter().filter_map(technique).collect()
}

/// A name for a rule without an id.
fn stem(file: &str, line: u64) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    let name = name.strip_suffix(".yml").or_else(|| name.strip_suffix(".yaml")).unwrap_or(name);
    if line <= 3 { name.to_owned() } else { format!("{name}-{line}") }
}

fn twice(title: &str, id: &str, place: &Place, other: Option<&Rule>) -> Complaint {
    let other = other.map(|rule| rule.file.as_str()).unwrap_or_default();
    let why = Both::new(
        format!("the id `{id}` is also that of a rule in {other}"),
        format!("id `{id}` 与 {other} 中的规则重复"),
    );
    Complaint::lost(&place.file, why)
        .at(Some(place.line))
        .rule(title)
        .help("give each rule an id of its own", "请为每条规则使用不同的 id")
}

fn elsewhere(rule: &SigmaRule, place: &Place, nowhere: Nowhere) -> Option<Complaint> {
    let why = match nowhere {
        // A collection for many systems is no mistake.
        Nowhere::Product(_) => return None,
        Nowhere::Category(name) => Both::new(
            format!("no log that is read here is of category `{name}`"),
            format!("这里读取的日志没有 `{name}` 类别"),
        ),
    };
    Some(Complaint::idle(&place.file, why).at(Some(place.line)).rule(&rule.title))
}

/// Finds fields that no event of the rule's category has; other log sources have their own names.
fn unknown_fields(rule: &SigmaRule, place: &Place, source: &Source) -> Vec<Complaint> {
    if source.category.is_none() || source.is_audit() {
        return Vec::new();
    }
    let rows = mapping::rows(source.category, false);
    let mut fields = Vec::new();
    rule.detection.named.values().for_each(|detection| collect(detection, &mut fields));
    fields.sort_unstable();
    fields.dedup();
    let unknown = fields.into_iter().filter(|field| mapping::origin(rows, field).is_none());
    unknown.map(|field| unknown_field(rule, place, rows, field)).collect()
}

fn unknown_field(rule: &SigmaRule, place: &Place, rows: &'static [Row], field: &str) -> Complaint {
    let category = rule.logsource.category.as_deref().unwrap_or_default();
    let why = Both::new(
        format!("events of category `{category}` have no field `{field}`"),
        format!("`{category}` 类别的事件没有字段 `{field}`"),
    );
    let complaint = Complaint::idle(&place.file, why).at(Some(place.line)).rule(&rule.title);
    match mapping::nearest(rows, field) {
        Some(near) => {
            complaint.help(format!("did you mean `{near}`?"), format!("是否应为 `{near}`？"))
        }
        None => complaint,
    }
}

fn collect<'r>(detection: &'r Detection, fields: &mut Vec<&'r str>) {
    match detection {
        Detection::AllOf(items) => {
            fields.extend(items.iter().filter_map(|item| item.field.name.as_deref()));
        }
        Detection::AnyOf(all) | Detection::And(all) => {
            all.iter().for_each(|one| collect(one, fields));
        }
        Detection::ArrayMatch { field, .. } => fields.push(field),
        Detection::Keywords(_) | Detection::Conditional { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_keep_their_lines() {
        let all = documents("---\ntitle: a\n---\ntitle: b\n");
        assert_eq!(all, [(1, ""), (2, "title: a\n"), (4, "title: b\n")]);
    }

    #[test]
    fn tags_give_techniques() {
        let tags = ["attack.execution", "attack.t1059.004", "car.2013", "attack.g0016"];
        assert_eq!(attack(&tags.map(str::to_owned)), ["T1059.004"]);
    }
}
