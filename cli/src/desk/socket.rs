//! Where a running service takes decisions: a socket in the data directory, one question and one
//! answer of JSON a connection.

use std::{
    fs, io,
    os::{
        fd::AsRawFd as _,
        unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use sysmaint_service::{data_dir::DataDir, exit::Exit};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

use super::{Answer, Asked, Desk};
use crate::{failure::Failure, keyring::Service};

/// Bytes of a question, and of an answer with some thousand contacts.
const QUESTION_MAX: u64 = 4 << 10;
const ANSWER_MAX: u64 = 4 << 20;
/// How long a question may take to be asked, and to be answered.
const ASKED_WITHIN: Duration = Duration::from_secs(5);
const ANSWERED_WITHIN: Duration = Duration::from_mins(1);
/// What the system allows for the path of a socket, with something to spare.
const PATH_MAX: usize = 100;

/// A desk that is open until this is dropped.
pub(crate) struct OpenDesk {
    path: PathBuf,
    _task: AbortOnDropHandle<()>,
}

impl Drop for OpenDesk {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Opens the desk of a service, which holds its store's lock: whatever lies at the path is left
/// from a process that is gone. Without a socket the service works, and `sysmaint verify` says
/// that it does not run.
pub(crate) fn open(data: &DataDir, service: Service, desk: Desk) -> Option<OpenDesk> {
    match bind(data, service) {
        Ok((listener, path)) => {
            let task = AbortOnDropHandle::new(tokio::spawn(serve(listener, desk)));
            Some(OpenDesk { path, _task: task })
        }
        Err(error) => {
            tracing::warn!(%error, "decisions on identity keys cannot be taken while this runs");
            None
        }
    }
}

fn path(data: &DataDir, service: Service) -> PathBuf {
    data.join(format!("{}.sock", service.name()))
}

fn bind(data: &DataDir, service: Service) -> io::Result<(UnixListener, PathBuf)> {
    let path = path(data, service);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = at_short_path(&path, |path| UnixListener::bind(path))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok((listener, path))
}

/// A path that is too long for a socket's address is named through its open directory.
fn at_short_path<T>(path: &Path, with: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    if path.as_os_str().as_bytes().len() <= PATH_MAX {
        return with(path);
    }
    let directory = fs::File::open(path.parent().unwrap_or(Path::new(".")))?;
    let name = path.file_name().unwrap_or_default();
    with(&Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join(name))
}

async fn serve(listener: UnixListener, desk: Desk) {
    // One after the other: people do not decide by the thousand.
    loop {
        match listener.accept().await {
            Ok((connection, _)) => {
                if let Err(error) = answer(connection, &desk).await {
                    tracing::debug!(%error, "a question about identity keys was not answered");
                }
            }
            Err(error) => {
                tracing::warn!(%error, "no questions about identity keys can be taken just now");
                tokio::time::sleep(ASKED_WITHIN).await;
            }
        }
    }
}

async fn answer(mut connection: UnixStream, desk: &Desk) -> io::Result<()> {
    let mut question = Vec::new();
    let (reading, writing) = connection.split();
    timeout(ASKED_WITHIN, reading.take(QUESTION_MAX).read_to_end(&mut question)).await??;
    let answer = match serde_json::from_slice::<Asked>(&question) {
        Ok(asked) => desk.answer(&asked).await,
        Err(error) => Answer::refusal(format!("the question is not understood: {error}")),
    };
    let answer = serde_json::to_vec(&answer)?;
    let mut writing = writing;
    timeout(ASKED_WITHIN, writing.write_all(&answer)).await??;
    writing.shutdown().await
}

/// Asks the service that runs over a data directory; `None` if it does not run.
pub(crate) async fn ask(
    data: &DataDir,
    service: Service,
    asked: &Asked,
) -> io::Result<Option<Answer>> {
    let connecting =
        at_short_path(&path(data, service), |path| std::os::unix::net::UnixStream::connect(path));
    let connection = match connecting {
        Ok(connection) => connection,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    connection.set_nonblocking(true)?;
    let mut connection = UnixStream::from_std(connection)?;
    let exchange = async {
        connection.write_all(&serde_json::to_vec(asked)?).await?;
        connection.shutdown().await?;
        let mut answer = Vec::new();
        connection.take(ANSWER_MAX).read_to_end(&mut answer).await?;
        Ok(Some(serde_json::from_slice(&answer)?))
    };
    timeout(ANSWERED_WITHIN, exchange).await?
}

/// Asks each of some services; those that do not run say nothing.
pub(crate) async fn ask_each(
    data: &DataDir,
    services: &[Service],
    asked: &Asked,
) -> Result<Vec<Answer>, Failure> {
    let mut answers = Vec::new();
    for service in services {
        let answer = ask(data, *service, asked).await;
        answers.extend(answer.map_err(|error| Failure::new(Exit::Io, error))?);
    }
    Ok(answers)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use sysmaint_protocol::Handle;

    use super::*;
    use crate::desk::Question;

    fn asked(handle: &str) -> Asked {
        let handle: Handle = handle.parse().unwrap();
        Asked { of: None, question: Question::Standing(handle) }
    }

    #[tokio::test]
    async fn a_service_that_does_not_run_says_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDir::open_shared(directory.path()).unwrap();
        assert!(ask(&data, Service::Agent, &asked("alice")).await.unwrap().is_none());
        // Nor does one that was killed.
        drop(bind(&data, Service::Agent).unwrap());
        assert!(path(&data, Service::Agent).exists());
        assert!(ask(&data, Service::Agent, &asked("alice")).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_desk_answers_at_any_depth_and_survives_garbage() {
        let directory = tempfile::tempdir().unwrap();
        let deep = directory.path().join("d".repeat(120));
        let data = DataDir::open_shared(deep).unwrap();
        let desk = open(&data, Service::Web, Desk::new(Vec::new())).unwrap();
        let mode = fs::metadata(path(&data, Service::Web)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let garbage = at_short_path(&path(&data, Service::Web), |path| {
            std::os::unix::net::UnixStream::connect(path)
        });
        io::Write::write_all(&mut garbage.unwrap(), b"{\"of\":[[[").unwrap();
        let answer = ask(&data, Service::Web, &asked("alice")).await.unwrap();
        assert_eq!(answer, Some(Answer::default()));
        drop(desk);
        assert!(!path(&data, Service::Web).exists());
    }
}
