//! Reading values strictly, as a machine does, or tolerantly, as whoever drives one should.

use std::collections::BTreeSet;

use super::{ArgumentError, Qapi, QapiObject};
use crate::json::{Json, Object};

/// How much a reader puts up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Everything has to be known: what a machine does with a command, so that a slip of the pen
    /// is an error instead of a silent default.
    Strict,
    /// For answers and events of a machine that may be newer than this crate: unknown members are
    /// passed over, and so are elements of a list that have a word in them which is unknown.
    Tolerant,
}

/// A value to be read, and where it is.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    json: &'a Json,
    place: Place<'a>,
    reading: Reading,
}

/// The way to a value from the outside.
#[derive(Clone, Copy, Debug)]
struct Place<'a> {
    step: Step<'a>,
    parent: Option<&'a Place<'a>>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Root,
    Member(&'a str),
    Element(usize),
}

/// The members of an object, of which each is to be read.
#[derive(Debug)]
pub struct Members<'a> {
    object: &'a Object,
    place: &'a Place<'a>,
    reading: Reading,
    read: BTreeSet<&'static str>,
}

impl<'a> Input<'a> {
    /// A value that is not part of another.
    pub fn root(json: &'a Json, reading: Reading) -> Self {
        Self { json, place: Place { step: Step::Root, parent: None }, reading }
    }

    /// The value.
    pub fn json(&self) -> &'a Json {
        self.json
    }

    /// How much to put up with.
    pub fn reading(&self) -> Reading {
        self.reading
    }

    /// The way to the value from the outside.
    pub fn place(&self) -> String {
        self.place.path()
    }

    /// The name of the member that the value is, or `null` for an element of a list.
    pub fn name(&self) -> &'a str {
        match self.place.step {
            Step::Member(name) => name,
            Step::Root | Step::Element(_) => "null",
        }
    }

    /// The value has the wrong type.
    pub fn expected(&self, expected: &'static str) -> ArgumentError {
        ArgumentError::Type { place: self.place(), expected }
    }

    /// Reads the elements of an array.
    // PARITY: qapi/qobject-input-visitor.c#qobject_input_start_list
    pub(super) fn elements<T: Qapi>(&self) -> Result<Vec<T>, ArgumentError> {
        let Json::Array(elements) = self.json else { return Err(self.expected("array")) };
        let mut values = Vec::with_capacity(elements.len());
        for (index, json) in elements.iter().enumerate() {
            let place = Place { step: Step::Element(index), parent: Some(&self.place) };
            match (T::read(&Input { json, place, reading: self.reading }), self.reading) {
                (Ok(value), _) => values.push(value),
                (Err(ArgumentError::Value { .. }), Reading::Tolerant) => {}
                (Err(error), _) => return Err(error),
            }
        }
        Ok(values)
    }

    /// Reads an object, each of whose members `read` has to ask for.
    // PARITY: qapi/qobject-input-visitor.c#qobject_input_start_struct
    pub fn object<T>(
        &self,
        read: impl FnOnce(&mut Members<'_>) -> Result<T, ArgumentError>,
    ) -> Result<T, ArgumentError> {
        let Json::Object(object) = self.json else { return Err(self.expected("object")) };
        read_object(object, &self.place, self.reading, read)
    }
}

/// Reads the arguments of a command: an object that is not part of another.
pub(crate) fn read_arguments<T: QapiObject>(
    object: &Object,
    reading: Reading,
) -> Result<T, ArgumentError> {
    read_object(object, &Place { step: Step::Root, parent: None }, reading, T::read_members)
}

fn read_object<T>(
    object: &Object,
    place: &Place<'_>,
    reading: Reading,
    read: impl FnOnce(&mut Members<'_>) -> Result<T, ArgumentError>,
) -> Result<T, ArgumentError> {
    let mut members = Members { object, place, reading, read: BTreeSet::new() };
    let value = read(&mut members)?;
    members.finish()?;
    Ok(value)
}

impl Members<'_> {
    /// Reads a member that has to be there.
    pub fn required<T: Qapi>(&mut self, name: &'static str) -> Result<T, ArgumentError> {
        match self.optional(name)? {
            Some(value) => Ok(value),
            None => Err(ArgumentError::Missing { place: self.place_of(name) }),
        }
    }

    /// Reads a member that has to be there, but that machines once did not have: for these
    /// `older` says what its absence means.
    pub fn required_since<T: Qapi>(
        &mut self,
        name: &'static str,
        older: impl FnOnce() -> T,
    ) -> Result<T, ArgumentError> {
        match (self.object.contains(name), self.reading) {
            (false, Reading::Tolerant) => Ok(older()),
            (true, _) | (false, Reading::Strict) => self.required(name),
        }
    }

    /// Reads a member if it is there.
    pub fn optional<T: Qapi>(&mut self, name: &'static str) -> Result<Option<T>, ArgumentError> {
        self.read.insert(name);
        let Some(json) = self.object.get(name) else { return Ok(None) };
        let place = Place { step: Step::Member(name), parent: Some(self.place) };
        T::read(&Input { json, place, reading: self.reading }).map(Some)
    }

    /// Refuses what nobody has asked for. Of several it names the one that QEMU would come to first
    /// when writing the object.
    fn finish(self) -> Result<(), ArgumentError> {
        match self.reading {
            Reading::Tolerant => Ok(()),
            Reading::Strict => {
                let mut names = self.object.members().map(|(name, _)| name);
                match names.find(|name| !self.read.contains(name)) {
                    Some(name) => Err(ArgumentError::Unexpected { place: self.place_of(name) }),
                    None => Ok(()),
                }
            }
        }
    }

    fn place_of(&self, name: &str) -> String {
        Place { step: Step::Member(name), parent: Some(self.place) }.path()
    }
}

impl Place<'_> {
    // PARITY: qapi/qobject-input-visitor.c#full_name_nth
    fn path(&self) -> String {
        let before = self.parent.map(Self::path_before).unwrap_or_default();
        match self.step {
            Step::Root => "<anonymous>".to_owned(),
            Step::Member(name) if before.is_empty() => name.to_owned(),
            Step::Member(name) => format!("{before}.{name}"),
            Step::Element(index) => format!("{before}[{index}]"),
        }
    }

    fn path_before(&self) -> String {
        match self.step {
            Step::Root => String::new(),
            Step::Member(_) | Step::Element(_) => self.path(),
        }
    }
}
