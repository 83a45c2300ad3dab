//! Where values are kept: variables, elements, properties, and other names for them.

use std::rc::Rc;

use super::super::tree::{Expression, Item, Name};
use super::super::value::{Array, Value};
use super::Runner;

/// Where a value is kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Place {
    #[default]
    Nowhere,
    /// A variable of the function that is so deep.
    Variable(usize, Name),
    Property(Rc<Vec<usize>>, Option<Name>),
    /// A static property, or a variable that a function keeps.
    Static(String),
    /// An element, under a key that may not be known.
    Element(Box<Place>, Option<Rc<[u8]>>),
    /// The next element.
    Next(Box<Place>),
}

impl Runner<'_> {
    /// Where an expression is kept.
    pub(super) fn place(&mut self, expression: &Expression) -> Place {
        if !self.step() {
            return Place::Nowhere;
        }
        self.deeper(|runner| runner.find_place(expression))
    }

    fn find_place(&mut self, expression: &Expression) -> Place {
        match expression {
            Expression::Variable(name) => self.variable_place(name),
            Expression::Named(named) => {
                let named = self.value(named);
                if let Some(by) = &named.tainted {
                    // The request names the variable that is filled: it may be any.
                    self.now.extracted = Some(Rc::clone(by));
                }
                match named.exact().map(|text| String::from_utf8_lossy(text).into_owned()) {
                    Some(name) => self.variable_place(&name.into()),
                    None => Place::Nowhere,
                }
            }
            Expression::Element(of, index) => {
                let key = match index {
                    Some(index) => {
                        let index = self.value(index);
                        index.exact().cloned()
                    }
                    None => return Place::Next(Box::new(self.place(of))),
                };
                if matches!(of.as_ref(), Expression::Variable(name) if name.as_ref() == "GLOBALS")
                    && let Some(key) = &key
                {
                    return Place::Variable(0, String::from_utf8_lossy(key).into_owned().into());
                }
                Place::Element(Box::new(self.place(of)), key)
            }
            Expression::Property(of, name) => {
                let of = self.value(of);
                let name = self.value(name);
                let name = name.name().map(Name::from);
                match of.objects {
                    Some(objects) => Place::Property(objects, name),
                    None => Place::Nowhere,
                }
            }
            Expression::StaticProperty(class, name) => {
                let (class, name) = (self.class_name(class), self.value(name));
                match (class, name.name()) {
                    (Some(class), Some(name)) => Place::Static(self.static_key(&class, &name)),
                    _ => Place::Nowhere,
                }
            }
            _ => Place::Nowhere,
        }
    }

    fn variable_place(&self, name: &Name) -> Place {
        if let Some(place) = self.now.aliases.get(name) {
            return place.clone();
        }
        if name.as_ref() == "_SESSION" {
            return Place::Static(name.to_string());
        }
        let is_of_page = name.starts_with('_') && super::sources::is_request(name);
        Place::Variable(if is_of_page { 0 } else { self.below.len() }, Rc::clone(name))
    }

    pub(super) fn read(&mut self, place: &Place) -> Value {
        match place {
            Place::Nowhere | Place::Next(_) => Value::default(),
            Place::Variable(depth, name) => {
                let known = self.frame_at(*depth).and_then(|frame| frame.variables.get(name));
                match known {
                    Some(value) => value.clone(),
                    None => self.unset_variable(name),
                }
            }
            Place::Property(objects, name) => {
                let mut all: Option<Value> = None;
                for object in objects.iter().take(8) {
                    let value = self.property(*object, name.as_deref());
                    all = Some(all.map_or(value.clone(), |all| all.or(&value)));
                }
                all.unwrap_or_default()
            }
            Place::Static(key) => self.statics.get(key).cloned().unwrap_or_default(),
            Place::Element(of, key) => {
                let of = self.read(of);
                self.element(&of, key.as_deref())
            }
        }
    }

    pub(super) fn write(&mut self, place: &Place, value: Value) {
        let is_sure = self.unsure == 0;
        match place {
            Place::Nowhere => {}
            Place::Variable(depth, name) => {
                let is_here = *depth == self.below.len();
                let Some(frame) = self.frame_at(*depth) else { return };
                let value = match frame.variables.get(name) {
                    Some(known) if !is_here && !is_sure => known.clone().or(&value),
                    _ => value,
                };
                frame.variables.insert(Rc::clone(name), value);
            }
            Place::Property(objects, name) => {
                let is_sure = is_sure && objects.len() == 1;
                for object in objects.iter().take(8) {
                    self.put_property(*object, name.as_ref(), &value, is_sure);
                }
            }
            Place::Static(key) => {
                let value = match self.statics.get(key) {
                    Some(known) if !is_sure => known.clone().or(&value),
                    _ => value,
                };
                self.statics.insert(key.clone(), value);
            }
            Place::Element(of, key) => {
                let whole = self.read(of);
                let new = self.with_element(whole, Some(key.as_deref()), value);
                self.write(of, new);
            }
            Place::Next(of) => {
                let whole = self.read(of);
                let new = self.with_element(whole, None, value);
                self.write(of, new);
            }
        }
    }

    /// A value with an element put in; without a key, as the last one.
    fn with_element(&mut self, whole: Value, key: Option<Option<&[u8]>>, value: Value) -> Value {
        if let Some(objects) = &whole.objects {
            let key = key.flatten().map(Value::text).unwrap_or_default();
            for object in objects.iter().take(4) {
                let given = [key.clone(), value.clone()];
                if self.method_of(*object, "offsetset", &given, 0).is_none() {
                    self.filled(*object, &value);
                }
            }
            return whole;
        }
        // A letter of a text.
        if let (Some(text), Some(Some(key))) = (whole.exact().filter(|it| !it.is_empty()), key) {
            let place = std::str::from_utf8(key).ok().and_then(|key| key.parse::<usize>().ok());
            let mut text = text.to_vec();
            let letter = value.exact().and_then(|text| text.first().copied());
            if let (Some(to), Some(letter)) = (place.and_then(|place| text.get_mut(place)), letter)
            {
                *to = letter;
                return Value::text(&text);
            }
            return whole.source();
        }
        let mut array = whole.array.clone().unwrap_or_default();
        // A long array is copied: that is work too.
        self.steps = self.steps.saturating_add(array.entries.len() / 16);
        let made = Rc::make_mut(&mut array);
        if whole.is_unknown() && (whole.is_open || whole.decoded.is_some()) {
            made.is_open = true;
        }
        match key {
            None => made.put(None, value),
            Some(Some(key)) => made.put(Some(key), value),
            Some(None) => made.put_anywhere(&value),
        }
        let tainted = whole.tainted.clone();
        Value { array: Some(array), tainted, path: whole.path.clone(), ..Value::default() }
    }

    /// Assigns a value to what an expression names.
    pub(super) fn assign(&mut self, target: &Expression, value: Value) {
        match target {
            Expression::Array(items) => self.taken_apart(items, &value),
            Expression::Property(..) => {
                let place = self.place(target);
                if let Place::Property(objects, Some(name)) = &place {
                    for object in objects.iter().take(4) {
                        self.set_by_magic(*object, name, &value);
                    }
                }
                self.write(&place, value);
            }
            _ => {
                let place = self.place(target);
                self.write(&place, value);
            }
        }
    }

    /// `[$a, 'key' => $b] = …`
    fn taken_apart(&mut self, items: &[Item], value: &Value) {
        for (place, item) in items.iter().enumerate().take(64) {
            let key = match &item.key {
                Some(key) => {
                    let key = self.value(key);
                    key.exact().cloned()
                }
                None => Some(place.to_string().into_bytes().into()),
            };
            let one = self.element(value, key.as_deref());
            if !matches!(item.value, Expression::Unknown) {
                self.assign(&item.value, one);
            }
        }
    }

    /// What stands at an index of a value.
    pub(super) fn element(&mut self, of: &Value, key: Option<&[u8]>) -> Value {
        if let Some(found) = super::sources::element(of, key) {
            return found;
        }
        if of.path.as_deref() == Some("GLOBALS") {
            let Some(key) = key else { return Value::tainted("$GLOBALS") };
            let name: Name = String::from_utf8_lossy(key).into_owned().into();
            return self.read(&Place::Variable(0, name));
        }
        if let Some(objects) = &of.objects {
            let given = [key.map(Value::text).unwrap_or_default()];
            for object in objects.iter().take(4) {
                if let Some(found) = self.method_of(*object, "offsetget", &given, 0) {
                    return found;
                }
                if let Some(made) = self.made_with(*object, 0) {
                    return self.element(&made, key);
                }
            }
            return Value::default();
        }
        let Some(array) = &of.array else {
            return self.letter(of, key);
        };
        let Some(key) = key else { return of.any() };
        let rest = || match (&array.rest, &of.tainted) {
            (Some(rest), _) => Some(rest.clone()),
            (None, Some(_)) => Some(of.source()),
            (None, None) => None,
        };
        match array.get(key) {
            Some(found) => match &array.rest {
                Some(rest) => found.clone().or(rest),
                None => found.clone(),
            },
            None => rest().unwrap_or_default(),
        }
    }

    /// A letter of a text; an element of what is known by its source alone.
    fn letter(&self, of: &Value, key: Option<&[u8]>) -> Value {
        if of.tainted.is_some() {
            return Value { path: of.path.clone(), has_head: false, ..of.source() };
        }
        let number = key.and_then(|key| std::str::from_utf8(key).ok()?.parse::<i64>().ok());
        if let (Some(text), Some(number)) = (of.exact(), number) {
            let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
            let at = if number < 0 { length.saturating_add(number) } else { number };
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            let letter = text.get(at..at.saturating_add(1));
            return Value {
                decoded: of.decoded.clone(),
                ..Value::text(letter.unwrap_or_default())
            };
        }
        of.source()
    }

    /// An array of items as they are written.
    pub(super) fn array(&mut self, items: &[Item]) -> Value {
        let mut array = Array::default();
        for item in items {
            if !self.step() {
                array.is_open = true;
                break;
            }
            if item.is_spread {
                let value = self.value(&item.value);
                spread(&mut array, &value);
                continue;
            }
            let key = item.key.as_ref().map(|key| self.value(key));
            let value = self.value(&item.value);
            match key {
                None => array.put(None, value),
                Some(key) => match key.exact() {
                    Some(key) => array.put(Some(key), value),
                    // Keys of the request's are elements for whoever takes all.
                    None if key.tainted.is_some() => array.put_anywhere(&value.or(&key.source())),
                    None => array.put_anywhere(&value),
                },
            }
        }
        Value::array(array)
    }
}

/// Adds the elements of a value to an array.
pub(super) fn spread(array: &mut Array, value: &Value) {
    match value.array.as_ref().filter(|_| value.tainted.is_none()) {
        Some(all) => {
            for (key, value) in &all.entries {
                let is_number = key.iter().all(u8::is_ascii_digit);
                array.put(if is_number { None } else { Some(key) }, value.clone());
            }
            if let Some(rest) = &all.rest {
                array.put_anywhere(rest);
            }
            array.is_open |= all.is_open;
        }
        None => array.put_anywhere(&value.any()),
    }
}
