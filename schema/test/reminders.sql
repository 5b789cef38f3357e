-- reminders.sql - who is reminded, when, and once.
BEGIN;
\ir fixture.psql
SELECT plan(67);

-- The phones that have been reminded since this was last asked, in order.
CREATE TABLE t.seen (id bigint);
CREATE FUNCTION t.reminded() RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    v_phones text[];
BEGIN
    PERFORM t.remind();
    SELECT coalesce(array_agg(right(recipient, 2) ORDER BY recipient), '{}') INTO v_phones FROM hersys.outbox WHERE kind = 'reminder' AND id NOT IN (SELECT id FROM t.seen);
    INSERT INTO t.seen SELECT id FROM hersys.outbox;
    RETURN v_phones;
END
$$;

-- ------------------------------------------------------------------ windows

SELECT t.centre('東保健所') AS east \gset
SELECT t.slot(:east, '07:00', '09:00') AS morning, t.slot(:east, '14:00', '16:00') AS afternoon \gset
SELECT results_eq(format('SELECT * FROM hersys.slot_window(%s, ''2022-08-01'')', :morning),
                  $$VALUES ('2022-07-31 16:00+09'::timestamptz, '2022-08-01 09:00+09'::timestamptz)$$, 'the first slot''s window begins with the last of the day before');
SELECT results_eq(format('SELECT * FROM hersys.slot_window(%s, ''2022-08-01'')', :afternoon),
                  $$VALUES ('2022-08-01 09:00+09'::timestamptz, '2022-08-01 16:00+09'::timestamptz)$$, 'the second''s with the first');
SELECT t.patient(:east, '+817000000001') AS alice \gset
CREATE FUNCTION t.counts(p_patient bigint, p_at timestamptz, p_slot bigint, p_day date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_counts boolean;
BEGIN
    INSERT INTO hersys.status_report (patient_id, centre_id, source, reported_at, temperature_c, symptoms)
    SELECT id, centre_id, 'staff', p_at, 36.9, false FROM hersys.patient WHERE id = p_patient;
    SELECT EXISTS (SELECT FROM hersys.slot_window(p_slot, p_day) AS w, hersys.reports_within(p_patient, w.since, w.until)) INTO v_counts;
    DELETE FROM hersys.status_report WHERE patient_id = p_patient;
    RETURN v_counts;
END
$$;
SELECT is(t.counts(:alice, '2022-08-01 09:00+09', :morning, '2022-08-01'), true, 'a report exactly at due_at counts for the slot that is due');
SELECT is(t.counts(:alice, '2022-08-01 09:00+09', :afternoon, '2022-08-01'), false, 'and not for the next');
SELECT is(t.counts(:alice, '2022-08-01 09:00:00.000001+09', :morning, '2022-08-01'), false, 'a moment later it does not');
SELECT is(t.counts(:alice, '2022-08-01 09:00:00.000001+09', :afternoon, '2022-08-01'), true, 'but for the next');
SELECT is(t.counts(:alice, '2022-07-31 16:00+09', :morning, '2022-08-01'), false, 'nor does one of the evening''s due_at');
SELECT is(t.counts(:alice, '2022-07-31 16:00:01+09', :morning, '2022-08-01'), true, 'one after it counts for the morning');
SELECT is(t.counts(:alice, '2022-08-01 09:00+09', :morning, '2022-08-02'), false, 'a report counts for one day');

-- ------------------------------------------------------------------ two slots a day, once each

SELECT t.at('2022-08-01 06:59:59+09') \g /dev/null
SELECT is(t.reminded(), '{}', 'nobody is reminded before the time');
SELECT is(hersys.remind_due(), NULL, 'there is nothing to do');
SELECT t.at('2022-08-01 07:00+09') \g /dev/null
SELECT is(t.reminded(), '{01}', 'at the time a patient is');
SELECT is(t.reminded(), '{}', 'once');
SELECT results_eq($$SELECT params, not_before, not_after, priority::int, patient_id, language::text FROM hersys.outbox WHERE kind = 'reminder'$$,
                  format($$VALUES ('{"centre": "東保健所", "due": "09:00"}'::jsonb, '2022-08-01 07:00+09'::timestamptz, '2022-08-01 09:00+09'::timestamptz, 3, %s::bigint, 'ja')$$, :alice),
                  'in time to report, and not later');
SELECT t.at('2022-08-01 08:59:59+09') \g /dev/null
SELECT is(t.reminded(), '{}', 'later passes do not repeat it');
SELECT t.at('2022-08-01 09:00+09') \g /dev/null
SELECT t.patient(:east, '+817000000002') AS late \gset
SELECT is(t.reminded(), '{}', 'when the report is due nobody is reminded any more');
SELECT t.at('2022-08-01 14:00+09') \g /dev/null
SELECT is(t.reminded(), '{01,02}', 'the second slot reminds again');
SELECT t.at('2022-08-02 07:30+09') \g /dev/null
SELECT is(t.reminded(), '{01,02}', 'and so does the next day');
SELECT is((SELECT count(*) FROM (SELECT patient_id, day, slot_id FROM hersys.reminder GROUP BY 1, 2, 3 HAVING count(*) > 1) AS x), 0::bigint, 'never twice a day and slot');

-- ------------------------------------------------------------------ who is not

SELECT t.at('2022-08-03 06:00+09') \g /dev/null
SELECT t.patient(:east, '+817000000011') AS reported, t.patient(:east, '+817000000012') AS reported_last_night, t.patient(:east, '+817000000013') AS reported_too_early,
       t.patient(:east, '+817000000014') AS ended, t.patient(:east, '+817000000015', p_from => '2022-08-04') AS not_yet, t.patient(:east, '+817000000016', p_until => '2022-08-02') AS over,
       t.patient(:east, '+817000000017') AS suppressed, t.patient(:east, '+817000000018') AS quarantined, t.patient(:east, '+81312340019') AS landline,
       t.patient(:east, NULL) AS no_phone, t.patient(:east, '+817000000020', p_from => '2022-08-03', p_until => '2022-08-03') AS one_day,
       t.patient(:east, '+817000000021', p_confirmed => false) AS unconfirmed, t.patient(:east, '+817000000022') AS corrected, t.patient(:east, '+817000000023') AS mail_bounced \gset
INSERT INTO hersys.status_report (patient_id, centre_id, source, reported_at, temperature_c, symptoms)
VALUES (:reported, :east, 'page', '2022-08-03 06:59:59+09', 36.9, false), (:reported_last_night, :east, 'page', '2022-08-02 16:00:01+09', 36.9, false),
       (:reported_too_early, :east, 'page', '2022-08-02 16:00+09', 36.9, false);
WITH new AS (
    INSERT INTO hersys.status_report (patient_id, centre_id, source, reported_at, temperature_c, symptoms)
    VALUES (:corrected, :east, 'staff', '2022-08-02 10:00+09', 36.9, false) RETURNING id)
INSERT INTO hersys.status_report (id, patient_id, centre_id, source, reported_at, temperature_c, symptoms, superseded_by) OVERRIDING SYSTEM VALUE
SELECT -1, :corrected, :east, 'page', '2022-08-03 06:30+09', 36.9, false, id FROM new;
UPDATE hersys.patient SET ended_at = hersys.clock_now() WHERE id = :ended;
INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', '+817000000017', 'stop'), ('email', '+817000000023', 'bounce');
UPDATE hersys.phone SET quarantined_at = hersys.clock_now() WHERE number = '+817000000018';
SELECT t.at('2022-08-03 07:00+09') \g /dev/null
SELECT t.reminded() AS reminded \gset
SELECT ok(NOT '11' = ANY (:'reminded'), 'who has reported is not reminded');
SELECT ok(NOT '12' = ANY (:'reminded'), 'nor who reported since the last slot was due');
SELECT ok('13' = ANY (:'reminded'), 'who reported for that slot is');
SELECT ok(NOT '14' = ANY (:'reminded'), 'whose monitoring was ended is not');
SELECT ok(NOT '15' = ANY (:'reminded'), 'nor whose begins tomorrow');
SELECT ok(NOT '16' = ANY (:'reminded'), 'nor whose ended yesterday');
SELECT ok('20' = ANY (:'reminded'), 'whose lasts for this day alone is');
SELECT ok(NOT '17' = ANY (:'reminded'), 'who stopped our messages is not');
SELECT ok('23' = ANY (:'reminded'), 'who gets no mail gets an SMS');
SELECT ok(NOT '18' = ANY (:'reminded'), 'a quarantined phone gets nothing');
SELECT ok(NOT '19' = ANY (:'reminded'), 'nor does a landline');
SELECT ok('21' = ANY (:'reminded'), 'a phone that is not confirmed does');
SELECT ok(NOT '22' = ANY (:'reminded'), 'who has reported is not reminded because the report was corrected');
SELECT is(:'reminded'::text, '{01,02,13,20,21,23}', 'and that is all');

-- ------------------------------------------------------------------ families

UPDATE hersys.patient SET ended_at = hersys.clock_now();
SELECT t.at('2022-08-04 06:00+09') \g /dev/null
SELECT t.patient(:east, '+817000000031', '花子', p_language => 'ko') AS hanako, t.patient(:east, '+817000000031', '太郎', p_confirmed => false) AS taro,
       t.patient(:east, '+817000000032', '二郎') AS jiro, t.patient(:east, '+817000000032', '三郎') AS saburo \gset
INSERT INTO hersys.status_report (patient_id, centre_id, source, reported_at, temperature_c, symptoms) VALUES (:jiro, :east, 'page', '2022-08-04 06:30+09', 36.9, false);
SELECT t.at('2022-08-04 07:00+09') \g /dev/null
SELECT is(t.reminded(), '{31,32}', 'a family gets one message');
SELECT results_eq($$SELECT params, language::text FROM hersys.outbox WHERE recipient = '+817000000031'$$,
                  $$VALUES ('{"centre": "東保健所", "due": "09:00", "family": true, "member": "1", "members": [{"number": "1", "name": "花子"}, {"number": "2"}]}'::jsonb, 'ko')$$,
                  'with its members; no name where the phone is not confirmed to be his');
SELECT is((SELECT count(*) FROM hersys.reminder WHERE message_id = (SELECT id FROM hersys.outbox WHERE recipient = '+817000000031')), 2::bigint, 'each of them is reminded by it');
SELECT is((SELECT params - ARRAY['centre', 'due', 'family'] FROM hersys.outbox WHERE recipient = '+817000000032'),
          '{"member": "2", "members": [{"number": "2", "name": "三郎"}]}', 'who is left of a family has to say which member the report is for, as in the example');
SELECT t.centre('西保健所') AS west \gset
SELECT t.slot(:west, '07:00', '09:00') \g /dev/null
SELECT t.patient(:west, '+817000000031', 'Ana') \g /dev/null
SELECT t.later('5 min') \g /dev/null
SELECT is(t.reminded(), '{31}', 'another centre''s member of the phone gets a message of her own centre');
SELECT is((SELECT params ->> 'centre' || (params ->> 'members') FROM hersys.outbox WHERE recipient = '+817000000031' ORDER BY id DESC LIMIT 1), '西保健所[{"name": "Ana", "number": "3"}]',
          'which names her');

-- ------------------------------------------------------------------ chunks

UPDATE hersys.patient SET ended_at = hersys.clock_now();
SELECT t.at('2022-08-05 06:00+09') \g /dev/null
SELECT t.patient(:east, '+8170000001' || lpad(n::text, 2, '0')) FROM generate_series(1, 7) AS n \g /dev/null
SELECT t.patient(:east, '+817000000103') \g /dev/null
SELECT t.at('2022-08-05 07:00+09') \g /dev/null
INSERT INTO t.seen SELECT id FROM hersys.outbox;
-- The phones of those whose monitoring has ended stand before these: seventeen of them.
SELECT is(hersys.remind_due(19), 2, 'a chunk ends after as many phones as were asked for');
SELECT is((SELECT after_phone FROM hersys.reminder_pass WHERE slot_id = :morning AND day = '2022-08-05'), '+817000000102', 'and notes where it stopped');
SELECT is((SELECT completed_at FROM hersys.reminder_pass WHERE slot_id = :morning AND day = '2022-08-05'), NULL, 'it is not complete');
SELECT is(hersys.remind_due(3), 3, 'the next one goes on from there');
SELECT is(hersys.remind_due(3), 2, 'the last is shorter');
SELECT is((SELECT completed_at FROM hersys.reminder_pass WHERE slot_id = :morning AND day = '2022-08-05'), hersys.clock_now(), 'then the pass is complete');
SELECT is((SELECT count(*) FROM hersys.outbox WHERE kind = 'reminder' AND id NOT IN (SELECT id FROM t.seen)), 7::bigint, 'everybody was reminded, a family once');
SELECT t.reminded() \g /dev/null
SELECT t.patient(:east, '+817000000100') AS new \gset
SELECT is(t.reminded(), '{}', 'a new patient waits for the next pass');
SELECT t.later('5 min') \g /dev/null
SELECT is(t.reminded(), '{00}', 'which comes five minutes later, and reminds nobody else');
SELECT is(hersys.remind_due(0), NULL, 'a chunk of nothing is none');
SELECT t.later('5 min') \g /dev/null
SELECT is(hersys.remind_due(NULL), 0, 'and no limit is the usual one');

-- ------------------------------------------------------------------ time zones, midnight, summer time

UPDATE hersys.patient SET ended_at = hersys.clock_now();
DELETE FROM hersys.reminder; DELETE FROM hersys.reminder_pass; DELETE FROM hersys.slot;
SELECT t.centre('紐育', 'America/New_York') AS york \gset
SELECT t.slot(:east, '07:00', '08:30') AS tokyo_slot, t.slot(:york, '07:00', '08:30') AS york_slot \gset
SELECT t.patient(:east, '+817000000041', p_until => '2023-12-31') AS tokyo, t.patient(:york, '+817000000042', p_until => '2023-12-31') AS new_york \gset
SELECT t.at('2022-08-08 07:00+09') \g /dev/null
SELECT is(t.reminded(), '{41}', 'seven o''clock in Tokyo');
SELECT t.at('2022-08-08 06:59:59-04') \g /dev/null
SELECT is(t.reminded(), '{}', 'is not seven o''clock in New York');
SELECT t.at('2022-08-08 07:00-04') \g /dev/null
SELECT is(t.reminded(), '{42}', 'which comes later');
SELECT is((SELECT max(not_after) FROM hersys.outbox), '2022-08-08 08:30-04'::timestamptz, 'and is due by its own clock');
SELECT t.at('2022-12-08 06:59:59-05') \g /dev/null
SELECT is(t.reminded(), '{}', 'in winter an hour later by ours');
SELECT t.at('2022-12-08 07:00-05') \g /dev/null
SELECT is(t.reminded(), '{42}', 'at the same by theirs');

-- 2023-03-12: 01:59:59 EST is followed by 03:00:00 EDT. 2023-11-05: 01:59:59 EDT by 01:00:00 EST.
DELETE FROM hersys.reminder; DELETE FROM hersys.reminder_pass; DELETE FROM hersys.slot;
SELECT t.slot(:york, '02:10', '02:50') AS gap \gset
SELECT t.at('2023-03-11 02:20-05') \g /dev/null
SELECT is(t.reminded(), '{42}', 'a slot at ten past two');
SELECT t.at('2023-03-12 01:59:59-05') \g /dev/null
SELECT is(t.reminded(), '{}', 'on the day without that hour');
SELECT t.at('2023-03-12 03:10-04') \g /dev/null
SELECT is(t.reminded(), '{42}', 'is at ten past three');
SELECT results_eq(format('SELECT * FROM hersys.slot_window(%s, ''2023-03-12'')', :gap), $$VALUES ('2023-03-11 02:50-05'::timestamptz, '2023-03-12 03:50-04'::timestamptz)$$,
                  'its window ends an hour later than it is written');
DELETE FROM hersys.reminder; DELETE FROM hersys.reminder_pass; DELETE FROM hersys.slot;
SELECT t.slot(:york, '00:30', '01:45') AS twice \gset
SELECT t.at('2023-11-05 01:30-04') \g /dev/null
SELECT is(t.reminded(), '{42}', 'on the day that has an hour twice');
SELECT t.at('2023-11-05 01:30-05') \g /dev/null
SELECT is(t.reminded(), '{}', 'a patient is reminded once');
SELECT t.at('2023-11-05 07:00-05') \g /dev/null
SELECT is(t.claim(), '{}', 'and the reminder is over in time');

-- A slot that is due at midnight.
DELETE FROM hersys.reminder; DELETE FROM hersys.reminder_pass; DELETE FROM hersys.slot;
UPDATE hersys.patient SET ended_at = NULL, monitoring_until = '2023-12-31' WHERE id = :tokyo;
SELECT t.slot(:east, '22:00', '24:00') AS midnight \gset
SELECT results_eq(format('SELECT * FROM hersys.slot_window(%s, ''2022-08-01'')', :midnight), $$VALUES ('2022-08-01 00:00+09'::timestamptz, '2022-08-02 00:00+09'::timestamptz)$$,
                  'a slot that is due at midnight has the whole day');
SELECT t.at('2022-08-20 23:59:59+09') \g /dev/null
SELECT is(t.reminded(), '{41}', 'and reminds until its last second');
SELECT t.at('2022-08-21 00:00+09') \g /dev/null
SELECT is(t.reminded(), '{}', 'not at midnight');
SELECT is((SELECT day FROM hersys.reminder), '2022-08-20'::date, 'it was of the day before');
SELECT finish();
ROLLBACK;
