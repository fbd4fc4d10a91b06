//! How a point of a history looks in JSON: it is written by hand, and so is this.

use std::borrow::Cow;

use sysmaint_protocol::Timestamp;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, Ref, RefOr, Schema,
        schema::{SchemaType, Type},
    },
};

use crate::backend::Point;

/// Every measure, its type and what it is.
const MEASURES: [(&str, Type, &str); 8] = [
    ("cpu_percent", Type::Number, "Busy share of all cores, 0 to 100."),
    ("load_1", Type::Number, "Load average over one minute."),
    ("memory_used_bytes", Type::Integer, "Memory in use."),
    ("swap_used_bytes", Type::Integer, "Swap in use."),
    ("disk_used_percent_max", Type::Number, "Use of the fullest file system, 0 to 100."),
    ("received_bytes_per_s", Type::Number, "Receive rate over all interfaces but loopback."),
    ("sent_bytes_per_s", Type::Number, "Send rate over all interfaces but loopback."),
    ("celsius_max", Type::Number, "The hottest sensor."),
];

impl PartialSchema for Point {
    fn schema() -> RefOr<Schema> {
        let of = |kind: &Type| ObjectBuilder::new().schema_type(SchemaType::Type(kind.clone()));
        let mut point = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Object))
            .description(Some(
                "One moment of a host's history, or a span rolled up: then each value is a mean, \
                 and its bounds stand beside it.",
            ))
            .property("time", Ref::from_schema_name(Timestamp::name()))
            .required("time");
        for (name, kind, description) in &MEASURES {
            point = point
                .property(*name, of(kind).description(Some(*description)))
                .property(format!("{name}_min"), of(kind))
                .property(format!("{name}_max"), of(kind));
        }
        point.into()
    }
}

impl ToSchema for Point {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Point")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::backend::Measure;

    #[test]
    fn a_point_has_nothing_that_is_not_described_and_all_that_is() {
        let measure = Some(Measure { value: 1.0, spread: Some((0.0, 2.0)) });
        let bytes = Some(Measure { value: 1, spread: Some((0, 2)) });
        let point = Point {
            time: Timestamp::default(),
            cpu_percent: measure,
            load_1: measure,
            memory_used_bytes: bytes,
            swap_used_bytes: bytes,
            disk_used_percent_max: measure,
            received_bytes_per_s: measure,
            sent_bytes_per_s: measure,
            celsius_max: measure,
        };
        let members = |value: &Value| {
            let mut members: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
            members.sort_unstable();
            members
        };
        let described = serde_json::to_value(Point::schema()).unwrap();
        let written = serde_json::to_value(point).unwrap();
        assert_eq!(members(&described["properties"]), members(&written));
    }
}
