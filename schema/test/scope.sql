-- scope.sql - row-level security: a session sees every centre, or one.
BEGIN;
\ir fixture.psql
SELECT plan(26);

SELECT t.centre('東保健所') AS east \gset
SELECT t.centre('西保健所') AS west \gset
SELECT t.patient(:east, '+817000000001') AS alice \gset
SELECT t.patient(:west, '+817000000002') AS bob \gset
SELECT t.patient(:west, '+817000000002') AS carol \gset
SELECT link_id AS link, message_id AS message FROM t.link_send(:bob) \gset

SELECT is_empty($$
    SELECT a.attrelid::regclass FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'hersys'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND (a.attname = 'centre_id' OR c.relname = 'centre') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)$$,
    'every table with a centre has its rows bound to it, for its owner too');

-- A session of the read-only role looks at the tables themselves.
SELECT is(t.told('t_reader', 'SELECT string_agg(name, '','' ORDER BY id) FROM hersys.centre'), '東保健所,西保健所', 'who may see all sees all');
SELECT is(t.told('t_reader', 'SELECT string_agg(name, '','') FROM hersys.centre', :'east'), '東保健所', 'bound to a centre, that one');
SELECT is(t.told('t_reader', 'SELECT count(*) FROM hersys.patient', :'east'), '1', 'its patients');
SELECT is(t.told('t_reader', 'SELECT count(*) FROM hersys.patient', :'west'), '2', 'and the other''s');
SELECT is(t.told('t_reader', 'SELECT count(*) FROM hersys.outbox', :'east'), '0', 'its messages');
SELECT is(t.told('t_reader', 'SELECT count(*) FROM hersys.outbox', :'west'), '1', 'and the other''s');
SELECT is(t.told('t_reader', 'SELECT count(*) FROM hersys.registration_link', :'east'), '0', 'its links');
SELECT is(t.told('t_reader', 'SELECT count(*) FROM hersys.audit', :'east'), '0', 'its part of the audit trail');
SELECT is(t.told('t_reader', 'SELECT count(*) FROM hersys.audit', :'west'), '1', 'and the other''s');
SELECT is(t.told('t_reader', 'SELECT count(*) FROM hersys.patient', '999999'), '0', 'a centre that is none sees nothing');
SELECT is(t.told('t_reader', 'SELECT count(*) FROM hersys.patient', 'east'), '22P02', 'and what is no number is an error, not everything');
SELECT is(t.told('hersys_owner', 'SELECT count(*) FROM hersys.patient', :'east'), '1', 'the owner is bound, too');
SELECT is(t.told('t_reader', 'SELECT count(*) FROM hersys.outbox_history_default'), '42501', 'nobody goes round by way of a partition');

-- The portal has no table; a function of the definer stands for those that it will have.
CREATE FUNCTION t.patients() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM hersys.patient';
GRANT USAGE ON SCHEMA t TO hersys_definer, t_portal, t_gateway;
GRANT CREATE ON SCHEMA t TO hersys_definer;
ALTER FUNCTION t.patients() OWNER TO hersys_definer;
SELECT is(t.told('t_portal', 'SELECT t.patients()'), '0', 'the portal without a centre sees nothing');
SELECT is(t.told('t_portal', 'SELECT t.patients()', :'west'), '2', 'with one it sees that one');
SELECT is(t.told('t_gateway', 'SELECT t.patients()'), '3', 'the gateway sees all');
SELECT is(t.told('t_gateway', 'SELECT t.patients()', :'east'), '1', 'until it binds itself');
SELECT is(t.told('t_nobody', 'SELECT t.patients()'), '42501', 'nobody sees nothing');

-- Functions are bound as their callers are.
SELECT is(t.told('t_gateway', format('SELECT link_id FROM hersys.link_send(%s, 1, decode(repeat(''00'', 16), ''hex''), ''nurse'')', :bob), :'east'), 'HS002',
          'a link for another centre''s patient: there is no such patient');
SELECT is((SELECT count(*) FROM hersys.registration_link WHERE patient_id = :bob AND revoked_at IS NULL), 1::bigint, 'and the link that he has stays');
SELECT isnt(t.told('t_gateway', format('SELECT link_id FROM hersys.link_send(%s, 1, decode(repeat(''00'', 16), ''hex''), ''nurse'')', :alice), :'east'), 'HS002',
            'one for its own is sent');
SELECT is(t.told('t_gateway', format('SELECT hersys.outbox_retry(%s, ''nurse'')', :message), :'east'), 'not_found',
          'another centre''s message cannot be sent again');
SELECT is(t.told('t_gateway', format('SELECT hersys.outbox_retry(%s, ''nurse'')', :message), :'west'), 'queued', 'one''s own can');
SELECT is(t.told('t_gateway', 'SELECT count(*) FROM hersys.inbound_store(''[]'')', :'east'), '42501',
          'messages are not taken in by a session to which other centres'' patients are strangers');
SELECT is(t.told('t_gateway', 'SELECT count(*) FROM hersys.inbound_store(''[]'')'), '0', 'but by one that knows them all');
SELECT finish();
ROLLBACK;
