//! The way of a secret into the process.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use secrecy::SecretString;

use super::{
    error::ConfigError,
    layers::{Found, Layers, Raw},
    variable::Origin,
};

/// Bytes of a secret's file; a passphrase or a key is far shorter.
const SECRET_MAX: u64 = 64 * 1024;

/// The setting that names the directory in which secrets lie that are not set otherwise.
pub(super) const DIRECTORY: &str = "SYSMAINT_SECRETS_DIR";

/// The setting that names the file in which a secret lies.
pub(super) fn file_name(name: &str) -> String {
    format!("{name}_FILE")
}

/// The secret and where it came from.
pub(super) fn read(
    layers: &Layers,
    name: &'static str,
) -> Result<Option<(SecretString, Origin)>, ConfigError> {
    if let Some(origin) = layers.exposed(name) {
        return Err(ConfigError::SecretExposed { name, origin });
    }
    let direct = layers.variable(name)?.map(SecretString::from);
    match (direct, file(layers, name)?) {
        (Some(_), Some(_)) => Err(ConfigError::BothSet { name }),
        (Some(secret), None) => Ok(Some((secret, Origin::Environment))),
        (None, Some(path)) => of_file(name, path).map(Some),
        (None, None) => in_directory(layers, name),
    }
}

fn of_file(name: &'static str, path: PathBuf) -> Result<(SecretString, Origin), ConfigError> {
    match read_file(&path) {
        Ok(secret) => Ok((secret, Origin::File(path))),
        Err(reason) => Err(ConfigError::SecretFile { name, path, reason }),
    }
}

/// From the directory that has a file for each secret, under its name in lower case. One that has
/// no such file, or an empty one, has not set it.
fn in_directory(
    layers: &Layers,
    name: &'static str,
) -> Result<Option<(SecretString, Origin)>, ConfigError> {
    let Some(Found { raw: Raw::One(directory), .. }) = layers.find(DIRECTORY)? else {
        return Ok(None);
    };
    let path = Path::new(&directory).join(name.to_ascii_lowercase());
    match fs::metadata(&path) {
        Ok(metadata) if metadata.len() == 0 => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        _ => of_file(name, path).map(Some),
    }
}

fn file(layers: &Layers, name: &'static str) -> Result<Option<PathBuf>, ConfigError> {
    let Some(Found { raw, .. }) = layers.find(&file_name(name))? else { return Ok(None) };
    match raw {
        Raw::One(path) => Ok(Some(PathBuf::from(path))),
        Raw::Many(paths) => Err(ConfigError::SecretFile {
            name,
            path: PathBuf::from(paths.join(",")),
            reason: "it takes one path, not a list".to_owned(),
        }),
    }
}

/// The content of a file without one closing line break, which editors and `echo` add.
pub(crate) fn read_file(path: &Path) -> Result<SecretString, String> {
    let mut content = String::new();
    File::open(path)
        .and_then(|file| file.take(SECRET_MAX + 1).read_to_string(&mut content))
        .map_err(|error| error.to_string())?;
    if content.len() as u64 > SECRET_MAX {
        return Err(format!("it is larger than {SECRET_MAX} bytes"));
    }
    if content.ends_with('\n') {
        content.pop();
        if content.ends_with('\r') {
            content.pop();
        }
    }
    if content.is_empty() {
        return Err("it is empty".to_owned());
    }
    Ok(SecretString::from(content))
}
