//! Tokens and what they cost.

use sysmaint_protocol::body::Tokens;

use super::chunk::Usage;

/// Characters a token, where a server does not count for us: about right for English and JSON.
const CHARACTERS_PER_TOKEN: usize = 4;

/// Counts what an answer uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Meter {
    input: u64,
    output: u64,
    estimated: bool,
}

impl Meter {
    /// Adds one request. `sent` and `received` are its bytes, for servers that do not count.
    pub(super) fn add(&mut self, usage: Option<Usage>, sent: usize, received: usize) {
        let counted = usage.filter(|usage| usage.prompt_tokens > 0 || usage.completion_tokens > 0);
        let (input, output) = match counted {
            Some(usage) => (usage.prompt_tokens, usage.completion_tokens),
            None => (estimate(sent), estimate(received)),
        };
        self.estimated |= counted.is_none();
        self.input = self.input.saturating_add(input);
        self.output = self.output.saturating_add(output);
    }

    /// Tokens read and written.
    pub(super) const fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// Whether some of it is a guess.
    pub(super) const fn estimated(self) -> bool {
        self.estimated
    }

    /// What was used, at these prices for a million tokens.
    #[expect(clippy::cast_precision_loss, reason = "no answer has 2^52 tokens")]
    pub(super) fn tokens(self, input_usd_per_1m: f64, output_usd_per_1m: f64) -> Tokens {
        let cost = self.input as f64 * input_usd_per_1m + self.output as f64 * output_usd_per_1m;
        Tokens {
            input_tokens: self.input,
            output_tokens: self.output,
            cost_usd: cost / 1_000_000.0,
            estimated: self.estimated,
        }
    }
}

fn estimate(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(CHARACTERS_PER_TOKEN)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_counts_is_believed() {
        let mut meter = Meter::default();
        meter.add(Some(Usage { prompt_tokens: 1_000_000, completion_tokens: 500_000 }), 1, 1);
        meter.add(Some(Usage { prompt_tokens: 1_000_000, completion_tokens: 0 }), 1, 1);
        let tokens = meter.tokens(0.15, 0.60);
        assert_eq!((tokens.input_tokens, tokens.output_tokens), (2_000_000, 500_000));
        assert!((tokens.cost_usd - 0.60).abs() < 1e-9);
        assert!(!meter.estimated());
    }

    #[test]
    fn what_a_server_does_not_count_is_estimated_and_said_to_be() {
        let mut meter = Meter::default();
        meter.add(None, 400, 41);
        let tokens = meter.tokens(0.15, 0.60);
        assert_eq!((tokens.input_tokens, tokens.output_tokens), (100, 11));
        assert!(meter.estimated());
    }
}
