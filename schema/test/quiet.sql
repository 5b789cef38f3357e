-- quiet.sql - quiet hours: what waits, what does not, what is dropped.
BEGIN;
\ir fixture.psql
\ir ladder.psql
SELECT plan(51);

SELECT t.centre('東保健所') AS east \gset
SELECT t.centre('昼夜') AS always, t.centre('昼', p_time_zone => 'Asia/Tokyo') AS noon, t.centre('紐育', 'America/New_York') AS york \gset
UPDATE hersys.centre SET quiet_from = '21:00', quiet_until = '08:00' WHERE id IN (:east, :york);
UPDATE hersys.centre SET quiet_from = '12:00', quiet_until = '13:00' WHERE id = :noon;
CREATE FUNCTION t.release(p_centre bigint, p_at timestamptz) RETURNS timestamptz LANGUAGE sql AS $$
    SELECT hersys.quiet_release(c, p_at) FROM hersys.centre c WHERE c.id = p_centre
$$;

-- ------------------------------------------------------------------ the hours

SELECT is(t.release(:east, at::timestamptz), wanted::timestamptz, at || ' at night is released at ' || wanted)
FROM (VALUES ('2022-08-01 20:59:59+09', '2022-08-01 20:59:59+09'), ('2022-08-01 21:00+09', '2022-08-02 08:00+09'), ('2022-08-01 23:59:59+09', '2022-08-02 08:00+09'),
             ('2022-08-02 00:00+09', '2022-08-02 08:00+09'), ('2022-08-02 07:59:59+09', '2022-08-02 08:00+09'), ('2022-08-02 08:00+09', '2022-08-02 08:00+09'),
             ('2022-08-02 12:30+09', '2022-08-02 12:30+09')) AS v (at, wanted);
SELECT is(t.release(:noon, at::timestamptz), wanted::timestamptz, at || ' at noon is released at ' || wanted)
FROM (VALUES ('2022-08-01 11:59:59+09', '2022-08-01 11:59:59+09'), ('2022-08-01 12:00+09', '2022-08-01 13:00+09'), ('2022-08-01 13:00+09', '2022-08-01 13:00+09')) AS v (at, wanted);
SELECT is(t.release(:always, '2022-08-01 00:00+09'), '2022-08-01 00:00+09'::timestamptz, 'the same time twice is no quiet hours');
SELECT is(t.release(:york, '2022-08-01 21:00-04'), '2022-08-02 08:00-04'::timestamptz, 'by the centre''s clock');
SELECT is(t.release(:york, '2023-03-11 22:00-05'), '2023-03-12 08:00-04'::timestamptz, 'also where the night has an hour less');
SELECT is(t.release(:york, '2023-11-04 22:00-04'), '2023-11-05 08:00-05'::timestamptz, 'or more');

-- ------------------------------------------------------------------ the claim

CREATE FUNCTION t.put(p_kind text, p_centre bigint, p_not_after timestamptz DEFAULT NULL) RETURNS bigint LANGUAGE sql AS $$
    SELECT hersys.outbox_enqueue(p_kind, 'ja', '{}', 'sms', '+817000000099', 'test:' || nextval('t.counter'), p_centre, NULL, NULL, p_not_after)
$$;
SELECT t.at('2022-08-01 22:00+09') \g /dev/null
SELECT set_eq('SELECT kind FROM hersys.message_kind WHERE quiet',
              ARRAY['registration_link', 'reminder', 'nudge', 'monitoring_ended', 'alert_digest', 'call_list'], 'these heed the quiet hours');
SELECT t.put('monitoring_ended', :east) AS ended, t.put('alert_digest', :east, '2022-08-02 07:00+09') AS too_late, t.put('monitoring_ended', :always) AS awake,
       t.put('monitoring_ended', NULL) AS nobodys, t.put('report_stored', :east) AS answer, t.put('report_urgent', :east) AS urgent,
       t.put('confirmation_code', :east) AS code, t.put('alert_urgent', :east) AS alert \gset
INSERT INTO hersys.confirmation (channel, recipient, centre_id, key_id, salt, generation, message_id, expires_at)
VALUES ('sms', '+817000000099', :east, 1, decode(repeat('00', 16), 'hex'), 1, :code, hersys.clock_now() + interval '10 minutes');
SELECT set_eq('SELECT unnest(t.claim())', ARRAY[:answer, :urgent, :code, :alert, :awake, :nobodys]::bigint[],
              'answers, urgent ones, codes and urgent alerts go out at night, as does what belongs to a centre without quiet hours');
SELECT results_eq(format('SELECT state::text, not_before, attempts::int, epoch FROM hersys.outbox WHERE id = %s', :ended),
                  $$VALUES ('queued', '2022-08-02 08:00+09'::timestamptz, 0, 0)$$, 'the rest is put off to their end, at no cost');
SELECT is(t.claim(), '{}', 'and looked at no more');
SELECT t.at('2022-08-02 07:59:59+09') \g /dev/null
SELECT is(t.claim(), '{}', 'until then');
SELECT is(t.state(:too_late), 'expired', 'what would be too late by then has ended');
SELECT is((SELECT error FROM hersys.outbox_history WHERE id = :too_late), 'too_late', 'for that reason');
SELECT t.at('2022-08-02 08:00+09') \g /dev/null
SELECT is(t.claim(), ARRAY[:ended]::bigint[], 'when they are over it goes out');

-- A link is held with its message.
SELECT t.at('2022-08-02 22:00+09') \g /dev/null
SELECT t.patient(:east, '+817000000001', 'a', p_until => '2022-08-30') AS a \gset
SELECT link_id AS link, message_id AS message FROM t.link_send(:a) \gset
SELECT is(t.claim(), '{}', 'a registration link waits for the morning');
SELECT is((SELECT not_before FROM hersys.outbox WHERE id = :message), '2022-08-03 08:00+09'::timestamptz, 'until the quiet hours are over');
SELECT t.at('2022-08-03 08:00+09') \g /dev/null
SELECT is(t.claim(), ARRAY[:message]::bigint[], 'and goes out then');
SELECT is((SELECT expires_at > hersys.clock_now() + interval '24 hours' FROM hersys.registration_link WHERE id = :link), true, 'good for days');

-- Many that are put off stand before one that is not.
SELECT t.at('2022-08-03 22:00+09') \g /dev/null
DELETE FROM hersys.outbox;
SELECT t.put('reminder', :east) FROM generate_series(1, 30) \g /dev/null
UPDATE hersys.outbox SET kind = 'monitoring_ended';
SELECT t.put('monitoring_ended', :always) AS last \gset
SELECT is(t.claim(5), ARRAY[:last]::bigint[], 'what is put off counts for nothing');

-- ------------------------------------------------------------------ reminders

DELETE FROM hersys.outbox;
UPDATE hersys.patient SET monitoring_until = '2022-08-30';
SELECT t.slot(:east, '07:00', '17:00') AS slot \gset
SELECT is(t.tick('2022-08-04 07:00+09'), '{}', 'a reminder that falls into quiet hours is not sent');
SELECT results_eq($$SELECT not_before, not_after FROM hersys.outbox$$, $$VALUES ('2022-08-04 08:00+09'::timestamptz, '2022-08-04 17:00+09'::timestamptz)$$, 'but held');
SELECT is((SELECT goes_at FROM hersys.reminder), '2022-08-04 08:00+09'::timestamptz, 'until they are over');
SELECT is(t.tick('2022-08-04 08:00+09'), '{"reminder 01"}', 'then it goes');
SELECT is(t.tick('2022-08-04 09:59:59+09'), '{}', 'the nudge');
SELECT is(t.tick('2022-08-04 10:00+09'), '{"nudge 01"}', 'counts from there');
SELECT is(t.tick('2022-08-05 07:00+09') || t.listed(), '{"a silent"}', 'held again the next day');
SELECT hersys.call_end(:a, '{silent}', 'tester') \g /dev/null
SELECT t.reports_at(:a, '2022-08-05 07:30+09') \g /dev/null
SELECT is(t.tick('2022-08-05 08:00+09'), '{}', 'who reports meanwhile is not reminded');
SELECT is((SELECT error FROM hersys.outbox_history ORDER BY id DESC LIMIT 1), 'reported', 'for that reason');

DELETE FROM hersys.reminder; DELETE FROM hersys.reminder_pass; DELETE FROM hersys.slot;
SELECT t.slot(:east, '06:00', '08:00') AS early \gset
SELECT is(t.tick('2022-08-06 06:00+09'), '{}', 'where the quiet hours end when the report is due');
SELECT is((SELECT count(*) FROM hersys.reminder) + (SELECT count(*) FROM hersys.outbox), 0::bigint, 'no reminder is queued');
SELECT is(t.tick('2022-08-06 08:00+09') || t.listed(), '{"a silent"}', 'and the patient is on the call list');
SELECT hersys.call_end(:a, '{silent}', 'tester') \g /dev/null

-- ------------------------------------------------------------------ nudges

DELETE FROM hersys.reminder; DELETE FROM hersys.reminder_pass; DELETE FROM hersys.slot;
SELECT t.at('2022-08-07 17:00+09') \g /dev/null
SELECT t.slot(:east, '18:30', '23:00') AS evening \gset
SELECT is(t.tick('2022-08-07 18:30+09') || t.tick('2022-08-07 20:30+09'), '{"reminder 01","nudge 01"}', 'a nudge before the quiet hours goes out');
SELECT is(t.tick('2022-08-07 23:00+09') || t.listed(), '{"a silent"}', 'at due_at the list is made, also at night');
SELECT hersys.call_end(:a, '{silent}', 'tester') \g /dev/null
SELECT is(t.tick('2022-08-08 19:30+09'), '{"reminder 01"}', 'where the reminder was an hour later');
SELECT is(t.tick('2022-08-08 21:29:59+09') || t.listed(), '{}', 'nothing happens before');
SELECT is(t.tick('2022-08-08 21:30+09'), '{}', 'the nudge falls into the quiet hours, and is dropped');
SELECT is(t.listed(), '{"a silent"}', 'the patient is on the call list at that moment');
SELECT hersys.call_end(:a, '{silent}', 'tester') \g /dev/null
SELECT is(t.tick('2022-08-08 21:31+09') || t.listed(), '{}', 'once');
SELECT t.tick('2022-08-09 18:30+09') \g /dev/null
SELECT hersys.call_end(:a, '{silent}', 'tester') \g /dev/null
SELECT is(t.tick('2022-08-09 21:00+09') || t.listed(), '{"a silent"}', 'a nudge that is late goes no more in the quiet hours either');
SELECT hersys.call_end(:a, '{silent}', 'tester') \g /dev/null
DELETE FROM hersys.reminder; DELETE FROM hersys.reminder_pass; DELETE FROM hersys.slot;
SELECT t.at('2022-08-10 09:00+09') \g /dev/null
UPDATE hersys.centre SET quiet_from = '12:00', quiet_until = '13:00' WHERE id = :east;
SELECT t.slot(:east, '10:30', '23:00') AS day \gset
SELECT is(t.tick('2022-08-10 10:30+09') || t.tick('2022-08-10 13:30+09') || t.listed(), '{"reminder 01","a silent"}',
          'one whose moment lay in the quiet hours does not come after them');
SELECT is(t.tick('2022-08-10 16:30+09'), '{"nudge 01"}', 'the second, whose moment did not, does');

-- The last day is over at night: the closing message waits.
SELECT t.at('2022-08-31 22:30+09') \g /dev/null
UPDATE hersys.centre SET quiet_from = '21:00', quiet_until = '08:00' WHERE id = :east;
DELETE FROM hersys.outbox;
SELECT t.reports_at(:a, d + time '09:00' AT TIME ZONE 'Asia/Tokyo') FROM unnest('{2022-08-29,2022-08-30,2022-08-31}'::date[]) AS d \g /dev/null
SELECT t.chore('monitoring_end') \g /dev/null
SELECT is(t.send(), '{}', 'a daemon that was away ends the monitoring at night, and says nothing then');
SELECT t.at('2022-09-01 08:00+09') \g /dev/null
SELECT is(t.send(), '{"monitoring_ended 01"}', 'but in the morning');
SELECT finish();
ROLLBACK;
