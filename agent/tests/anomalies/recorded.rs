//! Real load: a machine was recorded with `probe/examples/record-load.rs` while things were run on
//! it on purpose.

use std::fmt::Write as _;

use sysmaint_agent::metric::Metric;
use sysmaint_protocol::sample::{Disk, Network, Process, Processes, Sample};

use crate::{
    host::{Incident, moment},
    report::minutes,
    trial::{Judge, Score, trial},
};

const CSV: &str = include_str!("recorded.csv");
const LABELS: &str = include_str!("recorded_labels.csv");

/// How it went, incident by incident.
pub(crate) struct Recorded {
    pub(crate) span_s: u32,
    pub(crate) incidents: Vec<(String, Incident, Score)>,
    pub(crate) total: Score,
}

/// Judges the recording each minute.
pub(crate) fn recorded(judge: Judge) -> Recorded {
    let samples: Vec<_> = CSV.lines().skip(1).map(sample).collect();
    let span_s =
        CSV.lines().last().and_then(|line| line.split(',').next()).unwrap().parse().unwrap();
    let moments: Vec<_> = (0..=span_s).step_by(60).map(moment).collect();
    let labelled: Vec<_> = LABELS.lines().skip(1).map(label).collect();
    let timed =
        |(_, incident): &'_ (String, Incident)| (moment(incident.start_s), moment(incident.end_s));
    let all: Vec<_> = labelled.iter().map(|it| (timed(it).0, timed(it).1, &it.1)).collect();
    let total = trial(judge, &samples, &moments, &all);
    let incidents = labelled
        .iter()
        .map(|it| {
            let one = trial(judge, &samples, &moments, &[(timed(it).0, timed(it).1, &it.1)]);
            (it.0.clone(), it.1.clone(), one)
        })
        .collect();
    Recorded { span_s, incidents, total }
}

fn label(line: &str) -> (String, Incident) {
    let cells: Vec<_> = line.split(',').collect();
    let (metrics, process): (&[Metric], _) = match cells[3] {
        "cpu" => (&[Metric::CpuPercent, Metric::Load1], Some("sh")),
        "memory" => (&[Metric::MemoryUsedPercent], Some("python3")),
        "disk" => (&[Metric::DiskUsedPercentMax], None),
        other => panic!("{other:?} is no label"),
    };
    let incident = Incident {
        start_s: cells[0].parse().unwrap(),
        end_s: cells[1].parse().unwrap(),
        metrics: metrics.to_vec(),
        process,
    };
    (cells[2].to_owned(), incident)
}

fn sample(line: &str) -> Sample {
    let cells: Vec<_> = line.split(',').collect();
    let number = |index: usize| cells[index].parse::<f64>().ok();
    let count = |index: usize| cells[index].parse::<u64>().ok();
    let process = |at: usize, cpu: Option<f64>, memory: Option<u64>| {
        #[expect(clippy::cast_possible_truncation, reason = "a percentage")]
        let cpu_percent = cpu.unwrap_or_default() as f32;
        let name = cells[at].to_owned();
        (!name.is_empty()).then(|| Process {
            pid: 1,
            name,
            cpu_percent,
            memory_bytes: memory.unwrap_or_default(),
        })
    };
    let disk = count(6).zip(count(7)).map(|(total_bytes, used_bytes)| Disk {
        mount: "/".to_owned(),
        file_system: "ext4".to_owned(),
        total_bytes,
        used_bytes,
        read_bytes_per_s: None,
        write_bytes_per_s: None,
    });
    #[expect(clippy::cast_possible_truncation, reason = "a percentage")]
    let cpu_percent = number(2).map(|value| value as f32);
    let cores: usize = cells[1].parse().unwrap();
    Sample {
        cpu_percent,
        cpu_cores_percent: vec![cpu_percent.unwrap_or_default(); cores],
        load_1: number(3),
        memory_total_bytes: count(4),
        memory_used_bytes: count(5),
        disks: disk.into_iter().collect(),
        networks: vec![Network {
            interface: "eth0".to_owned(),
            received_bytes_per_s: number(8),
            sent_bytes_per_s: number(9),
            errors: None,
        }],
        processes: Some(Processes {
            count: 100,
            top_cpu: process(10, number(11), None).into_iter().collect(),
            top_memory: process(12, None, count(13)).into_iter().collect(),
        }),
        ..Sample::empty(moment(cells[0].parse().unwrap()))
    }
}

impl Recorded {
    /// Tells it.
    pub(crate) fn report(&self, text: &mut String) {
        let _ = writeln!(
            text,
            "\n## Recorded\n\n\
             A machine with two cores on which compilers and tests ran without a break, recorded for {} each ten seconds\n\
             (`agent/tests/anomalies/recorded.csv`, by `probe/examples/record-load.rs`) while other things were run on it on purpose, and judged each minute.\n\n\
             | what was run | minutes | found after | cause |\n| --- | ---: | ---: | --- |",
            minutes(u64::from(self.span_s))
        );
        for (what, incident, score) in &self.incidents {
            let found = score.delay_s(0.5).map_or("not found".to_owned(), minutes);
            let cause = match (score.with_process, score.process_named) {
                (0, _) => "",
                (_, 0) => "not named",
                _ => "named",
            };
            let (start, end) = (incident.start_s / 60, incident.end_s / 60);
            let _ = writeln!(text, "| {what} | {start} to {end} | {found} | {cause} |");
        }
        let about = |(what, count): (&&str, &usize)| format!("{what} {count}");
        let about: Vec<_> = self.total.false_by.iter().map(about).collect();
        let about =
            if about.is_empty() { String::new() } else { format!(" ({})", about.join(", ")) };
        let _ = writeln!(
            text,
            "\n{} alarms, of which {} concern none of these{about}. The processors were busy all the time and compilers filled the\n\
             disk from 15 to 40 % meanwhile: an alarm that was there before is no news of what was run, and two more loops at the\n\
             lowest priority change nothing that the use of the processors could show.",
            self.total.alarms, self.total.false_alarms
        );
    }
}
