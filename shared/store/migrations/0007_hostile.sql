-- How far a chain is stands in its session record, for each state of it.
DROP TABLE chain_counter;
