-- When a token was last used, to the minute.
ALTER TABLE token ADD COLUMN used_ms INTEGER;
