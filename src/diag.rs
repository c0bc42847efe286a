//! What is wrong with an input, as data: one sink for a whole run, rendered at the edge by `render`.
//!
//! A function that fails has already said why: its error is [`Reported`], an empty token that only the sink can
//! make. So a stage can drop one service, go on with the next, and no error is lost or said twice.

pub mod json;

use std::fmt;
use std::ops::Range;

use crate::source::Span;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is written.
    Error,
    /// The output is written, and differs from what Docker would do in a way the user should know.
    Warning,
}

/// A place and what it has to do with the finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What this place is; empty where the message has said it all.
    pub text: String,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The kind of finding: its name in the manual.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong and what was found; lower case, no full stop.
    pub message: String,
    /// The places; the first is the one to go to.
    pub labels: Vec<Label>,
    /// What to do about it.
    pub help: Option<String>,
}

/// Proof that an error was reported. Only the sink makes one.
#[derive(Clone, Copy, Debug)]
pub struct Reported(());

/// How many errors, and how many warnings, one run keeps.
const MAX_FOUND: usize = 1000;

/// The sink of one run.
#[derive(Debug, Default)]
pub struct Diagnostics {
    found: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
    doubts: Doubts,
}

/// What a doubt is: something that Compose passes over in silence, and that leaves a container less confined than it
/// looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Doubts {
    /// A warning.
    #[default]
    Told,
    /// An error, as in a build.
    Refused,
}

impl Diagnostics {
    /// Begins an error; it counts once [`Draft::emit`] is called.
    pub fn error(&mut self, code: Code, message: impl Into<String>) -> Draft<'_, Reported> {
        self.draft(code, Severity::Error, message.into(), Reported(()))
    }

    /// Begins a warning; it counts once [`Draft::emit`] is called.
    pub fn warning(&mut self, code: Code, message: impl Into<String>) -> Draft<'_, ()> {
        self.draft(code, Severity::Warning, message.into(), ())
    }

    /// Begins what is a warning or an error, as [`Diagnostics::set_doubts`] has it.
    pub fn doubt(&mut self, code: Code, message: impl Into<String>) -> Draft<'_, ()> {
        let severity = match self.doubts {
            Doubts::Told => Severity::Warning,
            Doubts::Refused => Severity::Error,
        };
        self.draft(code, severity, message.into(), ())
    }

    /// Says what a doubt is from now on.
    pub fn set_doubts(&mut self, doubts: Doubts) {
        self.doubts = doubts;
    }

    fn draft<T>(&mut self, code: Code, severity: Severity, message: String, token: T) -> Draft<'_, T> {
        let diagnostic = Diagnostic { code, severity, message, labels: Vec::new(), help: None };
        Draft { sink: self, diagnostic, token }
    }

    /// What is wrong with a part of a text that was written at `place(range)`.
    pub fn invalid(
        &mut self,
        code: Code,
        invalid: Invalid,
        place: impl Fn(Range<usize>) -> Span,
    ) -> Reported {
        let span = place(invalid.range);
        let mut draft = self.error(invalid.code.unwrap_or(code), invalid.message).label(span, invalid.label);
        draft.diagnostic.help = invalid.help;
        draft.emit()
    }

    /// Everything found, in the order of the places: by file, then by position, and without a place first.
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut all: Vec<_> = self.found.iter().collect();
        all.sort_by_key(|found| found.labels.first().map(|label| label.span));
        all
    }

    /// The token, if there was an error so far.
    pub fn failed(&self) -> Result<(), Reported> {
        if self.errors == 0 { Ok(()) } else { Err(Reported(())) }
    }

    /// Whether another error would be kept, so that it is worth looking for the best help.
    pub fn has_room(&self) -> bool {
        self.errors < MAX_FOUND
    }

    /// The number of errors so far.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// The number of warnings so far.
    pub fn warnings(&self) -> usize {
        self.warnings
    }
}

/// A finding under construction.
#[must_use = "a draft says nothing until it is emitted"]
pub struct Draft<'d, T> {
    sink: &'d mut Diagnostics,
    diagnostic: Diagnostic,
    token: T,
}

impl<T> Draft<'_, T> {
    /// Adds a place; the first one is the primary.
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.diagnostic.labels.push(Label { span, text: text.into() });
        self
    }

    /// Says what to do.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.diagnostic.help = Some(text.into());
        self
    }

    /// Names the known word that was probably meant, if there is one; else what was said before stays.
    pub fn did_you_mean(self, known: Option<&str>) -> Self {
        match known {
            Some(known) => self.help(format!("did you mean `{known}`?")),
            None => self,
        }
    }

    /// Hands the finding to the sink. The same finding at the same place is kept once: a mapping that is used
    /// through several aliases has its mistakes in one place.
    pub fn emit(self) -> T {
        let Draft { sink, diagnostic, token } = self;
        let count = match diagnostic.severity {
            Severity::Error => &mut sink.errors,
            Severity::Warning => &mut sink.warnings,
        };
        // A hostile file can have more mistakes than there is time to compare; nobody reads the thousandth. It counts
        // all the same, or a build with enough warnings would pass with an error.
        let full = *count >= MAX_FOUND;
        if full {
            *count += 1;
        } else if !sink.found.contains(&diagnostic) {
            *count += 1;
            sink.found.push(diagnostic);
        }
        token
    }
}

/// Why a text is not a value of some type. Value types know no places: the range is within their own text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The bytes of the text that are wrong.
    pub range: Range<usize>,
    /// What is wrong and what was found; lower case, no full stop.
    pub message: String,
    /// What stands at the range; may be empty.
    pub label: String,
    /// What to write instead.
    pub help: Option<String>,
    /// The kind of finding, where it is not what is usual at the place.
    pub code: Option<Code>,
}

impl Invalid {
    /// Something wrong with `range` of the text.
    pub fn new(range: Range<usize>, message: impl Into<String>) -> Self {
        Invalid { range, message: message.into(), label: String::new(), help: None, code: None }
    }

    /// Something wrong with all of `text`.
    pub fn whole(text: &str, message: impl Into<String>) -> Self {
        Invalid::new(0..text.len(), message)
    }

    /// Says what stands at the range.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.label = text.into();
        self
    }

    /// Names the known word that was probably meant, if there is one; else what was said before stays.
    #[must_use]
    pub fn did_you_mean(self, known: Option<&str>) -> Self {
        match known {
            Some(known) => self.help(format!("did you mean `{known}`?")),
            None => self,
        }
    }

    /// Says what to write instead.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Says what kind of finding it is.
    #[must_use]
    pub fn code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Invalid {}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// The kinds of finding. The name of one is also the folder of its test and its anchor in the manual.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            /// Every kind, in the order of the manual.
            pub const ALL: &[Code] = &[$(Code::$variant,)*];

            /// The name that is shown and documented.
            pub fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }
        }
    };
}

codes! {
    /// An input cannot be read.
    Unreadable = "unreadable",
    /// The text is not YAML.
    Syntax = "syntax",
    /// A key stands twice in one mapping.
    DuplicateKey = "duplicate-key",
    /// A key is not a text.
    KeyType = "key-type",
    /// An alias has no anchor, contains itself, or stands for too much.
    Alias = "alias",
    /// `<<` has something other than mappings.
    Merge = "merge",
    /// A YAML tag contradicts its value.
    Tag = "tag",
    /// Compose knows it; `bundlegen` does not do it yet.
    NotSupported = "not-supported",
    /// Compose knows it; a bundle has no place for it.
    NoPlace = "no-place",
    /// A variable is written wrongly, or one that must be set is not.
    Interpolation = "interpolation",
    /// A variable is not set.
    UnsetVariable = "unset-variable",
    /// A mapping has a key that Compose does not know.
    UnknownKey = "unknown-key",
    /// A key that must be there is missing.
    MissingKey = "missing-key",
    /// A value has the wrong YAML type.
    WrongType = "wrong-type",
    /// A word of YAML 1.1 is taken for a boolean.
    BooleanWord = "boolean-word",
    /// A number or a boolean becomes a text that is spelt otherwise.
    Respelt = "respelt",
    /// Compose drops a value, or a part of it, in silence.
    ValueDropped = "value-dropped",
    /// A value is out of range, misspelt or of no use.
    InvalidValue = "invalid-value",
    /// A key means nothing any more.
    Obsolete = "obsolete",
    /// A name is not allowed.
    Name = "name",
    /// Two settings contradict each other.
    Conflict = "conflict",
    /// A command is cut at a shell operator.
    CommandCut = "command-cut",
    /// An env file has a mistake.
    EnvFile = "env-file",
    /// A service that is referred to does not exist.
    UnknownService = "unknown-service",
    /// A volume that is referred to is not declared.
    UnknownVolume = "unknown-volume",
    /// A network, secret, config or model that is referred to is not declared.
    UnknownResource = "unknown-resource",
    /// Services wait for each other.
    Cycle = "cycle",
    /// A service has no image, or its image is not at hand.
    MissingImage = "missing-image",
    /// An image is not what it should be.
    Image = "image",
    /// A user or group does not exist in the image.
    User = "user",
    /// The lock cannot be read.
    Lock = "lock",
    /// There is nothing to run.
    NoCommand = "no-command",
    /// A service waits for the health of one that has no healthcheck.
    NoHealthcheck = "no-healthcheck",
    /// A service has no network for what it says.
    NoNetwork = "no-network",
    /// A key is reserved for bundlegen or for the runtime.
    ReservedKey = "reserved-key",
    /// A seccomp profile has a mistake.
    SeccompProfile = "seccomp-profile",
    /// A runtime cannot do what is asked for.
    Features = "features",
    /// A user without rights cannot run it.
    Rootless = "rootless",
    /// The output depends on the machine that builds.
    HostDependent = "host-dependent",
    /// A fault of bundlegen.
    Internal = "internal",
}
