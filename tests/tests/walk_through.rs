//! docs/relay-api.md does what it says.

use std::{env, fs, path::Path, process::Command};

use sysmaint_tests::{Service, Services, eventually, python_tools, sysmaint};
use tempfile::TempDir;

const DOCUMENT: &str = include_str!("../../docs/relay-api.md");
/// Stands between what two blocks print.
const MARK: &str = "--- the next block ---";
/// Stands for anything.
const ANYTHING: char = '…';

/// One piece of code in the document.
struct Block {
    language: String,
    text: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_walk_through_does_what_it_says() {
    let mut services = Services::builder().prepare();
    services.launch(Service::Nats);
    services.launch(Service::Relay);
    eventually("the relay", async || services.relay().get("/readyz").await).await;

    let directory = TempDir::new().unwrap();
    let (mut script, mut expected) = ("set -euo pipefail\n".to_owned(), Vec::new());
    for block in blocks() {
        match block.language.as_str() {
            "bash" => {
                script = script + &block.text + "echo; echo '" + MARK + "'\n";
                expected.push(String::new());
            }
            "text" => expected.last_mut().unwrap().clone_from(&block.text),
            "python" => {
                let name = block.text.split([' ', ':']).nth(1).unwrap();
                fs::write(directory.path().join(name), &block.text).unwrap();
            }
            "console" => {}
            other => panic!("what is a block of {other}?"),
        }
    }
    assert!(expected.len() > 12, "{}", expected.len());
    let examples = sysmaint().parent().unwrap().join("examples");
    let mut places = vec![python_tools(), examples];
    places.extend(env::split_paths(&env::var_os("PATH").unwrap()));
    let relay = services.relay().url("");
    let run = Command::new("bash")
        .args(["-c", &script])
        .current_dir(directory.path())
        .env("PATH", env::join_paths(places).unwrap())
        .env("RELAY", relay)
        .env("MEGA_PASSPHRASE", "for this walk only")
        .output();
    let run = run.unwrap();
    let (printed, complaints) =
        (String::from_utf8(run.stdout).unwrap(), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{printed}\n{complaints}");
    let printed: Vec<_> = printed.split(MARK).map(str::trim).collect();
    for (printed, expected) in printed.iter().zip(&expected) {
        let expected = expected.trim();
        assert!(fits(printed, expected), "printed:\n{printed}\nexpected:\n{expected}");
    }
    assert_eq!(printed.len(), expected.len() + 1, "a block did not end");
}

#[test]
fn anything_stands_for_anything_and_nothing_else_does() {
    assert!(fits("abc", "abc") && fits("a1c", "a…c") && fits("a\nb", "a…") && fits("", ""));
    assert!(!fits("abc", "ab") && !fits("abc", "a…d") && !fits("xabc", "a…") && !fits("x", ""));
}

fn blocks() -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = DOCUMENT.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let text = lines.by_ref().take_while(|line| *line != "```");
            let text = text.fold(String::new(), |text, line| text + line + "\n");
            found.push(Block { language: language.to_owned(), text });
        }
    }
    found
}

/// Whether a text is the expected one, part for part.
fn fits(text: &str, expected: &str) -> bool {
    let mut parts = expected.split(ANYTHING);
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

/// What the document links to is there.
#[test]
fn the_walk_through_names_files_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for file in
        ["docs/openapi.json", "tests/examples/relay-device.rs", "tests/tests/walk_through.rs"]
    {
        assert!(DOCUMENT.contains(file.strip_prefix("docs/").unwrap_or(file)), "{file}");
        assert!(root.join(file).exists(), "{file}");
    }
}
