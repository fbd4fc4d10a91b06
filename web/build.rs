//! Embeds the pages that `scripts/build-ui` has made, as a table that `src/assets.rs` includes.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

/// Variants beside a file that are smaller than it.
const ENCODINGS: [(&str, &str); 2] = [("brotli", "br"), ("gzip", "gz")];

fn main() -> Result<(), Box<dyn Error>> {
    let pages = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("ui/dist");
    println!("cargo::rerun-if-changed={}", pages.display());
    let mut table = String::from("&[\n");
    if pages.join("index.html").is_file() {
        for path in files(&pages)? {
            add(&mut table, &pages, &path)?;
        }
    } else {
        println!(
            "cargo::error=the pages are not built yet: run `make build`, or `scripts/build-ui` and \
             then cargo again (it needs Node 20.19 or newer; `make provision` finds one)"
        );
    }
    table.push_str("]\n");
    fs::write(PathBuf::from(variable("OUT_DIR")?).join("assets.rs"), table)?;
    Ok(())
}

fn variable(name: &str) -> Result<String, Box<dyn Error>> {
    env::var(name).map_err(|error| format!("{name}: {error}").into())
}

/// Every file that is served, in order, without its compressed variants.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if content_type(&path).is_some() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn add(table: &mut String, pages: &Path, path: &Path) -> Result<(), Box<dyn Error>> {
    let name = path.strip_prefix(pages)?.to_str().ok_or("a file's name is not UTF-8")?;
    let kind = content_type(path).ok_or("a file of no known type")?;
    writeln!(table, "File {{ name: {name:?}, content_type: {kind:?}, plain: {},", bytes(path))?;
    for (field, ending) in ENCODINGS {
        let variant = PathBuf::from(format!("{}.{ending}", path.display()));
        let there = variant.is_file();
        let value = if there { format!("Some({})", bytes(&variant)) } else { "None".to_owned() };
        writeln!(table, "    {field}: {value},")?;
    }
    writeln!(table, "}},")?;
    Ok(())
}

fn bytes(path: &Path) -> String {
    format!("include_bytes!({:?})", path.display().to_string())
}

fn content_type(path: &Path) -> Option<&'static str> {
    match path.extension()?.to_str()? {
        "css" => Some("text/css; charset=utf-8"),
        "html" => Some("text/html; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "txt" => Some("text/plain; charset=utf-8"),
        _ => None,
    }
}
