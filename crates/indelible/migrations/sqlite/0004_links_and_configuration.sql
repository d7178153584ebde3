-- Which entries point at what: at the entry that they take back, at the id that an entity had before. Derived from
-- the entries and read with them: what a row leads to is looked at before it is believed.
CREATE TABLE link (
    log INTEGER NOT NULL,
    target BLOB NOT NULL,           -- model::Link::target
    position INTEGER NOT NULL,      -- index of the entry that points at it
    PRIMARY KEY (log, target, position)
) STRICT, WITHOUT ROWID;

-- Settings of a site and its connectors, one row for each version: the one with the highest batch holds. Each was
-- committed with the entry that tells of it, and is taken back with it.
CREATE TABLE configuration (
    log INTEGER NOT NULL,
    name TEXT NOT NULL,             -- 'settings', 'connector/wagtail'
    batch INTEGER NOT NULL,
    value TEXT,                     -- JSON; NULL: removed
    PRIMARY KEY (log, name, batch)
) STRICT, WITHOUT ROWID;
