-- outbox_finish.sql - what becomes of a message on the wire: outcomes, the fence, attempts and their times.
BEGIN;
\ir fixture.psql
SELECT plan(61);

-- ------------------------------------------------------------------ outcomes

SELECT t.queue() AS m \gset
SELECT t.claim() \g /dev/null
SELECT is(t.finish(:m, 'accepted', 'a-1'), 'sent', 'what the carrier took is sent');
SELECT is(t.state(:m), 'sent', 'and history');
SELECT results_eq(format('SELECT carrier_link, attempts::int, parts::int, finished_on, finished_at FROM hersys.outbox_history WHERE id = %s', :m),
                  $$VALUES ('link', 1, 1, '2022-08-01'::date, '2022-08-01 12:00+09'::timestamptz)$$, 'with its link, its attempt and its day');
SELECT is((SELECT message_id FROM hersys.message_part WHERE carrier_link = 'link' AND provider_id = 'a-1'), :m::bigint, 'under the carrier''s name');

SELECT t.queue(p_channel => 'email', p_recipient => 'someone@example.org') AS m \gset
SELECT t.claim(p_channel => 'email') \g /dev/null
SELECT is(t.finish(:m, 'accepted'), 'sent_unconfirmed', 'a mail has no receipt to wait for');
SELECT is(t.state(:m), 'sent_unconfirmed', 'and is final at once');

SELECT t.queue() AS m \gset
SELECT t.claim() \g /dev/null
SELECT is(t.finish(:m, 'rejected', NULL, 'no_such_number'), 'dead', 'what the carrier refuses for good is dead');
SELECT is((SELECT error FROM hersys.outbox_history WHERE id = :m), 'no_such_number', 'with the reason');

SELECT t.queue(p_recipient => '+817000000031') AS m \gset
SELECT t.claim() \g /dev/null
SELECT is(t.finish(:m, 'opted_out'), 'dead', 'so is a message to whoever opted out at the carrier');
SELECT is((SELECT reason FROM hersys.suppression WHERE channel = 'sms' AND address = '+817000000031' AND ended_at IS NULL), 'carrier_opt_out',
          'who gets nothing more that we begin');
SELECT t.queue('registration_link', '+817000000031') AS m \gset
SELECT is(t.claim(), '{}', 'not even a link');

SELECT t.queue() AS m \gset
SELECT t.claim() \g /dev/null
SELECT is(t.finish(:m, 'retry', NULL, 'busy'), 'retry', 'what is refused for now');
SELECT results_eq(format('SELECT state::text, attempts::int, error, owner, lease_until FROM hersys.outbox WHERE id = %s', :m),
                  $$VALUES ('retry', 1, 'busy', NULL::uuid, NULL::timestamptz)$$, 'waits for its next attempt, which costs one');
SELECT is(t.epoch(:m), 1, 'its epoch stays until the next claim');
SELECT t.later('5 s') \g /dev/null
SELECT is(t.claim(), ARRAY[:m]::bigint[], 'within five seconds at the first');
SELECT is(t.finish(:m, 'throttled'), 'retry', 'a carrier that is too busy');
SELECT results_eq(format('SELECT attempts::int, not_before - hersys.clock_now() FROM hersys.outbox WHERE id = %s', :m),
                  $$VALUES (1, interval '5 s')$$, 'costs no attempt, and five seconds');
SELECT t.later('5 s') \g /dev/null
SELECT t.claim() \g /dev/null
SELECT is((SELECT min(state) FROM hersys.outbox_finish('link', ARRAY[:m], ARRAY[t.epoch(:m)], '{link_down}', '{NULL}', '{NULL}', '40 s')), 'retry',
          'a link that is down');
SELECT results_eq(format('SELECT attempts::int, not_before - hersys.clock_now() FROM hersys.outbox WHERE id = %s', :m),
                  $$VALUES (1, interval '40 s')$$, 'costs no attempt, and the pause that it is given');
SELECT t.later('40 s') \g /dev/null
SELECT t.claim() \g /dev/null
SELECT is((SELECT min(state) FROM hersys.outbox_finish('link', ARRAY[:m], ARRAY[t.epoch(:m)], '{link_down}', '{NULL}', '{NULL}', NULL)), 'retry',
          'a pause that is not given');
SELECT is((SELECT not_before - hersys.clock_now() FROM hersys.outbox WHERE id = :m), interval '5 s', 'is five seconds');
DELETE FROM hersys.outbox;

SELECT t.queue() AS m \gset
SELECT t.claim() \g /dev/null
SELECT is(t.finish(:m, 'unknown'), 'retry', 'a wire that broke after the submit: again, where a duplicate does no harm');
UPDATE hersys.outbox SET at_most_once = true, not_before = hersys.clock_now();
SELECT t.claim() \g /dev/null
SELECT is(t.finish(:m, 'unknown', NULL, 'reset'), 'unknown', 'never again where it would');
SELECT is(t.state(:m), 'unknown', 'it is unknown for good');

SELECT t.queue() AS m \gset
SELECT t.claim() \g /dev/null
SELECT throws_ok(format('SELECT t.finish(%s, ''lost'')', :m), 'HS001', NULL, 'an outcome that is none');
SELECT throws_ok(format('SELECT t.finish(%s, NULL)', :m), 'HS001', NULL, 'nor is nothing');
SELECT throws_ok(format('SELECT * FROM hersys.outbox_finish(''link'', ARRAY[%1$s, %1$s], ARRAY[1], ARRAY[''accepted''], ''{x}'', ''{NULL}'')', :m), 'HS001', NULL,
                 'nor a list that is too short');
SELECT is(t.state(:m), 'sending', 'and the message is still on the wire');
DELETE FROM hersys.outbox;

-- ------------------------------------------------------------------ never past not_after

SELECT t.queue(p_not_after => hersys.clock_now() + interval '3 s') AS m \gset
SELECT t.claim() \g /dev/null
UPDATE hersys.outbox SET attempts = 12;
SELECT is(t.finish(:m, 'retry'), 'retry', 'three seconds are left');
SELECT cmp_ok((SELECT not_before FROM hersys.outbox WHERE id = :m), '<=', hersys.clock_now() + interval '2 s', 'the last attempt falls before not_after');
UPDATE hersys.outbox SET not_before = hersys.clock_now() + interval '1 s';
SELECT t.later('2 s') \g /dev/null
SELECT t.claim() \g /dev/null
SELECT is(t.finish(:m, 'retry'), 'expired', 'and is the last');
SELECT is(t.state(:m), 'expired', 'the message has expired');
SELECT t.queue(p_not_after => hersys.clock_now() + interval '1 s') AS m \gset
SELECT t.claim() \g /dev/null
SELECT is(t.finish(:m, 'unknown'), 'unknown', 'what may have arrived when its time was over has not expired: it is unknown');
SELECT t.queue(p_not_after => hersys.clock_now() + interval '1 s') AS m \gset
SELECT t.claim() \g /dev/null
SELECT is(t.finish(:m, 'throttled'), 'expired', 'a throttled one expires as well');
SELECT is((SELECT attempts FROM hersys.outbox_history WHERE id = :m), 0::smallint, 'without an attempt');

-- Full jitter: anywhere from nothing to 5 s * 2^n, at most 15 min.
SELECT ok(bool_and(d BETWEEN '0' AND '5 s'), 'the first pause is at most 5 s') FROM (SELECT hersys.outbox_retry_delay(0) AS d FROM generate_series(1, 500)) AS x;
SELECT ok(max(d) > '4 s' AND min(d) < '1 s', 'and anything below') FROM (SELECT hersys.outbox_retry_delay(0) AS d FROM generate_series(1, 500)) AS x;
SELECT ok(max(d) <= '40 s' AND max(d) > '30 s', 'the fourth at most 40 s') FROM (SELECT hersys.outbox_retry_delay(3) AS d FROM generate_series(1, 500)) AS x;
SELECT ok(max(d) <= '15 min' AND max(d) > '13 min', 'the hundredth at most 15 min') FROM (SELECT hersys.outbox_retry_delay(100) AS d FROM generate_series(1, 500)) AS x;

-- ------------------------------------------------------------------ the fence

SELECT t.queue() AS m \gset
SELECT t.claim() \g /dev/null
SELECT is(t.finish(:m, 'accepted', 'b-1', NULL, 2), NULL, 'an epoch to come finishes nothing');
SELECT is(t.finish(:m, 'accepted', 'b-1', NULL, 0), NULL, 'nor one that is past');
UPDATE hersys.outbox SET lease_until = clock_timestamp() - interval '1 s';
SELECT is(hersys.outbox_reap(), 1, 'a lease runs out');
SELECT is(t.finish(:m, 'accepted', 'b-1', NULL, 1), NULL, 'its worker wakes up and finishes nothing');
SELECT is(t.state(:m), 'retry', 'the message waits');
SELECT is((SELECT count(*) FROM hersys.message_part WHERE provider_id = 'b-1'), 0::bigint, 'no part was noted');
UPDATE hersys.outbox SET not_before = hersys.clock_now();
SELECT t.claim() \g /dev/null
SELECT is(t.finish(:m, 'accepted', 'b-1', NULL, 1), NULL, 'nor when another has it');
SELECT is(t.finish(:m, 'accepted', 'b-2', NULL, 3), 'sent', 'who finishes');
SELECT t.queue() AS m \gset
SELECT t.claim() \g /dev/null
SELECT is(hersys.outbox_release(t.ours(), ARRAY[:m], ARRAY[1]), 1, 'a claim is given back');
SELECT is(t.finish(:m, 'accepted', 'b-3', NULL, 1), NULL, 'then it finishes nothing');
SELECT is(t.state(:m), 'queued', 'the message waits as if it had never been claimed');
DELETE FROM hersys.outbox;

-- ------------------------------------------------------------------ batches

SELECT t.queue() AS a, t.queue() AS b, t.queue() AS c, t.queue() AS d, t.queue() AS e \gset
SELECT t.claim() \g /dev/null
SELECT results_eq(format($$SELECT id, state FROM hersys.outbox_finish('link', ARRAY[%s, %s, %s, %s, %s], ARRAY[1, 1, 1, 1, 9],
                           '{accepted,retry,accepted,accepted,accepted}', ARRAY['c-1', NULL, 'c-1', '', 'c-2'], '{NULL,busy,NULL,NULL,NULL}')$$, :e, :d, :c, :b, :a),
                  format($$VALUES (%s::bigint, 'sent'), (%s, 'sent'), (%s, 'retry'), (%s, 'sent')$$, :b, :c, :d, :e),
                  'a batch finishes each message by its own outcome, and none of a stale epoch');
SELECT is(t.state(:a), 'sending', 'that one is still on the wire');
SELECT is((SELECT count(*) FROM hersys.message_part WHERE provider_id = 'c-1'), 1::bigint,
          'a carrier that gives one name to two messages, or none, does not spoil the batch');
SELECT t.queue() AS m \gset
SELECT t.claim() \g /dev/null
SELECT results_eq(format($$SELECT id, state FROM hersys.outbox_finish('link', ARRAY[%1$s, %1$s, %1$s], '{1,1,1}', '{accepted,accepted,accepted}',
                           '{d-1,d-2,d-3}', '{NULL,NULL,NULL}')$$, :m), format($$VALUES (%s::bigint, 'sent')$$, :m), 'a message in three parts is finished once');
SELECT is((SELECT parts FROM hersys.outbox_history WHERE id = :m), 3::smallint, 'as one of three parts');
SELECT is((SELECT count(*) FROM hersys.message_part WHERE message_id = :m), 3::bigint, 'that have names of their own');
SELECT t.queue() AS m \gset
SELECT t.claim() \g /dev/null
SELECT is((SELECT string_agg(state, ',') FROM hersys.outbox_finish('link', ARRAY[:m, :m], '{1,1}', '{retry,accepted}', '{NULL,e-1}', '{NULL,NULL}')), 'sent',
          'a message of which one part was taken is not sent again');
SELECT t.receipt('e-1', 'delivered') \g /dev/null
SELECT is(t.state(:m), 'sent', 'nor is it delivered when that part is');
SELECT is((SELECT count(*) FROM hersys.outbox_finish('link', '{}', '{}', '{}', '{}', '{}')), 0::bigint, 'an empty batch');
SELECT is((SELECT count(*) FROM hersys.outbox o JOIN hersys.outbox_history h USING (id)), 0::bigint, 'no message is in the outbox and in its history');
SELECT is((SELECT count(*) FROM hersys.outbox WHERE state <> 'sending' AND (owner IS NOT NULL OR lease_until IS NOT NULL)), 0::bigint, 'nor has one an owner that waits');
SELECT finish();
ROLLBACK;
