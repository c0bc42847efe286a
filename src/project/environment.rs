//! The variables a container gets.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::compose;
use crate::source::Span;

/// A variable of a container.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its value; `None` takes the image's variable of that name away.
    pub value: Option<Rc<str>>,
    /// Where it was set.
    pub span: Span,
}

/// The variables of a service. Those of its env files are among them, and those that the project's environment gives
/// have their value.
pub(super) fn of_service(service: &compose::Service) -> BTreeMap<Rc<str>, Variable> {
    let variables = service.environment.iter().map(|pair| {
        let span = pair.value.as_ref().map_or(pair.key.span, |value| value.span);
        let value = pair.value.as_ref().map(|value| Rc::clone(&value.value));
        (Rc::clone(&pair.key.value), Variable { value, span })
    });
    variables.collect()
}
