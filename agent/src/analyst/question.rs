//! What a question is about.

use sysmaint_protocol::{Handle, Timestamp};

use super::period;
use crate::{metric::Metric, range::Range};

/// Characters of a question that are read.
const READ_MAX: usize = 2_000;

/// Hosts that one question can name.
const NAMED_MAX: usize = 6;

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
    /// Whether it asks how something developed.
    pub(super) course: bool,
    /// Whether the answer is to be one line.
    pub(super) one_line: bool,
    /// For processes and comparisons: the numbers that matter.
    pub(super) metrics: Vec<Metric>,
}

/// One thing to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    Capabilities,
    Comparison,
    Cpu,
    Disks,
    Health,
    Hosts,
    Load,
    Memory,
    Network,
    Processes,
    Summary,
    Swap,
    System,
    Temperature,
    Uptime,
}

impl Topic {
    /// Its heading, where an answer has several parts.
    pub(super) const fn title(self) -> Option<&'static str> {
        match self {
            Self::Capabilities | Self::Summary => None,
            Self::Comparison => Some("Comparison"),
            Self::Cpu => Some("CPU"),
            Self::Disks => Some("Disks"),
            Self::Health => Some("Anything unusual"),
            Self::Hosts => Some("Hosts"),
            Self::Load => Some("Load"),
            Self::Memory => Some("Memory"),
            Self::Network => Some("Network"),
            Self::Processes => Some("Processes"),
            Self::Swap => Some("Swap"),
            Self::System => Some("System"),
            Self::Temperature => Some("Temperature"),
            Self::Uptime => Some("Uptime"),
        }
    }

    /// The numbers that have a history.
    pub(super) const fn metrics(self) -> &'static [Metric] {
        match self {
            Self::Cpu => &[Metric::CpuPercent],
            Self::Disks => &[Metric::DiskUsedPercentMax],
            Self::Load => &[Metric::Load1],
            Self::Memory => &[Metric::MemoryUsedPercent],
            Self::Network => &[Metric::ReceivedBytesPerS, Metric::SentBytesPerS],
            Self::Swap => &[Metric::SwapUsedPercent],
            Self::Temperature => &[Metric::CelsiusMax],
            _ => &[],
        }
    }

    /// The topic that a word names by itself.
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "cpu" | "cpus" | "processor" | "processors" | "core" | "cores" => Self::Cpu,
            "disk" | "disks" | "storage" | "space" | "full" | "fullest" | "filesystem"
            | "filesystems" | "mount" | "mounts" | "volume" | "volumes" | "partition"
            | "partitions" | "drive" | "drives" => Self::Disks,
            "load" | "loads" | "loaded" | "busy" | "busiest" | "loadavg" => Self::Load,
            "memory" | "mem" | "ram" => Self::Memory,
            "network" | "networks" | "traffic" | "bandwidth" | "throughput" | "interface"
            | "interfaces" | "net" => Self::Network,
            "process" | "processes" | "program" | "programs" | "hog" | "hogs" | "pid" => {
                Self::Processes
            }
            "swap" | "swapping" | "swapped" => Self::Swap,
            "os" | "kernel" | "kernels" | "distribution" | "distro" | "operating" => Self::System,
            "temperature" | "temperatures" | "temp" | "temps" | "hot" | "hottest" | "heat"
            | "thermal" | "sensor" | "sensors" | "warm" | "celsius" | "overheating" => {
                Self::Temperature
            }
            "uptime" | "boot" | "booted" | "reboot" | "rebooted" | "restarted" => Self::Uptime,
            _ => return Self::wide(word),
        })
    }

    /// Topics that are about a host as a whole.
    fn wide(word: &str) -> Option<Self> {
        Some(match word {
            "ok" | "okay" | "fine" | "healthy" | "health" | "wrong" | "unusual" | "unusually"
            | "anomaly" | "anomalies" | "anomalous" | "problem" | "problems" | "issue"
            | "issues" | "alert" | "alerts" | "strange" | "weird" | "odd" | "abnormal"
            | "normal" | "suspicious" | "trouble" | "broken" | "worry" | "worried"
            | "attention" | "warning" | "warnings" | "concern" | "concerns" | "well" => {
                Self::Health
            }
            "compare" | "compared" | "comparison" | "versus" | "vs" | "difference" | "differ" => {
                Self::Comparison
            }
            "online" | "offline" | "down" | "alive" | "reachable" | "silent" | "reporting"
            | "stale" => Self::Hosts,
            "summary" | "summarise" | "summarize" | "overview" | "status" | "report" | "state" => {
                Self::Summary
            }
            "help" => Self::Capabilities,
            _ => return None,
        })
    }
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
        let mut question = Self {
            unknown_host: unknown_host(&words, hosts),
            range: period::range(&plain, now),
            one_line: one_line(&plain),
            ..Self::default()
        };
        question.course = question.range.is_some() || plain.iter().any(|word| is_course(word));
        question.find_topics(&plain, !named.is_empty());
        question.hosts = named;
        question
    }

    fn find_topics(&mut self, words: &[&str], host_named: bool) {
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
        // In `which process uses the most memory`, memory is the measure and not the matter.
        for whole in [Topic::Processes, Topic::Comparison] {
            if found.contains(&whole) {
                found.retain(|topic| topic.metrics().is_empty());
            }
        }
        if found.is_empty() && (host_named || self.course) {
            found.push(Topic::Summary);
        }
        self.topics = found;
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

/// What takes more than one word.
fn add_phrases(words: &[&str], found: &mut Vec<Topic>) {
    let has = |word: &str| words.contains(&word);
    let any = |list: &[&str]| list.iter().any(|word| has(word));
    if has("how") && has("long") && any(&["up", "running"]) {
        add(found, Topic::Uptime);
    }
    if any(&["slow", "sluggish", "slowly"]) {
        add(found, Topic::Summary);
        add(found, Topic::Health);
        add(found, Topic::Processes);
    }
    let eats =
        any(&["using", "uses", "eating", "eats", "consuming", "consumes", "takes", "taking"]);
    let eaten = eats && any(&["what", "who", "which"]) && any(&["cpu", "memory", "ram", "swap"]);
    if eaten || (has("what") && has("running")) {
        add(found, Topic::Processes);
    }
    add_host_phrases(words, found);
    let how = has("how") && any(&["is", "are", "s", "does", "do", "going", "things", "everything"]);
    if found.is_empty() && (how || (any(&["everything", "all"]) && any(&["right", "good"]))) {
        found.extend([Topic::Summary, Topic::Health]);
    }
    if found.is_empty() && has("what") && has("can") && has("you") {
        found.push(Topic::Capabilities);
    }
}

/// `which host has the highest load`, `which hosts are there`.
fn add_host_phrases(words: &[&str], found: &mut Vec<Topic>) {
    let any = |list: &[&str]| list.iter().any(|word| words.contains(word));
    let machines = any(&["hosts", "machines", "servers", "systems", "nodes", "probes"]);
    let machine = machines || any(&["host", "machine", "server", "node"]);
    let most = any(&[
        "most", "least", "highest", "lowest", "busiest", "hottest", "fullest", "more", "less",
    ]);
    let measured = found.iter().any(|topic| !topic.metrics().is_empty());
    let processes = found.contains(&Topic::Processes);
    if any(&["which", "what"]) && machine && most && measured && !processes {
        add(found, Topic::Comparison);
    }
    let counted = any(&["which", "what", "list", "many", "all", "known", "there", "show", "names"]);
    if found.is_empty() && machines && counted {
        found.push(Topic::Hosts);
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

fn named(words: &[&str], hosts: &[Handle]) -> Vec<Handle> {
    let mut named: Vec<Handle> = Vec::new();
    for host in words.iter().filter_map(|word| host_of(word, hosts)) {
        if !named.contains(host) && named.len() < NAMED_MAX {
            named.push(host.clone());
        }
    }
    named
}

/// The host that a word means: by its name, or by the end of it if that is clear. A word that
/// names a topic means a host only by its whole name.
fn host_of<'a>(word: &str, hosts: &'a [Handle]) -> Option<&'a Handle> {
    if let Some(exact) = hosts.iter().find(|host| host.as_str() == word) {
        return Some(exact);
    }
    if Topic::of(word).is_some() || period::is_period(word) {
        return None;
    }
    let ends = |host: &&Handle| {
        host.as_str().strip_suffix(word).is_some_and(|before| before.ends_with('-'))
    };
    let mut ending = hosts.iter().filter(ends);
    let first = ending.next()?;
    ending.next().is_none().then_some(first)
}

/// A word where a host is expected that is shaped like one and is none of them. Without a digit
/// or a hyphen it could be any word, so that is not enough to contradict.
fn unknown_host(words: &[&str], hosts: &[Handle]) -> Option<String> {
    let expected = |before: &str| {
        matches!(
            before,
            "on" | "for"
                | "host"
                | "server"
                | "machine"
                | "compare"
                | "and"
                | "vs"
                | "versus"
                | "with"
                | "between"
                | "is"
                | "of"
                | "does"
        )
    };
    let device = |word: &str| {
        ["eth", "ens", "enp", "sd", "vd", "nvme", "load", "ipv", "wlan", "docker", "br-"]
            .iter()
            .any(|prefix| word.starts_with(prefix))
    };
    let shaped = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_alphabetic())
            && word.contains(|character: char| character.is_ascii_digit() || character == '-')
            && word.contains(|character: char| character.is_ascii_digit())
            && word.parse::<Handle>().is_ok()
    };
    let pair = words.windows(2).find(|pair| {
        let word = pair[1];
        expected(pair[0]) && shaped(word) && !device(word) && host_of(word, hosts).is_none()
    })?;
    Some(pair[1].to_owned())
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
