-- calls.sql - the call list as health centres read it.
BEGIN;
\ir fixture.psql
\ir ladder.psql
\ir api.psql
GRANT USAGE ON SCHEMA t TO t_gateway;
SELECT plan(26);

SELECT t.centre('東保健所') AS east, t.centre('西保健所') AS west \gset
SELECT t.token(:east, 'sato') AS sato, t.token(:east, 'reader', '{reports}') AS reader \gset
CREATE FUNCTION t.calls(p_kid text, p_after bigint DEFAULT NULL, p_limit integer DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
    SELECT t.ask(t.by(p_kid, 'alerts'), format('v1_calls_list($1, %L, %L)', p_after, p_limit))
$$;
CREATE FUNCTION t.close(p_kid text, p_id bigint, p_key text DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
    SELECT t.ask(t.by(p_kid, 'alerts', p_key), format('v1_call_close($1, %s)', p_id))
$$;
-- A patient on the list, with the last SpO2.
CREATE FUNCTION t.on_list(p_born date, p_spo2 integer, p_at timestamptz DEFAULT '2022-08-01 11:00+09', p_centre bigint DEFAULT NULL) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_id bigint := t.patient(coalesce(p_centre, (SELECT min(id) FROM hersys.centre)), '+8170000' || lpad(nextval('t.counter')::text, 5, '0'));
BEGIN
    UPDATE hersys.patient SET date_of_birth = p_born WHERE id = v_id;
    PERFORM t.reports_at(v_id, p_at, p_spo2);
    PERFORM hersys.call_add((SELECT centre_id FROM hersys.patient WHERE id = v_id), v_id, 'silent');
    RETURN v_id;
END
$$;
CREATE FUNCTION t.order_of(p_answer jsonb) RETURNS bigint[] LANGUAGE sql AS $$
    SELECT array_agg((c ->> 'patient')::bigint ORDER BY n) FROM jsonb_array_elements(p_answer -> 'calls') WITH ORDINALITY AS e (c, n)
$$;

SELECT is(t.calls(:'sato'), '{"status": 200, "calls": [], "next": null}', 'nobody is to be called');
SELECT t.on_list('1950-01-01', 96) AS aged, t.on_list('1990-01-01', 95) AS low, t.on_list('1930-01-01', 97) AS eldest, t.on_list('2000-01-01', 90) AS lowest,
       t.on_list('1920-01-01', 85, '2022-07-29 12:00+09') AS long_ago, t.on_list('1990-01-01', 95) AS low_too, t.on_list('1940-01-01', NULL) AS none,
       t.on_list('1900-01-01', 80, p_centre => :west) AS elsewhere, t.on_list('1960-01-01', 80) AS corrected, t.on_list('1961-01-01', 80) AS taken_back,
       t.on_list('1962-01-01', 90) AS better \gset
UPDATE hersys.status_report SET superseded_by = t.reports_at(:corrected, '2022-08-01 10:00+09', 98) WHERE patient_id = :corrected AND spo2 = 80;
UPDATE hersys.status_report SET withdrawn_at = hersys.clock_now() WHERE patient_id = :taken_back;
SELECT t.reports_at(:better, '2022-08-01 11:30+09', 97), t.reports_at(:better, '2022-08-01 11:40+09', NULL) \g /dev/null
SELECT is(t.order_of(t.calls(:'sato')), ARRAY[:lowest, :low, :low_too, :long_ago, :eldest, :none, :aged, :corrected, :taken_back, :better]::bigint[],
          'those whose last SpO2 is low first, the lowest at the top; then the oldest');
SELECT t.later('1 s') \g /dev/null
SELECT hersys.call_add(:east, :low, 'no_sms') \g /dev/null
SELECT is((t.calls(:'sato') -> 'calls' -> 1) - 'reasons', jsonb_build_object('patient', :low, 'last_report_at', '2022-08-01T02:00:00.000Z', 'phone_confirmed', true),
          'a patient stands there once');
SELECT results_eq(format($$SELECT r ->> 'reason', r ->> 'raised_at' FROM jsonb_array_elements(t.calls('%s') -> 'calls' -> 1 -> 'reasons') AS r$$, :'sato'),
                  $$VALUES ('silent', '2022-08-01T03:00:00.000Z'), ('no_sms', '2022-08-01T03:00:01.000Z')$$, 'with all reasons');
SELECT is(t.calls(:'sato') -> 'calls' -> 8 ->> 'last_report_at', NULL, 'a report that was taken back is none');
SELECT is(t.refusal(t.calls(:'reader')), 'HS006 the token has not the scope of this request', 'it wants its scope');
SELECT is((SELECT count(*) FROM hersys.audit WHERE action = 'calls_list' AND actor = 'api:sato'), 5::bigint, 'every look is in the audit trail');

-- Pages.
SELECT is(t.order_of(t.calls(:'sato', NULL, 3)), ARRAY[:lowest, :low, :low_too]::bigint[], 'a page');
SELECT is((t.calls(:'sato', NULL, 3) ->> 'next')::bigint, :low_too::bigint, 'ends with whom the next begins after');
SELECT is(t.order_of(t.calls(:'sato', :low_too, 3)), ARRAY[:long_ago, :eldest, :none]::bigint[], 'the next one');
SELECT is(t.order_of(t.calls(:'sato', :none, 4)), ARRAY[:aged, :corrected, :taken_back, :better]::bigint[], 'the last one');
SELECT is(t.calls(:'sato', :none, 4) ->> 'next', NULL, 'has none after it');
SELECT hersys.call_end(:low_too, '{silent}', 'report') \g /dev/null
SELECT is(t.order_of(t.calls(:'sato', :low_too, 3)), ARRAY[:long_ago, :eldest, :none]::bigint[], 'who is off the list meanwhile still has a place');
SELECT is(t.refusal(t.calls(:'sato', :elsewhere)), 'HS010 this is no cursor /after', 'another centre''s patient is none');
SELECT is(t.refusal(t.calls(:'sato', 4711)), 'HS010 this is no cursor /after', 'nor is nobody');

-- Closing.
SELECT min(id) AS task FROM hersys.call_task WHERE patient_id = :low \gset
SELECT t.later('1 min') \g /dev/null
SELECT is(t.close(:'sato', :task, 'key'), jsonb_build_object('status', 200, 'id', :task, 'patient', :low, 'reason', 'silent', 'raised_at', '2022-08-01T03:00:00.000Z',
          'closed_at', '2022-08-01T03:01:01.000Z', 'closed_by', 'api:sato'), 'a task is closed by whoever called');
SELECT t.later('1 min') \g /dev/null
SELECT is(t.close(:'sato', :task, 'key') ->> 'closed_at', '2022-08-01T03:01:01.000Z', 'the same request gets the same answer');
SELECT is(t.close(t.token(:east, 'suzuki'), :task) ->> 'closed_by', 'api:sato', 'another changes nothing');
SELECT is((SELECT count(*) FROM hersys.audit WHERE action = 'call_close' AND subject = 'call' AND subject_id = :task), 1::bigint, 'it is in the audit trail once');
SELECT is(jsonb_array_length(t.calls(:'sato') -> 'calls' -> 1 -> 'reasons'), 1, 'the other reason stays');
SELECT is(t.refusal(t.close(:'sato', (SELECT id FROM hersys.call_task WHERE patient_id = :elsewhere))), 'HS002 there is no call N', 'another centre''s is not there');
SELECT is(t.refusal(t.close(:'sato', 4711)), 'HS002 there is no call N', 'as one that is nobody''s');
SELECT is((SELECT count(*) FROM hersys.call_task WHERE patient_id = :elsewhere AND closed_at IS NULL), 1::bigint, 'and stays open');

-- Once for each reason.
SELECT hersys.call_add(:east, :none, 'silent'), hersys.call_add(:east, :none, 'stopped') \g /dev/null
SELECT is((SELECT count(*) FROM hersys.call_task WHERE patient_id = :none), 2::bigint, 'a patient is on the list once for each reason');
SELECT hersys.call_end(:none, '{silent,no_sms}', 'report') \g /dev/null
SELECT results_eq(format('SELECT reason, closed_by FROM hersys.call_task WHERE patient_id = %s ORDER BY id', :none), $$VALUES ('silent', 'report'), ('stopped', NULL)$$,
                  'and off it for those that are over');
SELECT hersys.call_add(:east, :none, 'silent') \g /dev/null
SELECT is((SELECT count(*) FROM hersys.call_task WHERE patient_id = :none AND closed_at IS NULL), 2::bigint, 'and on it again');
SELECT finish();
ROLLBACK;
