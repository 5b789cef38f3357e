-- households.sql - what was asked of one household is not answered by another.
BEGIN;
\ir fixture.psql
SELECT plan(22);

SELECT t.centre('東保健所') AS east \gset
SELECT t.patient(:east, '+817000000001', '花子') AS hanako \gset
CREATE FUNCTION t.part(p_partial jsonb, p_member text DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object('outcome', 'incomplete', 'member', p_member, 'partial', p_partial,
        'missing', (SELECT coalesce(jsonb_agg(f), '[]') FROM unnest(ARRAY['temperature_c', 'symptoms']) AS f WHERE NOT p_partial ? f)))
$$;

-- The telephone becomes somebody else's while a part of a report is remembered.
SELECT is(t.receive('+817000000001', t.part('{"temperature_c": 38.9, "spo2": 95}')), 'incomplete', '`38.9 95` of one patient');
UPDATE hersys.patient SET phone = '+817000000009' WHERE id = :hanako;
SELECT t.patient(:east, '+817000000001', '太郎') AS taro \gset
SELECT is(t.receive('+817000000001', t.part('{"symptoms": false}')), 'incomplete', '`n` of who has the telephone now');
SELECT is(t.reports(:taro), 0::bigint, 'does not complete it');
SELECT is(t.receive('+817000000001', t.part('{"temperature_c": 36.5}')), 'report_stored', 'what he has sent himself');
SELECT is((SELECT temperature_c || '/' || coalesce(spo2::text, '') FROM hersys.status_report WHERE patient_id = :taro), '36.50/', 'is his');

-- A number that is another member's by now.
SELECT t.patient(:east, '+817000000001', '次郎') AS jiro \gset
SELECT is(t.receive('+817000000001', t.part('{"temperature_c": 37.7}', '2')), 'incomplete', '`2 37.7`');
UPDATE hersys.patient SET phone = '+817000000008' WHERE id = :jiro;
SELECT t.patient(:east, '+817000000001', '三郎') AS saburo \gset
SELECT t.receive('+817000000001', t.part('{"symptoms": false}', '2')) \g /dev/null
SELECT is(t.reports(:saburo) + t.reports(:jiro), 0::bigint, 'is not the report of who got that number');

-- Who is left when another's monitoring ends has not sent what nobody's name was on.
SELECT t.receive('+817000000001', t.part('{"temperature_c": 39.1}')) \g /dev/null
UPDATE hersys.patient SET ended_at = hersys.clock_now() WHERE id = :saburo;
SELECT is(t.receive('+817000000001', t.part('{"symptoms": false}')), 'incomplete', 'a part of a household of two is not completed by the one who is left');
SELECT is(t.reports(:taro), 1::bigint, 'and nothing is stored');

-- What has not changed stays open.
UPDATE hersys.patient SET language = 'en', email = 'a@example.jp' WHERE id = :taro;
SELECT is(t.receive('+817000000001', t.part('{"temperature_c": 36.6}')), 'report_stored', 'another change of a patient closes nothing');
SELECT is(t.reports(:taro), 2::bigint, 'the report is his');

-- A carrier that brings a part twice, under two names.
SELECT t.patient(:east, '+817000000005', '五郎') AS goro \gset
CREATE FUNCTION t.brings(p_raw text, p_partial jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT answer_kind FROM hersys.inbound_store(jsonb_build_array(t.message('+817000000005', t.part(p_partial), NULL, jsonb_build_object('raw', p_raw))))
$$;
SELECT t.brings('aa', '{"temperature_c": 36.9, "spo2": 97}') \g /dev/null
SELECT t.brings('bb', '{"symptoms": false}') \g /dev/null
SELECT is(t.brings('bb', '{"symptoms": false}'), 'incomplete', '`n`, which was recorded, once more');
SELECT is(t.brings('cc', '{"temperature_c": 38.9, "spo2": 96}'), 'incomplete', 'is no part of the next report');
SELECT is(t.brings('dd', '{"symptoms": true}'), 'report_stored', 'which is completed by what was said of it');
SELECT is((SELECT string_agg(temperature_c || ' ' || symptoms, ', ' ORDER BY id) FROM hersys.status_report WHERE patient_id = :goro), '36.90 false, 38.90 true', 'and says that');
SELECT t.brings('cc', '{"temperature_c": 38.9, "spo2": 96}') \g /dev/null
SELECT is(t.brings('ee', '{"symptoms": false}'), 'incomplete', 'nor is the first part of one that is complete');

-- What a message says of a name has ten UCS-2 units, or it could not be written.
CREATE FUNCTION t.label(p_given text) RETURNS text LANGUAGE sql AS $$
    SELECT hersys.member_label(jsonb_populate_record(NULL::hersys.patient, jsonb_build_object(
        'member_number', 1, 'given_name', p_given, 'phone_confirmed_at', hersys.clock_now()))) ->> 'name'
$$;
SELECT is(t.label('𠮷𠮷𠮷𠮷𠮷𠮷'), '𠮷𠮷𠮷𠮷𠮷', 'characters beyond the basic plane count twice');
SELECT is(t.label('Wilhelm 𠮷𠮷'), 'Wilhelm 𠮷', 'with others');
SELECT is(t.label('Maximilian 𠮷'), 'Maximilian', 'none is halved');
SELECT is(t.label('Alexandrina 𠮷'), 'Alexandrin', 'and others once');
SELECT is(t.label(E'花\u2028子'), '花 子', 'a line separator that came with it from a document is none in a message');
SELECT is(t.label('花'), '花', 'a short name is whole');
SELECT finish();
ROLLBACK;
