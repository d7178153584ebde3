-- Counts the restores that lost entries: it ends every origin, so that what was signed before one stays another log's.
ALTER TABLE installation ADD COLUMN epoch INTEGER NOT NULL DEFAULT 1;
