-- alerts.sql - the life of an alert: told, told to the next one, seen, closed; the hourly digest; and messages that become a report.
BEGIN;
\ir fixture.psql
\ir api.psql
SELECT plan(77);

GRANT USAGE ON SCHEMA t TO t_gateway;
SELECT t.centre('東保健所') AS east \gset
SELECT t.centre('西保健所') AS west \gset
UPDATE hersys.centre SET email = 'desk@east.example.jp' WHERE id = :east;
SELECT t.patient(:east, '+817000000001') AS alice \gset
SELECT t.patient(:east, '+817000000002') AS bob, t.patient(:west, '+817000000002') AS carol \gset
SELECT t.token(:east, 'sato', '{alerts}') AS sato \gset

CREATE FUNCTION t.inbound() RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO hersys.inbound (link, provider_id, sender, recipient, outcome)
    VALUES ('link', 'in-' || nextval('t.counter'), '+817000000002', '', 'unrecognised') RETURNING id
$$;
CREATE FUNCTION t.report_row(p_patient bigint, p_spo2 integer DEFAULT 97, p_temperature numeric DEFAULT 36.9) RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO hersys.status_report (patient_id, centre_id, source, reported_at, temperature_c, spo2, symptoms)
    SELECT p.id, p.centre_id, 'staff', hersys.clock_now(), p_temperature, p_spo2, false FROM hersys.patient p WHERE p.id = p_patient RETURNING id
$$;
-- An alert of a centre, about nobody.
CREATE FUNCTION t.alert(p_centre bigint, p_level text DEFAULT 'urgent', p_patient bigint DEFAULT NULL) RETURNS bigint LANGUAGE sql AS $$
    SELECT hersys.alert_raise(p_centre, p_patient, NULL, t.inbound(), p_level, CASE p_level WHEN 'urgent' THEN '{spo2_low}' ELSE '{spo2_watch}' END::text[], true)
$$;
-- What was queued for staff since the last look: channel, recipient, and whether it is told again.
CREATE TABLE t.read_up_to AS SELECT 0::bigint AS id;
CREATE FUNCTION t.mails(p_kind text DEFAULT 'alert_urgent') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v text;
BEGIN
    SELECT string_agg(o.channel || ' ' || o.recipient || CASE WHEN (o.params ->> 'again')::boolean THEN ' again' ELSE '' END, ', ' ORDER BY o.id) INTO v
    FROM hersys.outbox o, t.read_up_to r WHERE o.id > r.id AND o.kind = p_kind;
    UPDATE t.read_up_to r SET id = coalesce((SELECT max(id) FROM hersys.outbox), r.id);
    RETURN v;
END
$$;
CREATE FUNCTION t.escalate(p_limit integer DEFAULT 100) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(e.centre_id || ':' || e.told, ' ' ORDER BY e.centre_id, e.told) FROM hersys.alerts_escalate(p_limit) AS e
$$;
CREATE FUNCTION t.digest() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(e.centre_id || ':' || e.told, ' ') FROM hersys.alerts_digest() AS e $$;
CREATE FUNCTION t.times(p_alert bigint) RETURNS integer LANGUAGE sql AS $$ SELECT told_times FROM hersys.alert WHERE id = p_alert $$;

-- ------------------------------------------------------------------ raised, and told at once

SELECT t.alert(:east, 'urgent', :alice) AS a \gset
SELECT is(t.mails(), 'email desk@east.example.jp', 'an urgent alert is queued for the centre''s address in the same transaction, where it has no contacts');
SELECT is((t.answer()).params, jsonb_build_object('centre', '東保健所', 'alert', :'a', 'patient', :'alice', 'again', false),
          'with the numbers of alert and patient, and nothing else');
SELECT is(ROW((t.answer()).priority, (t.answer()).begun_by_us, (t.answer()).language::text, (t.answer()).centre_id, (t.answer()).patient_id)::text,
          ROW(0, false, 'ja', :east, :alice)::text, 'before all others, in the centre''s language, and nothing holds it back');
SELECT is((SELECT ROW(told_at, told_times, seen_at, closed_at)::text FROM hersys.alert WHERE id = :a), ROW(hersys.clock_now(), 1, NULL, NULL)::text, 'it is told once');
INSERT INTO hersys.contact (centre_id, place, email, phone) VALUES
    (:east, 5, 'third@east.example.jp', '+81300000000'), (:east, 1, 'first@east.example.jp', '+817000000071'),
    (:east, 2, 'second@east.example.jp', '+817000000072');
SELECT t.alert(:east) AS b \gset
SELECT is(t.mails(), 'email first@east.example.jp', 'where it has contacts, the first of them is told, by e-mail');
SELECT is((t.answer()).params ? 'patient', false, 'of an alert about nobody no patient is named');
SELECT t.alert(:east, 'watch') AS w \gset
SELECT is(t.mails(), NULL, 'of one to be watched nobody is told at once');
SELECT is(hersys.alert_raise(:east, NULL, NULL, (SELECT inbound_id FROM hersys.alert WHERE id = :b), 'urgent', '{red_flag}', true), NULL, 'an alert of a message is raised once');
SELECT is(t.mails(), NULL, 'and told once');
SELECT is((SELECT reasons FROM hersys.alert WHERE id = :b), '{red_flag,spo2_low}', 'with all that speaks for it');
SELECT hersys.alert_raise(:east, NULL, NULL, (SELECT inbound_id FROM hersys.alert WHERE id = :w), 'watch', '{wrong_number}', true) \g /dev/null
SELECT is((SELECT level || ' ' || reasons::text FROM hersys.alert WHERE id = :w) || coalesce(t.mails(), ''), 'watch {spo2_watch,wrong_number}', 'also where it is somebody else''s number');
SELECT hersys.alert_raise(:east, NULL, NULL, (SELECT inbound_id FROM hersys.alert WHERE id = :w), 'urgent', '{red_flag}', true) \g /dev/null
SELECT is((SELECT level || ' ' || reasons::text FROM hersys.alert WHERE id = :w) || ' ' || t.mails(), 'urgent {red_flag,spo2_watch,wrong_number} email first@east.example.jp',
          'what turns out to be urgent is told at once');
UPDATE hersys.alert SET closed_at = hersys.clock_now(), closed_by = 'test' WHERE id = :w;
UPDATE hersys.centre SET quiet_from = '00:00', quiet_until = '24:00' WHERE id = :east;
SELECT is(cardinality(t.claim(p_channel => 'email')), 3, 'quiet hours do not hold it back');
UPDATE hersys.centre SET quiet_until = '00:00' WHERE id = :east;
INSERT INTO hersys.suppression (channel, address, reason) VALUES ('email', 'first@east.example.jp', 'stop');
SELECT t.alert(:east) AS c \gset
SELECT is(cardinality(t.claim(p_channel => 'email')), 1, 'nor does a stop');
SELECT t.mails() \g /dev/null
UPDATE hersys.alert SET closed_at = hersys.clock_now(), closed_by = 'test' WHERE id IN (:b, :c);

-- ------------------------------------------------------------------ not seen: the next one

SELECT is(t.escalate(), NULL, 'who was told has 15 minutes to look');
SELECT t.later('14 minutes 59 seconds') \g /dev/null
SELECT is(t.escalate(), NULL, 'up to the last second');
SELECT t.later('1 second') \g /dev/null
SELECT is(t.escalate(), format('%s:1', :east), 'then the next contact is told');
SELECT is(t.mails(), 'email second@east.example.jp again, sms +817000000072 again', 'by e-mail and SMS');
SELECT is((t.answer()).kind || ' ' || (t.answer()).params, 'alert_urgent ' || jsonb_build_object('centre', '東保健所', 'alert', :'a', 'patient', :'alice', 'again', true)::text, 'in the same words');
SELECT is(t.escalate(), NULL, 'once');
SELECT t.later('3 hours') \g /dev/null
SELECT is(t.escalate(), format('%s:1', :east), 'a tick that comes late tells once, not once for all that it has missed');
SELECT is(t.mails(), 'email third@east.example.jp again', 'to a landline goes no SMS');
SELECT t.later('15 minutes') \g /dev/null
SELECT t.escalate() \g /dev/null
SELECT is(t.mails(), 'email first@east.example.jp again, sms +817000000071 again', 'after the last contact comes the first');
SELECT is(t.times(:a), 4, 'and each is counted');
INSERT INTO hersys.phone (number) VALUES ('+817000000072');
INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', '+817000000072', 'stop');
SELECT t.later('15 minutes') \g /dev/null
SELECT t.escalate() \g /dev/null
SELECT is((SELECT count(*) FROM hersys.outbox_claim(t.ours(), 'sms', 100, '60 s') c WHERE c.recipient = '+817000000072'), 2::bigint, 'nothing holds back the SMS either');
SELECT t.mails() \g /dev/null
SELECT t.later('15 minutes') \g /dev/null
SELECT is(t.ask(t.by(:'sato', 'alerts'), format('v1_alert_seen($1, %s)', :a)) ->> 'seen_by', 'api:sato', 'who looks at it');
SELECT is(t.escalate(), NULL, 'ends that');
UPDATE hersys.alert SET seen_at = NULL, seen_by = NULL WHERE id = :a;
SELECT is(t.escalate(), format('%s:1', :east), '(it would have gone on)');
SELECT t.later('15 minutes') \g /dev/null
UPDATE hersys.alert SET closed_at = hersys.clock_now(), closed_by = 'test' WHERE id = :a;
SELECT is(t.escalate(), NULL, 'and so does who closes it');
SELECT t.mails() \g /dev/null

-- Many at once.
SELECT t.alert(:east) FROM generate_series(1, 5) \g /dev/null
SELECT t.later('15 minutes') \g /dev/null
SELECT is(ARRAY[t.escalate(3), t.escalate(3), t.escalate(3)], ARRAY[:east || ':3', :east || ':2', NULL], 'at most so many a call');
SELECT is((SELECT count(DISTINCT params ->> 'alert') FROM hersys.outbox WHERE kind = 'alert_urgent' AND (params ->> 'again')::boolean AND channel = 'sms' AND not_before = hersys.clock_now()),
          5::bigint, 'and in the end all');
UPDATE hersys.alert SET closed_at = hersys.clock_now(), closed_by = 'test' WHERE closed_at IS NULL AND level = 'urgent';
SELECT t.mails() \g /dev/null

-- ------------------------------------------------------------------ a centre without any address

SELECT t.alert(:west) AS d \gset
SELECT is(t.mails(), NULL, 'where there is neither contact nor address nobody can be told');
SELECT is((SELECT ROW(told_at, told_times, seen_at, closed_at)::text FROM hersys.alert WHERE id = :d), '(,0,,)', 'and the alert stands');
SELECT is(t.escalate(), format('%s:0', :west), 'the operator is told');
SELECT is(t.escalate(), NULL, 'once');
SELECT t.later('15 minutes') \g /dev/null
SELECT is(t.escalate(), NULL, 'not at each tick');
SELECT t.later('1 day') \g /dev/null
SELECT is(t.escalate(), format('%s:0', :west), 'but every day');
INSERT INTO hersys.contact (centre_id, place, email, phone) VALUES (:west, 1, 'only@west.example.jp', '+817000000073');
SELECT is(t.escalate() || ' ' || t.mails(), format('%s:1 email only@west.example.jp', :west), 'as soon as there is a contact it is told, for the first time');
SELECT t.later('15 minutes') \g /dev/null
SELECT t.escalate() \g /dev/null
SELECT is(t.mails(), 'email only@west.example.jp again, sms +817000000073 again', 'and again, though there is no other one');
UPDATE hersys.alert SET closed_at = hersys.clock_now(), closed_by = 'test' WHERE id = :d;

-- ------------------------------------------------------------------ the digest

DELETE FROM hersys.alert;
UPDATE hersys.centre SET quiet_from = '21:00', quiet_until = '08:30', language = 'en' WHERE id = :east;
SELECT t.at('2022-08-10 12:20+09') \g /dev/null
SELECT is(t.digest(), NULL, 'where nothing is to be watched nobody is told so');
SELECT t.alert(:east, 'watch', :alice) AS w1 \gset
SELECT t.alert(:east, 'watch') AS w2 \gset
SELECT t.alert(:east, 'watch') AS w3 \gset
SELECT t.alert(:east) AS urgent \gset
SELECT t.mails() \g /dev/null
SELECT t.at('2022-08-10 12:59:59+09') \g /dev/null
SELECT is(t.digest(), NULL, 'before the full hour there is no digest');
SELECT t.ask(t.by(:'sato', 'alerts'), format('v1_alert_seen($1, %s)', :w3)) \g /dev/null
SELECT t.at('2022-08-10 13:00+09') \g /dev/null
SELECT is(t.digest(), format('%s:2', :east), 'at the full hour there is');
SELECT is(t.mails('alert_digest'), 'email first@east.example.jp', 'to the first contact');
SELECT is((t.answer()).params, jsonb_build_object('centre', '東保健所', 'count', '2', 'alerts', jsonb_build_array(
    jsonb_build_object('alert', :'w1', 'patient', :'alice'), jsonb_build_object('alert', :'w2'))), 'with what nobody has seen, and no urgent one');
SELECT is((t.answer()).language::text, 'en', 'in the centre''s language');
SELECT is(t.digest(), NULL, 'once an hour');
SELECT is(t.times(:w1), 1, 'which is noted');
SELECT t.alert(:east, 'watch') AS w4 \gset
SELECT t.at('2022-08-10 13:59+09') \g /dev/null
SELECT is(t.digest(), NULL, 'what is raised after it waits for the next');
SELECT t.at('2022-08-10 16:40+09') \g /dev/null
SELECT is(t.digest(), format('%s:1', :east), 'hours that were missed are caught up once, with what is new');
SELECT t.at('2022-08-10 17:00+09') \g /dev/null
SELECT is(t.digest(), NULL, 'an hour without news has none');
-- Quiet hours: 21:00 to 08:30.
SELECT t.alert(:east, 'watch') AS w5 \gset
SELECT t.mails() \g /dev/null
SELECT t.at(at::timestamptz) FROM unnest(ARRAY['2022-08-10 21:00+09']) AS at \g /dev/null
SELECT is(t.digest(), NULL, 'in quiet hours there is none');
SELECT t.at('2022-08-11 03:00+09') \g /dev/null
SELECT t.alert(:east, 'watch') AS w6 \gset
SELECT t.at('2022-08-11 08:29+09') \g /dev/null
SELECT is(t.digest(), NULL, 'up to their end');
SELECT t.at('2022-08-11 08:45+09') \g /dev/null
SELECT is(t.digest(), NULL, 'nor before the next full hour');
SELECT t.at('2022-08-11 09:00+09') \g /dev/null
SELECT is(t.digest(), format('%s:2', :east), 'the first hour after them has all of the night');
SELECT is(cardinality(t.claim(p_channel => 'email')) > 0, true, 'and goes out');
-- More than fit.
SELECT t.alert(:east, 'watch') FROM generate_series(1, 53) \g /dev/null
SELECT t.at('2022-08-11 10:00+09') \g /dev/null
SELECT is(t.digest(), format('%s:53', :east), 'of many all are told');
SELECT is(ROW(jsonb_array_length((t.answer()).params -> 'alerts'), (t.answer()).params ->> 'count', (t.answer()).params ->> 'more')::text, '(50,53,3)', 'the first fifty by their numbers, the rest by how many');
-- A clock of half hours, and a centre without contacts.
UPDATE hersys.centre SET time_zone = 'Asia/Kolkata', quiet_from = '00:00', quiet_until = '00:00' WHERE id = :west;
SELECT t.at('2022-08-11 10:40+09') \g /dev/null
SELECT t.alert(:west, 'watch') AS w7 \gset
SELECT t.at('2022-08-11 11:00+09') \g /dev/null
SELECT is(t.digest(), NULL, 'the hour is that of the centre''s clock');
SELECT t.at('2022-08-11 11:30+09') \g /dev/null
SELECT is(t.digest(), format('%s:1', :west), 'which may strike at half past ours');
DELETE FROM hersys.contact WHERE centre_id = :west;
SELECT t.alert(:west, 'watch') AS w8 \gset
SELECT t.at('2022-08-13 12:30+09') \g /dev/null
SELECT is(t.digest() IS NULL AND t.times(:w8) = 0 AND t.escalate() LIKE '%' || :west || ':0', true, 'a centre that nobody can be told of is told to the operator for these, too');
UPDATE hersys.centre SET email = 'desk@west.example.jp' WHERE id = :west;
SELECT t.mails('alert_digest') \g /dev/null
SELECT is(t.digest() || ' ' || t.mails('alert_digest'), format('%s:1 email desk@west.example.jp', :west), 'and without contacts it goes to the centre''s address');

-- ------------------------------------------------------------------ messages that become a report

DELETE FROM hersys.alert;
SELECT t.at('2022-08-20 12:00+09') \g /dev/null
UPDATE hersys.centre SET time_zone = 'Asia/Tokyo' WHERE id = :west;
CREATE FUNCTION t.one(p_alert bigint) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', coalesce(patient_id::text, '-'), coalesce(report_id::text, '-'), level, reasons::text, CASE WHEN unconfirmed THEN 'unconfirmed' END,
                     'told ' || told_times, 'seen by ' || seen_by, 'closed by ' || closed_by) FROM hersys.alert WHERE id = p_alert
$$;
SELECT t.inbound() AS m1 \gset
SELECT t.inbound() AS m2 \gset
SELECT hersys.alert_raise(:east, NULL, NULL, :m1, 'urgent', '{spo2_low}', true) AS first, hersys.alert_raise(:west, NULL, NULL, :m1, 'urgent', '{spo2_low}', true) AS theirs \gset
SELECT hersys.alert_raise(:east, :bob, NULL, :m2, 'watch', '{temperature_high}', true) AS second \gset
SELECT t.mails() \g /dev/null
SELECT t.report_row(:bob, 92) AS report \gset
SELECT is(hersys.triage_report(:report, ARRAY[:m1, :m2]), 'urgent', 'a dangerous message that becomes a report');
SELECT is(t.one(:first), format('%s %s urgent {spo2_low,temperature_high} told 1', :bob, :report), 'its alert is the report''s, confirmed as that is, with what all of its messages said');
SELECT is(t.one(:second), format('%s - watch {temperature_high} unconfirmed told 0 closed by report', :bob), 'the alerts of its other messages are closed by it');
SELECT is(t.one(:theirs), '- - urgent {spo2_low} unconfirmed told 1', 'that of another centre stands');
SELECT is(t.mails(), NULL, 'nobody is told twice');
SELECT is(hersys.triage_report(:report, ARRAY[:m1, :m2]) || (SELECT count(*) FROM hersys.alert WHERE report_id = :report), 'urgent1', 'a report that is looked at twice has one alert');

-- What was to be watched turns out to be urgent.
SELECT t.inbound() AS m3 \gset
SELECT hersys.alert_raise(:east, :alice, NULL, :m3, 'watch', '{spo2_watch}', true) AS grown \gset
UPDATE hersys.alert SET seen_by = 'api:sato', seen_at = hersys.clock_now(), told_times = 1, told_at = hersys.clock_now() WHERE id = :grown;
SELECT t.report_row(:alice, 90) AS report \gset
SELECT is(hersys.triage_report(:report, ARRAY[:m3]), 'urgent', 'a message to be watched that becomes an urgent report');
SELECT is(t.one(:grown), format('%s %s urgent {spo2_low} told 1', :alice, :report), 'is to be looked at anew');
SELECT is(t.mails(), 'email first@east.example.jp', 'and told at once, as for the first time');
-- What was seen.
SELECT t.inbound() AS m4 \gset
SELECT hersys.alert_raise(:east, :alice, NULL, :m4, 'urgent', '{red_flag}', true) AS seen \gset
UPDATE hersys.alert SET seen_by = 'api:sato', seen_at = hersys.clock_now() WHERE id = :seen;
SELECT t.mails() \g /dev/null
SELECT t.report_row(:alice, 90) AS report \gset
SELECT hersys.triage_report(:report, ARRAY[:m4]) \g /dev/null
SELECT is(t.one(:seen) || coalesce(t.mails(), ''), format('%s %s urgent {red_flag,spo2_low} told 1 seen by api:sato', :alice, :report), 'an urgent one that somebody looks after stays seen, and is not told again');
-- What was closed.
SELECT t.inbound() AS m5 \gset
SELECT hersys.alert_raise(:east, :alice, NULL, :m5, 'urgent', '{red_flag}', true) AS closed \gset
UPDATE hersys.alert SET closed_by = 'api:sato', closed_at = hersys.clock_now() WHERE id = :closed;
SELECT t.mails() \g /dev/null
SELECT t.report_row(:alice, 90) AS report \gset
SELECT hersys.triage_report(:report, ARRAY[:m5]) \g /dev/null
SELECT is(t.one(:closed), format('%s - urgent {red_flag} unconfirmed told 1 closed by api:sato', :alice), 'one that was closed stays so');
SELECT is((SELECT count(*) FROM hersys.alert WHERE report_id = :report) || ' ' || t.mails(), '1 email first@east.example.jp', 'and the report raises its own');
-- What turns out to be nothing.
SELECT t.inbound() AS m6 \gset
SELECT hersys.alert_raise(:west, :carol, NULL, :m6, 'urgent', '{spo2_low}', true) AS slip \gset
SELECT t.report_row(:carol) AS report \gset
SELECT is(hersys.triage_report(:report, ARRAY[:m6]), NULL, 'a message that becomes a report without danger');
SELECT is(t.one(:slip), format('%s - urgent {spo2_low} unconfirmed told 1', :carol), 'keeps its alert: a person decides');
-- Another's.
SELECT t.inbound() AS m7 \gset
SELECT hersys.alert_raise(:east, NULL, NULL, :m7, 'watch', '{wrong_number}', true) AS wrong, hersys.alert_raise(:east, :bob, NULL, :m7, 'watch', '{spo2_watch}', true) AS his \gset
SELECT t.report_row(:alice, 95) AS report \gset
SELECT hersys.triage_report(:report, ARRAY[:m7]) \g /dev/null
SELECT is(t.one(:wrong) || '; ' || t.one(:his), format('- - watch {wrong_number} unconfirmed told 0; %s - watch {spo2_watch} unconfirmed told 0', :bob),
          'a wrong number, and another member, are none of it');
SELECT is(hersys.triage_report(t.report_row(:alice, 95), NULL), 'watch', 'a report that comes alone');
SELECT finish();
ROLLBACK;
