-- The truth of the embedded store. One row of `log` per site; everything else begins with the log's number.

CREATE TABLE installation (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    id BLOB NOT NULL,               -- UUID, the same in the head store: tells which belong together
    origin TEXT NOT NULL,           -- prefix of every checkpoint's origin line; never changes
    created_ms INTEGER NOT NULL
) STRICT;

-- A site and its log. `size` and `root` are what was persisted last. `base_size` and `base_root` are what was
-- there before the batch that did it; once its publication was seen they equal `size` and `root`. Whether a
-- batch is published is for the head store to say, and what was seen published is never discarded.
CREATE TABLE log (
    number INTEGER PRIMARY KEY,
    site TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    base_size INTEGER NOT NULL,
    base_root BLOB NOT NULL,
    batch INTEGER NOT NULL,         -- number of the batch that did it: only the last one can be unpublished
    created_batch INTEGER NOT NULL  -- number of the batch that created the site; 0 where nothing can undo it
) STRICT;
CREATE INDEX log_batch ON log (batch);

-- Consecutive entries, compressed together. A block never crosses a multiple of 256, the width of a tile.
CREATE TABLE block (
    log INTEGER NOT NULL,
    first INTEGER NOT NULL,         -- index of its first entry
    count INTEGER NOT NULL,
    occurred_min_us INTEGER NOT NULL,
    occurred_max_us INTEGER NOT NULL,
    content BLOB NOT NULL,
    UNIQUE (log, first)
) STRICT;
CREATE INDEX block_newest ON block (log, occurred_max_us, first);
CREATE INDEX block_oldest ON block (log, occurred_min_us, first);

-- Where an id is: the permanent idempotency of a site, and the way to an entry by its id.
CREATE TABLE entry_id (
    log INTEGER NOT NULL,
    id BLOB NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (log, id)
) STRICT, WITHOUT ROWID;

-- C2SP tlog-tiles, the widest version of each.
CREATE TABLE tile (
    log INTEGER NOT NULL,
    level INTEGER NOT NULL,
    number INTEGER NOT NULL,
    hashes BLOB NOT NULL,
    UNIQUE (log, level, number)
) STRICT;

-- What programs authenticate with. The secret itself is never stored, only its SHA-256.
CREATE TABLE token (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    site TEXT,                      -- NULL: every site its role may reach
    secret_sha256 BLOB NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    revoked_ms INTEGER,
    created_batch INTEGER NOT NULL, -- as in `log`
    revoked_batch INTEGER
) STRICT;

-- What browsers authenticate with: one-time sign-in links and the sessions they open.
CREATE TABLE session (
    secret_sha256 BLOB PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('link', 'session')),
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    site TEXT,
    token BLOB,                     -- the token it was opened with: ends with it
    expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
