//! Descriptions of types, each of which becomes a Rust type, its reader, its writer and its shape.

/// A structure.
///
/// ```text
/// qapi_struct! {
///     /// What it is.
///     #[derive(Default)]
///     pub struct RustName: "NameInQemu" {
///         /// A member; an `Option` may be left out.
///         pub field: Option<Type> => "wire-name" [Unstable],
///         /// A member that older machines lack, and what that means.
///         pub newer: Type => "newer" else Type::Default,
///         /// The members of a structure or union that lie among this one's.
///         pub rest: Other => flat,
///     }
/// }
/// ```
macro_rules! qapi_struct {
    (
        $(#[$attribute:meta])*
        pub struct $type:ident: $name:literal {
            $(
                $(#[$field_attribute:meta])*
                pub $field:ident: $field_type:ty
                    => $wire:tt $([$($feature:ident),*])? $(else $older:expr)?,
            )*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $type {
            $($(#[$field_attribute])* pub $field: $field_type,)*
        }

        impl $crate::qapi::QapiObject for $type {
            fn object_shape() -> $crate::qapi::ObjectShape {
                #[allow(unused_mut, reason = "a structure may have no members")]
                let mut shape =
                    $crate::qapi::ObjectShape { name: $name, members: Vec::new(), union: None };
                $($crate::qapi::macros::shape_of_field!(
                    shape, $field_type, $wire, [$($($feature),*)?]
                );)*
                shape
            }

            #[allow(unused_variables, reason = "a structure may have no members")]
            fn read_members(
                members: &mut $crate::qapi::Members<'_>,
            ) -> Result<Self, $crate::qapi::ArgumentError> {
                Ok(Self {
                    $($field: $crate::qapi::macros::read_field!(
                        members, $field_type, $wire $(, $older)?
                    ),)*
                })
            }

            #[allow(unused_variables, reason = "a structure may have no members")]
            fn write_members(&self, object: &mut $crate::json::Object) {
                $($crate::qapi::macros::write_field!(self.$field, object, $field_type, $wire);)*
            }
        }

        $crate::qapi::macros::as_object!($type);
    };
}

/// An enumeration of words.
///
/// ```text
/// qapi_enum! {
///     /// What it is.
///     pub enum RustName: "NameInQemu" {
///         /// A word.
///         First => "first" [Deprecated],
///     }
/// }
/// ```
macro_rules! qapi_enum {
    (
        $(#[$attribute:meta])*
        pub enum $type:ident: $name:literal {
            $(
                $(#[$variant_attribute:meta])*
                $variant:ident => $wire:literal $([$($feature:ident),*])?,
            )*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type {
            $($(#[$variant_attribute])* $variant,)*
        }

        impl $type {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $wire,)*
                }
            }

            /// The one with that word on the wire.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($wire => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::qapi::Qapi for $type {
            fn shape() -> $crate::qapi::Shape {
                $crate::qapi::Shape::Enum($crate::qapi::EnumShape {
                    name: $name,
                    values: &[$($crate::qapi::EnumValue {
                        name: $wire,
                        features: &[$($($crate::qapi::Feature::$feature),*)?],
                    },)*],
                })
            }

            // PARITY: qapi/qapi-visit-core.c#input_type_enum
            fn read(
                input: &$crate::qapi::Input<'_>,
            ) -> Result<Self, $crate::qapi::ArgumentError> {
                let word = <String as $crate::qapi::Qapi>::read(input)?;
                Self::from_word(&word).ok_or_else(|| $crate::qapi::ArgumentError::Value {
                    name: input.name().to_owned(),
                    given: word,
                })
            }

            fn write(&self) -> $crate::json::Json {
                $crate::json::Json::from(self.as_str())
            }
        }
    };
}

/// A union: an object whose further members depend on the word that its tag has.
///
/// ```text
/// qapi_union! {
///     /// What it is.
///     pub enum RustName: "NameInQemu" by "tag": TagEnum {
///         /// What the word `TagEnum::First` brings.
///         First(Structure),
///     }
/// }
/// ```
macro_rules! qapi_union {
    (
        $(#[$attribute:meta])*
        pub enum $type:ident: $name:literal by $tag:literal: $tag_type:ident {
            $(
                $(#[$variant_attribute:meta])*
                $variant:ident($branch:ty),
            )*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $type {
            $($(#[$variant_attribute])* $variant($branch),)*
        }

        impl $type {
            /// The word that says which it is.
            pub const fn tag(&self) -> $tag_type {
                match self {
                    $(Self::$variant(_) => $tag_type::$variant,)*
                }
            }
        }

        impl $crate::qapi::QapiObject for $type {
            fn object_shape() -> $crate::qapi::ObjectShape {
                $crate::qapi::ObjectShape {
                    name: $name,
                    members: vec![$crate::qapi::Member {
                        name: $tag,
                        shape: $crate::qapi::ShapeOf::of::<$tag_type>(),
                        presence: $crate::qapi::Presence::Required,
                        features: &[],
                    }],
                    union: Some($crate::qapi::Union {
                        tag: $tag,
                        variants: vec![$($crate::qapi::Variant {
                            case: $tag_type::$variant.as_str(),
                            shape: $crate::qapi::ShapeOf::of::<$branch>(),
                        },)*],
                    }),
                }
            }

            fn read_members(
                members: &mut $crate::qapi::Members<'_>,
            ) -> Result<Self, $crate::qapi::ArgumentError> {
                match members.required::<$tag_type>($tag)? {
                    $($tag_type::$variant => {
                        <$branch as $crate::qapi::QapiObject>::read_members(members)
                            .map(Self::$variant)
                    })*
                }
            }

            fn write_members(&self, object: &mut $crate::json::Object) {
                object.insert($tag, self.tag().as_str());
                match self {
                    $(Self::$variant(branch) => {
                        $crate::qapi::QapiObject::write_members(branch, object);
                    })*
                }
            }
        }

        $crate::qapi::macros::as_object!($type);
    };
}

/// A structure or union is a value as well.
macro_rules! as_object {
    ($type:ty) => {
        impl $crate::qapi::Qapi for $type {
            fn shape() -> $crate::qapi::Shape {
                $crate::qapi::Shape::Object(<Self as $crate::qapi::QapiObject>::object_shape())
            }

            fn read(input: &$crate::qapi::Input<'_>) -> Result<Self, $crate::qapi::ArgumentError> {
                input.object(<Self as $crate::qapi::QapiObject>::read_members)
            }

            fn write(&self) -> $crate::json::Json {
                let mut object = $crate::json::Object::new();
                $crate::qapi::QapiObject::write_members(self, &mut object);
                $crate::json::Json::Object(object)
            }
        }
    };
}

macro_rules! shape_of_field {
    ($shape:ident, $type:ty, flat, []) => {
        let flat = <$type as $crate::qapi::QapiObject>::object_shape();
        $shape.members.extend(flat.members);
        $shape.union = flat.union;
    };
    ($shape:ident, $type:ty, $wire:literal, [$($feature:ident),*]) => {
        $shape.members.push($crate::qapi::Member {
            name: $wire,
            shape: $crate::qapi::ShapeOf::of::<$type>(),
            presence: <$type as $crate::qapi::Qapi>::PRESENCE,
            features: &[$($crate::qapi::Feature::$feature),*],
        });
    };
}

macro_rules! read_field {
    ($members:ident, $type:ty, flat) => {
        <$type as $crate::qapi::QapiObject>::read_members($members)?
    };
    ($members:ident, $type:ty, $wire:literal) => {
        <$type as $crate::qapi::Qapi>::read_member($members, $wire)?
    };
    ($members:ident, $type:ty, $wire:literal, $older:expr) => {
        $members.required_since::<$type>($wire, || $older)?
    };
}

macro_rules! write_field {
    ($self:ident . $field:ident, $object:ident, $type:ty, flat) => {
        <$type as $crate::qapi::QapiObject>::write_members(&$self.$field, $object)
    };
    ($self:ident . $field:ident, $object:ident, $type:ty, $wire:literal) => {
        <$type as $crate::qapi::Qapi>::write_member(&$self.$field, $object, $wire)
    };
}

pub(crate) use {
    as_object, qapi_enum, qapi_struct, qapi_union, read_field, shape_of_field, write_field,
};
