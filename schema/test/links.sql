-- links.sql - registration links: to whom, and to whom not.
BEGIN;
\ir fixture.psql
SELECT plan(28);

SELECT t.centre('東保健所') AS east \gset
SELECT t.patient(:east, '+817000000001', p_language => 'pt') AS alice \gset
CREATE FUNCTION t.refused(p_patient bigint) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM t.link_send(p_patient);
    RETURN 'sent';
EXCEPTION WHEN SQLSTATE 'HS004' OR SQLSTATE 'HS002' THEN
    RETURN SQLSTATE || ' ' || regexp_replace(SQLERRM, '[0-9]+', 'N');
END
$$;

SELECT link_id AS link, message_id AS m FROM t.link_send(:alice) \gset
SELECT results_eq(format('SELECT recipient::text, generation, requested_by, expires_at - created_at, centre_id FROM hersys.registration_link WHERE id = %s', :link),
                  format($$VALUES ('+817000000001', 1, 'tester', interval '72 h', %s::bigint)$$, :east), 'a link is for the patient''s phone and lives for 72 hours');
SELECT results_eq(format($$SELECT kind, language::text, recipient, params, link_id, patient_id, begun_by_us FROM hersys.outbox WHERE id = %s$$, :m),
                  format($$SELECT 'registration_link', 'pt', '+817000000001', jsonb_build_object('centre', '東保健所', 'centre_phone', '03-0000-0000', 'input_id', p.input_id),
                           %s::bigint, p.id, true FROM hersys.patient p WHERE p.id = %s$$, :link, :alice), 'number and ID come from one row');
SELECT ok((SELECT params::text !~ '試験|見本' FROM hersys.outbox WHERE id = :m), 'and no name with them');
SELECT results_eq('SELECT actor, action, subject, subject_id, centre_id FROM hersys.audit',
                  format($$VALUES ('tester', 'link_send', 'patient', %s::bigint, %s::bigint)$$, :alice, :east), 'who sent it is in the audit trail');
SELECT link_id AS second FROM t.link_send(:alice) \gset
SELECT ok((SELECT revoked_at = hersys.clock_now() FROM hersys.registration_link WHERE id = :link), 'a new link ends the one before');
SELECT is((SELECT generation FROM hersys.registration_link WHERE id = :second), 2, 'and is of the next generation');
UPDATE hersys.registration_link SET consumed_at = hersys.clock_now() WHERE id = :second;
SELECT link_id AS third FROM t.link_send(:alice) \gset
SELECT is((SELECT generation FROM hersys.registration_link WHERE id = :third), 3, 'so is one after a link that was used');
SELECT ok((SELECT revoked_at IS NULL FROM hersys.registration_link WHERE id = :second), 'which stays as it is');

SELECT is(t.refused(999999), 'HS002 there is no patient N', 'nobody');
SELECT is(t.refused(t.patient(:east, NULL)), 'HS004 patient N has no telephone', 'no telephone');
SELECT is(t.refused(t.patient(:east, '+81300000000')), 'HS004 the telephone of patient N takes no SMS', 'a landline');
SELECT is(t.refused(t.patient(:east, '+12025550100')), 'HS004 the telephone of patient N takes no SMS', 'another country');
SELECT t.patient(:east, '+817000000002') AS bob \gset
UPDATE hersys.phone SET quarantined_at = hersys.clock_now() WHERE number = '+817000000002';
SELECT is(t.refused(:bob), 'HS004 the telephone of patient N is quarantined: somebody else answered from it', 'a quarantined phone');
SELECT t.patient(:east, '+817000000003') AS carol \gset
INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', '+817000000003', 'stop'), ('email', '+817000000001', 'bounce');
SELECT is(t.refused(:carol), 'HS004 patient N has stopped messages', 'who stopped');
SELECT is(t.refused(:alice), 'sent', 'a suppression of mails is none of SMS');
UPDATE hersys.suppression SET ended_at = hersys.clock_now();
SELECT is(t.refused(:carol), 'sent', 'who started again');
SELECT is(t.refused(t.patient(:east, '+817000000004', p_until => '2022-08-01')), 'sent', 'on the last day of monitoring');
SELECT is(t.refused(t.patient(:east, '+817000000004', p_until => '2022-07-31')), 'sent', 'nor after it, as long as monitoring was not ended');
UPDATE hersys.patient SET ended_at = hersys.clock_now() WHERE id = :alice;
SELECT is(t.refused(:alice), 'HS004 the monitoring of patient N has ended', 'whose monitoring was ended');
SELECT throws_ok(format('SELECT * FROM hersys.link_send(%s, 1, ''\x00'', ''tester'')', :carol), '23514', NULL, 'a salt that is too short');
SELECT throws_ok(format('SELECT * FROM hersys.link_send(%s, 1, decode(repeat(''00'', 16), ''hex''), NULL)', :carol), '23502', NULL, 'nobody asked for it');

-- Which numbers get an SMS.
SELECT ok(bool_and(hersys.sms_allowed(n)), 'Japan''s mobiles') FROM unnest(ARRAY['+816000000000', '+817099999999', '+818012345678', '+819000000000']) AS n;
SELECT ok(NOT bool_or(hersys.sms_allowed(n)), 'nothing else of Japan, nor of a wrong length')
FROM unnest(ARRAY['+815000000000', '+81312345678', '+81120000000', '+8190000000', '+8190000000000', '+81900000000']) AS n;
SELECT ok(NOT bool_or(hersys.sms_allowed(n)), 'nor of the world') FROM unnest(ARRAY['+12025550100', '+88190000000000', '90', '', '119']) AS n;
SELECT is(hersys.sms_allowed(NULL), false, 'nor nothing');
INSERT INTO hersys.sms_destination (prefix) VALUES ('+1202');
SELECT ok(hersys.sms_allowed('+12025550100') AND NOT hersys.sms_allowed('+12035550100'), 'but what the operator adds');
INSERT INTO hersys.sms_destination (prefix) VALUES ('+81');
SELECT ok(NOT hersys.sms_allowed('+81312345678'), 'a landline of Japan cannot be added');
DELETE FROM hersys.sms_destination;
SELECT is(hersys.sms_allowed('+817000000001'), false, 'without destinations nobody gets anything');
SELECT finish();
ROLLBACK;
