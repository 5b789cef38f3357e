-- receipts.sql - what carriers say of messages afterwards, or before.
BEGIN;
\ir fixture.psql
SELECT plan(41);

-- Sends one message under these names; its id.
CREATE FUNCTION t.sent(VARIADIC p_names text[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_id bigint := t.queue();
    n integer := cardinality(p_names);
BEGIN
    PERFORM t.claim();
    PERFORM hersys.outbox_finish('link', array_fill(v_id, ARRAY[n]), array_fill(1, ARRAY[n]), array_fill('accepted'::text, ARRAY[n]), p_names,
                                 array_fill(NULL::text, ARRAY[n]));
    RETURN v_id;
END
$$;

SELECT t.sent('a-1') AS m \gset
SELECT is(t.state(:m), 'sent', 'a message is sent');
SELECT is(t.receipt('a-1', 'delivered'), 1, 'its receipt comes');
SELECT is(t.state(:m), 'delivered', 'it is delivered');
SELECT is(t.receipt('a-1', 'delivered'), 1, 'the receipt comes again');
SELECT is(t.receipt('a-1', 'undelivered', '9'), 1, 'and one that says otherwise');
SELECT is(t.state(:m), 'delivered', 'what is delivered stays delivered');
SELECT is((SELECT state::text FROM hersys.message_part WHERE provider_id = 'a-1'), 'delivered', 'so does its part');

SELECT t.sent('a-2') AS m \gset
SELECT t.receipt('a-2', 'undelivered', 'absent') \g /dev/null
SELECT is(t.state(:m), 'undelivered', 'a message that did not arrive');
SELECT is((SELECT error FROM hersys.outbox_history WHERE id = :m), 'absent', 'with the carrier''s reason');
SELECT t.receipt('a-2', 'expired') \g /dev/null
SELECT is(t.state(:m), 'undelivered', 'does not become another failure');
SELECT t.receipt('a-2', 'delivered') \g /dev/null
SELECT is(t.state(:m), 'delivered', 'but may arrive after all');

SELECT is(t.receipt('a-1', 'undelivered', NULL, 'other'), 0, 'the same name at another link is another message');

-- Before the answer to the submit.
SELECT is(t.receipt('b-1', 'delivered'), 0, 'a receipt whose message is not known waits');
SELECT t.queue() AS m \gset
SELECT t.claim() \g /dev/null
SELECT is(t.finish(:m, 'accepted', 'b-1'), 'delivered', 'then the answer to the submit comes: it is delivered');
SELECT is(t.state(:m), 'delivered', 'and so is the message');
SELECT t.receipt('b-2', 'undelivered', 'absent') \g /dev/null
SELECT is(t.state(t.sent('b-2')), 'undelivered', 'a failure can wait as well');
SELECT is((SELECT error FROM hersys.outbox_history WHERE state = 'undelivered'), 'absent', 'with its reason');
SELECT t.receipt('b-3', 'undelivered') \g /dev/null
SELECT t.receipt('b-3', 'delivered') \g /dev/null
SELECT is(t.state(t.sent('b-3')), 'delivered', 'two that wait: the further one counts');
SELECT is(hersys.receipt_store('link', '{b-4,b-4,b-4}', '{undelivered,delivered,expired}', '{NULL,NULL,NULL}'), 0, 'three of one part in one call');
SELECT is(t.state(t.sent('b-4')), 'delivered', 'the furthest counts');

-- Several parts.
SELECT t.sent('c-1', 'c-2', 'c-3') AS m \gset
SELECT t.receipt('c-1', 'delivered') \g /dev/null
SELECT t.receipt('c-2', 'delivered') \g /dev/null
SELECT t.receipt('c-2', 'delivered') \g /dev/null
SELECT is(t.state(:m), 'sent', 'a message of three parts of which two arrived');
SELECT t.receipt('c-3', 'delivered') \g /dev/null
SELECT is(t.state(:m), 'delivered', 'is delivered when the third has');
SELECT t.sent('d-1', 'd-2') AS m \gset
SELECT t.receipt('d-1', 'delivered') \g /dev/null
SELECT t.receipt('d-2', 'undelivered', 'absent') \g /dev/null
SELECT is(t.state(:m), 'undelivered', 'one part that did not arrive is enough');
SELECT t.receipt('d-2', 'delivered') \g /dev/null
SELECT is(t.state(:m), 'delivered', 'until it does');
SELECT t.receipt('e-1', 'delivered') \g /dev/null
SELECT t.sent('e-1', 'e-2') AS m \gset
SELECT is(t.state(:m), 'sent', 'one part''s receipt came first');
SELECT t.receipt('e-2', 'delivered') \g /dev/null
SELECT is(t.state(:m), 'delivered', 'the other''s later');
SELECT t.receipt('f-1', 'delivered'), t.receipt('f-2', 'delivered') \g /dev/null
SELECT is(t.state(t.sent('f-1', 'f-2')), 'delivered', 'or both first');
SELECT t.sent('g-1') AS x, t.sent('g-2') AS y \gset
SELECT is(hersys.receipt_store('link', '{g-2,g-unknown,g-1}', '{delivered,delivered,expired}', '{NULL,NULL,NULL}'), 2, 'a batch says how many it knew');
SELECT is(t.state(:x) || ',' || t.state(:y), 'expired,delivered', 'and each gets its own');

-- What is no receipt.
SELECT throws_ok($$SELECT t.receipt('h-1', 'sent')$$, 'HS001', NULL, 'sent is no receipt');
SELECT throws_ok($$SELECT t.receipt('h-1', NULL)$$, 'HS001', NULL, 'nor is nothing');
SELECT throws_ok($$SELECT t.receipt('', 'delivered')$$, 'HS001', NULL, 'nor one of no name');
SELECT throws_ok($$SELECT t.receipt(NULL, 'delivered')$$, 'HS001', NULL, 'or of none at all');
SELECT throws_ok(format('SELECT t.receipt(%L, ''delivered'')', repeat('x', 201)), 'HS001', NULL, 'or one that is too long');

-- No receipt comes.
DELETE FROM hersys.outbox_history;
SELECT t.sent('i-1') AS m, t.sent('i-2') AS n \gset
SELECT t.later('72 h') \g /dev/null
SELECT is(hersys.receipt_give_up(), 0, 'a receipt has 72 hours');
SELECT t.later('1 s') \g /dev/null
SELECT is(hersys.receipt_give_up(p_limit => 1), 1, 'then it is given up, a few at a time');
SELECT is(hersys.receipt_give_up(), 1, 'and the rest');
SELECT is(t.state(:m), 'sent_unconfirmed', 'sent, and nobody said that it arrived');
SELECT t.receipt('i-1', 'delivered') \g /dev/null
SELECT is(t.state(:m), 'delivered', 'one that comes still counts');
SELECT is(hersys.receipt_give_up(), 0, 'once given up is enough');
SELECT is((SELECT finished_at FROM hersys.outbox_history WHERE id = :n), '2022-08-01 12:00+09'::timestamptz, 'when it was finished does not change');
SELECT finish();
ROLLBACK;
