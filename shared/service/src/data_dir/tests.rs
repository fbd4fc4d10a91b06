//! Data directories that are new, used, held, foreign or closed.

use tempfile::TempDir;

use super::*;
use crate::exit::Exit;

fn place() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep").join("data");
    (dir, path)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_new_directory_is_for_its_owner_alone() {
    let (_dir, path) = place();
    let data = DataDir::open(&path).unwrap();
    assert_eq!(mode(data.path()), 0o700);
    assert_eq!(mode(&data.join("VERSION")), 0o600);
    assert_eq!(mode(&data.join("lock")), 0o600);
    assert_eq!(fs::read_to_string(data.join("VERSION")).unwrap(), "1\n");
    let mut names: Vec<_> =
        fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["VERSION", "lock"]);
}

#[test]
fn a_second_holder_is_told_who_the_first_is() {
    let (_dir, path) = place();
    let first = DataDir::open(&path).unwrap();
    let error = DataDir::open(&path).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&format!("in use by process {}", std::process::id())), "{text}");
    assert_eq!(error.exit(), Exit::Unavailable);
    drop(first);
    DataDir::open(&path).unwrap();
}

#[test]
fn a_newer_layout_is_refused_and_left_as_it_is() {
    let (_dir, path) = place();
    drop(DataDir::open(&path).unwrap());
    fs::write(path.join("VERSION"), "2\n").unwrap();
    let text = DataDir::open(&path).unwrap_err().to_string();
    assert!(text.contains("has layout 2, this version knows up to 1"), "{text}");
    assert_eq!(fs::read_to_string(path.join("VERSION")).unwrap(), "2\n");
}

#[test]
fn a_foreign_version_file_is_refused() {
    for foreign in ["", "v1.2.3", "0", "-1", "\u{0}"] {
        let (_dir, path) = place();
        drop(DataDir::open(&path).unwrap());
        fs::write(path.join("VERSION"), foreign).unwrap();
        let error = DataDir::open(&path).unwrap_err();
        assert!(matches!(error, DataDirError::Foreign { .. }), "{foreign:?}: {error}");
    }
}

#[test]
fn a_file_in_the_place_of_the_directory_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("data");
    fs::write(&file, "").unwrap();
    let error = DataDir::open(&file).unwrap_err();
    assert!(matches!(error, DataDirError::NotADirectory { .. }), "{error}");
    let error = DataDir::open(file.join("below")).unwrap_err();
    assert!(matches!(error, DataDirError::NotADirectory { .. }), "{error}");
}

/// root may write everywhere, so what the system would say is given here by kind.
#[test]
fn each_way_of_not_being_writable_has_its_advice() {
    let advice = |kind: io::ErrorKind| {
        let error = DataDirError::not_writable(Path::new("/data"), kind.into());
        (error.to_string(), error.exit())
    };
    let (text, exit) = advice(io::ErrorKind::ReadOnlyFilesystem);
    assert!(text.contains("read-only file system: mount it for writing"), "{text}");
    assert_eq!(exit, Exit::NoPermission);
    let (text, exit) = advice(io::ErrorKind::PermissionDenied);
    assert!(text.contains("change its owner with chown"), "{text}");
    assert_eq!(exit, Exit::NoPermission);
    let (text, exit) = advice(io::ErrorKind::StorageFull);
    assert!(text.contains("cannot be written"), "{text}");
    assert_eq!(exit, Exit::Io);
}

#[test]
fn a_directory_that_cannot_be_written_is_refused_in_words() {
    let (_dir, path) = place();
    fs::create_dir_all(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o500)).unwrap();
    let opened = DataDir::open(&path);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    match opened {
        Err(error) => assert!(matches!(error, DataDirError::NotPermitted { .. }), "{error}"),
        // Only for root does the mode not bind.
        Ok(_) => assert_eq!(std::os::unix::fs::MetadataExt::uid(&fs::metadata(&path).unwrap()), 0),
    }
}

#[test]
fn a_write_replaces_the_file_and_leaves_nothing_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("seed");
    fs::write(&path, "old and longer").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    owner_only_write(&path, b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(mode(&path), 0o600);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_write_that_fails_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("seed");
    fs::create_dir(&path).unwrap();
    assert!(owner_only_write(&path, b"new").is_err());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}
