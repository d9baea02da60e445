//! Values of any shape: what keeps tests complete when a type grows.

use ferry_qmp::json::{Json, Object};
use ferry_qmp::qapi::{Builtin, ObjectShape, Presence, Shape, ShapeOf};

/// Choices, taken from bytes. When these are used up, the first choice is taken each time.
pub(crate) struct Choices<'a>(std::slice::Iter<'a, u8>);

/// How deep optional parts go: types may contain themselves.
const DEPTH: usize = 5;

impl<'a> Choices<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.iter())
    }

    fn below(&mut self, count: usize) -> usize {
        self.0.next().map_or(0, |&byte| usize::from(byte) % count)
    }

    /// Some value of that shape.
    pub(crate) fn value(&mut self, shape: ShapeOf, depth: usize) -> Json {
        match shape.get() {
            Shape::Builtin(builtin) => self.builtin(builtin),
            Shape::Enum(shape) => Json::from(shape.values[self.below(shape.values.len())].name),
            Shape::Array(element) => {
                let len = if depth < DEPTH { self.below(3) } else { 0 };
                Json::Array((0..len).map(|_| self.value(element, depth + 1)).collect())
            }
            Shape::Object(shape) => Json::Object(self.object(&shape, depth)),
            Shape::Alternate(shape) => {
                // The last alternative is the simple one.
                let last = shape.members.len() - 1;
                let index = if depth < DEPTH { self.below(last + 1) } else { last };
                self.value(shape.members[index], depth + 1)
            }
        }
    }

    fn builtin(&mut self, builtin: Builtin) -> Json {
        match builtin {
            Builtin::Str => {
                Json::from(["", "a", "node-b", "a\"b\\c\n", "é😀\u{7f}", "%d {}"][self.below(6)])
            }
            // What fits the smallest type.
            Builtin::Int => Json::from(self.below(256) as u64),
            Builtin::Number => Json::from([0.0, -1.5, 1e-8, 0.1, 1e300][self.below(5)]),
            Builtin::Bool => Json::from(self.below(2) == 0),
            Builtin::Null | Builtin::Any => Json::Null,
        }
    }

    fn object(&mut self, shape: &ObjectShape, depth: usize) -> Object {
        let mut object = Object::new();
        self.members(shape, depth, &mut object);
        object
    }

    fn members(&mut self, shape: &ObjectShape, depth: usize, object: &mut Object) {
        for member in &shape.members {
            let is_there = match member.presence {
                Presence::Required => true,
                Presence::Optional => depth < DEPTH && self.below(2) == 1,
            };
            if is_there {
                object.insert(member.name, self.value(member.shape, depth + 1));
            }
        }
        let Some(union) = &shape.union else { return };
        // The first variant is the simple one.
        let index = if depth < DEPTH { self.below(union.variants.len()) } else { 0 };
        let variant = &union.variants[index];
        object.insert(union.tag, variant.case);
        let Shape::Object(variant) = variant.shape.get() else { panic!("a variant is an object") };
        self.members(&variant, depth + 1, object);
    }
}
