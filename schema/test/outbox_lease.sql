-- outbox_lease.sql - leases: renewed, given back, run out.
BEGIN;
\ir fixture.psql
SELECT plan(25);

CREATE FUNCTION t.renew(p_instance uuid, p_id bigint, p_epoch integer) RETURNS bigint[] LANGUAGE sql AS $$
    SELECT coalesce(array_agg(r), '{}') FROM hersys.outbox_renew(p_instance, ARRAY[p_id], ARRAY[p_epoch], '10 min') AS r
$$;

SELECT t.queue() AS m \gset
SELECT t.claim() \g /dev/null
SELECT is(t.renew(t.ours(), :m, 1), ARRAY[:m]::bigint[], 'a lease is extended');
SELECT ok((SELECT lease_until > clock_timestamp() + interval '9 min' FROM hersys.outbox WHERE id = :m), 'from now');
SELECT is(t.renew(gen_random_uuid(), :m, 1), '{}', 'not by another daemon');
SELECT is(t.renew(t.ours(), :m, 2), '{}', 'not for another claim');
UPDATE hersys.outbox SET lease_until = clock_timestamp() - interval '1 ms';
SELECT is(t.renew(t.ours(), :m, 1), '{}', 'not when it has run out');
SELECT is(hersys.outbox_release(gen_random_uuid(), ARRAY[:m], ARRAY[1]), 0, 'another daemon gives nothing back');
SELECT is(hersys.outbox_release(t.ours(), ARRAY[:m], ARRAY[2]), 0, 'nor another claim');
SELECT is(hersys.outbox_release(t.ours(), ARRAY[:m], ARRAY[1]), 1, 'its own does, even when it has run out');
SELECT results_eq(format('SELECT state::text, attempts::int, epoch FROM hersys.outbox WHERE id = %s', :m), $$VALUES ('queued', 0, 1)$$, 'at no cost');
SELECT is(hersys.outbox_release(t.ours(), ARRAY[:m], ARRAY[1]), 0, 'once');
SELECT is(t.claim(), ARRAY[:m]::bigint[], 'it can be claimed at once');
SELECT t.finish(:m, 'retry') \g /dev/null
UPDATE hersys.outbox SET not_before = hersys.clock_now();
SELECT t.claim() \g /dev/null
SELECT hersys.outbox_release(t.ours(), ARRAY[:m], ARRAY[3]) \g /dev/null
SELECT is(t.state(:m), 'retry', 'what was tried before waits as that');
DELETE FROM hersys.outbox;

SELECT t.queue() AS alive, t.queue() AS m \gset
SELECT t.claim() \g /dev/null
UPDATE hersys.outbox SET lease_until = clock_timestamp() - interval '1 ms' WHERE id = :m;
SELECT is(hersys.outbox_reap(), 1, 'leases that ran out are settled');
SELECT is(t.state(:alive), 'sending', 'the others are not');
SELECT results_eq(format('SELECT state::text, attempts::int, epoch, error, owner FROM hersys.outbox WHERE id = %s', :m),
                  $$VALUES ('retry', 1, 2, 'lease_lapsed', NULL::uuid)$$, 'the message goes again, and it cost an attempt');
SELECT ok((SELECT not_before BETWEEN hersys.clock_now() AND hersys.clock_now() + interval '5 s' FROM hersys.outbox WHERE id = :m),
          'after a pause: it may be what its sender died of');
SELECT is(hersys.outbox_reap(), 0, 'once');

UPDATE hersys.outbox SET state = 'queued', owner = NULL, lease_until = NULL, not_before = hersys.clock_now(), at_most_once = id = :m;
SELECT t.claim() \g /dev/null
UPDATE hersys.outbox SET lease_until = clock_timestamp() - interval '1 ms';
SELECT is(hersys.outbox_reap(1), 1, 'as many at a time as are asked for');
SELECT is(hersys.outbox_reap(), 1, 'the rest the next time');
SELECT is(t.state(:m), 'unknown', 'what may go out once at most is unknown when its lease has run out');
SELECT is(t.state(:alive), 'retry', 'the other one goes again');
SELECT is((SELECT error FROM hersys.outbox_history WHERE id = :m), 'lease_lapsed', 'its history says why');

-- A lease that runs out close to not_after, and after it.
DELETE FROM hersys.outbox;
SELECT t.queue(p_not_after => hersys.clock_now() + interval '2 s') AS m \gset
SELECT t.claim() \g /dev/null
UPDATE hersys.outbox SET lease_until = clock_timestamp() - interval '1 ms', attempts = 10;
SELECT t.later('10 s') \g /dev/null
SELECT lives_ok('SELECT hersys.outbox_reap()', 'a lease may run out after the message has');
SELECT is(t.claim(), '{}', 'then nobody sends it');
SELECT is(t.state(:m), 'expired', 'it has expired');
SELECT finish();
ROLLBACK;
