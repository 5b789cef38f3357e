-- api_patients.sql - patients by the interface: registered, changed, looked at; and what is refused, in which words.
BEGIN;
\ir fixture.psql
\ir api.psql
SELECT plan(115);

SELECT t.centre('東保健所') AS east \gset
SELECT t.centre('西保健所') AS west \gset
UPDATE hersys.centre SET language = 'ko' WHERE id = :west;
SELECT t.token(:east) AS nurse \gset
SELECT t.token(:west) AS other \gset

CREATE FUNCTION t.body(p_more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('input_id', lpad(nextval('t.counter')::text, 7, '0'), 'family_name', '試験', 'given_name', '例',
                              'date_of_birth', '1980-01-01') || p_more
$$;
CREATE FUNCTION t.nurse() RETURNS text LANGUAGE sql AS $$ SELECT min(kid) FROM hersys.token_list() $$;
CREATE FUNCTION t.create(p_more jsonb DEFAULT '{}', p_kid text DEFAULT t.nurse()) RETURNS jsonb LANGUAGE sql AS $$
    SELECT t.ask(t.by(p_kid, 'patients'), 'v1_patient_create($1, $2)', t.body(p_more))
$$;
CREATE FUNCTION t.change(p_id bigint, p_body jsonb, p_kid text DEFAULT t.nurse()) RETURNS jsonb LANGUAGE sql AS $$
    SELECT t.ask(t.by(p_kid, 'patients'), format('v1_patient_change($1, %s, $2)', p_id), p_body)
$$;
CREATE FUNCTION t.get(p_id bigint, p_kid text DEFAULT t.nurse()) RETURNS jsonb LANGUAGE sql AS $$
    SELECT t.ask(t.by(p_kid, 'patients'), format('v1_patient_get($1, %s)', p_id))
$$;

-- ------------------------------------------------------------------ registered

SELECT t.create('{"phone": "+817000000001", "email": "a@example.jp"}') AS made \gset
SELECT (:'made'::jsonb ->> 'id')::bigint AS alice \gset
SELECT is(:'made'::jsonb - 'id' - 'input_id', '{"status": 201, "family_name": "試験", "given_name": "例", "date_of_birth": "1980-01-01", "language": "ja",
    "phone": "+817000000001", "phone_confirmed": false, "takes_sms": true, "member_number": 1, "email": "a@example.jp", "onset_on": null,
    "diagnosed_on": null, "entered_japan_on": null, "passport_number": null, "monitoring_from": "2022-08-01", "monitoring_until": "2022-08-11",
    "spo2_urgent": null, "spo2_watch": null, "temperature_watch": null, "ended_at": null, "created_at": "2022-08-01T03:00:00.000Z"}'::jsonb, 'a patient is registered and shown, every item');
SELECT is(t.get(:alice), jsonb_set(:'made', '{status}', '200'), 'as the patient is when looked at');
SELECT results_eq('SELECT actor, action, subject, subject_id, centre_id FROM hersys.audit WHERE subject = ''patient'' ORDER BY id', format(
    $$VALUES ('api:nurse', 'patient_create', 'patient', %1$s::bigint, %2$s::bigint), ('api:nurse', 'patient_get', 'patient', %1$s, %2$s)$$, :alice, :east),
    'both stand in the audit trail');
SELECT is(t.create(p_kid => :'other') ->> 'language', 'ko', 'a patient speaks the language of the centre where nothing else is said');
SELECT is(t.create('{"language": "pt", "phone": null}') ->> 'language', 'pt', 'or what is said; null is nothing');
SELECT is(t.create('{"onset_on": "2022-07-30"}') ->> 'monitoring_until', '2022-08-09', 'monitoring ends ten days after onset');
SELECT is(t.create('{"onset_on": "2022-07-01"}') ->> 'monitoring_until', '2022-08-01', 'never before it begins');
SELECT is(t.create('{"monitoring_from": "2022-07-20"}') ->> 'monitoring_until', '2022-07-30', 'and ten days after it began, where there is no onset');
SELECT is(t.create('{"monitoring_until": "2022-08-02"}') ->> 'monitoring_until', '2022-08-02', 'or when the centre says');
SELECT is(t.create('{"phone": "+817000000001", "phone_confirmed": true}') - 'id' - 'input_id' - 'created_at' @> '{"phone_confirmed": true, "member_number": 2}', true,
          'the centre can mark the telephone, which a family shares');
SELECT t.at('2022-08-01 00:30+09') \g /dev/null
SELECT is(t.create() ->> 'monitoring_from', '2022-08-01', 'today is what it is at the centre');
SELECT t.at('2022-08-01 12:00+09') \g /dev/null
SELECT is(t.create('{"phone": "+81300000000"}') ->> 'takes_sms', 'false', 'a landline takes no SMS');
SELECT is(t.create() ->> 'takes_sms', 'false', 'nor does no telephone');
INSERT INTO hersys.phone (number, quarantined_at) VALUES ('+817000000009', hersys.clock_now());
SELECT is(t.create('{"phone": "+817000000009"}') ->> 'takes_sms', 'false', 'nor one from which somebody else answered');
INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', '+817000000008', 'stop'), ('email', '+817000000007', 'staff');
SELECT is(t.create('{"phone": "+817000000008"}') ->> 'takes_sms', 'false', 'nor one that stopped');
SELECT is(t.create('{"phone": "+817000000007"}') ->> 'takes_sms', 'true', 'by SMS');

-- ------------------------------------------------------------------ refused, and where

SELECT is(t.refusal(t.create(b::jsonb)), e, b)
FROM (VALUES
    ('{"input_id": null}', 'HS010 there has to be a value /input_id'),
    ('{"family_name": null}', 'HS010 there has to be a value /family_name'),
    ('{"given_name": null}', 'HS010 there has to be a value /given_name'),
    ('{"date_of_birth": null}', 'HS010 there has to be a value /date_of_birth'),
    ('{"input_id": "12345"}', 'HS010 the value is not possible /input_id'),
    ('{"input_id": 1234567}', 'HS010 the value is not possible /input_id'),
    ('{"family_name": ""}', 'HS010 the value is not possible /family_name'),
    ('{"given_name": "a\nb"}', 'HS010 the value is not possible /given_name'),
    ('{"date_of_birth": "1980-02-30"}', 'HS010 the value is not possible /date_of_birth'),
    ('{"date_of_birth": "1889-12-31"}', 'HS010 the value is not possible /date_of_birth'),
    ('{"date_of_birth": "today"}', 'HS010 a date is YYYY-MM-DD /date_of_birth'),
    ('{"date_of_birth": "2022-08-02"}', 'HS010 the day has not come yet /date_of_birth'),
    ('{"onset_on": "2022-08-02"}', 'HS010 the day has not come yet /onset_on'),
    ('{"diagnosed_on": "2022-08-02"}', 'HS010 the day has not come yet /diagnosed_on'),
    ('{"entered_japan_on": "2022-08-02"}', 'HS010 the day has not come yet /entered_japan_on'),
    ('{"language": "zh"}', 'HS010 the value is not possible /language'),
    ('{"phone": "090"}', 'HS010 the value is not possible /phone'),
    ('{"phone_confirmed": true}', 'HS010 there is no telephone /phone_confirmed'),
    ('{"phone_confirmed": "true"}', 'HS010 the value is not possible /phone_confirmed'),
    ('{"email": "A@example.jp"}', 'HS010 the value is not possible /email'),
    ('{"passport_number": "AB12345678"}', 'HS010 the value is not possible /passport_number'),
    ('{"monitoring_until": "2022-07-31"}', 'HS010 monitoring would end before it begins /monitoring_until'),
    ('{"monitoring_until": "2202-08-10"}', 'HS010 monitoring lasts a year at most /monitoring_until'),
    ('{"monitoring_from": "2202-08-10"}', 'HS010 monitoring begins within a year /monitoring_from'),
    ('{"spo2_urgent": 49}', 'HS010 the value is not possible /spo2_urgent'),
    ('{"spo2_watch": 101}', 'HS010 the value is not possible /spo2_watch'),
    ('{"spo2_watch": "95"}', 'HS010 the value is not possible /spo2_watch'),
    ('{"spo2_urgent": 99999}', 'HS010 the value is not possible /spo2_urgent'),
    ('{"temperature_watch": 33.9}', 'HS010 the value is not possible /temperature_watch'),
    ('{"temperature_watch": 1000}', 'HS010 the value is not possible /temperature_watch'),
    ('{"spo2_urgent": 96, "spo2_watch": 95}', 'HS010 what is urgent is to be watched as well: this is below it /spo2_watch'),
    ('{"name": "x"}', 'HS010 the request has an item that is not known'),
    ('{"family_name": {"a": 1}}', 'HS010 the value is not possible /family_name')) AS w (b, e);
SELECT is(t.refusal(t.ask(t.by(:'nurse', 'patients'), 'v1_patient_create($1, $2)', b)), 'HS010 the request has an item that is not known', 'no object: ' || b::text)
FROM (VALUES ('[]'::jsonb), ('null'), ('"x"')) AS w (b);
SELECT is(t.refusal(t.ask(t.by(:'nurse', 'patients'), 'v1_patient_create($1, NULL)')), 'HS010 the request has an item that is not known', 'nor nothing');
SELECT is(t.refusal(t.create(jsonb_build_object('input_id', t.get(:alice) ->> 'input_id'))), 'HS009 the input ID is that of patient N /input_id', 'an ID of one''s own centre is told whose it is');
SELECT is(t.create(jsonb_build_object('input_id', t.get(:alice) ->> 'input_id')) ->> 'message', format('the input ID is that of patient %s', :alice), 'by its number here');
SELECT is(t.refusal(t.create(jsonb_build_object('input_id', t.get(:alice) ->> 'input_id'), :'other')), 'HS009 the input ID is taken /input_id', 'one of another centre''s is not');
SELECT is((SELECT count(*) FROM (SELECT t.create('{"phone": "+817000000001"}') ->> 'status' AS s FROM generate_series(1, 7)) AS g WHERE s = '201'), 7::bigint, 'nine share a telephone');
SELECT is(t.refusal(t.create('{"phone": "+817000000001"}')), 'HS003 nine members have this telephone already', 'ten do not');
SELECT is((SELECT count(*) FROM hersys.patient), (SELECT count(*) FROM hersys.audit WHERE action = 'patient_create'), 'what was refused has left nothing');

-- ------------------------------------------------------------------ changed

SELECT (t.create('{"phone": "+817000000011", "phone_confirmed": true, "email": "b@example.jp", "passport_number": "AB1234567"}') ->> 'id')::bigint AS bob \gset
SELECT t.get(:bob) AS before \gset
SELECT is(t.change(:bob, '{}'), :'before'::jsonb, 'what is not said stays as it is');
SELECT is(t.change(:bob, '{"email": null, "passport_number": null}'), :'before'::jsonb || '{"email": null, "passport_number": null}', 'null removes');
SELECT is(t.refusal(t.change(:bob, jsonb_build_object(k, NULL))), 'HS010 there has to be a value /' || k, k || ' cannot be removed')
FROM unnest(ARRAY['input_id', 'family_name', 'given_name', 'date_of_birth', 'language', 'monitoring_from', 'monitoring_until']) AS k;
SELECT is(t.change(:bob, '{"given_name": "花子", "language": "es", "onset_on": "2022-07-30"}') @> '{"given_name": "花子", "language": "es", "onset_on": "2022-07-30", "monitoring_until": "2022-08-11", "phone_confirmed": true}',
          true, 'items change by themselves');
SELECT is(t.change(:bob, '{"phone": "+817000000011"}') ->> 'phone_confirmed', 'true', 'the same telephone stays confirmed');
SELECT is(t.change(:bob, '{"phone": "+817000000012"}') ->> 'phone_confirmed', 'false', 'a new one is not');
SELECT is(t.change(:bob, '{"phone": "+817000000013", "phone_confirmed": true}') ->> 'phone_confirmed', 'true', 'unless the same request says so');
SELECT t.later('1 hour') \g /dev/null
SELECT t.change(:bob, '{"phone": "+817000000014", "phone_confirmed": true}') \g /dev/null
SELECT is((SELECT phone_confirmed_at FROM hersys.patient WHERE id = :bob), hersys.clock_now(), 'at the time of that request');
SELECT t.later('1 hour') \g /dev/null
SELECT t.change(:bob, '{"phone_confirmed": true}') \g /dev/null
SELECT is((SELECT phone_confirmed_at FROM hersys.patient WHERE id = :bob), hersys.clock_now() - interval '1 hour', 'and not again');
SELECT is(t.change(:bob, '{"phone_confirmed": false}') ->> 'phone_confirmed', 'false', 'which can be taken back');
SELECT is(t.change(:bob, '{"phone": null}') - 'id' @> '{"phone": null, "member_number": null, "phone_confirmed": false, "takes_sms": false}', true, 'a telephone can be removed');
SELECT is(t.refusal(t.change(:bob, '{"phone": null, "phone_confirmed": true}')), 'HS010 there is no telephone /phone_confirmed', 'and is not confirmed then');
SELECT is(t.change(:bob, '{"ended": true}') ->> 'ended_at', '2022-08-01T05:00:00.000Z', 'monitoring is ended now');
SELECT t.later('1 hour') \g /dev/null
SELECT is(t.change(:bob, '{"ended": true}') ->> 'ended_at', '2022-08-01T05:00:00.000Z', 'once');
SELECT is(t.change(:bob, '{"ended": false}') -> 'ended_at', 'null', 'and begins again');
SELECT is(t.refusal(t.change(:bob, jsonb_build_object('input_id', t.get(:alice) ->> 'input_id'))), 'HS009 the input ID is that of patient N /input_id', 'an ID that is taken');
SELECT is(t.change(:bob, '{"input_id": "99999999"}') ->> 'input_id', '99999999', 'an ID that is free');
SELECT is(t.refusal(t.change(:bob, '{"monitoring_until": "2022-07-31"}')), 'HS010 monitoring would end before it begins /monitoring_until', 'dates fit together after the change');
SELECT is(t.refusal(t.change(:bob, '{"monitoring_from": "2022-08-12"}')), 'HS010 monitoring would end before it begins /monitoring_until', 'whichever changed');
UPDATE hersys.patient SET onset_on = '2023-01-01' WHERE id = :bob;
SELECT is(t.change(:bob, '{"given_name": "例"}') ->> 'status', '200', 'an old slip is no obstacle to another change');
SELECT is(t.refusal(t.change(0, '{}')), 'HS002 there is no patient N', 'nobody is changed');
SELECT is((SELECT count(*) FROM hersys.audit WHERE action = 'patient_change' AND subject_id = :bob AND actor = 'api:nurse' AND centre_id = :east), 15::bigint,
          'each change stands in the audit trail');

-- Thresholds of one's own.
SELECT is(t.change(:bob, '{"spo2_urgent": 96, "temperature_watch": 38.30}') @> '{"spo2_urgent": 96, "spo2_watch": null, "temperature_watch": 38.3}', true,
          'a patient can be in danger earlier than others, whatever the centre watches');
SELECT is(t.refusal(t.change(:bob, '{"spo2_watch": 95}')), 'HS010 what is urgent is to be watched as well: this is below it /spo2_watch', 'own thresholds fit together after the change');
SELECT is(t.change(:bob, '{"spo2_urgent": null, "spo2_watch": 95}') @> '{"spo2_urgent": null, "spo2_watch": 95}', true, 'null gives the centre''s back');

-- A telephone from which somebody else answered.
SELECT (t.create('{"phone": "+817000000031", "phone_confirmed": true}') ->> 'id')::bigint AS dora \gset
UPDATE hersys.phone SET quarantined_at = hersys.clock_now() WHERE number = '+817000000031';
SELECT hersys.call_add(:east, :dora, 'wrong_number'), hersys.call_add(:east, :dora, 'silent') \g /dev/null
SELECT is(t.change(:dora, '{"given_name": "例"}') ->> 'takes_sms', 'false', 'is that of somebody else still, whatever else is corrected');
SELECT is(t.change(:dora, '{"phone_confirmed": false}') ->> 'takes_sms', 'false', 'also where staff says that it is not confirmed');
SELECT is(t.change(:dora, '{"phone_confirmed": true}') ->> 'takes_sms', 'true', 'until staff says that it is the patient''s');
SELECT results_eq(format('SELECT reason, closed_by FROM hersys.call_task WHERE patient_id = %s ORDER BY id', :dora), $$VALUES ('wrong_number', 'api:nurse'), ('silent', NULL)$$,
                  'then nobody has to be called about it');
UPDATE hersys.phone SET quarantined_at = hersys.clock_now() WHERE number = '+817000000031';
SELECT is(t.change(:dora, '{"phone_confirmed": true}') ->> 'takes_sms', 'true', 'also where it had been confirmed before');
UPDATE hersys.phone SET quarantined_at = hersys.clock_now() WHERE number = '+817000000031';
SELECT is(t.create('{"phone": "+817000000031", "phone_confirmed": true}') ->> 'takes_sms', 'true', 'and where a new patient is registered with it');

-- A link that went to an address which is not the patient's any more.
SELECT link_id AS link FROM t.link_send(:alice) \gset
SELECT t.change(:alice, '{"email": "c@example.jp", "given_name": "花子"}') \g /dev/null
SELECT ok((SELECT revoked_at IS NULL FROM hersys.registration_link WHERE id = :link), 'a link by SMS stays where the mail address changes');
SELECT t.change(:alice, '{"phone": "+817000000021"}') \g /dev/null
SELECT ok((SELECT revoked_at = hersys.clock_now() FROM hersys.registration_link WHERE id = :link), 'and is ended where the telephone does');
SELECT link_id AS link FROM hersys.link_send(:alice, 1, t.salt(), 'tester', 'email') \gset
SELECT t.change(:alice, '{"phone": "+817000000022"}') \g /dev/null
SELECT ok((SELECT revoked_at IS NULL FROM hersys.registration_link WHERE id = :link), 'one by e-mail stays where the telephone changes');
SELECT t.change(:alice, '{"email": null}') \g /dev/null
SELECT ok((SELECT revoked_at IS NOT NULL FROM hersys.registration_link WHERE id = :link), 'and is ended where the address goes');
SELECT link_id AS link FROM t.link_send(:alice) \gset
SELECT t.change(:alice, jsonb_build_object('input_id', (SELECT p.input_id FROM hersys.patient p WHERE p.id = :alice), 'given_name', '別')) \g /dev/null
SELECT ok((SELECT revoked_at IS NULL FROM hersys.registration_link WHERE id = :link), 'one stays where the input ID is given as it is');
SELECT t.change(:alice, '{"input_id": "7654321"}') \g /dev/null
SELECT ok((SELECT revoked_at = hersys.clock_now() FROM hersys.registration_link WHERE id = :link), 'and is ended where it changes: the message names it');

-- ------------------------------------------------------------------ listed

CREATE FUNCTION t.pages(p_limit integer, p_kid text DEFAULT t.nurse()) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    v_page jsonb;
    v_after bigint := 0;
    v_ids bigint[] := '{}';
BEGIN
    WHILE v_after IS NOT NULL LOOP
        v_page := t.ask(t.by(p_kid, 'patients'), format('v1_patient_list($1, %s, %s)', v_after, p_limit));
        IF jsonb_array_length(v_page -> 'patients') > p_limit THEN
            RETURN NULL;
        END IF;
        v_ids := v_ids || ARRAY(SELECT (e ->> 'id')::bigint FROM jsonb_array_elements(v_page -> 'patients') AS e);
        v_after := (v_page ->> 'next')::bigint;
    END LOOP;
    RETURN v_ids;
END
$$;
SELECT is(t.pages(n), (SELECT array_agg(id ORDER BY id) FROM hersys.patient WHERE centre_id = :east), format('a centre''s patients, each once, in pages of %s', n))
FROM unnest(ARRAY[1, 2, 7, 1000]) AS n;
SELECT is(t.pages(10, :'other'), (SELECT array_agg(id ORDER BY id) FROM hersys.patient WHERE centre_id = :west), 'and those of another');
SELECT is((t.ask(t.by(:'nurse', 'patients'), 'v1_patient_list($1, NULL, NULL)') -> 'patients' -> 0) || '{"status": 200}', t.get(:alice), 'listed as looked at');
SELECT is(t.ask(t.by(:'nurse', 'patients'), 'v1_patient_list($1, 999999999, 5)'), '{"status": 200, "next": null, "patients": []}', 'after the last there is nobody');
SELECT is(jsonb_array_length(t.ask(t.by(:'nurse', 'patients'), 'v1_patient_list($1, 0, -1)') -> 'patients'), 1, 'a page has one patient at least');

-- ------------------------------------------------------------------ other centres

SELECT t.get(:alice) AS before \gset
SELECT is(t.refusal(t.get(:alice, :'other')), 'HS002 there is no patient N', 'another centre''s patient is not there');
SELECT is(t.refusal(t.change(:alice, '{"given_name": "別"}', :'other')), 'HS002 there is no patient N', 'cannot be changed');
SELECT is(t.get(:alice), :'before'::jsonb, 'and was not');
SELECT is_empty(format('SELECT FROM hersys.audit WHERE subject_id = %s AND centre_id = %s AND subject = ''patient''', :alice, :west), 'nor audited where it is not');
-- What a page costs, also with the plan that a session keeps.
SET LOCAL plan_cache_mode = force_generic_plan;
SELECT t.patient(:east, NULL) FROM generate_series(1, 500) \g /dev/null
SELECT (t.pages(1000))[500] AS late \gset
CREATE FUNCTION t.cost(p_after bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_before bigint;
BEGIN
    FOR i IN 1..8 LOOP
        v_before := t.rows_read('hersys.patient');
        PERFORM t.ask(t.by(t.nurse(), 'patients'), format('v1_patient_list($1, %s, 5)', p_after));
    END LOOP;
    RETURN t.rows_read('hersys.patient') - v_before;
END
$$;
SELECT cmp_ok(t.cost(:late), '<=', 6::bigint, 'a page reads the patients that it shows, not those before them');
SELECT finish();
ROLLBACK;
