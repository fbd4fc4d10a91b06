//! One who sends calmly, while another does not.

use std::{
    process::Command,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use crate::{
    connection::{Connection, request},
    flood::Flood,
    mail::Mail,
    measured::{Measured, Round},
    stage::Stage,
};

const ROUNDS: usize = 5;
/// Messages of the calm one in a round, and the time between two of them.
const CALM: usize = 200;
const PAUSE: Duration = Duration::from_millis(20);
/// More than the calm one needs, and far less than a loop can send.
const SETTINGS: [(&str, &str); 2] =
    [("RELAY_MESSAGES_PER_S", "100"), ("RELAY_MESSAGE_BURST", "100")];

pub(crate) async fn run() -> Vec<String> {
    let stage = Stage::start("power", 1, &SETTINGS).await;
    let mail = Mail::new(&stage).await;
    let messages = mail.requests_by(mail.sender(1), 20_000);
    // As if from elsewhere: calls from this machine are not limited by address.
    let strangers =
        vec![request("GET", "/v1/certificate/delivery", "wrong", "Via: 1.1 x\r\n", &[])];
    let mut lines = Vec::new();
    for (name, requests) in [("messages of one device", messages), ("wrong tokens", strangers)] {
        let (mut quiet, mut flooded) = (Measured::default(), Measured::default());
        let (mut taken, mut limited, mut others) = (0, 0, 0);
        for round in 0..=ROUNDS {
            let alone = calm(&stage, &mail).await;
            let flood = Flood::start(stage.relay(0), requests.clone());
            let beside = calm(&stage, &mail).await;
            let tally = flood.end();
            mail.clear().await;
            if round > 0 {
                quiet.add(alone);
                flooded.add(beside);
                taken += tally.taken.load(Ordering::Relaxed);
                limited += tally.limited.load(Ordering::Relaxed);
                others += tally.others.load(Ordering::Relaxed);
            }
        }
        let (before, beside) = (quiet.within_ms(0.99), flooded.within_ms(0.99));
        println!("alone: {quiet}");
        println!("beside a flood of {name}: {flooded}");
        println!("the flood: {taken} taken, {limited} limited, {others} refused otherwise");
        lines.push(format!(
            "fairness: p99 of one sender beside a flood of {name} / alone = {:.2} ({beside:.2} ms \
             against {before:.2} ms; goal: at most 3)",
            beside / before
        ));
    }
    lines.extend(health(&stage));
    lines
}

/// One message after the other, at fixed times, so that a late answer delays no later question.
async fn calm(stage: &Stage, mail: &Mail) -> Round {
    let mut connection = Connection::open(stage.relay(0)).await;
    let requests = mail.requests_by(mail.sender(0), CALM);
    let (started, mut each) = (Instant::now(), Vec::with_capacity(CALM));
    let mut due = tokio::time::interval(PAUSE);
    for request in requests {
        due.tick().await;
        let started = Instant::now();
        let answer = connection.exchange(&request).await.unwrap();
        assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(&answer.body));
        each.push(started.elapsed());
    }
    Round { took: started.elapsed(), each }
}

/// Plain requests by an outside tool, where there is one.
fn health(stage: &Stage) -> Vec<String> {
    let url = format!("http://{}/health", stage.relay(0));
    let Ok(output) = Command::new("wrk").args(["-t1", "-c64", "-d5s", "--latency", &url]).output()
    else {
        return vec!["GET /health: not measured, since wrk is not installed".to_owned()];
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let of = |name: &str| {
        let line = said.lines().map(str::trim).find(|line| line.starts_with(name));
        line.map_or("?", |line| line.trim_start_matches(name).trim()).to_owned()
    };
    vec![format!(
        "GET /health by wrk, 64 connections: {}/s, p50 {}, p99 {}",
        of("Requests/sec:"),
        of("50%"),
        of("99%")
    )]
}
