-- People who sign in with a password. Each change of one is a row of its own; the last one counts, so that a
-- batch that was never published is taken back by deleting its rows.
CREATE TABLE user (
    name TEXT NOT NULL,
    batch INTEGER NOT NULL,
    id BLOB NOT NULL,
    password TEXT NOT NULL,         -- Argon2id, as a PHC string
    role TEXT NOT NULL,
    site TEXT,
    created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    removed_ms INTEGER,
    PRIMARY KEY (name, batch)
) STRICT, WITHOUT ROWID;

-- What is told of sessions to those who have them.
ALTER TABLE session ADD COLUMN account TEXT;        -- whose it is: user/ID, token/ID, oidc/HASH
ALTER TABLE session ADD COLUMN opened_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN opened_from TEXT;
CREATE INDEX session_account ON session (account) WHERE account IS NOT NULL;
