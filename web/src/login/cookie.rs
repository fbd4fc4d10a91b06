//! The cookie that names a session.
//!
//! Over HTTPS it is called `__Host-…`, which browsers take only with `Secure`, for this very host
//! and every path: no page of a neighbouring name, and nothing that came without TLS, can plant it.

use std::time::Duration;

use axum::http::{
    HeaderMap, HeaderValue,
    header::{COOKIE, ORIGIN},
};

const PLAIN: &str = "sysmaint";
const SECURE: &str = "__Host-sysmaint";

/// Sets it.
pub(super) fn set(token: &str, secure: bool, lasts: Duration) -> HeaderValue {
    value(token, secure, lasts)
}

/// Takes it away.
pub(super) fn clear(secure: bool) -> HeaderValue {
    value("", secure, Duration::ZERO)
}

fn value(token: &str, secure: bool, lasts: Duration) -> HeaderValue {
    let (name, secure) = if secure { (SECURE, "; Secure") } else { (PLAIN, "") };
    let lasts = lasts.as_secs();
    let text =
        format!("{name}={token}; Path=/; Max-Age={lasts}; HttpOnly; SameSite=Strict{secure}");
    // Tokens are hexadecimal digits, so this is a header's value always.
    let mut value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("invalid"));
    value.set_sensitive(true);
    value
}

/// Whether a browser sent this over HTTPS, to a proxy in front of a server without. `Origin` is
/// the browser's own word; who invents one marks nobody's cookie but his own.
pub(super) fn came_over_https(headers: &HeaderMap) -> bool {
    headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

/// The tokens that a request presents. Over HTTPS, the plain name could be anybody's doing.
pub(super) fn presented(headers: &HeaderMap, secure: bool) -> impl Iterator<Item = &str> {
    let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs =
        texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let ours = move |name: &str| name == SECURE || (name == PLAIN && !secure);
    pairs.filter(move |(name, _)| ours(name)).map(|(_, token)| token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(cookies: &[&'static str], secure: bool) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, HeaderValue::from_static(cookie));
        }
        presented(&headers, secure).map(str::to_owned).collect()
    }

    #[test]
    fn a_script_or_another_site_gets_no_hold_of_it() {
        let cookie =
            |secure| set("ab12", secure, Duration::from_mins(1)).to_str().unwrap().to_owned();
        let plain = cookie(false);
        assert_eq!(plain, "sysmaint=ab12; Path=/; Max-Age=60; HttpOnly; SameSite=Strict");
        let secure = cookie(true);
        assert!(
            secure.starts_with("__Host-sysmaint=ab12; Path=/;") && secure.ends_with("; Secure")
        );
        assert!(!secure.contains("Domain"));
        assert!(clear(true).to_str().unwrap().starts_with("__Host-sysmaint=; Path=/; Max-Age=0"));
        assert!(set("ab12", true, Duration::ZERO).is_sensitive());
    }

    #[test]
    fn it_is_found_among_others() {
        assert_eq!(tokens(&["a=b; sysmaint=1;c", "x; __Host-sysmaint=2"], false), ["1", "2"]);
        assert_eq!(tokens(&["xsysmaint=1; Sysmaint=2; sysmaint"], false), [""; 0]);
    }

    #[test]
    fn over_https_only_the_name_that_nobody_else_can_set_counts() {
        assert_eq!(tokens(&["sysmaint=1; __Host-sysmaint=2"], true), ["2"]);
    }
}
