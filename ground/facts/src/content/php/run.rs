//! Follows a page as PHP would go through it, with values of which only something is known.
//!
//! Where it is not known which way a page goes, it goes both, and what is known after is of either.
//! Loops are gone through as often as they are if all is constant, else twice. Functions are gone
//! into with what they are given; what nobody calls is gone into at the end with nothing known.
//! Nothing is executed, and all is counted: what a page made to be slow would need is not given.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::tree::{Class, Function, Name, Page, Statement};
use super::value::Value;
use crate::content::taint::Flow;

mod branches;
mod builtin;
mod callbacks;
mod calls;
mod checks;
mod expressions;
mod loops;
mod methods;
mod objects;
mod places;
mod sinks;
mod sources;
mod sweep;
mod writes;

use places::Place;

/// How many steps are gone in all, and in a function that nobody calls.
const STEPS: usize = 400_000;
const SWEEP: usize = 10_000;
/// How many bytes of texts are made.
const TEXTS: usize = 48 << 20;
/// How deep calls are followed, and how deep one function is in itself.
const CALLS: usize = 24;
/// How deep statements and values are gone into in all.
const DEEP: usize = 110;
/// How many flows are kept.
const KEPT: usize = 64;
/// How often a page is gone through, if it keeps something for the next visit.
const VISITS: usize = 2;

/// A function without a name, and what it took along.
#[derive(Debug)]
pub(super) struct Closure {
    function: Rc<Function>,
    taken: Vec<(Name, Value)>,
    aliases: Vec<(Name, Place)>,
    this: Option<usize>,
    class: Option<Name>,
}

impl PartialEq for Closure {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.function, &other.function) && self.this == other.this
    }
}

/// What an object holds.
#[derive(Clone, Debug, Default)]
struct Object {
    class: Name,
    properties: BTreeMap<Name, Value>,
    /// What any property may be.
    rest: Option<Value>,
    /// What it was made with.
    made_with: Vec<Value>,
}

/// A function being gone through; the first is the page itself.
#[derive(Debug, Default)]
struct Frame {
    variables: BTreeMap<Name, Value>,
    aliases: BTreeMap<Name, Place>,
    this: Option<usize>,
    class: Option<Name>,
    function: Option<Rc<Function>>,
    returns: Option<Value>,
    yields: Option<Value>,
    /// How many ways it was not known whether they are gone when it began.
    unsure: usize,
    arguments: Vec<Value>,
    /// What a request, put into variables by its own names, may have filled.
    extracted: Option<Rc<str>>,
    /// Labels that are gone to on one of several ways.
    pending: Vec<(Name, BTreeMap<Name, Value>)>,
}

/// How a statement ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Ends {
    #[default]
    Goes,
    Breaks,
    Continues,
    /// Returns, exits or throws.
    Leaves,
    /// Leaves the page.
    Exits,
    To(Name),
}

/// Goes through a page.
pub(super) struct Runner<'a> {
    /// The page itself, which may read what it holds.
    page: &'a [u8],
    /// Whether it is large, or part of something larger, that may look at what it is given
    /// elsewhere.
    is_part: bool,
    functions: BTreeMap<Name, Rc<Function>>,
    classes: BTreeMap<Name, Rc<Class>>,
    constants: BTreeMap<Name, Value>,
    statics: BTreeMap<String, Value>,
    /// The function that is gone through, and those that called it, from the page on.
    now: Frame,
    below: Vec<Frame>,
    heap: Vec<Object>,
    shared: BTreeMap<Name, usize>,
    flows: Vec<Flow>,
    /// Flows that count only if nothing looks at what is uploaded.
    unless_checked: Vec<Flow>,
    has_checked: bool,
    steps: usize,
    deep: usize,
    limit: usize,
    texts: usize,
    /// How many ways it is not known whether they are gone.
    unsure: usize,
    /// Branches that were gone through though they are not gone.
    aside: BTreeSet<usize>,
    called: BTreeSet<usize>,
    calls: BTreeMap<usize, (usize, Value)>,
    closures: Vec<Rc<Closure>>,
    /// What an exception carries, what a generator is sent, what files hold, what is shown to.
    thrown: Value,
    sent: Value,
    written: BTreeMap<Rc<[u8]>, Value>,
    listeners: Vec<Value>,
    handlers: Vec<Value>,
    /// How deep code within texts is.
    layers: usize,
    /// Where the code stands that is within a text.
    outer: Option<usize>,
    /// Trees of code within texts, by their bytes.
    inner: BTreeMap<Vec<u8>, Rc<Page>>,
}

/// Returns the flows of a page.
pub(super) fn flows(bytes: &[u8], page: Page, is_part: bool) -> Vec<Flow> {
    let mut runner = Runner::new(bytes, is_part);
    let page = Rc::new(page);
    let keeps = ["_SESSION", "->send"]
        .iter()
        .any(|word| memchr::memmem::find(bytes, word.as_bytes()).is_some());
    for _ in 0..if keeps { VISITS } else { 1 } {
        runner.visit(&page);
    }
    if !runner.has_checked {
        runner.flows.append(&mut runner.unless_checked);
    }
    runner.flows
}

impl<'a> Runner<'a> {
    fn new(page: &'a [u8], is_part: bool) -> Self {
        Self {
            page,
            is_part,
            functions: BTreeMap::new(),
            classes: BTreeMap::new(),
            constants: BTreeMap::new(),
            statics: BTreeMap::new(),
            now: Frame::default(),
            below: Vec::new(),
            heap: Vec::new(),
            shared: BTreeMap::new(),
            flows: Vec::new(),
            unless_checked: Vec::new(),
            has_checked: false,
            steps: 0,
            deep: 0,
            limit: STEPS,
            texts: 0,
            unsure: 0,
            aside: BTreeSet::new(),
            called: BTreeSet::new(),
            calls: BTreeMap::new(),
            closures: Vec::new(),
            thrown: Value::default(),
            sent: Value::default(),
            written: BTreeMap::new(),
            listeners: Vec::new(),
            handlers: Vec::new(),
            layers: 0,
            outer: None,
            inner: BTreeMap::new(),
        }
    }

    /// Goes through the page once, as for one visitor.
    fn visit(&mut self, page: &Rc<Page>) {
        (self.now, self.below) = (Frame::default(), Vec::new());
        self.limit = self.steps.saturating_add(STEPS);
        self.declare(page);
        self.whole(&page.body);
        self.destroy();
        self.sweep();
    }

    /// Makes known what a page defines.
    fn declare(&mut self, page: &Rc<Page>) {
        for function in &page.functions {
            self.functions.insert(Rc::clone(&function.name), Rc::clone(function));
        }
        for class in &page.classes {
            self.classes.insert(Rc::clone(&class.name), Rc::clone(class));
        }
        for class in &page.classes {
            for (name, value) in &class.statics {
                let value = value.as_ref().map(|value| self.value(value)).unwrap_or_default();
                self.statics.insert(format!("{}::{name}", class.name), value);
            }
        }
    }

    /// Goes through all statements of a page, also through those after its end: which way it goes
    /// may not be as it seems.
    fn whole(&mut self, body: &[Statement]) {
        let mut from = 0;
        while from < body.len() {
            let rest = body.get(from..).unwrap_or_default();
            let (_ends, gone) = self.statements_counted(rest);
            self.pending(body);
            from = from.saturating_add(gone.max(1));
            self.unsure = 0;
        }
    }

    fn step(&mut self) -> bool {
        self.steps = self.steps.saturating_add(1);
        self.steps <= self.limit
    }

    /// The frame at a depth.
    fn frame_at(&mut self, depth: usize) -> Option<&mut Frame> {
        if depth == self.below.len() { Some(&mut self.now) } else { self.below.get_mut(depth) }
    }

    /// Goes one deeper, if that is not too deep.
    fn deeper<T: Default>(&mut self, go: impl FnOnce(&mut Self) -> T) -> T {
        if self.deep >= DEEP {
            return T::default();
        }
        self.deep = self.deep.saturating_add(1);
        let done = go(self);
        self.deep = self.deep.saturating_sub(1);
        done
    }

    fn flow(&mut self, offset: usize, score: i64, detail: String, is_from_request: bool) {
        let is_inner = self.outer.is_some();
        let offset = self.outer.unwrap_or(offset);
        let detail = match is_inner {
            true => format!("in code that a text unpacks to: {detail}"),
            false => detail,
        };
        let flow = Flow { offset, score, detail, is_from_request };
        if self.flows.len() < KEPT && !self.flows.contains(&flow) {
            self.flows.push(flow);
        }
    }

    /// Keeps a computed text only while there is room for more.
    fn weighed(&mut self, value: Value) -> Value {
        let bytes = value.told().iter().map(|text| text.len()).sum::<usize>();
        self.texts = self.texts.saturating_add(bytes);
        if self.texts > TEXTS {
            return Value { is_open: true, ..value.source() };
        }
        value
    }
}
