//! `#[test]` for wasm32: exports each test, so that a host can call it by name.
//!
//! The standard harness has nobody to print to there. A crate that says, in its root,
//!
//! ```text
//! #[cfg(all(test, target_arch = "wasm32"))]
//! #[macro_use]
//! extern crate sysmaint_wasm_host;
//! ```
//!
//! has this attribute in the place of the standard one, in all its modules, and its tests stay as
//! they are. An ignored test is exported under a name that says so.

use proc_macro::{Delimiter, TokenStream, TokenTree};

/// Exports a test as `test <path>`, or as `ignored <path>`.
#[proc_macro_attribute]
pub fn test(_: TokenStream, item: TokenStream) -> TokenStream {
    let (kept, ignored) = without_ignore(item);
    let Some(name) = function_name(&kept) else {
        return parsed("compile_error!(\"only a function can be a test\");");
    };
    let kind = if ignored { "ignored " } else { "test " };
    let export = parsed(&format!(
        "const _: () = {{
            #[allow(unsafe_code)]
            #[unsafe(export_name = concat!({kind:?}, module_path!(), \"::\", {name:?}))]
            extern \"C\" fn exported() {{ ::sysmaint_wasm_host::testing::run({name}) }}
        }};"
    ));
    [kept, export].into_iter().collect()
}

/// The item without `#[ignore]`, and whether it had that.
fn without_ignore(item: TokenStream) -> (TokenStream, bool) {
    let (mut kept, mut ignored) = (Vec::new(), false);
    let mut tokens = item.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let is_hash = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
        if is_hash && tokens.peek().is_some_and(says_ignore) {
            ignored = true;
            tokens.next();
        } else {
            kept.push(token);
        }
    }
    (kept.into_iter().collect(), ignored)
}

fn says_ignore(token: &TokenTree) -> bool {
    let TokenTree::Group(group) = token else { return false };
    let first = group.stream().into_iter().next();
    group.delimiter() == Delimiter::Bracket
        && matches!(first, Some(TokenTree::Ident(name)) if name.to_string() == "ignore")
}

fn function_name(item: &TokenStream) -> Option<String> {
    let mut tokens = item.clone().into_iter();
    tokens.find(|token| matches!(token, TokenTree::Ident(word) if word.to_string() == "fn"))?;
    tokens.next().map(|name| name.to_string())
}

/// Source text that is written above and always valid.
fn parsed(source: &str) -> TokenStream {
    source.parse().unwrap_or_default()
}
