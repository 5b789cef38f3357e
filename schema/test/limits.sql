-- limits.sql - how much is answered: everything is stored and alerts, however much comes.
BEGIN;
\ir fixture.psql
SELECT plan(33);

SELECT t.centre('東保健所') AS east \gset
SELECT t.patient(:east, '+817000000001', '花子') AS alice \gset
SELECT t.patient(:east, '+817000000002') AS bob \gset
DELETE FROM hersys.outbox;

-- Takes messages in as they come: what each was answered.
CREATE FUNCTION t.comes(p_phone text, p_parsed jsonb DEFAULT '{"outcome": "ambiguous"}', p_raw text DEFAULT NULL) RETURNS TABLE (answer_kind text, note text) LANGUAGE sql AS $$
    SELECT answer_kind, note FROM hersys.inbound_store(jsonb_build_array(
        t.message(p_phone, p_parsed, NULL, jsonb_build_object('raw', coalesce(p_raw, encode(convert_to(nextval('t.counter')::text, 'UTF8'), 'hex'))))))
$$;
CREATE FUNCTION t.answered(p_phone text, p_count integer, p_parsed jsonb DEFAULT '{"outcome": "ambiguous"}', p_raw text DEFAULT NULL) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_answered bigint := 0;
BEGIN
    FOR i IN 1..p_count LOOP
        v_answered := v_answered + (SELECT count(c.answer_kind) FROM t.comes(p_phone, p_parsed, p_raw) AS c);
    END LOOP;
    RETURN v_answered;
END
$$;

-- ------------------------------------------------------------------ ten an hour

SELECT is(t.answered('+817000000001', 5), 5::bigint, 'messages are answered');
SELECT t.later('30 min') \g /dev/null
SELECT is(t.answered('+817000000001', 10), 5::bigint, 'ten within the hour, and no more');
SELECT is((SELECT count(*) FROM hersys.inbound), 15::bigint, 'all are stored');
SELECT is((SELECT answer_kind FROM t.comes('+817000000001', t.report(97))), NULL, 'a report then is not echoed');
SELECT is(t.reports(:alice), 1::bigint, 'but is one');
SELECT is((SELECT answer_kind FROM t.comes('+817000000002')), 'ambiguous', 'another sender has ten of its own');
SELECT is((SELECT answer_kind FROM t.comes('+817000000001', '{"outcome": "command", "command": "stop"}')), NULL, 'stop is not answered');
SELECT is((SELECT count(*) FROM hersys.suppression WHERE address = '+817000000001'), 1::bigint, 'but works');
SELECT is((SELECT answer_kind FROM t.comes('+817000000001', t.report(88))), 'report_urgent', 'an urgent answer goes out');
SELECT is((SELECT answer_kind FROM t.comes('+817000000001', '{"outcome": "command", "command": "wrong"}')), NULL, 'a question that is not asked');
SELECT is((SELECT count(*) FROM hersys.dialogue), 0::bigint, 'is not open: a `2` would be taken for its answer');
SELECT is((SELECT answer_kind FROM t.comes('+817000000001', '{"outcome": "command", "command": "start"}')), NULL, 'start');
SELECT t.later('00:29:59') \g /dev/null
SELECT t.later('1 s') \g /dev/null
SELECT is(t.answered('+817000000001', 6), 4::bigint, 'the hour rolls: five answers are an hour old, one was urgent');

-- ------------------------------------------------------------------ the same again and again

SELECT t.at('2022-08-02 12:00+09') \g /dev/null
SELECT is(t.answered('+817000000001', 4, '{"outcome": "unrecognised"}', 'aa'), 4::bigint, 'the same text four times');
SELECT is(t.answered('+817000000001', 2, '{"outcome": "unrecognised"}', 'aa'), 0::bigint, 'is a loop from the fifth on');
SELECT is(t.answered('+817000000001', 1, '{"outcome": "unrecognised"}', 'ab'), 1::bigint, 'another text is none');
SELECT is((SELECT answer_kind FROM t.comes('+817000000001', '{"outcome": "unrecognised", "red_flag": true}', 'aa')), 'report_urgent', 'a cry for help is none');
SELECT t.later('10 min') \g /dev/null
SELECT is(t.answered('+817000000001', 1, '{"outcome": "unrecognised"}', 'aa'), 1::bigint, 'nor is the same text ten minutes later');

-- ------------------------------------------------------------------ a flood

SELECT t.at('2022-08-03 12:00+09') \g /dev/null
SELECT is(t.answered('+817000000001', 60), 10::bigint, 'sixty messages within an hour');
SELECT is((SELECT answer_kind || coalesce(note, '') FROM t.comes('+817000000002', t.report(88))), 'report_urgent', 'the urgent answer of another sender');
SELECT results_eq($$SELECT answer_kind, note FROM t.comes('+817000000001', t.report(88))$$, $$VALUES (NULL::text, 'flood')$$, 'above it not even an urgent one is answered, and the operator is told');
SELECT is((SELECT count(*) FROM hersys.alert a JOIN hersys.status_report r ON r.id = a.report_id WHERE r.reported_at = hersys.clock_now() AND a.patient_id = :alice), 1::bigint, 'the alert is raised all the same');
SELECT results_eq($$SELECT answer_kind, note FROM t.comes('+817000000001')$$, 'VALUES (NULL::text, NULL::text)', 'the operator is told once');
SELECT t.later('00:59:59') \g /dev/null
SELECT is((SELECT note FROM t.comes('+817000000001')), NULL, 'an hour');
SELECT t.later('1 s') \g /dev/null
SELECT is(t.answered('+817000000001', 1), 1::bigint, 'when it is over answers go out again');
SELECT is(t.answered('+817000000001', 70) , 9::bigint, 'until it comes again');
SELECT is((SELECT flood_noted_at FROM hersys.phone WHERE number = '+817000000001'), hersys.clock_now(), 'which is told again');

-- ------------------------------------------------------------------ strangers, and who writes at all

SELECT is((SELECT answer_kind FROM t.comes('+817000000070')), 'unknown_sender', 'a stranger');
SELECT is((SELECT answer_kind FROM t.comes('+817000000070')), NULL, 'is answered once a day');
SELECT is((SELECT answer_kind FROM t.comes('+817000000070', '{"outcome": "unrecognised", "red_flag": true}')), 'unknown_sender', 'and again where somebody is in danger');
SELECT is((SELECT answer_kind FROM t.comes('+817000000070')), NULL, 'not otherwise');
UPDATE hersys.phone SET failures = 3, unreachable_at = hersys.clock_now(), unreachable_for = 'undelivered' WHERE number = '+817000000002';
SELECT t.comes('+817000000002') \g /dev/null
SELECT is((SELECT failures FROM hersys.phone WHERE number = '+817000000002'), 0::smallint, 'whoever writes is alive');
SELECT is((SELECT unreachable_at FROM hersys.phone WHERE number = '+817000000002'), NULL, 'and within reach');
SELECT finish();
ROLLBACK;
