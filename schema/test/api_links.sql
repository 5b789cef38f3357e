-- api_links.sql - what staff sends: batches of links, their pace, the cap of a day, the second person, and what a link's way looks like.
BEGIN;
\ir fixture.psql
\ir api.psql
SELECT plan(99);

SELECT t.centre('東保健所') AS east \gset
SELECT t.centre('西保健所') AS west \gset
SELECT t.token(:east, 'sato') AS sato \gset
SELECT t.token(:east, 'suzuki') AS suzuki \gset
SELECT t.token(:west, 'tanaka') AS tanaka \gset

CREATE FUNCTION t.send(p_kid text, p_ids bigint[], p_channel text DEFAULT 'sms', p_key text DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
    SELECT t.ask(t.by(p_kid, 'links', p_key, p_ids::text), format('v1_links_send($1, $3, %L, 1, %L)', p_channel, t.salts(cardinality(p_ids))), NULL, p_ids)
$$;
CREATE FUNCTION t.batch(p_act text, p_kid text, p_id bigint, p_key text DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
    SELECT t.ask(t.by(p_kid, CASE p_act WHEN 'release' THEN 'release' ELSE 'links' END, p_key), format('v1_batch_%s($1, %s)', p_act, p_id))
$$;
CREATE FUNCTION t.link(p_kid text, p_id bigint) RETURNS jsonb LANGUAGE sql AS $$ SELECT t.ask(t.by(p_kid, 'links'), format('v1_link_get($1, %s)', p_id)) $$;
-- What a batch says of its links, one value of each, in their order.
CREATE FUNCTION t.each(p_batch jsonb, p_key text) RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(l ->> p_key ORDER BY place) FROM jsonb_array_elements(p_batch -> 'links') WITH ORDINALITY AS g (l, place)
$$;
-- Patients with a telephone each.
CREATE SEQUENCE t.phones;
CREATE FUNCTION t.patients(p_centre bigint, p_count integer) RETURNS bigint[] LANGUAGE sql AS $$
    SELECT array_agg(t.patient(p_centre, '+8170' || lpad(nextval('t.phones')::text, 8, '0'))) FROM generate_series(1, p_count)
$$;

-- ------------------------------------------------------------------ a batch

SELECT t.patients(:east, 3) AS three \gset
SELECT (:'three'::bigint[])[2] AS second \gset
SELECT t.send(:'sato', :'three') AS batch \gset
SELECT (:'batch'::jsonb ->> 'id')::bigint AS id \gset
SELECT is(:'batch'::jsonb - 'links' - 'id', '{"status": 202, "state": "sent", "held_for": null, "requested_by": "api:sato", "released_by": null,
    "created_at": "2022-08-01T03:00:00.000Z"}'::jsonb, 'a batch is sent');
SELECT is(t.each(:'batch', 'patient')::bigint[], :'three'::bigint[], 'with a link for each patient, in the order of the request');
SELECT is(:'batch'::jsonb -> 'links' -> 1, (SELECT jsonb_build_object('patient', :second, 'link', l.id, 'message', l.message_id, 'state', 'queued', 'reason', NULL, 'error', NULL)
                                            FROM hersys.registration_link l WHERE l.patient_id = :second), 'and its message');
SELECT is(t.batch('get', :'sato', :id), :'batch'::jsonb || '{"status": 200}', 'which can be looked at again');
SELECT results_eq(format('SELECT recipient, channel::text, key_id::int, generation, requested_by, expires_at - created_at FROM hersys.registration_link WHERE patient_id = %s', :second),
                  format($$SELECT phone::text, 'sms', 1, 1, 'api:sato', interval '72 hours 0.1 s' FROM hersys.patient WHERE id = %s$$, :second), 'a link is for the patient''s phone, from when it may go out');
SELECT results_eq(format('SELECT kind, language::text, recipient, params, channel::text, priority::int, begun_by_us, not_after - not_before, link_id = %s FROM hersys.outbox WHERE patient_id = %s', :'batch'::jsonb -> 'links' -> 1 ->> 'link', :second),
                  format($$SELECT 'registration_link', 'ja', phone::text, jsonb_build_object('centre', '東保健所', 'centre_phone', '03-0000-0000', 'input_id', input_id), 'sms', 2, true,
                           interval '24 hours', true FROM hersys.patient WHERE id = %s$$, :second), 'number and ID come from one row, and no name');
SELECT is((SELECT count(*) FROM hersys.audit WHERE action = 'link_send' AND actor = 'api:sato' AND centre_id = :east AND subject_id = ANY (:'three')), 3::bigint, 'each is in the audit trail');
SELECT is((SELECT count(*) FROM hersys.audit WHERE action = 'batch_send' AND subject_id = :id), 1::bigint, 'and the batch');
SELECT is((SELECT count(*) FROM hersys.send_request WHERE salt IS NOT NULL), 0::bigint, 'no salt stands in two places');

-- The pace: ten a second, one batch behind the other.
SELECT results_eq('SELECT not_before - hersys.clock_now() FROM hersys.outbox ORDER BY id', $$VALUES (interval '0'), ('0.1 s'), ('0.2 s')$$, 'links go out ten a second');
UPDATE hersys.centre SET links_per_second = 2 WHERE id = :east;
SELECT t.send(:'suzuki', t.patients(:east, 2)) \g /dev/null
SELECT results_eq('SELECT not_before - hersys.clock_now() FROM hersys.outbox ORDER BY id OFFSET 3', $$VALUES (interval '0.3 s'), ('0.8 s')$$, 'behind those that were asked for before');
SELECT t.send(:'tanaka', t.patients(:west, 1)) \g /dev/null
SELECT is((SELECT not_before - hersys.clock_now() FROM hersys.outbox WHERE centre_id = :west), interval '0', 'not behind another centre''s');
SELECT message_id AS single FROM t.link_send(:second) \gset
SELECT is((SELECT not_before FROM hersys.outbox WHERE id = :single), hersys.clock_now(), 'a single link of the operator waits behind none');
SELECT t.later('1 hour') \g /dev/null
SELECT t.send(:'suzuki', t.patients(:east, 1)) \g /dev/null
SELECT is((SELECT not_before - hersys.clock_now() FROM hersys.outbox ORDER BY id DESC LIMIT 1), interval '0', 'nor do links behind those that are out');
UPDATE hersys.centre SET links_per_second = 10;
SELECT is(t.each(t.batch('get', :'sato', :id), 'link'), t.each(:'batch', 'link'), 'a batch keeps its links');
SELECT is(t.link(:'sato', (:'batch'::jsonb -> 'links' -> 1 ->> 'link')::bigint) ->> 'state', 'revoked', 'also where a later one has ended it');

-- ------------------------------------------------------------------ for whom a link is not possible

SELECT t.patients(:east, 1) AS good \gset
SELECT t.patient(:east, NULL) AS silent \gset
SELECT t.patient(:east, '+81300000000') AS landline \gset
SELECT t.patients(:west, 1) AS theirs \gset
INSERT INTO hersys.suppression (channel, address, reason) SELECT 'sms', phone, 'stop' FROM hersys.patient WHERE id = (:'three'::bigint[])[3];
SELECT t.send(:'sato', ARRAY[:silent, :landline, (:'theirs'::bigint[])[1], 999999, (:'three'::bigint[])[3]] || :'good'::bigint[]) AS mixed \gset
SELECT is(t.each(:'mixed', 'state'), ARRAY['refused', 'refused', 'refused', 'refused', 'refused', 'queued'], 'who cannot get a link is refused, the others go on');
SELECT is((SELECT array_agg(regexp_replace(r, '[0-9]+', 'N')) FROM unnest(t.each(:'mixed', 'reason')) AS r),
          ARRAY['patient N has no telephone', 'the telephone of patient N takes no SMS', 'there is no patient N', 'there is no patient N', 'patient N has stopped messages', NULL],
          'with the reason; another centre''s patient is one who is not there');
SELECT is((SELECT count(*) FROM hersys.registration_link WHERE patient_id = ANY (:'theirs')), 0::bigint, 'and gets none');
SELECT is(t.each(:'mixed', 'link') IS NOT NULL AND (t.each(:'mixed', 'link'))[1] IS NULL, true, 'nor does a refused one have one');
SELECT is(t.send(:'sato', ARRAY[:silent]) ->> 'state', 'sent', 'a batch of refused ones is one, too');

GRANT USAGE ON SCHEMA t TO t_gateway;
SELECT is(t.refusal(t.ask(t.by(:'sato', 'links'), c)), e, c)
FROM (VALUES
    ('v1_links_send($1, ''{}'', ''sms'', 1, ''{}'')', 'HS010 a batch has N to N patients /patients'),
    ('v1_links_send($1, NULL, ''sms'', 1, NULL)', 'HS010 a batch has N to N patients /patients'),
    ('v1_links_send($1, ARRAY(SELECT generate_series(1, 5001))::bigint[], ''sms'', 1, t.salts(5001))', 'HS010 a batch has N to N patients /patients'),
    ('v1_links_send($1, ''{1,2,1}'', ''sms'', 1, t.salts(3))', 'HS010 a patient stands in a batch once /patients'),
    ('v1_links_send($1, ''{1,NULL}'', ''sms'', 1, t.salts(2))', 'HS010 a patient stands in a batch once /patients'),
    ('v1_links_send($1, ''{1}'', ''fax'', 1, t.salts(1))', 'HS010 links go by sms or email /channel'),
    ('v1_links_send($1, ''{1}'', NULL, 1, t.salts(1))', 'HS010 links go by sms or email /channel'),
    ('v1_links_send($1, ''{1}'', ''sms'', 0, t.salts(1))', 'HS001 a batch wants a key and a salt for each patient'),
    ('v1_links_send($1, ''{1}'', ''sms'', 1, t.salts(2))', 'HS001 a batch wants a key and a salt for each patient'),
    ('v1_links_send($1, ''{1}'', ''sms'', 1, ''{"\\x00"}'')', 'HS001 a batch wants a key and a salt for each patient'),
    ('v1_links_send($1, ''{1}'', ''sms'', 1, ''{NULL}'')', 'HS001 a batch wants a key and a salt for each patient')) AS w (c, e);

-- ------------------------------------------------------------------ by e-mail

SELECT t.patients(:east, 2) AS two \gset
UPDATE hersys.patient SET email = 'a@example.jp' WHERE id = (:'two'::bigint[])[1];
SELECT t.send(:'sato', :'two', 'email') AS mails \gset
SELECT is(t.each(:'mails', 'state'), ARRAY['queued', 'refused'], 'a link goes by e-mail to who has an address');
SELECT matches((t.each(:'mails', 'reason'))[2], '^patient [0-9]+ has no e-mail address$', 'and to nobody else');
SELECT is((SELECT recipient || ' ' || channel FROM hersys.registration_link WHERE patient_id = (:'two'::bigint[])[1]), 'a@example.jp email', 'the link is for that address');
SELECT is((SELECT recipient || ' ' || channel FROM hersys.outbox WHERE patient_id = (:'two'::bigint[])[1]), 'a@example.jp email', 'and so is the message');
INSERT INTO hersys.suppression (channel, address, reason) VALUES ('email', 'a@example.jp', 'bounce');
SELECT matches((t.each(t.send(:'sato', :'two', 'email'), 'reason'))[1], '^the e-mail address of patient [0-9]+ takes no messages$', 'not where mail comes back');
SELECT is((t.each(t.send(:'sato', :'two'), 'state'))[1], 'queued', 'which is no obstacle to an SMS');
SELECT throws_ok(format('SELECT * FROM hersys.link_send(%s, 1, t.salt(), ''tester'', ''email'')', (:'two'::bigint[])[2]), 'HS004', NULL, 'nor for a single one');
SELECT throws_ok(format('SELECT * FROM hersys.link_send(%s, 1, t.salt(), ''tester'', ''fax'')', (:'two'::bigint[])[2]), 'HS010', NULL, 'which goes by no fax');
SELECT throws_ok(format('SELECT * FROM hersys.link_send(%s, 1, t.salt(), ''tester'', NULL)', (:'two'::bigint[])[2]), 'HS010', NULL, 'nor by nothing');

-- ------------------------------------------------------------------ the cap

SELECT t.at('2022-08-05 23:59+09') \g /dev/null
UPDATE hersys.centre SET daily_cap = 3;
SELECT is(t.send(:'sato', t.patients(:east, 3)) ->> 'state', 'sent', 'up to the cap a batch is sent');
SELECT t.patients(:east, 2) AS more \gset
SELECT t.send(:'sato', :'more' || ARRAY[:silent]) AS held \gset
SELECT (:'held'::jsonb ->> 'id')::bigint AS id \gset
SELECT is(:'held'::jsonb - 'links' - 'id', '{"status": 202, "state": "held", "held_for": "daily_cap", "requested_by": "api:sato", "released_by": null,
    "created_at": "2022-08-05T14:59:00.000Z"}'::jsonb, 'above it one is held');
SELECT is(t.each(:'held', 'state'), ARRAY['held', 'held', 'refused'], 'whole');
SELECT is((SELECT count(*) FROM hersys.registration_link WHERE patient_id = ANY (:'more')), 0::bigint, 'nothing of it goes out');
SELECT is(t.send(:'sato', ARRAY[:silent]) ->> 'state', 'sent', 'one that sends nothing is not held');
SELECT is(t.send(:'tanaka', t.patients(:west, 3)) ->> 'state', 'sent', 'nor is another centre''s');
SELECT throws_ok(format('SELECT * FROM t.link_send(%s)', (:'more'::bigint[])[1]), 'HS004', NULL, 'a single link is refused then');
SELECT is((SELECT count(*) FROM hersys.outbox WHERE created_at = hersys.clock_now()), 6::bigint, 'nothing else was queued');
SELECT results_eq('SELECT batch_id, centre_id, channel, requested_by, links FROM hersys.batch_list()',
                  format($$VALUES (%s::bigint, %s::bigint, 'sms', 'api:sato', 2::bigint)$$, :id, :east), 'the operator sees what is held');
SELECT is(t.refusal(t.batch('release', :'sato', :id)), 'HS004 who asked for it cannot release it', 'who asked cannot release');
SELECT t.token(:east, 'SATO') AS again \gset
SELECT is(t.refusal(t.batch('release', :'again', :id)), 'HS004 who asked for it cannot release it', 'nor under another token, in other letters');
SELECT throws_ok(format('SELECT hersys.batch_release(%s, ''os:sato'')', :id), 'HS004', 'who asked for it cannot release it', 'nor at the operator''s keyboard');
SELECT throws_ok(format('SELECT hersys.batch_release(%s, %L)', :id, who), 'HS004', 'who asked for it cannot release it', format('nor as "%s"', who))
FROM unnest(ARRAY['api:Sato ', 'api:ｓａｔｏ', 'api:os:sato', 'os: sato　']) AS who;
SELECT throws_ok(format('SELECT hersys.batch_release(%s, NULL)', :id), 'HS004', 'who asked for it cannot release it', 'nor can nobody');
SELECT is(t.refusal(t.batch('release', :'tanaka', :id)), 'HS002 there is no batch N', 'nor another centre');
UPDATE hersys.patient SET ended_at = hersys.clock_now() WHERE id = (:'more'::bigint[])[2];
SELECT t.batch('release', :'suzuki', :id, 'once') AS released \gset
SELECT is(:'released'::jsonb - 'links' - 'id', '{"status": 200, "state": "sent", "held_for": "daily_cap", "requested_by": "api:sato", "released_by": "api:suzuki",
    "created_at": "2022-08-05T14:59:00.000Z"}'::jsonb, 'a second person releases');
SELECT is(t.each(:'released', 'state'), ARRAY['queued', 'refused', 'refused'], 'and who is looked at again then');
SELECT is((SELECT requested_by FROM hersys.registration_link WHERE patient_id = (:'more'::bigint[])[1]), 'api:sato', 'it stays the link of who asked');
SELECT is(t.batch('release', :'suzuki', :id, 'once'), :'released'::jsonb, 'a release that is repeated under its key has the same answer');
SELECT is(t.refusal(t.batch('release', :'suzuki', :id)), 'HS004 batch N is not held: it is sent', 'without one it is refused');
SELECT is((SELECT string_agg(actor || ' ' || action, ', ' ORDER BY id) FROM hersys.audit WHERE subject = 'batch' AND subject_id = :id), 'api:sato batch_hold, api:suzuki batch_release', 'both are in the audit trail');
SELECT is(t.send(:'sato', t.patients(:east, 1)) ->> 'state', 'held', 'what was released counts');
SELECT t.at('2022-08-06 00:00+09') \g /dev/null
SELECT is(t.send(:'sato', t.patients(:east, 3)) ->> 'state', 'sent', 'a new day begins at the centre''s midnight');
SELECT is(t.send(:'sato', t.patients(:east, 1)) ->> 'state', 'held', 'with the same cap');
UPDATE hersys.centre SET daily_cap = 0;
SELECT is(t.send(:'tanaka', t.patients(:west, 1)) ->> 'state', 'held', 'at a cap of none everything is held');
SELECT max(batch_id) AS id FROM hersys.batch_list() \gset
SELECT t.later('24 hours') \g /dev/null
SELECT t.token(:west, 'yamada') AS yamada \gset
SELECT is(t.refusal(t.batch('release', :'yamada', :id)), 'HS004 batch N has been held for more than N hours: ask for it again', 'after a day nobody releases');
SELECT is(hersys.housekeeping(), 4, 'the three that are held are cleared away, and the answer to the release');
SELECT is(t.batch('get', :'yamada', :id) ->> 'state', 'cancelled', 'they are cancelled');
SELECT is_empty('SELECT * FROM hersys.batch_list()', 'nothing is held then');

-- ------------------------------------------------------------------ cancelled

UPDATE hersys.centre SET daily_cap = 100;
DELETE FROM hersys.outbox;
SELECT t.patients(:east, 3) AS three \gset
SELECT t.send(:'sato', :'three') AS batch \gset
SELECT (:'batch'::jsonb ->> 'id')::bigint AS id \gset
SELECT t.claim(1) \g /dev/null
SELECT t.finish((t.each(:'batch', 'message'))[1]::bigint, 'accepted', 'out-1') \g /dev/null
UPDATE hersys.registration_link SET consumed_at = hersys.clock_now() WHERE id = (t.each(:'batch', 'link'))[3]::bigint;
SELECT is(t.refusal(t.batch('cancel', :'tanaka', :id)), 'HS002 there is no batch N', 'another centre''s batch cannot be cancelled');
SELECT t.batch('cancel', :'sato', :id) AS cancelled \gset
SELECT is(t.each(:'cancelled', 'state'), ARRAY['sent', 'cancelled', 'cancelled'], 'what is out is out, the rest never goes');
SELECT is((SELECT array_agg(t.link(:'sato', l::bigint) ->> 'state') FROM unnest(t.each(:'batch', 'link')) AS l), ARRAY['revoked', 'revoked', 'consumed'], 'and what is out opens nothing any more');
SELECT is(:'cancelled'::jsonb ->> 'state', 'cancelled', 'the batch is cancelled');
SELECT is(t.batch('cancel', :'suzuki', :id), :'cancelled'::jsonb, 'cancelling again changes nothing');
SELECT is((SELECT count(*) FROM hersys.audit WHERE action = 'batch_cancel' AND subject_id = :id), 1::bigint, 'at all');
SELECT is(t.refusal(t.batch('release', :'suzuki', :id)), 'HS004 batch N is not held: it is cancelled', 'nor can it be released');
SELECT t.later('1 minute') \g /dev/null
SELECT t.patients(:east, 1) AS one \gset
SELECT t.send(:'sato', :'one') AS batch \gset
SELECT t.claim(1) \g /dev/null
SELECT t.batch('cancel', :'sato', (:'batch'::jsonb ->> 'id')::bigint) AS cancelled \gset
SELECT is(t.each(:'cancelled', 'state'), ARRAY['sending'], 'what a daemon holds just now is not torn from it');
SELECT is(t.finish((t.each(:'batch', 'message'))[1]::bigint, 'accepted', 'out-2'), 'sent', 'and is finished by it');

-- ------------------------------------------------------------------ a link's way

SELECT t.later('1 minute') \g /dev/null
SELECT t.patients(:east, 1) AS one \gset
SELECT t.send(:'sato', :'one') AS batch \gset
SELECT (t.each(:'batch', 'link'))[1]::bigint AS link, (t.each(:'batch', 'message'))[1]::bigint AS message \gset
SELECT is(t.link(:'sato', :link), jsonb_build_object('status', 200, 'id', :link, 'patient', (:'one'::bigint[])[1], 'channel', 'sms', 'state', 'open',
    'created_at', hersys.api_time(hersys.clock_now()), 'expires_at', hersys.api_time(hersys.clock_now() + interval '72 hours'),
    'message', jsonb_build_object('id', :message, 'state', 'queued', 'attempts', 0, 'error', NULL, 'created_at', hersys.api_time(hersys.clock_now()), 'finished_at', NULL)),
    'a link is shown, and its message');
SELECT t.claim(1) \g /dev/null
SELECT is(t.link(:'sato', :link) -> 'message' ->> 'state', 'sending', 'on its way');
SELECT t.finish(:message, 'accepted', 'out-3') \g /dev/null
SELECT t.later('1 minute') \g /dev/null
SELECT t.receipt('out-3', 'undelivered', '000b') \g /dev/null
SELECT is(t.link(:'sato', :link) -> 'message' @> '{"state": "undelivered", "attempts": 1, "error": "000b"}', true, 'down to the carrier''s receipt');
SELECT is(t.batch('get', :'sato', (:'batch'::jsonb ->> 'id')::bigint) -> 'links' -> 0 @> '{"state": "undelivered", "error": "000b"}', true, 'as in its batch');
UPDATE hersys.registration_link SET wrong_tries = 5 WHERE id = :link;
SELECT is(t.link(:'sato', :link) ->> 'state', 'locked', 'five wrong tries lock it');
SELECT t.later('72 hours') \g /dev/null
SELECT is(t.link(:'sato', :link) ->> 'state', 'expired', 'it expires');
DELETE FROM hersys.outbox_history WHERE id = :message;
SELECT is(t.link(:'sato', :link) -> 'message', 'null', 'and where its message is kept no more, it has none');
SELECT is(t.batch('get', :'sato', (:'batch'::jsonb ->> 'id')::bigint) -> 'links' -> 0 ->> 'state', 'purged', 'which a batch calls purged');
SELECT is(t.refusal(t.link(:'tanaka', :link)), 'HS002 there is no link N', 'another centre''s link is not there');
SELECT is(t.refusal(t.batch('get', :'tanaka', (:'batch'::jsonb ->> 'id')::bigint)), 'HS002 there is no batch N', 'nor its batch');
SELECT is(t.refusal(t.link(:'sato', 0)), 'HS002 there is no link N', 'as one that is none');

-- ------------------------------------------------------------------ the operator's batch

SELECT t.patients(:east, 2) AS two \gset
SELECT results_eq(format('SELECT state, held_for FROM hersys.link_batch(%L, ''sms'', 1, t.salts(3), ''os:root'')', :'two' || '{999999}'::bigint[]),
                  $$VALUES ('sent', NULL::text)$$, 'the operator sends a batch');
SELECT is((SELECT count(*) FROM hersys.registration_link WHERE requested_by = 'os:root' AND centre_id = :east), 2::bigint, 'to a centre''s patients');
SELECT throws_ok(format('SELECT * FROM hersys.link_batch(%L, ''sms'', 1, t.salts(3), ''os:root'')', :'two'::bigint[] || :'theirs'::bigint[]), 'HS004', NULL, 'of one centre');
SELECT throws_ok('SELECT * FROM hersys.link_batch(''{999999}'', ''sms'', 1, t.salts(1), ''os:root'')', 'HS002', NULL, 'who are there');
UPDATE hersys.centre SET daily_cap = 0;
SELECT batch_id AS id FROM hersys.link_batch(:'two', 'sms', 1, t.salts(2), 'os:root') \gset
SELECT results_eq(format('SELECT patient_id, link_id IS NOT NULL AND message_id IS NOT NULL OR reason IS NULL FROM hersys.batch_links(%s)', :'id'),
    format('SELECT p, true FROM unnest(%L::bigint[]) AS p', :'two'), 'each patient of it is told of, in order');
SELECT is(hersys.batch_release(:id, 'os:other'), 2, 'and releases one, as somebody else');
SELECT finish();
ROLLBACK;
