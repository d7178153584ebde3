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

-- The number that the log knows this transaction by.
CREATE OR REPLACE FUNCTION indelible_capture.xid() RETURNS bigint
LANGUAGE sql AS $$
    SELECT pg_current_xact_id()::text::bigint & 4294967295
$$;

-- What is passed on to the capture, sealed: HEX:JSON. Only functions of this schema call it, in whose names and with whose
-- search path it runs. In plpgsql, as that keeps its plans: every transaction that says who acts waits for this.
CREATE OR REPLACE FUNCTION indelible_capture.sealed(told jsonb) RETURNS bytea
LANGUAGE plpgsql AS $$
DECLARE
    bytes bytea := convert_to(told::text, 'UTF8');
    key record;
BEGIN
    SELECT k.inner_key AS inside, k.outer_key AS outside INTO STRICT key FROM indelible_capture.seal k;
    RETURN convert_to(encode(sha256(key.outside || sha256(key.inside || bytes)), 'hex') || ':', 'UTF8') || bytes;
END $$;
REVOKE ALL ON FUNCTION indelible_capture.sealed(jsonb) FROM PUBLIC;

-- What a session says of who acts, with what session that is, likewise.
CREATE OR REPLACE FUNCTION indelible_capture.sealed_context(context text, signature text) RETURNS bytea
LANGUAGE plpgsql AS $$
BEGIN
    IF octet_length(context) > 65536 THEN
        RAISE EXCEPTION 'a context has 65536 bytes at most, this one has %', octet_length(context);
    END IF;
    RETURN indelible_capture.sealed(jsonb_build_object(
        'xid', indelible_capture.xid(), 'by', session_user, 'pid', pg_backend_pid(),
        'signature', signature, 'context', context));
END $$;
REVOKE ALL ON FUNCTION indelible_capture.sealed_context(text, text) FROM PUBLIC;

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
