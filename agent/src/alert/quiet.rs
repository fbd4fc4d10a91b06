//! When operators want to be left alone.

use std::{fmt, str::FromStr};

use jiff::{civil::Time, tz::TimeZone};
use sysmaint_protocol::Timestamp;

/// A part of each day in which only what is critical is told at once, such as
/// `22:00-07:00 Europe/Berlin`; without a zone, in that of the machine.
#[derive(Clone, Debug, PartialEq)]
pub struct QuietHours {
    from: Time,
    to: Time,
    zone: TimeZone,
    /// As it was written; absent for the machine's.
    zone_name: Option<String>,
}

/// The text names no hours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuietHours {
    /// It has another form.
    #[error(
        "{0:?} are no hours: write HH:MM-HH:MM, such as 22:00-07:00, and a time zone behind \
             it such as Europe/Berlin unless it is this machine's"
    )]
    Form(String),
    /// They begin when they end.
    #[error(
        "{0:?} is no time at all, or all of it: hours must end at another time than they begin"
    )]
    Empty(String),
    /// There is no such zone, or no list of zones on this machine.
    #[error("the time zone {0:?} is not known on this machine (its package tzdata lists them)")]
    Zone(String),
}

impl QuietHours {
    /// Whether this moment is in them.
    pub fn contain(&self, moment: Timestamp) -> bool {
        let millis = i64::try_from(moment.as_millis()).unwrap_or(i64::MAX);
        let Ok(moment) = jiff::Timestamp::from_millisecond(millis) else { return false };
        let time = self.zone.to_datetime(moment).time();
        if self.from < self.to {
            (self.from..self.to).contains(&time)
        } else {
            time >= self.from || time < self.to
        }
    }
}

impl FromStr for QuietHours {
    type Err = InvalidQuietHours;

    fn from_str(text: &str) -> Result<Self, InvalidQuietHours> {
        let shown = || text.chars().take(40).collect::<String>();
        let (hours, zone_name) = match text.trim().split_once(' ') {
            Some((hours, zone)) => (hours, Some(zone.trim().to_owned())),
            None => (text.trim(), None),
        };
        let parsed = hours.split_once('-').and_then(|(from, to)| Some((time(from)?, time(to)?)));
        let (from, to) = parsed.ok_or_else(|| InvalidQuietHours::Form(shown()))?;
        if from == to {
            return Err(InvalidQuietHours::Empty(shown()));
        }
        let zone = match &zone_name {
            Some(name) => TimeZone::get(name)
                .map_err(|_| InvalidQuietHours::Zone(name.chars().take(40).collect()))?,
            None => TimeZone::system(),
        };
        Ok(Self { from, to, zone, zone_name })
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, .. } = self;
        write!(formatter, "{}-{}", from.strftime("%H:%M"), to.strftime("%H:%M"))?;
        match &self.zone_name {
            Some(name) => write!(formatter, " {name}"),
            None => Ok(()),
        }
    }
}

/// `HH:MM`.
fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let two = |part: &str| {
        let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<i8>().ok().filter(|_| digits)
    };
    Time::new(two(hour)?, two(minute)?, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A moment of 2026-11-23 in UTC.
    fn at(hour: u64, minute: u64) -> Timestamp {
        Timestamp::from_millis(1_795_392_000_000 + (hour * 60 + minute) * 60_000)
    }

    #[test]
    fn hours_over_midnight_are_quiet_on_both_sides_of_it() {
        let hours: QuietHours = "22:00-07:00 UTC".parse().unwrap();
        for (hour, minute, quiet) in
            [(21, 59, false), (22, 0, true), (0, 0, true), (6, 59, true), (7, 0, false)]
        {
            assert_eq!(hours.contain(at(hour, minute)), quiet, "{hour}:{minute}");
        }
        let hours: QuietHours = "12:00-13:30 UTC".parse().unwrap();
        assert!(hours.contain(at(13, 29)) && !hours.contain(at(13, 30)));
        assert!(!hours.contain(at(11, 59)));
    }

    #[test]
    fn what_names_no_hours_is_refused_in_words() {
        for (text, says) in [
            ("", "no hours"),
            ("22-7", "no hours"),
            ("22:00-24:00", "no hours"),
            ("1:00-2:00", "no hours"),
            ("22:00-22:00", "no time at all"),
            ("22:00-07:00 Mars/Olympus", "not known"),
        ] {
            let error = text.parse::<QuietHours>().unwrap_err().to_string();
            assert!(error.contains(says), "{text:?}: {error}");
        }
    }

    #[test]
    fn hours_read_as_they_are_written() {
        for text in ["22:00-07:00", "06:05-09:30 UTC"] {
            assert_eq!(text.parse::<QuietHours>().unwrap().to_string(), text);
        }
    }
}
