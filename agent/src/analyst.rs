//! Answers without a language model: rules over the same tools that a model would use.
//!
//! It understands plain English questions about what samples hold, says what it rests on with
//! host and time, and says what it is.

mod capabilities;
mod changes;
mod comparison;
mod current;
mod health;
mod history;
mod inquiry;
mod outlook;
mod period;
mod processes;
mod question;
mod refusal;
mod since_when;
mod summary;

use sysmaint_protocol::body::ToolUse;

use self::{
    inquiry::Inquiry,
    question::{Question, Topic},
};
use crate::{
    tools::{ToolError, View},
    wording,
};

/// What the analyst calls itself where a model would be named.
pub const NAME: &str = "offline-analyst";

/// What it says of itself on each answer.
const SIGNATURE: &str =
    "_Offline analyst: answered by rules from sealed telemetry, without a language model._";

/// What it says to those who ask for a reason.
const COINCIDES: &str =
    "\n\nThat is what coincides. Whether it is the reason, a person has to judge.";

const NOBODY: &str = "No host has reported yet, so there is nothing to tell. \
                      A host is known as soon as the first sample of its probe has arrived.";

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Analysis {
    /// Markdown.
    pub text: String,
    /// The tools that were used, in order.
    pub tools: Vec<ToolUse>,
}

/// Answers a question. Fails only where the telemetry cannot be read.
pub fn answer(view: &View<'_>, question: &str) -> Result<Analysis, ToolError> {
    let mut inquiry = Inquiry::open(view)?;
    let text = if inquiry.known_hosts().is_empty() {
        NOBODY.to_owned()
    } else {
        let question = Question::parse(question, inquiry.known_hosts(), view.now);
        reply(&mut inquiry, &question)?
    };
    Ok(Analysis { text: format!("{text}\n\n{SIGNATURE}"), tools: inquiry.into_tools() })
}

fn reply(inquiry: &mut Inquiry<'_>, question: &Question) -> Result<String, ToolError> {
    if let Some(unknown) = &question.unknown_host {
        return Ok(capabilities::unknown_host(unknown, inquiry.known_hosts()));
    }
    if question.topics.is_empty() {
        return Ok(capabilities::list(inquiry.known_hosts()));
    }
    let titled = question.topics.len() > 1;
    let mut sections = Vec::new();
    for topic in &question.topics {
        let section = section(inquiry, question, *topic)?;
        let title = topic.title().filter(|_| titled && !question.one_line);
        sections.push(match title {
            Some(title) => format!("**{title}**\n\n{section}"),
            None => section,
        });
    }
    let answer = sections.join(if question.one_line { " " } else { "\n\n" });
    let why = if question.why { COINCIDES } else { "" };
    Ok(format!("{}{answer}{why}", read_as(question)))
}

/// Says which words were taken for others.
fn read_as(question: &Question) -> String {
    if question.corrected.is_empty() {
        return String::new();
    }
    let each = |(typed, read): &(String, &str)| format!("`{typed}` as \"{read}\"");
    let corrected: Vec<_> = question.corrected.iter().map(each).collect();
    let end = if question.one_line { " " } else { "\n\n" };
    format!("_(I read {}.)_{end}", corrected.join(", "))
}

fn section(
    inquiry: &mut Inquiry<'_>,
    question: &Question,
    topic: Topic,
) -> Result<String, ToolError> {
    match topic {
        Topic::Absent => Ok(refusal::absent(question)),
        Topic::Action => Ok(refusal::action(question)),
        Topic::Capabilities => Ok(capabilities::list(inquiry.known_hosts())),
        Topic::Changes => changes::tell(inquiry, question),
        Topic::Comparison => comparison::tell(inquiry, question),
        Topic::Health => health::tell(inquiry, question),
        Topic::Hosts => current::hosts(inquiry, question),
        Topic::Outlook => outlook::tell(inquiry, question),
        Topic::Processes if question.range.is_some() => processes::tell(inquiry, question),
        Topic::SinceWhen => since_when::tell(inquiry, question),
        Topic::Summary => summary::tell(inquiry, question),
        _ if question.course && !topic.metrics().is_empty() => {
            history::tell(inquiry, question, topic.metrics())
        }
        _ => current::tell(inquiry, question, topic),
    }
}

#[cfg(test)]
mod phrasings;
#[cfg(test)]
mod tests;
