-- api_reports.sql - reports read out by cursor, and who has not reported.
BEGIN;
\ir fixture.psql
\ir api.psql
SELECT plan(52);

SELECT t.centre('東保健所') AS east \gset
SELECT t.centre('西保健所') AS west \gset
SELECT t.token(:east, 'sato') AS sato \gset
SELECT t.token(:west, 'tanaka') AS tanaka \gset
SELECT t.patient(:east, '+817000000001') AS alice \gset
SELECT t.patient(:east, '+817000000002', p_confirmed => false) AS bob \gset
SELECT t.patient(:west, '+817000000003') AS carol \gset

-- The transaction of a test never ends: what it wrote is told to have been written by an older one.
CREATE FUNCTION t.reported(p_patient bigint, p_xact text DEFAULT '3', p_at timestamptz DEFAULT hersys.clock_now(), p_superseded_by bigint DEFAULT NULL)
RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO hersys.status_report (patient_id, centre_id, source, reported_at, temperature_c, spo2, symptoms, xact, superseded_by)
    SELECT id, centre_id, 'staff', p_at, 36.90, 97, false, p_xact::xid8, p_superseded_by FROM hersys.patient WHERE id = p_patient RETURNING id
$$;
CREATE FUNCTION t.reports(p_kid text, p_after text DEFAULT NULL, p_limit integer DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
    SELECT t.ask(t.by(p_kid, 'reports'), format('v1_reports_list($1, %L, %L, %L)', split_part(p_after, '-', 1), split_part(p_after, '-', 2), p_limit))
$$;
CREATE FUNCTION t.ids(p_answer jsonb) RETURNS bigint[] LANGUAGE sql AS $$
    SELECT coalesce(array_agg((r ->> 'id')::bigint ORDER BY place), '{}') FROM jsonb_array_elements(p_answer -> coalesce(CASE WHEN p_answer ? 'reports' THEN 'reports' END, 'patients')) WITH ORDINALITY AS g (r, place)
$$;

-- ------------------------------------------------------------------ by cursor

SELECT is(t.reports(:'sato'), '{"status": 200, "reports": [], "next": "0-0", "more": false}', 'where there are none the cursor stands at the beginning');
SELECT t.reported(:alice, '4') AS r1 \gset
SELECT t.reported(:bob, '3') AS r2 \gset
SELECT t.reported(:alice, '4') AS r3 \gset
SELECT t.reported(:carol, '3') AS r4 \gset
SELECT is(t.reports(:'sato') -> 'reports' -> 0, jsonb_build_object('id', :r2, 'patient', :bob, 'reported_at', '2022-08-01T03:00:00.000Z', 'source', 'staff', 'temperature_c', 36.9,
    'spo2', 97, 'symptoms', false, 'red_flag', false, 'needs_review', false, 'unconfirmed', false, 'superseded_by', NULL, 'withdrawn_at', NULL, 'alert', NULL), 'a report is given, every item');
SELECT is(t.reports(:'sato') #>> '{reports,0,temperature_c}', '36.9', 'a temperature as it was written');
SELECT is(t.ids(t.reports(:'sato')), ARRAY[:r2, :r1, :r3]::bigint[], 'reports come in the order of transactions, then of ids');
SELECT is(t.ids(t.reports(:'tanaka')), ARRAY[:r4]::bigint[], 'to each centre its own');
SELECT is(t.reports(:'sato', NULL, 2) ->> 'next', format('4-%s', :r1), 'a page ends with its last report');
SELECT is(t.reports(:'sato', NULL, 2) ->> 'more', 'true', 'and says whether there are more');
SELECT is(t.ids(t.reports(:'sato', format('4-%s', :r1), 2)), ARRAY[:r3]::bigint[], 'the next begins there');
SELECT is(t.reports(:'sato', format('4-%s', :r1), 1) ->> 'more', 'false', 'and is the last, though it is full');
SELECT is(t.reports(:'sato', format('4-%s', :r3)), jsonb_build_object('status', 200, 'reports', '[]'::jsonb, 'next', format('4-%s', :r3), 'more', false), 'after all of them the cursor stays');
SELECT t.reported(:alice, pg_current_xact_id()::text) AS r5 \gset
SELECT is(t.ids(t.reports(:'sato', format('4-%s', :r3))), '{}'::bigint[], 'what is being written is not given yet');
UPDATE hersys.status_report SET superseded_by = :r5 WHERE id = :r2;
SELECT is((SELECT xact FROM hersys.status_report WHERE id = :r2), pg_current_xact_id(), 'a report that is changed comes again');
UPDATE hersys.status_report SET spo2 = spo2;
SELECT is((SELECT array_agg(xact::text ORDER BY id) FROM hersys.status_report WHERE id <= :r3), ARRAY['4', pg_current_xact_id()::text, '4'], 'one that is not does not');
SELECT is(t.refusal(t.reports(:'sato', c)), 'HS010 this is no cursor /after', format('%s is no cursor', c)) FROM unnest(ARRAY['x-1', '-1-1', '99999999999999999999-1', '1.5-1', '-1']) AS c;
SELECT is((SELECT count(*) FROM hersys.audit WHERE action = 'reports_list' AND actor = 'api:sato'), 7::bigint, 'who was given reports is in the audit trail');

-- ------------------------------------------------------------------ who has not reported

CREATE FUNCTION t.unreported(p_kid text, p_slot bigint DEFAULT NULL, p_day date DEFAULT NULL, p_after bigint DEFAULT NULL, p_limit integer DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
    SELECT t.ask(t.by(p_kid, 'reports'), format('v1_unreported($1, %L, %L, %L, %L)', p_slot, p_day, p_after, p_limit))
$$;
SELECT is(t.refusal(t.unreported(:'sato')), 'HS004 the centre has no slots', 'without slots nobody is late');
DELETE FROM hersys.status_report WHERE superseded_by IS NOT NULL;
DELETE FROM hersys.status_report;
SELECT t.slot(:east, '07:00', '08:30') AS morning \gset
SELECT t.slot(:east, '15:00', '16:00') AS evening \gset
SELECT t.slot(:west, '15:00', '24:00') AS theirs \gset
SELECT is(t.unreported(:'sato') -> 'slot', jsonb_build_object('id', :evening, 'remind_at', '15:00', 'due_at', '16:00', 'day', '2022-08-01',
    'since', '2022-07-31T23:30:00.000Z', 'until', '2022-08-01T07:00:00.000Z'), 'asked without a slot, it is the one whose window it is');
SELECT is(t.unreported(:'sato') -> 'patients' -> 0, jsonb_build_object('id', :alice, 'input_id', (SELECT input_id FROM hersys.patient WHERE id = :alice),
    'phone_confirmed', true, 'last_report_at', NULL, 'reminded_at', NULL, 'reminder_state', NULL), 'a patient who has not reported, every item');
SELECT is(t.ids(t.unreported(:'sato')), ARRAY[:alice, :bob]::bigint[], 'all of them, confirmed or not');
SELECT is(t.unreported(:'sato') #>> '{patients,1,phone_confirmed}', 'false', 'which is told');
SELECT is(t.ids(t.unreported(:'tanaka')), ARRAY[:carol]::bigint[], 'to each centre its own');
SELECT t.reported(:alice, '3', '2022-08-01 08:30+09') AS late \gset
SELECT is(t.ids(t.unreported(:'sato')), ARRAY[:alice, :bob]::bigint[], 'a report at the end of the window before');
SELECT is(t.ids(t.unreported(:'sato', :morning)), ARRAY[:bob]::bigint[], 'counts for that one');
SELECT is(t.unreported(:'sato') #>> '{patients,0,last_report_at}', '2022-07-31T23:30:00.000Z', 'and is the last');
SELECT t.reported(:alice, '3', '2022-08-01 11:00+09') AS good \gset
SELECT is(t.ids(t.unreported(:'sato')), ARRAY[:bob]::bigint[], 'who has reported is not in the list');
SELECT is(t.ids(t.unreported(:'sato', :evening, '2022-07-31')), ARRAY[:alice, :bob]::bigint[], 'nor is a report of today one of yesterday');
SELECT t.reported(:alice, '3', '2022-08-01 10:00+09') AS newest \gset
DELETE FROM hersys.status_report WHERE id = :good;
UPDATE hersys.status_report SET withdrawn_at = hersys.clock_now() WHERE id = :newest;
SELECT is(t.ids(t.unreported(:'sato')), ARRAY[:alice, :bob]::bigint[], 'a report that was taken back is none');
SELECT is(t.refusal(t.unreported(:'sato', :theirs)), 'HS002 there is no slot N', 'another centre''s slot is not there');
SELECT is(t.refusal(t.unreported(:'sato', NULL, '2022-08-01')), 'HS010 a day is asked for together with its slot /slot', 'a day is that of a slot');
SELECT is(t.refusal(t.unreported(:'sato', :morning, d)), 'HS010 the day is too far away /day', 'and not far away') FROM unnest(ARRAY['infinity', '1990-01-01']::date[]) AS d;

-- Who is monitored on the day.
SELECT t.patient(:east, NULL, p_until => '2022-07-31') AS over \gset
SELECT t.patient(:east, NULL, p_from => '2022-08-02') AS later \gset
SELECT t.patient(:east, NULL, p_from => '2022-08-01', p_until => '2022-08-01') AS today \gset
SELECT is(t.ids(t.unreported(:'sato')), ARRAY[:alice, :bob, :today]::bigint[], 'only who is monitored on the day, with or without a telephone');
SELECT is(t.ids(t.unreported(:'sato', :evening, '2022-07-31')), ARRAY[:alice, :bob, :over]::bigint[], 'yesterday it was others');
UPDATE hersys.patient SET ended_at = hersys.clock_now() WHERE id = :today;
SELECT is(t.ids(t.unreported(:'sato')), ARRAY[:alice, :bob]::bigint[], 'and not whose monitoring was ended');
SELECT is(t.unreported(:'sato', NULL, NULL, NULL, 1) - 'slot' - 'patients', jsonb_build_object('status', 200, 'next', :alice), 'a page has a next');
SELECT is(t.unreported(:'sato', NULL, NULL, :alice, 1) -> 'next', 'null', 'and the last has none');
SELECT is(t.ids(t.unreported(:'sato', NULL, NULL, :alice)), ARRAY[:bob]::bigint[], 'each patient once');

-- The window of now, at its edges.
SELECT t.at('2022-08-01 08:30+09') \g /dev/null
SELECT is((t.unreported(:'sato') #>> '{slot,id}')::bigint, :morning::bigint, 'at the time at which it is due it is that slot''s window');
SELECT t.at('2022-08-01 08:30:01+09') \g /dev/null
SELECT is((t.unreported(:'sato') #>> '{slot,id}')::bigint, :evening::bigint, 'a second later it is the next slot''s');
SELECT t.at('2022-08-01 16:00:01+09') \g /dev/null
SELECT is(t.unreported(:'sato') -> 'slot' @> jsonb_build_object('id', :morning, 'day', '2022-08-02'), true, 'after the last it is that of tomorrow''s first');
SELECT t.at('2022-08-02 00:00+09') \g /dev/null
SELECT is(t.unreported(:'tanaka') -> 'slot' @> jsonb_build_object('id', :theirs, 'day', '2022-08-01', 'due_at', '24:00'), true, 'midnight is the end of a day, where it is a slot''s');

-- How far the reminder came.
SELECT t.at('2022-08-02 07:00+09') \g /dev/null
SELECT t.remind() \g /dev/null
SELECT is(t.unreported(:'sato') #>> '{patients,0,reminder_state}', 'queued', 'a reminder that waits');
SELECT is(t.unreported(:'sato') #> '{patients,0,reminded_at}', 'null', 'has reminded nobody');
SELECT t.finish(m, 'accepted', 'out-' || m) FROM unnest(t.claim()) AS m \g /dev/null
SELECT is(t.unreported(:'sato') -> 'patients' -> 0 @> '{"reminder_state": "sent", "reminded_at": "2022-08-01T22:00:00.000Z"}', true, 'one that went out has, at that time');
SELECT t.later('5 minutes') \g /dev/null
SELECT t.receipt('out-' || (SELECT message_id FROM hersys.reminder WHERE patient_id = :alice), 'undelivered') \g /dev/null
SELECT is(t.unreported(:'sato') #>> '{patients,0,reminder_state}', 'undelivered', 'and what the carrier says of it is told');
SELECT is((SELECT count(*) > 0 FROM hersys.audit WHERE action = 'unreported_list' AND actor = 'api:sato' AND subject = 'slot' AND subject_id = :morning), true, 'who looked is in the audit trail');
-- What a page costs, also with the plan that a session keeps.
SET LOCAL plan_cache_mode = force_generic_plan;
SELECT t.reported(:alice, '3') FROM generate_series(1, 500) \g /dev/null
SELECT max(id) AS late FROM hersys.status_report \gset
CREATE FUNCTION t.cost(p_kid text, p_after text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_before bigint;
BEGIN
    FOR i IN 1..8 LOOP
        v_before := t.rows_read('hersys.status_report');
        PERFORM t.reports(p_kid, p_after, 5);
    END LOOP;
    RETURN t.rows_read('hersys.status_report') - v_before;
END
$$;
SELECT cmp_ok(t.cost(:'sato', format('3-%s', :late)), '<=', 6::bigint, 'a page reads the reports that it gives, not those before the cursor');
SELECT cmp_ok(t.cost(:'sato', '2-0'), '<=', 6::bigint, 'nor those behind it');
SELECT finish();
ROLLBACK;
