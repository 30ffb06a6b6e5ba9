//! Rules of the OpenAPI document that no schema says: names, tags, summaries, failures.

use std::collections::{BTreeMap, BTreeSet};

use os_types::Code;
use serde_json::Value;

use crate::report::Finding;
use crate::tree::Tree;

/// Longest summary: generators put it on one line.
const SUMMARY_LIMIT: usize = 100;

/// Statuses that no operation answers with: 405 comes before an operation is known, 403 and 502 are
/// those of failures that the client itself finds.
const NOT_OF_OPERATIONS: &[u16] = &[403, 405, 502];

pub(super) fn check(_tree: &Tree) -> Vec<Finding> {
    let document = os_api::openapi();
    let findings = judge(&document).into_iter().chain(codes(&document));
    findings.map(Finding::error).collect()
}

/// One operation of the document.
struct Operation<'a> {
    path: &'a str,
    method: &'a str,
    body: &'a Value,
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let all = paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(|(method, body)| Operation { path, method, body })
    });
    all.collect()
}

fn judge(document: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let tags = tags(document, &mut wrong);
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for operation in operations(document) {
        let Operation { path, method, body } = operation;
        let id = body["operationId"].as_str().unwrap_or_default();
        let mut add = |text: String| wrong.push(format!("{method} {path}: {text}"));
        if !is_kebab(id) {
            add(format!("operationId {id:?} is not of the form entity-verb"));
        }
        if let Some(other) = seen.insert(id, path) {
            add(format!("operationId {id:?} is that of {other}, too"));
        }
        let own = body["tags"].as_array().map_or(&[][..], Vec::as_slice);
        match own {
            [tag] if tag.as_str().is_some_and(|tag| tags.contains(tag)) => {}
            _ => add(format!("{id} does not have one tag of the list `tags`")),
        }
        let summary = body["summary"].as_str().unwrap_or_default();
        let begins = summary.chars().next().is_some_and(char::is_uppercase);
        if !begins || summary.ends_with('.') || summary.chars().count() > SUMMARY_LIMIT {
            add(format!(
                "summary {summary:?} is not one sentence of at most {SUMMARY_LIMIT} characters with \
                 a capital and no full stop"
            ));
        }
        if let Some(part) = path.split('/').find(|part| !is_part(part)) {
            add(format!(
                "{part:?} is neither a kebab-case word nor a parameter"
            ));
        }
        for parameter in body["parameters"].as_array().into_iter().flatten() {
            if parameter["description"].as_str().is_none_or(str::is_empty) {
                add(format!(
                    "parameter {} has no description",
                    parameter["name"]
                ));
            }
        }
        if !body["responses"]
            .as_object()
            .is_some_and(|answers| answers.keys().any(|status| status.starts_with(['1', '2'])))
        {
            add("has no answer of success".to_owned());
        }
    }
    wrong
}

/// The declared tags; each has a description and a user.
fn tags<'a>(document: &'a Value, wrong: &mut Vec<String>) -> BTreeSet<&'a str> {
    let used: BTreeSet<&str> = operations(document)
        .iter()
        .filter_map(|operation| operation.body["tags"].as_array())
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let declared = document["tags"].as_array().into_iter().flatten();
    let declared: BTreeSet<&str> = declared
        .filter(|tag| {
            tag["description"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        })
        .filter_map(|tag| tag["name"].as_str())
        .collect();
    for tag in declared.difference(&used) {
        wrong.push(format!("tag {tag} is declared and not used"));
    }
    declared
}

/// Each error code is a value of the schema with its meaning, and its status is one that operations
/// answer with; no operation answers with a status that no code has.
fn codes(document: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let schema = document["components"]["schemas"]["Code"].to_string();
    let answered: BTreeSet<u16> = operations(document)
        .iter()
        .filter_map(|operation| operation.body["responses"].as_object())
        .flat_map(|responses| responses.keys())
        .filter_map(|status| status.parse().ok())
        .filter(|status| *status >= 400)
        .collect();
    for code in Code::ALL {
        let title = serde_json::to_string(code.title()).unwrap_or_default();
        if !schema.contains(&format!("\"{code}\"")) || !schema.contains(&title) {
            wrong.push(format!(
                "error code {code} is not in the schema Code, or without its title"
            ));
        }
        let status = code.status();
        if !answered.contains(&status) && !NOT_OF_OPERATIONS.contains(&status) {
            wrong.push(format!(
                "no operation says that it may answer {status} ({code})"
            ));
        }
    }
    let known: BTreeSet<u16> = Code::ALL.iter().map(|code| code.status()).collect();
    for status in answered.difference(&known) {
        wrong.push(format!(
            "operations say that they answer {status}, which no error code has"
        ));
    }
    wrong
}

/// Lower-case words with single hyphens between them.
fn is_kebab(text: &str) -> bool {
    let mut words = text.split('-');
    words.all(|word| !word.is_empty() && word.chars().all(|letter| letter.is_ascii_lowercase()))
}

/// A part of a path: empty before the first slash, a version, a parameter, a word, or a file.
fn is_part(part: &str) -> bool {
    let parameter = part
        .strip_prefix('{')
        .and_then(|part| part.strip_suffix('}'));
    part.is_empty()
        || matches!(part, "v1" | "openapi.json")
        || is_kebab(part)
        || parameter.is_some_and(is_kebab)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(operation: &Value) -> Value {
        json!({
            "tags": [{ "name": "cat", "description": "Cats" }],
            "paths": { "/v1/cats": { "get": operation } },
        })
    }

    #[test]
    fn a_good_operation_passes() {
        let good = document(&json!({
            "operationId": "cat-list", "summary": "All cats", "tags": ["cat"],
            "parameters": [{ "name": "pool", "description": "Where" }],
            "responses": { "200": {} },
        }));
        assert_eq!(judge(&good), Vec::<String>::new());
    }

    #[test]
    fn each_rule_is_broken_by_something() {
        let bad = document(&json!({
            "operationId": "CatList", "summary": "all cats.", "tags": ["dog"],
            "parameters": [{ "name": "pool" }], "responses": { "400": {} },
        }));
        let wrong = judge(&bad).join("\n");
        for rule in [
            "operationId \"CatList\"",
            "one tag",
            "summary \"all cats.\"",
            "parameter \"pool\"",
            "no answer of success",
            "tag cat is declared and not used",
        ] {
            assert!(wrong.contains(rule), "{rule} in\n{wrong}");
        }
    }

    #[test]
    fn a_status_without_a_code_and_a_code_without_a_status_are_found() {
        let wrong = codes(&document(&json!({ "responses": { "200": {}, "418": {} } }))).join("\n");
        assert!(wrong.contains("418, which no error code has"), "{wrong}");
        assert!(wrong.contains("may answer 404 (E-NOT-FOUND)"), "{wrong}");
        assert!(
            wrong.contains("E-NOT-FOUND is not in the schema"),
            "{wrong}"
        );
    }
}
