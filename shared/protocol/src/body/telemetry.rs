//! Samples on their way to those who read them.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::{Body, InvalidBody};
use crate::{
    ContentId, Kind, Timestamp,
    limits::{BODY_MAX, LOST_STRETCHES, SEQUENCE_MAX},
    sample::Sample,
};

/// Samples of a host, oldest first. Where many wait, the newest of them and the oldest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Telemetry {
    /// Names the probe's store: a new store counts from 1 again under a new name.
    pub stream: ContentId,
    /// The samples.
    pub samples: Vec<NumberedSample>,
    /// Samples that the probe could not keep until they were sent, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<Lost>,
}

impl Telemetry {
    /// The numbers that this tells of, lowest first.
    pub fn stretches(&self) -> Vec<RangeInclusive<u64>> {
        let samples = self.samples.iter().map(|sample| sample.sequence..=sample.sequence);
        let mut all: Vec<_> =
            samples.chain(self.lost.iter().map(|lost| lost.first..=lost.last)).collect();
        all.sort_unstable_by_key(|stretch| *stretch.start());
        let mut merged: Vec<RangeInclusive<u64>> = Vec::new();
        for stretch in all {
            match merged.last_mut() {
                Some(last) if *stretch.start() <= last.end().saturating_add(1) => {
                    *last = *last.start()..=*last.end().max(stretch.end());
                }
                _ => merged.push(stretch),
            }
        }
        merged
    }
}

impl Body for Telemetry {
    const KIND: Kind = Kind::Telemetry;

    fn check(&self) -> Result<(), InvalidBody> {
        // A sample is never below 38 bytes, so a fuller list cannot be honest.
        if self.samples.len() > BODY_MAX / 38 || self.lost.len() > LOST_STRETCHES {
            return Err(InvalidBody::TooMany);
        }
        let samples = self.samples.iter().all(|sample| sample.sequence <= SEQUENCE_MAX);
        let lost =
            self.lost.iter().all(|lost| lost.first <= lost.last && lost.last <= SEQUENCE_MAX);
        if samples && lost { Ok(()) } else { Err(InvalidBody::Sequence) }
    }
}

/// Samples in a row that are lost: the probe had no room for them until they could be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// The number of the first.
    pub first: u64,
    /// The number of the last.
    pub last: u64,
    /// When the first was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// When the last was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
}

/// A sample and its place in the probe's stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NumberedSample {
    /// Counts from 1 without holes.
    pub sequence: u64,
    /// The sample.
    pub sample: Sample,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::decode;

    #[test]
    fn telemetry_of_an_older_probe_has_lost_nothing_and_no_number_is_out_of_bounds() {
        let telemetry = |lost: &str| {
            let stream = ContentId::from_bytes([1; 16]);
            let json = format!(r#"{{"stream":"{stream}","samples":[]{lost}}}"#);
            decode::<Telemetry>(json.as_bytes())
        };
        assert_eq!(telemetry("").unwrap().lost, []);
        assert_eq!(telemetry(r#","lost":[{"first":3,"last":9}]"#).unwrap().stretches(), [3..=9]);
        let backwards = telemetry(r#","lost":[{"first":9,"last":3}]"#);
        assert_eq!(backwards, Err(InvalidBody::Sequence));
        let beyond = telemetry(r#","lost":[{"first":9,"last":18446744073709551615}]"#);
        assert_eq!(beyond, Err(InvalidBody::Sequence));
    }

    #[test]
    fn samples_and_losses_that_touch_are_one_stretch() {
        let taken =
            |sequence| NumberedSample { sequence, sample: Sample::empty(Timestamp::default()) };
        let telemetry = Telemetry {
            stream: ContentId::from_bytes([1; 16]),
            samples: vec![taken(4), taken(5), taken(90)],
            lost: vec![Lost { first: 1, last: 3, from: None, to: None }],
        };
        assert_eq!(telemetry.stretches(), [1..=5, 90..=90]);
    }
}
