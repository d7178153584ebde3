-- What changed, until the capture has taken it.
CREATE TABLE IF NOT EXISTS indelible_capture.queue (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- What it tells of: a context, rows, or a table that was emptied.
    kind text NOT NULL CHECK (kind IN ('context', 'rows', 'truncate')),
    context bytea,
    relation oid,
    schema text,
    name text,
    -- [["name", type's oid, whether in the key], …], and [[old row or null, new row or null], …] as texts
    columns jsonb,
    rows jsonb
);
CREATE INDEX IF NOT EXISTS queue_xid ON indelible_capture.queue (xid, id);
REVOKE ALL ON indelible_capture.queue FROM PUBLIC;

-- Says who acts in this transaction. The last one before the commit counts.
CREATE OR REPLACE FUNCTION indelible_capture.set_context(context text, signature text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO indelible_capture.queue (kind, context)
    VALUES ('context', indelible_capture.sealed_context(context, signature));
END $$;
REVOKE ALL ON FUNCTION indelible_capture.set_context(text, text) FROM PUBLIC;

-- Puts the rows of a statement into the queue. The arguments are the columns of the key.
CREATE OR REPLACE FUNCTION indelible_capture.tell_rows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO' SET intervalstyle = 'postgres' SET extra_float_digits = 3
SET timezone = 'UTC' SET bytea_output = 'hex' AS $$
DECLARE
    described jsonb;
    old_row text;
    new_row text;
    key text[] := TG_ARGV;
    matched text;
    source text;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        INSERT INTO indelible_capture.queue (kind, relation, schema, name)
        VALUES ('truncate', TG_RELID, TG_TABLE_SCHEMA, TG_TABLE_NAME);
        RETURN NULL;
    END IF;
    SELECT jsonb_agg(jsonb_build_array(a.attname, a.atttypid::bigint, a.attname = ANY (key)) ORDER BY a.attnum),
        'to_jsonb(ARRAY[' || string_agg(format('CASE WHEN o.%1$I IS DISTINCT FROM NULL THEN format(''%%s'', o.%1$I) END', a.attname),
            ', ' ORDER BY a.attnum) || ']::text[])',
        'to_jsonb(ARRAY[' || string_agg(format('CASE WHEN n.%1$I IS DISTINCT FROM NULL THEN format(''%%s'', n.%1$I) END', a.attname),
            ', ' ORDER BY a.attnum) || ']::text[])'
    INTO described, old_row, new_row
    FROM pg_attribute a WHERE a.attrelid = TG_RELID AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
    -- By their texts: operators of other types than the server's own are not found from here.
    SELECT string_agg(format('format(''%%s'', o.%1$I) = format(''%%s'', n.%1$I)', column_name), ' AND ') INTO matched
    FROM unnest(key) AS column_name;
    source := CASE TG_OP
        WHEN 'INSERT' THEN format('SELECT NULL::jsonb AS o, %s AS n FROM new_rows n', new_row)
        WHEN 'DELETE' THEN format('SELECT %s AS o, NULL::jsonb AS n FROM old_rows o', old_row)
        -- Rows whose key changed have no other half, and stand alone.
        ELSE format('SELECT CASE WHEN o.indelible_told IS NOT NULL THEN %s END AS o, '
            'CASE WHEN n.indelible_told IS NOT NULL THEN %s END AS n FROM (SELECT true AS indelible_told, * FROM old_rows) o '
            'FULL JOIN (SELECT true AS indelible_told, * FROM new_rows) n ON %s', old_row, new_row, matched)
        END;
    -- About eight megabytes a line: a value of jsonb cannot be larger than 256.
    EXECUTE format(
        'INSERT INTO indelible_capture.queue (kind, relation, schema, name, columns, rows) '
        'SELECT ''rows'', $1, $2, $3, $4, jsonb_agg(jsonb_build_array(o, n)) FROM (SELECT o, n, '
        'sum(coalesce(octet_length(o::text), 0) + coalesce(octet_length(n::text), 0)) OVER (ROWS UNBOUNDED PRECEDING) '
        '/ 8000000 AS part FROM (%s) s) measured GROUP BY part ORDER BY part', source)
    USING TG_RELID, TG_TABLE_SCHEMA, TG_TABLE_NAME, described;
    RETURN NULL;
END $$;
