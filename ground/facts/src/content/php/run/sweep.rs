//! What nobody in the page calls is gone through too, with nothing known of what it is given.

use std::rc::Rc;

use super::super::tree::{Function, Name, Page};
use super::super::value::Value;
use super::{Runner, SWEEP};

impl Runner<'_> {
    /// Functions, methods and closures that were not gone into yet.
    pub(super) fn sweep(&mut self) {
        let functions: Vec<Rc<Function>> = self.functions.values().cloned().collect();
        for function in &functions {
            self.alone(function, None);
        }
        let classes: Vec<_> = self.classes.values().cloned().collect();
        for class in &classes {
            for method in &class.methods {
                self.alone(method, Some(&class.name));
            }
        }
        for closure in self.closures.clone() {
            if !self.called.contains(&(Rc::as_ptr(&closure.function) as usize)) {
                let limit = self.limited();
                let function = Rc::clone(&closure.function);
                let (this, class) = (closure.this, closure.class.clone());
                let _value = self.enter(&function, this, class, &[], None, Some(&closure));
                self.limit = limit;
            }
        }
    }

    /// What a text's code defines and does not call.
    pub(super) fn sweep_page(&mut self, page: &Rc<Page>) {
        for function in &page.functions {
            self.alone(function, None);
        }
        for class in &page.classes {
            for method in &class.methods {
                self.alone(method, Some(&class.name));
            }
        }
    }

    /// Lets a function that nobody calls go only so far.
    fn limited(&mut self) -> usize {
        let limit = self.limit;
        self.limit = limit.min(self.steps.saturating_add(SWEEP));
        limit
    }

    fn alone(&mut self, function: &Rc<Function>, class: Option<&Name>) {
        let is_empty = function.body.is_empty();
        if is_empty || self.called.contains(&(Rc::as_ptr(function) as usize)) {
            return;
        }
        let limit = self.limited();
        let this = class.filter(|_| !function.is_static).map(|class| self.shared_object(class));
        let _value = self.enter(function, this, class.cloned(), &[], None, None);
        self.limit = limit;
    }

    /// What objects of any class of the page do that a request makes.
    pub(super) fn unserialized(&mut self, sent: &Value) {
        const ALONE: [&str; 6] =
            ["__wakeup", "__unserialize", "__destruct", "__tostring", "__invoke", "__get"];
        let sent = Value { has_head: false, ..sent.source() };
        let classes: Vec<_> = self.classes.values().take(32).cloned().collect();
        for class in classes {
            let object = self.new_object(&class.name);
            if let Some(made) = self.heap.get_mut(object) {
                made.rest = Some(sent.clone());
                for value in made.properties.values_mut() {
                    *value = sent.clone();
                }
            }
            for name in ALONE {
                let limit = self.limited();
                let given = [sent.clone()];
                let given = if name == "__unserialize" { given.as_slice() } else { &[] };
                let _value = self.method_of(object, name, given, 0);
                self.limit = limit;
            }
        }
    }
}
