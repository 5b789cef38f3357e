-- commands.sql - undo and corrections, stop and start, a wrong number, language, help, codes by SMS.
BEGIN;
\ir fixture.psql
SELECT plan(107);

SELECT t.centre('東保健所') AS east \gset
SELECT t.centre('西保健所') AS west \gset
SELECT t.patient(:east, '+817000000001', '花子') AS alice \gset
SELECT t.patient(:east, '+817000000010', '太郎') AS taro, t.patient(:west, '+817000000010', 'Ana', p_language => 'pt') AS ana \gset

CREATE FUNCTION t.say(p_phone text, p_command text, p_more jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
    SELECT t.receive(p_phone, jsonb_build_object('outcome', 'command', 'command', p_command), p_more)
$$;
CREATE FUNCTION t.digit(p_phone text, p_digit text) RETURNS text LANGUAGE sql AS $$
    SELECT t.receive(p_phone, jsonb_build_object('outcome', 'incomplete', 'member', p_digit, 'missing', '["temperature_c", "symptoms"]'::jsonb, 'partial', '{}'::jsonb))
$$;
-- Reports that count, oldest first: SpO2.
CREATE FUNCTION t.valid(p_patient bigint) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(spo2::text, ' ' ORDER BY id), '') FROM hersys.status_report WHERE patient_id = p_patient AND withdrawn_at IS NULL AND superseded_by IS NULL
$$;
CREATE FUNCTION t.calls(p_patient bigint) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(reason, ' ' ORDER BY reason), '') FROM hersys.call_task WHERE patient_id = p_patient AND closed_at IS NULL
$$;

-- ------------------------------------------------------------------ undo

SELECT is(t.say('+817000000001', 'undo'), 'nothing_to_undo', 'where nothing was sent nothing is taken back');
SELECT is((t.answer()).params, '{"centre": "東保健所", "centre_phone": "03-0000-0000"}', 'the centre may be called');
SELECT t.receive('+817000000001', t.report(96)) \g /dev/null
SELECT t.receive('+817000000001', t.report(97)) \g /dev/null
SELECT is(t.say('+817000000001', 'undo'), 'undone', 'undo');
SELECT is((t.answer()).params, '{"centre": "東保健所", "reports": [{"no": true, "spo2": "97", "temperature": "36.9"}]}', 'says what it has taken back');
SELECT is(t.valid(:alice), '96', 'the last report');
SELECT is((SELECT withdrawn_at FROM hersys.status_report WHERE spo2 = 97 AND patient_id = :alice), hersys.clock_now(), 'which is kept, with the time');
SELECT is(t.say('+817000000001', 'undo'), 'undone', 'again');
SELECT is(t.valid(:alice), '', 'takes back the one before');
SELECT is(t.say('+817000000001', 'undo'), 'nothing_to_undo', 'and then there is none');
SELECT t.receive('+817000000001', t.report(96)) \g /dev/null
SELECT t.later('24 h') \g /dev/null
SELECT is(t.say('+817000000001', 'undo'), 'nothing_to_undo', 'after a day it is the centre''s business');
SELECT t.at('2022-08-01 12:00+09') \g /dev/null
SELECT t.receive('+817000000001', t.report(88)) \g /dev/null
SELECT t.say('+817000000001', 'undo') \g /dev/null
SELECT is((SELECT count(*) FROM hersys.alert WHERE patient_id = :alice AND closed_at IS NULL), 1::bigint, 'the alert of a report that is taken back stays');

SELECT t.receive('+817000000010', t.report(95, '1')) \g /dev/null
SELECT t.receive('+817000000010', '{"outcome": "report", "reports": [{"member": "1", "temperature_c": 36, "spo2": 96, "symptoms": false},
                 {"member": "2", "temperature_c": 37, "spo2": 97, "symptoms": true}]}') \g /dev/null
SELECT is(t.say('+817000000010', 'undo'), 'undone', 'in a family');
SELECT is((t.answer()).params -> 'reports', '[{"no": true, "name": "太郎", "spo2": "96", "member": "1", "temperature": "36.0"}, {"yes": true, "name": "Ana", "spo2": "97", "member": "2", "temperature": "37.0"}]',
          'all reports of the last message go back, with their members');
SELECT is(t.valid(:taro) || '/' || t.valid(:ana), '95/', 'and no other');

-- A correction.
SELECT t.receive('+817000000010', t.report(98, '2')) \g /dev/null
SELECT t.receive('+817000000010', t.report(94, '1')) \g /dev/null
SELECT is(t.receive('+817000000010', t.report(99, '2') || '{"replaces": true}'), 'report_stored', 'a correction of the second''s');
SELECT is((t.answer()).params -> 'replaced', 'true', 'is told as that');
SELECT is(t.valid(:taro) || '/' || t.valid(:ana), '95 94/99', 'and replaces hers, though his was the last');
SELECT t.say('+817000000010', 'undo') \g /dev/null
SELECT is(t.valid(:taro) || '/' || t.valid(:ana), '95 94/', 'taken back, it leaves what it replaced replaced');
SELECT is(t.receive('+817000000010', t.report(97, '2') || '{"replaces": true}'), 'report_stored', 'a correction of nothing');
SELECT is((t.answer()).params -> 'replaced', 'false', 'is a report');
UPDATE hersys.status_report SET withdrawn_at = hersys.clock_now() WHERE patient_id = :ana;
SELECT t.receive('+817000000010', t.report(96, '2') || '{"replaces": true}') \g /dev/null
SELECT is((t.answer()).params -> 'replaced', 'false', 'one that was taken back is not replaced');

-- What was right stays: `undo`, and then the right values as a correction, as the answer to `wrong` says.
SELECT t.patient(:east, '+817000000011') AS gina \gset
SELECT t.receive('+817000000011', t.report(96)) \g /dev/null
SELECT t.receive('+817000000011', t.report(95)) \g /dev/null
SELECT t.say('+817000000011', 'undo') \g /dev/null
SELECT is(t.receive('+817000000011', t.report(97) || '{"replaces": true}'), 'report_stored', 'a correction of what was taken back');
SELECT is((t.answer()).params -> 'replaced', 'false', 'replaces nothing');
SELECT is(t.valid(:gina), '96 97', 'least of all the report before, which was right');
INSERT INTO hersys.status_report (patient_id, centre_id, source, reported_at, temperature_c, symptoms, spo2)
VALUES (:gina, :east, 'staff', hersys.clock_now(), 36.9, false, 94) RETURNING id AS staffs \gset
UPDATE hersys.status_report SET superseded_by = :staffs WHERE patient_id = :gina AND spo2 = 97;
SELECT is(t.say('+817000000011', 'undo'), 'nothing_to_undo', 'what the centre has corrected is not taken back, nor the one before');
SELECT is(t.valid(:gina), '96 94', 'which was right');
SELECT t.receive('+817000000011', t.report(98) || '{"replaces": true}') \g /dev/null
SELECT is(t.valid(:gina), '96 94 98', 'nor one before a report that the centre has corrected');

-- ------------------------------------------------------------------ stop, start

SELECT is(t.say('+817000000010', 'stop', '{"cancel": true}'), 'cancel_which', '`cancel` after a report: which is meant?');
SELECT is((t.answer()).params, '{"centre": "東保健所"}', 'is asked');
SELECT is_empty('SELECT FROM hersys.suppression', 'and nothing has stopped');
SELECT is(t.say('+817000000010', 'stop'), 'stopped', 'stop');
SELECT results_eq('SELECT channel::text, address, reason FROM hersys.suppression WHERE ended_at IS NULL', $$VALUES ('sms', '+817000000010', 'stop')$$, 'works at once');
SELECT is(t.calls(:taro) || '/' || t.calls(:ana), 'stopped/stopped', 'silence is not health: both centres call');
SELECT is((SELECT array_agg(centre_id ORDER BY patient_id) FROM hersys.call_task), ARRAY[:east, :west]::bigint[], 'each its own patient');
SELECT is(t.say('+817000000010', 'stop'), NULL, 'who has stopped is not written to again');
SELECT is(t.say('+817000000010', 'start'), 'started', 'start');
SELECT is_empty('SELECT FROM hersys.suppression WHERE ended_at IS NULL', 'ends that');
SELECT is(t.calls(:taro) || '/' || t.calls(:ana), '/', 'and nobody has to call');
SELECT is(t.say('+817000000010', 'start'), 'started', 'where nothing was stopped it is answered as well');
UPDATE hersys.status_report SET withdrawn_at = hersys.clock_now() WHERE withdrawn_at IS NULL AND superseded_by IS NULL;
SELECT is(t.say('+817000000010', 'stop', '{"cancel": true}'), 'stopped', '`cancel` where no report could be meant is stop');
SELECT t.say('+817000000010', 'start') \g /dev/null
INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', '+817000000010', 'carrier_opt_out');
SELECT is(t.say('+817000000010', 'stop'), 'stopped', 'who says stop to the carrier, and then to us');
SELECT is((SELECT reason FROM hersys.suppression WHERE ended_at IS NULL), 'stop', 'has said it to us');
SELECT t.say('+817000000010', 'start') \g /dev/null
INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', '+817000000010', 'carrier_opt_out'), ('sms', '+817000000001', 'staff');
SELECT t.say('+817000000010', 'start') \g /dev/null
SELECT t.say('+817000000001', 'start') \g /dev/null
SELECT results_eq('SELECT reason FROM hersys.suppression WHERE ended_at IS NULL', ARRAY['staff'], 'start ends what the patient has said, not what the centre has');
UPDATE hersys.suppression SET ended_at = hersys.clock_now() WHERE ended_at IS NULL;
SELECT t.say('+817000000077', 'stop') \g /dev/null
SELECT is((SELECT address FROM hersys.suppression WHERE ended_at IS NULL), '+817000000077', 'a stranger who says stop is heard');
SELECT t.say('+817000000077', 'start') \g /dev/null
SELECT is_empty('SELECT FROM hersys.suppression WHERE ended_at IS NULL', 'and so is start');
SELECT t.receive('+817000000001', t.report(97), '{"stop_word": true}') \g /dev/null
SELECT is((t.answer()).params -> 'how_to_stop', 'true', 'a report with a word of stop beside it is a report, and its echo says how to stop');

-- ------------------------------------------------------------------ help, language

SELECT is(t.say('+817000000001', 'help'), 'help', 'help');
SELECT is((t.answer()).params, '{"centre": "東保健所", "centre_phone": "03-0000-0000"}', 'says whom to call');
SELECT is(t.say('+817000000010', 'lang', '{"parsed": {"outcome": "command", "command": "lang", "language": "ko"}}'), 'language_changed', 'another language');
SELECT is((t.answer()).language::text, 'ko', 'is answered in it');
SELECT is((SELECT array_agg(language::text) FROM hersys.patient WHERE phone = '+817000000010'), '{ko,ko}', 'and is that of all of the telephone');
SELECT is((SELECT language::text FROM hersys.patient WHERE id = :alice), 'ja', 'and of no other');

-- When monitoring is over.
SELECT t.patient(:east, '+817000000020', p_language => 'en') AS over \gset
UPDATE hersys.patient SET ended_at = hersys.clock_now() WHERE id = :over;
SELECT is(t.receive('+817000000020'), 'not_watched', 'a report when monitoring is over');
SELECT is(t.reports(:over), 0::bigint, 'is none');
SELECT is(t.say('+817000000020', 'help'), 'help', 'help works then');
SELECT is(t.say('+817000000020', 'lang', '{"parsed": {"outcome": "command", "command": "lang", "language": "es"}}'), 'language_changed', 'so does the language');
SELECT is((t.answer()).language::text, 'es', 'of whom we knew');
SELECT is(t.say('+817000000020', 'stop'), 'stopped', 'and stop');
SELECT is(t.calls(:over), '', 'for which nobody has to be called');
SELECT is(t.say('+817000000020', 'start'), 'started', 'and start');

-- ------------------------------------------------------------------ wrong

SELECT t.patient(:east, '+817000000030') AS bob, t.patient(:west, '+817000000030') AS carol, t.patient(:west, '+817000000030') AS dora \gset
SELECT link_id AS link FROM t.link_send(:carol) \gset
SELECT is(t.say('+817000000030', 'wrong_number'), 'wrong_number', 'wrong number');
SELECT is((t.answer()).params, '{"centre": "東保健所", "centre_phone": "03-0000-0000"}', 'is answered without a word about anybody');
SELECT is((SELECT quarantined_at FROM hersys.phone WHERE number = '+817000000030'), hersys.clock_now(), 'the number is quarantined');
SELECT is((SELECT revoked_at FROM hersys.registration_link WHERE id = :link), hersys.clock_now(), 'the link that went to it opens nothing any more');
SELECT results_eq('SELECT centre_id, patient_id, level, reasons FROM hersys.alert WHERE ''wrong_number'' = ANY (reasons) ORDER BY centre_id',
                  format($$VALUES (%s::bigint, %s::bigint, 'watch', '{wrong_number}'::text[]), (%s, NULL, 'watch', '{wrong_number}')$$, :east, :bob, :west), 'each centre is told');
SELECT is(t.calls(:bob) || '/' || t.calls(:carol) || '/' || t.calls(:dora), 'wrong_number/wrong_number/wrong_number', 'and has to find the patients');
SELECT is(t.receive('+817000000030', t.report(97, '1')), 'unknown_sender', 'who writes from it then is a stranger');
SELECT is(t.reports(:bob), 0::bigint, 'who reports for nobody');
SELECT t.receive('+817000000030', '{"outcome": "unrecognised", "red_flag": true}') \g /dev/null
SELECT is((SELECT array_agg(centre_id ORDER BY centre_id) FROM hersys.alert WHERE inbound_id = (SELECT max(id) FROM hersys.inbound) AND unconfirmed), ARRAY[:east, :west]::bigint[],
          'but danger is told to the centres, unconfirmed');
SELECT is(t.say('+817000000030', 'undo'), NULL, 'no command of a stranger does anything');

SELECT t.patient(:east, '+817000000031') AS eve \gset
SELECT is(t.say('+817000000031', 'wrong'), 'wrong_number', 'a bare `wrong` of a phone that has never reported is a wrong number');
SELECT t.patient(:east, '+817000000032') AS frank \gset
SELECT t.receive('+817000000032', t.report(96)) \g /dev/null
SELECT is(t.say('+817000000032', 'wrong'), 'wrong_which', 'of one that has: a wrong value or a wrong person?');
SELECT is(t.digit('+817000000032', '1'), 'correct_how', '`1`: how a value is corrected');
SELECT is((t.answer()).params, '{"centre": "東保健所"}', 'is told');
SELECT is(t.digit('+817000000032', '2'), 'which_member', 'the question is closed: `2` is a member who is not there');
SELECT t.say('+817000000032', 'wrong') \g /dev/null
SELECT t.later('24 h') \g /dev/null
SELECT is(t.digit('+817000000032', '2'), 'which_member', 'after a day it is closed as well');
SELECT t.at('2022-08-01 12:00+09') \g /dev/null
SELECT t.say('+817000000032', 'wrong') \g /dev/null
SELECT is(t.receive('+817000000032', t.report(97)), 'report_stored', 'a report is no answer to it');
SELECT is(t.digit('+817000000032', '2'), 'which_member', 'and closes it');
SELECT t.say('+817000000032', 'wrong') \g /dev/null
SELECT is(t.receive('+817000000032', '{"outcome": "unrecognised"}'), 'not_understood', 'what is not understood');
SELECT is(t.digit('+817000000032', '2'), 'wrong_number', 'leaves it open: `2` is a wrong number');
SELECT ok((SELECT quarantined_at IS NOT NULL FROM hersys.phone WHERE number = '+817000000032'), 'which is quarantined');
SELECT t.receive('+817000000010', t.report(96, '2')) \g /dev/null
SELECT t.say('+817000000010', 'wrong') \g /dev/null
SELECT is(t.digit('+817000000010', '1'), 'correct_how', '`1` in a family');
SELECT is((t.answer()).params -> 'member', '"2"', 'the example is of who has reported last');

SELECT t.patient(:east, '+817000000036') AS greta \gset
SELECT t.receive('+817000000036', '{"outcome": "incomplete", "missing": ["symptoms"], "partial": {"temperature_c": 39.6}}') \g /dev/null
SELECT is(t.say('+817000000036', 'wrong'), 'wrong_which', 'who has begun a first report can have written a wrong value');
SELECT is((SELECT quarantined_at FROM hersys.phone WHERE number = '+817000000036'), NULL, 'and is no stranger');
SELECT is(t.digit('+817000000036', '2'), 'wrong_number', 'but where it is said');

-- In a household a reminder asks for the members' numbers: after it a number is no answer to that any more.
SELECT t.patient(:east, '+817000000035', '一郎') AS one, t.patient(:east, '+817000000035', '二郎') AS two \gset
SELECT t.receive('+817000000035', t.report(96, '1')) \g /dev/null
SELECT t.slot(:east, '13:00', '23:00') AS slot \gset
SELECT t.say('+817000000035', 'wrong') \g /dev/null
SELECT t.later('1 h') \g /dev/null
SELECT t.remind() \g /dev/null
SELECT is(t.digit('+817000000035', '2'), 'incomplete', '`2` after a reminder is a member who begins a report');
SELECT is((SELECT quarantined_at FROM hersys.phone WHERE number = '+817000000035'), NULL, 'not a wrong number');
SELECT t.say('+817000000035', 'wrong') \g /dev/null
SELECT t.later('1 h') \g /dev/null
SELECT is(t.digit('+817000000035', '2'), 'wrong_number', 'asked after it, it is');
SELECT t.at('2022-08-01 12:00+09') \g /dev/null

-- ------------------------------------------------------------------ codes by SMS

CREATE FUNCTION t.code(p_centre bigint, p_phone text) RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO hersys.confirmation (channel, recipient, centre_id, key_id, salt, generation, expires_at)
    SELECT 'sms', p_phone, p_centre, 1, decode('000102030405060708090a0b0c0d0e0f', 'hex'), 1 + (SELECT count(*) FROM hersys.confirmation), hersys.clock_now() + interval '10 minutes'
    RETURNING id
$$;
CREATE FUNCTION t.confirm(p_phone text, p_verdict text, p_id bigint) RETURNS text LANGUAGE sql AS $$
    SELECT t.receive(p_phone, '{"outcome": "command", "command": "confirm", "code": "123456"}', jsonb_strip_nulls(jsonb_build_object('code', p_verdict, 'code_id', p_id)))
$$;
SELECT is(t.confirm('+817000000001', NULL, NULL), 'not_understood', 'a code where none is compared is not understood');
SELECT is(t.confirm('+817000000001', 'none', NULL), 'not_understood', 'nor where none was sent');
SELECT is_empty($$SELECT * FROM hersys.inbound_code_try('link', 'new', '+817000000001')$$, 'and there is nothing to be tried');
SELECT t.code(:east, '+817000000001') AS old, t.later('1 s') \gset
SELECT t.code(:west, '+817000000001') AS code \gset
SELECT results_eq($$SELECT id, recipient, digits, key_id, salt FROM hersys.inbound_code_try('link', 'new', '+817000000001')$$,
                  format($$VALUES (%s::bigint, '+817000000001', 6, 1, '000102030405060708090a0b0c0d0e0f')$$, :code), 'the newest of all centres is tried');
SELECT is((SELECT array_agg(attempts ORDER BY id) FROM hersys.confirmation), '{0,1}', 'and the try has counted');
SELECT is_empty(format($$SELECT FROM hersys.inbound_code_try('link', %L, '+817000000001')$$, (SELECT provider_id FROM hersys.inbound ORDER BY id DESC LIMIT 1)), 'a message that is brought again tries nothing');
SELECT is_empty($$SELECT FROM hersys.inbound_code_try('link', 'new', '+817000000010')$$, 'nor does another telephone');
SELECT is(t.confirm('+817000000001', 'wrong', :code), 'code_wrong', 'a wrong code');
SELECT is((t.answer()).params, '{"centre": "西保健所"}', 'is answered for the centre that sent the code');
UPDATE hersys.patient SET phone_confirmed_at = NULL WHERE id = :alice;
SELECT is(t.confirm('+817000000001', 'right', :code), 'code_confirmed', 'the right one');
SELECT is((SELECT consumed_at FROM hersys.confirmation WHERE id = :code), hersys.clock_now(), 'is used up');
SELECT is((SELECT phone_confirmed_at FROM hersys.patient WHERE id = :alice), NULL, 'and does not say whose telephone it is');
SELECT is(t.confirm('+817000000001', 'right', :code), 'code_wrong', 'it is used once');
SELECT is(t.confirm('+817000000010', 'right', :old), 'not_understood', 'and by nobody else');
UPDATE hersys.confirmation SET attempts = 5 WHERE id = :old;
SELECT is_empty($$SELECT FROM hersys.inbound_code_try('link', 'new', '+817000000001')$$, 'there is no sixth try');
SELECT t.code(:east, '+817000000079') AS strangers \gset
UPDATE hersys.confirmation SET attempts = 1 WHERE id = :strangers;
SELECT is(t.confirm('+817000000079', 'right', :strangers), 'code_confirmed', 'whoever got a code may confirm it');
SELECT results_eq('SELECT language::text, centre_id, patient_id FROM hersys.outbox ORDER BY id DESC LIMIT 1', format('VALUES (''ja'', %s::bigint, NULL::bigint)', :east), 'in the language of the centre');
SELECT is(t.confirm('+817000000078', 'right', 0), NULL, 'a code that is gone, of somebody whom nobody knows, is stored and not answered');
SELECT finish();
ROLLBACK;
