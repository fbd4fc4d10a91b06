//! Which compressed variants the other side accepts (RFC 9110, 12.5.3).

use axum::http::{HeaderMap, header::ACCEPT_ENCODING};

/// A way to compress, for which variants are embedded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }
}

/// What of that the other side accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Accepted {
    pub(super) brotli: bool,
    pub(super) gzip: bool,
}

impl Accepted {
    /// What a request's headers say; nothing, where they say nothing that can be read.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut any = false;
        let (mut brotli, mut gzip) = (None, None);
        for item in headers
            .get_all(ACCEPT_ENCODING)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
        {
            let mut parts = item.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let wanted = !parts.any(refuses);
            match name.as_str() {
                "br" => brotli = Some(wanted),
                "gzip" | "x-gzip" => gzip = Some(wanted),
                "*" => any = wanted,
                _ => {}
            }
        }
        Self { brotli: brotli.unwrap_or(any), gzip: gzip.unwrap_or(any) }
    }
}

/// Whether a parameter is a weight of zero.
fn refuses(parameter: &str) -> bool {
    let weight = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="));
    weight.is_some_and(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn accepted(text: &str) -> (bool, bool) {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_str(text).unwrap());
        let Accepted { brotli, gzip } = Accepted::of(&headers);
        (brotli, gzip)
    }

    #[test]
    fn a_variant_is_chosen_only_where_it_is_accepted() {
        assert_eq!(Accepted::of(&HeaderMap::new()), Accepted::default());
        for (text, expected) in [
            ("gzip, deflate, br, zstd", (true, true)),
            ("GZIP", (false, true)),
            ("br;q=1.0, gzip;q=0", (true, false)),
            ("br; q=0.000, *", (false, true)),
            ("*;q=0", (false, false)),
            ("identity", (false, false)),
            ("", (false, false)),
            ("brotli, gzipped, ;;q=, br;q=nonsense", (true, false)),
        ] {
            assert_eq!(accepted(text), expected, "{text}");
        }
    }
}
