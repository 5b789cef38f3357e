-- ladder.sql - after the reminder: nudges, the call list, and whom SMS does not reach.
BEGIN;
\ir fixture.psql
\ir ladder.psql
SELECT plan(61);

-- ------------------------------------------------------------------ nudges

SELECT t.at('2022-08-01 06:00+09') \g /dev/null
SELECT t.centre('東保健所') AS east \gset
SELECT t.slot(:east, '07:00', '17:00') AS slot \gset
SELECT t.patient(:east, '+817000000001', 'a') AS a, t.patient(:east, '+817000000002', 'b') AS b, t.patient(:east, '+817000000003', 'c') AS c,
       t.patient(:east, '+817000000003', 'd') AS d \gset
SELECT is(t.tick('2022-08-01 07:00+09'), '{reminder 01,reminder 02,reminder 03}', 'the reminder goes out at its time');
SELECT is(t.tick('2022-08-01 08:59:59+09'), '{}', 'nobody is asked again before two hours have passed');
SELECT t.reports_at(:b, '2022-08-01 08:00+09') \g /dev/null
SELECT is(t.tick('2022-08-01 09:00+09'), '{"nudge 01","nudge 03"}', 'two hours after the reminder who has not reported is asked again');
SELECT is((SELECT params FROM hersys.outbox_history WHERE kind = 'nudge' AND recipient = '+817000000001'), '{"centre": "東保健所", "due": "17:00"}',
          'in the words of a reminder');
SELECT is((SELECT params -> 'members' FROM hersys.outbox_history WHERE kind = 'nudge' AND recipient = '+817000000003'),
          '[{"number": "1", "name": "c"}, {"number": "2", "name": "d"}]', 'a family once, with its members');
SELECT is(t.tick('2022-08-01 09:00+09'), '{}', 'once');
SELECT t.reports_at(:c, '2022-08-01 10:00+09') \g /dev/null
SELECT is(t.tick('2022-08-01 12:59:59+09'), '{}', 'and not again before six hours');
SELECT is(t.tick('2022-08-01 13:00+09'), '{"nudge 01","nudge 03"}', 'six hours after the reminder for the last time');
SELECT is((SELECT params -> 'members' FROM hersys.outbox_history WHERE kind = 'nudge' AND recipient = '+817000000003' ORDER BY id DESC LIMIT 1),
          '[{"number": "2", "name": "d"}]', 'of a family those who have not reported');
SELECT is(t.tick('2022-08-01 16:59:59+09'), '{}', 'nothing follows');
SELECT is(t.listed(), '{}', 'while there is time to report nobody is to be called');
SELECT is(t.tick('2022-08-01 17:00+09'), '{}', 'when the report is due');
SELECT is(t.listed(), '{"a silent","d silent"}', 'who has not reported is on the call list');
SELECT is((SELECT count(*) FROM hersys.reminder GROUP BY patient_id, day, slot_id, step ORDER BY 1 DESC LIMIT 1), 1::bigint, 'each step of each patient is there once');

-- A report that is taken back is none; one that comes late ends the call.
SELECT t.receive('+817000000001') \g /dev/null
SELECT hersys.call_end(:a, '{silent}', 'report') \g /dev/null
SELECT is(t.listed(), '{"d silent"}', 'a report that comes late takes the patient off the list');
SELECT t.at('2022-08-01 18:00+09') \g /dev/null
SELECT t.receive('+817000000001'), t.receive('+817000000003', t.report(p_member => '1')), t.receive('+817000000003', t.report(p_member => '2')), t.receive('+817000000002') \g /dev/null
SELECT hersys.call_end(:d, '{silent}', 'report') \g /dev/null
UPDATE hersys.status_report SET withdrawn_at = hersys.clock_now() WHERE patient_id = :b;
SELECT t.send() \g /dev/null
SELECT is(t.tick('2022-08-02 07:00+09'), '{"reminder 02"}', 'who took back the report is reminded as who sent none');

-- ------------------------------------------------------------------ a daemon that was away

SELECT is(t.tick('2022-08-02 10:30+09'), '{"nudge 02"}', 'a nudge that is late goes when the daemon is back');
SELECT is(t.tick('2022-08-02 13:00+09'), '{"nudge 02"}', 'and the second at its time');
SELECT is(t.tick('2022-08-03 11:00+09'), '{"reminder 01","reminder 02","reminder 03"}', 'a reminder that is late');
SELECT is(t.listed(), '{"b silent"}', 'the day before has been seen to');
SELECT is(t.tick('2022-08-03 12:59:59+09'), '{}', 'is followed by a nudge after two hours,');
SELECT is(t.tick('2022-08-03 13:00+09'), '{"nudge 01","nudge 02","nudge 03"}', 'which count from when it went out');
SELECT is(t.tick('2022-08-03 17:00+09'), '{}', 'a nudge that would come when the report is due is not sent');
SELECT is(t.tick('2022-08-04 07:00+09'), '{"reminder 01","reminder 02","reminder 03"}', 'another day');
SELECT is(t.tick('2022-08-04 14:00+09'), '{"nudge 01","nudge 02","nudge 03"}', 'where both nudges are late one goes');
SELECT is(t.tick('2022-08-04 15:59:59+09'), '{}', 'never both at once');
SELECT is(t.tick('2022-08-04 16:00+09'), '{"nudge 01","nudge 02","nudge 03"}', 'the other two hours later');

-- A carrier that was away: the hours run from when the reminder left.
SELECT t.at('2022-08-05 07:00+09'), t.chore('remind_due') \g /dev/null
SELECT t.at('2022-08-05 09:00+09') \g /dev/null
SELECT is(t.chore('nudge_due'), 0, 'nobody is asked again whose reminder has not left');
SELECT is(t.tick('2022-08-05 09:30+09'), '{"reminder 01","reminder 02","reminder 03"}', 'when it leaves at last');
SELECT is(t.tick('2022-08-05 11:29:59+09'), '{}', 'there is no nudge at its heels');
SELECT is(t.tick('2022-08-05 11:30+09'), '{"nudge 01","nudge 02","nudge 03"}', 'but after two hours');
SELECT is(t.tick('2022-08-05 15:29:59+09'), '{}', 'and not sooner');
SELECT is(t.tick('2022-08-05 15:30+09'), '{"nudge 01","nudge 02","nudge 03"}', 'than after six');

-- Chunks.
SELECT t.tick('2022-08-05 17:00+09'), t.tick('2022-08-06 07:00+09') \g /dev/null
SELECT t.at('2022-08-06 09:00+09') \g /dev/null
SELECT is(hersys.nudge_due(2), 2, 'a chunk of nudges is of so many messages');
SELECT is(hersys.nudge_due(2), 1, 'the next one goes on');
SELECT is(hersys.nudge_due(2), NULL, 'until nothing is left');
SELECT t.send(), t.at('2022-08-06 17:00+09') \g /dev/null
UPDATE hersys.call_task SET closed_at = hersys.clock_now(), closed_by = 'tester' WHERE closed_at IS NULL;
SELECT t.patient(:east, NULL, 'e') AS e \gset
UPDATE hersys.patient SET created_at = '2022-08-06 06:00+09' WHERE id = :e;
SELECT is(ARRAY[hersys.calls_due(2), hersys.calls_due(2), hersys.calls_due(2)], '{2,3,NULL}', 'the call list is made in chunks, too');

-- ------------------------------------------------------------------ the call list

UPDATE hersys.patient SET ended_at = hersys.clock_now();
SELECT is(t.listed(), '{}', 'whose monitoring has ended is on no list');
SELECT t.at('2022-08-07 06:00+09') \g /dev/null
SELECT t.patient(:east, '+817000000011', 'stopped') AS stopped, t.patient(:east, '+817000000012', 'quarantined') AS quarantined,
       t.patient(:east, '+817000000013', 'tomorrow', p_from => '2022-08-08') AS tomorrow, t.patient(:east, '+817000000014', 'over', p_until => '2022-08-06') AS over,
       t.patient(:east, '+817000000015', 'held', p_until => '2022-08-06') AS held, t.patient(:east, '+817000000016', 'late') AS late,
       t.patient(:east, '+817000000017', 'between') AS between \gset
INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', '+817000000011', 'stop');
UPDATE hersys.phone SET quarantined_at = hersys.clock_now() WHERE number = '+817000000012';
UPDATE hersys.patient SET end_held_at = hersys.clock_now() WHERE id = :held;
SELECT t.at('2022-08-07 07:00+09'), t.chore('remind_due') \g /dev/null
SELECT is(t.send(), '{"reminder 15","reminder 16","reminder 17"}', 'who is monitored beyond the last day is reminded; whose day it is not, and who stopped, is not');
SELECT t.reports_at(:late, '2022-08-07 17:30+09') \g /dev/null
SELECT t.at('2022-08-08 12:00+09'), t.patient(:east, '+817000000018', 'new', p_from => '2022-08-07') \g /dev/null
SELECT is(t.chore('calls_due'), 4, 'a daemon that comes back the next day makes the list');
SELECT is(t.listed(), '{"between silent","held end_of_monitoring","held silent","quarantined silent","stopped silent"}',
          'of who could not be reminded too, not of who reported meanwhile, whose days it was not, and who came later');
SELECT is(t.chore('calls_due'), 0, 'once');
SELECT t.reports_at(:between, '2022-08-08 11:59+09') \g /dev/null
SELECT t.later('5 min'), t.chore('calls_due') \g /dev/null
SELECT ok(NOT 'between silent' = ANY (t.listed()), 'whose report was being stored meanwhile is taken off');
SELECT is(t.chore('calls_due'), 0, 'then the day is done');
UPDATE hersys.call_task SET closed_at = hersys.clock_now(), closed_by = 'tester' WHERE closed_at IS NULL;
SELECT t.slot(:east, '08:00', '11:00') \g /dev/null
SELECT is(t.chore('calls_due'), 0, 'a slot that is made after it would have been due asks for no report of that day');
SELECT t.at('2022-08-11 12:00+09') \g /dev/null
SELECT is((SELECT count(*) FROM hersys.slots_over(hersys.clock_now())), 3::bigint, 'after days away the slots of the last day and a half are made up for');

-- The mail at the end of the day.
DELETE FROM hersys.outbox; DELETE FROM hersys.reminder; DELETE FROM hersys.reminder_pass; DELETE FROM hersys.slot; DELETE FROM hersys.call_task;
UPDATE hersys.patient SET ended_at = hersys.clock_now();
UPDATE hersys.centre SET email = 'centre@example.jp', language = 'en' WHERE id = :east;
SELECT t.slot(:east, '07:00', '08:30') AS morning, t.slot(:east, '15:00', '16:00') AS evening \gset
SELECT t.patient(:east, '+817000000021', 'f', p_from => '2022-08-12', p_until => '2022-08-20') AS f,
       t.patient(:east, '+817000000022', 'g', p_from => '2022-08-12', p_until => '2022-08-20') AS g \gset
SELECT is(t.tick('2022-08-12 08:30+09'), '{}', 'after the first slot of the day the centre gets no mail');
SELECT is(t.listed(), '{"f silent","g silent"}', 'though there is a list');
SELECT is(t.tick('2022-08-12 16:00+09'), '{"call_list centre@example.jp"}', 'after the last slot of the day it does');
SELECT results_eq($$SELECT params, language::text, priority::int FROM hersys.outbox_history WHERE kind = 'call_list'$$,
                  $$VALUES ('{"centre": "東保健所", "day": "2022-08-12", "count": "2"}'::jsonb, 'en', 2)$$, 'with the day and the number of patients, and no name');
SELECT is(t.tick('2022-08-12 16:10+09'), '{}', 'once a day');
INSERT INTO hersys.contact (centre_id, place, email) VALUES (:east, 2, 'second@example.jp'), (:east, 1, 'first@example.jp');
SELECT t.tick('2022-08-13 08:30+09'), t.tick('2022-08-13 12:00+09') \g /dev/null
SELECT is(t.tick('2022-08-13 16:00+09'), '{"call_list first@example.jp"}', 'the first contact gets it, where there are any');
UPDATE hersys.call_task SET closed_at = hersys.clock_now(), closed_by = 'tester' WHERE closed_at IS NULL;
SELECT t.reports_at(p, '2022-08-14 15:30+09') FROM unnest(ARRAY[:f, :g]) AS p \g /dev/null
SELECT is((t.tick('2022-08-14 16:00+09')), '{}', 'an empty list is no mail');

-- ------------------------------------------------------------------ out of SMS' reach

DELETE FROM hersys.outbox; DELETE FROM hersys.call_task;
UPDATE hersys.patient SET ended_at = hersys.clock_now();
SELECT t.at('2022-08-15 06:00+09') \g /dev/null
CREATE FUNCTION t.mailed(p_phone text, p_given text, p_email text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_id bigint := t.patient((SELECT min(id) FROM hersys.centre), p_phone, p_given, p_from => '2022-08-15', p_until => '2022-08-20');
BEGIN
    UPDATE hersys.patient SET email = p_email WHERE id = v_id;
    RETURN v_id;
END
$$;
SELECT t.mailed(NULL, 'none', NULL) AS none, t.mailed(NULL, 'mail', 'mail@example.jp') AS mail, t.mailed('+81300000031', 'landline', 'landline@example.jp') AS landline,
       t.mailed('+81300000031', 'sister', 'landline@example.jp') AS sister, t.mailed('+817000000032', 'dead', 'dead@example.jp') AS dead,
       t.mailed('+817000000033', 'opted', 'opted@example.jp') AS opted, t.mailed('+817000000034', 'gone', NULL) AS gone,
       t.mailed('+817000000035', 'stopped', 'stopped@example.jp') AS no, t.mailed('+817000000036', 'stranger', 'stranger@example.jp') AS stranger,
       t.mailed(NULL, 'bounced', 'bounced@example.jp') AS bounced, t.mailed('+817000000037', 'well', 'well@example.jp') AS well \gset
UPDATE hersys.phone SET unreachable_at = hersys.clock_now(), unreachable_for = 'undelivered' WHERE number = '+817000000034';
UPDATE hersys.phone SET quarantined_at = hersys.clock_now(), unreachable_at = hersys.clock_now(), unreachable_for = 'number_dead' WHERE number = '+817000000036';
INSERT INTO hersys.suppression (channel, address, reason) VALUES
    ('sms', '+817000000032', 'dead_number'), ('sms', '+817000000033', 'carrier_opt_out'), ('sms', '+817000000035', 'stop'), ('email', 'bounced@example.jp', 'bounce');
SELECT is(t.tick('2022-08-15 07:00+09'),
          '{"reminder 37","reminder dead@example.jp","reminder landline@example.jp","reminder landline@example.jp","reminder mail@example.jp","reminder opted@example.jp"}',
          'whom SMS does not reach gets a mail; who stopped, or whose number is somebody else''s, gets nothing');
SELECT is(t.listed(),
          '{"bounced no_sms","dead number_dead","gone undelivered","landline no_sms","mail no_sms","none no_sms","opted carrier_opt_out","sister no_sms"}',
          'and is on the call list the same day, with or without an address');
SELECT is((SELECT params FROM hersys.outbox_history WHERE recipient = 'mail@example.jp'), '{"centre": "東保健所", "due": "08:30", "centre_phone": "03-0000-0000"}',
          'the mail says whom to call');
SELECT set_eq($$SELECT params -> 'members' FROM hersys.outbox_history WHERE recipient = 'landline@example.jp'$$,
              $$VALUES ('[{"name": "landline", "number": "1"}]'::jsonb), ('[{"name": "sister", "number": "2"}]')$$, 'one mail a patient');
UPDATE hersys.call_task SET closed_at = hersys.clock_now(), closed_by = 'tester' WHERE closed_at IS NULL;
SELECT is(t.tick('2022-08-15 07:05+09'), '{}', 'later looks repeat neither the mail');
SELECT is(t.listed(), '{}', 'nor the call');
SELECT t.tick('2022-08-15 15:00+09') \g /dev/null
SELECT is(t.listed() @> '{"none no_sms"}', false, 'which is of once a day, however many slots there are');
SELECT t.tick('2022-08-16 07:00+09') \g /dev/null
SELECT is(t.listed() @> '{"none no_sms"}', true, 'and again of the next day');
SELECT finish();
ROLLBACK;
