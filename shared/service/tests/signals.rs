//! A process under signals: the first is obeyed in peace, the second at once.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test, whose child speaks on stdout"
)]

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use sysmaint_service::shutdown::Shutdown;

const CHILD: &str = "SYSMAINT_TEST_CHILD";

#[test]
fn the_first_signal_cancels_and_the_process_ends_as_it_wishes() {
    match std::env::var(CHILD).as_deref() {
        Ok("willing") => return child(true),
        Ok(_) => return child(false),
        Err(_) => {}
    }
    for signal in ["-INT", "-TERM"] {
        let (child, _lines) = start("willing");
        send(signal, &child);
        let (code, _) = end(child);
        assert_eq!(code, Some(7), "{signal}");
    }
}

#[test]
fn the_second_signal_ends_a_process_that_hangs() {
    if std::env::var_os(CHILD).is_some() {
        return;
    }
    let (child, mut lines) = start("hanging");
    send("-TERM", &child);
    wait_for("cancelled", &mut lines);
    send("-INT", &child);
    let (code, said) = end(child);
    assert_eq!(code, Some(130));
    assert!(said.contains("second signal"), "{said}");
}

fn child(willing: bool) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let shutdown = Shutdown::on_signals().unwrap();
        println!("ready");
        shutdown.token().cancelled().await;
        println!("cancelled");
        if willing {
            std::process::exit(7);
        }
        std::future::pending::<()>().await;
    });
}

type Lines = BufReader<std::process::ChildStdout>;

fn start(how: &str) -> (Child, Lines) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_first_signal_cancels_and_the_process_ends_as_it_wishes"])
        .args(["--nocapture", "--test-threads=1"])
        .env(CHILD, how)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    wait_for("ready", &mut lines);
    (child, lines)
}

fn wait_for(word: &str, lines: &mut Lines) {
    let mut line = String::new();
    while !line.trim_end().ends_with(word) {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "the child ended before {word:?}");
    }
}

fn send(signal: &str, child: &Child) {
    let status = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

fn end(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}
