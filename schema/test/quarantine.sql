-- quarantine.sql - a telephone from which somebody else answered: for whom it is vouched, and who else has it.
BEGIN;
\ir fixture.psql
\ir api.psql
SELECT plan(12);

SELECT t.centre('東保健所') AS east, t.centre('西保健所') AS west \gset
SELECT t.token(:east) AS nurse, t.token(:west) AS other \gset
SELECT t.slot(:east, '09:00', '15:00') AS slot \gset
CREATE FUNCTION t.change(p_kid text, p_id bigint, p_body jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT t.ask(t.by(p_kid, 'patients'), format('v1_patient_change($1, %s, $2)', p_id), p_body)
$$;
CREATE FUNCTION t.held(p_phone text) RETURNS boolean LANGUAGE sql AS $$ SELECT quarantined_at IS NOT NULL FROM hersys.phone WHERE number = p_phone $$;

-- Hanako's number was a stranger's, who falls ill himself, and is registered with it by another centre.
SELECT t.patient(:east, '+817000000001', '花子') AS hanako \gset
SELECT t.receive('+817000000001', '{"outcome": "command", "command": "wrong_number"}') \g /dev/null
SELECT t.patient(:west, '+817000000001', '太郎', false) AS stranger \gset
SELECT is(t.change(:'other', :stranger, '{"phone_confirmed": true}') ->> 'takes_sms', 'false', 'it is vouched for one, and was never the other''s');
SELECT is(t.held('+817000000001'), true, 'it stays in quarantine');
DELETE FROM hersys.outbox;
SELECT t.remind() \g /dev/null
SELECT is_empty($$SELECT FROM hersys.outbox WHERE recipient = '+817000000001'$$, 'and nothing about the other goes there');
SELECT t.change(:'nurse', :hanako, '{"phone": "+817000000002"}') \g /dev/null
SELECT is(t.held('+817000000001'), true, 'who takes the patient away says nothing of those who are left');
SELECT is(t.change(:'other', :stranger, '{"phone_confirmed": true}') ->> 'takes_sms', 'true', 'then it is vouched for all who have it');

-- A family's, by mistake.
SELECT t.patient(:east, '+817000000003', '一郎') AS one, t.patient(:east, '+817000000003', '二郎') AS two, t.patient(:west, '+817000000003', '三郎') AS three \gset
SELECT t.receive('+817000000003', '{"outcome": "command", "command": "wrong_number"}') \g /dev/null
SELECT t.change(:'nurse', :one, '{"phone_confirmed": true}') \g /dev/null
SELECT is(t.held('+817000000003'), true, 'one of three');
SELECT t.change(:'nurse', :one, '{"phone_confirmed": true}') \g /dev/null
SELECT is(t.held('+817000000003'), true, 'however often');
SELECT t.change(:'nurse', :two, '{"ended": true}') \g /dev/null
SELECT is(t.held('+817000000003'), true, 'another whose monitoring is ended');
SELECT is(t.change(:'other', :three, '{"phone_confirmed": true}') ->> 'takes_sms', 'true', 'and the third');
SELECT is(t.receive('+817000000003', t.report(97, '1')), 'report_stored', 'reports again');

-- Who comes later is nobody's stranger; who is removed needs no word.
SELECT t.patient(:east, '+817000000004') AS gone \gset
SELECT t.receive('+817000000004', '{"outcome": "command", "command": "wrong_number"}') \g /dev/null
SELECT t.patient(:east, '+817000000004') AS first, t.patient(:west, '+817000000004') AS later \gset
SELECT t.change(:'nurse', :gone, '{"phone": null}') \g /dev/null
SELECT is((SELECT wrong_for FROM hersys.phone WHERE number = '+817000000004'), '{}', 'a patient without the telephone');
SELECT is(t.change(:'other', :later, '{"phone_confirmed": true}') ->> 'takes_sms', 'true', 'is not asked about');
SELECT finish();
ROLLBACK;
