-- The same number as in the data: heads of an older epoch do not fit data that were restored since.
ALTER TABLE installation ADD COLUMN epoch INTEGER NOT NULL DEFAULT 1;
