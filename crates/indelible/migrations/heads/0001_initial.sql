-- The head store: the last signed head of every log. It may lie on other storage than the entries, and it
-- decides what is published.

CREATE TABLE installation (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    id BLOB NOT NULL
) STRICT;

CREATE TABLE head (
    log INTEGER PRIMARY KEY,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    checkpoint TEXT NOT NULL,       -- signed note (C2SP tlog-checkpoint)
    publication INTEGER NOT NULL    -- counts the swaps of this store: what was published since N
) STRICT;
CREATE INDEX head_publication ON head (publication);
