//! A history as comma-separated values (RFC 4180): a row for each value.

use std::fmt::Write as _;

use sysmaint_protocol::Handle;
use sysmaint_store::{History, Series};

pub(super) const CONTENT_TYPE: &str = "text/csv; charset=utf-8; header=present";

/// The table in parts: its heading, and one for each series.
pub(super) fn parts(host: &Handle, history: History) -> impl Iterator<Item = String> + use<> {
    let heading = "time,host,metric,label,unit,mean,min,max\r\n".to_owned();
    let host = host.clone();
    let times: Vec<_> = history.times.iter().map(ToString::to_string).collect();
    let rows = history.series.into_iter().map(move |series| rows(&host, &times, &series));
    std::iter::once(heading).chain(rows)
}

/// A row for each moment at which something was measured.
fn rows(host: &Handle, times: &[String], series: &Series) -> String {
    let (metric, unit, label) = (series.metric.name(), series.metric.unit(), cell(&series.label));
    let mut rows = String::new();
    for (time, value) in times.iter().zip(&series.values) {
        let Some(summary) = value else { continue };
        let (mean, low, high) = (summary.mean(), summary.low, summary.high);
        // Writing to a String does not fail.
        let _ = write!(rows, "{time},{host},{metric},{label},{unit},{mean},{low},{high}\r\n");
    }
    rows
}

/// A text as a cell. Hosts choose their labels, and a spreadsheet would run one that begins like a
/// formula; the apostrophe makes it a text.
fn cell(text: &str) -> String {
    let is_formula =
        text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if is_formula || text.contains([',', '"', '\r', '\n', ';', '\t']) || text.trim() != text {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_quoted_where_it_must_be_and_never_a_formula() {
        for (text, expected) in [
            ("/", "/"),
            ("/mnt/a,b", "\"/mnt/a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            (" spaced", "\" spaced\""),
            ("=1+1", "\"'=1+1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("-2", "\"'-2\""),
            ("\t=1", "\"'\t=1\""),
            ("＝1", "\"'＝1\""),
        ] {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }
}
