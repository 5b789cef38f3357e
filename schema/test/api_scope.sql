-- api_scope.sql - a token of one centre, and what is another's: neither seen nor changed by any function of the interface.
BEGIN;
\ir fixture.psql
\ir api.psql
SELECT plan(6);

SELECT t.centre('東保健所') AS east \gset
SELECT t.centre('西保健所') AS west \gset
SELECT t.token(:east, 'sato') AS sato \gset
SELECT t.token(:west, 'tanaka') AS tanaka \gset
SELECT t.token(:west, 'yamada') AS yamada \gset
GRANT USAGE ON SCHEMA t TO t_gateway;

-- One of everything at the western centre.
INSERT INTO hersys.patient (centre_id, input_id, family_name, given_name, date_of_birth, phone, email, monitoring_from, monitoring_until)
VALUES (:west, '87654321', '西見本', '花子', '1985-05-05', '+817000009999', 'west@example.org', '2022-07-28', '2022-08-10') RETURNING id AS patient \gset
SELECT t.slot(:west, '15:00', '16:00') AS slot \gset
SELECT link_id AS link FROM t.link_send(:patient) \gset
UPDATE hersys.centre SET daily_cap = 1 WHERE id = :west;
SELECT t.ask(t.by(:'tanaka', 'links'), format('v1_links_send($1, ''{%s}'', ''sms'', 1, t.salts(1))', :patient)) ->> 'id' AS batch \gset
SELECT t.ask(t.by(:'tanaka', 'codes'), 'v1_code_request($1, ''email'', ''west@example.org'', NULL, 6, 1, t.salt(), t.hash(''x''), NULL)') ->> 'id' AS code \gset
INSERT INTO hersys.status_report (patient_id, centre_id, source, reported_at, temperature_c, symptoms, xact)
VALUES (:patient, :west, 'staff', hersys.clock_now(), 41.3, true, '3') RETURNING id AS report \gset
INSERT INTO hersys.alert (centre_id, patient_id, report_id, level, reasons) VALUES (:west, :patient, :report, 'watch', '{temperature_high}')
RETURNING id AS alert \gset
INSERT INTO hersys.call_task (centre_id, patient_id, reason) VALUES (:west, :patient, 'silent') RETURNING id AS task \gset

-- Everything that is a centre's, in one line.
CREATE FUNCTION t.everything(p_centre bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_table regclass;
    v_rows text;
    v_all text := '';
BEGIN
    FOR v_table IN
        SELECT c.oid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'hersys'::regnamespace AND c.relrowsecurity AND a.attname = CASE c.relname WHEN 'centre' THEN 'id' ELSE 'centre_id' END ORDER BY c.relname
    LOOP
        EXECUTE format('SELECT string_agg(x::text, '' '' ORDER BY x::text) FROM %s x WHERE %I = $1', v_table,
                       CASE v_table::text WHEN 'centre' THEN 'id' WHEN 'hersys.centre' THEN 'id' ELSE 'centre_id' END) INTO v_rows USING p_centre;
        v_all := concat_ws(E'\n', v_all, v_table::text || ': ' || coalesce(v_rows, ''));
    END LOOP;
    RETURN v_all;
END
$$;

-- Each function with the western centre's ids.
CREATE TABLE t.call AS
SELECT scope, replace(replace(replace(replace(replace(replace(replace(call, ':task', :'task'), ':alert', :'alert'), ':patient', :'patient'), ':link', :'link'), ':batch', :'batch'), ':code', :'code'), ':slot', :'slot') AS call, wanted
FROM (VALUES
    ('patients', 'v1_patient_create($1, ''{"input_id": "87654321", "family_name": "試験", "given_name": "例", "date_of_birth": "1980-01-01"}'')', 'HS009'),
    ('patients', 'v1_patient_change($1, :patient, ''{"given_name": "別"}'')', 'HS002'),
    ('patients', 'v1_patient_change($1, :patient, ''{"ended": true}'')', 'HS002'),
    ('patients', 'v1_patient_get($1, :patient)', 'HS002'),
    ('patients', 'v1_patient_list($1, NULL, NULL)', NULL),
    ('links', 'v1_links_send($1, ''{:patient}'', ''sms'', 1, t.salts(1))', NULL),
    ('links', 'v1_links_send($1, ''{:patient}'', ''email'', 1, t.salts(1))', NULL),
    ('links', 'v1_batch_get($1, :batch)', 'HS002'),
    ('links', 'v1_batch_cancel($1, :batch)', 'HS002'),
    ('release', 'v1_batch_release($1, :batch)', 'HS002'),
    ('links', 'v1_link_get($1, :link)', 'HS002'),
    ('codes', 'v1_code_get($1, :code)', 'HS002'),
    ('codes', 'v1_code_try($1, :code)', 'HS002'),
    ('codes', 'v1_code_consume($1, :code)', 'HS002'),
    ('codes', 'v1_code_request($1, ''email'', ''west@example.org'', NULL, 6, 1, t.salt(), t.hash(''y''), NULL)', NULL),
    ('alerts', 'v1_alerts_list($1, ''all'', NULL, NULL)', NULL),
    ('alerts', 'v1_alerts_list($1, ''open'', :alert, NULL)', 'HS010'),
    ('alerts', 'v1_alert_seen($1, :alert)', 'HS002'),
    ('alerts', 'v1_alert_close($1, :alert)', 'HS002'),
    ('reports', 'v1_reports_list($1, NULL, NULL, NULL)', NULL),
    ('reports', 'v1_unreported($1, :slot, NULL, NULL, NULL)', 'HS002'),
    ('reports', 'v1_unreported($1, :slot, ''2022-08-01'', NULL, NULL)', 'HS002'),
    ('reports', 'v1_unreported($1, NULL, NULL, NULL, NULL)', 'HS004'),
    ('alerts', 'v1_calls_list($1, NULL, NULL)', NULL),
    ('alerts', 'v1_calls_list($1, :patient, NULL)', 'HS010'),
    ('alerts', 'v1_call_close($1, :task)', 'HS002')) AS w (scope, call, wanted);
SELECT set_eq($$SELECT proname::text FROM pg_proc WHERE pronamespace = 'hersys'::regnamespace AND proname LIKE 'v1\_%'$$,
              $$SELECT substring(call FROM '^\w+') FROM t.call$$, 'each function of the interface is tried here');

SELECT t.everything(:west) AS before \gset
CREATE TABLE t.answer AS SELECT c.*, t.ask(t.by(:'sato', c.scope), c.call) AS answer FROM t.call c;
SELECT is_empty('SELECT call, answer FROM t.answer WHERE answer ->> ''error'' IS DISTINCT FROM wanted', 'what is another centre''s is not there, as what is nobody''s');
SELECT is_empty($$SELECT call, answer FROM t.answer
                  WHERE answer::text ~ '西|87654321|9999|花子|41\.3' OR (answer::text ~ 'west' AND call NOT LIKE 'v1_code_request%')$$, 'no answer says anything of it');
SELECT is(t.everything(:west), :'before', 'nothing of it has changed');
SELECT matches(:'before'::text, 'patient: .*西見本.*send_batch: .*held.*status_report: .*41\.3', 'though there is much of it');

-- The same, done by whom it belongs to, works: the ids are real.
SELECT is_empty($$SELECT c.call FROM t.call c WHERE c.wanted = 'HS002'
                  AND t.ask(t.by((SELECT kid FROM hersys.token_list() WHERE actor = 'yamada'), c.scope), c.call) ? 'error'
                  AND c.call !~ 'release|consume'$$, 'all of it is there for its own centre');
SELECT finish();
ROLLBACK;
