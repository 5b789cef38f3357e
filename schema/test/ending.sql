-- ending.sql - how monitoring ends: by itself, or by the centre.
BEGIN;
\ir fixture.psql
\ir ladder.psql
\ir api.psql
GRANT USAGE ON SCHEMA t TO t_gateway;
SELECT plan(56);

SELECT t.centre('東保健所') AS east \gset
UPDATE hersys.centre SET quiet_from = '21:00', quiet_until = '08:00' WHERE id = :east;
CREATE SEQUENCE t.phones START 101;

-- A patient whose last day is August the tenth, and who has reported each of the last three days, well.
CREATE FUNCTION t.well(p_given text, p_from date DEFAULT '2022-08-01') RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_id bigint := t.patient((SELECT min(id) FROM hersys.centre), '+817000000' || nextval('t.phones'), p_given, p_from => p_from);
BEGIN
    PERFORM t.reports_at(v_id, d + time '09:00' AT TIME ZONE 'Asia/Tokyo') FROM unnest('{2022-08-08,2022-08-09,2022-08-10}'::date[]) AS d;
    RETURN v_id;
END
$$;
CREATE FUNCTION t.phase(p_id bigint) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN ended_at IS NOT NULL THEN 'ended' WHEN end_held_at IS NOT NULL THEN 'held' ELSE 'monitored' END FROM hersys.patient WHERE id = p_id
$$;
-- Where the patient stands the morning after the last day.
CREATE FUNCTION t.becomes(p_id bigint) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM t.at('2022-08-11 08:00+09'), t.chore('monitoring_end');
    RETURN t.phase(p_id);
END
$$;

-- ------------------------------------------------------------------ when

SELECT t.well('a') AS a \gset
SELECT t.at('2022-08-11 07:59:59+09') \g /dev/null
SELECT is(hersys.monitoring_end(), NULL, 'in the quiet hours after the last day nobody is looked at');
SELECT t.at('2022-08-11 08:00+09') \g /dev/null
SELECT is(hersys.monitoring_end(), 1, 'when they are over, monitoring ends');
SELECT is(t.phase(:a), 'ended', 'for whoever is well');
SELECT is((SELECT ended_at FROM hersys.patient WHERE id = :a), '2022-08-11 08:00+09'::timestamptz, 'from now on');
SELECT is(hersys.monitoring_end(), NULL, 'then nobody is left');
SELECT results_eq($$SELECT channel::text, right(recipient, 3), params FROM hersys.outbox$$,
                  $$VALUES ('sms', '101', '{"centre": "東保健所", "centre_phone": "03-0000-0000"}'::jsonb)$$, 'and the patient is told');
SELECT is(t.send(), '{"monitoring_ended 01"}', 'at once');
SELECT is((SELECT count(*) FROM hersys.phone_watched('+817000000101', hersys.clock_now())), 0::bigint, 'nobody is monitored there any more');
UPDATE hersys.patient SET ended_at = NULL, end_held_at = NULL WHERE id = :a;
UPDATE hersys.patient SET end_held_at = NULL WHERE id = :a;
SELECT t.chore('monitoring_end') \g /dev/null
SELECT is((SELECT count(*) FROM hersys.outbox), 0::bigint, 'who is looked at twice for the same last day is told once');

SELECT t.centre('昼夜') AS always, t.centre('紐育', 'America/New_York') AS york \gset
SELECT t.patient(:always, '+817000000191') AS no_quiet, t.patient(:york, '+817000000192') AS abroad \gset
SELECT t.at('2022-08-11 07:59:59+09'), t.chore('monitoring_end') \g /dev/null
SELECT is(t.phase(:no_quiet), 'monitored', 'a centre without quiet hours');
SELECT t.at('2022-08-11 08:00+09'), t.chore('monitoring_end') \g /dev/null
SELECT is(t.phase(:no_quiet), 'held', 'is asked from eight');
SELECT is(t.phase(:abroad), 'monitored', 'each by its own clock');
SELECT t.at('2022-08-11 08:00-04'), t.chore('monitoring_end') \g /dev/null
SELECT is(t.phase(:abroad), 'held', 'wherever that is');
DELETE FROM hersys.call_task;

-- ------------------------------------------------------------------ who is well

SELECT t.at('2022-08-11 06:00+09') \g /dev/null
SELECT t.well('n1') AS id \gset
INSERT INTO hersys.alert (centre_id, patient_id, report_id, level, reasons) SELECT :east, :id, min(id), 'watch', '{spo2_fall}' FROM hersys.status_report WHERE patient_id = :id;
SELECT is(t.becomes(:id), 'held', 'not while an alert is open');
SELECT is(t.listed(), '{"n1 end_of_monitoring"}', 'then the centre has to decide');
SELECT is(t.send(), '{}', 'and the patient hears nothing of it');
SELECT is((SELECT count(*) FROM hersys.phone_watched('+817000000102', hersys.clock_now())), 1::bigint, 'who is monitored on');
SELECT is(hersys.monitoring_end(), NULL, 'and not looked at again');

SELECT t.well('n2') AS id \gset
INSERT INTO hersys.alert (centre_id, patient_id, report_id, level, reasons, closed_at, closed_by)
SELECT :east, :id, min(id), 'watch', '{spo2_fall}', hersys.clock_now(), 'tester' FROM hersys.status_report WHERE patient_id = :id;
SELECT is(t.becomes(:id), 'ended', 'an alert that is closed is none');
SELECT t.well('n3') AS id, t.at('2022-08-10 20:00+09') \gset
SELECT t.receive((SELECT phone FROM hersys.patient WHERE id = :id), '{"outcome": "not_understood"}') \g /dev/null
INSERT INTO hersys.alert (centre_id, inbound_id, level, reasons, unconfirmed) SELECT :east, max(id), 'urgent', '{red_flag}', true FROM hersys.inbound;
SELECT is(t.becomes(:id), 'held', 'nor while one is open that came from the patient''s telephone without a name');

CREATE FUNCTION t.well_but(p_at timestamptz, p_spo2 integer, p_temperature numeric, p_symptoms boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_id bigint := t.well('n');
BEGIN
    PERFORM t.reports_at(v_id, p_at, p_spo2, p_temperature, p_symptoms);
    RETURN t.becomes(v_id);
END
$$;
SELECT is(t.well_but('2022-08-10 10:00+09', 96, 37.4, false), 'ended', 'SpO2 96 and 37.4 degrees are well');
SELECT is(t.well_but('2022-08-10 10:00+09', 95, 36.9, false), 'held', 'SpO2 95 is not');
SELECT is(t.well_but('2022-08-10 10:00+09', 97, 37.5, false), 'held', 'nor are 37.5 degrees');
SELECT is(t.well_but('2022-08-10 10:00+09', 97, 36.9, true), 'held', 'nor symptoms');
SELECT is(t.well_but('2022-08-10 10:00+09', NULL, 36.9, false), 'ended', 'a report without SpO2 can be well');
SELECT is(t.well_but('2022-08-08 08:00:01+09', 95, 36.9, false), 'held', 'within 72 hours');
SELECT is(t.well_but('2022-08-08 08:00+09', 95, 36.9, false), 'ended', 'not before them');
SELECT t.well('n4') AS id \gset
SELECT t.reports_at(:id, '2022-08-10 10:00+09', 85) AS wrong \gset
SELECT t.reports_at(:id, '2022-08-10 10:01+09', 97) AS corrected \gset
UPDATE hersys.status_report SET superseded_by = :corrected WHERE id = :wrong;
SELECT is(t.becomes(:id), 'ended', 'what was corrected does not count');
SELECT t.well('n5') AS id \gset
SELECT t.reports_at(:id, '2022-08-10 10:00+09', 85) AS wrong \gset
UPDATE hersys.status_report SET withdrawn_at = hersys.clock_now() WHERE id = :wrong;
SELECT is(t.becomes(:id), 'ended', 'nor what was taken back');
SELECT t.well('n6') AS id \gset
UPDATE hersys.status_report SET red_flag = true WHERE patient_id = :id AND reported_at < '2022-08-09';
SELECT is(t.becomes(:id), 'held', 'a red flag is not well');

-- Silence is not health.
CREATE FUNCTION t.silent_on(p_day date) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_id bigint := t.well('n');
BEGIN
    DELETE FROM hersys.status_report WHERE patient_id = v_id AND (reported_at AT TIME ZONE 'Asia/Tokyo')::date = p_day;
    RETURN t.becomes(v_id);
END
$$;
SELECT is(t.silent_on(d), 'held', format('no report on %s', d)) FROM unnest('{2022-08-08,2022-08-09,2022-08-10}'::date[]) AS d;
SELECT is(t.silent_on('2022-08-07'), 'ended', 'before that nobody asks');
SELECT t.well('n7', '2022-08-09') AS short \gset
DELETE FROM hersys.status_report WHERE patient_id = :short AND reported_at < '2022-08-09';
SELECT is(t.becomes(:short), 'ended', 'who was monitored for less than three days is asked about those');

-- Whoever stopped, and whose number is somebody else's.
SELECT t.well('n8') AS id \gset
SELECT hersys.call_add(:east, :id, 'stopped') \g /dev/null
SELECT is(t.becomes(:id), 'held', 'who has stopped is decided about');
SELECT t.well('n9') AS id \gset
INSERT INTO hersys.suppression (channel, address, reason) SELECT 'sms', phone, 'stop' FROM hersys.patient WHERE id = :id;
SELECT is(t.becomes(:id), 'held', 'also when somebody has called');
SELECT t.well('m1') AS id \gset
UPDATE hersys.phone SET quarantined_at = hersys.clock_now() WHERE number = (SELECT phone FROM hersys.patient WHERE id = :id);
SELECT is(t.becomes(:id), 'held', 'and whose number somebody else has');

-- ------------------------------------------------------------------ who is told, and how

DELETE FROM hersys.outbox; DELETE FROM hersys.call_task;
UPDATE hersys.patient SET ended_at = hersys.clock_now();
SELECT t.at('2022-08-11 06:00+09') \g /dev/null
SELECT t.well('花子') AS hanako \gset
SELECT t.patient(:east, (SELECT phone FROM hersys.patient WHERE id = :hanako), '太郎', p_until => '2022-08-20') AS taro \gset
SELECT hersys.call_add(:east, :hanako, 'silent') \g /dev/null
SELECT is(t.becomes(:hanako), 'ended', 'one of a family');
SELECT is((SELECT params FROM hersys.outbox), '{"centre": "東保健所", "centre_phone": "03-0000-0000", "member": "1", "name": "花子"}', 'is told by number and name');
SELECT is(t.phase(:taro), 'monitored', 'the other is monitored on');
SELECT is(t.listed(), '{}', 'and what was open of the first is closed');
SELECT is((SELECT closed_by FROM hersys.call_task), 'ended', 'by the end');
SELECT t.well('reporter') AS id \gset
UPDATE hersys.patient SET phone = NULL, email = 'a@example.jp' WHERE id = :id;
DELETE FROM hersys.outbox;
SELECT is(t.becomes(:id), 'ended', 'who has no telephone');
SELECT is(t.send(), '{"monitoring_ended a@example.jp"}', 'is told by e-mail');

-- ------------------------------------------------------------------ the centre decides

SELECT t.at('2022-08-11 06:00+09') \g /dev/null
SELECT t.token(:east, 'sato') AS sato \gset
CREATE FUNCTION t.change(p_kid text, p_id bigint, p_body jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT t.ask(t.by(p_kid, 'patients'), format('v1_patient_change($1, %s, $2)', p_id), p_body)
$$;
SELECT t.slot(:east, '10:00', '12:00') \g /dev/null
SELECT t.patient(:east, '+817000000181', 'p') AS p, t.patient(:east, '+817000000182', 'q') AS q \gset
SELECT t.becomes(:p) \g /dev/null
DELETE FROM hersys.call_task WHERE patient_id NOT IN (:p, :q);
SELECT is(t.listed(), '{"p end_of_monitoring","q end_of_monitoring"}', 'two are silent: the centre decides');
SELECT is(t.tick('2022-08-11 10:00+09') @> '{"reminder 81","reminder 82"}', true, 'until then they are reminded');
SELECT is(t.change(:'sato', :p, '{"monitoring_until": "2022-08-15"}') ->> 'monitoring_until', '2022-08-15', 'a later last day');
SELECT is(t.phase(:p), 'monitored', 'is a decision');
SELECT is(t.listed(), '{"q end_of_monitoring"}', 'which closes the task');
UPDATE hersys.call_task SET closed_at = hersys.clock_now(), closed_by = 'tester' WHERE closed_at IS NULL;
SELECT t.tick('2022-08-11 12:00+09') \g /dev/null
SELECT is(t.listed() @> '{"q end_of_monitoring","q silent"}', true, 'a task that is closed without one comes again when the next report is due');
DELETE FROM hersys.outbox;
SELECT ok(t.change(:'sato', :q, '{"ended": true}') ->> 'ended_at' IS NOT NULL, 'the end');
SELECT is(t.listed() && '{"q end_of_monitoring","q silent"}', false, 'closes all that is open of the patient');
SELECT is((SELECT count(*) FROM hersys.outbox), 0::bigint, 'without a message: the centre speaks with the patient');
SELECT t.change(:'sato', :q, '{"ended": false}') \g /dev/null
SELECT is(t.phase(:q), 'held', 'who is taken up again after the last day is monitored until the centre decides');
SELECT t.change(:'sato', :q, '{"ended": true}') \g /dev/null
SELECT is((SELECT end_held_at FROM hersys.patient WHERE id = :q), NULL, 'as it does now');
SELECT finish();
ROLLBACK;
