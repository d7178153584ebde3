CREATE SCHEMA IF NOT EXISTS indelible_capture;

-- The key of the seal, as HMAC-SHA256 (RFC 2104) uses it. Only the schema's owner and the capture can read it.
CREATE TABLE IF NOT EXISTS indelible_capture.seal (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    inner_key bytea NOT NULL CHECK (length(inner_key) = 64),
    outer_key bytea NOT NULL CHECK (length(outer_key) = 64)
);
DO $$
DECLARE
    key bytea := sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
        || sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
    inner_key bytea := key;
    outer_key bytea := key;
BEGIN
    FOR place IN 0..63 LOOP
        inner_key := set_byte(inner_key, place, get_byte(key, place) # 54);
        outer_key := set_byte(outer_key, place, get_byte(key, place) # 92);
    END LOOP;
    INSERT INTO indelible_capture.seal VALUES (true, inner_key, outer_key) ON CONFLICT DO NOTHING;
END $$;
REVOKE ALL ON indelible_capture.seal FROM PUBLIC;

-- What is passed on to the capture, sealed: HEX:JSON.
CREATE OR REPLACE FUNCTION indelible_capture.sealed(told jsonb) RETURNS bytea
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT convert_to(encode(sha256(k.outer_key || sha256(k.inner_key || convert_to(told::text, 'UTF8'))), 'hex')
        || ':' || told::text, 'UTF8')
    FROM indelible_capture.seal k
$$;
REVOKE ALL ON FUNCTION indelible_capture.sealed(jsonb) FROM PUBLIC;

-- The number that the log knows this transaction by.
CREATE OR REPLACE FUNCTION indelible_capture.xid() RETURNS bigint
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_current_xact_id()::text::bigint & 4294967295
$$;

-- When a capture's slot was made anew, and so has lost what came before.
CREATE TABLE IF NOT EXISTS indelible_capture.slot (
    name text PRIMARY KEY,
    made uuid NOT NULL
);
REVOKE ALL ON indelible_capture.slot FROM PUBLIC;

-- Orders to take changes back, and what each found and left: the same order is answered as the first time.
CREATE TABLE IF NOT EXISTS indelible_capture.reverted (
    key uuid PRIMARY KEY,
    before text,
    after text,
    at timestamptz NOT NULL DEFAULT now()
);
REVOKE ALL ON indelible_capture.reverted FROM PUBLIC;
