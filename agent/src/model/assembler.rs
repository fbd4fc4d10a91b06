//! The events of a stream put together: what is said, and which tools are called.

use super::{
    chunk::{CallPart, Chunk, Usage},
    turn::{Call, Turn},
};

/// Bytes of what is said in one turn.
const TEXT_MAX: usize = 64 * 1_024;

/// Calls that are kept of one turn. More than are answered, so that the model is told.
const CALLS_KEPT: usize = 32;

/// Bytes of a call's arguments that are kept: more than are taken, so that too many are seen.
const ARGUMENTS_KEPT: usize = 4_096;

/// Bytes of an id or a name.
const NAME_MAX: usize = 128;

/// Puts one turn together. Whatever comes, it keeps no more than its bounds.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    text: String,
    calls: Vec<Part>,
    finish_reason: Option<String>,
    usage: Option<Usage>,
    cut: bool,
}

/// A call as far as it has come.
#[derive(Debug)]
struct Part {
    index: Option<u32>,
    id: Option<String>,
    name: String,
    arguments: String,
}

impl Assembler {
    /// Takes an event in; returns what it adds to what is said.
    pub(super) fn push(&mut self, chunk: Chunk) -> String {
        self.usage = chunk.usage.or(self.usage);
        // One answer was asked for.
        let Some(choice) = chunk.choices.into_iter().next() else { return String::new() };
        self.finish_reason = choice.finish_reason.or(self.finish_reason.take());
        let said = self.push_text(choice.delta.text());
        for part in choice.delta.tool_calls {
            self.push_call(part);
        }
        said
    }

    fn push_text(&mut self, mut said: String) -> String {
        let room = TEXT_MAX - self.text.len();
        if said.len() > room {
            said.truncate(said.floor_char_boundary(room));
            self.cut = true;
        }
        self.text.push_str(&said);
        said
    }

    fn push_call(&mut self, part: CallPart) {
        let id = part.id.filter(|id| !id.is_empty()).map(|id| bounded(&id, NAME_MAX));
        let place = match self.place(part.index, id.as_deref()) {
            Some(place) => place,
            None if self.calls.len() == CALLS_KEPT => return,
            None => {
                let (name, arguments) = (String::new(), String::new());
                self.calls.push(Part { index: part.index, id, name, arguments });
                self.calls.len() - 1
            }
        };
        let Some(call) = self.calls.get_mut(place) else { return };
        if let Some(name) = &part.function.name
            && call.name.is_empty()
        {
            call.name = bounded(name, NAME_MAX);
        }
        let room = ARGUMENTS_KEPT - call.arguments.len();
        call.arguments.push_str(&bounded(&part.function.arguments(), room));
    }

    /// To which call a part belongs; `None` for a new one. Not every server counts: some leave
    /// the index out, some call every index 0. A new id is a new call in any case.
    fn place(&self, index: Option<u32>, id: Option<&str>) -> Option<usize> {
        let last = |matches: &dyn Fn(&Part) -> bool| self.calls.iter().rposition(matches);
        if let Some(id) = id {
            let same = last(&|call| call.id.as_deref() == Some(id) && call.index == index);
            return same;
        }
        match index {
            Some(index) => last(&|call| call.index == Some(index)),
            None => self.calls.len().checked_sub(1),
        }
    }

    /// How many bytes came that a server counts.
    pub(super) fn received(&self) -> usize {
        let calls = self.calls.iter();
        self.text.len() + calls.map(|call| call.name.len() + call.arguments.len()).sum::<usize>()
    }

    /// What the server counted, if it did.
    pub(super) const fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// What came. Ids are made up where the server gave none, or the same twice.
    pub(super) fn finish(self, round: usize) -> Turn {
        let mut calls: Vec<Call> = Vec::new();
        for (index, part) in self.calls.into_iter().enumerate() {
            let free = |id: &String| !calls.iter().any(|call| call.id == *id);
            let id = part.id.filter(free).unwrap_or_else(|| format!("call_{round}_{index}"));
            calls.push(Call { id, name: part.name, arguments: part.arguments });
        }
        let too_long = self.cut || self.finish_reason.as_deref() == Some("length");
        Turn { text: self.text, calls, too_long, ended: self.finish_reason.is_some() }
    }
}

fn bounded(text: &str, max: usize) -> String {
    text[..text.floor_char_boundary(max)].to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn assembled(chunks: &[Value]) -> (Turn, String) {
        let mut assembler = Assembler::default();
        let said = chunks
            .iter()
            .map(|chunk| assembler.push(serde_json::from_value(chunk.clone()).unwrap()))
            .collect();
        (assembler.finish(2), said)
    }

    /// A part of one call. The first one has its id and its name.
    fn part(index: Option<u32>, begins: Option<(&str, &str)>, arguments: &str) -> Value {
        let (id, name) = begins.unzip();
        json!({"choices": [{"delta": {"tool_calls": [
            {"index": index, "id": id, "function": {"name": name, "arguments": arguments}},
        ]}}]})
    }

    #[test]
    fn text_grows_by_what_each_event_adds() {
        let text = |text: &str| json!({"choices": [{"delta": {"content": text}}]});
        let end = json!({"choices": [{"delta": {}, "finish_reason": "stop"}]});
        let (turn, said) = assembled(&[text("The load "), text("is 1."), end.clone()]);
        assert_eq!((turn.text.as_str(), said.as_str()), ("The load is 1.", "The load is 1."));
        assert!(turn.ended && !turn.too_long);
        let (turn, _) = assembled(&[text("The load ")]);
        assert!(!turn.ended);
        let (turn, said) = assembled(&[text(&"ä".repeat(TEXT_MAX)), text("more"), end]);
        assert!(turn.too_long && turn.text.len() <= TEXT_MAX && said == turn.text);
    }

    #[test]
    fn fragments_of_parallel_calls_are_told_apart_by_their_index() {
        let (turn, _) = assembled(&[
            part(Some(0), Some(("a", "f")), ""),
            part(Some(1), Some(("b", "g")), "{"),
            part(Some(0), None, "{\"x\""),
            part(Some(1), None, "}"),
            part(Some(0), None, ":1}"),
        ]);
        let told: Vec<_> = turn.calls.iter().map(|c| [&*c.id, &*c.name, &*c.arguments]).collect();
        assert_eq!(told, [["a", "f", r#"{"x":1}"#], ["b", "g", "{}"]]);
    }

    #[test]
    fn servers_that_do_not_count_are_understood_too() {
        let zero_for_all =
            [part(Some(0), Some(("a", "f")), "{}"), part(Some(0), Some(("b", "g")), "{}")];
        let no_index = [
            part(None, Some(("a", "f")), "{"),
            part(None, None, "}"),
            part(None, Some(("b", "g")), "{}"),
        ];
        for chunks in [&zero_for_all[..], &no_index] {
            let (turn, _) = assembled(chunks);
            let told: Vec<_> = turn.calls.iter().map(|c| [&*c.id, &*c.arguments]).collect();
            assert_eq!(told, [["a", "{}"], ["b", "{}"]]);
        }
    }

    #[test]
    fn calls_get_ids_of_their_own() {
        let (turn, _) = assembled(&[
            part(Some(0), Some(("x", "f")), "{}"),
            part(Some(1), Some(("x", "f")), "{}"),
            part(Some(2), Some(("", "f")), "{}"),
        ]);
        let ids: Vec<_> = turn.calls.iter().map(|call| call.id.as_str()).collect();
        assert_eq!(ids, ["x", "call_2_1", "call_2_2"]);
    }

    #[test]
    fn no_number_of_calls_and_no_length_is_kept_beyond_its_bound() {
        let long = "x".repeat(3_000);
        let chunks: Vec<_> = (0..100)
            .flat_map(|index| {
                let id = format!("{index}{long}");
                [part(Some(index), Some((&id, &long)), &long), part(Some(index), None, &long)]
            })
            .collect();
        let (turn, _) = assembled(&chunks);
        assert_eq!(turn.calls.len(), CALLS_KEPT);
        for call in turn.calls {
            assert!(call.id.len() <= NAME_MAX && call.name.len() <= NAME_MAX);
            assert_eq!(call.arguments.len(), ARGUMENTS_KEPT);
        }
    }

    #[test]
    fn the_last_count_of_tokens_is_the_one_that_holds() {
        let usage = |tokens: u64| json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": tokens}});
        let mut assembler = Assembler::default();
        for tokens in [1, 2] {
            assembler.push(serde_json::from_value(usage(tokens)).unwrap());
        }
        assembler.push(serde_json::from_value(json!({"usage": null})).unwrap());
        assert_eq!(assembler.usage().unwrap().completion_tokens, 2);
    }
}
