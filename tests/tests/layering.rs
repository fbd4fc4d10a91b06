//! The shape of the workspace: which room may know which, and what a file may be.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Every room, and the rooms it may know. Direction: protocol → device → {store, bus} → endpoint
/// → deployables → tests, service beside them, nothing sideways between deployables; and below all
/// what only a module for wasm32 has.
const ROOMS: [(&str, &[&str]); 16] = [
    ("sysmaint-wasm-test", &[]),
    ("sysmaint-wasm-host", &["sysmaint-wasm-test"]),
    ("sysmaint-protocol", &["sysmaint-wasm-host"]),
    ("sysmaint-service", &[]),
    ("sysmaint-device", &["sysmaint-protocol", "sysmaint-wasm-host"]),
    ("sysmaint-store", &["sysmaint-device", "sysmaint-protocol"]),
    ("sysmaint-bus", &["sysmaint-device", "sysmaint-protocol"]),
    (
        "sysmaint-endpoint",
        &["sysmaint-bus", "sysmaint-device", "sysmaint-protocol", "sysmaint-store"],
    ),
    ("sysmaint-store-rules", &["sysmaint-device", "sysmaint-protocol"]),
    ("sysmaint-testkit", BELOW_DEPLOYABLES),
    ("sysmaint-agent", BELOW_DEPLOYABLES),
    ("sysmaint-probe", BELOW_DEPLOYABLES),
    ("sysmaint-relay-bridge", BELOW_DEPLOYABLES),
    ("sysmaint-web", BELOW_DEPLOYABLES),
    ("sysmaint", DEPLOYABLES_AND_BELOW),
    ("sysmaint-tests", EVERYTHING),
];

const BELOW_DEPLOYABLES: &[&str] = &[
    "sysmaint-bus",
    "sysmaint-device",
    "sysmaint-endpoint",
    "sysmaint-protocol",
    "sysmaint-service",
    "sysmaint-store",
];

const DEPLOYABLES_AND_BELOW: &[&str] = &[
    "sysmaint-agent",
    "sysmaint-bus",
    "sysmaint-device",
    "sysmaint-endpoint",
    "sysmaint-probe",
    "sysmaint-protocol",
    "sysmaint-relay-bridge",
    "sysmaint-service",
    "sysmaint-store",
    "sysmaint-web",
];

const EVERYTHING: &[&str] = &[
    "sysmaint",
    "sysmaint-agent",
    "sysmaint-bus",
    "sysmaint-device",
    "sysmaint-endpoint",
    "sysmaint-probe",
    "sysmaint-protocol",
    "sysmaint-relay-bridge",
    "sysmaint-service",
    "sysmaint-store",
    "sysmaint-testkit",
    "sysmaint-web",
];

/// Foreign crates that only one room may name, but for [`TESTKIT`]'s benchmarks, which compare
/// with them.
const OWNED: [(&str, &str); 4] = [
    ("async-nats", "sysmaint-bus"),
    ("figment", "sysmaint-service"),
    ("libsignal-protocol-syft", "sysmaint-device"),
    ("rusqlite", "sysmaint-store"),
];

/// What any room's own tests may use, and what those of stores use.
const FOR_TESTS: [&str; 2] = [TESTKIT, "sysmaint-store-rules"];
const TESTKIT: &str = "sysmaint-testkit";

/// Names that say nothing about what a file is about.
const VAGUE: [&str; 6] = ["common", "helper", "helpers", "manager", "util", "utils"];

/// Lines of a source file beyond which it surely holds two things.
const LINES_MAX: usize = 600;

/// The types that the pages' tools make of the web server's OpenAPI document.
const GENERATED: &str = "web/ui/src/messenger/api.ts";

struct Dependency {
    from: String,
    to: String,
    only_for_tests: bool,
}

#[test]
fn rooms_know_only_the_rooms_below_them() {
    let rooms = BTreeMap::from(ROOMS);
    let wrong: Vec<String> = dependencies()
        .into_iter()
        .filter(|dependency| rooms.contains_key(dependency.to.as_str()))
        .filter(|dependency| {
            let allowed = rooms.get(dependency.from.as_str()).copied().unwrap_or_default();
            let for_tests =
                dependency.only_for_tests && FOR_TESTS.contains(&dependency.to.as_str());
            !for_tests && !allowed.contains(&dependency.to.as_str())
        })
        .map(|dependency| format!("{} → {}", dependency.from, dependency.to))
        .collect();
    assert!(wrong.is_empty(), "against the direction: {wrong:?}");
}

#[test]
fn every_room_has_its_place_in_the_direction() {
    let metadata = metadata();
    let members: BTreeSet<&str> =
        packages(&metadata).map(|package| package["name"].as_str().unwrap()).collect();
    let rooms: BTreeSet<&str> = ROOMS.iter().map(|(room, _)| *room).collect();
    assert_eq!(members, rooms);
}

#[test]
fn what_one_room_owns_no_other_names() {
    let dependencies = dependencies();
    for (owned, owner) in OWNED {
        let users: BTreeSet<&str> = dependencies
            .iter()
            .filter(|d| d.to == owned)
            .filter(|d| !compares(d))
            .map(|d| d.from.as_str())
            .collect();
        assert_eq!(users, BTreeSet::from([owner]), "{owned} belongs to {owner}");
    }
}

/// Whether a benchmark names it.
fn compares(dependency: &Dependency) -> bool {
    dependency.only_for_tests && dependency.from == TESTKIT
}

#[test]
fn files_are_named_after_what_they_are_about() {
    let vague: Vec<PathBuf> = sources()
        .into_iter()
        .filter(|path| {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
            stem.split(['_', '-', '.']).any(|word| VAGUE.contains(&word))
        })
        .collect();
    assert!(vague.is_empty(), "find the noun: {vague:?}");
}

#[test]
fn no_file_holds_two_things() {
    let long: Vec<(usize, PathBuf)> = sources()
        .into_iter()
        .map(|path| (fs::read_to_string(&path).unwrap().lines().count(), path))
        .filter(|(lines, _)| *lines > LINES_MAX)
        .collect();
    assert!(long.is_empty(), "longer than {LINES_MAX} lines: {long:#?}");
}

/// The check above would pass over nothing just as well.
#[test]
fn the_sources_are_found() {
    let sources = sources();
    assert!(sources.iter().any(|path| path.ends_with("tests/tests/layering.rs")));
    assert!(sources.iter().any(|path| path.ends_with("shared/protocol/src/lib.rs")));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().unwrap().iter()
}

fn dependencies() -> Vec<Dependency> {
    let metadata = metadata();
    let mut found = Vec::new();
    for package in packages(&metadata) {
        for dependency in package["dependencies"].as_array().unwrap() {
            found.push(Dependency {
                from: package["name"].as_str().unwrap().to_owned(),
                to: dependency["name"].as_str().unwrap().to_owned(),
                only_for_tests: dependency["kind"] == "dev",
            });
        }
    }
    found
}

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&root(), &mut found);
    found
}

/// Everything people write, and nothing that tools make.
fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if entry.file_type().unwrap().is_dir() {
            let made = matches!(&*name, "data" | "dist" | "node_modules" | "target");
            if !made && !name.starts_with('.') {
                collect(&path, found);
            }
        } else if is_source(&path) && !path.ends_with(GENERATED) {
            found.push(path);
        }
    }
}

fn is_source(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    matches!(&*extension, "bash" | "css" | "js" | "mjs" | "py" | "rs" | "sql" | "svelte" | "ts")
}
