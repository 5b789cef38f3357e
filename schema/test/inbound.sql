-- inbound.sql - a message comes in: stored once, answered, and whose report it is.
BEGIN;
\ir fixture.psql
SELECT plan(105);

SELECT t.centre('東保健所') AS east \gset
SELECT t.centre('西保健所') AS west \gset
SELECT t.patient(:east, '+817000000001', '花子') AS alice \gset

-- ------------------------------------------------------------------ once

SELECT t.message('+817000000001', t.report(), 'once') AS once \gset
SELECT results_eq(format('SELECT ordinal, stored, answer_kind FROM hersys.inbound_store(jsonb_build_array(%L::jsonb))', :'once'),
                  $$VALUES (1, true, 'report_stored')$$, 'a report is stored and answered');
SELECT results_eq(format('SELECT ordinal, inbound_id, stored, answer_kind FROM hersys.inbound_store(jsonb_build_array(%L::jsonb))', :'once'),
                  $$SELECT 1, id, false, NULL FROM hersys.inbound WHERE provider_id = 'once'$$, 'brought again it is found, and that is all');
SELECT is(t.reports(:alice), 1::bigint, 'one report');
SELECT is((SELECT count(*) FROM hersys.outbox), 1::bigint, 'and one answer');
SELECT results_eq($$SELECT ordinal, stored, answer_kind FROM hersys.inbound_store(jsonb_build_array(
                    t.message('+817000000091', t.report(), 'twice'), t.message('+817000000091', t.report(), 'twice'), t.message('+817000000001', t.report(), 'new')))$$,
                  $$VALUES (1, true, 'unknown_sender'), (2, false, NULL), (3, true, 'report_stored')$$, 'twice in one call is once, and the results keep their places');
SELECT results_eq($$SELECT stored FROM hersys.inbound_store(jsonb_build_array(t.message('+817000000001', t.report(), 'once', '{"link": "other"}')))$$,
                  ARRAY[true], 'another link''s message of the same name is another message');
SELECT is_empty('SELECT * FROM hersys.inbound_store(''[]'')', 'nothing comes in');

-- ------------------------------------------------------------------ as it was written

SELECT t.receive('+817000000001', '{"outcome": "unrecognised"}', '{"provider_id": "bytes", "raw": "ff00fe0a"}') \g /dev/null
SELECT is((SELECT raw FROM hersys.inbound WHERE provider_id = 'bytes'), '\xff00fe0a'::bytea, 'bytes that are no text, and NUL, are kept as they are');
SELECT hersys.inbound_store_raw('link', 'broken', '+817000000001', 'x', '\x0001') AS kept \gset
SELECT is(:kept::bigint, (SELECT id FROM hersys.inbound WHERE provider_id = 'broken'),
          'what cannot be taken in is kept for the operator');
SELECT results_eq($$SELECT outcome, raw, parsed, answer_kind FROM hersys.inbound WHERE provider_id = 'broken'$$,
                  $$VALUES ('failed', '\x0001'::bytea, NULL::jsonb, NULL::text)$$, 'nothing follows from it');
SELECT is(hersys.inbound_store_raw('link', 'broken', '+817000000001', 'x', '\x02'), (SELECT id FROM hersys.inbound WHERE provider_id = 'broken'), 'once');
SELECT is((SELECT raw FROM hersys.inbound WHERE provider_id = 'broken'), '\x0001'::bytea, 'as it came first');
SELECT ok(hersys.inbound_store_raw('link', 'long', repeat('9', 300), NULL, NULL) IS NOT NULL, 'whatever the carrier gave as sender');
SELECT is((SELECT length(sender) FROM hersys.inbound WHERE provider_id = 'long'), 254, 'cut to what fits');
SELECT throws_ok($$SELECT hersys.inbound_store(jsonb_build_array(t.message('+817000000001', t.report(), 'good'), t.message('+817000000002', '{}', 'bad')))$$,
                 '23502', NULL, 'one that the parser did not read');
SELECT is((SELECT count(*) FROM hersys.inbound WHERE provider_id IN ('good', 'bad')), 0::bigint, 'spoils its call: all are stored, or none');

-- ------------------------------------------------------------------ answers

DELETE FROM hersys.outbox;
CREATE FUNCTION t.is_answered(p_parsed jsonb, p_kind text, p_params jsonb, p_about text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN NEXT is(t.receive('+817000000001', p_parsed), p_kind, p_about);
    RETURN NEXT is((t.answer()).params, p_params || '{"centre": "東保健所"}'
                   || CASE WHEN p_kind IN ('report_stored', 'report_urgent', 'not_understood') THEN '{"centre_phone": "03-0000-0000"}' ELSE '{}' END::jsonb, p_about || ': in these words');
END
$$;
SELECT t.is_answered(t.report(), 'report_stored', '{"reports": [{"temperature": "36.9", "spo2": "97", "no": true}], "needs_review": false, "replaced": false, "how_to_stop": false}', 'a report');
SELECT t.is_answered('{"outcome": "report", "reports": [{"temperature_c": 37, "symptoms": true, "note": "x"}], "needs_review": true}', 'report_stored',
                     '{"reports": [{"temperature": "37.0", "yes": true}], "needs_review": true, "replaced": false, "how_to_stop": false}', 'one without SpO2, to be looked at');
SELECT is((SELECT note || ',' || needs_review || ',' || coalesce(spo2::text, 'none') FROM hersys.status_report ORDER BY id DESC LIMIT 1), 'x,true,none', 'is stored like that');
SELECT t.is_answered('{"outcome": "report", "reports": [{"temperature_c": 36.95, "spo2": 94, "symptoms": false}]}', 'report_stored',
                     '{"reports": [{"temperature": "36.95", "spo2": "94", "no": true}], "needs_review": false, "replaced": false, "how_to_stop": false}', 'SpO2 94 is not urgent');
SELECT t.is_answered(t.report(93), 'report_urgent', '{"reports": [{"temperature": "36.9", "spo2": "93", "no": true}]}', 'SpO2 93 is');
SELECT t.is_answered('{"outcome": "incomplete", "missing": ["temperature_c", "symptoms"], "partial": {"spo2": 97}}', 'incomplete',
                     '{"missing_temperature": true, "missing_symptoms": true}', 'an incomplete one');
SELECT t.is_answered('{"outcome": "out_of_range", "field": "temperature_c", "value": "79.9"}', 'out_of_range', '{"temperature": true, "value": "79.9"}', 'a value that cannot be');
SELECT t.is_answered('{"outcome": "out_of_range", "field": "spo2", "value": "130"}', 'out_of_range', '{"spo2": true, "value": "130"}', 'of SpO2');
SELECT t.is_answered('{"outcome": "ambiguous"}', 'ambiguous', '{}', 'two readings');
SELECT t.is_answered('{"outcome": "conflict"}', 'ambiguous', '{"conflict": true}', 'yes and no');
SELECT t.is_answered('{"outcome": "unrecognised"}', 'not_understood', '{}', 'no reading');
SELECT t.is_answered('{"outcome": "empty"}', 'not_understood', '{}', 'nothing at all');
SELECT t.is_answered('{"outcome": "report", "reports": []}', 'which_member', '{"again": true, "members": [{"name": "花子", "number": "1"}]}', 'a report of nobody is not called stored');
SELECT results_eq($$SELECT channel::text, recipient, language::text, begun_by_us, patient_id FROM hersys.outbox ORDER BY id DESC LIMIT 1$$,
                  format($$VALUES ('sms', '+817000000001', 'ja', false, %s::bigint)$$, :alice), 'an answer goes to the sender');
SELECT is((SELECT answer_kind FROM hersys.inbound ORDER BY id DESC LIMIT 1), 'which_member', 'and stands with the message');

-- Nothing for these.
SELECT is(t.receive('+817000000001', t.report(88), '{"own_text": true}'), NULL, 'our own text that comes back gets no answer');
SELECT is((SELECT outcome FROM hersys.inbound ORDER BY id DESC LIMIT 1), 'own_text', 'it is stored as that');
SELECT is(t.receive('Amazon', t.report(88), '{"answerable": false}'), NULL, 'nor does a sender that is no telephone');
SELECT is(t.receive('+817000000001', t.report(88), '{"answerable": null}'), NULL, 'nor one that may be none');
SELECT is((SELECT count(*) FROM hersys.phone WHERE number !~ '^\+'), 0::bigint, 'which gets no row of a telephone');
SELECT is((SELECT count(*) FROM hersys.status_report WHERE spo2 = 88), 0::bigint, 'and none of these is a report');

-- ------------------------------------------------------------------ strangers

SELECT is(t.receive('+817000000050'), 'unknown_sender', 'a stranger is answered');
SELECT results_eq('SELECT params, language::text, centre_id, patient_id FROM hersys.outbox ORDER BY id DESC LIMIT 1',
                  $$VALUES ('{}'::jsonb, 'ja', NULL::bigint, NULL::bigint)$$, 'without a word about anybody');
SELECT t.later('23:59:59') \g /dev/null
SELECT is(t.receive('+817000000050'), NULL, 'once a day');
SELECT t.later('1 s') \g /dev/null
SELECT is(t.receive('+817000000050'), 'unknown_sender', 'and again the next');
SELECT is(t.receive('+12025550100'), NULL, 'one whom we would have to answer abroad is not');
SELECT t.at('2022-08-01 12:00+09') \g /dev/null
SELECT t.patient(:east, '+817000000051') AS quarantined \gset
UPDATE hersys.phone SET quarantined_at = hersys.clock_now() WHERE number = '+817000000051';
SELECT is(t.receive('+817000000051', t.report(88)), 'unknown_sender', 'whoever writes from a quarantined phone is a stranger');
SELECT is(t.reports(:quarantined), 0::bigint, 'and reports for nobody');
SELECT t.patient(:east, '+12025550101') AS abroad \gset
SELECT is(t.receive('+12025550101', t.report(88)), NULL, 'a patient with a number to which we send nothing gets no answer');
SELECT is(t.reports(:abroad), 1::bigint, 'but is heard');
SELECT is((SELECT count(*) FROM hersys.alert WHERE patient_id = :abroad), 1::bigint, 'and looked after');

-- ------------------------------------------------------------------ whose report

SELECT t.patient(:east, '+817000000010', '太郎', p_language => 'en') AS taro, t.patient(:west, '+817000000010', 'Ana Maria', p_language => 'pt') AS ana \gset
SELECT is(t.receive('+817000000010'), 'which_member', 'two share a phone: whose report is it?');
SELECT is((t.answer()).params -> 'members', '[{"number": "1", "name": "太郎"}, {"number": "2", "name": "Ana Maria"}]', 'the answer asks by number and name');
SELECT is(t.reports(:taro) + t.reports(:ana), 0::bigint, 'nothing is stored until it is said');
SELECT is(t.receive('+817000000010', t.report(p_member => '2')), 'report_stored', 'by number');
SELECT is(t.reports(:ana), 1::bigint, 'the second''s');
SELECT results_eq('SELECT language::text, centre_id, params FROM hersys.outbox ORDER BY id DESC LIMIT 1',
                  format($$VALUES ('pt', %s::bigint, '{"centre": "西保健所", "centre_phone": "03-0000-0000", "needs_review": false, "replaced": false, "how_to_stop": false,
                            "reports": [{"member": "2", "name": "Ana Maria", "temperature": "36.9", "spo2": "97", "no": true}]}'::jsonb)$$, :west),
                  'the echo names the member, in her language and for her centre');
SELECT is(t.receive('+817000000010', t.report(p_member => m)), 'report_stored', 'by name: ' || m)
FROM unnest(ARRAY['ana maria', 'ANAMARIA', 'Ａｎａ Ｍａｒｉａ', 'Ana Maria 試験', '試験 ana maria']) AS m;
SELECT is(t.receive('+817000000010', t.report(p_member => m)), 'which_member', 'not by ' || m) FROM unnest(ARRAY['3', 'Ana', '試験', 'Bob', '0', '12']) AS m;
SELECT is(t.receive('+817000000010', '{"outcome": "report", "reports": [{"member": "1", "temperature_c": 36, "symptoms": false},
          {"member": "ana maria", "temperature_c": 37, "spo2": 90, "symptoms": true}]}'), 'report_urgent', 'two reports in one message');
SELECT is((t.answer()).language::text, 'pt', 'the answer is for the one in danger');
SELECT is((SELECT array_agg(temperature_c ORDER BY temperature_c) FROM hersys.status_report WHERE inbound_id = (SELECT max(id) FROM hersys.inbound)), '{36.00,37.00}',
          'each is stored for its own');
SELECT is((SELECT count(*) FROM hersys.alert WHERE inbound_id = (SELECT max(id) FROM hersys.inbound) AND patient_id = :ana), 1::bigint, 'the alert is hers alone');
SELECT is(t.receive('+817000000010', '{"outcome": "report", "reports": [{"member": "1", "temperature_c": 36, "symptoms": false},
          {"member": "太郎", "temperature_c": 37, "symptoms": true}]}'), 'which_member', 'two reports for one patient are asked about');
SELECT is(t.receive('+817000000010', '{"outcome": "report", "reports": [{"member": "1", "temperature_c": 36, "symptoms": false},
          {"member": "5", "temperature_c": 37, "symptoms": true}]}'), 'which_member', 'and so are two of which one is nobody''s: all or nothing');
SELECT is(t.reports(:taro), 1::bigint, 'nothing of these was stored');
SELECT is(t.receive('+817000000001', t.report(p_member => '2')), 'which_member', 'a single patient''s report under another number is asked about');
SELECT is(t.receive('+817000000001', t.report(p_member => '1')), 'report_stored', 'under its own it is hers');
SELECT is(t.receive('+817000000010', '{"outcome": "incomplete", "member": "ana maria", "missing": ["symptoms"], "partial": {"spo2": 97}}'), 'incomplete', 'what is missing is asked');
SELECT is((t.answer()).params ->> 'member', '2', 'with the number of the member who was named');
SELECT t.receive('+817000000010', '{"outcome": "incomplete", "member": "nobody", "missing": ["symptoms"], "partial": {"spo2": 97}}') \g /dev/null
SELECT ok(NOT (t.answer()).params ? 'member', 'with none where nobody is called so');
SELECT t.receive('+817000000001', '{"outcome": "incomplete", "member": "1", "missing": ["symptoms"], "partial": {"spo2": 97}}') \g /dev/null
SELECT ok(NOT (t.answer()).params ? 'member', 'nor where there is one patient');
SELECT t.patient(:east, '+817000000011', 'Ken') AS ken1, t.patient(:east, '+817000000011', 'KEN') AS ken2 \gset
SELECT is(t.receive('+817000000011', t.report(p_member => 'ken')), 'which_member', 'a name that two have is asked about');
UPDATE hersys.patient SET ended_at = hersys.clock_now() WHERE id = :ken1;
SELECT is(t.receive('+817000000011', t.report(p_member => 'ken')), 'report_stored', 'it is clear when one of them is followed');
SELECT is(t.receive('+817000000011'), 'report_stored', 'and so is no name');
SELECT is(t.reports(:ken2), 2::bigint, 'the other one''s');

-- ------------------------------------------------------------------ not confirmed, not watched, replaced

SELECT t.patient(:east, '+817000000020', '未確認', p_confirmed => false) AS unconfirmed, t.patient(:east, '+817000000020', '確認') AS confirmed \gset
SELECT t.receive('+817000000020', t.report(90, '1')) \g /dev/null
SELECT is((SELECT unconfirmed FROM hersys.status_report WHERE patient_id = :unconfirmed), true, 'a report from a phone that is not confirmed is unconfirmed');
SELECT is((SELECT unconfirmed FROM hersys.alert WHERE patient_id = :unconfirmed), true, 'and so is its alert');
SELECT is((t.answer()).params -> 'reports' -> 0 ? 'name', false, 'its echo has the number and no name');
SELECT t.receive('+817000000020') \g /dev/null
SELECT is((t.answer()).params -> 'members', '[{"number": "1"}, {"number": "2", "name": "確認"}]', 'nor has the question');
SELECT is((SELECT unconfirmed FROM hersys.status_report WHERE patient_id = :alice LIMIT 1), false, 'from a confirmed phone it is confirmed');

SELECT t.patient(:east, '+817000000021', p_until => '2022-07-31') AS over \gset
UPDATE hersys.patient SET ended_at = '2022-08-01 00:00+09' WHERE id = :over;
SELECT t.patient(:east, '+817000000022', p_from => '2022-08-02') AS early \gset
SELECT is(t.receive('+817000000021'), 'not_watched', 'whoever is not monitored any more is told so');
SELECT is(t.receive('+817000000022'), 'not_watched', 'whoever is not yet, too');
SELECT is(t.reports(:over) + t.reports(:early), 0::bigint, 'nothing is stored for them');
SELECT is((t.answer()).params, '{"centre": "東保健所", "centre_phone": "03-0000-0000"}', 'the answer says whom to call');

SELECT t.patient(:east, '+817000000023') AS corrected \gset
SELECT t.receive('+817000000023', t.report(97)) \g /dev/null
SELECT t.receive('+817000000023', t.report(96)) \g /dev/null
SELECT t.receive('+817000000023', t.report(95) || '{"replaces": true}') \g /dev/null
SELECT results_eq(format('SELECT spo2::int, (SELECT spo2::int FROM hersys.status_report n WHERE n.id = r.superseded_by) FROM hersys.status_report r WHERE patient_id = %s ORDER BY id', :corrected),
                  'VALUES (97, NULL), (96, 95), (95, NULL)', 'a correction replaces the last report');
SELECT t.receive('+817000000023', t.report(94) || '{"replaces": true}') \g /dev/null
SELECT is((SELECT count(*) FROM hersys.status_report WHERE patient_id = :corrected AND superseded_by IS NULL), 2::bigint, 'a correction of that replaces it in turn');
SELECT t.later('25 h') \g /dev/null
SELECT t.receive('+817000000023', t.report(98) || '{"replaces": true}') \g /dev/null
SELECT is((SELECT count(*) FROM hersys.status_report WHERE patient_id = :corrected AND superseded_by IS NULL), 3::bigint, 'after a day it is a report of its own');
SELECT finish();
ROLLBACK;
