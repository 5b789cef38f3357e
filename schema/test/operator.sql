-- operator.sql - the operator's view and hand: queue, retry, daemons, partitions.
BEGIN;
\ir fixture.psql
SELECT plan(36);

SELECT t.centre('東保健所') AS east \gset
SELECT t.patient(:east, '+817000000001') AS alice \gset

-- ------------------------------------------------------------------ retry

SELECT is(hersys.outbox_retry(999999, 'operator'), 'not_found', 'a message that is not there');
SELECT message_id AS m FROM t.link_send(:alice) \gset
SELECT t.claim() \g /dev/null
SELECT is(hersys.outbox_retry(:m, 'operator'), 'sending', 'one on the wire is left there');
SELECT t.finish(:m, 'retry') \g /dev/null
UPDATE hersys.outbox SET not_before = hersys.clock_now() + interval '10 min';
SELECT is(hersys.outbox_retry(:m, 'operator'), 'queued', 'one that waits');
SELECT is((SELECT not_before FROM hersys.outbox WHERE id = :m), hersys.clock_now(), 'goes at once');
SELECT is((SELECT centre_id FROM hersys.audit WHERE action = 'retry'), :east::bigint, 'and the audit trail says so, to its centre');
SELECT t.claim() \g /dev/null
SELECT t.finish(:m, 'rejected', NULL, 'no_route') \g /dev/null
SELECT t.later('25 h') \g /dev/null
SELECT is(hersys.outbox_retry(:m, 'operator'), 'queued', 'one that is dead');
SELECT is(t.state(:m), 'queued', 'lives again under its id');
SELECT results_eq(format('SELECT not_before, not_after - not_before, attempts::int, epoch FROM hersys.outbox WHERE id = %s', :m),
                  $$SELECT hersys.clock_now(), interval '24 h', 0, 2$$, 'with a new lifetime, and the epoch goes on');
SELECT is((SELECT count(*) FROM hersys.outbox_history WHERE id = :m), 0::bigint, 'and is no history any more');
SELECT t.claim() \g /dev/null
SELECT is(t.finish(:m, 'accepted', 'old', NULL, 2), NULL, 'the worker of old cannot finish it');
SELECT is(t.finish(:m, 'accepted', 'p-1'), 'sent', 'the one of now can');
SELECT is(hersys.outbox_retry(:m, 'operator'), 'sent', 'what is sent is not sent again');
SELECT t.receipt('p-1', 'undelivered') \g /dev/null
SELECT is(hersys.outbox_retry(:m, 'operator'), 'queued', 'what did not arrive is');
SELECT t.claim() \g /dev/null
SELECT t.finish(:m, 'accepted', 'p-2') \g /dev/null
SELECT is(t.state(:m), 'sent', 'the receipt of the first attempt says nothing of the second');
SELECT is(t.receipt('p-1', 'delivered'), 0, 'not even when it is late');
SELECT is(t.state(:m), 'sent', 'the second has its own');
SELECT t.receipt('p-2', 'delivered') \g /dev/null
SELECT is(hersys.outbox_retry(:m, 'operator'), 'delivered', 'what is delivered is not sent again');
SELECT message_id AS m2 FROM t.link_send(:alice) \gset
SELECT message_id AS m3 FROM t.link_send(:alice) \gset
SELECT t.claim() \g /dev/null
SELECT is(hersys.outbox_retry(:m2, 'operator'), 'cancelled', 'nor what was cancelled');
SELECT is((SELECT count(*) FROM hersys.audit WHERE action = 'retry'), 3::bigint, 'what was not done is not in the audit trail');

-- ------------------------------------------------------------------ the queue

DELETE FROM hersys.outbox;
DELETE FROM hersys.outbox_history;
SELECT is_empty('SELECT * FROM hersys.queue_summary()', 'an empty queue');
SELECT t.queue() AS a, t.queue() AS b, t.queue(p_channel => 'email', p_recipient => 'someone@example.org') AS c \gset
SELECT t.later('90 s') \g /dev/null
SELECT results_eq('SELECT channel, state, count, oldest_seconds FROM hersys.queue_summary()',
                  $$VALUES ('email', 'queued', 1::bigint, 90::double precision), ('sms', 'queued', 2, 90)$$, 'what waits, and how long');
SELECT t.claim(1) \g /dev/null
SELECT t.finish(:a, 'accepted', 'q-1') \g /dev/null
SELECT results_eq($$SELECT state, count, oldest_seconds FROM hersys.queue_summary() WHERE channel = 'sms'$$,
                  $$VALUES ('queued', 1::bigint, 90::double precision), ('sent', 1, NULL)$$, 'and what became of the rest');
SELECT t.later('24 h') \g /dev/null
SELECT is_empty($$SELECT * FROM hersys.queue_summary() WHERE state = 'sent'$$, 'in the last day');

-- ------------------------------------------------------------------ daemons, partitions

SELECT is(hersys.instance_beat(t.ours(), 'host', 1, '1.0'), hersys.clock_now(), 'a daemon learns that the clock is held');
UPDATE hersys.gateway_instance SET seen_at = '2000-01-01', started_at = '2000-01-01';
SELECT t.at(NULL) \g /dev/null
SELECT is(hersys.instance_beat(t.ours(), 'host', 1, '1.0'), NULL, 'or runs');
SELECT ok((SELECT seen_at > now() - interval '1 h' AND started_at = '2000-01-01' FROM hersys.gateway_instance), 'and says that it lives');
SELECT is(hersys.clock_now(), now(), 'a clock that runs is the transaction''s');

SELECT is(hersys.history_prepare(), 0, 'the partitions of the coming days are there');
SELECT is(hersys.history_prepare(5), 2, 'two days more');
SELECT is(hersys.history_prepare(5), 0, 'once');
SELECT is(hersys.history_prepare(10000), 25, 'at most thirty days ahead');
SELECT t.queue() AS m \gset
SELECT t.claim() \g /dev/null
SELECT t.finish(:m, 'accepted', 'r-1') \g /dev/null
SELECT is((SELECT tableoid::regclass::text FROM hersys.outbox_history WHERE id = :m),
          'outbox_history_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD'), 'a message is history in the partition of its day');
SELECT t.receipt('r-1', 'delivered') \g /dev/null
SELECT is(t.state(:m), 'delivered', 'where its receipt finds it');
SELECT t.at('2022-08-01 12:00+09') \g /dev/null
SELECT t.queue() AS m \gset
SELECT t.claim() \g /dev/null
SELECT t.finish(:m, 'accepted', 'r-2') \g /dev/null
SELECT is((SELECT tableoid::regclass::text FROM hersys.outbox_history WHERE id = :m), 'outbox_history_default', 'a day without partition is not lost');
SELECT is((SELECT finished_on FROM hersys.outbox_history WHERE id = :m), '2022-08-01'::date, 'days are those of UTC');
DELETE FROM hersys.outbox_history;
SELECT format('DROP TABLE hersys.outbox_history_%s', to_char(now() AT TIME ZONE 'UTC' + interval '1 day', 'YYYYMMDD')) AS drop \gset
:drop ;
INSERT INTO hersys.outbox_history (id, finished_on, kind, language, params, channel, recipient, priority, begun_by_us, at_most_once, not_before, not_after, state, attempts, epoch, created_at)
VALUES (1, (now() AT TIME ZONE 'UTC')::date + 1, 'reminder', 'ja', '{}', 'sms', 'x', 3, true, false, now(), now(), 'sent', 1, 1, now());
SELECT lives_ok('SELECT hersys.history_prepare()', 'a day that has rows in the default partition does not stop the daemons');
SELECT finish();
ROLLBACK;
