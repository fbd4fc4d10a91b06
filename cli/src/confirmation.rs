//! Asking a person before something is done that is not easily undone.

use std::io::{self, IsTerminal as _, Write as _};

use sysmaint_service::exit::Exit;

use crate::failure::Failure;

/// Asks; fails unless the answer is yes. Where nobody can be asked, `condition` says when to do
/// without.
pub(crate) fn confirm(what: &str, condition: &str) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        let text = format!("nobody can be asked here: say --yes if {condition}");
        return Err(Failure::new(Exit::Usage, anyhow::anyhow!(text)));
    }
    let io = |error| Failure::new(Exit::Io, error);
    let mut out = io::stderr();
    write!(out, "{what}? [y/N] ").map_err(io)?;
    out.flush().map_err(io)?;
    let mut line = String::new();
    io::stdin().read_line(&mut line).map_err(io)?;
    if matches!(line.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Failure::new(Exit::Failure, anyhow::anyhow!("nothing was done")))
}
