//! Tables of commands. A line is
//!
//! ```text
//! /// What it does.
//! Name { .. } => "name-on-the-wire" -> Return [OutOfBand];
//! ```
//!
//! `{ .. }` stands for arguments, which are the members of the structure `Name`; without it the
//! command takes none, and the table makes the type.

/// Commands: for each, [`Execute`](crate::command::Execute).
macro_rules! execute {
    ($(
        $(#[$doc:meta])*
        $name:ident $({ $dots:tt })? => $wire:literal -> $returns:ty $([$band:ident])?;
    )*) => {$(
        $crate::command::macros::arguments!($(#[$doc])* $name $({ $dots })?);

        impl Execute for $name {
            const NAME: &'static str = $wire;
            const BAND: Band = $crate::command::macros::band!($($band)?);
            type Return = $returns;
        }
    )*};
}

/// A closed set of commands: an enumeration of them, and what the schema says of each.
macro_rules! commands {
    (
        $(#[$enum_doc:meta])*
        pub enum $enum:ident = $table:ident {$(
            $(#[$doc:meta])*
            $name:ident $({ $dots:tt })? => $wire:literal -> $returns:ty $([$band:ident])?;
        )*}
    ) => {
        execute! {$(
            $(#[$doc])*
            $name $({ $dots })? => $wire -> $returns $([$band])?;
        )*}

        $(#[$enum_doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $enum {
            $($(#[$doc])* $name($name),)*
        }

        impl $enum {
            /// What it is called.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $wire,)*
                }
            }

            /// Reads the arguments of the command of that name, strictly; `None` if there is no
            /// such command.
            pub fn read(
                name: &str,
                arguments: &$crate::json::Object,
            ) -> Option<Result<Self, $crate::qapi::ArgumentError>> {
                let strictly = $crate::qapi::Reading::Strict;
                match name {
                    $($wire => Some(
                        $crate::qapi::read_arguments(arguments, strictly).map(Self::$name),
                    ),)*
                    _ => None,
                }
            }

            /// The arguments, as they are on the wire.
            pub fn arguments(&self) -> $crate::json::Object {
                let mut object = $crate::json::Object::new();
                match self {
                    $(Self::$name(command) => {
                        $crate::qapi::QapiObject::write_members(command, &mut object);
                    })*
                }
                object
            }
        }

        $(impl From<$name> for $enum {
            fn from(command: $name) -> Self {
                Self::$name(command)
            }
        })*

        #[doc = concat!("What the schema says of each [`", stringify!($enum), "`].")]
        pub const $table: &[CommandInfo] = &[$(CommandInfo {
            name: $wire,
            arguments: $crate::qapi::ShapeOf::of::<$name>(),
            returns: $crate::qapi::ShapeOf::of::<$returns>(),
            band: <$name as Execute>::BAND,
        },)*];
    };
}

/// The type of a command's arguments: it is there already, or there are none.
macro_rules! arguments {
    ($(#[$doc:meta])* $name:ident { .. }) => {};
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name;

        impl $crate::qapi::QapiObject for $name {
            fn object_shape() -> $crate::qapi::ObjectShape {
                <$crate::words::Empty as $crate::qapi::QapiObject>::object_shape()
            }

            fn read_members(
                _: &mut $crate::qapi::Members<'_>,
            ) -> Result<Self, $crate::qapi::ArgumentError> {
                Ok(Self)
            }

            fn write_members(&self, _: &mut $crate::json::Object) {}
        }

        $crate::qapi::macros::as_object!($name);
    };
}

macro_rules! band {
    () => {
        Band::InBand
    };
    ($band:ident) => {
        Band::$band
    };
}

pub(crate) use {arguments, band, commands, execute};
