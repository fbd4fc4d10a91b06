//! Every link between the documents leads somewhere.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
};

/// A document: where its links lead, and the anchors that others can name.
struct Document {
    links: Vec<String>,
    anchors: BTreeSet<String>,
}

#[test]
fn every_link_and_anchor_leads_somewhere() {
    let root = root();
    let documents: BTreeMap<PathBuf, Document> = paths(&root)
        .into_iter()
        .map(|path| (path.clone(), parse(&fs::read_to_string(root.join(&path)).unwrap())))
        .collect();
    let mut broken = Vec::new();
    for (path, document) in &documents {
        for link in &document.links {
            if let Some(reason) = wrong(&root, &documents, path, link) {
                broken.push(format!("{}: {link}: {reason}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

/// The check above would pass over nothing just as well.
#[test]
fn documents_links_and_anchors_are_found() {
    let root = root();
    let paths = paths(&root);
    for wanted in ["README.md", "SECURITY.md", "docs/operations.md"] {
        assert!(paths.contains(Path::new(wanted)), "{wanted}: {paths:?}");
    }
    let text = "# One, `two`: 3\n\n## Same\n## Same\n[a](b.md#c) `[no](no.md)` <a href=\"d.md\">\n\
                ```\n# no heading\n[no](no.md)\n```\n[![picture](e.png)](f.md)\n";
    let document = parse(text);
    assert_eq!(document.links, ["b.md#c", "d.md", "e.png", "f.md"]);
    let anchors: Vec<_> = document.anchors.iter().map(String::as_str).collect();
    assert_eq!(anchors, ["one-two-3", "same", "same-1"]);
    let documents = BTreeMap::from([(PathBuf::from("README.md"), document)]);
    let check = |link| wrong(&root, &documents, Path::new("README.md"), link);
    for fine in ["https://example.org/x", "#same-1", "README.md#same", "docs/relay-api.md", "docs"]
    {
        assert_eq!(check(fine), None, "{fine}");
    }
    for broken in ["#other", "README.md#other", "docs/nothing.md", "../outside.md"] {
        assert!(check(broken).is_some(), "{broken}");
    }
}

/// The files that README's picture of the repository names are there.
#[test]
fn what_the_readme_says_lies_in_the_repository_does() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, tree) = readme.split_once("## Repository structure").unwrap();
    let (_, tree) = tree.split_once("```\n").unwrap();
    let (tree, _) = tree.split_once("```").unwrap();
    let mut above = PathBuf::new();
    for line in tree.lines() {
        let name = line.split('#').next().unwrap().trim_start_matches(['│', '├', '└', '─', ' ']);
        let path =
            if line.starts_with('│') { above.join(name.trim()) } else { name.trim().into() };
        if !line.starts_with('│') {
            above.clone_from(&path);
        }
        assert!(root().join(&path).exists(), "README names {}", path.display());
    }
}

/// What is wrong with a link; `None` if it leads somewhere, or out of the repository by a scheme.
fn wrong(
    root: &Path,
    documents: &BTreeMap<PathBuf, Document>,
    from: &Path,
    link: &str,
) -> Option<&'static str> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link.split_once('#').map_or((link, None), |(f, a)| (f, Some(a)));
    let target = if file.is_empty() {
        from.to_owned()
    } else {
        let Some(target) = within(&from.parent().unwrap().join(file)) else {
            return Some("outside of the repository");
        };
        target
    };
    if !root.join(&target).exists() {
        return Some("no such file");
    }
    let known = anchor.is_none_or(|anchor| {
        documents.get(&target).is_none_or(|document| document.anchors.contains(anchor))
    });
    (!known).then_some("no such heading")
}

/// A path without `.` and `..`; `None` where it leaves the repository.
fn within(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if plain.pop() => {}
            Component::Normal(name) => plain.push(name),
            _ => return None,
        }
    }
    Some(plain)
}

fn parse(text: &str) -> Document {
    let (mut links, mut anchors) = (Vec::new(), BTreeSet::new());
    let mut is_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            if line.starts_with('#') {
                anchor(line, &mut anchors);
            }
            collect_links(line, &mut links);
        }
    }
    Document { links, anchors }
}

/// As GitHub makes them: lower case, letters, digits, hyphens and underscores; the second of two
/// that are equal is numbered.
fn anchor(heading: &str, anchors: &mut BTreeSet<String>) {
    let plain: String = heading
        .trim_start_matches('#')
        .trim()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() })
        .collect();
    let numbered = (1..).map(|number| format!("{plain}-{number}"));
    let free = std::iter::once(plain.clone()).chain(numbered).find(|name| !anchors.contains(name));
    anchors.extend(free);
}

fn collect_links(line: &str, links: &mut Vec<String>) {
    // Every second part stands between backticks.
    let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
    for (opening, closing) in [("](", ')'), ("href=\"", '"'), ("src=\"", '"'), ("srcset=\"", '"')] {
        for part in prose.split(opening).skip(1) {
            links.extend(part.split(closing).next().map(|link| link.trim().to_owned()));
        }
    }
    links.sort();
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All documents, relative to the root.
fn paths(root: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    collect(root, root, &mut found);
    found
}

fn collect(root: &Path, directory: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if entry.file_type().unwrap().is_dir() {
            let made = matches!(&*name, "data" | "dist" | "node_modules" | "target");
            if !made && !name.starts_with('.') {
                collect(root, &path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.insert(path.strip_prefix(root).unwrap().to_owned());
        }
    }
}
