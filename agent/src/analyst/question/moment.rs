//! A time of day in a question.

use std::time::Duration;

use sysmaint_protocol::Timestamp;

const DAY_S: u64 = 86_400;

/// The last time that it was the time of day, in UTC, that the text names: `14:02`, `9:30:15`.
pub(super) fn moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    let inside = |character: char| character.is_ascii_digit() || character == ':';
    let seconds = text.split(|character| !inside(character)).find_map(of_day)?;
    let now_s = now.as_millis() / 1_000;
    let midnight = now_s - now_s % DAY_S;
    let today = midnight + seconds;
    let past = if today > now_s { today.checked_sub(DAY_S)? } else { today };
    Some(Timestamp::default().after(Duration::from_secs(past)))
}

fn of_day(clock: &str) -> Option<u64> {
    let mut parts = clock.split(':');
    let mut next = |lengths: &[usize]| {
        let part = parts.next()?;
        part.parse::<u64>().ok().filter(|_| lengths.contains(&part.len()))
    };
    let (hour, minute) = (next(&[1, 2])?, next(&[2])?);
    let second = if clock.matches(':').count() > 1 { next(&[2])? } else { 0 };
    let valid = hour < 24 && minute < 60 && second < 60 && parts.next().is_none();
    valid.then_some(hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_the_last_one() {
        // 2026-11-23T09:30:00Z.
        let now = Timestamp::from_millis(1_795_426_200_000);
        let read = |text: &str| moment(text, now).map(|at| at.to_string());
        assert_eq!(read("since 08:15").as_deref(), Some("2026-11-23T08:15:00Z"));
        assert_eq!(read("at 9:02:07?").as_deref(), Some("2026-11-23T09:02:07Z"));
        assert_eq!(read("since 22:00").as_deref(), Some("2026-11-22T22:00:00Z"));
        for text in ["eth0:1", "25:00", "1:2:3:4", "a::b", "100:20", "12"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
