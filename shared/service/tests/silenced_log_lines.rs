//! The Signal crates speak through `log`, which reaches the process's logger another way than
//! `tracing` does. This test starts the real logger, so it has a process of its own.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::process::Command;

use sysmaint_service::logging::{self, LogFormat};

const CHILD: &str = "SYSMAINT_TEST_CHILD";

#[test]
fn log_lines_of_the_signal_crates_are_never_heard() {
    if std::env::var_os(CHILD).is_some() {
        return speak();
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "log_lines_of_the_signal_crates_are_never_heard", "--nocapture"])
        .env(CHILD, "1")
        .env("RUST_LOG", "trace,libsignal_protocol_syft::session=trace")
        .output()
        .unwrap();
    let heard = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{heard}");
    assert!(heard.contains("said through log"), "{heard}");
    assert!(heard.contains("said through tracing"), "{heard}");
    assert!(!heard.contains("a ratchet key"), "{heard}");
}

fn speak() {
    logging::init(LogFormat::Pretty, "info").unwrap();
    log::info!("said through log");
    tracing::info!("said through tracing");
    log::error!(target: "libsignal_protocol_syft::session", "a ratchet key");
    log::error!(target: "spqr_syft", "a ratchet key");
    tracing::error!(target: "signal_crypto_syft", "a ratchet key");
    assert!(logging::init(LogFormat::Pretty, "info").is_err());
}
