-- api_codes.sql - confirmation codes by the interface: asked for, within limits; tried, five times; consumed, once.
BEGIN;
\ir fixture.psql
\ir api.psql
SELECT plan(87);

SELECT t.centre('東保健所') AS east \gset
SELECT t.centre('西保健所') AS west \gset
SELECT t.token(:east, 'sato') AS sato \gset
SELECT t.token(:west, 'tanaka') AS tanaka \gset
GRANT USAGE ON SCHEMA t TO t_gateway;

CREATE FUNCTION t.code(p_kid text, p_recipient text DEFAULT 'a@example.jp', p_client text DEFAULT NULL, p_key text DEFAULT NULL, p_language text DEFAULT NULL,
                       p_digits integer DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
    SELECT t.ask(t.by(p_kid, 'codes', p_key), format('v1_code_request($1, %L, %L, %L, %L, 1, t.salt(), t.hash(%L), t.hash(%L))',
                 CASE WHEN p_recipient ~ '@' THEN 'email' ELSE 'sms' END, p_recipient, p_language, p_digits, p_recipient, p_client))
$$;
CREATE FUNCTION t.id(p_answer jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT (p_answer ->> 'id')::bigint $$;
CREATE FUNCTION t.code(p_act text, p_kid text, p_id bigint, p_key text DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
    SELECT t.ask(t.by(p_kid, 'codes', p_key), format('v1_code_%s($1, %s)', p_act, p_id))
$$;
-- How many of p_count requests for a code, p_every apart, are answered; the clock stays where the last was asked.
CREATE FUNCTION t.codes(p_kid text, p_recipient text, p_count integer, p_every interval, p_client text DEFAULT NULL) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_good bigint := 0;
BEGIN
    FOR i IN 1..p_count LOOP
        v_good := v_good + (t.code(p_kid, replace(p_recipient, 'N', i::text), p_client) ? 'id')::integer;
        PERFORM t.later(p_every);
    END LOOP;
    RETURN v_good;
END
$$;

-- ------------------------------------------------------------------ asked for

SELECT t.code(:'sato') AS asked \gset
SELECT is(:'asked'::jsonb - 'id', '{"status": 202, "channel": "email", "expires_at": "2022-08-01T03:30:00.000Z", "resend_after": "2022-08-01T03:01:00.000Z"}'::jsonb,
          'a code by e-mail lives for half an hour');
SELECT results_eq(format('SELECT recipient, centre_id, key_id::int, salt, generation, digits::int, attempts::int, expires_at - created_at FROM hersys.confirmation WHERE id = %s', t.id(:'asked')),
                  format($$VALUES ('a@example.jp', %s::bigint, 1, t.salt(), 1, 6, 0, interval '30 minutes')$$, :east), 'and is made of what the daemon brings');
SELECT results_eq(format('SELECT kind, language::text, params, channel::text, recipient, centre_id, priority::int, begun_by_us, not_after - not_before FROM hersys.outbox WHERE id = (SELECT message_id FROM hersys.confirmation WHERE id = %s)', t.id(:'asked')),
                  format($$VALUES ('confirmation_code', 'ja', '{"centre": "東保健所", "centre_phone": "03-0000-0000", "minutes": 30}'::jsonb, 'email', 'a@example.jp', %s::bigint, 0, false, interval '30 minutes')$$, :east),
                  'its message goes out before everything else, while the code lives');
SELECT is((SELECT string_agg(actor || ' ' || action || ' ' || subject || ' ' || subject_id, ',') FROM hersys.audit WHERE subject = 'code'), format('api:sato code_request code %s', t.id(:'asked')), 'who asked is in the audit trail');
SELECT is_empty($$SELECT FROM hersys.code_counter WHERE encode(name, 'escape') ~ '@' OR name <> t.hash('a@example.jp')$$, 'what is counted is a hash');
SELECT is(t.code('get', :'sato', t.id(:'asked')) - 'message', jsonb_build_object('status', 200, 'id', t.id(:'asked'), 'channel', 'email', 'state', 'open', 'attempts_left', 5, 'expires_at', '2022-08-01T03:30:00.000Z'),
          'a code can be looked at');
SELECT is(t.code('get', :'sato', t.id(:'asked')) -> 'message' ->> 'state', 'queued', 'and its message');
SELECT is(t.code(:'sato', '+817000000001') ->> 'expires_at', '2022-08-01T03:10:00.000Z', 'a code by SMS lives for ten minutes');
SELECT is((SELECT o.params ->> 'minutes' FROM hersys.outbox o WHERE recipient = '+817000000001'), '10', 'as its text says');
SELECT t.code(:'sato', 'b@example.jp', p_language => 'pt') \g /dev/null
SELECT is((SELECT language::text FROM hersys.outbox WHERE recipient = 'b@example.jp'), 'pt', 'the message is in the language of the request');
SELECT t.code(:'sato', 'c@example.jp', p_digits => 8) \g /dev/null
SELECT is((SELECT digits::int FROM hersys.confirmation WHERE recipient = 'c@example.jp'), 8, 'a code may have eight digits');

SELECT is(t.refusal(t.ask(t.by(:'sato', 'codes'), format('v1_code_request($1, %s)', a))), e, a)
FROM (VALUES
    ('''fax'', ''a@example.jp'', NULL, 6, 1, t.salt(), t.salt(), NULL', 'HS010 a code goes by sms or email /channel'),
    ('NULL, ''a@example.jp'', NULL, 6, 1, t.salt(), t.salt(), NULL', 'HS010 a code goes by sms or email /channel'),
    ('''sms'', ''a@example.jp'', NULL, 6, 1, t.salt(), t.salt(), NULL', 'HS010 the value is not possible /recipient'),
    ('''email'', ''+817000000001'', NULL, 6, 1, t.salt(), t.salt(), NULL', 'HS010 the value is not possible /recipient'),
    ('''email'', ''A@example.jp'', NULL, 6, 1, t.salt(), t.salt(), NULL', 'HS010 the value is not possible /recipient'),
    ('''email'', NULL, NULL, 6, 1, t.salt(), t.salt(), NULL', 'HS010 there has to be a value /recipient'),
    ('''email'', ''d@example.jp'', ''zh'', 6, 1, t.salt(), t.salt(), NULL', 'HS010 the value is not possible /language'),
    ('''email'', ''d@example.jp'', NULL, 7, 1, t.salt(), t.salt(), NULL', 'HS010 a code has N or N digits /digits'),
    ('''email'', ''d@example.jp'', NULL, 6, 0, t.salt(), t.salt(), NULL', 'HS001 a code wants a key, a salt, and names to count by'),
    ('''email'', ''d@example.jp'', NULL, 6, 1, NULL, t.salt(), NULL', 'HS001 a code wants a key, a salt, and names to count by'),
    ('''email'', ''d@example.jp'', NULL, 6, 1, t.salt(), NULL, NULL', 'HS001 a code wants a key, a salt, and names to count by'),
    ('''email'', ''d@example.jp'', NULL, 6, 1, t.salt(), t.salt(), ''\x00''', 'HS001 a code wants a key, a salt, and names to count by')) AS w (a, e);
SELECT is(t.refusal(t.code(:'sato', '+81300000000')), 'HS004 this number takes no SMS', 'no code to a landline');
SELECT is(t.refusal(t.code(:'sato', '+12025550100')), 'HS004 this number takes no SMS', 'nor abroad');
INSERT INTO hersys.phone (number, quarantined_at) VALUES ('+817000000009', hersys.clock_now());
SELECT is(t.refusal(t.code(:'sato', '+817000000009')), 'HS004 this number is quarantined: somebody else answered from it', 'nor to a stranger');
INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', '+817000000008', 'stop'), ('email', 'stop@example.jp', 'bounce');
SELECT is(t.refusal(t.code(:'sato', '+817000000008')), 'HS004 this address takes no messages', 'nor to who stopped');
SELECT is(t.refusal(t.code(:'sato', 'stop@example.jp')), 'HS004 this address takes no messages', 'nor where mail comes back');
SELECT is((SELECT count(*) FROM hersys.confirmation), 4::bigint, 'what is refused makes no code');
SELECT is((SELECT count(*) FROM hersys.code_counter), 4::bigint, 'and counts for nothing');

-- ------------------------------------------------------------------ the limits

SELECT t.at('2022-08-02 12:00+09') \g /dev/null
SELECT t.code(:'sato') AS first \gset
SELECT t.later('59 seconds') \g /dev/null
SELECT is(t.code(:'sato') - 'message', '{"error": "HS007", "detail": "1"}', 'a code is not sent again within a minute');
SELECT is(t.code(:'tanaka') ->> 'error', 'HS007', 'by no centre');
SELECT is(t.code(:'sato', 'e@example.jp') ->> 'status', '202', 'but to another address');
SELECT t.later('1 second') \g /dev/null
SELECT t.code(:'sato') AS second \gset
SELECT is(:'second'::jsonb ->> 'status', '202', 'after the minute it is');
SELECT is(t.code('get', :'sato', t.id(:'first')) ->> 'state', 'ended', 'which ends the one before');
SELECT results_eq('SELECT generation FROM hersys.confirmation WHERE recipient = ''a@example.jp'' ORDER BY id', 'VALUES (1), (2), (3)', 'each is of the next generation');
SELECT results_eq('SELECT code_digits, code_key_id, code_salt, code_generation FROM hersys.outbox_claim(t.ours(), ''email'', 100, ''60 s'') WHERE recipient = ''a@example.jp''',
                  $$VALUES (6, 1, '000102030405060708090a0b0c0d0e0f', 3)$$, 'a claim brings what the code is minted from');
SELECT is(t.code('get', :'sato', t.id(:'first')) -> 'message' ->> 'state', 'cancelled', 'whose message does not go out');
SELECT is(t.code('get', :'sato', t.id(:'second')) -> 'message' ->> 'state', 'sending', 'as the new one does');
SELECT is(cardinality(t.claim()), 0, 'a code whose time is over');
SELECT is(t.state((SELECT message_id FROM hersys.confirmation WHERE recipient = '+817000000001')), 'expired', 'is sent to nobody');
SELECT t.later('1 minute') \g /dev/null
SELECT t.code(:'tanaka') AS theirs \gset
SELECT is(t.code('get', :'sato', t.id(:'second')) ->> 'state', 'open', 'another centre''s code ends none');

SELECT t.at('2022-08-03 12:00+09') \g /dev/null
SELECT is(t.codes(:'sato', 'five@example.jp', 5, '61 s'), 5::bigint, 'five codes in ten minutes');
SELECT is(t.code(:'sato', 'five@example.jp') - 'message', '{"error": "HS007", "detail": "295"}', 'are the most');
SELECT t.later('294 seconds') \g /dev/null
SELECT is(t.code(:'sato', 'five@example.jp') ->> 'detail', '1', 'until the first of them is ten minutes old');
SELECT t.later('1 second') \g /dev/null
SELECT is(t.codes(:'sato', 'five@example.jp', 1, '1 hour'), 1::bigint, 'to the second');
SELECT is(t.codes(:'sato', 'five@example.jp', 4, '1 hour'), 4::bigint, 'ten codes');
SELECT is(t.code(:'sato', 'five@example.jp') ->> 'error', 'HS007', 'are the most of a day');
SELECT is((t.code(:'sato', 'five@example.jp') ->> 'detail')::int, extract(epoch FROM '2022-08-04 12:00+09' - hersys.clock_now())::int, 'until the first of them is a day old');
SELECT t.at('2022-08-04 11:59:59.5+09') \g /dev/null
SELECT is(hersys.housekeeping() > 0, true, 'clearing away');
SELECT is(t.code(:'sato', 'five@example.jp') - 'message', '{"error": "HS007", "detail": "1"}', 'forgets no limit; half a second is one');
SELECT t.at('2022-08-04 12:00+09') \g /dev/null
SELECT is(t.code(:'sato', 'five@example.jp') ->> 'status', '202', 'then it is sent again');

SELECT t.at('2022-08-05 12:00+09') \g /dev/null
SELECT is(t.codes(:'sato', 'N@example.jp', 60, '1 s', 'somewhere'), 60::bigint, 'sixty codes in an hour for one client');
SELECT is(t.code(:'tanaka', 'other@example.jp', 'somewhere') - 'message', '{"error": "HS007", "detail": "3540"}', 'are the most, over all centres');
SELECT is(t.code(:'tanaka', 'other@example.jp', 'elsewhere') ->> 'status', '202', 'for another they are not');
SELECT is(t.code(:'tanaka', 'third@example.jp') ->> 'status', '202', 'nor for one that is not known');
SELECT t.at('2022-08-05 13:00+09') \g /dev/null
SELECT is(t.code(:'tanaka', 'fourth@example.jp', 'somewhere') ->> 'status', '202', 'nor an hour later');

-- A key.
SELECT t.code(:'sato', 'key@example.jp', p_key => 'k1') AS first \gset
SELECT is(t.code(:'sato', 'key@example.jp', p_key => 'k1'), :'first'::jsonb, 'a request that is repeated under its key has the same answer');
SELECT is((SELECT count(*) FROM hersys.confirmation WHERE recipient = 'key@example.jp'), 1::bigint, 'and makes no second code');

-- ------------------------------------------------------------------ tried and consumed

SELECT t.at('2022-08-06 12:00+09') \g /dev/null
SELECT t.id(t.code(:'sato', 'try@example.jp')) AS code \gset
SELECT is(t.code('try', :'sato', :code), '{"channel": "email", "recipient": "try@example.jp", "digits": 6, "key_id": 1, "salt": "000102030405060708090a0b0c0d0e0f", "generation": 1, "attempts_left": 4}'::jsonb,
          'a try is counted, and gives what the code is made of');
SELECT is(t.code('get', :'sato', :code) ->> 'attempts_left', '4', 'four are left');
SELECT is(t.refusal(t.code('try', :'tanaka', :code)), 'HS002 there is no code N', 'another centre has no try');
SELECT is(t.refusal(t.code('consume', :'tanaka', :code)), 'HS002 there is no code N', 'and uses nothing up');
SELECT is(t.refusal(t.code('get', :'tanaka', :code)), 'HS002 there is no code N', 'nor sees it');
SELECT is(t.code('get', :'sato', :code) ->> 'attempts_left', '4', 'nor spends a try');
SELECT is((SELECT array_agg((t.code('try', :'sato', :code) ->> 'attempts_left')::int) FROM generate_series(1, 4)), ARRAY[3, 2, 1, 0], 'there are five tries');
SELECT is(t.refusal(t.code('try', :'sato', :code)), 'HS004 locked: five wrong tries', 'and no sixth');
SELECT is(t.code('get', :'sato', :code) ->> 'state', 'locked', 'the code is locked');
SELECT is(t.code('consume', :'sato', :code, 'v1'), jsonb_build_object('status', 200, 'id', :code, 'verified', true), 'unless the fifth was right');
SELECT is(t.refusal(t.code('consume', :'sato', :code)), 'HS004 verified already', 'which is so once');
SELECT is(t.code('consume', :'sato', :code, 'v1'), jsonb_build_object('status', 200, 'id', :code, 'verified', true), 'unless it is repeated under its key');
SELECT is(t.refusal(t.code('try', :'sato', :code)), 'HS004 verified already', 'and is not tried again');
SELECT is(t.code('get', :'sato', :code) ->> 'state', 'verified', 'a code is verified');
SELECT is((SELECT actor FROM hersys.audit WHERE action = 'code_verify' AND subject_id = :code), 'api:sato', 'the audit trail knows by whom');
SELECT t.id(t.code(:'sato', 'guess@example.jp')) AS code \gset
SELECT is(t.code('consume', :'sato', :code) ->> 'error', 'HS004', 'what nobody tried is not verified');
SELECT t.code('try', :'sato', :code) \g /dev/null
SELECT t.later('30 minutes') \g /dev/null
SELECT is(t.refusal(t.code('consume', :'sato', :code)), 'HS004 expired', 'nor what has expired between');
SELECT is(t.refusal(t.code('try', :'sato', :code)), 'HS004 expired', 'which is not tried');
SELECT is(t.code('get', :'sato', :code) ->> 'state', 'expired', 'and says so');
SELECT t.later('-1 second') \g /dev/null
SELECT is(t.code('try', :'sato', :code) ->> 'attempts_left', '3', 'a second before it was good');
SELECT t.code(:'sato', 'guess@example.jp') \g /dev/null
SELECT is(t.refusal(t.code('try', :'sato', :code)), 'HS004 ended', 'a newer one ends it');
SELECT is(t.refusal(t.code('consume', :'sato', :code)), 'HS004 ended', 'also for whom it was compared');
SELECT is(t.refusal(t.code('try', :'sato', 0)), 'HS002 there is no code N', 'a code that is none');

-- ------------------------------------------------------------------ cleared away

DELETE FROM hersys.outbox_dedupe;
SELECT t.at('2022-08-20 12:00+09') \g /dev/null
SELECT t.code(:'sato', 'last@example.jp') \g /dev/null
SELECT hersys.housekeeping() \g /dev/null
SELECT is((SELECT string_agg(recipient, ',') FROM hersys.confirmation), 'last@example.jp', 'codes are cleared away a day after they expired');
SELECT is((SELECT count(*) FROM hersys.code_counter), 1::bigint, 'and counters after a day');
SELECT t.later('7 days -1 second') \g /dev/null
SELECT hersys.housekeeping() \g /dev/null
SELECT is((SELECT count(*) FROM hersys.outbox_dedupe), 1::bigint, 'dedupe keys stay for a week');
SELECT t.later('1 second') \g /dev/null
SELECT is(hersys.housekeeping(), 1, 'and no longer');
SELECT is(hersys.housekeeping(), 0, 'then nothing is left to do');
SELECT finish();
ROLLBACK;
