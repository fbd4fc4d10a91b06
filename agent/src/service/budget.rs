//! What operators are told of a day's spending.

use sysmaint_protocol::{Timestamp, body::DaySpend};
use sysmaint_store::{Spend, SqlError};

use crate::Config;

/// Whether anything can be spent, and how much a day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    has_model: bool,
    cap_usd: Option<f64>,
}

impl Budget {
    pub(super) const fn of(config: &Config) -> Self {
        Self { has_model: config.model.is_some(), cap_usd: config.daily_usd_cap }
    }

    /// The day of this moment; `None` where there is no model.
    pub(super) fn today(
        self,
        spend: Spend<'_>,
        now: Timestamp,
    ) -> Result<Option<DaySpend>, SqlError> {
        if !self.has_model {
            return Ok(None);
        }
        let spent_usd = spend.on_day_of(now)?;
        Ok(Some(DaySpend { spent_usd, cap_usd: self.cap_usd, until: Spend::day_ends(now) }))
    }
}
