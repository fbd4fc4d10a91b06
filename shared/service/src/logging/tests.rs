//! What reaches the log and how it looks there.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use tracing_subscriber::fmt::MakeWriter;

use super::*;

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Paper {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn logged(format: LogFormat, asked: &str, colour: bool, say: impl FnOnce()) -> String {
    let paper = Paper::default();
    let subscriber = subscriber(format, filter(asked).unwrap(), colour, paper.clone());
    tracing::subscriber::with_default(subscriber, say);
    paper.text()
}

#[test]
fn the_signal_crates_are_never_heard() {
    for asked in ["trace", "libsignal_protocol_syft::session_cipher=trace,spqr_syft=trace,info"] {
        let text = logged(LogFormat::Pretty, asked, false, || {
            tracing::error!(target: "libsignal_protocol", "a key");
            tracing::error!(target: "libsignal_protocol_syft::session_cipher", "a key");
            tracing::error!(target: "libsignal_core_syft::address", "a key");
            tracing::error!(target: "spqr_syft::chain", "a key");
            tracing::error!(target: "signal_crypto_syft", "a key");
            tracing::info!("said aloud");
        });
        assert!(text.contains("said aloud"), "{text}");
        assert!(!text.contains("a key"), "{text}");
    }
}

#[test]
fn the_nats_client_is_heard_from_warn_on_unless_asked_for() {
    let say = || {
        tracing::info!(target: "async_nats::connector", "reconnected");
        tracing::warn!(target: "async_nats::connector", "slow consumer");
    };
    let by_default = logged(LogFormat::Pretty, "debug", false, say);
    assert!(!by_default.contains("reconnected") && by_default.contains("slow consumer"));
    let asked = logged(LogFormat::Pretty, "info,async_nats=debug", false, say);
    assert!(asked.contains("reconnected"), "{asked}");
}

#[test]
fn json_is_one_object_a_line_without_colour() {
    let text = logged(LogFormat::Json, "info", true, || {
        tracing::info!(messages = 3, "drained");
        tracing::debug!("not heard");
    });
    assert_eq!(text.lines().count(), 1);
    assert!(text.starts_with('{') && text.ends_with("}\n"), "{text}");
    assert!(text.contains(r#""messages":3"#) && text.contains(r#""message":"drained""#), "{text}");
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn colour_needs_a_terminal_and_no_objection() {
    let line = |colour| logged(LogFormat::Pretty, "info", colour, || tracing::info!("x"));
    assert!(line(true).contains('\u{1b}'));
    assert!(!line(false).contains('\u{1b}'));
    assert!(colour(None, true));
    assert!(colour(Some("".as_ref()), true));
    assert!(!colour(Some("1".as_ref()), true));
    assert!(!colour(None, false));
}

#[test]
fn a_bad_filter_is_refused_by_name() {
    let error = filter("sysmaint=loud").unwrap_err().to_string();
    assert!(error.starts_with("RUST_LOG=\"sysmaint=loud\" is not a filter"), "{error}");
}

#[test]
fn a_format_is_read_as_it_is_written() {
    for format in [LogFormat::Json, LogFormat::Pretty] {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    assert_eq!("xml".parse::<LogFormat>(), Err(InvalidLogFormat));
}
