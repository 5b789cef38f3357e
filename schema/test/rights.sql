-- rights.sql - who may do what, and what a session sees.
BEGIN;
\ir fixture.psql
SELECT plan(47);

-- ------------------------------------------------------------------ PUBLIC, and who owns what

SELECT is(t.told('t_nobody', 'SELECT hersys.clock_now()'), '42501', 'who is nobody cannot name anything of the schema');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
    WHERE p.pronamespace = 'hersys'::regnamespace AND a.grantee = 0$$, 'PUBLIC may execute no function');
SELECT is_empty($$
    SELECT c.oid::regclass FROM pg_class c, aclexplode(c.relacl) AS a
    WHERE c.relnamespace = 'hersys'::regnamespace AND a.grantee = 0$$, 'PUBLIC may touch no table');
SELECT ok(NOT EXISTS (SELECT FROM pg_namespace n, aclexplode(n.nspacl) AS a WHERE n.nspname = 'hersys' AND a.grantee = 0),
          'PUBLIC has no right to the schema');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc p
    WHERE p.pronamespace = 'hersys'::regnamespace AND p.prosecdef AND p.proname <> 'history_prepare'
      AND p.proowner <> 'hersys_definer'::regrole$$, 'the definer owns every security definer function but history_prepare');
SELECT is((SELECT proowner::regrole::text FROM pg_proc WHERE proname = 'history_prepare'), 'hersys_owner',
          'history_prepare belongs to the owner of the tables, who alone may add a partition');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc p
    WHERE p.pronamespace = 'hersys'::regnamespace AND p.prosecdef
      AND NOT coalesce('search_path=hersys, pg_temp' = ANY (p.proconfig), false)$$, 'every security definer function has its search path');
SELECT is_empty($$
    SELECT rolname FROM pg_roles
    WHERE rolname LIKE 'hersys\_%' AND (rolsuper OR rolbypassrls OR rolcanlogin OR rolcreaterole OR rolcreatedb OR rolreplication)$$,
    'no role of the product is a superuser, bypasses row-level security, or logs in');
SELECT is_empty($$
    SELECT c.oid::regclass FROM pg_class c
    WHERE c.relnamespace = 'hersys'::regnamespace AND c.relkind IN ('r', 'p', 'S') AND c.relowner <> 'hersys_owner'::regrole$$,
    'the owner owns every table');
SELECT ok(NOT pg_has_role('hersys_definer', 'hersys_owner', 'MEMBER'), 'the definer is not the owner');
SELECT ok(NOT has_schema_privilege('hersys_definer', 'hersys', 'CREATE'), 'the definer can create nothing in the schema');

-- ------------------------------------------------------------------ roles

SELECT is_empty($$
    SELECT c.oid::regclass, r.role, w.what FROM pg_class c, (VALUES ('hersys_gateway'), ('hersys_portal')) AS r (role),
           unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS w (what)
    WHERE c.relnamespace = 'hersys'::regnamespace AND c.relkind IN ('r', 'p') AND has_any_column_privilege(r.role, c.oid, 'SELECT')
      AND has_table_privilege(r.role, c.oid, w.what) AND c.relname <> 'clock'$$,
    'gateway and portal touch no table, the clock excepted');
SELECT is(t.told('t_gateway', 'SELECT count(*) FROM hersys.patient'), '42501', 'the gateway cannot read patients directly');
SELECT is(t.told('t_gateway', 'SELECT count(*) FROM hersys.outbox'), '42501', 'nor the outbox');
SELECT is(t.told('t_gateway', $$INSERT INTO hersys.phone (number) VALUES ('+817000000001')$$), '42501', 'nor write');
SELECT is(t.told('t_gateway', 'DELETE FROM hersys.audit'), '42501', 'nor take anything out of the audit trail');
SELECT set_eq($$
    SELECT p.proname::text FROM pg_proc p
    WHERE p.pronamespace = 'hersys'::regnamespace AND p.prokind = 'f' AND has_function_privilege('hersys_portal', p.oid, 'EXECUTE')$$,
    ARRAY['clock_now', 'scope_all', 'scope_centre', 'schema_version', 'sms_allowed'], 'what the portal may call');
SELECT set_eq($$
    SELECT p.proname::text FROM pg_proc p
    WHERE p.pronamespace = 'hersys'::regnamespace AND p.prokind = 'f' AND has_function_privilege('hersys_readonly', p.oid, 'EXECUTE')$$,
    ARRAY['clock_now', 'scope_all', 'scope_centre', 'schema_version', 'queue_summary'], 'what the read-only role may call');
SELECT set_eq($$
    SELECT p.proname::text FROM pg_proc p
    WHERE p.pronamespace = 'hersys'::regnamespace AND p.prokind = 'f' AND has_function_privilege('hersys_gateway', p.oid, 'EXECUTE')$$,
    ARRAY['clock_now', 'scope_all', 'scope_centre', 'schema_version', 'sms_allowed', 'queue_summary', 'outbox_claim', 'outbox_finish',
          'outbox_renew', 'outbox_release', 'outbox_reap', 'outbox_retry', 'receipt_store', 'receipt_give_up', 'instance_beat',
          'history_prepare', 'link_send', 'inbound_store', 'inbound_store_raw', 'inbound_code_try', 'remind_due', 'nudge_due', 'calls_due',
          'monitoring_end', 'link_batch', 'batch_release', 'batch_list', 'batch_links',
          'call_admit', 'token_create', 'token_list', 'token_revoke', 'housekeeping', 'v1_patient_create', 'v1_patient_change', 'v1_patient_get',
          'v1_patient_list', 'v1_links_send', 'v1_batch_get', 'v1_batch_release', 'v1_batch_cancel', 'v1_link_get', 'v1_code_request',
          'v1_code_get', 'v1_code_try', 'v1_code_consume', 'v1_reports_list', 'v1_unreported', 'v1_alerts_list', 'v1_alert_seen',
          'v1_alert_close', 'v1_calls_list', 'v1_call_close', 'alerts_escalate', 'alerts_digest', 'patient_story'], 'what the gateway may call');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc p, unnest(ARRAY['hersys_gateway', 'hersys_portal', 'hersys_readonly']) AS r
    WHERE p.pronamespace = 'hersys'::regnamespace AND p.prokind = 'p' AND has_function_privilege(r, p.oid, 'EXECUTE')$$,
    'the procedures of the migrations are the owner''s');
SELECT is(t.told('t_portal', 'SELECT hersys.link_send(1, 1, NULL, ''x'')'), '42501', 'the portal never sends');
SELECT is(t.told('t_portal', 'SELECT hersys.sms_allowed(''+817000000001'')'), 'true', 'the portal can ask whether a number may get an SMS');

-- The gateway's calls work with the rights that it has (0 rows, but no error).
SELECT is(t.told('t_gateway', 'SELECT count(*) FROM hersys.outbox_claim(t.ours(), ''sms'', 10, ''60 s'')'), '42501',
          'the gateway has no right to the schema of these tests');
SELECT is(t.told('t_gateway', 'SELECT count(*) FROM hersys.outbox_claim(gen_random_uuid(), ''sms'', 10, ''60 s'')'), '0', 'the gateway claims');
SELECT is(t.told('t_gateway', 'SELECT count(*) FROM hersys.outbox_finish(''link'', ''{1}'', ''{1}'', ''{accepted}'', ''{x}'', ''{NULL}'')'), '0',
          'finishes');
SELECT is(t.told('t_gateway', 'SELECT count(*) FROM hersys.outbox_renew(gen_random_uuid(), ''{1}'', ''{1}'', ''60 s'')'), '0', 'renews');
SELECT is(t.told('t_gateway', 'SELECT hersys.outbox_release(gen_random_uuid(), ''{1}'', ''{1}'')'), '0', 'releases');
SELECT is(t.told('t_gateway', 'SELECT hersys.outbox_reap()'), '0', 'reaps');
SELECT is(t.told('t_gateway', 'SELECT hersys.receipt_store(''link'', ''{x}'', ''{delivered}'', ''{NULL}'')'), '0', 'stores receipts');
SELECT is(t.told('t_gateway', 'SELECT hersys.receipt_give_up()'), '0', 'gives up waiting for them');
SELECT is(t.told('t_gateway', 'SELECT hersys.outbox_retry(1, ''operator'')'), 'not_found', 'retries');
SELECT is(t.told('t_gateway', 'SELECT hersys.inbound_store_raw(''link'', ''rights'', ''x'', ''y'', ''\x00'') IS NOT NULL'), 'true', 'keeps what is broken');
SELECT ok(t.told('t_gateway', 'SELECT hersys.instance_beat(gen_random_uuid(), ''host'', 1, ''1'')') ~ '^2022-08-01', 'beats');

-- ------------------------------------------------------------------ read-only, the clock, the audit trail

SELECT is(t.told('t_reader', 'SELECT count(*) FROM hersys.patient'), '0', 'the read-only role reads');
SELECT is(t.told('t_reader', $$INSERT INTO hersys.phone (number) VALUES ('+817000000001')$$), '42501', 'the read-only role inserts nothing');
SELECT is(t.told('t_reader', 'UPDATE hersys.centre SET name = name'), '42501', 'changes nothing');
SELECT is(t.told('t_reader', 'DELETE FROM hersys.inbound'), '42501', 'deletes nothing');
SELECT is(t.told('t_reader', 'SELECT password_hash FROM hersys.account'), '42501', 'sees no password hash');
SELECT is(t.told('t_reader', 'SELECT secret_hash FROM hersys.api_token'), '42501', 'nor the hash of a token');
SELECT is(t.told('t_reader', 'SELECT count(email) FROM hersys.account'), '0', 'but the rest of these tables');
SELECT is_empty($$
    SELECT r.rolname, w.what FROM pg_roles r, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS w (what)
    WHERE has_table_privilege(r.oid, 'hersys.clock', w.what) AND NOT r.rolsuper AND r.rolname NOT IN ('hersys_owner', 'pg_write_all_data')$$, 'only the owner writes the clock');
SELECT is_empty($$
    SELECT r.rolname FROM pg_roles r
    WHERE has_function_privilege(r.oid, 'hersys.clock_hold(timestamptz)', 'EXECUTE') AND NOT r.rolsuper AND r.rolname <> 'hersys_owner'$$,
    'and only the owner holds it');

INSERT INTO hersys.audit (actor, action, subject, subject_id) VALUES ('tester', 'retry', 'message', 1);
SELECT throws_ok('UPDATE hersys.audit SET actor = ''other''', '42501', 'the audit trail only grows', 'nobody changes the audit trail');
SELECT throws_ok('DELETE FROM hersys.audit', '42501', 'the audit trail only grows', 'nor shortens it');
SELECT throws_ok('TRUNCATE hersys.audit', '42501', 'the audit trail only grows', 'nor empties it');
SELECT throws_ok('UPDATE hersys.audit SET actor = ''other'' WHERE false', '42501', 'the audit trail only grows', 'nor tries to');

SELECT cmp_ok((SELECT hersys.schema_version()), '>=', 6, 'a session learns the version of the schema');
SELECT finish();
ROLLBACK;
