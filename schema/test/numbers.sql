-- numbers.sql - the health of numbers: what is learnt of them, who goes on the call list, and what falls over to e-mail.
BEGIN;
\ir fixture.psql
SELECT plan(86);

SELECT t.centre('東保健所') AS east \gset
SELECT t.slot(:east, '11:00', '14:00') AS slot \gset

-- Sends the next messages that are due to a telephone, with this outcome; their ids.
CREATE FUNCTION t.send(p_phone text, p_outcome text, p_error text DEFAULT NULL, p_name text DEFAULT NULL) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_id bigint;
BEGIN
    SELECT o.id INTO v_id FROM hersys.outbox o WHERE o.recipient = p_phone AND o.channel = 'sms' AND o.state <> 'sending' ORDER BY o.id LIMIT 1;
    UPDATE hersys.outbox o SET state = 'sending', owner = t.ours(), lease_until = clock_timestamp() + interval '1 min', epoch = o.epoch + 1 WHERE o.id = v_id;
    PERFORM t.finish(v_id, p_outcome, p_name, p_error);
    RETURN v_id;
END
$$;
CREATE FUNCTION t.why(p_phone text) RETURNS text LANGUAGE sql AS $$ SELECT unreachable_for FROM hersys.phone WHERE number = p_phone $$;
CREATE FUNCTION t.calls(p_patient bigint) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(reason || coalesce(' ' || closed_by, ''), ', ' ORDER BY id) FROM hersys.call_task WHERE patient_id = p_patient
$$;
CREATE FUNCTION t.reach(p_patient bigint) RETURNS text LANGUAGE sql AS $$ SELECT hersys.patient_sms_reach(p) FROM hersys.patient p WHERE id = p_patient $$;
CREATE FUNCTION t.mails() RETURNS SETOF hersys.outbox LANGUAGE sql AS $$ SELECT * FROM hersys.outbox WHERE channel = 'email' ORDER BY id $$;
CREATE FUNCTION t.takes_sms(p_patient bigint) RETURNS text LANGUAGE sql AS $$
    SELECT hersys.patient_json(p) ->> 'takes_sms' FROM hersys.patient p WHERE id = p_patient
$$;

-- ------------------------------------------------------------------ how a patient is reached

SELECT t.patient(:east, '+817000000001') AS one \gset
SELECT is(t.reach(:one), 'sms', 'a mobile number is reached by SMS');
SELECT t.patient(:east, NULL) AS silent, t.patient(:east, '+81300000000') AS landline \gset
SELECT is(t.reach(:silent) || ' ' || t.reach(:landline), 'none none', 'without telephone, and at a landline, a patient is not reached');
UPDATE hersys.patient SET email = 'a@example.jp' WHERE id IN (:silent, :landline);
SELECT is(t.reach(:silent) || ' ' || t.reach(:landline), 'email email', 'but by e-mail where there is an address');
INSERT INTO hersys.suppression (channel, address, reason) VALUES ('email', 'a@example.jp', 'bounce');
SELECT is(t.reach(:silent), 'none', 'to which mail does not come back');
SELECT t.patient(:east, '+817000000002') AS two \gset
UPDATE hersys.patient SET email = 'b@example.jp' WHERE id = :two;
SELECT is(t.reach(:two), 'sms', 'SMS goes before e-mail');
INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', '+817000000002', 'stop');
SELECT is(t.reach(:two), 'held', 'who has stopped gets nothing, by whatever way');
UPDATE hersys.suppression SET reason = 'staff' WHERE address = '+817000000002';
SELECT is(t.reach(:two), 'held', 'nor does whom staff says');
UPDATE hersys.suppression SET reason = 'wrong_number' WHERE address = '+817000000002';
SELECT is(t.reach(:two), 'held', 'nor a stranger''s number');
UPDATE hersys.suppression SET reason = 'carrier_opt_out' WHERE address = '+817000000002';
SELECT is(t.reach(:two), 'email', 'an opt-out at the carrier is about SMS');
UPDATE hersys.suppression SET reason = 'dead_number' WHERE address = '+817000000002';
SELECT is(t.reach(:two), 'email', 'so is a dead number');
DELETE FROM hersys.suppression;
UPDATE hersys.phone SET unreachable_at = hersys.clock_now(), unreachable_for = 'undelivered' WHERE number = '+817000000002';
SELECT is(t.reach(:two) || ' ' || t.takes_sms(:two), 'email false', 'and one that SMS does not reach, which the interface shows');
UPDATE hersys.phone SET quarantined_at = hersys.clock_now() WHERE number = '+817000000002';
SELECT is(t.reach(:two), 'held', 'a quarantine is stronger');
SELECT is(t.takes_sms(:one), 'true', 'a number that is well takes SMS');

-- ------------------------------------------------------------------ a number that does not exist

SELECT t.patient(:east, '+817000000091') AS dead, t.patient(:east, '+817000000091') AS sibling, t.patient(:east, '+817000000091') AS ended \gset
UPDATE hersys.patient SET ended_at = hersys.clock_now() WHERE id = :ended;
SELECT t.queue('reminder', '+817000000091') \g /dev/null
SELECT t.send('+817000000091', 'rejected', 'no_such_number') AS m \gset
SELECT is(t.state(:m), 'dead', 'the message is dead');
SELECT is(t.why('+817000000091'), 'number_dead', 'and so is the number');
SELECT is((SELECT unreachable_at FROM hersys.phone WHERE number = '+817000000091'), hersys.clock_now(), 'from now on');
SELECT is(t.calls(:dead) || ', ' || t.calls(:sibling), 'number_dead, number_dead', 'whom it would remind is called, the same day');
SELECT is(t.calls(:ended), NULL, 'nobody whose monitoring has ended');
SELECT is((SELECT count(*) FROM t.mails()), 0::bigint, 'without an address nothing is mailed');
SELECT t.queue('reminder', '+817000000091') \g /dev/null
SELECT t.send('+817000000091', 'rejected', 'landline') \g /dev/null
SELECT is(t.calls(:dead), 'number_dead', 'once while the call is open');

SELECT t.patient(:east, '+817000000003') AS three \gset
SELECT t.queue('reminder', '+817000000003') \g /dev/null
SELECT t.send('+817000000003', 'rejected', 'http_400') \g /dev/null
SELECT is(t.why('+817000000003'), NULL, 'a rejection that is not about the number says nothing of it');
SELECT t.queue('reminder', '+817000000003') \g /dev/null
SELECT t.send('+817000000003', 'rejected', NULL) \g /dev/null
SELECT is(t.why('+817000000003'), NULL, 'nor does one without a word');
SELECT t.queue('report_stored', '+817000000003') \g /dev/null
SELECT t.send('+817000000003', 'rejected', 'no_such_number') \g /dev/null
SELECT is(t.why('+817000000003'), NULL, 'nor one of an answer, whose asker has just written');
SELECT is(t.calls(:three), NULL, 'nobody has to call');
SELECT is(w || ' ' || hersys.error_is_of_number(w), w || ' true', w || ' is about the number')
FROM unnest(ARRAY['no_such_number', 'invalid_number', 'unknown_number', 'unreachable_number', 'landline', 'no_mobile_number', 'short_code', 'number_is_sender']) AS w;
SELECT is(w || ' ' || hersys.error_is_of_number(w), w || ' false', w || ' is not')
FROM unnest(ARRAY['text_too_long', 'filtered', 'region_not_permitted', 'number_not_verified', 'twilio_21999', 'number_format', '']) AS w;

-- ------------------------------------------------------------------ messages that are not delivered

SELECT t.patient(:east, '+817000000094') AS absent \gset
SELECT t.queue('reminder', '+817000000094') \g /dev/null
SELECT t.send('+817000000094', 'accepted', NULL, 'u-1') \g /dev/null
SELECT t.receipt('u-1', 'undelivered', 'absent') \g /dev/null
SELECT is(t.why('+817000000094'), NULL, 'one message that was not delivered says little');
SELECT t.queue('reminder', '+817000000094') \g /dev/null
SELECT t.send('+817000000094', 'accepted', NULL, 'u-2') \g /dev/null
SELECT t.receipt('u-2', 'delivered') \g /dev/null
SELECT t.queue('reminder', '+817000000094') \g /dev/null
SELECT t.send('+817000000094', 'accepted', NULL, 'u-3') \g /dev/null
SELECT t.receipt('u-3', 'undelivered', 'absent') \g /dev/null
SELECT is(t.why('+817000000094'), NULL, 'nor two with one between them that was');
SELECT t.receipt('u-3', 'undelivered', 'absent') \g /dev/null
SELECT is((SELECT failures::int FROM hersys.phone WHERE number = '+817000000094'), 1, 'nor a receipt that comes twice');
SELECT t.queue('reminder', '+817000000094') \g /dev/null
SELECT t.receipt('u-4', 'undelivered', 'absent') \g /dev/null
SELECT t.send('+817000000094', 'accepted', NULL, 'u-4') \g /dev/null
SELECT is(t.why('+817000000094'), 'undelivered', 'two in a row do, also where the receipt came before the answer');
SELECT is(t.calls(:absent), 'undelivered', 'the patient is called');
SELECT t.receipt('u-4', 'delivered') \g /dev/null
SELECT is(t.why('+817000000094'), NULL, 'a message that is delivered after all shows that it is reached');
SELECT is(t.calls(:absent), 'undelivered delivered', 'which is no reason to call any more');
SELECT is((SELECT failures::int FROM hersys.phone WHERE number = '+817000000094'), 0, 'and counting begins anew');
SELECT t.queue('reminder', '+817000000094') \g /dev/null
SELECT t.send('+817000000094', 'accepted', NULL, 'u-5') \g /dev/null
SELECT t.receipt('u-5', 'undelivered', 'unknown_number') \g /dev/null
SELECT is(t.why('+817000000094') || ' ' || t.calls(:absent), 'number_dead undelivered delivered, number_dead', 'a receipt that says that the number is dead is believed at once');
SELECT t.queue('reminder', '+817000000094') \g /dev/null
SELECT t.send('+817000000094', 'accepted', NULL, 'u-6') \g /dev/null
SELECT t.receipt('u-6', 'undelivered') \g /dev/null
SELECT is(t.why('+817000000094'), 'number_dead', 'and does not become less certain');

-- ------------------------------------------------------------------ an opt-out at the carrier

SELECT t.patient(:east, '+817000000095') AS gone \gset
SELECT t.queue('reminder', '+817000000095') \g /dev/null
SELECT t.send('+817000000095', 'opted_out', 'opted_out') \g /dev/null
SELECT is(t.why('+817000000095') || ' ' || t.calls(:gone), 'carrier_opt_out carrier_opt_out', 'who opts out at the carrier is called');
SELECT is((SELECT reason FROM hersys.suppression WHERE address = '+817000000095' AND ended_at IS NULL), 'carrier_opt_out', 'and gets no SMS');
SELECT t.queue('report_stored', '+817000000095') \g /dev/null
SELECT t.send('+817000000095', 'accepted', NULL, 'o-1') \g /dev/null
SELECT t.receipt('o-1', 'delivered') \g /dev/null
SELECT is(t.why('+817000000095'), 'carrier_opt_out', 'an answer that is delivered does not take that back');

-- ------------------------------------------------------------------ alive again, or another number

SELECT hersys.number_reached('+817000000091', 'reply') \g /dev/null
SELECT is(t.why('+817000000091'), NULL, 'a message from a number makes it one that is reached');
SELECT is(t.calls(:dead) || ', ' || t.calls(:sibling), 'number_dead reply, number_dead reply', 'and ends the calls');
SELECT is((SELECT closed_at FROM hersys.call_task WHERE patient_id = :dead), hersys.clock_now(), 'now');
SELECT hersys.number_reached('+817000000095', 'reply') \g /dev/null
SELECT is(t.calls(:gone) || ' ' || t.reach(:gone), 'carrier_opt_out none', 'but not what the carrier holds back');
SELECT hersys.call_add(:east, :absent, r) FROM unnest(ARRAY['undelivered', 'carrier_opt_out', 'no_sms', 'wrong_number', 'silent', 'stopped', 'end_of_monitoring']) AS r \g /dev/null
UPDATE hersys.patient SET phone = '+817000000004' WHERE id = :absent;
SELECT is((SELECT string_agg(reason, ', ' ORDER BY reason) FROM hersys.call_task WHERE patient_id = :absent AND closed_at IS NULL), 'end_of_monitoring, silent, stopped',
          'another telephone ends what was about the old one, and no more');
SELECT is((SELECT string_agg(DISTINCT closed_by, ', ') FROM hersys.call_task WHERE patient_id = :absent AND reason <> 'undelivered'), 'new_number', 'and says so');
SELECT is(t.reach(:absent), 'sms', 'the new one is not the old one');
SELECT results_eq('SELECT patient_id, phone::text, until FROM hersys.phone_history', format($$VALUES (%s::bigint, '+817000000094', hersys.clock_now())$$, :absent), 'which is remembered as the patient''s');
SELECT t.later('1 day') \g /dev/null
UPDATE hersys.patient SET phone = NULL WHERE id = :absent;
SELECT t.later('6 days' - interval '1 second') \g /dev/null
SELECT hersys.housekeeping() \g /dev/null
SELECT is((SELECT count(*) FROM hersys.phone_history), 2::bigint, 'for seven days');
SELECT t.later('1 second') \g /dev/null
SELECT hersys.housekeeping() \g /dev/null
SELECT is((SELECT string_agg(phone, ',') FROM hersys.phone_history), '+817000000004', 'and not longer, whether anybody changes a telephone or not');
SELECT t.at('2022-08-01 12:00+09') \g /dev/null

-- ------------------------------------------------------------------ falling over: links

DELETE FROM hersys.outbox;
SELECT t.patient(:east, '+817000000191') AS link_to \gset
UPDATE hersys.patient SET email = 'c@example.jp' WHERE id = :link_to;
SELECT link_id AS link, message_id AS message FROM t.link_send(:link_to) \gset
SELECT t.send('+817000000191', 'rejected', 'no_such_number') \g /dev/null
SELECT results_eq('SELECT kind, recipient, patient_id, params ->> ''input_id'' FROM t.mails()',
                  format($$SELECT 'registration_link', 'c@example.jp', id, input_id::text FROM hersys.patient WHERE id = %s$$, :link_to), 'a link that did not arrive goes by e-mail');
SELECT results_eq(format('SELECT id = %s, channel::text, recipient, key_id::int, generation, requested_by, revoked_at IS NULL FROM hersys.registration_link WHERE patient_id = %s ORDER BY id', :link, :link_to),
                  $$VALUES (true, 'sms', '+817000000191', 1, 1, 'tester', false), (false, 'email', 'c@example.jp', 1, 2, 'hersys', true)$$, 'as a new one, which ends the old one');
SELECT isnt((SELECT salt FROM hersys.registration_link WHERE patient_id = :link_to AND channel = 'email'), (SELECT salt FROM hersys.registration_link WHERE id = :link), 'with a salt of its own');
SELECT is((SELECT octet_length(salt) FROM hersys.registration_link WHERE patient_id = :link_to AND channel = 'email'), 16, 'of sixteen bytes');
SELECT is(t.claim(p_channel => 'email'), ARRAY(SELECT id FROM t.mails()), 'nothing speaks against its sending');
SELECT t.finish((SELECT id FROM t.mails()), 'rejected', NULL, 'smtp_550') \g /dev/null
SELECT is_empty('SELECT * FROM hersys.outbox', 'a mail falls over to nothing');
SELECT t.patient(:east, '+817000000192') AS link_to \gset
UPDATE hersys.patient SET email = 'd@example.jp' WHERE id = :link_to;
SELECT message_id AS message FROM t.link_send(:link_to) \gset
SELECT t.link_send(:link_to) \g /dev/null
SELECT t.send('+817000000192', 'rejected', 'no_such_number') \g /dev/null
SELECT is((SELECT count(*) FROM t.mails()), 0::bigint, 'a link that was ended meanwhile falls over to nothing');
INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', '+817000000192', 'stop');
SELECT t.send('+817000000192', 'rejected', 'no_such_number') \g /dev/null
SELECT is((SELECT count(*) FROM t.mails()), 0::bigint, 'nor does one to somebody who has stopped messages');

-- ------------------------------------------------------------------ falling over: reminders

DELETE FROM hersys.outbox;
-- A household of three, two of whom have an address, of whom one shares it with another.
CREATE FUNCTION t.household(p_phone text, p_addresses text[]) RETURNS bigint[] LANGUAGE sql AS $$
    WITH made AS (SELECT a, place, t.patient((SELECT min(id) FROM hersys.centre), p_phone, '例' || place) AS id FROM unnest(p_addresses) WITH ORDINALITY AS g (a, place))
    SELECT array_agg(id ORDER BY place) FROM made
$$;
CREATE FUNCTION t.remind_household(p_ids bigint[], p_phone text, p_slot bigint, p_day date) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_id bigint := nextval('hersys.message_id');
    v_centre bigint := (SELECT min(id) FROM hersys.centre);
BEGIN
    INSERT INTO hersys.reminder (patient_id, day, slot_id, centre_id, message_id) SELECT id, p_day, p_slot, v_centre, v_id FROM unnest(p_ids) AS id;
    INSERT INTO hersys.outbox (id, kind, language, params, channel, recipient, centre_id, patient_id, priority, begun_by_us, at_most_once, not_before, not_after)
    VALUES (v_id, 'reminder', 'ja', '{"centre": "東保健所", "due": "14:00", "family": true, "member": "1", "members": [{"number": "1"}, {"number": "2"}, {"number": "3"}]}', 'sms', p_phone, v_centre, p_ids[1],
            3, true, false, hersys.clock_now(), '2022-08-01 14:00+09');
    RETURN v_id;
END
$$;
SELECT t.household('+817000000291', '{x,y,z}') AS family \gset
UPDATE hersys.patient SET email = 'e@example.jp' WHERE id IN ((:'family'::bigint[])[1], (:'family'::bigint[])[3]);
UPDATE hersys.patient SET email = 'f@example.jp', language = 'en' WHERE id = (:'family'::bigint[])[2];
SELECT t.remind_household(:'family', '+817000000291', :slot, '2022-08-01') AS m \gset
SELECT t.send('+817000000291', 'rejected', 'no_such_number') \g /dev/null
SELECT results_eq('SELECT kind, recipient, language::text, patient_id, params, not_after FROM t.mails()', format($$VALUES
    ('reminder', 'e@example.jp', 'ja', %s::bigint, '{"centre": "東保健所", "due": "14:00", "centre_phone": "03-0000-0000", "family": true, "members": [{"number": "1", "name": "例1"}, {"number": "3", "name": "例3"}]}'::jsonb,
     '2022-08-01 14:00+09'::timestamptz),
    ('reminder', 'f@example.jp', 'en', %s, '{"centre": "東保健所", "due": "14:00", "centre_phone": "03-0000-0000"}', '2022-08-01 14:00+09')$$,
    (:'family'::bigint[])[1], (:'family'::bigint[])[2]), 'a family''s reminder goes to each address of its members, with whom it is for, until the same time');
SELECT is((SELECT array_agg(r.message_id ORDER BY r.patient_id) FROM hersys.reminder r WHERE r.patient_id = ANY (:'family')),
          (SELECT ARRAY[min(id), max(id), min(id)] FROM t.mails()), 'each is reminded by the mail then');
SELECT is(t.claim(p_channel => 'email'), ARRAY(SELECT id FROM t.mails()), 'which goes out');
SELECT is((SELECT count(*) FROM hersys.call_task WHERE patient_id = ANY (:'family') AND reason = 'number_dead'), 3::bigint, 'all the same all three are called');
DELETE FROM hersys.outbox;

SELECT t.household('+817000000294', '{x,y}') AS family \gset
UPDATE hersys.patient SET email = 'g@example.jp' WHERE id = (:'family'::bigint[])[2];
SELECT t.remind_household(:'family', '+817000000294', :slot, '2022-08-01') AS m \gset
SELECT t.send('+817000000294', 'accepted', NULL, 'f-1') \g /dev/null
SELECT t.receipt('f-1', 'undelivered') \g /dev/null
SELECT is((SELECT string_agg(recipient, ',') FROM t.mails()), 'g@example.jp', 'what was not delivered goes by e-mail, also the first time');
SELECT is((SELECT message_id FROM hersys.reminder WHERE patient_id = (:'family'::bigint[])[1]), :m::bigint, 'who has no address keeps the SMS');
SELECT t.receipt('f-1', 'undelivered') \g /dev/null
SELECT hersys.outbox_retry(:m, 'tester') \g /dev/null
SELECT t.send('+817000000294', 'rejected', 'http_400') \g /dev/null
SELECT is((SELECT count(*) FROM t.mails()), 1::bigint, 'once a message, whatever is tried again');
UPDATE hersys.outbox SET not_before = hersys.clock_now();
SELECT is(cardinality(t.claim(p_channel => 'email')), 1, 'and it is sent');
DELETE FROM hersys.outbox;

SELECT t.household('+817000000295', '{x}') AS one \gset
UPDATE hersys.patient SET email = 'h@example.jp' WHERE id = (:'one'::bigint[])[1];
SELECT t.remind_household(:'one', '+817000000295', :slot, '2022-08-01') \g /dev/null
SELECT t.send('+817000000295', 'opted_out', 'opted_out') \g /dev/null
SELECT is((SELECT string_agg(recipient, ',') FROM t.mails()), 'h@example.jp', 'an opt-out at the carrier is no stop: e-mail takes over');
SELECT t.household('+817000000296', '{x}') AS other \gset
UPDATE hersys.patient SET email = 'i@example.jp' WHERE id = (:'other'::bigint[])[1];
SELECT t.remind_household(:'other', '+817000000296', :slot, '2022-08-01') \g /dev/null
UPDATE hersys.phone SET quarantined_at = hersys.clock_now() WHERE number = '+817000000296';
SELECT t.send('+817000000296', 'rejected', 'no_such_number') \g /dev/null
SELECT is((SELECT count(*) FROM t.mails() WHERE recipient = 'i@example.jp'), 0::bigint, 'a quarantine is one: nothing is sent');

-- The end of monitoring, to whom it is about.
DELETE FROM hersys.outbox;
SELECT t.patient(:east, '+817000000391') AS over \gset
UPDATE hersys.patient SET email = 'j@example.jp', ended_at = hersys.clock_now() WHERE id = :over;
SELECT hersys.outbox_enqueue('monitoring_ended', 'ja', '{"centre": "東保健所", "centre_phone": "03-0000-0000"}', 'sms', '+817000000391', 'end', :east, :over) \g /dev/null
SELECT t.send('+817000000391', 'rejected', 'no_such_number') \g /dev/null
SELECT results_eq('SELECT kind, recipient, params FROM t.mails()', $$VALUES ('monitoring_ended', 'j@example.jp', '{"centre": "東保健所", "centre_phone": "03-0000-0000"}'::jsonb)$$, 'that monitoring has ended is mailed, too');
SELECT t.queue('help', '+817000000391') \g /dev/null
SELECT t.send('+817000000391', 'rejected', 'no_such_number') \g /dev/null
SELECT is((SELECT count(*) FROM t.mails()), 1::bigint, 'an answer to an SMS is not');

-- ------------------------------------------------------------------ quiet hours

DELETE FROM hersys.outbox;
UPDATE hersys.centre SET quiet_from = '21:00', quiet_until = '08:00' WHERE id = :east;
SELECT t.at('2022-08-01 20:59:59.9+09') \g /dev/null
SELECT array_agg(t.patient(:east, '+8170000005' || lpad(n::text, 2, '0'))) AS many FROM generate_series(1, 4) AS n \gset
SELECT hersys.link_batch(:'many', 'sms', 1, array_fill(decode(repeat('00', 16), 'hex'), ARRAY[4]), 'tester') \g /dev/null
SELECT results_eq('SELECT not_before FROM hersys.outbox ORDER BY id', $$VALUES ('2022-08-01 20:59:59.9+09'::timestamptz), ('2022-08-02 08:00+09'), ('2022-08-02 08:00:00.1+09'), ('2022-08-02 08:00:00.2+09')$$,
                  'links that would fall into quiet hours go out after them, at the centre''s pace');
SELECT is((SELECT array_agg(l.expires_at - o.not_before ORDER BY o.id) FROM hersys.registration_link l JOIN hersys.outbox o ON o.link_id = l.id),
          array_fill('72 hours'::interval, ARRAY[4]), 'and live for 72 hours from then');
SELECT t.at('2022-08-02 03:00+09') \g /dev/null
SELECT hersys.link_batch(ARRAY[t.patient(:east, '+817000000601'), t.patient(:east, '+817000000602')], 'sms', 1, array_fill(decode(repeat('00', 16), 'hex'), ARRAY[2]), 'tester') \g /dev/null
SELECT results_eq('SELECT not_before FROM hersys.outbox ORDER BY id OFFSET 4', $$VALUES ('2022-08-02 08:00+09'::timestamptz), ('2022-08-02 08:00:00.1+09')$$, 'so do those that are asked for at night');
SELECT hersys.link_batch(ARRAY[t.patient(:east, '+817000000603')], 'sms', 1, array_fill(decode(repeat('00', 16), 'hex'), ARRAY[1]), 'tester') \g /dev/null
SELECT is((SELECT max(not_before) FROM hersys.outbox), '2022-08-02 08:00:00.2+09'::timestamptz, 'one behind the other');
SELECT finish();
ROLLBACK;
