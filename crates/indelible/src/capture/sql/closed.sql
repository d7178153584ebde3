-- Nobody has any of it but whom the grants after this name: default privileges of the database do not count here.
DO $$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT 'TABLE ' || c.oid::regclass AS what, a.grantee::regrole AS grantee
        FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
        WHERE c.relnamespace = 'indelible_capture'::regnamespace AND c.relkind IN ('r', 'S') AND a.grantee NOT IN (0, c.relowner)
        UNION
        SELECT 'FUNCTION ' || p.oid::regprocedure, a.grantee::regrole
        FROM pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) a
        WHERE p.pronamespace = 'indelible_capture'::regnamespace AND a.grantee NOT IN (0, p.proowner)
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %s', granted.what, granted.grantee);
    END LOOP;
END $$;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA indelible_capture FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA indelible_capture FROM PUBLIC;
