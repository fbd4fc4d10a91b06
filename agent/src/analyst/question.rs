//! What a question is about.

mod moment;
mod naming;
mod phrases;
mod request;
mod spelling;
mod topic;

use sysmaint_protocol::{Handle, Timestamp};

use self::{
    naming::{host_of, named, unknown_host},
    phrases::add_phrases,
};
pub(super) use self::{spelling::distance, topic::Topic};
use super::period;
use crate::{metric::Metric, range::Range};

/// Characters of a question that are read.
const READ_MAX: usize = 2_000;

/// A question, understood as far as rules go.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Question {
    /// What it asks for, in the order of an answer. Empty if nothing was understood.
    pub(super) topics: Vec<Topic>,
    /// The hosts that it names. Empty for all.
    pub(super) hosts: Vec<Handle>,
    /// A name that reads like a host's and is none.
    pub(super) unknown_host: Option<String>,
    /// How far back it looks.
    pub(super) range: Option<Range>,
    /// A time of day that it names.
    pub(super) moment: Option<Timestamp>,
    /// What is to be done, where it is an order.
    pub(super) action: Option<String>,
    /// What it asks for that samples do not hold.
    pub(super) absent: Option<&'static str>,
    /// Words that were read as others: as typed, and as read.
    pub(super) corrected: Vec<(String, &'static str)>,
    /// Whether it asks how something developed.
    pub(super) course: bool,
    /// Whether it asks for a reason.
    pub(super) why: bool,
    /// Whether the answer is to be one line.
    pub(super) one_line: bool,
    /// For processes and comparisons: the numbers that matter.
    pub(super) metrics: Vec<Metric>,
}

impl Question {
    /// Reads a question about these hosts.
    pub(super) fn parse(text: &str, hosts: &[Handle], now: Timestamp) -> Self {
        let text: String = text.chars().take(READ_MAX).collect::<String>().to_lowercase();
        let words = words(&text);
        let named = named(&words, hosts);
        // A host may be called `load`; what names a host names nothing else.
        let plain: Vec<_> =
            words.iter().copied().filter(|word| host_of(word, hosts).is_none()).collect();
        let mut corrected = Vec::new();
        let plain: Vec<_> = plain
            .into_iter()
            .map(|word| {
                let meant = spelling::meant(word);
                let correction = meant.map(|meant| (word.to_owned(), meant));
                corrected.extend(correction.filter(|new| !corrected.contains(new)));
                meant.unwrap_or(word)
            })
            .collect();
        let moment = moment::moment(&text, now);
        let since = moment.map(|moment| Range::nearest(now.since(moment)));
        let mut question = Self {
            unknown_host: unknown_host(&words, hosts),
            range: period::range(&plain, now).or(since),
            moment,
            action: request::action(&plain),
            absent: request::absent(&plain),
            why: plain.contains(&"why"),
            one_line: one_line(&plain),
            corrected,
            ..Self::default()
        };
        question.course = question.range.is_some() || plain.iter().any(|word| is_course(word));
        question.find_topics(&plain, &named);
        question.hosts = named;
        question
    }

    fn find_topics(&mut self, words: &[&str], named: &[Handle]) {
        if self.action.is_some() {
            self.topics = vec![Topic::Action];
            return;
        }
        let mut found = Vec::new();
        for topic in words.iter().filter_map(|word| Topic::of(word)) {
            add(&mut found, topic);
        }
        let specific = found.iter().any(|topic| *topic != Topic::Summary);
        let summed_up = words.iter().any(|word| word.starts_with("summar") || *word == "overview");
        // `disk status` asks for disks alone.
        found.retain(|topic| *topic != Topic::Summary || !specific || summed_up);
        add_phrases(words, &mut found);
        self.metrics = found.iter().flat_map(|topic| topic.metrics()).copied().collect();
        self.choose(&mut found, named);
        if self.absent.is_some() {
            found.insert(0, Topic::Absent);
        } else if found.is_empty() && (!named.is_empty() || self.course) {
            found.push(Topic::Summary);
        }
        self.topics = found;
    }

    /// What is asked for as a whole needs none of its parts told beside it.
    fn choose(&self, found: &mut Vec<Topic>, named: &[Handle]) {
        // `compare today with yesterday` compares moments and not hosts.
        if found.contains(&Topic::Comparison) && self.range.is_some() && named.len() < 2 {
            found.retain(|topic| *topic != Topic::Comparison);
            add(found, Topic::Changes);
        }
        // `what changed` is one thing, `how did CPU change` another.
        if found.contains(&Topic::Changes) && !self.metrics.is_empty() && self.range.is_none() {
            found.retain(|topic| *topic != Topic::Changes);
        }
        // In `which process uses the most memory`, memory is the measure and not the matter.
        for whole in [Topic::Processes, Topic::Comparison, Topic::Changes] {
            if found.contains(&whole) && !found.contains(&Topic::SinceWhen) {
                found.retain(|topic| topic.metrics().is_empty());
            }
        }
        if found.contains(&Topic::Outlook) {
            found.retain(|topic| *topic != Topic::Disks);
        }
    }
}

/// Words of a question: host names keep their hyphens.
fn words(text: &str) -> Vec<&str> {
    let inside = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_');
    text.split(|character| !inside(character))
        .map(|word| word.trim_matches('-'))
        .filter(|word| !word.is_empty())
        .collect()
}

fn add(found: &mut Vec<Topic>, topic: Topic) {
    if !found.contains(&topic) {
        found.push(topic);
    }
}

fn is_course(word: &str) -> bool {
    matches!(
        word,
        "trend" | "trends" | "history" | "chart" | "graph" | "average" | "peak" | "since"
    ) || ["develop", "evolv", "chang", "histor"].iter().any(|stem| word.starts_with(stem))
}

fn one_line(words: &[&str]) -> bool {
    let pair = |one: &str, other: &str| words.windows(2).any(|pair| pair == [one, other]);
    words.iter().any(|word| matches!(*word, "brief" | "briefly" | "short" | "shortly" | "one-line"))
        || ["line", "sentence"]
            .iter()
            .any(|unit| pair("one", unit) || pair("a", unit) || pair("single", unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Question {
        let hosts = ["diagprobe", "web1", "web2"].map(|host| host.parse().unwrap());
        Question::parse(text, &hosts, Timestamp::from_millis(1_795_426_200_000))
    }

    #[test]
    fn topics_are_found_in_the_order_of_the_question() {
        let cases: [(&str, &[Topic]); 22] = [
            ("System status summary in one line.", &[Topic::Summary]),
            ("what is the load, and is anything unusual?", &[Topic::Load, Topic::Health]),
            ("which process uses the most memory?", &[Topic::Processes]),
            ("what is eating all the CPU", &[Topic::Processes]),
            ("how full are the disks?", &[Topic::Disks]),
            ("how did CPU develop since yesterday?", &[Topic::Cpu]),
            ("compare web1 and web2", &[Topic::Comparison]),
            ("which host has the highest load?", &[Topic::Comparison]),
            ("is everything ok?", &[Topic::Health]),
            ("which hosts are there?", &[Topic::Hosts]),
            ("is web1 down?", &[Topic::Hosts]),
            ("how long has web1 been up?", &[Topic::Uptime]),
            ("uptime, temperature", &[Topic::Uptime, Topic::Temperature]),
            ("network traffic?", &[Topic::Network]),
            ("disk status", &[Topic::Disks]),
            ("web1", &[Topic::Summary]),
            ("how are you?", &[Topic::Summary, Topic::Health]),
            ("why is web2 so slow", &[Topic::Summary, Topic::Health, Topic::Processes]),
            ("which kernel runs there", &[Topic::System]),
            ("what can you do", &[Topic::Capabilities]),
            ("write me a poem about the sea", &[]),
            ("", &[]),
        ];
        for (text, topics) in cases {
            assert_eq!(read(text).topics, topics, "{text}");
        }
    }

    #[test]
    fn hosts_are_recognised_and_others_are_not_invented() {
        let compared = read("Compare WEB1 with web2!");
        assert_eq!(compared.hosts.len(), 2);
        assert_eq!(read("load on web9?").unknown_host.as_deref(), Some("web9"));
        for text in ["load on eth0", "ipv6 traffic and ipv4", "cpu of web1 and web2", "since 12h"] {
            assert_eq!(read(text).unknown_host, None, "{text}");
        }
    }

    #[test]
    fn a_host_named_like_a_topic_is_a_host() {
        let hosts = ["load".parse().unwrap()];
        let question = Question::parse("memory of load", &hosts, Timestamp::default());
        assert_eq!((question.topics, question.hosts.len()), (vec![Topic::Memory], 1));
    }

    #[test]
    fn the_measure_of_a_process_question_is_kept() {
        let question = read("which process uses the most memory?");
        assert_eq!(question.metrics, [Metric::MemoryUsedPercent]);
    }

    #[test]
    fn one_line_is_heard() {
        assert!(read("status in one line").one_line && read("briefly: ok?").one_line);
        assert!(!read("one host, which line?").one_line);
    }
}
