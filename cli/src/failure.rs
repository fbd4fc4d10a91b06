//! An error on its way to a person and to an exit code.

use std::{error::Error, fmt::Write as _};

use sysmaint_service::exit::Exit;

/// Why the program ends.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    error: anyhow::Error,
}

impl Failure {
    /// Ends the program with this code.
    pub(crate) fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into() }
    }

    /// Something that is needed is not there.
    pub(crate) fn unavailable(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Exit::Unavailable, error)
    }

    /// The program was told to stop before it had started: not an error, but worth a word.
    pub(crate) fn stopped() -> Self {
        Self::new(Exit::Success, anyhow::anyhow!("stopped before everything had started"))
    }

    /// A command was stopped before it was done.
    pub(crate) fn interrupted() -> Self {
        Self::new(Exit::Interrupted, anyhow::anyhow!("interrupted"))
    }

    /// Without the code, for a supervisor.
    pub(crate) fn into_error(self) -> anyhow::Error {
        self.error
    }

    /// The code.
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// Prints it with its causes, each said once.
    #[expect(clippy::print_stderr, reason = "the last words of a program")]
    pub(crate) fn print(&self) {
        eprintln!("sysmaint: {}", self.text());
    }

    /// What went wrong, with its causes, each said once.
    pub(crate) fn text(&self) -> String {
        let mut text = self.error.to_string();
        let mut cause: Option<&(dyn Error + 'static)> = self.error.source();
        while let Some(error) = cause {
            let said = error.to_string();
            if !text.contains(&said) {
                // Writing to a String does not fail.
                let _ = write!(text, ": {said}");
            }
            cause = error.source();
        }
        text
    }
}
