-- dialogue.sql - a report in several messages: what is missing, whose it is, and which question is open.
BEGIN;
\ir fixture.psql
SELECT plan(88);

SELECT t.centre('東保健所') AS east \gset
SELECT t.centre('西保健所') AS west \gset
SELECT t.patient(:east, '+817000000001', '花子') AS alice \gset
SELECT t.patient(:east, '+817000000010', '太郎') AS taro, t.patient(:west, '+817000000010', 'Ana Maria', p_language => 'pt') AS ana \gset

-- A part of a report, as the parser gives it: `36.9 97` has no symptoms.
CREATE FUNCTION t.part(p_partial jsonb, p_member text DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object('outcome', 'incomplete', 'member', p_member, 'partial', p_partial,
        'missing', (SELECT coalesce(jsonb_agg(f), '[]') FROM unnest(ARRAY['temperature_c', 'symptoms']) AS f WHERE NOT p_partial ? f)))
$$;
CREATE FUNCTION t.last() RETURNS TABLE (patient_id bigint, said text) LANGUAGE sql AS $$
    SELECT r.patient_id, concat_ws(' ', r.temperature_c, coalesce(r.spo2::text, 'none'), r.symptoms, r.note, CASE WHEN r.red_flag THEN 'red_flag' END,
                                   CASE WHEN r.needs_review THEN 'needs_review' END)
    FROM hersys.status_report r ORDER BY id DESC LIMIT 1
$$;
CREATE FUNCTION t.stored() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM hersys.status_report $$;
CREATE FUNCTION t.open(p_phone text) RETURNS text LANGUAGE sql AS $$ SELECT question FROM hersys.dialogue WHERE phone = p_phone $$;

-- ------------------------------------------------------------------ what is missing

SELECT is(t.receive('+817000000001', t.part('{"temperature_c": 36.9, "spo2": 97}')), 'incomplete', '`36.9 97`: the symptoms are asked for');
SELECT is((t.answer()).params, '{"centre": "東保健所", "missing_symptoms": true}', 'and nothing else');
SELECT is(t.stored(), 0::bigint, 'nothing is stored until they are told');
SELECT is(t.receive('+817000000001', t.part('{"symptoms": false}')), 'report_stored', '`n` completes it');
SELECT results_eq('SELECT * FROM t.last()', format($$VALUES (%s::bigint, '36.90 97 f')$$, :alice), 'as what both say together');
SELECT is((SELECT inbound_id FROM hersys.status_report ORDER BY id DESC LIMIT 1), (SELECT max(id) FROM hersys.inbound), 'under the last of its messages');
SELECT is(t.open('+817000000001'), NULL, 'and no question is open');

SELECT is(t.receive('+817000000001', t.part('{"temperature_c": 36.8}')), 'incomplete', '`36.8`');
SELECT is(t.receive('+817000000001', t.report(96, NULL, NULL) || '{"outcome": "incomplete", "missing": ["temperature_c"], "partial": {"spo2": 96, "symptoms": false}}'), 'report_stored',
          'then `96 n`');
SELECT is((SELECT said FROM t.last()), '36.80 96 f', 'is one report');
SELECT is(t.receive('+817000000001', t.part('{"spo2": 97}')), 'incomplete', '`97%`');
SELECT is(t.receive('+817000000001', t.part('{"symptoms": true}')), 'incomplete', 'then `y`: still incomplete');
SELECT is((t.answer()).params, '{"centre": "東保健所", "missing_temperature": true}', 'what is still missing is asked again');
SELECT is(t.receive('+817000000001', t.part('{"temperature_c": 38}')), 'report_stored', 'then `38`');
SELECT is((SELECT said FROM t.last()), '38.00 97 t', 'three messages are one report');

-- What overlaps stands alone.
SELECT t.receive('+817000000001', t.part('{"temperature_c": 36.9, "spo2": 97}')) \g /dev/null
SELECT is(t.receive('+817000000001', t.part('{"temperature_c": 37.5}')), 'incomplete', 'a temperature after a temperature');
SELECT is((t.answer()).params, '{"centre": "東保健所", "missing_symptoms": true}', 'is a new beginning');
SELECT t.receive('+817000000001', t.part('{"symptoms": false}')) \g /dev/null
SELECT is((SELECT said FROM t.last()), '37.50 none f', 'and what was remembered is forgotten: nobody sent 37.5 with 97');
SELECT t.receive('+817000000001', t.part('{"temperature_c": 36.9, "spo2": 97}')) \g /dev/null
SELECT is(t.receive('+817000000001', t.report(95)), 'report_stored', 'a whole report after a part');
SELECT is((SELECT said FROM t.last()), '36.90 95 f', 'is that report');
SELECT is(t.receive('+817000000001', t.part('{"symptoms": false}')), 'incomplete', 'and the part is forgotten');

-- Its time.
SELECT t.receive('+817000000001', t.part('{"temperature_c": 36.9}')) \g /dev/null
SELECT t.receive('+817000000001', t.part('{"temperature_c": 36.9}')) \g /dev/null
SELECT t.later('00:29:59') \g /dev/null
SELECT is(t.receive('+817000000001', t.part('{"symptoms": false}')), 'report_stored', 'after nearly half an hour it is an answer');
SELECT t.receive('+817000000001', t.part('{"temperature_c": 36.9}')) \g /dev/null
SELECT t.later('00:30:00') \g /dev/null
SELECT is(t.receive('+817000000001', t.part('{"symptoms": false}')), 'incomplete', 'after half an hour it is not');
SELECT is((t.answer()).params, '{"centre": "東保健所", "missing_temperature": true}', 'and the temperature is asked for');

-- What counts of both.
SELECT t.receive('+817000000001', '{"outcome": "unrecognised"}') \g /dev/null
DELETE FROM hersys.dialogue;
SELECT t.receive('+817000000001', t.part('{"temperature_c": 36.9}') || '{"replaces": true}', '{"note": "took a pill", "needs_review": true, "stop_word": true}') \g /dev/null
SELECT is((SELECT pending FROM hersys.dialogue), '{"note": "took a pill", "missing": ["symptoms"], "replaces": true, "how_to_stop": true, "needs_review": true, "temperature_c": 36.9}',
          'what is known of a report is remembered, with its words');
SELECT is(t.receive('+817000000001', t.part('{"symptoms": true}'), '{"note": "cough"}'), 'report_stored', 'with what completes it');
SELECT is((SELECT said FROM t.last()), '36.90 none t took a pill cough needs_review', 'the words of both are its note, and somebody reads it');
SELECT is((t.answer()).params - 'reports', '{"centre": "東保健所", "centre_phone": "03-0000-0000", "replaced": true, "needs_review": true, "how_to_stop": true}',
          'it replaces, and says how to stop, as its first part asked');
SELECT is((SELECT count(*) FROM hersys.status_report WHERE superseded_by IS NOT NULL), 1::bigint, 'one is replaced');
SELECT is(t.receive('+817000000001', t.part('{"symptoms": true}') || '{"red_flag": true}'), 'report_urgent', 'a cry for help in a part is answered as urgent');
SELECT is(t.receive('+817000000001', t.part('{"temperature_c": 36.9}')), 'report_urgent', 'and so is the report that it becomes');
SELECT is((SELECT said FROM t.last()), '36.90 none t red_flag', 'which has its flag');

-- ------------------------------------------------------------------ which question is open

CREATE FUNCTION t.keeps(p_parsed jsonb, p_keeps boolean, p_about text, p_more jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM hersys.dialogue;
    PERFORM t.receive('+817000000001', t.part('{"temperature_c": 36.9, "spo2": 97}'));
    PERFORM t.receive('+817000000001', p_parsed, p_more);
    RETURN is(t.receive('+817000000001', t.part('{"symptoms": false}')), CASE WHEN p_keeps THEN 'report_stored' ELSE 'incomplete' END, p_about);
END
$$;
SELECT t.keeps('{"outcome": "unrecognised"}', true, 'what is not understood leaves the question open');
SELECT t.keeps('{"outcome": "empty"}', true, 'and so does nothing at all');
SELECT t.keeps(t.report(99), true, 'a text of ours that comes back', '{"own_text": true}');
SELECT t.keeps('{"outcome": "command", "command": "help"}', true, 'who asks for help with it');
SELECT t.keeps('{"outcome": "command", "command": "lang", "language": "en"}', true, 'or for another language');
UPDATE hersys.patient SET language = 'ja' WHERE id = :alice;
SELECT t.keeps('{"outcome": "command", "command": "undo"}', false, 'another command closes it');
SELECT t.keeps('{"outcome": "command", "command": "confirm", "code": "123456"}', false, 'a code, too');
SELECT t.keeps('{"outcome": "out_of_range", "field": "spo2", "value": "30"}', false, 'a value that cannot be closes it');
SELECT t.keeps('{"outcome": "ambiguous"}', false, 'what can be read in two ways closes it');
SELECT t.keeps('{"outcome": "conflict"}', false, 'yes and no close it');
SELECT t.keeps('{"outcome": "incomplete", "member": "1", "missing": ["symptoms"], "partial": {"temperature_c": 36.5}}', false, 'one of several reports that fails closes it, for they are taken all or not at all',
               '{"several": true}');
SELECT t.receive('+817000000010', '{"outcome": "incomplete", "member": "2", "missing": ["symptoms"], "partial": {"temperature_c": 38.1, "spo2": 95}}',
                 '{"several": true}') \g /dev/null
SELECT is((t.answer()).params, '{"again": true, "centre": "西保健所", "member": "2", "missing_symptoms": true}', 'all of them are asked for again');
SELECT is(t.open('+817000000010'), NULL, 'for nothing of them is remembered');

-- ------------------------------------------------------------------ whose report

DELETE FROM hersys.dialogue;
SELECT is(t.receive('+817000000010', t.part('{"temperature_c": 36.9, "spo2": 97}')), 'incomplete', '`36.9 97` in a family');
SELECT is(t.receive('+817000000010', t.part('{"symptoms": false}')), 'which_member', 'then `n`: now it is asked whose it is');
SELECT is((t.answer()).params, '{"again": false, "centre": "東保健所", "members": [{"number": "1", "name": "太郎"}, {"number": "2", "name": "Ana Maria"}]}',
          'and just the number or the name is wanted');
SELECT is(t.open('+817000000010'), 'member', 'the question is open');
SELECT is(t.receive('+817000000010', t.part('{}', '2')), 'report_stored', 'then `2`');
SELECT results_eq('SELECT * FROM t.last()', format($$VALUES (%s::bigint, '36.90 97 f')$$, :ana), 'it is the second''s');
SELECT results_eq('SELECT language::text, centre_id, patient_id FROM hersys.outbox ORDER BY id DESC LIMIT 1', format($$VALUES ('pt', %s::bigint, %s::bigint)$$, :west, :ana),
                  'the echo is hers, in her language and for her centre');
SELECT is((SELECT centre_id FROM hersys.status_report ORDER BY id DESC LIMIT 1), :west::bigint, 'her report is her centre''s');
SELECT is(t.receive('+817000000010', t.report(96)), 'which_member', 'a whole report of nobody');
SELECT is(t.receive('+817000000010', '{"outcome": "unrecognised"}', '{"name": "太郎"}'), 'report_stored', 'then a name alone');
SELECT results_eq('SELECT * FROM t.last()', format($$VALUES (%s::bigint, '36.90 96 f')$$, :taro), 'is his');
SELECT is(t.open('+817000000010'), NULL, 'and the question is closed');
SELECT is((SELECT parsed FROM hersys.inbound ORDER BY id DESC LIMIT 1), '{"outcome": "unrecognised"}', 'the name is not kept');
SELECT is(t.receive('+817000000010', '{"outcome": "unrecognised"}', '{"name": "太郎"}'), 'not_understood', 'where nothing is asked a name is nothing');
SELECT t.receive('+817000000010', t.report(96)) \g /dev/null
SELECT is(t.receive('+817000000010', '{"outcome": "unrecognised"}', '{"name": "次郎"}'), 'which_member', 'a name that nobody has is asked about again');
SELECT is((t.answer()).params -> 'again', 'false', 'the report is still remembered');
SELECT is(t.receive('+817000000010', t.part('{}', '5')), 'which_member', 'a number that nobody has, too');
SELECT is(t.receive('+817000000010', '{"outcome": "unrecognised", "red_flag": true}', '{"name": "太郎"}'), 'report_urgent', 'a cry for help is no name');
SELECT is(t.receive('+817000000010', t.part('{}', 'ana maria')), 'report_stored', 'and then one who is there');
SELECT is((SELECT patient_id FROM t.last()), :ana::bigint, 'is who reported');

SELECT is(t.receive('+817000000010', t.part('{}', '2')), 'incomplete', '`2` alone');
SELECT is((t.answer()).params, '{"centre": "西保健所", "member": "2", "missing_symptoms": true, "missing_temperature": true}', 'is asked for her values');
SELECT is(t.receive('+817000000010', t.report(98)), 'report_stored', 'then `36.9 98 n`');
SELECT results_eq('SELECT * FROM t.last()', format($$VALUES (%s::bigint, '36.90 98 f')$$, :ana), 'is hers');
SELECT t.receive('+817000000010', t.part('{"temperature_c": 36.9}', '1')) \g /dev/null
SELECT is(t.receive('+817000000010', t.part('{"symptoms": false}', '太郎')), 'report_stored', 'the same member, by number and by name');
SELECT is((SELECT patient_id FROM t.last()), :taro::bigint, 'is one');
SELECT t.receive('+817000000010', t.part('{"temperature_c": 36.9}', '1')) \g /dev/null
SELECT is(t.receive('+817000000010', t.part('{"symptoms": true}', '2')), 'incomplete', 'another member');
SELECT is((t.answer()).params, '{"centre": "西保健所", "member": "2", "missing_temperature": true}', 'has a report of her own');
SELECT t.receive('+817000000010', t.part('{"temperature_c": 36.9}', '1')) \g /dev/null
SELECT is(t.receive('+817000000010', t.part('{"symptoms": true}', '5')), 'which_member', 'a member who is not there is asked about');
SELECT is((SELECT pending - 'missing' FROM hersys.dialogue WHERE phone = '+817000000010'), '{"symptoms": true}', 'and never taken for the one before');

-- Several reports: all or nothing, and all again.
SELECT t.stored() AS before \gset
SELECT is(t.receive('+817000000010', '{"outcome": "report", "reports": [{"member": "1", "temperature_c": 36, "symptoms": false}, {"member": "7", "temperature_c": 37, "symptoms": true}]}'),
          'which_member', 'of two reports one is nobody''s');
SELECT is((t.answer()).params -> 'again', 'true', 'both have to be sent again');
SELECT is(t.receive('+817000000010', t.part('{}', '2')), 'incomplete', 'a number alone is no answer to that');
SELECT is(t.stored(), :before::bigint, 'and nothing was stored');
SELECT is(t.receive('+817000000001', t.report(97, '2')), 'which_member', 'one patient under another number is asked about');
SELECT is(t.receive('+817000000001', t.part('{}', '1')), 'report_stored', 'and answers with her own');
SELECT is((SELECT patient_id FROM t.last()), :alice::bigint, 'it is hers');

-- Danger in a part alerts at once, and is not forgotten.
DELETE FROM hersys.dialogue;
SELECT is(t.receive('+817000000010', t.report(85)), 'report_urgent', 'danger in a report of nobody is urgent');
SELECT is(t.receive('+817000000010', t.part('{}', '2')), 'report_urgent', 'whose it is may still be told');
SELECT results_eq('SELECT * FROM t.last()', format($$VALUES (%s::bigint, '36.90 85 f')$$, :ana), 'and then it is a report');

-- Kept no longer than it may be an answer.
SELECT t.receive('+817000000010', t.part('{"temperature_c": 36.9}')) \g /dev/null
SELECT is((SELECT count(*) FROM hersys.dialogue WHERE phone = '+817000000010'), 1::bigint, 'what is remembered is health data');
SELECT t.later('00:30:00') \g /dev/null
SELECT ok(hersys.housekeeping() > 0, 'and is cleared away');
SELECT is_empty('SELECT FROM hersys.dialogue', 'when its time is over');
SELECT finish();
ROLLBACK;
