//! What `sysmaint verify` prints.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal as _, Write as _},
};

use serde::Serialize;
use sysmaint_service::exit::Exit;

use super::qr;
use crate::{
    args::VerifyArgs,
    desk::{Decided, Key, Known, Number, Pair},
    failure::Failure,
};

/// Groups of a safety number on a line.
const GROUPS: usize = 4;

/// Everybody who is known.
pub(super) fn known(known: &[Known], json: bool) -> Result<(), Failure> {
    if json {
        return print_json(known);
    }
    if known.is_empty() {
        return print("nobody is known here yet\n");
    }
    let width = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0).max(7);
    let of = width(&mut known.iter().map(|one| one.of.as_str().len()));
    let handle = width(&mut known.iter().map(|one| one.handle.as_str().len()));
    let mut text = format!("{:of$}  {:handle$}  KEY\n", "HERE", "CONTACT");
    for Known { of: own, handle: other, key } in known {
        let (own, other) = (own.as_str(), other.as_str());
        let more = match key {
            Key::Changed => format!("  nothing is sent to it: sysmaint verify {other}"),
            Key::Pinned | Key::Verified => String::new(),
        };
        let _ = writeln!(text, "{own:of$}  {other:handle$}  {key}{more}");
    }
    print(&text)
}

/// Safety numbers, with QR codes where a terminal shows them.
pub(super) fn pairs(pairs: &[Pair], json: bool, qr: bool) -> Result<(), Failure> {
    if json {
        return print_json(pairs);
    }
    let qr = qr || io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut text = String::new();
    for pair in pairs {
        let Pair { of, handle, device_id, key, number, changed } = pair;
        let state = match key {
            Key::Changed => "its key has CHANGED; nothing is sent, what arrives is held",
            Key::Pinned => "pinned at first sight, not compared yet",
            Key::Verified => "verified",
        };
        let _ = writeln!(text, "{of} and {handle} (device {device_id}): {state}\n");
        push_number(&mut text, number, qr)?;
        if let Some(changed) = changed {
            let _ = writeln!(text, "with the new key:\n");
            push_number(&mut text, changed, qr)?;
            let _ = writeln!(
                text,
                "If {handle} was set up anew, and its side shows this second number:\n    \
                 sysmaint verify {handle} --accept\nIf not, somebody else may hold that key:\n    \
                 sysmaint verify {handle} --reject\n"
            );
        } else if *key == Key::Pinned {
            let _ = writeln!(
                text,
                "On {handle}'s machine `sysmaint verify {of}` must show the same number. If it \
                 does:\n    sysmaint verify {handle} --of {of} --number \"<the number there>\"\n"
            );
        }
    }
    print(&text)
}

fn push_number(text: &mut String, number: &Number, qr: bool) -> Result<(), Failure> {
    let groups: Vec<_> = number.digits.split(' ').collect();
    for line in groups.chunks(GROUPS) {
        let _ = writeln!(text, "    {}", line.join(" "));
    }
    text.push('\n');
    if qr {
        text.push_str(&qr::code(&number.scannable.0)?);
        text.push('\n');
    }
    Ok(())
}

/// What was done.
pub(super) fn decided(decided: &[Decided], args: &VerifyArgs) -> Result<(), Failure> {
    if args.json {
        return print_json(decided);
    }
    let mut text = String::new();
    for Decided { of, handle, envelopes } in decided {
        let _ = if args.accept {
            writeln!(text, "{of} believes {handle}'s new key; {} opened", held(*envelopes))
        } else if args.reject {
            writeln!(text, "{of} keeps {handle}'s old key; {} given up", held(*envelopes))
        } else {
            writeln!(text, "{of} has {handle} as verified")
        };
    }
    print(&text)
}

fn print_json<T: Serialize + ?Sized>(value: &T) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value);
    print(&(text.map_err(|error| Failure::new(Exit::Io, error))? + "\n"))
}

fn print(text: &str) -> Result<(), Failure> {
    let written = io::stdout().write_all(text.as_bytes());
    written.map_err(|error| Failure::new(Exit::Io, error))
}

fn held(envelopes: usize) -> String {
    if envelopes == 1 { "1 held message".to_owned() } else { format!("{envelopes} held messages") }
}
