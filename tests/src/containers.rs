//! `docker-compose.yml` on a real engine.
//!
//! The engine is the one that runs here, or one of the test's own, which takes root. Its images are
//! stand-ins, made of files of this machine: they prove the file, the wiring, the users and the
//! volumes, and nothing of the images that a registry has under the names in the file.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use serde_json::Value;

use crate::{Process, eventually_within, nats_server, sysmaint};

/// The top of this checkout.
const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// What the images are called here, so that nobody's real ones are touched.
const BASE: &str = "sysmaint-test/base";
const NATS: &str = "sysmaint-test/nats";
const IMAGE: &str = "sysmaint-test/sysmaint";
const BUILT: &str = "sysmaint-test/built";
/// From which `Dockerfile` builds.
const BUILT_FROM: [&str; 3] =
    ["node:22-bookworm-slim", "rust:1.95-slim-bookworm", "debian:bookworm-slim"];
/// How long an engine takes to start.
const STARTED_WITHIN: Duration = Duration::from_mins(1);

/// A container engine.
#[derive(Debug)]
pub struct Engine {
    /// Where it listens, if it is the test's own.
    socket: Option<PathBuf>,
    daemon: Option<Process>,
    directory: tempfile::TempDir,
}

/// One running copy of the file.
#[derive(Debug)]
pub struct Composed {
    engine: Engine,
    name: String,
    image: &'static str,
    settings: Vec<(String, String)>,
}

impl Engine {
    /// The one that runs here, or else one that is started; or why there is none.
    pub async fn find() -> Result<Self, String> {
        let directory = tempfile::TempDir::new().unwrap();
        let mut engine = Self { socket: None, daemon: None, directory };
        if !engine.docker().arg("--version").output().is_ok_and(|output| output.status.success()) {
            return Err("no docker on PATH".to_owned());
        }
        if !succeeds(engine.docker().args(["compose", "version"])) {
            return Err("docker has no Compose 2".to_owned());
        }
        if !succeeds(Command::new("busybox").arg("true")) {
            return Err("no busybox on PATH, of which the base image is made".to_owned());
        }
        if !succeeds(engine.docker().arg("info")) {
            engine.start().await?;
        }
        engine.import(BASE, &[]);
        let tried = engine.docker().args(["run", "--rm", BASE, "busybox", "true"]).output();
        if let Some(refused) = tried.ok().filter(|output| !output.status.success()) {
            return Err(format!("the engine here runs no container: {}", text(&refused).trim()));
        }
        engine.import(NATS, &[nats_server()]);
        engine.pack();
        Ok(engine)
    }

    /// An image that `Dockerfile` builds from and that this engine neither has nor can get.
    pub fn lacks(&self) -> Option<&'static str> {
        BUILT_FROM.into_iter().find(|image| {
            !succeeds(self.docker().args(["image", "inspect", image]))
                && !succeeds(self.docker().args(["pull", "--quiet", image]))
        })
    }

    /// Starts a daemon that keeps everything in this test's directory.
    async fn start(&mut self) -> Result<(), String> {
        if !succeeds(Command::new("dockerd").arg("--version")) {
            return Err("no engine runs here, and there is no dockerd to start one".to_owned());
        }
        let root = self.directory.path();
        let socket = root.join("docker.sock");
        let mut command = Command::new("dockerd");
        command
            .arg("--data-root")
            .arg(root.join("data"))
            .arg("--exec-root")
            .arg(root.join("exec"))
            .arg("--pidfile")
            .arg(root.join("docker.pid"))
            .arg("--host")
            .arg(format!("unix://{}", socket.display()));
        self.daemon = Some(Process::start(command, root, "dockerd"));
        self.socket = Some(socket);
        let deadline = tokio::time::Instant::now() + STARTED_WITHIN;
        while !succeeds(self.docker().arg("info")) {
            let daemon = self.daemon.as_mut().unwrap();
            if daemon.ended().is_some() || tokio::time::Instant::now() > deadline {
                let said = daemon.stderr();
                let last = said.lines().next_back().unwrap_or_default();
                return Err(format!("dockerd does not start here: {last}"));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// The client of this engine.
    pub fn docker(&self) -> Command {
        let mut command = Command::new("docker");
        let plugins = Path::new(CHECKOUT).join(".tools/docker");
        if plugins.join("cli-plugins/docker-compose").exists() {
            command.env("DOCKER_CONFIG", plugins);
        }
        if let Some(socket) = &self.socket {
            command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
        }
        command
    }

    /// Makes a base image of busybox, these programs, and the libraries that they and `sysmaint`
    /// need.
    fn import(&self, name: &str, programs: &[PathBuf]) {
        let root = self.directory.path().join(name.replace('/', "-"));
        let busybox = which("busybox");
        let binaries: Vec<_> = programs.iter().map(which).collect();
        for directory in ["etc", "tmp", "run", "var"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        place(&busybox, &root.join("bin/busybox"));
        for applet in ["sh", "mkdir", "chmod", "chown", "grep", "nc"] {
            std::os::unix::fs::symlink("busybox", root.join("bin").join(applet)).unwrap();
        }
        for binary in &binaries {
            place(binary, &root.join("usr/local/bin").join(binary.file_name().unwrap()));
        }
        fs::write(root.join("etc/passwd"), "root:x:0:0:root:/:/bin/sh\n").unwrap();
        for library in [&busybox, &sysmaint()].into_iter().chain(&binaries).flat_map(libraries) {
            place(&library, &root.join(library.strip_prefix("/").unwrap()));
        }
        let archive = root.with_extension("tar");
        run(Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&archive).arg("."));
        run(self.docker().arg("import").arg(&archive).arg(name));
    }

    /// Builds the image of the binary that was built here.
    fn pack(&self) {
        let context = self.directory.path().join("context");
        let binary = context.join("out/usr/local/bin/sysmaint");
        place(&sysmaint(), &binary);
        let certificates = "etc/ssl/certs/ca-certificates.crt";
        place(&Path::new("/").join(certificates), &context.join("out").join(certificates));
        // Of what debuggers want a container needs nothing; without `strip` it is only larger.
        let _ = Command::new("strip").arg(&binary).output();
        let dockerfile = Path::new(CHECKOUT).join("Dockerfile");
        run(self
            .docker()
            .env("DOCKER_BUILDKIT", "1")
            .args(["build", "--target", "prebuilt", "--tag", IMAGE, "--build-arg"])
            .arg(format!("RUNTIME_IMAGE={BASE}"))
            .arg("--file")
            .args([&dockerfile, &context]));
    }
}

impl Composed {
    /// Brings everything up with these settings in place of `.env`, and waits until it is healthy.
    pub fn up(engine: Engine, settings: &[(&str, &str)]) -> Self {
        let name = format!("sysmaint-test-{}", std::process::id());
        let settings =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let composed = Self { engine, name, image: IMAGE, settings: settings.collect() };
        composed.start();
        composed
    }

    /// Builds the image as an operator does, and goes on with it.
    pub fn build(&mut self) {
        self.image = BUILT;
        run(self.compose().args(["build", "setup"]));
    }

    /// Brings up what is down or has changed.
    pub fn start(&self) {
        run(self.compose().args(["up", "--detach", "--no-build", "--wait", "--quiet-pull"]));
    }

    /// Takes everything down; volumes stay.
    pub fn down(&self) {
        run(self.compose().args(["down", "--remove-orphans"]));
    }

    /// `docker compose` over this copy.
    pub fn compose(&self) -> Command {
        let mut command = self.engine.docker();
        command
            .args(["compose", "--project-name", &self.name, "--env-file", "/dev/null", "--file"])
            .arg(Path::new(CHECKOUT).join("docker-compose.yml"))
            .envs(self.settings.iter().cloned())
            .envs([("SYSMAINT_IMAGE", self.image), ("NATS_IMAGE", NATS)]);
        command
    }

    /// What a command of `docker compose` prints.
    pub fn said(&self, arguments: &[&str]) -> String {
        let output = run(self.compose().args(arguments));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What the engine knows of each container, those included that have ended.
    pub fn inspected(&self) -> Vec<Value> {
        let ids = self.said(&["ps", "--all", "--quiet"]);
        let output = run(self.engine.docker().arg("inspect").args(ids.lines()));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The container of a service.
    pub fn service(&self, name: &str) -> Value {
        let is_named =
            |container: &Value| container["Config"]["Labels"]["com.docker.compose.service"] == name;
        self.inspected().into_iter().find(is_named).unwrap()
    }

    /// SIGKILL to a service's process, as an out-of-memory killer sends it; the engine starts it
    /// again by itself.
    pub async fn kill(&self, service: &str) {
        let before = self.service(service)["State"]["Pid"].as_u64().unwrap();
        crate::process::signal(u32::try_from(before).unwrap(), "KILL");
        let again = async || {
            let state = self.service(service)["State"].clone();
            (state["Running"] == true && state["Pid"] != before).then_some(())
        };
        eventually_within(Duration::from_mins(2), "a container that was restarted", again).await;
    }
}

impl Drop for Composed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let logs = self.compose().args(["logs", "--no-color", "--tail", "50"]).output();
            eprintln!("{}", logs.map_or_else(|_| String::new(), |logs| text(&logs)));
        }
        let _ = self.compose().args(["down", "--volumes", "--remove-orphans"]).output();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // It unmounts what it has mounted, so that its directory can be removed.
        if let Some(daemon) = &mut self.daemon {
            daemon.terminate();
            let deadline = std::time::Instant::now() + Duration::from_secs(30);
            while daemon.ended().is_none() && std::time::Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", text(&output));
    output
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Copies a file to where nothing need be yet.
fn place(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap();
}

/// Where a program is that is named by its path or found on PATH.
fn which(program: impl AsRef<Path>) -> PathBuf {
    let program = program.as_ref();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = std::env::split_paths(&path).map(|directory| directory.join(program));
    let found = std::iter::once(program.to_owned()).chain(candidates).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{} is not on PATH", program.display()))
}

/// The libraries that a program is linked with, as the loader finds them; none for a static one.
fn libraries(program: impl AsRef<Path>) -> Vec<PathBuf> {
    let output = Command::new("ldd").arg(program.as_ref()).output().unwrap();
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let path =
        |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(Into::into);
    listed.lines().filter_map(path).collect()
}
