//! Questions that lean on the one before: "and the disk?", "and on web2?".

use sysmaint_protocol::Handle;

use crate::query::Exchange;

/// How such a question begins.
const OPENINGS: [&[&str]; 5] =
    [&["and"], &["also"], &["what", "about"], &["how", "about"], &["same", "for"]];

/// What may stand before a host's name without saying anything.
const FILLERS: [&str; 6] = ["on", "for", "of", "the", "host", "about"];

/// The question with what it leaves out, for whoever reads each question alone. Anything that is
/// not surely such a question is returned as it is.
pub(crate) fn resolved(text: &str, earlier: &[Exchange], hosts: &[Handle]) -> String {
    let words = words(text);
    let Some(rest) = after_opening(&words) else { return text.to_owned() };
    let Some((prompt, before)) = last_about_one_host(earlier, hosts) else {
        return text.to_owned();
    };
    let said: Vec<&&String> =
        rest.iter().filter(|word| !FILLERS.contains(&word.as_str())).collect();
    match (said.as_slice(), named(&words, hosts).as_slice()) {
        // "And the disk?"
        ([_, ..], []) => format!("{} on {before}", text.trim().trim_end_matches(['?', '.', '!'])),
        // "And on web2?"
        ([_], [host]) => with_host(prompt, before, host),
        _ => text.to_owned(),
    }
}

fn words(text: &str) -> Vec<String> {
    let inside = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_');
    text.split(|character| !inside(character))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

fn after_opening(words: &[String]) -> Option<Vec<&String>> {
    OPENINGS.iter().find_map(|opening| {
        let (head, rest) = words.split_at_checked(opening.len())?;
        (head == *opening && !rest.is_empty()).then(|| rest.iter().collect())
    })
}

fn named<'a>(words: &[String], hosts: &'a [Handle]) -> Vec<&'a Handle> {
    hosts.iter().filter(|host| words.iter().any(|word| word == host.as_str())).collect()
}

/// The latest question that named one host and no other.
fn last_about_one_host<'a>(
    earlier: &'a [Exchange],
    hosts: &'a [Handle],
) -> Option<(&'a str, &'a Handle)> {
    earlier.iter().rev().find_map(|exchange| match named(&words(&exchange.prompt), hosts)[..] {
        [host] => Some((exchange.prompt.as_str(), host)),
        _ => None,
    })
}

/// The same question about another host.
fn with_host(prompt: &str, before: &Handle, host: &Handle) -> String {
    let inside = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_');
    prompt
        .split_inclusive(|character| !inside(character))
        .map(|part| {
            let word = part.trim_end_matches(|character| !inside(character));
            let is_it = word.eq_ignore_ascii_case(before.as_str());
            if is_it { part.replacen(word, host.as_str(), 1) } else { part.to_owned() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(text: &str, earlier: &[&str]) -> String {
        let exchange = |prompt: &&str| Exchange { prompt: (*prompt).into(), answer: "…".into() };
        let earlier: Vec<_> = earlier.iter().map(exchange).collect();
        let hosts = ["web1", "web2", "db-1"].map(|host| host.parse().unwrap());
        resolved(text, &earlier, &hosts)
    }

    #[test]
    fn a_topic_alone_is_asked_of_the_host_before() {
        let earlier = ["How busy is web2?", "How is the load on web1?"];
        assert_eq!(ask("And the disk?", &earlier), "And the disk on web1");
        assert_eq!(ask("what about memory", &earlier), "what about memory on web1");
        assert_eq!(
            ask("and swap?", &["Compare web1 and web2.", "load of db-1"]),
            "and swap on db-1"
        );
    }

    #[test]
    fn a_host_alone_is_asked_what_the_one_before_was() {
        let earlier = ["What was the load on web1 over the last hour?"];
        let asked = "What was the load on web2 over the last hour?";
        assert_eq!(ask("And on web2?", &earlier), asked);
        assert_eq!(ask("how about web2", &earlier), asked);
        assert_eq!(ask("And db-1?", &["disk of web1?"]), "disk of db-1?");
    }

    #[test]
    fn whatever_stands_alone_is_left_alone() {
        let earlier = ["How is the load on web1?"];
        for text in ["How is the memory?", "And the load on web2?", "And", "", "and web1 and web2?"]
        {
            assert_eq!(ask(text, &earlier), text);
        }
        assert_eq!(ask("And the disk?", &[]), "And the disk?");
        assert_eq!(ask("And the disk?", &["Compare web1 and web2."]), "And the disk?");
    }
}
