-- danger.sql - red flags and low SpO2, in reports and in messages that are none.
BEGIN;
\ir fixture.psql
SELECT plan(36);

SELECT t.centre('東保健所') AS east \gset
SELECT t.centre('西保健所') AS west \gset
SELECT t.patient(:east, '+817000000001') AS alice \gset
CREATE FUNCTION t.alerts() RETURNS TABLE (centre_id bigint, patient_id bigint, in_report boolean, reasons text[], unconfirmed boolean) LANGUAGE sql AS $$
    SELECT centre_id, patient_id, report_id IS NOT NULL, reasons, unconfirmed FROM hersys.alert
    WHERE inbound_id = (SELECT max(id) FROM hersys.inbound) AND level = 'urgent' ORDER BY 1, 2, 4
$$;

SELECT is(t.receive('+817000000001', t.report(94)), 'report_stored', 'SpO2 94');
SELECT is_empty('SELECT * FROM t.alerts()', 'raises no urgent alert');
SELECT is(t.receive('+817000000001', t.report(93)), 'report_urgent', 'SpO2 93');
SELECT results_eq('SELECT * FROM t.alerts()', format($$VALUES (%s::bigint, %s::bigint, true, ARRAY['spo2_low'], false)$$, :east, :alice), 'raises one');
SELECT is((t.answer()).priority, 0::smallint, 'and its answer goes before all others');
SELECT is(t.receive('+817000000001', t.report(97) || '{"red_flag": true}'), 'report_urgent', 'a red flag in a report');
SELECT results_eq('SELECT array_to_string(reasons, '' '') FROM t.alerts()', ARRAY['red_flag'], 'raises one');
SELECT is((SELECT red_flag FROM hersys.status_report ORDER BY id DESC LIMIT 1), true, 'and stands in the report');
SELECT is(t.receive('+817000000001', t.report(90) || '{"red_flag": true}'), 'report_urgent', 'both');
SELECT results_eq('SELECT array_to_string(reasons, '' '') FROM t.alerts()', ARRAY['red_flag spo2_low spo2_fall'], 'raise one, with all reasons');
SELECT is(t.receive('+817000000001', t.report(NULL)), 'report_stored', 'no SpO2 is no low SpO2');

SELECT is((SELECT count(*) FROM hersys.inbound_store(jsonb_build_array(t.message('+817000000001', t.report(90), 'again')))), 1::bigint, 'a dangerous report');
SELECT count(*) FROM hersys.inbound_store(jsonb_build_array(t.message('+817000000001', t.report(90), 'again'))) \g /dev/null
SELECT is((SELECT count(*) FROM t.alerts()), 1::bigint, 'that is brought twice alerts once');

-- Messages that are no report.
SELECT is(t.receive('+817000000001', '{"outcome": "conflict", "lowest_spo2": 88}'), 'report_urgent', 'a low SpO2 in a message that is no report is answered as urgent');
SELECT is((t.answer()).params ? 'reports', false, 'without an echo, for nothing was stored');
SELECT results_eq('SELECT * FROM t.alerts()', format($$VALUES (%s::bigint, %s::bigint, false, ARRAY['spo2_low'], true)$$, :east, :alice), 'the alert is marked unconfirmed');
SELECT is(t.receive('+817000000001', '{"outcome": "unrecognised", "red_flag": true}'), 'report_urgent', 'a cry for help');
SELECT results_eq('SELECT array_to_string(reasons, '' '') FROM t.alerts()', ARRAY['red_flag'], 'is heard');
SELECT is(t.receive('+817000000001', '{"outcome": "incomplete", "missing": ["symptoms"], "lowest_spo2": 94}'), 'incomplete', 'a value to be watched is answered as what it is');
SELECT is_empty('SELECT * FROM t.alerts()', 'raises no urgent alert');
SELECT is((SELECT level || ' ' || unconfirmed FROM hersys.alert ORDER BY id DESC LIMIT 1), 'watch true', 'but one to be watched');
SELECT is(t.receive('+817000000001', '{"outcome": "command", "command": "help", "red_flag": true}'), 'help', 'a command is none');
SELECT is_empty('SELECT * FROM t.alerts()', 'and alerts nobody');

-- Beside a text of ours.
SELECT is(t.receive('+817000000001', '{"outcome": "unrecognised", "red_flag": true}', '{"own_text": true}'), NULL, 'a cry for help beside a text of ours gets no answer');
SELECT results_eq('SELECT array_to_string(reasons, '' '') FROM t.alerts()', ARRAY['red_flag'], 'but is heard');
SELECT is((SELECT outcome FROM hersys.inbound ORDER BY id DESC LIMIT 1), 'own_text', 'and stored as what it is');

-- Whose danger.
SELECT t.patient(:east, '+817000000002') AS bob, t.patient(:west, '+817000000002') AS carol, t.patient(:west, '+817000000002') AS dora \gset
SELECT t.receive('+817000000002', '{"outcome": "ambiguous", "lowest_spo2": 85}') \g /dev/null
SELECT results_eq('SELECT centre_id, patient_id FROM t.alerts()', format('VALUES (%s::bigint, NULL::bigint), (%s, NULL)', :east, :west),
                  'danger of one of three: each centre that follows the phone is told');
SELECT t.receive('+817000000002', '{"outcome": "ambiguous", "member": "2", "lowest_spo2": 85}') \g /dev/null
SELECT results_eq('SELECT centre_id, patient_id FROM t.alerts()', format('VALUES (%s::bigint, NULL::bigint), (%s, %s)', :east, :west, :carol),
                  'danger of the second: her centre is told that it is her');
SELECT t.receive('+817000000002', t.report(85)) \g /dev/null
SELECT is((SELECT count(*) FROM t.alerts() WHERE NOT in_report AND unconfirmed), 2::bigint, 'danger in a report of nobody knows whom: both centres');
SELECT is((t.answer()).kind, 'report_urgent', 'and the answer is urgent');
SELECT t.receive('+817000000001', t.report(85, '7')) \g /dev/null
SELECT is((SELECT count(*) FROM t.alerts() WHERE centre_id = :east), 1::bigint, 'danger under a number that nobody has is told to the centre');

SELECT t.patient(:east, '+817000000003', p_until => '2022-07-31') AS over \gset
UPDATE hersys.patient SET ended_at = hersys.clock_now() WHERE id = :over;
SELECT is(t.receive('+817000000003', t.report(85)), 'report_urgent', 'danger after the end of the monitoring is answered as urgent');
SELECT results_eq('SELECT * FROM t.alerts()', format($$VALUES (%s::bigint, %s::bigint, false, ARRAY['spo2_low'], true)$$, :east, :over), 'and the centre that knew the patient is told');
SELECT is(t.reports(:over), 0::bigint, 'though it is no report');

-- STOP holds back what we begin, not this.
INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', '+817000000001', 'stop');
DELETE FROM hersys.outbox;
SELECT t.receive('+817000000001', t.report(80)) \g /dev/null
SELECT is(cardinality(t.claim()), 1, 'the urgent answer goes to whoever stopped our messages');

SELECT throws_ok('INSERT INTO hersys.alert (centre_id, level, reasons) SELECT id, ''urgent'', ''{red_flag}'' FROM hersys.centre LIMIT 1', '23514', NULL, 'no alert is about nothing');
SELECT finish();
ROLLBACK;
