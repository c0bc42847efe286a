//! The JSON Schema of a Compose file, made of the table that files are read by.
//!
//! What may stand at a place is asked of the reader itself, with a sample of each form, so that the schema cannot say
//! anything else. It knows files and not projects: what the text of a variable is, and what a tag does, is not known.

#[cfg(test)]
mod tests;

use schemars::schema_for;
use serde_json::{Map, Value, json};

use crate::compose::Variables;
use crate::compose::check::check;
use crate::compose::expand::expand;
use crate::compose::schema::{Attribute, Equal, Extensions, FILE, Key, Leaf, List, Names, Object, Shape};
use crate::compose::{Extension, ServiceExtension};
use crate::diag::Diagnostics;
use crate::source::Sources;
use crate::yaml::parse;

const MANUAL: &str = include_str!("../../man/manual.md");

/// The types of JSON that are no list and no mapping, each with values that a reader could ask for.
const SCALARS: [(&str, &[&str]); 5] = [
    (
        "string",
        &[
            "a",
            "'80'",
            "'0.5'",
            "'true'",
            "/a",
            "/a:/b",
            "a=b",
            "'a=10.0.0.1'",
            "all",
            "1m",
            "1s",
            "missing",
            "0400",
        ],
    ),
    ("integer", &["1", "80"]),
    ("number", &["0.5"]),
    ("boolean", &["true"]),
    ("null", &["null"]),
];

/// What a text is whose value is not known.
const VARIABLE: &str = "\\$";

/// The schema of a whole file.
pub(super) fn schema() -> Value {
    let mut root = object(&FILE);
    let (extension, mut definitions) = without_head(schema_for!(Extension).to_value());
    root["properties"]["x-bundlegen"] = extension;
    let services = &mut root["properties"]["services"]["additionalProperties"]["properties"];
    let (extension, more) = without_head(schema_for!(ServiceExtension).to_value());
    definitions.extend(more);
    services["x-bundlegen"] = extension;
    for (key, text) in manual() {
        services[&key]["description"] = text.into();
    }
    root["properties"]["version"]["deprecated"] = true.into();
    root["properties"]["version"]["description"] = "Means nothing any more.".into();
    root["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    root["title"] = "A Compose file for bundlegen".into();
    root["$defs"] = definitions.into();
    root
}

/// A schema for a place in another one, and what it refers to.
fn without_head(mut schema: Value) -> (Value, Map<String, Value>) {
    let all = schema.as_object_mut().unwrap();
    all.remove("$schema");
    all.remove("title");
    let definitions = all.remove("$defs").and_then(|definitions| definitions.as_object().cloned());
    (schema, definitions.unwrap_or_default())
}

/// What the manual says of each attribute of a service, without its links.
fn manual() -> Vec<(String, String)> {
    let (_, chapter) = MANUAL.split_once("\n## Attributes\n").unwrap();
    let rows = chapter.split("\n#").next().unwrap().lines();
    let cells = rows.filter_map(|row| row.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | "));
    let cells = cells.map(|(key, text)| (key.to_owned(), without_links(text).replace("\\|", "|")));
    cells.collect()
}

fn without_links(text: &str) -> String {
    let mut parts = text.split("](");
    let first = parts.next().unwrap_or_default().to_owned();
    let all = parts.fold(first, |mut all, part| {
        if let Some(open) = all.rfind('[') {
            all.remove(open);
        }
        all + part.split_once(')').map_or("", |(_, rest)| rest)
    });
    format!("In `config.json`: {all}")
}

fn of(shape: &Shape) -> Value {
    match shape {
        Shape::Any => json!({}),
        Shape::Leaf(leaf) => of_leaf(*leaf),
        Shape::Nullable(inner) | Shape::Blank(inner) => either(vec![of(inner), json!({ "type": "null" })]),
        Shape::Object(all) => object(all),
        Shape::Names(all) => names(all),
        Shape::List(all) => list(all, &of(&all.item)),
        Shape::Short(_, inner) => short(shape, inner),
    }
}

fn object(object: &Object) -> Value {
    let property = |attribute: &Attribute| (attribute.key.to_owned(), of(&attribute.shape));
    let properties: Map<String, Value> = object.attributes.iter().map(property).collect();
    let required = object.attributes.iter().filter(|attribute| attribute.required);
    let required: Vec<&str> = required.map(|attribute| attribute.key).collect();
    let mut schema = json!({
        "title": object.what.replace('`', ""), "type": "object", "properties": properties,
        "additionalProperties": object.extensions == Extensions::Everything,
    });
    if object.extensions == Extensions::Allowed {
        schema["patternProperties"] = json!({ "^x-": {} });
    }
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

fn names(names: &Names) -> Value {
    let mut schema = json!({ "type": "object", "additionalProperties": of(&names.value) });
    if names.key == Key::Name {
        schema["propertyNames"] = json!({ "pattern": "^[a-zA-Z0-9._-]+$" });
    }
    schema
}

fn list(list: &List, item: &Value) -> Value {
    match list.equal {
        Equal::Refused => json!({ "type": "array", "items": item, "uniqueItems": true }),
        Equal::Allowed | Equal::Replaced(_) => json!({ "type": "array", "items": item }),
    }
}

/// The long form, and what is written out to it.
fn short(shape: &Shape, inner: &Shape) -> Value {
    let items = types(shape, |sample| format!("[{sample}]"));
    let mut forms = vec![types(shape, ToOwned::to_owned)];
    let mut long = if let Shape::List(all) = long_form(inner) {
        forms.push(mapping(shape));
        list(all, &either(vec![of(&all.item), items]))
    } else {
        if items != json!(false) {
            forms.push(json!({ "type": "array", "items": items }));
        }
        of(inner)
    };
    if accepts(shape, "{external: {name: a}}") && long["properties"].get("external").is_some() {
        let old = json!({
            "type": "object", "properties": { "name": { "type": "string" } }, "deprecated": true,
        });
        let external = long["properties"]["external"].take();
        long["properties"]["external"] = either(vec![external, old]);
    }
    forms.insert(0, long);
    either(forms)
}

/// The mapping that a list may be written as.
fn mapping(shape: &Shape) -> Value {
    let values = types(shape, |sample| format!("{{a: {sample}}}"));
    let lists = types(shape, |sample| format!("{{a: [{sample}]}}"));
    if values == json!(false) && lists == json!(false) {
        return json!(false);
    }
    let values = either(vec![values, json!({ "type": "array", "items": lists })]);
    json!({ "type": "object", "additionalProperties": values })
}

fn long_form(shape: &Shape) -> &Shape {
    match shape {
        Shape::Nullable(inner) | Shape::Blank(inner) | Shape::Short(_, inner) => long_form(inner),
        shape => shape,
    }
}

fn of_leaf(leaf: Leaf) -> Value {
    let shape = Shape::Leaf(leaf);
    let mut schema = match leaf {
        Leaf::OneOf(words) => {
            return json!({ "anyOf": [{ "enum": words }, { "type": "string", "pattern": VARIABLE }] });
        }
        Leaf::Special(_) => with_limits(&shape),
        _ => types(&shape, ToOwned::to_owned),
    };
    if let Leaf::Integer(from, to) | Leaf::PlainInteger(from, to) = leaf {
        if from != i64::MIN {
            schema["minimum"] = from.into();
        }
        if to != i64::MAX {
            schema["maximum"] = to.into();
        }
    }
    if takes_text(&schema) {
        return schema;
    }
    either(vec![schema, json!({ "type": "string", "pattern": VARIABLE })])
}

fn takes_text(schema: &Value) -> bool {
    let is_text = |kind: &Value| *kind == "string";
    let forms = schema["anyOf"].as_array().into_iter().flatten();
    is_text(&schema["type"])
        || schema["type"].as_array().is_some_and(|all| all.iter().any(is_text))
        || forms.into_iter().any(takes_text)
}

/// Some values may also be a soft and a hard limit.
fn with_limits(shape: &Shape) -> Value {
    let limits = types(shape, |sample| format!("{{soft: {sample}, hard: 80}}"));
    let mut forms = vec![types(shape, ToOwned::to_owned)];
    if limits != json!(false) {
        forms.push(json!({
            "type": "object", "properties": { "soft": limits, "hard": limits }, "required": ["soft", "hard"],
            "patternProperties": { "^x-": {} }, "additionalProperties": false,
        }));
    }
    either(forms)
}

/// The types whose samples the reader takes in some form; `false` where it takes none.
fn types(shape: &Shape, form: impl Fn(&str) -> String) -> Value {
    let taken = |(_, samples): &&(&str, &[&str])| samples.iter().any(|sample| accepts(shape, &form(sample)));
    let taken: Vec<&str> = SCALARS.iter().filter(taken).map(|(name, _)| *name).collect();
    // A number may also be whole.
    let taken: Vec<&str> =
        taken.iter().copied().filter(|name| *name != "integer" || !taken.contains(&"number")).collect();
    match &taken[..] {
        [] => json!(false),
        [one] => json!({ "type": one }),
        _ => json!({ "type": taken }),
    }
}

/// Whether a text may stand at a place.
fn accepts(shape: &Shape, text: &str) -> bool {
    let (mut d, mut sources) = (Diagnostics::default(), Sources::default());
    let file = sources.add("sample".to_owned(), text.to_owned());
    let node = parse(&mut d, file, text).unwrap();
    let node = expand(&mut d, &node, shape, Variables::Replaced);
    check(&mut d, &node, shape, Variables::Replaced);
    d.errors() == 0
}

/// What satisfies one of the schemas; types alone are put together.
fn either(schemas: Vec<Value>) -> Value {
    let (mut types, mut others): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    for schema in schemas.into_iter().filter(|schema| *schema != json!(false)) {
        match schema.as_object().filter(|all| all.len() == 1).and_then(|all| all.iter().next()) {
            Some((key, Value::Array(all))) if key == "anyOf" => others.extend(all.iter().cloned()),
            Some((key, Value::Array(all))) if key == "type" => types.extend(all.iter().cloned()),
            Some((key, one)) if key == "type" => types.push(one.clone()),
            _ => others.push(schema),
        }
    }
    let mut distinct: Vec<Value> = Vec::new();
    for one in types {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    match (distinct.len(), distinct) {
        (0, _) => {}
        (1, mut one) => others.push(json!({ "type": one.remove(0) })),
        (_, all) => others.push(json!({ "type": all })),
    }
    match others.len() {
        0 => json!(false),
        1 => others.remove(0),
        _ => json!({ "anyOf": others }),
    }
}
