-- triage.sql - what a value means: thresholds of the centre and of the patient, falls, fevers, and one alert a report.
BEGIN;
\ir fixture.psql
SELECT plan(60);

SELECT t.centre('東保健所') AS east \gset
SELECT t.centre('西保健所') AS west \gset
SELECT t.patient(:east, '+817000000001') AS alice \gset

-- A report of a patient at a time; what triage says of it.
CREATE FUNCTION t.judge(p_patient bigint, p_at timestamptz, p_temperature numeric, p_spo2 integer, p_red_flag boolean DEFAULT false,
                        p_unconfirmed boolean DEFAULT false, p_messages bigint[] DEFAULT '{}', OUT report bigint, OUT level text)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM t.at(p_at);
    INSERT INTO hersys.status_report (patient_id, centre_id, source, reported_at, temperature_c, spo2, symptoms, red_flag, unconfirmed)
    SELECT p.id, p.centre_id, 'staff', p_at, p_temperature, p_spo2, false, p_red_flag, p_unconfirmed FROM hersys.patient p WHERE p.id = p_patient
    RETURNING id INTO report;
    level := hersys.triage_report(report, p_messages);
END
$$;
-- The same in one word: level and reasons of the alert, 'none' where there is none.
CREATE FUNCTION t.says(p_patient bigint, p_at timestamptz, p_temperature numeric, p_spo2 integer, p_red_flag boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v record;
BEGIN
    SELECT j.* INTO v FROM t.judge(p_patient, p_at, p_temperature, p_spo2, p_red_flag) AS j;
    RETURN coalesce((SELECT string_agg(CASE WHEN a.level = v.level THEN '' ELSE 'not as told: ' END || a.level || ': ' || array_to_string(a.reasons, ' '), ', ')
                     FROM hersys.alert a WHERE a.report_id = v.report), 'none' || coalesce(', but told ' || v.level, ''));
END
$$;
CREATE FUNCTION t.forget(p_patient bigint) RETURNS void LANGUAGE sql AS $$
    DELETE FROM hersys.alert WHERE patient_id = p_patient;
    DELETE FROM hersys.status_report WHERE patient_id = p_patient;
$$;

-- ------------------------------------------------------------------ the centre's thresholds

CREATE FUNCTION t.alone(p_patient bigint, p_temperature numeric, p_spo2 integer, p_red_flag boolean DEFAULT false) RETURNS text LANGUAGE sql AS $$
    SELECT t.forget(p_patient);
    SELECT t.says(p_patient, '2022-08-01 12:00+09', p_temperature, p_spo2, p_red_flag);
$$;
SELECT is(t.alone(:alice, w.temperature, w.spo2, w.red_flag), w.wanted, format('%s %s%s', w.temperature, w.spo2, CASE WHEN w.red_flag THEN ' red flag' END))
FROM (VALUES (36.9, 97, false, 'none'), (36.9, 96, false, 'none'), (36.9, 95, false, 'watch: spo2_watch'), (36.9, 94, false, 'watch: spo2_watch'),
             (36.9, 93, false, 'urgent: spo2_low'), (36.9, NULL, false, 'none'), (38.4, 97, false, 'none'), (38.5, 97, false, 'watch: temperature_high'),
             (38.49, 97, false, 'none'), (38.5, 94, false, 'watch: spo2_watch temperature_high'),
             (40.0, 90, false, 'urgent: spo2_low temperature_high'), (36.9, 97, true, 'urgent: red_flag'), (36.9, NULL, true, 'urgent: red_flag'),
             (39.0, 80, true, 'urgent: red_flag spo2_low temperature_high')) AS w (temperature, spo2, red_flag, wanted);
UPDATE hersys.centre SET spo2_urgent = 90, spo2_watch = 92, temperature_watch = 37.5 WHERE id = :east;
SELECT is(t.alone(:alice, w.temperature, w.spo2), w.wanted, format('%s %s, by the centre''s own', w.temperature, w.spo2))
FROM (VALUES (36.9, 93, 'none'), (36.9, 92, 'watch: spo2_watch'), (36.9, 90, 'urgent: spo2_low'), (37.4, 97, 'none'),
             (37.5, 97, 'watch: temperature_high')) AS w (temperature, spo2, wanted);
UPDATE hersys.centre SET spo2_urgent = DEFAULT, spo2_watch = DEFAULT, temperature_watch = DEFAULT WHERE id = :east;

-- ------------------------------------------------------------------ the patient's own

CREATE FUNCTION t.own(p_patient bigint, p_urgent integer, p_watch integer, p_temperature numeric DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
    UPDATE hersys.patient SET spo2_urgent = p_urgent, spo2_watch = p_watch, temperature_watch = p_temperature WHERE id = p_patient
$$;
SELECT t.own(:alice, 88, 90, 39.0) \g /dev/null
SELECT is(t.alone(:alice, w.temperature, w.spo2), w.wanted, format('%s %s, by the patient''s own', w.temperature, w.spo2))
FROM (VALUES (36.9, 91, 'none'), (36.9, 90, 'watch: spo2_watch'), (36.9, 88, 'urgent: spo2_low'), (38.9, 97, 'none'),
             (39.0, 97, 'watch: temperature_high')) AS w (temperature, spo2, wanted);
SELECT t.own(:alice, 96, NULL) \g /dev/null
SELECT is(t.alone(:alice, 36.9, 96), 'urgent: spo2_low', 'a patient who is in danger earlier than the centre watches');
SELECT is(t.alone(:alice, 36.9, 97), 'none', 'and no earlier');
SELECT t.own(:alice, NULL, 90) \g /dev/null
SELECT is(t.alone(:alice, 36.9, 93), 'urgent: spo2_low', 'where only watching was moved, what the centre calls urgent is urgent');
SELECT is(t.alone(:alice, 36.9, 94), 'none', 'and the rest is not watched');
SELECT t.own(:alice, NULL, NULL) \g /dev/null

-- ------------------------------------------------------------------ a fall within 24 hours

SELECT t.forget(:alice) \g /dev/null
SELECT t.says(:alice, '2022-08-01 08:00+09', 36.9, 99) \g /dev/null
SELECT is(t.says(:alice, '2022-08-01 12:00+09', 36.9, 97), 'none', 'two points within 24 hours');
SELECT is(t.says(:alice, '2022-08-01 16:00+09', 36.9, 96), 'watch: spo2_fall', 'three points from the highest');
SELECT is(t.says(:alice, '2022-08-02 08:00+09', 36.9, 96), 'watch: spo2_fall', 'also after exactly 24 hours');
SELECT is(t.says(:alice, '2022-08-02 08:01+09', 36.9, 96), 'none', 'not a minute later');
SELECT is(t.says(:alice, '2022-08-02 09:00+09', 36.9, NULL), 'none', 'nor where it was not measured');
SELECT is(t.says(:alice, '2022-08-02 09:01+09', 36.9, 93), 'urgent: spo2_low spo2_fall', 'all reasons stand in one alert');
SELECT t.forget(:alice) \g /dev/null
SELECT report AS wrong FROM t.judge(:alice, '2022-08-01 08:00+09', 36.9, 99) \gset
UPDATE hersys.status_report SET withdrawn_at = hersys.clock_now() WHERE id = :wrong;
SELECT is(t.says(:alice, '2022-08-01 09:00+09', 36.9, 96), 'none', 'a fall from a report that was taken back is none');
SELECT t.forget(:alice) \g /dev/null
SELECT report AS wrong FROM t.judge(:alice, '2022-08-01 08:00+09', 36.9, 99) \gset
SELECT report AS right FROM t.judge(:alice, '2022-08-01 08:01+09', 36.9, 97) \gset
UPDATE hersys.status_report SET superseded_by = :right WHERE id = :wrong;
SELECT is(t.says(:alice, '2022-08-01 09:00+09', 36.9, 96), 'none', 'nor from one that was corrected');
UPDATE hersys.centre SET spo2_fall = 1 WHERE id = :east;
SELECT is(t.says(:alice, '2022-08-01 10:00+09', 36.9, 96), 'watch: spo2_fall', 'how far is the centre''s');
UPDATE hersys.centre SET spo2_fall = DEFAULT WHERE id = :east;

-- ------------------------------------------------------------------ fever on several days

SELECT t.forget(:alice) \g /dev/null
SELECT is(t.says(:alice, '2022-08-01 08:00+09', 38.0, 97), 'none', 'fever on one day');
SELECT is(t.says(:alice, '2022-08-01 20:00+09', 38.2, 97), 'none', 'twice on one day is one day');
SELECT is(t.says(:alice, '2022-08-02 08:00+09', 38.0, 97), 'none', 'on two');
SELECT is(t.says(:alice, '2022-08-04 08:00+09', 37.9, 97), 'none', 'a day without fever is none');
SELECT is(t.says(:alice, '2022-08-07 23:59+09', 38.0, 97), 'watch: fever_days', 'the third within seven, this one included');
SELECT is(t.says(:alice, '2022-08-08 00:00+09', 38.0, 97), 'watch: fever_days', 'the days are those of the centre: a minute later is another one');
SELECT is(t.says(:alice, '2022-08-09 08:00+09', 38.0, 97), 'watch: fever_days', 'those of seven days count');
SELECT is(t.says(:alice, '2022-08-15 08:00+09', 38.0, 97), 'none', 'not those before');
SELECT t.forget(:alice) \g /dev/null
SELECT t.says(:alice, '2022-08-01 08:00+09', 38.0, 97) \g /dev/null
SELECT report AS wrong FROM t.judge(:alice, '2022-08-02 08:00+09', 38.0, 97) \gset
UPDATE hersys.status_report SET withdrawn_at = hersys.clock_now() WHERE id = :wrong;
SELECT is(t.says(:alice, '2022-08-03 08:00+09', 38.0, 97), 'none', 'a day whose report was taken back is none');
UPDATE hersys.centre SET fever_days = 2, fever = 37.0 WHERE id = :east;
SELECT is(t.says(:alice, '2022-08-04 08:00+09', 37.0, 97), 'watch: fever_days', 'how many days, and what is fever, is the centre''s');
UPDATE hersys.centre SET fever_days = DEFAULT, fever = DEFAULT WHERE id = :east;

-- ------------------------------------------------------------------ messages that are no report

SELECT t.at('2022-08-01 12:00+09') \g /dev/null
SELECT t.patient(:east, '+817000000002') AS bob, t.patient(:west, '+817000000002') AS carol \gset
CREATE FUNCTION t.alerts() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format('%s %s %s%s', a.centre_id, coalesce(a.patient_id::text, 'somebody'), a.level || ': ' || array_to_string(a.reasons, ' '),
                             CASE WHEN a.unconfirmed THEN ' unconfirmed' END), ', ' ORDER BY a.centre_id)
    FROM hersys.alert a WHERE a.inbound_id = (SELECT max(id) FROM hersys.inbound)
$$;
-- What triage says of a message of these patients.
CREATE FUNCTION t.hear(p_parsed jsonb, p_patients bigint[], p_about bigint DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_inbound bigint;
BEGIN
    INSERT INTO hersys.inbound (link, provider_id, sender, recipient, outcome)
    VALUES ('link', 'hear-' || nextval('t.counter'), '+817000000002', '', 'unrecognised') RETURNING id INTO v_inbound;
    RETURN hersys.triage_message(v_inbound, ARRAY(SELECT p FROM hersys.patient p WHERE p.id = ANY (p_patients)), p_about, p_parsed);
END
$$;
SELECT is(t.hear('{"outcome": "incomplete", "lowest_spo2": 95}', ARRAY[:bob, :carol]), 'watch', 'a value to watch in a message that is no report');
SELECT is(t.alerts(), format('%s somebody watch: spo2_watch unconfirmed, %s somebody watch: spo2_watch unconfirmed', :east, :west), 'each centre watches it, unconfirmed');
SELECT is(t.hear('{"outcome": "conflict", "highest_temperature_c": 38.5, "lowest_spo2": 97}', ARRAY[:bob], :bob), 'watch', 'a high temperature as well');
SELECT is(t.alerts(), format('%s %s watch: temperature_high unconfirmed', :east, :bob), 'of whom it is, where it is clear');
SELECT is(t.hear('{"outcome": "report", "reports": [{"spo2": 97, "temperature_c": 36.9}, {"spo2": 92, "temperature_c": 39.1}]}', ARRAY[:bob]), 'urgent',
          'a danger in one of the reports that nobody knows whose they are');
SELECT is(t.alerts(), format('%s somebody urgent: spo2_low temperature_high unconfirmed', :east), 'is heard');
SELECT is(t.hear('{"outcome": "incomplete", "lowest_spo2": 96, "highest_temperature_c": 38.4}', ARRAY[:bob, :carol]), NULL, 'what is no danger');
SELECT is(t.alerts(), NULL, 'alerts nobody');
SELECT is(t.hear('{"outcome": "own_text", "red_flag": true, "lowest_spo2": 80}', ARRAY[:bob]) || ' ' || t.alerts(), format('urgent %s somebody urgent: red_flag unconfirmed', :east),
          'beside a text of ours only a cry for help counts');
SELECT is(t.hear('{"outcome": "command", "command": "help", "red_flag": true, "lowest_spo2": 80}', ARRAY[:bob]), NULL, 'in a command nothing');
SELECT t.own(:carol, 96, 98) \g /dev/null
SELECT is(t.hear('{"outcome": "incomplete", "lowest_spo2": 96}', ARRAY[:bob, :carol]), 'urgent', 'whoever it is of a household: by the most cautious thresholds');
SELECT is(t.hear('{"outcome": "incomplete", "lowest_spo2": 96}', ARRAY[:bob, :carol], :bob), NULL, 'where it is clear, by that patient''s');
SELECT is(t.hear('{"outcome": "incomplete", "lowest_spo2": 97}', ARRAY[:bob, :carol], :carol) || ' ' || t.alerts(),
          format('watch %s somebody watch: spo2_watch unconfirmed, %s %s watch: spo2_watch unconfirmed', :east, :west, :carol),
          'and only that one''s centre learns who it is');

SELECT finish();
ROLLBACK;
