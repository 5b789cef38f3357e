-- api_calls.sql - who may call: tokens, scopes, centres; and that a request is done once under its idempotency key.
BEGIN;
\ir fixture.psql
\ir api.psql
SELECT plan(59);

SELECT t.centre('東保健所') AS east \gset
SELECT t.centre('西保健所') AS west \gset
SELECT t.patient(:east, '+817000000001') AS alice \gset
SELECT t.patient(:west, '+817000000002') AS bob \gset

-- ------------------------------------------------------------------ tokens

SELECT is(hersys.token_create('aaaaaaaa', t.hash('secret of aaaaaaaa'), :east, 'nurse', '{patients,links,patients}', 90, 'os:root'),
          hersys.clock_now() + interval '90 days', 'a token lives as long as it was made for');
SELECT results_eq('SELECT kid, centre_id, actor, scopes, revoked_at IS NULL, last_used_on FROM hersys.token_list()',
                  format($$VALUES ('aaaaaaaa', %s::bigint, 'nurse', '{links,patients}'::text[], true, NULL::date)$$, :east), 'and stands in the list');
SELECT results_eq('SELECT actor, action, subject, subject_id, centre_id FROM hersys.audit',
                  format($$SELECT 'os:root', 'token_create', 'token', id, %s::bigint FROM hersys.api_token$$, :east), 'and in the audit trail');
CREATE FUNCTION t.token_refused(p_kid text DEFAULT 'bbbbbbbb', p_centre bigint DEFAULT NULL, p_actor text DEFAULT 'doctor',
                                p_scopes text[] DEFAULT '{links}', p_days integer DEFAULT 90) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_detail text;
BEGIN
    PERFORM hersys.token_create(p_kid, t.hash('x'), coalesce(p_centre, (SELECT min(id) FROM hersys.centre)), p_actor, p_scopes, p_days, 'os:root');
    RETURN 'made';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS v_detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', SQLSTATE, v_detail);
END
$$;
SELECT is(t.token_refused(p_centre => 0), 'HS002 ', 'no token for a centre that is none');
SELECT is(t.token_refused(p_days => 0), 'HS010 /days', 'none that is over');
SELECT is(t.token_refused(p_days => 91), 'HS010 /days', 'none for longer than 90 days');
SELECT is(t.token_refused(p_days => NULL), 'HS010 /days', 'nor for ever');
SELECT is(t.token_refused(p_scopes => '{}'), 'HS010 /scopes', 'none for nothing');
SELECT is(t.token_refused(p_scopes => NULL), 'HS010 /scopes', 'nor for what is not said');
SELECT is(t.token_refused(p_scopes => '{links,everything}'), 'HS010 /scopes', 'nor for what there is not');
SELECT is(t.token_refused(p_scopes => '{links,NULL}'), 'HS010 /scopes', 'nor for a hole');
SELECT is(t.token_refused(p_actor => ''), 'HS010 /actor', 'none for nobody');
SELECT is(t.token_refused(p_actor => repeat('a', 97)), 'HS010 /actor', 'none whose actor fits no audit trail');
SELECT is(t.token_refused(p_kid => 'short'), 'HS010 /kid', 'none with a short key id');
SELECT is(t.token_refused(p_kid => 'aaaaaaaa'), 'HS009 /kid', 'none with that of another');
SELECT is(t.token_refused(p_actor => 'nurse', p_kid => 'aaaaaaab'), 'made', 'a second one for rotation');
SELECT is(t.token_refused(p_actor => 'nurse', p_kid => 'aaaaaaac'), 'HS004 ', 'a third is refused');
SELECT is(t.token_refused(p_actor => 'nurse', p_kid => 'aaaaaaac', p_centre => :west), 'made', 'but not at another centre');
SELECT ok(hersys.token_revoke('aaaaaaab', 'os:root'), 'a token is revoked');
SELECT ok(NOT hersys.token_revoke('aaaaaaab', 'os:root'), 'once');
SELECT ok(NOT hersys.token_revoke('zzzzzzzz', 'os:root'), 'and only one that there is');
SELECT is((SELECT count(*) FROM hersys.audit WHERE action = 'token_revoke'), 1::bigint, 'of which the audit trail knows');
SELECT is(t.token_refused(p_actor => 'nurse', p_kid => 'aaaaaaad'), 'made', 'which makes room');
SELECT t.later('90 days') \g /dev/null
SELECT is(t.token_refused(p_actor => 'nurse', p_kid => 'aaaaaaae'), 'made', 'and so do those that have expired');
SELECT t.later('-90 days') \g /dev/null

-- ------------------------------------------------------------------ who may call

SELECT t.token(:east, 'sato') AS sato \gset
SELECT t.token(:east, 'reader', '{reports}') AS reader \gset
SELECT is(t.ask(t.by(:'sato', 'patients'), 'call_admit($1)'), '"sato"', 'whoever has a token is let in by the name of its actor');
SELECT is(t.refusal(t.ask(t.by(:'reader', 'patients'), 'call_admit($1)')), 'HS006 the token has not the scope of this request', 'not for another scope');
SELECT is(t.refusal(t.ask(t.by(:'sato', NULL), 'call_admit($1)')), 'HS006 the token has not the scope of this request', 'nor for none');

SELECT set_eq($$SELECT t.refusal(t.ask(c, call)) FROM (VALUES
    (ROW('nobody00', t.hash('x'), 'patients', NULL, NULL)::hersys.caller),
    (ROW(NULL, NULL, 'patients', NULL, NULL)::hersys.caller),
    (NULL::hersys.caller),
    (ROW((SELECT kid FROM hersys.api_token WHERE actor = 'sato'), t.hash('wrong'), 'patients', NULL, NULL)::hersys.caller),
    (ROW((SELECT kid FROM hersys.api_token WHERE actor = 'sato'), NULL, 'patients', NULL, NULL)::hersys.caller),
    (t.by('aaaaaaab', 'patients'))) AS w (c), (VALUES ('call_admit($1)'), ('v1_patient_list($1, 0, 10)')) AS f (call)$$,
    ARRAY['HS005 the token is not valid'], 'no token, a wrong secret, a revoked one: never told apart');
SELECT t.later('90 days') \g /dev/null
SELECT is(t.refusal(t.ask(t.by(:'sato', 'patients'), 'call_admit($1)')), 'HS005 the token is not valid', 'nor one that has expired');
SELECT t.later('-1 second') \g /dev/null
SELECT is(t.ask(t.by(:'sato', 'patients'), 'call_admit($1)'), '"sato"', 'a second before it was good');
SELECT t.at('2022-08-01 12:00+09') \g /dev/null

-- Every function of the interface: its scope, and what it is called with where its thing is there, for other centres' eyes.
CREATE TABLE t.call (scope text, call text, place serial);
INSERT INTO t.call (scope, call) VALUES
    ('patients', 'v1_patient_create($1, ''{}'')'), ('patients', 'v1_patient_change($1, 1, ''{}'')'), ('patients', 'v1_patient_get($1, 1)'),
    ('patients', 'v1_patient_list($1, 0, 10)'), ('links', 'v1_links_send($1, ''{1}'', ''sms'', 1, t.salts(1))'), ('links', 'v1_batch_get($1, 1)'),
    ('links', 'v1_batch_cancel($1, 1)'), ('release', 'v1_batch_release($1, 1)'), ('links', 'v1_link_get($1, 1)'),
    ('codes', 'v1_code_request($1, ''email'', ''a@example.jp'', NULL, 6, 1, NULL, NULL, NULL)'), ('codes', 'v1_code_get($1, 1)'),
    ('codes', 'v1_code_try($1, 1)'), ('codes', 'v1_code_consume($1, 1)'), ('reports', 'v1_reports_list($1, NULL, NULL, 10)'),
    ('reports', 'v1_unreported($1, NULL, NULL, NULL, 10)'), ('alerts', 'v1_alerts_list($1, ''open'', 0, 10)'),
    ('alerts', 'v1_alert_seen($1, 1)'), ('alerts', 'v1_alert_close($1, 1)'),
    ('alerts', 'v1_calls_list($1, NULL, 10)'), ('alerts', 'v1_call_close($1, 1)');
GRANT USAGE ON SCHEMA t TO t_gateway;
SELECT set_eq($$SELECT proname::text FROM pg_proc WHERE pronamespace = 'hersys'::regnamespace AND proname LIKE 'v1\_%'$$,
              $$SELECT substring(call FROM '^\w+') FROM t.call$$, 'each function of the interface is tried here');
SELECT is_empty($$
    SELECT c.call, s.scope FROM t.call c, unnest(ARRAY['patients', 'links', 'codes', 'reports', 'alerts', 'release']) AS s (scope)
    WHERE s.scope <> c.scope AND t.ask(t.by(t.token((SELECT min(id) FROM hersys.centre), format('only %s %s', s.scope, c.place), ARRAY[s.scope]), c.scope),
                                       c.call) ->> 'error' IS DISTINCT FROM 'HS006'$$, 'none is done for a token without its scope');
SELECT is_empty($$
    SELECT c.call, s.scope FROM t.call c, unnest(ARRAY['patients', 'links', 'codes', 'reports', 'alerts', 'release', NULL]) AS s (scope)
    WHERE s.scope IS DISTINCT FROM c.scope
      AND t.ask(t.by(t.token((SELECT min(id) FROM hersys.centre), format('by %s %s', s.scope, c.place), ARRAY[c.scope]), s.scope),
                c.call) ->> 'error' IS DISTINCT FROM 'HS006'$$, 'nor by a route that asks for another, or for none');
SELECT is_empty($$
    SELECT c.call, s.scope FROM t.call c, unnest(ARRAY['patients', 'links', 'codes', 'reports', 'alerts', 'release']) AS s (scope)
    WHERE s.scope <> c.scope
      AND t.ask(t.by(t.token((SELECT min(id) FROM hersys.centre), format('slip %s %s', s.scope, c.place), ARRAY[s.scope]), s.scope),
                c.call) ->> 'error' IS DISTINCT FROM 'HS006'$$, 'nor where the route asks for the wrong one and the token has it');
SELECT is_empty($$
    SELECT c.call FROM t.call c WHERE t.ask(t.by('nobody00', c.scope), c.call) ->> 'error' IS DISTINCT FROM 'HS005'$$, 'nor for who has no token');

-- ------------------------------------------------------------------ the centre of a call

SELECT is(t.ask(t.by(:'sato', 'patients'), format('v1_patient_get($1, %s)', :alice)) ->> 'status', '200', 'a token sees the patients of its centre');
SELECT is(t.refusal(t.ask(t.by(:'sato', 'patients'), format('v1_patient_get($1, %s)', :bob))), 'HS002 there is no patient N', 'and no other''s');
SELECT is(t.told('t_gateway', format('SELECT status FROM hersys.v1_patient_get(ROW(%L, %L, ''patients'', NULL, NULL)::hersys.caller, %s)',
                                     :'sato', t.hash('secret of ' || :'sato'), :alice), :'west'), 'HS005',
          'a session that is bound to one centre knows no token of another');
SELECT is(current_setting('hersys.centre', true), '', 'no centre is set before a call');
SELECT status FROM hersys.v1_patient_get(t.by(:'sato', 'patients'), :alice) \g /dev/null
SELECT is(current_setting('hersys.centre', true), :'east', 'after it the transaction is bound to the token''s centre');
SELECT set_config('hersys.centre', '', true) \g /dev/null
SELECT is((SELECT last_used_on FROM hersys.token_list() WHERE kid = :'sato'), '2022-08-01'::date, 'a token''s last day of use is noted');

-- ------------------------------------------------------------------ idempotency

CREATE FUNCTION t.born(p_key text, p_input_id text, p_kid text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT t.ask(t.by(p_kid, 'patients', p_key, p_input_id), 'v1_patient_create($1, $2)', jsonb_build_object(
        'input_id', p_input_id, 'family_name', '試験', 'given_name', '例', 'date_of_birth', '1980-01-01'))
$$;
SELECT t.born('k1', '1000001', :'sato') AS first \gset
SELECT is(:'first'::jsonb ->> 'status', '201', 'a request with a key is done');
SELECT is(t.born('k1', '1000001', :'sato'), :'first'::jsonb, 'the same again gets the same answer');
SELECT is((SELECT count(*) FROM hersys.patient WHERE input_id = '1000001'), 1::bigint, 'and does nothing');
SELECT is((SELECT count(*) FROM hersys.audit WHERE action = 'patient_create'), 1::bigint, 'at all');
SELECT is(t.refusal(t.born('k1', '1000002', :'sato')), 'HS008 the idempotency key was used for another request', 'another body under the key is refused');
SELECT is(t.refusal(t.ask(t.by(:'sato', 'links', 'k1', '1000001'), 'v1_batch_cancel($1, 1)')), 'HS008 the idempotency key was used for another request',
          'and so is another act with the same body');
SELECT t.token(:east, 'suzuki') AS suzuki \gset
SELECT is(t.born('k1', '1000003', :'suzuki') ->> 'status', '201', 'another token has keys of its own');
SELECT is(t.refusal(t.born('k2', '1000001', :'sato')), 'HS009 the input ID is that of patient N /input_id', 'a refusal');
SELECT is(t.born('k2', '1000004', :'sato') ->> 'status', '201', 'leaves its key free');
SELECT t.later('24 hours') \g /dev/null
SELECT is(t.born('k1', '1000005', :'sato') ->> 'status', '201', 'after a day a key is free again');
SELECT is(t.born('k1', '1000005', :'sato') ->> 'input_id', '1000005', 'and keeps the new answer');
SELECT is(t.refusal(t.ask(t.by(:'sato', 'patients', ''), 'v1_patient_create($1, ''{}'')')), 'HS010 an idempotency key has N to N characters', 'an empty key is none');
SELECT is(t.ask(ROW(:'sato', t.hash('secret of ' || :'sato'), 'patients', 'k9', NULL)::hersys.caller, 'v1_patient_create($1, ''{}'')') ->> 'error', 'HS001',
          'a key without the hash of its request is the daemon''s slip');
SELECT hersys.token_revoke(:'sato', 'os:root') \g /dev/null
SELECT is(t.refusal(t.born('k1', '1000005', :'sato')), 'HS005 the token is not valid', 'a revoked token learns nothing by repeating itself');

-- ------------------------------------------------------------------ housekeeping

SELECT is((SELECT count(*) FROM hersys.api_reply), 3::bigint, 'three answers are kept');
SELECT is(hersys.housekeeping(1), 1, 'as many are cleared away as was said');
SELECT is(hersys.housekeeping(), 1, 'and then the rest that is a day old');
SELECT is((SELECT string_agg(kid || ' ' || key, ',') FROM hersys.api_reply), :'sato' || ' k1', 'not what is younger');
SELECT finish();
ROLLBACK;
