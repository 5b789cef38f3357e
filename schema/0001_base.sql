-- 0001_base.sql - roles, the schema itself, the clock, and what a session may see.
--
-- Applied by `hersysctl migrate`, connected as a superuser, or as a role that may create roles and schemas. Forward only: a
-- file that has been applied anywhere is never changed again; its checksum is recorded.

-- Names are compared after normalisation, and patients write in every script.
DO $$
BEGIN
    IF current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION 'the database has the encoding %, hersys needs UTF8', current_setting('server_encoding');
    END IF;
END
$$;

-- Roles belong to the whole PostgreSQL instance, so they may be there already.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['hersys_owner', 'hersys_definer', 'hersys_gateway', 'hersys_portal', 'hersys_readonly'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role_name) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role_name);
        END IF;
    END LOOP;
    -- Who is no superuser has to be a member to act for the owner, now and in later migrations.
    IF NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
        GRANT hersys_owner TO current_user;
    END IF;
END
$$;

COMMENT ON ROLE hersys_owner IS 'hersys: owns the tables; migrations run as it';
COMMENT ON ROLE hersys_definer IS 'hersys: owns the functions; bound by row-level security';
COMMENT ON ROLE hersys_gateway IS 'hersys: the gateway daemon and hersysctl; every centre';
COMMENT ON ROLE hersys_portal IS 'hersys: the web pages; one centre or one account at a time';
COMMENT ON ROLE hersys_readonly IS 'hersys: reads, changes nothing';

-- The owner may hand functions over to the definer (settle_rights).
GRANT hersys_definer TO hersys_owner;

ALTER SCHEMA hersys OWNER TO hersys_owner;
REVOKE ALL ON SCHEMA hersys FROM PUBLIC;
GRANT USAGE ON SCHEMA hersys TO hersys_definer, hersys_gateway, hersys_portal, hersys_readonly;
ALTER TABLE hersys.migration OWNER TO hersys_owner;
GRANT SELECT ON hersys.migration TO hersys_definer, hersys_readonly;

SET LOCAL ROLE hersys_owner;
ALTER DEFAULT PRIVILEGES FOR ROLE hersys_definer REVOKE ALL ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE hersys_owner REVOKE ALL ON FUNCTIONS FROM PUBLIC;

-- ------------------------------------------------------------------ words of the field

CREATE DOMAIN hersys.language_code AS text
    CHECK (VALUE IN ('ja', 'en', 'zh-Hans', 'zh-Hant', 'ko', 'es', 'pt'));
COMMENT ON DOMAIN hersys.language_code IS 'BCP 47 tag of one of the seven languages';

CREATE DOMAIN hersys.e164 AS text CHECK (VALUE ~ '^\+[1-9][0-9]{5,14}$');
COMMENT ON DOMAIN hersys.e164 IS 'ITU-T E.164 number: +, country code, subscriber number';

CREATE DOMAIN hersys.email_address AS text
    CHECK (length(VALUE) <= 254
           AND VALUE ~ '^[a-z0-9.!#$%&''*+/=?^_`{|}~-]{1,64}@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$');
COMMENT ON DOMAIN hersys.email_address IS
    'RFC 5321 mailbox, lower case, without quoting, so that it can stand in a header as it is. Dots anywhere in the local part: '
    'Japanese carriers gave out addresses with two in a row, and with one before the @';

CREATE DOMAIN hersys.input_id AS text CHECK (VALUE ~ '^[0-9]{6,8}$');
COMMENT ON DOMAIN hersys.input_id IS 'smartphone input ID: 6 to 8 digits';

CREATE DOMAIN hersys.channel AS text CHECK (VALUE IN ('sms', 'email'));

CREATE TYPE hersys.message_state AS ENUM (
    'queued', 'sending', 'retry',
    'sent', 'sent_unconfirmed', 'delivered', 'undelivered', 'expired',
    'unknown', 'dead', 'cancelled', 'suppressed');
COMMENT ON TYPE hersys.message_state IS
    'queued, sending, retry stand in the outbox; the others in its history. dead: refused for good. '
    'unknown: the wire broke after the submit, or the sender died, and a duplicate would do harm. '
    'sent_unconfirmed: no receipt came in time';

-- ------------------------------------------------------------------ the clock

-- Every rule of the domain that speaks of time asks clock_now(), so that tests can hold it still for all processes at
-- once. Leases do not: they are about processes, and use the real time.
CREATE TABLE hersys.clock (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    held_at  timestamptz
);
INSERT INTO hersys.clock (held_at) VALUES (NULL);
COMMENT ON TABLE hersys.clock IS 'held_at is null in production; a daemon without the sandbox refuses to start otherwise';
GRANT SELECT ON hersys.clock TO hersys_definer, hersys_gateway, hersys_portal, hersys_readonly;

-- In PL/pgSQL, which keeps its plan, and by the key: it is asked for each row of some statements, and where sequential scans
-- are switched off one of a single row would look dear enough to be compiled each time.
CREATE FUNCTION hersys.clock_now() RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN coalesce((SELECT c.held_at FROM hersys.clock c WHERE c.only_row), pg_catalog.now());
END
$$;
COMMENT ON FUNCTION hersys.clock_now() IS 'the time of the domain: the transaction''s time, or the held one';
GRANT EXECUTE ON FUNCTION hersys.clock_now() TO hersys_definer, hersys_gateway, hersys_portal, hersys_readonly;

CREATE FUNCTION hersys.clock_hold(p_at timestamptz) RETURNS void
LANGUAGE sql
SET search_path = hersys, pg_temp
AS $$ UPDATE hersys.clock SET held_at = p_at $$;
COMMENT ON FUNCTION hersys.clock_hold(timestamptz) IS 'holds the clock at an instant, or lets it run (null); for tests, owner only';

-- ------------------------------------------------------------------ what a session may see

-- A session sees every centre (the gateway, the read-only role, the owner), or, when it has said
-- SET hersys.centre = 'ID', that one alone. The portal always has to say it. These two have no search path of their own, so that
-- PostgreSQL can put them into each statement instead of calling them.
CREATE FUNCTION hersys.scope_centre() RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(pg_catalog.current_setting('hersys.centre', true), '')::bigint $$;

CREATE FUNCTION hersys.scope_all() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT nullif(pg_catalog.current_setting('hersys.centre', true), '') IS NULL
       AND (pg_catalog.pg_has_role(session_user, 'hersys_gateway', 'MEMBER')
            OR pg_catalog.pg_has_role(session_user, 'hersys_owner', 'MEMBER')
            OR pg_catalog.pg_has_role(session_user, 'hersys_readonly', 'MEMBER'))
$$;
GRANT EXECUTE ON FUNCTION hersys.scope_centre(), hersys.scope_all()
    TO hersys_definer, hersys_gateway, hersys_portal, hersys_readonly;

CREATE FUNCTION hersys.schema_version() RETURNS integer
LANGUAGE sql STABLE
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$ SELECT coalesce(max(version), 0) FROM hersys.migration $$;
COMMENT ON FUNCTION hersys.schema_version() IS 'the newest migration that has been applied';
GRANT EXECUTE ON FUNCTION hersys.schema_version() TO hersys_gateway, hersys_portal, hersys_readonly;

-- Puts the one policy on a table: its rows belong to the centre in `p_column`.
CREATE PROCEDURE hersys.bind_to_centre(p_table regclass, p_column name DEFAULT 'centre_id')
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', p_table);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', p_table);
    EXECUTE format('CREATE POLICY centre ON %s USING ((SELECT hersys.scope_all()) OR %I = (SELECT hersys.scope_centre()))',
                   p_table, p_column);
END
$$;

-- Hands the functions to the definer and lets it work on every table; called at the end of each migration. The partitions
-- of the history are made by the tables' owner, so that one function stays with it.
CREATE PROCEDURE hersys.settle_rights()
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
AS $$
DECLARE
    f record;
    v_columns text;
BEGIN
    GRANT CREATE ON SCHEMA hersys TO hersys_definer;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA hersys TO hersys_definer;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA hersys TO hersys_definer;
    GRANT SELECT ON ALL TABLES IN SCHEMA hersys TO hersys_readonly;
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA hersys TO hersys_definer;
    REVOKE EXECUTE ON FUNCTION hersys.clock_hold(timestamptz) FROM hersys_definer;
    REVOKE INSERT, UPDATE, DELETE ON hersys.migration, hersys.clock FROM hersys_definer;
    -- A partition knows no policy of its own: rows are reached through the partitioned table alone.
    FOR f IN
        SELECT c.oid::regclass AS name FROM pg_class c WHERE c.relnamespace = 'hersys'::regnamespace AND c.relispartition AND c.relkind = 'r'
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM hersys_definer, hersys_readonly', f.name);
    END LOOP;
    -- Who may read need not be able to guess passwords or tokens.
    FOR f IN
        SELECT DISTINCT a.attrelid AS id, a.attrelid::regclass AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'hersys'::regnamespace AND c.relkind = 'r' AND a.attname IN ('password_hash', 'secret_hash')
    LOOP
        SELECT string_agg(quote_ident(a.attname), ', ') INTO v_columns FROM pg_attribute a
        WHERE a.attrelid = f.id AND a.attnum > 0 AND NOT a.attisdropped AND a.attname NOT IN ('password_hash', 'secret_hash');
        EXECUTE format('REVOKE SELECT ON %s FROM hersys_readonly', f.name);
        EXECUTE format('GRANT SELECT (%s) ON %s TO hersys_readonly', v_columns, f.name);
    END LOOP;
    FOR f IN
        SELECT p.oid::regprocedure AS name FROM pg_proc p
        WHERE p.pronamespace = 'hersys'::regnamespace AND p.prosecdef AND p.proowner = 'hersys_owner'::regrole
              AND p.proname <> 'history_prepare'
    LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO hersys_definer', f.name);
    END LOOP;
    REVOKE CREATE ON SCHEMA hersys FROM hersys_definer;
END
$$;

CALL hersys.settle_rights();
