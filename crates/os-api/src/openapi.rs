//! The OpenAPI 3.1 document, made from the tables of endpoints and commands.
//!
//! *Source*: OpenAPI Specification 3.1.0; its schemas are JSON Schema 2020-12, which schemars makes.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::command::{Command, CommandInfo};
use crate::endpoint::{self, CommandQuery, EndpointInfo, EventsQuery, Method};
use crate::exec::{EXEC_PATH, EXEC_PROTOCOL, ExecRequest};
use crate::operation::{CommandPlan, Operation};
use crate::problem::{MEDIA_TYPE, Problem};

/// How a reading endpoint may fail.
const READ_FAILURES: [u16; 5] = [400, 404, 409, 500, 504];

/// How a command may fail before it becomes an operation.
const COMMAND_FAILURES: [u16; 6] = [400, 404, 409, 413, 500, 503];

/// How the start of a command in a container may fail: a container may be started for it.
const EXEC_FAILURES: [u16; 8] = [400, 404, 409, 413, 500, 503, 504, 507];

/// The tags: name, description, and how the ids of the operations that have it begin.
const TAGS: [(&str, &str, &[&str]); 10] = [
    (
        "daemon",
        "The daemon itself, its events and its error codes",
        &["ping", "daemon", "openapi", "code", "event", "activate"],
    ),
    (
        "pool",
        "Pools, and the images and the trash on them",
        &["pool", "image", "trash"],
    ),
    ("id-range", "Ranges of host ids", &["id-range"]),
    ("user", "Users: tenants and their id maps", &["user"]),
    ("group", "Groups of containers", &["group"]),
    ("container", "Containers", &["container"]),
    ("attribute", "User attributes of entities", &["attr"]),
    (
        "prlimit",
        "Limits of processes of containers, groups and pools",
        &["prlimit"],
    ),
    ("asset", "What entities expect to exist", &["asset"]),
    (
        "operation",
        "Commands on their way, their locks and the history",
        &["operation", "queue", "history", "undo"],
    ),
];

/// The document as JSON.
pub fn openapi() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    let problem = generator.subschema_for::<Problem>();

    let mut paths = Map::new();
    for info in endpoint::ALL {
        add(
            &mut paths,
            info.path,
            info.method,
            read(info, &mut generator),
        );
    }
    for info in Command::ALL {
        let path = endpoint::COMMAND_PATH.replace("{command}", info.name);
        add(
            &mut paths,
            &path,
            Method::Post,
            command(info, &mut generator),
        );
        let path = endpoint::PLAN_PATH.replace("{command}", info.name);
        add(&mut paths, &path, Method::Post, plan(info, &mut generator));
    }
    add(&mut paths, EXEC_PATH, Method::Post, exec(&mut generator));
    add(
        &mut paths,
        endpoint::EVENTS_PATH,
        Method::Get,
        events(&mut generator),
    );
    add(&mut paths, endpoint::OPENAPI_PATH, Method::Get, document());

    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "osctld",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "The container daemon of vpsAdminOS in Rust",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{
            "url": "http://localhost",
            "description": "Over the Unix socket /run/osctl/osctld.sock: curl --unix-socket",
        }],
        "tags": TAGS.map(|(name, description, _)| json!({ "name": name, "description": description })),
        "paths": paths,
        "components": {
            "responses": {
                "Problem": {
                    "description": "What, why and what next",
                    "content": { (MEDIA_TYPE): { "schema": problem } },
                },
            },
            "schemas": generator.take_definitions(true),
        },
    });
    bound_integers(&mut document);
    document
}

/// Adds the largest value to each integer whose format has one: to JSON Schema a format is a word.
fn bound_integers(value: &mut Value) {
    if let Value::Object(object) = value {
        let largest = match object.get("format").and_then(Value::as_str) {
            Some("uint8") => Some(json!(u8::MAX)),
            Some("uint16") => Some(json!(u16::MAX)),
            Some("uint32") => Some(json!(u32::MAX)),
            Some("uint64") => Some(json!(u64::MAX)),
            _ => None,
        };
        if let Some(largest) = largest {
            object.entry("maximum").or_insert(largest);
        }
        object.values_mut().for_each(bound_integers);
    } else if let Value::Array(values) = value {
        values.iter_mut().for_each(bound_integers);
    }
}

fn add(paths: &mut Map<String, Value>, path: &str, method: Method, operation: Value) {
    let item = paths.entry(path.to_owned()).or_insert_with(|| json!({}));
    if let Some(item) = item.as_object_mut() {
        item.insert(method.as_str().to_ascii_lowercase(), operation);
    }
}

fn read(info: &EndpointInfo, generator: &mut SchemaGenerator) -> Value {
    let mut parameters = parameters("path", &(info.path_schema)(generator));
    parameters.extend(self::parameters("query", &(info.query_schema)(generator)));
    let schema = (info.answer_schema)(generator);
    let mut operation = head(&kebab(info.name), info.summary, info.since);
    operation["parameters"] = parameters.into();
    operation["responses"] = json!({
        "200": { "description": "The answer", "content": { (info.media_type): { "schema": schema } } },
    });
    add_failures(&mut operation, &READ_FAILURES);
    if info.method == Method::Post {
        add_failures(&mut operation, &[503]);
    }
    operation
}

fn command(info: &CommandInfo, generator: &mut SchemaGenerator) -> Value {
    let query = <CommandQuery as schemars::JsonSchema>::json_schema(generator);
    let answer = generator.subschema_for::<Operation>();
    let mut operation = head(info.name, info.summary, info.since);
    operation["parameters"] = parameters("query", &query).into();
    operation["requestBody"] = body(&(info.schema)(generator));
    operation["responses"] = json!({
        "202": {
            "description": "The operation; its failure, if any, is in it",
            "content": { "application/json": { "schema": answer } },
        },
    });
    add_failures(&mut operation, &COMMAND_FAILURES);
    operation
}

fn plan(info: &CommandInfo, generator: &mut SchemaGenerator) -> Value {
    let answer = generator.subschema_for::<CommandPlan>();
    let summary = format!("The steps of {}; nothing is changed", info.name);
    let mut operation = head(&format!("{}-plan", info.name), &summary, "0.2");
    operation["requestBody"] = body(&(info.schema)(generator));
    operation["responses"] = json!({
        "200": {
            "description": "The plan",
            "content": { "application/json": { "schema": answer } },
        },
    });
    add_failures(&mut operation, &COMMAND_FAILURES);
    operation
}

fn exec(generator: &mut SchemaGenerator) -> Value {
    let request = generator.subschema_for::<ExecRequest>();
    let summary = "Run a command in a container";
    let mut operation = head("container-exec", summary, "0.2");
    operation["parameters"] = json!([{
        "name": "Upgrade", "in": "header", "required": true,
        "description": "What the connection becomes",
        "schema": { "type": "string", "enum": [EXEC_PROTOCOL] },
    }]);
    operation["requestBody"] = body(&request);
    operation["responses"] = json!({
        "101": {
            "description": "The connection leads to the command (ADR-9 of the book)",
        },
    });
    add_failures(&mut operation, &EXEC_FAILURES);
    operation
}

/// What all operations have. The id says entity and verb, the tag the entity.
fn head(id: &str, summary: &str, since: &str) -> Value {
    let begins = |prefix: &&str| {
        let rest = id.strip_prefix(*prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let tag = TAGS
        .iter()
        .find(|(_, _, prefixes)| prefixes.iter().any(begins));
    json!({
        "operationId": id,
        "summary": summary,
        "tags": tag.map(|(name, ..)| name).into_iter().collect::<Vec<_>>(),
        "x-since": since,
    })
}

/// `UserList` as `user-list`.
fn kebab(name: &str) -> String {
    let mut id = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !id.is_empty() {
            id.push('-');
        }
        id.push(letter.to_ascii_lowercase());
    }
    id
}

fn body(schema: &Schema) -> Value {
    json!({ "required": true, "content": { "application/json": { "schema": schema } } })
}

fn events(generator: &mut SchemaGenerator) -> Value {
    let query = <EventsQuery as schemars::JsonSchema>::json_schema(generator);
    let event = generator.subschema_for::<crate::Event>();
    let sse = json!({
        "type": "object",
        "required": ["data"],
        "properties": {
            "id": { "type": "string", "description": "The revision", "pattern": "^[0-9]*$" },
            "event": { "type": "string", "enum": ["message", "gap"] },
            "data": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": event,
            },
        },
    });
    let mut parameters = parameters("query", &query);
    parameters.push(json!({
        "name": "Last-Event-ID", "in": "header", "required": false,
        "description": "Go on behind this revision",
        "schema": { "type": "integer", "format": "uint64", "minimum": 0 },
    }));
    let summary = "Events as server-sent events; the data of each is an Event, its id the revision";
    let mut operation = head("event-stream", summary, "0.1");
    operation["parameters"] = parameters.into();
    operation["responses"] = json!({
        "200": {
            "description": "The stream; the schema is that of each event",
            "content": { "text/event-stream": { "schema": sse } },
        },
    });
    add_failures(&mut operation, &READ_FAILURES);
    operation
}

fn document() -> Value {
    let mut operation = head("openapi-get", "This document", "0.1");
    operation["responses"] = json!({
        "200": {
            "description": "The document",
            "content": { "application/json": { "schema": { "type": "object" } } },
        },
    });
    add_failures(&mut operation, &READ_FAILURES);
    operation
}

/// Adds the failures that an operation may answer with: each status by number, because a `default`
/// would allow any.
fn add_failures(operation: &mut Value, statuses: &[u16]) {
    if let Some(responses) = operation["responses"].as_object_mut() {
        for status in statuses {
            let problem = json!({ "$ref": "#/components/responses/Problem" });
            responses.insert(status.to_string(), problem);
        }
    }
}

/// The properties of an object schema as parameters.
fn parameters(place: &str, schema: &Schema) -> Vec<Value> {
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| {
        place == "path" || required.is_some_and(|names| names.iter().any(|entry| entry == name))
    };
    let properties = schema.get("properties").and_then(Value::as_object);
    let parameter = |(name, schema): (&String, &Value)| {
        let mut schema = without_null(schema);
        let description = schema
            .as_object_mut()
            .and_then(|object| object.remove("description"));
        json!({
            "name": name, "in": place, "required": is_required(name),
            "description": description, "schema": schema,
        })
    };
    properties
        .map(|properties| properties.iter().map(parameter).collect())
        .unwrap_or_default()
}

/// A parameter is there or not, it is never null: drops what `Option` adds to a schema.
fn without_null(schema: &Value) -> Value {
    let mut schema = schema.clone();
    let Some(object) = schema.as_object_mut() else {
        return schema;
    };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [single] = types.as_slice() {
            let single = single.clone();
            object.insert("type".into(), single);
        }
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
        if let [Value::Object(single)] = choices.as_slice() {
            let single = single.clone();
            object.remove("anyOf");
            object.extend(single);
        }
    }
    object.remove("default");
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_every_address_once_and_resolves_its_references() {
        let document = openapi();
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(
            paths.len(),
            endpoint::ALL.len() + 2 * Command::ALL.len() + 3
        );
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(
                document["components"]["schemas"].get(name).is_some(),
                "{name}"
            );
        }
    }

    #[test]
    fn path_parts_are_parameters() {
        let document = openapi();
        for (path, item) in document["paths"].as_object().unwrap() {
            for part in path.split('{').skip(1) {
                let name = part.split('}').next().unwrap();
                let listed = item.to_string().contains(&format!("\"name\":\"{name}\""));
                assert!(listed, "{path}: {name}");
            }
        }
    }
}
