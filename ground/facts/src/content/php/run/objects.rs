//! Classes and objects: what they hold, and what their methods are.

use std::rc::Rc;

use super::super::tree::{Argument, Class, Expression, Function, Name};
use super::super::value::{Array, Value};
use super::{Object, Runner};

/// How many objects are kept apart.
const OBJECTS: usize = 4096;
/// How far classes are followed to what they extend.
const PARENTS: usize = 12;

impl Runner<'_> {
    /// The name of a class, as far as it is known.
    pub(super) fn class_name(&mut self, class: &Expression) -> Option<Name> {
        if let Expression::Constant(name) = class {
            return match name.as_ref() {
                "self" | "static" => self.now.class.clone(),
                "parent" => {
                    let class = self.now.class.clone()?;
                    self.classes.get(&class).and_then(|class| class.parent.clone())
                }
                _ => Some(Rc::clone(name)),
            };
        }
        let value = self.value(class);
        if let Some(object) = value.objects.as_ref().and_then(|all| all.first()) {
            return self.heap.get(*object).map(|object| Rc::clone(&object.class));
        }
        value.names().pop().map(Name::from)
    }

    /// A class and those that it extends.
    fn lineage(&self, class: &str) -> Vec<Rc<Class>> {
        let mut all: Vec<Rc<Class>> = Vec::new();
        let mut next = self.classes.get(class).cloned();
        while let Some(class) = next.filter(|_| all.len() < PARENTS) {
            let parent = class.parent.clone();
            for name in &class.traits {
                all.extend(self.classes.get(name).cloned());
            }
            all.push(class);
            next = parent.and_then(|parent| self.classes.get(&parent).cloned());
        }
        all
    }

    /// A method of a class, and the class that it is written in.
    pub(super) fn find_method(&self, class: &str, name: &str) -> Option<(Rc<Function>, Name)> {
        let class = self.lineage(class).into_iter().find_map(|class| {
            let method = class.methods.iter().find(|it| it.name.as_ref() == name)?;
            Some((Rc::clone(method), Rc::clone(&class.name)))
        })?;
        Some(class)
    }

    /// The only class of the page that has a method.
    pub(super) fn only_class_with(&self, method: &str) -> Option<Name> {
        let mut found = self.classes.values().filter(|class| {
            class.methods.iter().any(|it| it.name.as_ref() == method && !it.body.is_empty())
        });
        let one = found.next()?;
        found.next().is_none().then(|| Rc::clone(&one.name))
    }

    pub(super) fn static_key(&self, class: &str, name: &str) -> String {
        let owner = self
            .lineage(class)
            .into_iter()
            .find(|class| class.statics.iter().any(|(known, _)| known.as_ref() == name));
        let owner = owner.map_or_else(|| class.to_owned(), |class| class.name.to_string());
        format!("{owner}::{name}")
    }

    pub(super) fn class_constant(&mut self, class: &Expression, name: &Name) -> Value {
        let Some(class) = self.class_name(class) else { return Value::default() };
        if name.as_ref() == "class" {
            return Value::text(class.as_bytes());
        }
        for class in self.lineage(&class) {
            if let Some((_, value)) = class.constants.iter().find(|(known, _)| known == name) {
                let before = self.now.class.replace(Rc::clone(&class.name));
                let value = self.value(value);
                self.now.class = before;
                return value;
            }
        }
        Value::default()
    }

    /// A new object of a class, with what its properties are at first.
    pub(super) fn new_object(&mut self, class: &Name) -> usize {
        if self.heap.len() >= OBJECTS {
            return self.heap.len().saturating_sub(1);
        }
        let place = self.heap.len();
        self.heap.push(Object { class: Rc::clone(class), ..Object::default() });
        for class in self.lineage(class).iter().rev() {
            let before = self.now.class.replace(Rc::clone(&class.name));
            for (name, value) in &class.properties {
                let value = value.as_ref().map(|value| self.value(value)).unwrap_or_default();
                if let Some(object) = self.heap.get_mut(place) {
                    object.properties.insert(Rc::clone(name), value);
                }
            }
            self.now.class = before;
        }
        place
    }

    /// The object that stands for all of a class.
    pub(super) fn shared_object(&mut self, class: &Name) -> usize {
        if let Some(object) = self.shared.get(class) {
            return *object;
        }
        // One that the page made itself says more.
        let known = self.heap.iter().position(|object| object.class == *class);
        let object = known.unwrap_or_else(|| self.new_object(class));
        self.shared.insert(Rc::clone(class), object);
        if known.is_none()
            && let Some((function, of)) = self.find_method(class, "__construct")
        {
            let _made = self.enter(&function, Some(object), Some(of), &[], None, None);
        }
        object
    }

    pub(super) fn property(&mut self, object: usize, name: Option<&str>) -> Value {
        let Some(known) = self.heap.get(object) else { return Value::default() };
        let Some(name) = name else {
            let all = known.properties.values().chain(known.rest.iter()).take(64);
            return all
                .fold(None, |all: Option<Value>, one| {
                    Some(all.map_or(one.clone(), |all| all.or(one)))
                })
                .unwrap_or_default();
        };
        match (known.properties.get(name), &known.rest) {
            (Some(value), None) => value.clone(),
            (Some(value), Some(rest)) => value.clone().or(rest),
            (None, Some(rest)) => rest.clone(),
            (None, None) => {
                let given = [Value::text(name.as_bytes())];
                self.method_of(object, "__get", &given, 0).unwrap_or_default()
            }
        }
    }

    pub(super) fn put_property(
        &mut self,
        object: usize,
        name: Option<&Name>,
        value: &Value,
        is_sure: bool,
    ) {
        let Some(object) = self.heap.get_mut(object) else { return };
        match name {
            Some(name) => {
                let value = match object.properties.get(name) {
                    Some(known) if !is_sure => known.clone().or(value),
                    _ => value.clone(),
                };
                object.properties.insert(Rc::clone(name), value);
            }
            None => {
                object.rest = Some(match object.rest.take() {
                    Some(known) => known.or(value),
                    None => value.clone(),
                });
            }
        }
    }

    /// `__set`, where a class has it and no such property.
    pub(super) fn set_by_magic(&mut self, object: usize, name: &Name, value: &Value) {
        let is_known = self.heap.get(object).is_none_or(|it| it.properties.contains_key(name));
        if !is_known {
            let given = [Value::text(name.as_bytes()), value.clone()];
            let _set = self.method_of(object, "__set", &given, 0);
        }
    }

    /// All properties of an object, as an array.
    pub(super) fn properties(&self, object: usize) -> Value {
        let mut array = Array::default();
        if let Some(object) = self.heap.get(object) {
            for (name, value) in &object.properties {
                array.put(Some(name.as_bytes()), value.clone());
            }
            if let Some(rest) = &object.rest {
                array.put_anywhere(rest);
            }
        }
        Value::array(array)
    }

    /// What an object of a class that is not the page's was made with.
    pub(super) fn made_with(&self, object: usize, place: usize) -> Option<Value> {
        self.heap.get(object)?.made_with.get(place).cloned()
    }

    /// Puts something into an object of a class that is not the page's.
    pub(super) fn filled(&mut self, object: usize, value: &Value) {
        let Some(object) = self.heap.get_mut(object) else { return };
        if object.made_with.is_empty() {
            object.made_with.push(Value::list([]));
        }
        if let Some(first) = object.made_with.first_mut() {
            let mut array = first.array.clone().unwrap_or_default();
            Rc::make_mut(&mut array).put(None, value.clone());
            first.array = Some(array);
        }
    }

    /// An object made of an array.
    pub(super) fn object_of(&mut self, value: &Value) -> Value {
        let object = self.new_object(&"stdclass".into());
        for (key, one) in value.array.iter().flat_map(|array| array.entries.iter()) {
            let name: Name = String::from_utf8_lossy(key).to_lowercase().into();
            self.put_property(object, Some(&name), one, true);
        }
        if let Some(rest) = value.array.as_ref().and_then(|array| array.rest.as_ref()) {
            self.put_property(object, None, rest, true);
        }
        Value::object(object)
    }

    /// `new …`
    pub(super) fn made(
        &mut self,
        class: &Expression,
        arguments: &[Argument],
        offset: usize,
    ) -> Value {
        let names: Vec<Name> = match class {
            Expression::Constant(_) => self.class_name(class).into_iter().collect(),
            _ => {
                let value = self.value(class);
                let given = self.given(arguments);
                if let Some(by) = value.tainted.clone()
                    && !value.has_head
                    && given.iter().any(|one| one.gathered().tainted.is_some())
                {
                    let detail = format!("{by} names the class that is made");
                    self.flow(offset, 60, detail, true);
                }
                value.names().into_iter().map(Name::from).collect()
            }
        };
        let given = self.given(arguments);
        let mut all: Option<Value> = None;
        for name in names.iter().take(4) {
            let one = self.made_of(name, &given, Some(arguments), offset);
            all = Some(all.map_or(one.clone(), |all| all.or(&one)));
        }
        all.unwrap_or_default()
    }

    /// An object of a class by its name.
    pub(super) fn made_of(
        &mut self,
        class: &Name,
        given: &[Value],
        arguments: Option<&[Argument]>,
        offset: usize,
    ) -> Value {
        let object = self.new_object(class);
        let is_own = self.classes.contains_key(class);
        let is_foreign = self.lineage(class).last().is_none_or(|it| it.parent.is_some());
        if let Some(made) = self.heap.get_mut(object).filter(|_| is_foreign) {
            made.made_with = given.to_vec();
        }
        if !is_own {
            self.made_foreign(class, given, offset);
            return Value::object(object);
        }
        let constructor = self.find_method(class, "__construct");
        if let Some((function, of)) = constructor.or_else(|| self.find_method(class, class)) {
            let _made = self.enter(&function, Some(object), Some(of), given, arguments, None);
        }
        Value::object(object)
    }

    /// What a method of an object gives, if its class is the page's and has it.
    pub(super) fn method_of(
        &mut self,
        object: usize,
        name: &str,
        given: &[Value],
        _offset: usize,
    ) -> Option<Value> {
        let class = Rc::clone(&self.heap.get(object)?.class);
        let (function, of) = self.find_method(&class, name)?;
        Some(self.enter(&function, Some(object), Some(of), given, None, None))
    }

    /// What objects do when the page ends.
    pub(super) fn destroy(&mut self) {
        for object in 0..self.heap.len().min(256) {
            let _gone = self.method_of(object, "__destruct", &[], 0);
        }
    }
}
