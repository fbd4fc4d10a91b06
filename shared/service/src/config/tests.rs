//! What a reader does with good and bad configurations.

use std::{path::PathBuf, time::Duration};

use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::{ConfigError, Layers, Origin, Reader};

fn variables(pairs: &[(&str, &str)]) -> Layers {
    Layers::new().variables(owned(pairs))
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn file(text: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sysmaint.toml");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

fn second() -> std::ops::RangeInclusive<Duration> {
    Duration::from_secs(1)..=Duration::from_mins(1)
}

#[test]
fn a_flag_stands_over_the_environment_over_the_file_over_the_default() {
    let (_dir, path) = file("a = 1\nb = 1\nc = 1\n");
    let layers = Layers::new()
        .file(Some(&path))
        .variables(owned(&[("A", "2"), ("B", "2")]))
        .flags([("A", "3".to_owned())]);
    let mut reader = Reader::new(layers);
    let read: Vec<u8> = ["A", "B", "C", "D"].map(|name| reader.value(name, 0)).into();
    assert_eq!(read, [3, 2, 1, 0]);
    let origins: Vec<Origin> = reader.described().into_iter().map(|v| v.origin).collect();
    let expected = [Origin::Flag, Origin::Environment, Origin::File(path), Origin::Default];
    assert_eq!(origins, expected);
    reader.finish().unwrap();
}

#[test]
fn every_type_of_the_file_reaches_its_reader() {
    let (_dir, path) = file(
        "port = 8080\nprice = 0.15\nbelow = -3\non = true\nname = \"0123\"\n\
         list = [\"a\", \"b\"]\nspaced = \"c, d,\"\nwait = 2500\ndir = \"x/y\"\n",
    );
    let mut reader = Reader::new(Layers::new().file(Some(&path)));
    assert_eq!(reader.value("PORT", 0u16), 8080);
    assert!((reader.value("PRICE", 0.0f64) - 0.15).abs() < f64::EPSILON);
    assert_eq!(reader.value("BELOW", 0i32), -3);
    assert!(reader.flag("ON", false));
    assert_eq!(reader.value("NAME", String::new()), "0123");
    assert_eq!(reader.list::<String>("LIST", vec![]), ["a", "b"]);
    assert_eq!(reader.list::<String>("SPACED", vec![]), ["c", "d"]);
    let wait = reader.duration_ms("WAIT", Duration::ZERO, second());
    assert_eq!(wait, Duration::from_millis(2500));
    assert_eq!(reader.path("DIR", "z"), PathBuf::from("x/y"));
    assert_eq!(reader.optional::<u8>("ABSENT"), None);
    reader.finish().unwrap();
}

#[test]
fn texts_of_the_environment_stay_as_they_are() {
    let mut reader = Reader::new(variables(&[("A", "0123"), ("B", "[x,y]"), ("C", " spaced ")]));
    assert_eq!(reader.value("A", String::new()), "0123");
    assert_eq!(reader.value("B", String::new()), "[x,y]");
    assert_eq!(reader.value("C", String::new()), " spaced ");
    reader.finish().unwrap();
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let (_dir, path) = file("web_port = \"many\"\nprobe_interval = 5\n");
    let layers = Layers::new()
        .file(Some(&path))
        .variables(owned(&[("RELAY_PORT", "eighty"), ("WAIT", "9"), ("ON", "perhaps")]))
        .flags([("HOPS", "-1".to_owned())]);
    let mut reader = Reader::new(layers);
    assert_eq!(reader.value("RELAY_PORT", 8080u16), 8080);
    assert_eq!(reader.value("WEB_PORT", 3000u16), 3000);
    assert_eq!(reader.value("HOPS", 3u8), 3);
    assert_eq!(
        reader.duration_ms("WAIT", Duration::from_secs(10), second()),
        Duration::from_secs(10)
    );
    assert!(!reader.flag("ON", false));
    assert_eq!(reader.required::<String>("NATS_URL"), None);
    let _: u64 = reader.value("PROBE_INTERVAL_MS", 10);

    let errors = reader.finish().unwrap_err().to_string();
    let path = path.display();
    let expected = [
        "RELAY_PORT=\"eighty\" from the environment is not accepted: invalid digit found in string"
            .to_owned(),
        format!("WEB_PORT=\"many\" from {path} is not accepted: invalid digit found in string"),
        "HOPS=\"-1\" from the command line is not accepted: invalid digit found in string"
            .to_owned(),
        "WAIT=\"9\" from the environment is not accepted: \
         it must lie between 1000 and 60000 milliseconds"
            .to_owned(),
        "ON=\"perhaps\" from the environment is not accepted: use true or false".to_owned(),
        "NATS_URL is required: set it in the environment or as nats_url in sysmaint.toml"
            .to_owned(),
        format!(
            "\"probe_interval\" in {path} is not a setting; did you mean \"probe_interval_ms\"?"
        ),
    ];
    assert_eq!(errors.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_setting_that_two_components_read_is_reported_once() {
    let mut reader = Reader::new(variables(&[("PORT", "x")]));
    let _: (u16, u16) = (reader.value("PORT", 1), reader.value("PORT", 1));
    assert_eq!(reader.finish().unwrap_err().as_slice().len(), 1);
    assert_eq!(reader.described().len(), 1);
}

#[test]
fn one_bad_item_of_a_list_is_named() {
    let mut reader = Reader::new(variables(&[("PORTS", "1, 2, three")]));
    assert_eq!(reader.list("PORTS", vec![7u16]), [7]);
    let errors = reader.finish().unwrap_err().to_string();
    assert!(errors.starts_with("PORTS=\"three\" from the environment"), "{errors}");
}

#[test]
fn a_list_is_not_taken_for_one_value() {
    let (_dir, path) = file("port = [1, 2]\n");
    let mut reader = Reader::new(Layers::new().file(Some(&path)));
    assert_eq!(reader.value("PORT", 9u16), 9);
    let errors = reader.finish().unwrap_err().to_string();
    assert!(errors.contains("it takes one value, not a list"), "{errors}");
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let mut reader = Reader::new(variables(&[("PORT", ""), ("KEY", "")]));
    assert_eq!(reader.value("PORT", 8080u16), 8080);
    assert!(reader.secret("KEY").is_none());
    reader.finish().unwrap();
}

#[test]
fn cross_checks_name_the_value_and_its_origin() {
    let mut reader = Reader::new(variables(&[("ALICE_ID", "bob")]));
    let _: String = reader.value("ALICE_ID", "alice".to_owned());
    let _: String = reader.value("BOB_ID", "bob".to_owned());
    reader.reject("ALICE_ID", "it is also BOB_ID");
    reader.reject("BOB_ID", "it is also ALICE_ID");
    reader.reject("NEVER_READ", "it is missing");
    let errors = reader.finish().unwrap_err().to_string();
    let expected = [
        "ALICE_ID=\"bob\" from the environment is not accepted: it is also BOB_ID",
        "BOB_ID=\"bob\" from its default is not accepted: it is also ALICE_ID",
        "NEVER_READ: it is missing",
    ];
    assert_eq!(errors.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn keys_of_other_commands_are_not_mistakes() {
    let (_dir, path) = file("web_port = 3000\n");
    let mut reader = Reader::new(Layers::new().file(Some(&path)));
    assert!(reader.finish().is_err());
    reader.also_known(["WEB_PORT"]);
    reader.finish().unwrap();
}

#[test]
fn a_named_file_that_is_absent_is_a_mistake() {
    let dir = tempfile::tempdir().unwrap();
    let reader = Reader::new(Layers::new().file(Some(&dir.path().join("none.toml"))));
    let errors = reader.finish().unwrap_err();
    assert!(matches!(errors.as_slice(), [ConfigError::File { .. }]), "{errors}");
}

#[test]
fn a_broken_file_is_reported_by_line_without_its_text() {
    let (_dir, path) = file("web_port = 3000\nmega_passphrase = \"hunter2\n");
    let mut reader = Reader::new(Layers::new().file(Some(&path)));
    let _: u16 = reader.value("WEB_PORT", 1);
    let errors = reader.finish().unwrap_err().to_string();
    assert!(errors.contains("line 2"), "{errors}");
    assert!(!errors.contains("hunter2"), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
}

#[test]
fn secrets_are_verbatim() {
    for text in ["0123", "[x,y]", " spaced ", "true", "{a=b}", "\"quoted\"", "12345"] {
        let mut reader = Reader::new(variables(&[("KEY", text)]));
        assert_eq!(reader.secret("KEY").unwrap().expose_secret(), text);

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        for (written, expected) in [
            (text.to_owned(), text.to_owned()),
            (format!("{text}\n"), text.to_owned()),
            (format!("{text}\r\n"), text.to_owned()),
            (format!("{text}\n\n"), format!("{text}\n")),
        ] {
            std::fs::write(&path, written).unwrap();
            let mut reader = Reader::new(variables(&[("KEY_FILE", path.to_str().unwrap())]));
            assert_eq!(reader.secret("KEY").unwrap().expose_secret(), expected);
            reader.finish().unwrap();
        }
    }
}

#[test]
fn a_secret_that_is_not_set_is_looked_for_in_the_directory_of_secrets() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("web_key"), "from a file\n").unwrap();
    std::fs::write(dir.path().join("empty_key"), "").unwrap();
    let path = dir.path().to_str().unwrap();
    let settings = [("SYSMAINT_SECRETS_DIR", path), ("OTHER_KEY", "direct")];
    let mut reader = Reader::new(variables(&settings));
    assert_eq!(reader.secret("WEB_KEY").unwrap().expose_secret(), "from a file");
    assert_eq!(reader.secret("OTHER_KEY").unwrap().expose_secret(), "direct");
    assert!(reader.secret("EMPTY_KEY").is_none() && reader.secret("NO_KEY").is_none());
    reader.finish().unwrap();

    std::fs::write(dir.path().join("web_key"), "x".repeat(100_000)).unwrap();
    let mut reader = Reader::new(variables(&settings));
    assert!(reader.secret("WEB_KEY").is_none());
    let errors = reader.finish().unwrap_err().to_string();
    assert!(errors.contains("WEB_KEY") && errors.contains("web_key"), "{errors}");
}

#[test]
fn a_secret_set_twice_is_refused_without_being_shown() {
    let mut reader = Reader::new(variables(&[("KEY", "hunter2"), ("KEY_FILE", "/nowhere")]));
    assert!(reader.secret("KEY").is_none());
    let errors = reader.finish().unwrap_err().to_string();
    assert_eq!(errors, "KEY and KEY_FILE are both set: keep one of them");
}

#[test]
fn a_secret_whose_file_is_absent_or_empty_is_a_mistake() {
    let dir = tempfile::tempdir().unwrap();
    let absent = dir.path().join("absent");
    let empty = dir.path().join("empty");
    std::fs::write(&empty, "\n").unwrap();
    for path in [absent, empty] {
        let mut reader = Reader::new(variables(&[("KEY_FILE", path.to_str().unwrap())]));
        assert!(reader.required_secret("KEY").is_none());
        let errors = reader.finish().unwrap_err();
        assert!(matches!(errors.as_slice(), [ConfigError::SecretFile { .. }]), "{errors}");
    }
}

#[test]
fn a_secret_may_not_stand_in_the_file_or_on_the_command_line() {
    let (_dir, path) = file("key = \"hunter2\"\n");
    let in_file = Layers::new().file(Some(&path));
    let on_line = Layers::new().flags([("KEY", "hunter2".to_owned())]);
    for layers in [in_file, on_line] {
        let mut reader = Reader::new(layers);
        assert!(reader.secret("KEY").is_none());
        let errors = reader.finish().unwrap_err();
        assert!(matches!(errors.as_slice(), [ConfigError::SecretExposed { .. }]), "{errors}");
        assert!(!format!("{errors} {errors:?} {reader:?}").contains("hunter2"));
    }
}

#[test]
fn the_file_of_a_secret_may_be_named_in_the_configuration_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("key"), "hunter2\n").unwrap();
    let key = dir.path().join("key");
    let (_dir, path) = file(&format!("key_file = {:?}\n", key.to_str().unwrap()));
    let mut reader = Reader::new(Layers::new().file(Some(&path)));
    assert_eq!(reader.secret("KEY").unwrap().expose_secret(), "hunter2");
    reader.finish().unwrap();
    assert_eq!(reader.described()[0].origin, Origin::File(key));
}

#[test]
fn a_missing_secret_is_required_in_words() {
    let mut reader = Reader::new(Layers::new());
    assert!(reader.required_secret("KEY").is_none());
    let errors = reader.finish().unwrap_err().to_string();
    assert_eq!(errors, "KEY is required: set it in the environment, or name a file in KEY_FILE");
}

#[test]
fn no_listing_and_no_debug_output_shows_a_secret() {
    let layers = variables(&[("KEY", "hunter2"), ("PORT", "x")]);
    let mut reader = Reader::new(layers);
    let secret = reader.secret("KEY");
    let _: u16 = reader.value("PORT", 1);
    reader.reject("KEY", "it is too short");
    let errors = reader.finish().unwrap_err();
    let described = reader.described();
    assert!(described[0].secret && described[0].value.is_none());
    assert_eq!(described[0].origin, Origin::Environment);
    let all = format!("{secret:?} {reader:?} {errors} {errors:?} {described:?}");
    assert!(!all.contains("hunter2"), "{all}");
}

#[test]
fn credentials_in_a_url_are_not_shown() {
    let mut reader = Reader::new(variables(&[("NATS_PORT", "nats://bob:hunter2@host:4222/x")]));
    let _: u16 = reader.value("NATS_PORT", 1);
    let errors = reader.finish().unwrap_err().to_string();
    assert!(errors.starts_with("NATS_PORT=\"nats://…@host:4222/x\" from"), "{errors}");
}

#[test]
fn a_long_value_is_shown_shortened() {
    let mut reader = Reader::new(variables(&[("PORT", &"é".repeat(500))]));
    let _: u16 = reader.value("PORT", 1);
    let errors = reader.finish().unwrap_err().to_string();
    assert_eq!(errors.matches('é').count(), 80);
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_named() {
    use std::os::unix::ffi::OsStrExt as _;

    // The process environment cannot be changed safely in a test, so a child is given one.
    const CHILD: &str = "SYSMAINT_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        let mut reader = Reader::new(Layers::new().environment());
        let _: u16 = reader.value("SYSMAINT_TEST_PORT", 1);
        let errors = reader.finish().unwrap_err().to_string();
        assert_eq!(errors, "SYSMAINT_TEST_PORT in the environment is not UTF-8");
        return;
    }
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "config::tests::a_variable_that_is_not_text_is_named"])
        .env(CHILD, "1")
        .env("SYSMAINT_TEST_PORT", std::ffi::OsStr::from_bytes(b"\xff"))
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}
