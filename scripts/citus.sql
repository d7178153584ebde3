-- Distributes the tables of Indelible over the workers of a Citus cluster, by the log's number. Run it once, as the
-- database's administrator, after `indelible database init` and before the first entry. Does nothing without the extension.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN
        RAISE NOTICE 'the extension citus is not in this database: nothing was distributed';
        RETURN;
    END IF;
    PERFORM create_distributed_table('indelible.block', 'log');
    PERFORM create_distributed_table('indelible.entry_id', 'log', colocate_with => 'indelible.block');
    PERFORM create_distributed_table('indelible.tile', 'log', colocate_with => 'indelible.block');
    PERFORM create_distributed_table('indelible.link', 'log', colocate_with => 'indelible.block');
END $$;
