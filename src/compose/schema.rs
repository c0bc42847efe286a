//! The Compose schema: for every attribute the shape of its value, how it is written short, and how it merges.
//!
//! The tables in `schema/` are the one place that knows them; [`expand`](super::expand), [`merge`](super::merge) and
//! [`check`](super::check) walk a tree along them. They follow `compose-spec.json` of compose-go 2.9.1 and what its
//! loader does besides.

mod build;
mod deploy;
mod file;
mod resources;
mod service;

use super::check::Reader;
use super::expand::Expand;
use crate::yaml::Node;

pub use file::FILE;
pub use service::SERVICE;

/// What may stand at a place.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Whatever it is, it is handed on.
    Any,
    /// A single value.
    Leaf(Leaf),
    /// What the inner shape says, or nothing.
    Nullable(&'static Shape),
    /// What the inner shape says, or nothing, which is the same as an empty text.
    Blank(&'static Shape),
    /// A mapping with keys that Compose knows.
    Object(&'static Object),
    /// A mapping with keys that the user chose.
    Names(&'static Names),
    /// A list.
    List(&'static List),
    /// Something that may be written shorter: what writes it out, and the shape of the long form.
    Short(Expand, &'static Shape),
}

/// A mapping with known keys.
#[derive(Debug)]
pub struct Object {
    /// What it describes, for messages: `a service`.
    pub what: &'static str,
    /// Its keys, in the order of the Compose schema.
    pub attributes: &'static [Attribute],
    /// Whether keys that nobody knows are let through, as well as those that start with `x-`.
    pub extensions: Extensions,
}

/// Which keys besides its attributes an object may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extensions {
    /// None at all.
    Refused,
    /// Those that start with `x-`.
    Allowed,
    /// All. Compose forgot to forbid them.
    Everything,
}

/// A key of an [`Object`].
#[derive(Clone, Copy, Debug)]
pub struct Attribute {
    /// The key, in Compose's spelling.
    pub key: &'static str,
    /// The shape of its value.
    pub shape: Shape,
    /// How the value of a later file meets that of an earlier one.
    pub merge: Merge,
    /// Whether it must be there.
    pub required: bool,
    /// Whether `config` prints it where it says no more than nothing would: 0, false, an empty text or list.
    pub kept: bool,
}

/// A mapping with the user's keys.
#[derive(Debug)]
pub struct Names {
    /// What the mapping is, for messages.
    pub what: &'static str,
    /// What a key may look like.
    pub key: Key,
    /// The shape of every value.
    pub value: Shape,
    /// How a value meets another one under the same key.
    pub merge: Merge,
}

/// What the user's keys may look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Anything but nothing.
    Any,
    /// Anything. Nothing makes no sense either, but the schema forgot to forbid it.
    LooselyAny,
    /// Letters, digits, `.`, `_` and `-`; others are refused.
    Name,
    /// The same, but a value under another key is passed over, as Compose does it: the schema forgot to forbid them.
    LooseName,
}

/// A list.
#[derive(Debug)]
pub struct List {
    /// The shape of every item.
    pub item: Shape,
    /// What equal items mean.
    pub equal: Equal,
}

/// What a second item of a list that is like an earlier one means.
#[derive(Clone, Copy, Debug)]
pub enum Equal {
    /// Nothing.
    Allowed,
    /// An error.
    Refused,
    /// It replaces the earlier one, at its place. The function tells what must be equal.
    Replaced(fn(&Node) -> Option<String>),
}

/// How the value of a later file meets that of an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Mappings key by key, lists end to end; anything else is replaced. Nothing (`null`) leaves what was there.
    Deep,
    /// The later one counts.
    Replaced,
    /// Deep where both name the same driver, or one names none; else the later one counts.
    SameDriver,
    /// Lists of mappings that belong together where their `subnet` is the same.
    BySubnet,
}

/// A single value: what may be written, and what becomes of it.
#[derive(Clone, Copy, Debug)]
pub enum Leaf {
    /// A text.
    Text,
    /// A text that names a path on the host; [`Path`] says how it is found.
    Path(Path),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A boolean, or a text that says so.
    Bool,
    /// A boolean in YAML.
    PlainBool,
    /// A boolean or any text, both kept as text.
    TextOrBool,
    /// A whole number from one to another, or a text of a whole number.
    Integer(i64, i64),
    /// A whole number in YAML.
    PlainInteger(i64, i64),
    /// A number whose fraction Compose drops, or a text of a whole number.
    Truncated(i64, i64),
    /// A number in YAML, whose fraction Compose drops.
    PlainTruncated(i64, i64),
    /// A number or a text of one.
    Number,
    /// A text, a number or a boolean, kept as the text Go makes of it.
    Scalar,
    /// A text or a number, kept as text.
    TextOrNumber,
    /// A text or a whole number, kept as text.
    TextOrInteger,
    /// A size in bytes, printed as text.
    Bytes(Amount),
    /// A span of time, printed as Go does it.
    Duration,
    /// A value with a grammar of its own.
    Special(Reader),
}

/// What a size in bytes may be besides a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Nothing else.
    Text,
    /// A whole number that is not negative.
    Natural,
    /// A whole number.
    Integer,
    /// Any number; but one with a fraction counts as none.
    Number,
}

/// How a path on the host is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Relative ones start at the directory of the project, or of the file that was extended or included.
    Local,
    /// The same, unless it is an address: `https://…`, `git@…`, `service:NAME`.
    Context,
}

impl Object {
    /// What the table says of a key. Every key of every file is looked up several times, and nearly all rows differ in
    /// their length or their first letter.
    pub fn get(&self, key: &str) -> Option<&'static Attribute> {
        let alike =
            |row: &&Attribute| row.key.len() == key.len() && row.key.bytes().next() == key.bytes().next();
        self.attributes.iter().filter(alike).find(|row| row.key == key)
    }
}

impl Attribute {
    /// Lets the later value replace the earlier one.
    const fn replaced(mut self) -> Self {
        self.merge = Merge::Replaced;
        self
    }

    /// Sets how values merge.
    const fn merged(mut self, merge: Merge) -> Self {
        self.merge = merge;
        self
    }

    /// Makes the attribute one that must be there.
    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Prints the attribute even where it says nothing.
    const fn kept(mut self) -> Self {
        self.kept = true;
        self
    }
}

const fn at(key: &'static str, shape: Shape) -> Attribute {
    Attribute { key, shape, merge: Merge::Deep, required: false, kept: false }
}
