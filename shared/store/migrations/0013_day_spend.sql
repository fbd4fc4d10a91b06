-- What the agent said of the day's spending, beside its counters. All absent where it has no model, and in what was
-- stored before.

ALTER TABLE usage ADD COLUMN day_spent_usd REAL;
ALTER TABLE usage ADD COLUMN day_cap_usd REAL;
ALTER TABLE usage ADD COLUMN day_until INTEGER;
