//! What a process says to its caller when it ends, by the numbers of BSD's `sysexits.h`.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// A file or directory cannot be created.
    CannotCreate = 73,
    /// The configuration is wrong.
    Config = 78,
    /// What was given to check is not what it should be.
    Data = 65,
    /// It did not work, for a reason that no other code names.
    Failure = 1,
    /// A second interrupt cut the shutdown short.
    Interrupted = 130,
    /// Reading or writing failed.
    Io = 74,
    /// The caller may not do this.
    NoPermission = 77,
    /// It worked.
    #[default]
    Success = 0,
    /// Something that is needed does not answer.
    Unavailable = 69,
    /// The command line is wrong.
    Usage = 64,
}

impl Exit {
    /// The code as the caller sees it.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn codes_are_those_of_sysexits() {
        let exits = [
            Exit::Success,
            Exit::Failure,
            Exit::Usage,
            Exit::Data,
            Exit::Unavailable,
            Exit::CannotCreate,
            Exit::Io,
            Exit::NoPermission,
            Exit::Config,
            Exit::Interrupted,
        ];
        assert_eq!(exits.map(Exit::code), [0, 1, 64, 65, 69, 73, 74, 77, 78, 130]);
    }
}
