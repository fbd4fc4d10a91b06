//! The systemd units, the package, and what installs without one.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use sysmaint_tests::{files, nats_server, said, skip, sysmaint};
use tempfile::TempDir;

const EXAMPLE: &str = include_str!("../../.env.example");

/// The exposure that `systemd-analyze security` may see at most, in tenths; it goes up to 100.
const EXPOSURE_MAX: &str = "29";
/// The first systemd that looks at units which are not installed.
const SYSTEMD_WANTED: u32 = 250;
/// How a script of ours ends if something that it needs is not on this machine.
const UNAVAILABLE: i32 = 69;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every unit by its name.
fn units() -> Vec<(String, String)> {
    let entries = fs::read_dir(root().join("packaging/systemd")).unwrap();
    let mut units: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    units.sort();
    assert_eq!(units.len(), 6, "{units:?}");
    units
}

/// What a unit starts.
fn started(unit: &str) -> &str {
    unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap()
}

/// The units in a directory, with programs that are on this machine.
fn placed_units() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let nats = if nats_server().is_absolute() { nats_server() } else { sysmaint() };
    for (name, unit) in units() {
        let unit = unit
            .replace("/usr/bin/sysmaint", sysmaint().to_str().unwrap())
            .replace("ExecStart=nats-server", &format!("ExecStart={}", nats.display()));
        fs::write(directory.path().join(name), unit).unwrap();
    }
    directory
}

/// Whether systemd is here and looks at files; says it aloud if not.
fn can_analyze(what: &str) -> bool {
    let version = Command::new("systemd-analyze").arg("--version").output().ok();
    let version = version.and_then(|output| {
        let text = String::from_utf8(output.stdout).ok()?;
        text.split_whitespace().nth(1)?.parse::<u32>().ok()
    });
    let reason = match version {
        Some(version) if version >= SYSTEMD_WANTED => return true,
        Some(version) => format!("systemd is {version}; {SYSTEMD_WANTED} or newer is needed"),
        None => "systemd-analyze is not here: install systemd".to_owned(),
    };
    skip(what, &reason);
    false
}

/// Runs a script of this workspace.
fn script(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(root().join("scripts").join(name))
        .args(arguments)
        .envs(variables.iter().copied())
        .current_dir(root())
        .output()
        .unwrap()
}

/// The package of a program, or nothing where packages cannot be made, which is said aloud.
fn package(what: &str, program: &Path) -> Option<(TempDir, PathBuf)> {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().to_str().unwrap();
    let arguments = ["--quick", "--output", output, program.to_str().unwrap()];
    let made = script("package-deb", &arguments, &[]);
    if made.status.code() == Some(UNAVAILABLE) {
        skip(what, String::from_utf8_lossy(&made.stderr).trim());
        return None;
    }
    let path = PathBuf::from(said(&made).trim());
    Some((directory, path))
}

fn dpkg_deb(arguments: &[&str]) -> String {
    said(&Command::new("dpkg-deb").args(arguments).output().unwrap())
}

/// What is below a directory, by its path there.
fn below(directory: &Path) -> BTreeSet<String> {
    let inside =
        |path: &PathBuf| path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
    files(directory).iter().map(inside).collect()
}

/// The name in a line that sets it or shows its default.
fn setting(line: &str) -> Option<&str> {
    let (name, _) = line.trim_start_matches('#').split_once('=')?;
    let is_name = name
        .chars()
        .all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_');
    (is_name && !name.is_empty()).then_some(name)
}

#[test]
fn systemd_understands_every_unit() {
    if !can_analyze("verifying the units") {
        return;
    }
    let directory = placed_units();
    let paths: Vec<_> = units().iter().map(|(name, _)| directory.path().join(name)).collect();
    let mut verify = Command::new("systemd-analyze");
    let verified =
        verify.args(["verify", "--man=no", "--recursive-errors=no"]).args(paths).output();
    let verified = verified.unwrap();
    let complaint = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success(), "{complaint}");
    assert!(!complaint.contains("sysmaint"), "{complaint}");
}

#[test]
fn no_unit_is_exposed_more_than_a_service_has_to_be() {
    if !can_analyze("the exposure of the units") {
        return;
    }
    for (name, _) in units() {
        let looked = Command::new("systemd-analyze")
            .args(["security", "--no-pager", "--offline=true"])
            .arg(format!("--threshold={EXPOSURE_MAX}"))
            .arg(root().join("packaging/systemd").join(&name))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&looked.stdout);
        assert!(said.contains("Overall exposure level"), "{name}: {said}");
        assert!(looked.status.success(), "{name}: {said}");
    }
}

#[test]
fn every_unit_starts_a_command_that_there_is() {
    let mut commands = BTreeSet::new();
    for (name, unit) in units() {
        let Some(command) = started(&unit).strip_prefix("/usr/bin/sysmaint ") else {
            assert_eq!(name, "sysmaint-nats.service");
            continue;
        };
        let help = Command::new(sysmaint()).args([command, "--help"]).output().unwrap();
        assert!(said(&help).contains(&format!(" {command} [OPTIONS]")), "{name}");
        commands.insert(command.to_owned());
    }
    assert_eq!(
        commands,
        BTreeSet::from(["agent", "probe", "relay", "up", "web"].map(str::to_owned))
    );
}

#[test]
fn a_unit_starts_without_settings_and_secrets_and_gives_up_on_wrong_ones() {
    for (name, unit) in units().iter().filter(|(name, _)| name != "sysmaint-nats.service") {
        for line in [
            "EnvironmentFile=-/etc/sysmaint/sysmaint.env",
            "Environment=SYSMAINT_SECRETS_DIR=%d",
            "LoadCredential=mega_passphrase:sysmaint.mega_passphrase",
            "RestartPreventExitStatus=64 78",
            "StateDirectoryMode=0700",
        ] {
            assert!(unit.lines().any(|found| found == line), "{name}: {line}");
        }
        // A credential with a path must be there; one with a name may be missing.
        let credentials = unit.lines().filter_map(|line| line.strip_prefix("LoadCredential="));
        for credential in credentials {
            let (secret, stored) = credential.split_once(':').unwrap();
            assert_eq!(stored, format!("sysmaint.{secret}"), "{name}");
            let variable = secret.to_ascii_uppercase();
            let known = EXAMPLE.lines().filter_map(setting).any(|known| known == variable);
            assert!(known, "{name}: there is no secret {variable}");
        }
    }
}

#[test]
fn the_package_holds_the_program_its_units_and_its_licence() {
    let Some((directory, package)) = package("the contents of the .deb", &sysmaint()) else {
        return;
    };
    let field = |name| dpkg_deb(&["--field", package.to_str().unwrap(), name]).trim().to_owned();
    assert_eq!(field("Package"), "sysmaint");
    assert_eq!(field("Version"), env!("CARGO_PKG_VERSION").replacen('-', "~", 1));
    let depends = field("Depends");
    assert!(depends.contains("libc6 (>= ") && depends.contains("libssl3"), "{depends}");

    let unpacked = directory.path().join("unpacked");
    dpkg_deb(&["--raw-extract", package.to_str().unwrap(), unpacked.to_str().unwrap()]);
    let found = below(&unpacked);
    let units = units();
    let units = units.iter().map(|(name, _)| format!("usr/lib/systemd/system/{name}"));
    let documents = ["copyright", "changelog.gz", "README.md", "SECURITY.md", "LICENSE", "NOTICE"];
    let documents = documents.map(|name| format!("usr/share/doc/sysmaint/{name}"));
    let others = [
        "etc/sysmaint/sysmaint.env",
        "usr/bin/sysmaint",
        "usr/lib/sysusers.d/sysmaint.conf",
        "usr/sbin/sysmaintctl",
    ];
    for needed in units.chain(documents).chain(others.map(str::to_owned)) {
        assert!(found.contains(&needed), "{needed} is not in {found:#?}");
    }
    let copyright = fs::read_to_string(unpacked.join("usr/share/doc/sysmaint/copyright")).unwrap();
    assert!(copyright.contains("GNU AFFERO GENERAL PUBLIC LICENSE"));
    let version = Command::new(unpacked.join("usr/bin/sysmaint")).arg("--version").output();
    assert_eq!(said(&version.unwrap()), concat!("sysmaint ", env!("CARGO_PKG_VERSION"), "\n"));
    for name in ["postinst", "prerm", "postrm"] {
        let path = unpacked.join("DEBIAN").join(name);
        said(&Command::new("sh").arg("-n").arg(&path).output().unwrap());
        let text = fs::read_to_string(path).unwrap();
        for never in ["systemctl enable", "systemctl start", "rm -rf /var"] {
            assert!(!text.contains(never), "{name}: {never}");
        }
    }
    let kept = fs::read_to_string(unpacked.join("DEBIAN/conffiles")).unwrap();
    assert_eq!(
        kept,
        "/etc/sysmaint/sysmaint.env
"
    );
    settings_are_all_defaults(&unpacked.join("etc/sysmaint/sysmaint.env"));
}

/// It names every setting, sets none, and holds no secret.
fn settings_are_all_defaults(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    for line in text.lines() {
        assert!(line.is_empty() || line.starts_with('#'), "{line} is set");
    }
    let named: BTreeSet<_> = text.lines().filter_map(setting).collect();
    let known: BTreeSet<_> = EXAMPLE.lines().filter_map(setting).collect();
    assert!(known.len() > 50 && named == known, "{named:?}, not {known:?}");
    let secrets = ["MEGA_PASSPHRASE", "OPENAI_API_KEY", "SYSMAINT_JOIN", "WEB_PASSWORD"];
    for secret in secrets {
        assert!(text.lines().any(|line| line == format!("#{secret}=")), "{secret}");
    }
    let mode = fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o640);
}

#[test]
fn the_same_program_gives_the_same_package() {
    let what = "whether packages are reproducible";
    let Some((_first, one)) = package(what, Path::new("/bin/true")) else { return };
    let Some((_second, other)) = package(what, Path::new("/bin/true")) else { return };
    assert!(fs::read(one).unwrap() == fs::read(other).unwrap(), "two packages differ");
}

#[test]
fn what_is_installed_without_a_package_is_taken_away_again_but_for_changed_settings() {
    let machine = tempfile::tempdir().unwrap();
    let there = [("DESTDIR", machine.path().to_str().unwrap())];
    let install = |arguments: &[&str]| said(&script("install", arguments, &there));
    let program = ["--prefix", "/opt/sysmaint", "/bin/true"];
    install(&program);
    let installed = below(machine.path());
    for needed in ["opt/sysmaint/bin/sysmaint", "opt/sysmaint/sbin/sysmaintctl"] {
        assert!(installed.contains(needed), "{needed} is not in {installed:#?}");
    }
    for (name, unit) in units() {
        let placed = machine.path().join("etc/systemd/system").join(&name);
        let placed = fs::read_to_string(placed).unwrap();
        let wanted = started(&unit).replace("/usr/bin/", "/opt/sysmaint/bin/");
        assert_eq!(started(&placed), wanted, "{name}");
    }
    let settings = machine.path().join("etc/sysmaint/sysmaint.env");
    settings_are_all_defaults(&settings);

    install(&["--uninstall", "--prefix", "/opt/sysmaint"]);
    assert_eq!(below(machine.path()), BTreeSet::new());

    install(&program);
    fs::write(&settings, "WEB_PORT=3001\n").unwrap();
    let again = install(&program);
    assert!(again.contains("sysmaint.env as it is"), "{again}");
    assert_eq!(below(machine.path()), installed);
    install(&["--uninstall", "--prefix", "/opt/sysmaint"]);
    assert_eq!(below(machine.path()), BTreeSet::from(["etc/sysmaint/sysmaint.env".to_owned()]));
    assert_eq!(fs::read_to_string(&settings).unwrap(), "WEB_PORT=3001\n");
}
