-- outbox_claim.sql - queuing, the order of claims, and what is not sent any more.
BEGIN;
\ir fixture.psql
SELECT plan(44);

SELECT t.centre('東保健所') AS east \gset
SELECT t.slot(:east, '07:00', '16:00') AS slot \gset

-- ------------------------------------------------------------------ asking

SELECT hersys.outbox_enqueue('report_stored', 'ko', '{"a": 1}', 'sms', '+817000000001', 'once', :east, NULL) AS once \gset
SELECT is(hersys.outbox_enqueue('report_stored', 'ko', '{}', 'sms', '+817000000001', 'once', :east, NULL), NULL, 'asking twice is harmless');
SELECT is((SELECT count(*) FROM hersys.outbox), 1::bigint, 'and makes one message');
SELECT results_eq(format('SELECT language::text, params, priority::int, begun_by_us, not_after - not_before FROM hersys.outbox WHERE id = %s', :once),
                  $$VALUES ('ko', '{"a": 1}'::jsonb, 1, false, interval '6 hours')$$, 'a message has the class of its kind');
SELECT throws_ok($$SELECT hersys.outbox_enqueue('greeting', 'ja', '{}', 'sms', '+817000000001', 'x', NULL, NULL)$$, 'HS001', NULL,
                 'a kind that nobody knows');
DELETE FROM hersys.outbox;

-- ------------------------------------------------------------------ order

SELECT t.later('-3 min') \g /dev/null
SELECT t.queue('reminder') AS reminder_1, t.queue('reminder') AS reminder_2 \gset
UPDATE hersys.outbox SET kind = 'not_understood' WHERE id IN (:reminder_1, :reminder_2);
SELECT t.later('1 min') \g /dev/null
SELECT t.queue('registration_link') AS link \gset
SELECT t.later('1 min') \g /dev/null
SELECT t.queue('report_stored') AS answer \gset
SELECT t.later('1 min') \g /dev/null
SELECT t.queue('report_urgent') AS urgent \gset
SELECT is(t.claim(2), ARRAY[:urgent, :answer]::bigint[], 'red flags before answers, though they came later');
SELECT is(t.claim(2), ARRAY[:link, :reminder_1]::bigint[], 'answers before links, links before reminders');
SELECT is(t.claim(), ARRAY[:reminder_2]::bigint[], 'of one class, the one that has waited longest');
SELECT is(t.claim(), '{}', 'nothing is claimed twice');
SELECT results_eq(format('SELECT state::text, owner, epoch, lease_until > clock_timestamp() FROM hersys.outbox WHERE id = %s', :urgent),
                  $$VALUES ('sending', t.ours(), 1, true)$$, 'a claim writes owner, lease and epoch');
SELECT is((SELECT count(*) FROM hersys.outbox WHERE lease_until > clock_timestamp() + interval '61 s'), 0::bigint,
          'a lease is of the real time, whatever the clock of the domain says');
DELETE FROM hersys.outbox;

SELECT t.queue(p_channel => 'email', p_recipient => 'someone@example.org') AS mail, t.queue() AS sms \gset
SELECT is(t.claim(), ARRAY[:sms]::bigint[], 'a claim is for a channel');
SELECT is(t.claim(p_channel => 'email'), ARRAY[:mail]::bigint[], 'each for its own');
SELECT is(t.claim(0), '{}', 'a claim of nothing');
DELETE FROM hersys.outbox;

SELECT t.queue() AS soon \gset
UPDATE hersys.outbox SET not_before = hersys.clock_now() + interval '1 s' WHERE id = :soon;
SELECT is(t.claim(), '{}', 'nothing before its time');
SELECT t.later('1 s') \g /dev/null
SELECT is(t.claim(), ARRAY[:soon]::bigint[], 'then at once');
DELETE FROM hersys.outbox;

SELECT t.queue(p_not_after => hersys.clock_now() + interval '10 min') AS late, t.queue(p_not_after => hersys.clock_now() + interval '11 min') AS in_time \gset
SELECT t.later('10 min') \g /dev/null
SELECT is(t.claim(), ARRAY[:in_time]::bigint[], 'nothing at not_after or later');
SELECT is(t.state(:late), 'expired', 'it has expired');
SELECT is((SELECT finished_at FROM hersys.outbox_history WHERE id = :late), hersys.clock_now(), 'at that time');
DELETE FROM hersys.outbox;

-- ------------------------------------------------------------------ what a claim ends

SELECT t.queue('report_stored', '+817000000011') AS answer, t.queue('reminder', '+817000000011') AS reminder,
       t.queue('registration_link', '+817000000011', p_channel => 'email') AS other_channel \gset
INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', '+817000000011', 'stop');
SELECT is(t.claim(), ARRAY[:answer]::bigint[], 'an answer goes to whoever stopped our messages');
SELECT is(t.state(:reminder), 'suppressed', 'what we begin does not');
SELECT is(t.claim(p_channel => 'email'), ARRAY[:other_channel]::bigint[], 'a suppression is for a channel');
UPDATE hersys.suppression SET ended_at = hersys.clock_now();
DELETE FROM hersys.outbox;
SELECT t.queue('registration_link', '+817000000011') AS again \gset
SELECT is(t.claim(), ARRAY[:again]::bigint[], 'a suppression that has ended holds nothing back');
DELETE FROM hersys.outbox;

SELECT t.queue('registration_link', '+817000000012') AS link, t.queue('unknown_sender', '+817000000012') AS answer \gset
INSERT INTO hersys.phone (number, quarantined_at) VALUES ('+817000000012', hersys.clock_now());
SELECT is(t.claim(), ARRAY[:answer]::bigint[], 'what we begin does not go to a phone from which somebody else answered');
SELECT is(t.state(:link), 'suppressed', 'it is suppressed');
DELETE FROM hersys.outbox;

SELECT t.patient(:east, '+817000000020') AS alice \gset
SELECT link_id AS old_link, message_id AS old_message FROM t.link_send(:alice) \gset
SELECT link_id AS new_link, message_id AS new_message FROM t.link_send(:alice) \gset
SELECT is(t.claim(), ARRAY[:new_message]::bigint[], 'a link that was replaced is not sent');
SELECT is(t.state(:old_message), 'cancelled', 'its message is cancelled');
SELECT results_eq(format($$SELECT kind, link_id, link_key_id, link_salt, link_generation FROM hersys.outbox_claim(gen_random_uuid(), 'sms', 1, '60 s')$$),
                  $$SELECT ''::text, 0::bigint, 0, ''::text, 0 WHERE false$$, 'nor again');
UPDATE hersys.outbox SET state = 'queued', owner = NULL, lease_until = NULL WHERE id = :new_message;
SELECT results_eq($$SELECT kind, link_id, link_key_id, link_salt, link_generation FROM hersys.outbox_claim(gen_random_uuid(), 'sms', 1, '60 s')$$,
                  format($$VALUES ('registration_link', %s::bigint, 1, '000102030405060708090a0b0c0d0e0f', 2)$$, :new_link),
                  'a claim brings what a link is minted from');
UPDATE hersys.outbox SET state = 'queued', owner = NULL, lease_until = NULL WHERE id = :new_message;
UPDATE hersys.registration_link SET consumed_at = hersys.clock_now() WHERE id = :new_link;
SELECT is(t.claim(), '{}', 'a link that was used is not sent');
SELECT is(t.state(:new_message), 'cancelled', 'cancelled');

SELECT t.patient(:east, '+817000000021') AS bob \gset
SELECT message_id AS message FROM t.link_send(:bob) \gset
UPDATE hersys.patient SET phone = '+817000000022' WHERE id = :bob;
SELECT is(t.claim(), '{}', 'a link does not go to the phone that the patient had');
SELECT is(t.state(:message), 'cancelled', 'it is cancelled when the phone has changed');

SELECT message_id AS message FROM t.link_send(:bob) \gset
UPDATE hersys.patient SET ended_at = hersys.clock_now() WHERE id = :bob;
SELECT is(t.claim(), '{}', 'nor to whom is not monitored any more');
UPDATE hersys.patient SET ended_at = NULL WHERE id = :bob;
SELECT link_id AS link, message_id AS message FROM t.link_send(:bob) \gset
UPDATE hersys.outbox SET not_after = hersys.clock_now() + interval '5 days' WHERE id = :message;
SELECT t.later('72 h') \g /dev/null
SELECT is(t.claim(), '{}', 'a link that has expired is not sent');
SELECT is(t.state(:message), 'cancelled', 'but cancelled');
SELECT t.later('-72 h') \g /dev/null

-- Reminders: asked again immediately before sending.
DELETE FROM hersys.outbox;
SELECT t.patient(:east, '+817000000031') AS reported, t.patient(:east, '+817000000032') AS silent, t.patient(:east, '+817000000033') AS ended,
       t.patient(:east, '+817000000034') AS moved, t.patient(:east, '+817000000035') AS sister, t.patient(:east, '+817000000035') AS brother,
       t.patient(:east, '+817000000036') AS shortened \gset
SELECT is(t.remind(), 8, 'nine patients have eight phones, and are reminded');
SELECT t.receive('+817000000031') \g /dev/null
SELECT t.receive('+817000000035', t.report(p_member => '1')) \g /dev/null
UPDATE hersys.patient SET ended_at = hersys.clock_now() WHERE id = :ended;
UPDATE hersys.patient SET phone = '+817000000039' WHERE id = :moved;
UPDATE hersys.patient SET monitoring_until = '2022-07-31' WHERE id = :shortened;
SELECT results_eq($$
    SELECT c.recipient FROM hersys.outbox_claim(t.ours(), 'sms', 100, '60 s') AS c WHERE c.kind = 'reminder' ORDER BY 1$$,
    ARRAY['+817000000020', '+817000000022', '+817000000032', '+817000000035'], 'a reminder goes to whoever is still to report');
SELECT is(t.state(m.message_id), 'cancelled', 'a reminder is cancelled at the claim when the report is in')
FROM hersys.reminder m WHERE patient_id = :reported;
SELECT is(t.state(m.message_id), 'cancelled', 'and when the monitoring has ended') FROM hersys.reminder m WHERE patient_id = :ended;
SELECT is(t.state(m.message_id), 'cancelled', 'or was cut short') FROM hersys.reminder m WHERE patient_id = :shortened;
SELECT is(t.state(m.message_id), 'cancelled', 'or the phone is another') FROM hersys.reminder m WHERE patient_id = :moved;
SELECT is(t.state(m.message_id), 'sending', 'a family''s goes out while one of them is to report') FROM hersys.reminder m WHERE patient_id = :sister;

-- Many that must not go out stand before one that must.
DELETE FROM hersys.outbox;
INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', '+817000000041', 'stop');
SELECT count(t.queue('registration_link', '+817000000041')) FROM generate_series(1, 300) \g /dev/null
SELECT t.queue('registration_link', '+817000000042') AS good \gset
SELECT is(t.claim(10), ARRAY[:good]::bigint[], 'what must not go out does not stand in the way of what must');
SELECT is((SELECT count(*) FROM hersys.outbox_history WHERE state = 'suppressed' AND recipient = '+817000000041'), 300::bigint, 'it is ended on the way');
SELECT finish();
ROLLBACK;
