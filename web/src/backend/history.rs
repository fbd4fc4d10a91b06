//! What a host measured over time.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use sysmaint_protocol::Timestamp;
use utoipa::ToSchema;

/// How far back a chart looks.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
pub enum Range {
    /// One hour.
    #[serde(rename = "1h")]
    Hour,
    /// Twelve hours.
    #[serde(rename = "12h")]
    HalfDay,
    /// A day.
    #[serde(rename = "24h")]
    Day,
    /// A week.
    #[serde(rename = "7d")]
    Week,
    /// Thirty days.
    #[serde(rename = "30d")]
    Month,
}

impl Range {
    /// Its length.
    pub const fn span(self) -> Duration {
        const HOUR: u64 = 3600;
        Duration::from_secs(match self {
            Self::Hour => HOUR,
            Self::HalfDay => 12 * HOUR,
            Self::Day => 24 * HOUR,
            Self::Week => 7 * 24 * HOUR,
            Self::Month => 30 * 24 * HOUR,
        })
    }
}

/// A measured value, or the mean of several with their bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure<T> {
    /// The value, or the mean.
    pub value: T,
    /// The smallest and the largest; present where several values were rolled up.
    pub spread: Option<(T, T)>,
}

impl<T> Measure<T> {
    /// One value, as it was measured.
    pub const fn exact(value: T) -> Self {
        Self { value, spread: None }
    }
}

/// A size in bytes.
pub type Bytes = Measure<u64>;

/// One point of a host's history. What is unknown is absent, also in JSON, where the bounds of a
/// rolled-up value appear as `<name>_min` and `<name>_max`.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The moment, or the start of the rolled-up span.
    pub time: Timestamp,
    /// Busy share of all cores, 0 to 100.
    pub cpu_percent: Option<Measure<f64>>,
    /// Load average over one minute.
    pub load_1: Option<Measure<f64>>,
    /// Memory in use.
    pub memory_used_bytes: Option<Bytes>,
    /// Swap in use.
    pub swap_used_bytes: Option<Bytes>,
    /// Use of the fullest file system, 0 to 100.
    pub disk_used_percent_max: Option<Measure<f64>>,
    /// Receive rate over all interfaces but loopback.
    pub received_bytes_per_s: Option<Measure<f64>>,
    /// Send rate over all interfaces but loopback.
    pub sent_bytes_per_s: Option<Measure<f64>>,
    /// The hottest sensor.
    pub celsius_max: Option<Measure<f64>>,
}

impl Point {
    /// A point that knows nothing but its moment.
    pub const fn empty(time: Timestamp) -> Self {
        Self {
            time,
            cpu_percent: None,
            load_1: None,
            memory_used_bytes: None,
            swap_used_bytes: None,
            disk_used_percent_max: None,
            received_bytes_per_s: None,
            sent_bytes_per_s: None,
            celsius_max: None,
        }
    }
}

impl Serialize for Point {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("time", &self.time)?;
        entry(&mut map, "cpu_percent", self.cpu_percent)?;
        entry(&mut map, "load_1", self.load_1)?;
        entry(&mut map, "memory_used_bytes", self.memory_used_bytes)?;
        entry(&mut map, "swap_used_bytes", self.swap_used_bytes)?;
        entry(&mut map, "disk_used_percent_max", self.disk_used_percent_max)?;
        entry(&mut map, "received_bytes_per_s", self.received_bytes_per_s)?;
        entry(&mut map, "sent_bytes_per_s", self.sent_bytes_per_s)?;
        entry(&mut map, "celsius_max", self.celsius_max)?;
        map.end()
    }
}

fn entry<M: SerializeMap, T: Serialize>(
    map: &mut M,
    name: &str,
    measure: Option<Measure<T>>,
) -> Result<(), M::Error> {
    let Some(measure) = measure else { return Ok(()) };
    map.serialize_entry(name, &measure.value)?;
    if let Some((smallest, largest)) = measure.spread {
        map.serialize_entry(&format!("{name}_min"), &smallest)?;
        map.serialize_entry(&format!("{name}_max"), &largest)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_rolled_up_value_has_bounds_and_an_unknown_one_is_absent() {
        let mut point = Point::empty(Timestamp::from_millis(0));
        point.memory_used_bytes = Some(Measure::exact(4096));
        point.load_1 = Some(Measure { value: 0.5, spread: Some((0.25, 2.0)) });
        assert_eq!(
            serde_json::to_string(&point).unwrap(),
            concat!(
                r#"{"time":"1970-01-01T00:00:00Z","load_1":0.5,"load_1_min":0.25,"#,
                r#""load_1_max":2.0,"memory_used_bytes":4096}"#
            )
        );
    }

    #[test]
    fn a_range_is_written_as_the_documentation_writes_it() {
        for (text, hours) in [("1h", 1), ("12h", 12), ("24h", 24), ("7d", 168), ("30d", 720)] {
            let range: Range = serde_json::from_value(text.into()).unwrap();
            assert_eq!(range.span(), Duration::from_secs(hours * 3600), "{text}");
        }
        assert!(serde_json::from_value::<Range>("2h".into()).is_err());
    }
}
