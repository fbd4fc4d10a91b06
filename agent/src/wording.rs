//! Numbers and times as people read them.

use std::time::Duration;

use sysmaint_protocol::Timestamp;

use crate::metric::Unit;

/// `2026-11-23 09:30:00 UTC`.
pub(crate) fn time(moment: Timestamp) -> String {
    let text = moment.to_string();
    match (text.get(..10), text.get(11..19)) {
        (Some(date), Some(clock)) => format!("{date} {clock} UTC"),
        _ => text,
    }
}

/// `09:30:00 UTC`, with the date if it is another day than `now`'s.
pub(crate) fn clock(moment: Timestamp, now: Timestamp) -> String {
    let (full, today) = (time(moment), time(now));
    if full.get(..10) == today.get(..10) {
        full.get(11..).unwrap_or(&full).to_owned()
    } else {
        full
    }
}

/// The two largest units of a duration: `3 d 4 h`, `12 min`, `8 s`.
pub(crate) fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// `12.5%`.
pub(crate) fn percent(value: f64) -> String {
    format!("{}%", short(value))
}

/// `15.6 GiB`.
#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
pub(crate) fn bytes(count: u64) -> String {
    scaled(count as f64)
}

/// A value of a metric.
pub(crate) fn value(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Percent => percent(value),
        Unit::Processes => format!("{value:.2}"),
        Unit::Celsius => format!("{} °C", short(value)),
        Unit::BytesPerSecond => format!("{}/s", scaled(value)),
    }
}

/// `1 host`, `2 hosts`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A small picture of a course: one block a point.
pub(crate) fn course(values: &[f64]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let span = high - low;
    let block = |value: &f64| {
        let share = if span > 0.0 { (value - low) / span } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 7")]
        let index = (share * 7.0).round() as usize;
        BLOCKS[index.min(7)]
    };
    values.iter().map(block).collect()
}

/// One decimal, and none where it is zero.
fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn scaled(bytes: f64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes;
    let mut unit = 0;
    while value >= 1_024.0 && unit < UNITS.len() - 1 {
        value /= 1_024.0;
        unit += 1;
    }
    if unit == 0 { format!("{value:.0} B") } else { format!("{} {}", short(value), UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_like_numbers() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(16 << 30), "16 GiB");
        assert_eq!(bytes(1_610_612_736), "1.5 GiB");
        assert_eq!(percent(12.54), "12.5%");
        assert_eq!(percent(50.0), "50%");
        assert_eq!(value(48.5, Unit::Celsius), "48.5 °C");
        assert_eq!(value(2_048.0, Unit::BytesPerSecond), "2 KiB/s");
        assert_eq!(count(1, "host"), "1 host");
    }

    #[test]
    fn times_are_utc_and_say_so() {
        let moment = Timestamp::from_millis(1_795_426_200_250);
        assert_eq!(time(moment), "2026-11-23 09:30:00 UTC");
        assert_eq!(clock(moment, moment), "09:30:00 UTC");
        assert_eq!(clock(moment, moment.after(Duration::from_hours(24))), time(moment));
    }

    #[test]
    fn durations_have_two_units_at_most() {
        let cases = [(8, "8 s"), (720, "12 min"), (7_200, "2 h"), (5_400, "1 h 30 min")];
        for (seconds, text) in cases {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
        assert_eq!(duration(Duration::from_hours(76)), "3 d 4 h");
    }

    #[test]
    fn a_course_is_drawn_from_low_to_high() {
        assert_eq!(course(&[0.0, 50.0, 100.0]), "▁▅█");
        assert_eq!(course(&[5.0, 5.0]), "▁▁");
        assert_eq!(course(&[]), "");
    }
}
