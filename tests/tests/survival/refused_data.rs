//! A data directory that cannot be used.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
};

use sysmaint_tests::{Stack, free_port};

use crate::{
    attempt::{Place, end},
    mount::Mount,
};

/// `nobody`, who owns nothing.
const NOBODY: u32 = 65_534;

#[test]
fn a_newer_layout_is_refused_with_what_to_do() {
    let place = Place::new();
    fs::create_dir(place.data()).unwrap();
    fs::write(place.data().join("VERSION"), "99\n").unwrap();
    place.up().check(78, &["layout 99", "newer version", "SYSMAINT_DATA_DIR"]);
    place.check_nothing_runs();
}

#[test]
fn something_that_is_no_data_directory_is_refused_with_what_to_do() {
    let place = Place::new();
    fs::create_dir(place.data()).unwrap();
    fs::write(place.data().join("VERSION"), "a guitar\n").unwrap();
    place.up().check(78, &["VERSION", "SYSMAINT_DATA_DIR"]);

    let place = Place::new();
    fs::write(place.data(), "a file").unwrap();
    place.up().check(78, &["is not a directory", "SYSMAINT_DATA_DIR"]);
    place.check_nothing_runs();
}

#[test]
fn a_directory_that_cannot_be_made_is_refused_with_what_to_do() {
    let place = Place::new().with("SYSMAINT_DATA_DIR", "/proc/sysmaint");
    place.up().check(73, &["/proc/sysmaint", "cannot be created", "SYSMAINT_DATA_DIR"]);
    place.check_nothing_runs();
}

#[test]
fn a_read_only_file_system_is_refused_with_what_to_do() {
    let Some(mount) = Mount::tmpfs("1m") else { return };
    mount.make_read_only();
    let place = Place::new().with("SYSMAINT_DATA_DIR", &mount.path().display().to_string());
    place.up().check(77, &["read-only file system", "SYSMAINT_DATA_DIR"]);
    place.check_nothing_runs();
}

#[test]
fn a_directory_of_somebody_else_is_refused_with_what_to_do() {
    let place = Place::new();
    fs::create_dir(place.data()).unwrap();
    let outer = place.data().parent().unwrap().to_owned();
    fs::set_permissions(&outer, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(place.data(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = place.command("up");
    command.uid(NOBODY).gid(NOBODY);
    let mut may_run = std::process::Command::new(command.get_program());
    if may_run.arg("--version").uid(NOBODY).gid(NOBODY).output().is_err() {
        eprintln!("SKIPPED: only root can start it as another user, and where that one reaches it");
        return;
    }
    end(command).check(77, &["chown", "SYSMAINT_DATA_DIR"]);
    place.check_nothing_runs();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_in_use_is_refused_with_its_holder_and_the_holder_goes_on() {
    let mut stack = Stack::builder().start().await;
    let holder = stack.process().pid();
    let place = Place::new()
        .with("SYSMAINT_DATA_DIR", &stack.data().display().to_string())
        .with("WEB_PORT", &free_port().to_string());
    let ending = tokio::task::spawn_blocking(move || place.up()).await.unwrap();
    ending.check(69, &["in use", &format!("process {holder}"), "SYSMAINT_DATA_DIR"]);
    assert!(stack.web().ask("what is the load?").await.is_some());
    assert!(stack.stop().await);
}
