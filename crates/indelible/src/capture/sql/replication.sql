-- Says who acts in this transaction. The last one before the commit counts.
CREATE OR REPLACE FUNCTION indelible_capture.set_context(context text, signature text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_logical_emit_message(true, 'indelible.context', indelible_capture.sealed_context(context, signature));
END $$;
REVOKE ALL ON FUNCTION indelible_capture.set_context(text, text) FROM PUBLIC;

-- The table that an object belongs to: itself, or whose index, trigger or policy it is.
CREATE OR REPLACE FUNCTION indelible_capture.table_of(class oid, object oid) RETURNS oid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE class
        WHEN 'pg_class'::regclass THEN coalesce((SELECT indrelid FROM pg_index WHERE indexrelid = object), object)
        WHEN 'pg_trigger'::regclass THEN (SELECT tgrelid FROM pg_trigger WHERE oid = object)
        WHEN 'pg_policy'::regclass THEN (SELECT polrelid FROM pg_policy WHERE oid = object)
    END
$$;

-- Tells of changed tables, which the stream itself does not.
CREATE OR REPLACE FUNCTION indelible_capture.tell_definition() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    command record;
BEGIN
    FOR command IN
        SELECT d.command_tag, d.object_type, d.object_identity, c.oid AS id, n.nspname, c.relname
        FROM pg_event_trigger_ddl_commands() d
        JOIN pg_class c ON c.oid = indelible_capture.table_of(d.classid, d.objid)
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'indelible_capture' AND n.nspname !~ '^pg_'
    LOOP
        PERFORM pg_logical_emit_message(true, 'indelible.definition', indelible_capture.sealed(jsonb_build_object(
            'xid', indelible_capture.xid(), 'by', session_user, 'tag', command.command_tag,
            'type', command.object_type, 'identity', command.object_identity,
            'schema', command.nspname, 'name', command.relname,
            'table', jsonb_build_object('id', command.id::bigint,
                'partitioned_by', coalesce((SELECT jsonb_agg(DISTINCT a.attname) FROM pg_partition_tree(command.id) t
                    JOIN pg_partitioned_table p ON p.partrelid = t.relid
                    JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = ANY (p.partattrs)), '[]'),
                'key', coalesce((SELECT jsonb_agg(a.attname) FROM pg_index i JOIN pg_attribute a
                    ON a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
                    WHERE i.indrelid = command.id AND i.indisprimary), '[]'),
                'columns', coalesce((SELECT jsonb_object_agg(a.attname, format_type(a.atttypid, a.atttypmod))
                    FROM pg_attribute a WHERE a.attrelid = command.id AND a.attnum > 0 AND NOT a.attisdropped), '{}')))));
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION indelible_capture.tell_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    dropped record;
BEGIN
    FOR dropped IN SELECT * FROM pg_event_trigger_dropped_objects()
        WHERE original AND NOT is_temporary AND object_type IN ('table', 'trigger', 'policy')
    LOOP
        PERFORM pg_logical_emit_message(true, 'indelible.definition', indelible_capture.sealed(jsonb_build_object(
            'xid', indelible_capture.xid(), 'by', session_user, 'tag', tg_tag,
            'type', dropped.object_type, 'identity', dropped.object_identity,
            'schema', dropped.address_names[1], 'name', dropped.address_names[2], 'table', NULL)));
    END LOOP;
END $$;
