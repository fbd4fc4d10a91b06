//! A QR code for a terminal.

use std::fmt::Write as _;

use qrcode::{QrCode, render::unicode::Dense1x2};
use sysmaint_service::exit::Exit;

use crate::failure::Failure;

/// Two modules a character, black on white whatever the terminal's colours are: scanners want it
/// that way round.
pub(super) fn code(content: &[u8]) -> Result<String, Failure> {
    let code = QrCode::new(content).map_err(|error| Failure::new(Exit::Failure, error))?;
    let drawn =
        code.render::<Dense1x2>().dark_color(Dense1x2::Dark).light_color(Dense1x2::Light).build();
    let mut text = String::new();
    for line in drawn.lines() {
        // Dark modules are drawn, in black on bright white.
        let _ = writeln!(text, "    \x1b[30;107m{line}\x1b[0m");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_safety_number_fits_on_a_terminal() {
        let text = code(&[0xa5; 82]).unwrap();
        assert!(text.lines().count() <= 30, "{}", text.lines().count());
        assert!(text.lines().all(|line| line.chars().count() <= 80));
    }
}
