//! History in lines, as a table, and for Prometheus.

use serde_json::{Value, json};
use sysmaint_protocol::sample::Temperature;
use sysmaint_store::Metric;

use crate::{Server, keys, memory::now, plausible};

const HOSTILE: &str = "=cmd|' /C calc'!A0,\"x\\\"\n# EOF";

async fn with_host() -> Server {
    let server = Server::quick().await;
    let mut status = plausible::host("diagprobe", now(), false);
    status.sample.temperatures = vec![Temperature { sensor: HOSTILE.to_owned(), celsius: 41.5 }];
    server.memory.show_host(status);
    server
}

fn line<'a>(answer: &'a Value, metric: &str, label: &str) -> &'a Value {
    let lines = answer["series"].as_array().unwrap();
    lines.iter().find(|line| line["metric"] == metric && line["label"] == label).unwrap()
}

#[tokio::test]
async fn series_are_columns_with_nulls_where_samples_are_missing() {
    let server = with_host().await;
    let answer = server.get("/api/status/series?host=diagprobe&range=24h").await.json();
    assert_eq!(keys(&answer), ["from", "gaps", "host", "series", "step_s", "times", "to"]);
    let times = answer["times"].as_array().unwrap();
    assert_eq!((times.len(), &answer["step_s"]), (100, &json!(864.0)));
    let disk = line(&answer, "disk_used_percent", "/");
    assert_eq!(keys(disk), ["label", "max", "mean", "metric", "min", "unit"]);
    assert_eq!(disk["unit"], "percent");
    for column in ["mean", "min", "max"] {
        assert_eq!(disk[column].as_array().unwrap().len(), 100, "{column}");
        assert_eq!(disk[column][45], Value::Null);
    }
    assert!(disk["min"][0].as_f64() < disk["mean"][0].as_f64());
    assert_eq!(keys(&answer["gaps"][0]), ["from", "missing", "to"]);
    assert_eq!(line(&answer, "cpu_core_percent", "3")["unit"], "percent");
    assert_eq!(line(&answer, "temperature_celsius", HOSTILE)["mean"][0], 41.5);
}

#[tokio::test]
async fn bounds_are_left_out_where_nothing_was_rolled_up() {
    let server = with_host().await;
    let path = "/api/status/series?host=diagprobe&range=1h&metric=load_1,cpu_percent,load_1";
    let answer = server.get(path).await.json();
    let lines = answer["series"].as_array().unwrap();
    let names: Vec<_> = lines.iter().map(|line| line["metric"].as_str().unwrap()).collect();
    assert_eq!(names, ["cpu_percent", "load_1"]);
    assert_eq!(keys(&lines[0]), ["label", "mean", "metric", "unit"]);
    assert_eq!(server.memory.asked()[0].1, [Metric::CpuPercent, Metric::Load1]);
}

#[tokio::test]
async fn any_window_of_the_past_can_be_asked_for_and_nothing_else() {
    let server = with_host().await;
    let window = "from=2026-01-01T00:00:00Z&to=2026-03-01T12:30:00Z";
    let path = format!("/api/status/series?host=diagprobe&{window}");
    let answer = server.get(&path).await.json();
    assert_eq!(answer["from"], "2026-01-01T00:00:00Z");
    assert_eq!(answer["to"], "2026-03-01T12:30:00Z");
    for wrong in [
        "",
        "&range=2h",
        "&range=1h&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z",
        "&from=2026-01-01T00:00:00Z",
        "&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
        "&from=1999-01-01T00:00:00Z&to=2026-01-01T00:00:00Z",
        "&from=9998-01-01T00:00:00Z&to=9999-01-01T00:00:00Z",
        "&from=yesterday&to=today",
        "&range=1h&metric=cpu",
        "&range=1h&metric=",
        "&range=1h&label=x",
    ] {
        let path = format!("/api/status/series?host=diagprobe{wrong}");
        server.get(&path).await.problem(400);
    }
    server.get("/api/status/series?host=unknown&range=1h").await.problem(404);
    server.get("/api/status/series?host=..&range=1h").await.problem(400);
}

#[tokio::test]
async fn an_export_is_a_table_that_no_spreadsheet_runs() {
    let server = with_host().await;
    let path = "/api/status/export?host=diagprobe&range=24h&format=csv";
    let response = server.get(path).await;
    assert!(response.header("content-type").unwrap().starts_with("text/csv"));
    let disposition = response.header("content-disposition").unwrap();
    assert_eq!(disposition, "attachment; filename=\"sysmaint-diagprobe.csv\"");
    let text = String::from_utf8(response.unchunked()).unwrap();
    assert!(text.starts_with("time,host,metric,label,unit,mean,min,max\r\n"), "{text}");
    let quoted = format!("\"'{}\"", HOSTILE.replace('"', "\"\""));
    let row = format!(",diagprobe,temperature_celsius,{quoted},celsius,41.5,40.5,42.5\r\n");
    assert_eq!(text.matches(&row).count(), 90, "ten are missing");
    assert!(!text.contains(",=") && !text.contains("\n="));
    for wrong in ["", "&format=xlsx", "&format=csv&range=1h"] {
        let path = format!("/api/status/export?host=diagprobe&range=24h{wrong}");
        server.get(&path).await.problem(400);
    }
}

#[tokio::test]
async fn prometheus_reads_the_newest_sample_of_each_host_that_is_there() {
    let server = with_host().await;
    server.memory.show_host(plausible::host("silent", now(), true));
    let response = server.get("/api/status/prometheus").await;
    assert!(response.header("content-type").unwrap().contains("version=0.0.4"));
    let text = String::from_utf8(response.body).unwrap();
    assert!(text.contains("sysmaint_host_up{host=\"diagprobe\"} 1\n"), "{text}");
    assert!(text.contains("sysmaint_host_up{host=\"silent\"} 0\n"), "{text}");
    assert!(!text.contains("sysmaint_host_cpu_percent{host=\"silent\"}"), "{text}");
    let sensor = "=cmd|' /C calc'!A0,\\\"x\\\\\\\"\\n# EOF";
    let line = format!(
        "sysmaint_host_temperature_celsius{{host=\"diagprobe\",sensor=\"{sensor}\"}} 41.5\n"
    );
    assert!(text.contains(&line), "{text}");
    assert!(text.contains("# TYPE sysmaint_host_disk_used_percent gauge\n"));
    assert!(text.contains("sysmaint_host_disk_used_percent{host=\"diagprobe\",mount=\"/\"} "));
    let mut families: Vec<_> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
    let count = families.len();
    families.dedup();
    assert_eq!(families.len(), count, "each family once");
    let names = text.lines().filter(|line| !line.starts_with('#'));
    assert!(names.clone().all(|line| line.starts_with("sysmaint_host_")), "{text}");
}
