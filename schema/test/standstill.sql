-- standstill.sql - what must not follow from a standstill of the daemon, or of a carrier.
BEGIN;
\ir fixture.psql
\ir ladder.psql
SELECT plan(13);

-- ------------------------------------------------------------------ the call list

SELECT t.at('2022-08-01 06:00+09') \g /dev/null
SELECT t.centre('東保健所') AS east \gset
SELECT t.slot(:east, '07:00', '08:30'), t.slot(:east, '14:00', '16:00') \g /dev/null
SELECT t.patient(:east, '+817000000001', 'morning') AS morning, t.patient(:east, '+817000000002', 'both') AS both,
       t.patient(:east, '+817000000003', 'stored') AS stored \gset
SELECT t.reports_at(p, '2022-08-01 07:50+09') FROM unnest(ARRAY[:morning, :both]) AS p \g /dev/null
SELECT t.reports_at(:both, '2022-08-01 15:00+09') \g /dev/null
SELECT t.at('2022-08-01 17:00+09'), t.chore('calls_due') \g /dev/null
SELECT is(t.listed(), '{"morning silent","stored silent"}', 'a daemon that comes back after two slots lists who is silent in the second');
SELECT t.reports_at(:stored, '2022-08-01 16:59:59+09') \g /dev/null
SELECT t.at('2022-08-01 17:05+09'), t.chore('calls_due') \g /dev/null
SELECT is(t.listed(), '{"morning silent"}', 'whom the second look at the first slot does not take off: that report was of the first');

SELECT t.at('2022-08-03 17:00+09') \g /dev/null
SELECT t.reports_at(:morning, '2022-08-03 08:00+09'), t.reports_at(:morning, '2022-08-02 15:30+09') \g /dev/null
UPDATE hersys.call_task SET closed_at = hersys.clock_now(), closed_by = 'tester' WHERE closed_at IS NULL;
SELECT t.chore('calls_due') \g /dev/null
SELECT ok('morning silent' = ANY (t.listed()), 'nor where a day and a half are made up for');
SELECT t.later('5 min'), t.chore('calls_due') \g /dev/null
SELECT ok('morning silent' = ANY (t.listed()), 'the call stays');

-- ------------------------------------------------------------------ long quiet hours

-- More than half a day: what is for the staff waits all of it.
SELECT t.at('2022-08-05 18:00+09') \g /dev/null
SELECT t.centre('西保健所') AS west \gset
UPDATE hersys.centre SET quiet_from = '18:30', quiet_until = '08:00', email = 'west@example.jp' WHERE id = :west;
SELECT t.slot(:west, '09:00', '18:31'), t.patient(:west, '+817000000021', 'west') AS w \gset
SELECT t.reports_at(:w, '2022-08-05 17:00+09', 94) AS watched \gset
SELECT hersys.alert_raise(:west, :w, :watched, NULL, 'watch', '{spo2_watch}', false) \g /dev/null
UPDATE hersys.alert SET raised_at = '2022-08-05 17:00+09' WHERE report_id = :watched;
SELECT t.patient(:west, '+817000000022', 'quiet') \g /dev/null
SELECT t.at('2022-08-05 18:29:59+09'), told FROM hersys.alerts_digest() \g /dev/null
SELECT is(ARRAY(SELECT s FROM unnest(t.tick('2022-08-05 18:31+09')) AS s WHERE s ~ 'west'), '{}', 'in quiet hours a centre gets neither its digest nor its call list');
SELECT is(ARRAY(SELECT s FROM unnest(t.tick('2022-08-06 08:00+09')) AS s WHERE s ~ 'west'), '{"alert_digest west@example.jp","call_list west@example.jp"}', 'but after them both, however long they are');

-- ------------------------------------------------------------------ the closing message

-- A carrier is away for a day, and the world goes on.
SELECT t.at('2022-08-11 08:00+09') \g /dev/null
SELECT t.patient(:east, '+817000000031', 'moved') AS moved, t.patient(:east, '+817000000032', 'again') AS again, t.patient(:east, '+817000000033', 'well') AS well \gset
SELECT t.reports_at(p, (d + time '09:00') AT TIME ZONE 'Asia/Tokyo') FROM unnest(ARRAY[:moved, :again, :well]) AS p, generate_series('2022-08-08'::timestamp, '2022-08-10', '1 day') AS d \g /dev/null
SELECT t.chore('monitoring_end') \g /dev/null
SELECT is((SELECT count(*) FROM hersys.outbox WHERE kind = 'monitoring_ended' AND patient_id IN (:moved, :again, :well)), 3::bigint, 'three are told that monitoring has ended');
UPDATE hersys.patient SET phone = '+817000000034' WHERE id = :moved;
UPDATE hersys.patient SET ended_at = NULL, monitoring_until = '2022-08-20' WHERE id = :again;
SELECT is(ARRAY(SELECT s FROM unnest(t.tick('2022-08-12 08:00+09')) AS s WHERE s LIKE 'monitoring_ended%'), '{"monitoring_ended 33"}',
          'by then not at a telephone that is the patient''s no more, nor who is monitored again');

-- ------------------------------------------------------------------ mail that waits

-- The mail server is away, and the patient stops messages, or turns out to be somebody else.
SELECT t.at('2022-09-01 06:00+09') \g /dev/null
SELECT t.centre('南保健所') AS south \gset
SELECT t.slot(:south, '07:00', '17:00') \g /dev/null
SELECT t.patient(:south, '+817000000041', 'stops', p_from => '2022-09-01', p_until => '2022-09-10') AS stops,
       t.patient(:south, '+817000000042', 'wrong', p_from => '2022-09-01', p_until => '2022-09-10') AS wrong,
       t.patient(:south, '+817000000043', 'dead', p_from => '2022-09-01', p_until => '2022-09-10') AS dead \gset
UPDATE hersys.patient SET email = given_name || '@example.jp' WHERE centre_id = :south;
UPDATE hersys.phone SET unreachable_at = hersys.clock_now(), unreachable_for = 'undelivered' WHERE number ~ '^\+81700000004';
SELECT t.at('2022-09-01 07:00+09'), t.chore('remind_due') \g /dev/null
SELECT is((SELECT count(*) FROM hersys.outbox WHERE kind = 'reminder' AND channel = 'email' AND centre_id = :south), 3::bigint, 'three are reminded by e-mail');
SELECT t.receive('+817000000041', '{"outcome": "command", "command": "stop"}'), t.receive('+817000000042', '{"outcome": "command", "command": "wrong_number"}') \g /dev/null
SELECT is(ARRAY(SELECT s FROM unnest(t.send()) AS s WHERE s LIKE '%@example.jp'), '{reminder dead@example.jp}', 'who has stopped meanwhile, and whose telephone is somebody else''s, are not');

-- ------------------------------------------------------------------ a report that is taken back too late

SELECT t.at('2022-09-20 06:00+09') \g /dev/null
SELECT t.centre('北保健所') AS north \gset
SELECT t.slot(:north, '07:00', '09:00'), t.slot(:north, '14:00', '16:00') \g /dev/null
SELECT t.patient(:north, '+817000000051', 'undoes', p_from => '2022-09-19', p_until => '2022-09-30') AS undoes,
       t.patient(:north, '+817000000052', 'twice', p_from => '2022-09-19', p_until => '2022-09-30') AS twice \gset
CREATE FUNCTION t.silent() RETURNS text[] LANGUAGE sql AS $$ SELECT ARRAY(SELECT l FROM unnest(t.listed()) AS l WHERE l IN ('undoes silent', 'twice silent')) $$;
SELECT t.at('2022-09-20 08:30+09'), t.receive('+817000000051'), t.receive('+817000000052') \g /dev/null
SELECT t.at('2022-09-20 08:45+09'), t.receive('+817000000052') \g /dev/null
SELECT t.at('2022-09-20 09:00+09'), t.chore('calls_due') \g /dev/null
SELECT t.at('2022-09-20 09:10+09'), t.receive('+817000000051', '{"outcome": "command", "command": "undo"}'),
       t.receive('+817000000052', '{"outcome": "command", "command": "undo"}') \g /dev/null
SELECT is(t.silent(), '{"undoes silent"}', 'who takes back the only report when it was due is on the call list, who sent another is not');
SELECT t.later('5 min'), t.chore('calls_due') \g /dev/null
SELECT is(t.silent(), '{"undoes silent"}', 'and stays there');
SELECT t.receive('+817000000051') \g /dev/null
SELECT is(t.silent(), '{}', 'until a report comes');

SELECT * FROM finish();
ROLLBACK;
