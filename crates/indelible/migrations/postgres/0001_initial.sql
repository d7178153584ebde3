-- The truth in PostgreSQL. Every primary key begins with a log's number, by which the tables can be distributed; what
-- belongs to the whole installation belongs to log 0, that of `_system`. Applied by `indelible database init` as the
-- role indelible_owner, which owns everything here and signs in nowhere.

CREATE TABLE indelible.installation (
    log bigint PRIMARY KEY CHECK (log = 0),
    id uuid NOT NULL,
    origin text NOT NULL,           -- prefix of every checkpoint's origin line; never changes
    epoch integer NOT NULL,         -- its suffix
    seed_check bytea NOT NULL,      -- derived from the seed: tells whether a process has the right one
    created_ms bigint NOT NULL
);

-- A site.
CREATE TABLE indelible.site (
    log bigint PRIMARY KEY,
    id text NOT NULL UNIQUE,
    name text NOT NULL,
    created_ms bigint NOT NULL
);

-- The published head of each log: the row that a commit locks, compares and swaps.
CREATE TABLE indelible.head (
    log bigint PRIMARY KEY,
    size bigint NOT NULL,
    root bytea NOT NULL,
    checkpoint text,                -- signed note (C2SP tlog-checkpoint); NULL before the first publication
    published bigint NOT NULL       -- number of the transaction that published it: what was published since another
);
CREATE INDEX head_published ON indelible.head (published);

-- Consecutive entries, compressed together. A block never crosses a multiple of 32.
CREATE TABLE indelible.block (
    log bigint NOT NULL,
    first bigint NOT NULL,          -- index of its first entry
    count bigint NOT NULL,
    occurred_min_us bigint NOT NULL,
    occurred_max_us bigint NOT NULL,
    recorded_min_ms bigint NOT NULL,
    expired smallint NOT NULL,      -- what is left of its entries: 0 entries, 1 claimed times, 2 leaves
    content bytea NOT NULL,
    PRIMARY KEY (log, first)
);
-- It is compressed already.
ALTER TABLE indelible.block ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE INDEX block_newest ON indelible.block (log, occurred_max_us, first) WHERE expired = 0;
CREATE INDEX block_oldest ON indelible.block (log, occurred_min_us, first) WHERE expired = 0;

-- Where an id is: the permanent idempotency of a site, and the way to an entry by its id.
CREATE TABLE indelible.entry_id (
    log bigint NOT NULL,
    id uuid NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (log, id)
);

-- C2SP tlog-tiles, the widest version of each.
CREATE TABLE indelible.tile (
    log bigint NOT NULL,
    level smallint NOT NULL,
    number bigint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (log, level, number)
);
ALTER TABLE indelible.tile ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- Which entries point at what. Derived from the entries and read with them.
CREATE TABLE indelible.link (
    log bigint NOT NULL,
    target bytea NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (log, target, position)
);

-- What was removed, in the order in which it was: caches and search indexes follow it.
CREATE TABLE indelible.removal (
    log bigint NOT NULL,
    number bigint NOT NULL UNIQUE,  -- counts the removals of the installation
    reason bigint NOT NULL,         -- index of the entry that tells of it
    erasure boolean NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    ranges bytea NOT NULL,          -- zstd over pairs of little-endian u64: first, and the one after the last
    PRIMARY KEY (log, number)
);
CREATE INDEX removal_erasure ON indelible.removal (number) WHERE erasure;
CREATE INDEX removal_of ON indelible.removal (log, last, first);

-- Settings of a site and its connectors, a row for each version: the highest holds.
CREATE TABLE indelible.configuration (
    log bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    value text,                     -- JSON; NULL: removed
    PRIMARY KEY (log, name, version)
);

-- What programs authenticate with. The secret itself is never stored, only its SHA-256.
CREATE TABLE indelible.token (
    log bigint NOT NULL DEFAULT 0 CHECK (log = 0),
    id uuid NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    site text,
    secret_sha256 bytea NOT NULL,
    created_ms bigint NOT NULL,
    revoked_ms bigint,
    limits text,                    -- JSON; NULL: none
    used_ms bigint,
    PRIMARY KEY (log, id),
    UNIQUE (log, secret_sha256)
);

-- People who sign in with a password.
CREATE TABLE indelible.account (
    log bigint NOT NULL DEFAULT 0 CHECK (log = 0),
    name text COLLATE "C" NOT NULL,
    id uuid NOT NULL,
    password text NOT NULL,         -- a PHC string
    role text NOT NULL,
    site text,
    created_ms bigint NOT NULL,
    changed_ms bigint NOT NULL,
    removed_ms bigint,
    PRIMARY KEY (log, name)
);

-- What browsers authenticate with: one-time sign-in links and the sessions they open.
CREATE TABLE indelible.session (
    log bigint NOT NULL DEFAULT 0 CHECK (log = 0),
    secret_sha256 bytea NOT NULL,
    kind text NOT NULL CHECK (kind IN ('link', 'session')),
    name text NOT NULL,
    role text NOT NULL,
    site text,
    token uuid,
    account text,
    opened_ms bigint NOT NULL,
    opened_from text,
    expires_ms bigint NOT NULL,
    PRIMARY KEY (log, secret_sha256)
);
CREATE INDEX session_account ON indelible.session (log, account);
CREATE INDEX session_token ON indelible.session (log, token);
CREATE INDEX session_expires ON indelible.session (log, expires_ms);

-- Lists that people keep under a name.
CREATE TABLE indelible.saved_search (
    log bigint NOT NULL DEFAULT 0 CHECK (log = 0),
    id uuid NOT NULL,
    owner text NOT NULL,
    site text,
    name text COLLATE "C" NOT NULL,
    query text NOT NULL,
    created_ms bigint NOT NULL,
    PRIMARY KEY (log, id)
);
CREATE UNIQUE INDEX saved_search_name ON indelible.saved_search (log, owner, COALESCE(site, ''), name);

-- The umbrella log: the heads of all sites' logs, and its own head and tiles.
CREATE TABLE indelible.umbrella_leaf (
    log bigint NOT NULL DEFAULT 0 CHECK (log = 0),
    position bigint NOT NULL,
    site_log bigint NOT NULL,
    size bigint NOT NULL,
    root bytea NOT NULL,
    PRIMARY KEY (log, position)
);
CREATE INDEX umbrella_leaf_covering ON indelible.umbrella_leaf (log, site_log, size, position);
CREATE TABLE indelible.umbrella_tile (
    log bigint NOT NULL DEFAULT 0 CHECK (log = 0),
    level smallint NOT NULL,
    number bigint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (log, level, number)
);
CREATE TABLE indelible.umbrella_head (
    log bigint PRIMARY KEY CHECK (log = 0),
    size bigint NOT NULL,
    root bytea NOT NULL,
    checkpoint text                 -- NULL before the first round
);

-- Heads never run backwards, whoever asks.
CREATE FUNCTION indelible.keep_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.log <> OLD.log OR NEW.size < OLD.size OR (NEW.size = OLD.size AND NEW.root <> OLD.root)
        OR (OLD.checkpoint IS NOT NULL AND NEW.checkpoint IS NULL) THEN
        RAISE EXCEPTION 'a published head never runs backwards' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_head BEFORE UPDATE ON indelible.head FOR EACH ROW EXECUTE FUNCTION indelible.keep_head();
CREATE TRIGGER keep_head BEFORE UPDATE ON indelible.umbrella_head FOR EACH ROW EXECUTE FUNCTION indelible.keep_head();

-- Writes tiles in a wider version: what a tile has stays as it is.
CREATE FUNCTION indelible.put_tiles(of_log bigint, levels smallint[], numbers bigint[], wider bytea[])
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = indelible, pg_temp AS $$
DECLARE put bigint;
BEGIN
    INSERT INTO tile AS old (log, level, number, hashes)
        SELECT of_log, t.level, t.number, t.hashes FROM unnest(levels, numbers, wider) AS t (level, number, hashes)
        ON CONFLICT (log, level, number) DO UPDATE SET hashes = excluded.hashes
        WHERE substr(excluded.hashes, 1, length(old.hashes)) = old.hashes;
    GET DIAGNOSTICS put = ROW_COUNT;
    IF put <> cardinality(levels) THEN
        RAISE EXCEPTION 'a tile of log % would not extend what it has', of_log
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END $$;

CREATE FUNCTION indelible.put_umbrella_tiles(levels smallint[], numbers bigint[], wider bytea[])
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = indelible, pg_temp AS $$
DECLARE put bigint;
BEGIN
    INSERT INTO umbrella_tile AS old (level, number, hashes)
        SELECT t.level, t.number, t.hashes FROM unnest(levels, numbers, wider) AS t (level, number, hashes)
        ON CONFLICT (log, level, number) DO UPDATE SET hashes = excluded.hashes
        WHERE substr(excluded.hashes, 1, length(old.hashes)) = old.hashes;
    GET DIAGNOSTICS put = ROW_COUNT;
    IF put <> cardinality(levels) THEN
        RAISE EXCEPTION 'a tile of the umbrella log would not extend what it has'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END $$;

-- How long content of a site is kept, in days, by its own settings: a day where it leaves that to the default.
CREATE FUNCTION indelible.retention_days(of_log bigint) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
DECLARE
    kept json;
    days numeric;
BEGIN
    SELECT c.value::json->'audit_log_retention_days' INTO kept FROM indelible.configuration AS c
        WHERE c.log = of_log AND c.name = 'settings' ORDER BY c.version DESC LIMIT 1;
    days := CASE json_typeof(kept->'value')
        WHEN 'number' THEN (kept->>'value')::numeric WHEN 'string' THEN 'Infinity' ELSE 1 END;
    -- A lowered value waits.
    IF (kept->'lowered'->>'until')::timestamptz > clock_timestamp() THEN
        days := greatest(days, CASE json_typeof(kept->'lowered'->'from')
            WHEN 'number' THEN (kept->'lowered'->>'from')::numeric ELSE 'Infinity' END);
    END IF;
    RETURN greatest(1, days);
END $$;

-- Removes content: writes blocks anew with less in them, and notes it. The one way in which content leaves. Whoever may
-- call it still cannot remove
--   * without a published entry behind all that is removed, which is to tell of it;
--   * anything while the site is on hold;
--   * by age, from a block in which nothing is old enough.
-- A block keeps its place, its number of entries and its times, and does not come back once it is reduced. That what
-- remains has the same leaf hashes, the caller proves before, and `indelible verify` after.
CREATE FUNCTION indelible.remove_content(
    of_log bigint, of_reason bigint, is_erasure boolean,
    firsts bigint[], states smallint[], contents bytea[],
    link_targets bytea[], link_positions bigint[],
    first_removed bigint, last_removed bigint, removed_ranges bytea
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = indelible, pg_temp AS $$
DECLARE
    changed bigint;
    kept_days numeric;
    next_number bigint;
BEGIN
    IF of_reason <= last_removed OR NOT EXISTS (SELECT FROM head AS h WHERE h.log = of_log AND of_reason < h.size) THEN
        RAISE EXCEPTION 'no published entry tells of this removal' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (SELECT (c.value::json->>'hold')::boolean FROM configuration AS c
        WHERE c.log = of_log AND c.name = 'settings' ORDER BY c.version DESC LIMIT 1) THEN
        RAISE EXCEPTION 'the site is on hold: nothing of it is removed';
    END IF;
    kept_days := retention_days(of_log);
    IF NOT is_erasure AND EXISTS (SELECT FROM block AS b WHERE b.log = of_log AND b.first = ANY (firsts)
        AND least(b.occurred_min_us, b.recorded_min_ms * 1000)
            > extract(epoch FROM clock_timestamp()) * 1000000 - kept_days * 86400000000) THEN
        RAISE EXCEPTION 'what is younger than % days does not expire', kept_days;
    END IF;
    UPDATE block AS b SET content = t.content, expired = t.state
        FROM unnest(firsts, states, contents) AS t (first, state, content)
        WHERE b.log = of_log AND b.first = t.first AND t.state >= b.expired;
    GET DIAGNOSTICS changed = ROW_COUNT;
    IF changed <> cardinality(firsts) THEN
        RAISE EXCEPTION 'a block of log % is not what the removal stands on', of_log
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    DELETE FROM link AS k USING unnest(link_targets, link_positions) AS t (target, position)
        WHERE k.log = of_log AND k.target = t.target AND k.position = t.position;
    -- Numbers are in the order of commits: a follower that has seen one has seen all before it.
    PERFORM pg_advisory_xact_lock(hashtextextended('indelible removal', 0));
    SELECT COALESCE(max(r.number), 0) + 1 INTO next_number FROM removal AS r;
    INSERT INTO removal (log, number, reason, erasure, first, last, ranges)
        VALUES (of_log, next_number, of_reason, is_erasure, first_removed, last_removed, removed_ranges);
END $$;

-- What the service may: of entries, ids, links and leaves read and add, nothing else.
REVOKE ALL ON ALL TABLES IN SCHEMA indelible FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA indelible FROM PUBLIC;
GRANT USAGE ON SCHEMA indelible TO indelible_service, indelible_retention;
GRANT SELECT ON ALL TABLES IN SCHEMA indelible TO indelible_service;
GRANT INSERT ON indelible.installation, indelible.site, indelible.head, indelible.block, indelible.entry_id,
    indelible.link, indelible.configuration, indelible.token, indelible.account, indelible.session,
    indelible.saved_search, indelible.umbrella_leaf, indelible.umbrella_head TO indelible_service;
GRANT UPDATE (size, root, checkpoint, published) ON indelible.head TO indelible_service;
GRANT UPDATE (size, root, checkpoint) ON indelible.umbrella_head TO indelible_service;
GRANT UPDATE (revoked_ms, used_ms) ON indelible.token TO indelible_service;
GRANT UPDATE ON indelible.account, indelible.saved_search TO indelible_service;
GRANT DELETE ON indelible.session, indelible.saved_search TO indelible_service;
GRANT EXECUTE ON FUNCTION indelible.put_tiles, indelible.put_umbrella_tiles TO indelible_service;

-- What the retention may: read what it removes from, and remove by the one function.
GRANT SELECT ON indelible.migration, indelible.head, indelible.block, indelible.tile, indelible.link,
    indelible.configuration, indelible.removal TO indelible_retention;
GRANT EXECUTE ON FUNCTION indelible.remove_content TO indelible_retention;
