//! Statements, and ways that part.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::tree::{Expression, Name, Statement};
use super::super::value::Value;
use super::{Ends, Runner};

/// How often one label is gone to.
const JUMPS: usize = 400;
/// How many ways that go to labels are kept.
const PENDING: usize = 32;

impl Runner<'_> {
    pub(super) fn statements(&mut self, all: &[Statement]) -> Ends {
        self.statements_counted(all).0
    }

    /// Goes through statements; says how they end, and how many were gone through.
    pub(super) fn statements_counted(&mut self, all: &[Statement]) -> (Ends, usize) {
        let (mut at, mut jumps) = (0_usize, 0_usize);
        while let Some(statement) = all.get(at) {
            if !self.step() {
                return (Ends::Leaves, all.len());
            }
            at = at.saturating_add(1);
            match self.deeper(|runner| runner.statement(statement)) {
                Ends::Goes => {}
                Ends::To(label) => {
                    jumps = jumps.saturating_add(1);
                    match place_of(all, &label).filter(|_| jumps < JUMPS) {
                        Some(place) => at = place,
                        None => return (Ends::To(label), at),
                    }
                }
                ends => return (ends, at),
            }
        }
        (Ends::Goes, at)
    }

    /// Goes on from labels that one of several ways goes to.
    pub(super) fn pending(&mut self, all: &[Statement]) {
        let mut gone: BTreeMap<Name, usize> = BTreeMap::new();
        while let Some((label, variables)) = self.now.pending.pop() {
            let times = gone.entry(Rc::clone(&label)).or_default();
            *times = times.saturating_add(1);
            if *times > 3 {
                continue;
            }
            if let Some(rest) = place_of(all, &label).and_then(|place| all.get(place..)) {
                let before = std::mem::replace(&mut self.now.variables, variables);
                // Labels before this one are gone to from here too.
                let mut ends = self.statements(rest);
                for _ in 0..JUMPS {
                    let Ends::To(next) = ends else { break };
                    let Some(rest) = place_of(all, &next).and_then(|place| all.get(place..)) else {
                        break;
                    };
                    ends = self.statements(rest);
                }
                self.now.variables = before;
            }
        }
    }

    fn statement(&mut self, statement: &Statement) -> Ends {
        match statement {
            Statement::Expression(Expression::Exit(value)) => {
                if let Some(value) = value {
                    let value = self.value(value);
                    self.shown(&value);
                }
                return Ends::Exits;
            }
            Statement::Expression(Expression::Throw(value)) => {
                let value = self.value(value);
                self.thrown = std::mem::take(&mut self.thrown).or(&value);
                return Ends::Leaves;
            }
            Statement::Expression(value) => {
                let _value = self.value(value);
            }
            Statement::Block(all) => return self.statements(all),
            Statement::If(condition, then, otherwise) => {
                return self.branch(condition, then, otherwise);
            }
            Statement::While(condition, body) => {
                return self.turns(std::slice::from_ref(condition), &[], body, false);
            }
            Statement::DoWhile(body, condition) => {
                return self.turns(std::slice::from_ref(condition), &[], body, true);
            }
            Statement::For(begin, condition, step, body) => {
                for one in begin {
                    let _value = self.value(one);
                }
                return self.turns(condition, step, body, false);
            }
            Statement::Foreach(each) => return self.each(each),
            Statement::Switch(subject, cases) => return self.switch(subject, cases),
            Statement::Return(value) => return self.returned(value.as_ref()),
            Statement::Break => return Ends::Breaks,
            Statement::Continue => return Ends::Continues,
            Statement::Goto(label) => return Ends::To(Rc::clone(label)),
            Statement::Try(body, catches, last) => return self.attempt(body, catches, last),
            Statement::Global(names) => self.global(names),
            Statement::Static(all) => self.kept_variables(all),
            Statement::Unset(all) => self.unset(all),
            Statement::Constant(name, value) => {
                let value = self.value(value);
                self.constants.insert(Rc::clone(name), value);
            }
            Statement::Label(_) | Statement::Nothing => {}
        }
        Ends::Goes
    }

    fn returned(&mut self, value: Option<&Expression>) -> Ends {
        let value = value.map(|value| self.value(value)).unwrap_or_default();
        self.now.returns = Some(match self.now.returns.take() {
            Some(known) => known.or(&value),
            None => value,
        });
        Ends::Leaves
    }

    fn unset(&mut self, all: &[Expression]) {
        for one in all {
            if let Expression::Variable(name) = one {
                self.now.variables.remove(name);
                self.now.aliases.remove(name);
            }
        }
    }

    fn branch(
        &mut self,
        condition: &Expression,
        then: &[Statement],
        otherwise: &[Statement],
    ) -> Ends {
        let value = self.value(condition);
        match value.is_true() {
            Some(true) => {
                self.beside(otherwise);
                self.statements(then)
            }
            Some(false) => {
                self.beside(then);
                self.statements(otherwise)
            }
            None => self.either(
                &mut |runner| {
                    runner.looked_at(condition, true);
                    runner.statements(then)
                },
                &mut |runner| {
                    runner.looked_at(condition, false);
                    runner.statements(otherwise)
                },
            ),
        }
    }

    /// Goes both ways; what is known after is of either.
    pub(super) fn either(
        &mut self,
        one: &mut dyn FnMut(&mut Self) -> Ends,
        other: &mut dyn FnMut(&mut Self) -> Ends,
    ) -> Ends {
        let before = self.now.variables.clone();
        self.unsure = self.unsure.saturating_add(1);
        let first = one(self);
        let first = self.jumped(first);
        let after_one = std::mem::replace(&mut self.now.variables, before);
        let second = other(self);
        let second = self.jumped(second);
        self.unsure = self.unsure.saturating_sub(1);
        let leaves = |ends: &Ends| matches!(ends, Ends::Leaves | Ends::Exits);
        match (leaves(&first), leaves(&second)) {
            (true, true) if first == second => first,
            (true, true) => Ends::Leaves,
            (true, false) => second,
            (false, true) => {
                self.now.variables = after_one;
                first
            }
            (false, false) => {
                self.joined(after_one);
                if first == second { first } else { Ends::Goes }
            }
        }
    }

    /// A way that goes to a label is gone later; this one ends.
    fn jumped(&mut self, ends: Ends) -> Ends {
        let Ends::To(label) = ends else { return ends };
        if self.now.pending.len() < PENDING {
            let variables = self.now.variables.clone();
            self.now.pending.push((label, variables));
        }
        Ends::Leaves
    }

    /// What variables may be that were so on another way.
    pub(super) fn joined(&mut self, other: BTreeMap<Name, Value>) {
        self.steps = self.steps.saturating_add(other.len() / 4);
        for (name, value) in other {
            match self.now.variables.get_mut(&name) {
                Some(known) if *known == value => {}
                Some(known) => *known = std::mem::take(known).or(&value),
                None => {
                    let value = Value { is_open: true, ..value };
                    self.now.variables.insert(name, value);
                }
            }
        }
    }

    /// A way that is not gone, as far as is known: gone through once, and forgotten.
    pub(super) fn beside(&mut self, all: &[Statement]) {
        let place = all.as_ptr() as usize;
        if all.is_empty() || !self.aside.insert(place) {
            return;
        }
        let before = (self.now.variables.clone(), self.now.returns.clone());
        self.unsure = self.unsure.saturating_add(1);
        let _ends = self.statements(all);
        self.unsure = self.unsure.saturating_sub(1);
        (self.now.variables, self.now.returns) = before;
    }

    fn switch(
        &mut self,
        subject: &Expression,
        cases: &[(Option<Expression>, Vec<Statement>)],
    ) -> Ends {
        let value = self.value(subject);
        let before = self.now.variables.clone();
        let mut after: Option<BTreeMap<Name, Value>> = None;
        let has_default = cases.iter().any(|(told, _)| told.is_none());
        self.unsure = self.unsure.saturating_add(1);
        let mut all_leave = has_default;
        for (place, (told, _)) in cases.iter().enumerate() {
            self.now.variables.clone_from(&before);
            if let Some(told) = told {
                let told = self.value(told);
                if value.tainted.is_some() && told.exact().is_some() {
                    self.assign(subject, told);
                }
            }
            // One case falls through into the next.
            let mut ends = Ends::Goes;
            for (_, body) in cases.get(place..).unwrap_or_default() {
                ends = self.statements(body);
                if ends != Ends::Goes {
                    break;
                }
            }
            let ends = self.jumped(ends);
            if matches!(ends, Ends::Leaves | Ends::Exits) {
                continue;
            }
            all_leave = false;
            let variables = std::mem::take(&mut self.now.variables);
            match after.take() {
                Some(known) => {
                    self.now.variables = known;
                    self.joined(variables);
                    after = Some(std::mem::take(&mut self.now.variables));
                }
                None => after = Some(variables),
            }
        }
        self.unsure = self.unsure.saturating_sub(1);
        self.now.variables = after.unwrap_or_else(|| before.clone());
        if !has_default {
            self.joined(before);
        }
        if all_leave { Ends::Leaves } else { Ends::Goes }
    }

    fn attempt(
        &mut self,
        body: &[Statement],
        catches: &[(Option<Name>, Vec<Statement>)],
        last: &[Statement],
    ) -> Ends {
        let before = self.now.variables.clone();
        let mut ends = self.statements(body);
        for (name, caught) in catches {
            let thrown = self.thrown.clone();
            let earlier = before.clone();
            let body_ends = ends.clone();
            ends = self.either(&mut |_| body_ends.clone(), &mut |runner| {
                runner.joined(earlier.clone());
                if let Some(name) = name {
                    runner.now.variables.insert(Rc::clone(name), thrown.clone());
                }
                runner.statements(caught)
            });
        }
        match self.statements(last) {
            Ends::Goes => ends,
            other => other,
        }
    }

    fn global(&mut self, names: &[Name]) {
        if self.below.is_empty() {
            return;
        }
        for name in names {
            let place = super::places::Place::Variable(0, Rc::clone(name));
            self.now.aliases.insert(Rc::clone(name), place);
        }
    }

    /// Variables that a function keeps from call to call.
    fn kept_variables(&mut self, all: &[(Name, Option<Expression>)]) {
        let function = self.now.function.as_ref().map_or(0, |it| Rc::as_ptr(it) as usize);
        for (name, value) in all {
            let key = format!("{function}${name}");
            if !self.statics.contains_key(&key) {
                let value = value.as_ref().map(|value| self.value(value)).unwrap_or_default();
                self.statics.insert(key.clone(), value);
            }
            self.now.aliases.insert(Rc::clone(name), super::places::Place::Static(key));
        }
    }
}

/// Where the statements after a label begin.
fn place_of(all: &[Statement], label: &Name) -> Option<usize> {
    all.iter().position(|one| matches!(one, Statement::Label(name) if name == label))
}
