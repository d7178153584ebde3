//! Every statement of the store. [`ALL`] is prepared against the schema by each process that opens it, so that a schema
//! which does not fit is noticed before the first entry.

pub(super) const MAY_SERVE: &str = "SELECT has_table_privilege('indelible.block', 'INSERT') \
     AND has_any_column_privilege('indelible.head', 'UPDATE'), \
     has_table_privilege('indelible.block', 'UPDATE, DELETE, TRUNCATE'), current_user::text";
pub(super) const MAY_REMOVE: &str = "SELECT bool_or(has_function_privilege(p.oid, 'EXECUTE')), current_user::text \
     FROM pg_proc AS p WHERE p.proname = 'remove_content' AND p.pronamespace = 'indelible'::regnamespace";

pub(super) const INSTALLATION: &str =
    "SELECT id, origin, epoch, seed_check FROM indelible.installation WHERE log = 0";
pub(super) const CREATE_INSTALLATION: &str = "INSERT INTO indelible.installation (log, id, origin, epoch, seed_check, created_ms) VALUES (0, $1, $2, $3, $4, $5)";
pub(super) const CREATE_UMBRELLA: &str =
    "INSERT INTO indelible.umbrella_head (log, size, root) VALUES (0, 0, $1)";

pub(super) const SITES: &str = "SELECT log, id, name, created_ms FROM indelible.site ORDER BY log";
pub(super) const CREATE_SITE: &str =
    "INSERT INTO indelible.site (log, id, name, created_ms) VALUES ($1, $2, $3, $4)";
pub(super) const CREATE_HEAD: &str = "INSERT INTO indelible.head (log, size, root, published) \
     VALUES ($1, 0, $2, pg_current_xact_id()::text::bigint)";

// Transactions that are not over yet may publish with a number below that of one that is: what is asked next time is
// everything from the oldest of them on.
pub(super) const HEADS: &str = "SELECT mark.since, h.log, h.size, h.root, h.checkpoint \
     FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS since) AS mark \
     JOIN indelible.head AS h ON h.published >= $1 AND h.checkpoint IS NOT NULL ORDER BY h.log";
pub(super) const ALL_HEADS: &str = "SELECT log, size, root FROM indelible.head";
pub(super) const LOCK_HEADS: &str =
    "SELECT log, size, root FROM indelible.head WHERE log = ANY($1) ORDER BY log FOR NO KEY UPDATE";
pub(super) const SWAP_HEAD: &str = "UPDATE indelible.head SET size = $2, root = $3, checkpoint = $4, \
     published = pg_current_xact_id()::text::bigint WHERE log = $1 AND size = $5 AND root = $6";
// Numbers of transactions begin anew in a server that the database was moved to.
pub(super) const RENUMBER_HEADS: &str = "UPDATE indelible.head \
     SET published = pg_current_xact_id()::text::bigint \
     WHERE published > pg_snapshot_xmax(pg_current_snapshot())::text::bigint";

// One search of the index per id, whatever the planner knows of the table: `id = ANY($2)` may become a condition on each
// entry of the log.
pub(super) const POSITIONS: &str = "SELECT wanted.id, found.position \
     FROM unnest($2::uuid[]) AS wanted (id) CROSS JOIN LATERAL ( \
     SELECT position FROM indelible.entry_id WHERE log = $1 AND id = wanted.id LIMIT 1) AS found";
pub(super) const IDS: &str = "SELECT id, position FROM indelible.entry_id \
     WHERE log = $1 AND id > $2 ORDER BY id LIMIT $3";
pub(super) const IDS_FROM_FIRST: &str =
    "SELECT id, position FROM indelible.entry_id WHERE log = $1 ORDER BY id LIMIT $2";
pub(super) const ID_COUNT: &str = "SELECT count(*) FROM indelible.entry_id WHERE log = $1";
pub(super) const TILE: &str =
    "SELECT hashes FROM indelible.tile WHERE log = $1 AND level = $2 AND number = $3";
pub(super) const LINKED: &str = "SELECT position FROM indelible.link \
     WHERE log = $1 AND target = $2 ORDER BY position DESC LIMIT $3";

pub(super) const ENTRIES: &str = "SELECT first, count, content FROM indelible.block \
     WHERE log = $1 AND first < $3 AND first >= COALESCE( \
     (SELECT max(first) FROM indelible.block WHERE log = $1 AND first <= $2), $2) ORDER BY first";
pub(super) const BLOCKS_AT: &str = "SELECT DISTINCT ON (b.first) b.first, b.count, b.content \
     FROM unnest($2::bigint[]) AS wanted (position) CROSS JOIN LATERAL ( \
     SELECT first, count, content FROM indelible.block WHERE log = $1 AND first <= wanted.position \
     ORDER BY first DESC LIMIT 1) AS b ORDER BY b.first";
pub(super) const NEWEST_BLOCKS: &str = "SELECT first, count, occurred_min_us, occurred_max_us, expired \
     FROM indelible.block WHERE log = $1 AND expired = 0 AND (occurred_max_us, first) < ($2, $3) \
     ORDER BY occurred_max_us DESC, first DESC LIMIT $4";
pub(super) const OLDEST_BLOCKS: &str = "SELECT first, count, occurred_min_us, occurred_max_us, expired \
     FROM indelible.block WHERE log = $1 AND expired = 0 AND (occurred_min_us, first) > ($2, $3) \
     ORDER BY occurred_min_us, first LIMIT $4";
pub(super) const BLOCKS_BY_INDEX: &str = "SELECT first, count, occurred_min_us, occurred_max_us, expired \
     FROM indelible.block WHERE log = $1 AND first > $2 ORDER BY first LIMIT $3";

pub(super) const INSERT_BLOCKS: &str = "INSERT INTO indelible.block \
     (log, first, count, occurred_min_us, occurred_max_us, recorded_min_ms, expired, content) SELECT $1, t.* \
     FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::smallint[], $8::bytea[]) \
     AS t";
pub(super) const INSERT_IDS: &str = "INSERT INTO indelible.entry_id (log, id, position) \
     SELECT $1, t.* FROM unnest($2::uuid[], $3::bigint[]) AS t";
pub(super) const INSERT_LINKS: &str = "INSERT INTO indelible.link (log, target, position) \
     SELECT $1, t.* FROM unnest($2::bytea[], $3::bigint[]) AS t ON CONFLICT DO NOTHING";
pub(super) const PUT_TILES: &str = "SELECT indelible.put_tiles($1, $2, $3, $4)";

pub(super) const REMOVE: &str =
    "SELECT indelible.remove_content($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
pub(super) const LOCK_REMOVAL: &str =
    "SELECT pg_advisory_xact_lock(hashtextextended('indelible removal of ' || $1::bigint, 0))";
pub(super) const REMOVALS: &str = "SELECT number, log, reason, erasure, ranges FROM indelible.removal \
     WHERE number > $1 ORDER BY number LIMIT $2";
pub(super) const NOTE_REMOVAL: &str = "INSERT INTO indelible.removal \
     (log, number, reason, erasure, first, last, ranges) VALUES ($1, $2, $3, $4, $5, $6, $7)";
pub(super) const LAST_REMOVALS: &str = "SELECT \
     COALESCE((SELECT max(number) FROM indelible.removal), 0), \
     COALESCE((SELECT max(number) FROM indelible.removal WHERE erasure), 0)";
pub(super) const REASONS: &str = "SELECT DISTINCT reason FROM indelible.removal \
     WHERE log = $1 AND first <= $2 AND last >= $2 ORDER BY reason";

pub(super) const CONFIGURE: &str = "INSERT INTO indelible.configuration (log, name, version, value) \
     SELECT $1, $2, COALESCE(max(version), 0) + 1, $3 FROM indelible.configuration WHERE log = $1 AND name = $2";
pub(super) const CONFIGURATION: &str = "SELECT value FROM indelible.configuration \
     WHERE log = $1 AND name = $2 ORDER BY version DESC LIMIT 1";
pub(super) const CONFIGURATIONS: &str = "SELECT DISTINCT ON (name) name, value FROM indelible.configuration \
     WHERE log = $1 ORDER BY name, version DESC";

pub(super) const CREATE_TOKEN: &str = "INSERT INTO indelible.token \
     (id, name, role, site, secret_sha256, created_ms, limits) VALUES ($1, $2, $3, $4, $5, $6, $7)";
pub(super) const REVOKE_TOKEN: &str = "UPDATE indelible.token SET revoked_ms = $2 \
     WHERE log = 0 AND id = $1 AND revoked_ms IS NULL";
pub(super) const END_SESSIONS_OF_TOKEN: &str = "DELETE FROM indelible.session WHERE log = 0 AND token = $1";
pub(super) const TOKENS: &str = "SELECT id, name, role, site, secret_sha256, created_ms, revoked_ms, limits, used_ms \
     FROM indelible.token WHERE log = 0 ORDER BY created_ms DESC, id DESC";
pub(super) const TOKEN: &str = "SELECT id, name, role, site, secret_sha256, created_ms, revoked_ms, limits, used_ms \
     FROM indelible.token WHERE log = 0 AND secret_sha256 = $1";
pub(super) const NOTE_USES: &str = "UPDATE indelible.token AS t SET used_ms = greatest(t.used_ms, u.used_ms) \
     FROM unnest($1::uuid[], $2::bigint[]) AS u (id, used_ms) WHERE t.log = 0 AND t.id = u.id";

pub(super) const PUT_USER: &str = "INSERT INTO indelible.account \
     (name, id, password, role, site, created_ms, changed_ms, removed_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
     ON CONFLICT (log, name) DO UPDATE SET id = excluded.id, password = excluded.password, role = excluded.role, \
     site = excluded.site, created_ms = excluded.created_ms, changed_ms = excluded.changed_ms, \
     removed_ms = excluded.removed_ms";
pub(super) const USERS: &str = "SELECT id, name, password, role, site, created_ms, changed_ms, removed_ms \
     FROM indelible.account WHERE log = 0 AND removed_ms IS NULL ORDER BY name";
// Locked, so that a user who is changed meanwhile is not what was looked at.
pub(super) const USER: &str = "SELECT id, name, password, role, site, created_ms, changed_ms, removed_ms \
     FROM indelible.account WHERE log = 0 AND name = $1 AND removed_ms IS NULL";
pub(super) const USER_LOCKED: &str = "SELECT id, name, password, role, site, created_ms, changed_ms, removed_ms \
     FROM indelible.account WHERE log = 0 AND name = $1 AND removed_ms IS NULL FOR NO KEY UPDATE";

pub(super) const FORGET_SESSIONS: &str = "DELETE FROM indelible.session WHERE log = 0 AND expires_ms < $1";
pub(super) const LOCK_TOKEN: &str = "SELECT revoked_ms IS NULL FROM indelible.token \
     WHERE log = 0 AND id = $1 FOR NO KEY UPDATE";
pub(super) const PUT_SESSION: &str = "INSERT INTO indelible.session \
     (secret_sha256, kind, name, role, site, token, expires_ms, account, opened_ms, opened_from) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
pub(super) const SESSION: &str = "SELECT secret_sha256, kind, name, role, site, token, expires_ms, account, \
     opened_ms, opened_from FROM indelible.session WHERE log = 0 AND secret_sha256 = $1";
pub(super) const SESSIONS: &str = "SELECT secret_sha256, kind, name, role, site, token, expires_ms, account, \
     opened_ms, opened_from FROM indelible.session WHERE log = 0 AND account = $1 ORDER BY opened_ms DESC";
pub(super) const END_SESSIONS: &str = "DELETE FROM indelible.session WHERE log = 0 AND account = $1";
pub(super) const END_SESSION: &str = "DELETE FROM indelible.session WHERE log = 0 AND secret_sha256 = $1";

pub(super) const LOCK_OWNER: &str =
    "SELECT pg_advisory_xact_lock(hashtextextended('indelible searches of ' || $1, 0))";
pub(super) const SEARCH_OF_NAME: &str = "SELECT id FROM indelible.saved_search \
     WHERE log = 0 AND owner = $1 AND COALESCE(site, '') = COALESCE($2, '') AND name = $3 AND id <> $4";
pub(super) const OTHER_SEARCHES: &str =
    "SELECT count(*) FROM indelible.saved_search WHERE log = 0 AND owner = $1 AND id <> $2";
pub(super) const PUT_SEARCH: &str = "INSERT INTO indelible.saved_search AS old \
     (id, owner, site, name, query, created_ms) VALUES ($1, $2, $3, $4, $5, $6) \
     ON CONFLICT (log, id) DO UPDATE SET name = excluded.name, query = excluded.query \
     WHERE old.owner = excluded.owner";
pub(super) const SEARCHES: &str = "SELECT id, owner, site, name, query, created_ms FROM indelible.saved_search \
     WHERE log = 0 AND owner = $1 ORDER BY lower(name), name, id";
pub(super) const ALL_SEARCHES: &str = "SELECT id, owner, site, name, query, created_ms \
     FROM indelible.saved_search WHERE log = 0 ORDER BY id";
pub(super) const SEARCH: &str = "SELECT id, owner, site, name, query, created_ms FROM indelible.saved_search \
     WHERE log = 0 AND id = $1";
pub(super) const DELETE_SEARCH: &str =
    "DELETE FROM indelible.saved_search WHERE log = 0 AND id = $1 AND owner = $2";

pub(super) const UMBRELLA_HEAD: &str =
    "SELECT size, root, checkpoint FROM indelible.umbrella_head WHERE log = 0 AND checkpoint IS NOT NULL";
pub(super) const LOCK_UMBRELLA: &str =
    "SELECT size, root FROM indelible.umbrella_head WHERE log = 0 FOR NO KEY UPDATE";
pub(super) const UMBRELLA_HEADS: &str = "SELECT site_log, size, root FROM indelible.umbrella_leaf \
     WHERE log = 0 AND position >= $1 AND position < $2 ORDER BY position";
pub(super) const UMBRELLA_NEWEST: &str = "SELECT DISTINCT ON (site_log) site_log, size, root \
     FROM indelible.umbrella_leaf WHERE log = 0 AND position < $1 ORDER BY site_log, size DESC, position DESC";
pub(super) const UMBRELLA_COVERING: &str = "SELECT position, size, root FROM indelible.umbrella_leaf \
     WHERE log = 0 AND site_log = $1 AND size > $2 AND position < $3 ORDER BY size, position LIMIT 1";
pub(super) const UMBRELLA_TILE: &str =
    "SELECT hashes FROM indelible.umbrella_tile WHERE log = 0 AND level = $1 AND number = $2";
pub(super) const INSERT_UMBRELLA: &str = "INSERT INTO indelible.umbrella_leaf (position, site_log, size, root) \
     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[])";
pub(super) const PUT_UMBRELLA_TILES: &str = "SELECT indelible.put_umbrella_tiles($1, $2, $3)";
pub(super) const SWAP_UMBRELLA_HEAD: &str = "UPDATE indelible.umbrella_head \
     SET size = $1, root = $2, checkpoint = $3 WHERE log = 0 AND size = $4 AND root = $5";

/// What the service's role runs.
pub(super) const ALL: &[&str] = &[
    MAY_SERVE,
    INSTALLATION,
    CREATE_INSTALLATION,
    CREATE_UMBRELLA,
    SITES,
    CREATE_SITE,
    CREATE_HEAD,
    HEADS,
    ALL_HEADS,
    LOCK_HEADS,
    SWAP_HEAD,
    RENUMBER_HEADS,
    POSITIONS,
    IDS,
    IDS_FROM_FIRST,
    ID_COUNT,
    TILE,
    LINKED,
    ENTRIES,
    BLOCKS_AT,
    NEWEST_BLOCKS,
    OLDEST_BLOCKS,
    BLOCKS_BY_INDEX,
    INSERT_BLOCKS,
    INSERT_IDS,
    INSERT_LINKS,
    PUT_TILES,
    REMOVALS,
    LAST_REMOVALS,
    REASONS,
    CONFIGURE,
    CONFIGURATION,
    CONFIGURATIONS,
    CREATE_TOKEN,
    REVOKE_TOKEN,
    END_SESSIONS_OF_TOKEN,
    TOKENS,
    TOKEN,
    NOTE_USES,
    PUT_USER,
    USERS,
    USER,
    USER_LOCKED,
    FORGET_SESSIONS,
    LOCK_TOKEN,
    PUT_SESSION,
    SESSION,
    SESSIONS,
    END_SESSIONS,
    END_SESSION,
    LOCK_OWNER,
    SEARCH_OF_NAME,
    OTHER_SEARCHES,
    PUT_SEARCH,
    SEARCHES,
    ALL_SEARCHES,
    SEARCH,
    DELETE_SEARCH,
    UMBRELLA_HEAD,
    LOCK_UMBRELLA,
    UMBRELLA_HEADS,
    UMBRELLA_NEWEST,
    UMBRELLA_COVERING,
    UMBRELLA_TILE,
    INSERT_UMBRELLA,
    PUT_UMBRELLA_TILES,
    SWAP_UMBRELLA_HEAD,
];
