//! What takes more than one word to ask for.

use super::{Topic, add};

/// What takes more than one word.
pub(super) fn add_phrases(words: &[&str], found: &mut Vec<Topic>) {
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
    if has("why") && !found.is_empty() && !any(&["slow", "sluggish", "slowly"]) {
        add(found, Topic::SinceWhen);
        add(found, Topic::Processes);
    }
    if has("since") && has("when") || has("how") && has("long") && !found.contains(&Topic::Uptime) {
        add(found, Topic::SinceWhen);
    }
    let ends = any(&[
        "until", "will", "when", "last", "forecast", "predict", "fill", "filling", "fills", "run",
        "running",
    ]);
    let disks = found.contains(&Topic::Disks) || any(&["fill", "filling", "fills"]);
    if disks && ends && !has("since") {
        found.retain(|topic| *topic != Topic::SinceWhen);
        add(found, Topic::Outlook);
    }
    if has("what") && any(&["happened", "new", "happening"]) {
        add(found, Topic::Changes);
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
