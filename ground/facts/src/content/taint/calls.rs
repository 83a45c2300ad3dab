//! Calls: what comes out of a function, and what a function runs.

use std::rc::Rc;

use super::expressions::Argument;
use super::names::{is_unpacking, keeps, passes};
use super::places::joined;
use super::reader::{KEPT, Reader, is_code};
use super::texts::{bytes_of, computed, spread};
use super::value::{Value, array};
use super::{By, Runs, is};

/// Functions that give what lies at an address.
const FETCHING: [&str; 10] = [
    "urlopen",
    "DownloadString",
    "DownloadData",
    "requests.get",
    "openStream",
    "urlretrieve",
    "LWP.Simple.get",
    "http.get",
    "Net.HTTP.get",
    "open-uri",
];
/// Functions that call what they are given.
const CALLING: [&str; 9] =
    ["apply", "call", "invoke", "map", "filter", "Invoke", "exec_", "getattr", "Thread"];
/// The path of a module that a request names.
const NAMED: &str = "named by a request";
/// Programs that run what follows as a command.
const SHELLS: [&str; 14] = [
    "sh",
    "bash",
    "dash",
    "zsh",
    "ash",
    "ksh",
    "cmd",
    "cmd.exe",
    "powershell",
    "powershell.exe",
    "pwsh",
    "python",
    "perl",
    "busybox",
];

impl Reader<'_> {
    /// What a call gives; what it runs is told.
    pub(super) fn invoked(
        &mut self,
        called: &Value,
        owner: Option<&Value>,
        arguments: &[Argument],
        offset: usize,
    ) -> Value {
        let values: Vec<Value> = arguments.iter().map(|one| one.value.clone()).collect();
        let first = values.first().cloned().unwrap_or_default();
        let path = called.path.clone().unwrap_or_else(|| "?".into());
        if let (Some(by), None) = (&called.tainted, &called.path) {
            let detail = format!("{by} names the function that is called");
            self.flow(offset, if called.has_head { 55 } else { 90 }, detail, true);
        } else if called.path.is_none()
            && called.decoded.is_some()
            && values.iter().any(|one| one.tainted.is_some())
        {
            let detail = "a request reaches a function whose name is unpacked".to_owned();
            self.flow(offset, 85, detail, true);
        }
        if let Some(value) = self.naming(&path, owner, &values, offset) {
            return value;
        }
        if let Some(value) = self.own_call(&path, arguments) {
            return value;
        }
        let name = path.rsplit('.').next().unwrap_or_default();
        self.sinks(&path, By::Any, owner, &values, offset);
        if let Some(element) = self.filled_by(&path, arguments) {
            return element;
        }
        if path.as_ref() == "open" && self.is_perl() {
            return self.opened(&values, offset);
        }
        let told = first.text.as_ref().map(|text| String::from_utf8_lossy(text).into_owned());
        if let Some(told) = told.filter(|told| told.len() < 64)
            && let Some(found) = self.sourced_exactly(&joined(&path, &told))
        {
            return found;
        }
        if let Some(found) = self.sourced(&path) {
            return found;
        }
        let receiver = owner.filter(|owner| {
            owner.path.is_none()
                || owner.tainted.is_some()
                || owner.decoded.is_some()
                || owner.text.is_some()
        });
        if let Some(value) = computed(name, receiver, &values) {
            return self.weighed(Value { path: Some(Rc::clone(&path)), ..value });
        }
        passed_on(&path, owner, &values)
    }

    /// Functions whose argument names what they give, and reflection.
    fn naming(
        &mut self,
        path: &str,
        owner: Option<&Value>,
        values: &[Value],
        offset: usize,
    ) -> Option<Value> {
        let name = path.rsplit('.').next().unwrap_or_default();
        let first = values.first()?;
        if self.language.namers.iter().any(|namer| is(path, namer)) {
            if let Some(text) = &first.text {
                let text = String::from_utf8_lossy(text).trim_start_matches("node:").to_owned();
                let lower = self.language.compares_with_equals;
                let text = if lower { text.to_ascii_lowercase() } else { text };
                return Some(Value::named(&text));
            }
            let by = first.tainted.clone()?;
            return Some(Value { path: Some(NAMED.into()), ..Value::tainted(&by) });
        }
        match name {
            "getattr" | "attrgetter" => attribute(first, values.get(1)?),
            "getMethod" | "getDeclaredMethod" | "GetMethod" => {
                let base = owner?.path.as_deref().unwrap_or("?");
                if first.tainted.is_some() {
                    let path = format!("{base}.method of a request");
                    return Some(Value { path: Some(path.into()), ..first.clone() });
                }
                let text = String::from_utf8_lossy(first.text.as_ref()?).into_owned();
                Some(Value::named(&joined(base, &text)))
            }
            "newInstance" | "CreateInstance" => {
                let of = owner.filter(|it| it.path.is_some() && name == "newInstance");
                let of = of.unwrap_or(first);
                Some(Value { path: of.path.clone(), ..of.clone().source() })
            }
            "invoke" | "Invoke" | "call" | "apply" => self.reflected(name, owner?, values, offset),
            _ => None,
        }
    }

    /// A method, or a function, that is called by what holds it.
    fn reflected(
        &mut self,
        name: &str,
        method: &Value,
        values: &[Value],
        offset: usize,
    ) -> Option<Value> {
        let named = method.path.as_deref().unwrap_or_default();
        if let (true, Some(by)) = (named.ends_with("method of a request"), &method.tainted) {
            self.flow(offset, 85, format!("{by} names the method that is called"), true);
        }
        let rest: Vec<Value> = values.iter().skip(1).flat_map(spread).collect();
        self.sinks(named, By::Any, None, &rest, offset);
        // C#'s order: the arguments may be all there is.
        if name == "Invoke" {
            self.sinks(named, By::Any, None, values, offset);
        }
        (name == "invoke" && !named.is_empty()).then(|| Value::named(named))
    }

    fn own_call(&mut self, path: &str, arguments: &[Argument]) -> Option<Value> {
        let name = match path.rsplit_once('.') {
            Some((_, name)) => name,
            None => path,
        };
        let name = if self.functions.contains_key(path) { path } else { name };
        let parameters = self.functions.get(name)?.clone();
        let skips =
            usize::from(matches!(parameters.first().map(String::as_str), Some("self" | "cls")));
        for (place, argument) in arguments.iter().enumerate() {
            let parameter = match &argument.name {
                Some(name) => Some(name.clone()),
                None => parameters.get(place.saturating_add(skips)).cloned(),
            };
            let Some(parameter) = parameter else { continue };
            self.handed(name, &parameter, &argument.value);
        }
        // Perl's parameters have no names.
        if parameters.is_empty() && !arguments.is_empty() {
            let all = array(arguments.iter().map(|one| one.value.clone()).collect());
            self.handed(name, "$_", &all);
        }
        Some(self.returns.get(name).cloned().unwrap_or_default())
    }

    fn handed(&mut self, function: &str, parameter: &str, value: &Value) {
        let key = format!("{function}()${parameter}");
        let both = match self.variables.get(&key) {
            Some(known) if known.tainted.is_some() => known.clone(),
            Some(known) if known != value && value.tainted.is_none() => known.clone().or(value),
            _ => value.clone(),
        };
        self.variables.insert(key, both);
    }

    /// Functions that fill what they are given: `read(STDIN, $buffer, …)`; `shift` of the
    /// parameters.
    fn filled_by(&mut self, path: &str, arguments: &[Argument]) -> Option<Value> {
        if path == "read" || path == "sysread" {
            let [handle, ..] = arguments else { return None };
            let from = format!("<{}>", handle.value.path.as_deref()?);
            let value = self.sourced(&from)?;
            let place = self.at;
            // The buffer's name stands after the first comma.
            let back = self.tokens.get(place.saturating_sub(16)..place)?;
            let comma = back
                .iter()
                .position(|(token, _)| matches!(token, super::token::Token::Sign(",")))?;
            let mut after =
                back.get(comma.saturating_add(1)..)?.iter().filter_map(|(token, _)| match token {
                    super::token::Token::Name(name) if name != "my" => Some(name.clone()),
                    _ => None,
                });
            let name = after.next()?;
            self.assign(&name, value);
            return Some(Value::default());
        }
        None
    }

    /// Perl's `open`: of two arguments, what ends or begins with a bar is a command.
    fn opened(&mut self, values: &[Value], offset: usize) -> Value {
        let mode = values.get(1).and_then(|mode| mode.text.as_deref()).unwrap_or_default();
        if mode.trim_ascii() == b"-|" || mode.trim_ascii() == b"|-" {
            self.command("open()", values.get(2..).unwrap_or_default(), offset);
        } else if let Some(line) = values.get(1) {
            let recent = self.tokens.get(self.at.saturating_sub(24)..self.at).unwrap_or_default();
            let has_bar = recent.iter().any(|(token, _)| match token {
                super::token::Token::Text(text) => {
                    let text = text.trim_ascii();
                    text.ends_with(b"|") || text.starts_with(b"|")
                }
                _ => false,
            });
            // Without a mode, what a request names may be a command.
            let is_bare = values.len() == 2 && line.tainted.is_some() && !line.has_head;
            if has_bar || is_bare {
                self.command("open()", std::slice::from_ref(line), offset);
            }
        }
        Value::default()
    }

    /// Tells what of the values is run by what the path names.
    pub(super) fn sinks(
        &mut self,
        path: &str,
        how: By,
        owner: Option<&Value>,
        values: &[Value],
        offset: usize,
    ) {
        if path.is_empty() || self.flows.len() >= KEPT {
            return;
        }
        let may_be_one = self.sink_ends.may_mean(path);
        for sink in self.language.sinks.iter().filter(|_| may_be_one) {
            if (sink.by == By::Assigned) != (how == By::Assigned) || !is(path, sink.path) {
                continue;
            }
            let told = path.rsplit('.').next().unwrap_or(path);
            let told =
                if told == super::token::COMMAND { told.to_owned() } else { format!("{told}()") };
            match (sink.runs, sink.by) {
                (Runs::Command, By::Any) => self.command(&told, values, offset),
                (Runs::Command, By::Argument(place)) => {
                    let line = values.get(place).map(std::slice::from_ref).unwrap_or_default();
                    self.command(&told, line, offset);
                }
                (Runs::Writes, _) => self.writes(&told, owner, values, offset),
                (runs, By::Itself) => {
                    if let Some(owner) = owner {
                        self.runs(&told, runs, owner, offset);
                    }
                }
                (runs, By::Argument(place)) => {
                    if let Some(value) = values.get(place) {
                        self.runs(&told, runs, value, offset);
                    }
                }
                (runs, By::Any | By::Assigned) => {
                    for value in values {
                        self.runs(&told, runs, value, offset);
                    }
                }
            }
            return;
        }
        self.calling(path, values, offset);
    }

    /// A function that is handed on to what calls it: `map(os.system, …)`.
    fn calling(&mut self, path: &str, values: &[Value], offset: usize) {
        let name = path.rsplit('.').next().unwrap_or_default();
        if !CALLING.contains(&name) {
            return;
        }
        if let Some((called, rest)) = values.split_first()
            && let Some(named) = called.path.clone()
            && !CALLING.contains(&named.rsplit('.').next().unwrap_or_default())
        {
            let rest: Vec<Value> = rest.iter().flat_map(spread).collect();
            self.sinks(&named, By::Any, None, &rest, offset);
        }
    }

    /// A program and its arguments, or a line for the shell.
    fn command(&mut self, by: &str, values: &[Value], offset: usize) {
        let all: Vec<Value> = values.iter().flat_map(spread).collect();
        let Some((first, rest)) = all.split_first() else { return };
        if first.tainted.is_some() {
            let score = if first.has_head { 70 } else { 90 };
            return self.reaches(by, first, score, offset);
        }
        let program = first.text.as_ref().map(|text| String::from_utf8_lossy(text).to_lowercase());
        let program = program.unwrap_or_default();
        let base = program.rsplit(['/', '\\']).next().unwrap_or_default();
        let is_shell = SHELLS.contains(&base)
            || first.path.as_deref().is_some_and(|path| path.ends_with("COMSPEC"));
        for one in rest.iter().filter(|one| one.tainted.is_some() && is_shell) {
            self.reaches(by, one, 90, offset);
        }
    }

    /// A path that is written to, and what is written.
    fn writes(&mut self, by: &str, owner: Option<&Value>, values: &[Value], offset: usize) {
        let (path, content) = match (owner.filter(|it| it.tainted.is_some()), values) {
            (Some(owner), [content, ..]) => (owner, content),
            (_, [path, content, ..]) => (path, content),
            _ => return,
        };
        if content.tainted.is_some() && path.tainted.is_some() {
            let score = if path.has_head { 55 } else { 75 };
            self.reaches(&format!("a file of any name by {by}"), content, score, offset);
        }
    }

    fn runs(&mut self, by: &str, runs: Runs, value: &Value, offset: usize) {
        if value.tainted.is_some() {
            let score = match (runs, value.has_head) {
                (Runs::Code, false) => 95,
                (Runs::Code, true) => 80,
                (Runs::Command, _) => 80,
                (Runs::Loads, false) => 75,
                (Runs::Loads, true) => 40,
                (Runs::Objects | Runs::Writes, _) => 60,
            };
            return self.reaches(by, value, score, offset);
        }
        if !is_code(runs) {
            return;
        }
        if let Some(text) = bytes_of(value) {
            self.unpacked(&text, offset);
        }
        if let Some(how) = &value.decoded {
            let is_fetched = how.ends_with("fetches");
            let detail = format!("{by} runs what comes of {how}");
            self.flow(offset, if is_fetched { 70 } else { 60 }, detail, false);
        }
    }

    fn reaches(&mut self, by: &str, value: &Value, score: i64, offset: usize) {
        let Some(from) = &value.tainted else { return };
        let through =
            value.decoded.as_ref().map_or_else(String::new, |how| format!(" through {how}"));
        self.flow(offset, score, format!("{from}{through} reaches {by}"), true);
    }
}

/// What comes of a function of which only the way is known.
fn passed_on(path: &Rc<str>, owner: Option<&Value>, values: &[Value]) -> Value {
    let name = path.rsplit('.').next().unwrap_or_default();
    let mut all = Value::default();
    if let Some(owner) = owner.filter(|_| keeps(name)) {
        all = all.and(owner);
    }
    if passes(path) || (owner.is_some_and(|it| it.tainted.is_some()) && keeps(name)) {
        all = values.iter().fold(all, |all, one| all.and(one));
    }
    if is_unpacking(name) && all.decoded.is_none() {
        all.decoded = Some(name.into());
    }
    if let Some(found) = chosen(name, owner, values) {
        return found;
    }
    let is_remote = values
        .first()
        .and_then(|first| first.text.as_ref())
        .is_some_and(|text| text.starts_with(b"http"));
    if is_remote && FETCHING.iter().any(|it| is(path, it) || name == *it) {
        all.decoded = Some(format!("{name}, which fetches").into());
    }
    Value { path: Some(Rc::clone(path)), ..all }
}

/// What a table that is written out gives: one of what stands in it, whoever names the key.
fn chosen(name: &str, owner: Option<&Value>, values: &[Value]) -> Option<Value> {
    const CHOOSING: [&str; 5] = ["get", "fetch", "getOrDefault", "dig", "Item"];
    let owner = owner.filter(|it| it.tainted.is_none() && it.decoded.is_none())?;
    let elements = owner.elements.as_ref().filter(|_| CHOOSING.contains(&name))?;
    let (first, rest) = elements.split_first()?;
    let one = rest.iter().fold(first.clone(), |all, one| all.or(one));
    let otherwise = values.get(1).cloned().unwrap_or_default();
    let is_other = otherwise.tainted.is_some();
    Some(Value { key: None, ..if is_other { one.or(&otherwise) } else { one } })
}

/// What `getattr` gives: a module's member by its name, which a request may choose.
fn attribute(of: &Value, member: &Value) -> Option<Value> {
    const GRAVE: [&str; 5] = ["os", "subprocess", "builtins", "__builtins__", "sys.modules"];
    let base = of.path.as_deref()?;
    if let Some(text) = &member.text {
        return Some(Value::named(&joined(base, &String::from_utf8_lossy(text))));
    }
    let is_named = of.tainted.is_some() && base == NAMED;
    if member.tainted.is_some() && (is_named || GRAVE.contains(&base)) {
        return Some(Value { path: None, ..member.clone() });
    }
    Some(Value::default())
}
