-- Limits of a token within its role: a filter, entity types, an end. JSON; NULL: none.
ALTER TABLE token ADD COLUMN limits TEXT;
