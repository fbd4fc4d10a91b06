//! The report, as Markdown.

use std::{fmt::Write as _, ops::RangeInclusive};

use crate::{
    host::{GRACE, JUDGED_S, STEP_S, Scenario},
    recorded::Recorded,
    trial::Score,
};

/// What was measured.
pub(crate) struct Measured {
    pub(crate) tuned_seeds: RangeInclusive<u64>,
    pub(crate) held_out_seeds: RangeInclusive<u64>,
    pub(crate) tuned: Vec<(Scenario, Score)>,
    pub(crate) held_out: Vec<(Scenario, Score)>,
    pub(crate) by_three_deviations: Vec<(Scenario, Score)>,
    pub(crate) recorded: Recorded,
}

pub(crate) fn total(scores: &[(Scenario, Score)]) -> Score {
    let mut total = Score::default();
    for (_, score) in scores {
        total.add(score.clone());
    }
    total
}

/// Writes it.
pub(crate) fn report(measured: &Measured) -> String {
    let mut text = String::new();
    introduce(&mut text);
    let _ = writeln!(
        text,
        "## Held-out hosts\n\nMade from seeds {} to {}, which nothing was tuned on; the floors of the test hold for them.\n",
        measured.held_out_seeds.start(),
        measured.held_out_seeds.end()
    );
    table(&mut text, &measured.held_out);
    let _ = writeln!(
        text,
        "\n## Hosts that it was tuned on\n\nMade from seeds {} to {}.\n",
        measured.tuned_seeds.start(),
        measured.tuned_seeds.end()
    );
    table(&mut text, &measured.tuned);
    let _ = writeln!(
        text,
        "\n## For comparison\n\nA simple rule on the same held-out hosts: the newest sample is more than three standard\n\
         deviations above the mean of a day.\n"
    );
    table(&mut text, &measured.by_three_deviations);
    measured.recorded.report(&mut text);
    limits(&mut text);
    text
}

fn introduce(text: &mut String) {
    let _ = writeln!(
        text,
        "# How well anomalies are judged\n\n\
         Written by `make anomaly-report`; a test fails when it is out of date. The judge is `agent/src/anomaly.rs`, called\n\
         through `get_anomaly_summary` as a model or the offline analyst calls it, with its default range of a day.\n\n\
         Each made host is quiet for a day and is then judged every two minutes for {} hours, a sample each {STEP_S} s. All of\n\
         them waver, drift over the day, and do short things of up to 40 s about four times an hour. What befalls a host begins 15\n\
         to 45 minutes into the judged stretch.\n\n\
         * An *incident* is found if, while it lasts, something new is said of a metric that it moves.\n\
         * An *alarm* is an unbroken run of moments at which something is said of one metric. It is *false* if it does not begin\n  \
         while an incident moves that metric, or up to {} minutes after: what has passed is looked at too. Precision is the\n  \
         share of alarms that are not false, recall the share of incidents found.\n\
         * *Delay* is from an incident's beginning to the first alarm; its start and the moments of judging are minutes apart.\n\
         * *Cause* is how often the process behind it was named, of the incidents found that have one.\n",
        JUDGED_S / 3_600,
        GRACE.as_secs() / 60,
    );
}

fn table(text: &mut String, scores: &[(Scenario, Score)]) {
    let _ = writeln!(
        text,
        "| what | hosts | incidents found | alarms | false | delay: median, 90% | cause |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    );
    for (scenario, score) in scores {
        row(text, scenario.title(), score);
    }
    let total = total(scores);
    row(text, "**all**", &total);
    let _ = writeln!(
        text,
        "\nPrecision **{:.2}**, recall **{:.2}**.",
        total.precision(),
        total.recall()
    );
}

fn row(text: &mut String, title: &str, score: &Score) {
    let found = if score.incidents == 0 {
        String::new()
    } else {
        format!("{} of {}", score.found, score.incidents)
    };
    let delay = match (score.delay_s(0.5), score.delay_s(0.9)) {
        (Some(median), Some(most)) => format!("{}, {}", minutes(median), minutes(most)),
        _ => String::new(),
    };
    let cause = if score.with_process == 0 {
        String::new()
    } else {
        format!("{} of {}", score.process_named, score.with_process)
    };
    let Score { hosts, alarms, false_alarms, .. } = score;
    let _ = writeln!(
        text,
        "| {title} | {hosts} | {found} | {alarms} | {false_alarms} | {delay} | {cause} |"
    );
}

pub(crate) fn minutes(seconds: u64) -> String {
    format!("{} min", seconds.div_ceil(60))
}

fn limits(text: &mut String) {
    let _ = write!(
        text,
        "\n## What this does not show\n\n\
         * Made hosts are as their maker thinks hosts are. Real ones do things that nobody thought of.\n\
         * Only rises are judged. A service that stops serving is seen only if its host falls silent.\n\
         * A season has to come back four times within the range: what happens once a day is unknown to a judgement over a day.\n\
         * Nothing is said before there are 30 samples over ten minutes, but for fixed limits; limits other than a disk's must\n  \
         be passed for a minute.\n"
    );
}
