-- api_alerts.sql - alerts by the interface: listed, seen, closed.
BEGIN;
\ir fixture.psql
\ir api.psql
SELECT plan(41);

SELECT t.centre('東保健所') AS east \gset
SELECT t.centre('西保健所') AS west \gset
SELECT t.token(:east, 'sato') AS sato \gset
SELECT t.token(:east, 'suzuki') AS suzuki \gset
SELECT t.token(:west, 'tanaka') AS tanaka \gset
SELECT t.patient(:east, '+817000000001') AS alice \gset
SELECT t.patient(:west, '+817000000003') AS carol \gset

CREATE FUNCTION t.report_row(p_patient bigint) RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO hersys.status_report (patient_id, centre_id, source, reported_at, temperature_c, symptoms)
    SELECT p.id, p.centre_id, 'staff', hersys.clock_now(), 36.9, false FROM hersys.patient p WHERE p.id = p_patient RETURNING id
$$;
CREATE FUNCTION t.raise(p_patient bigint, p_level text) RETURNS bigint LANGUAGE sql AS $$
    SELECT hersys.alert_raise(p.centre_id, p.id, t.report_row(p.id), NULL, p_level, '{spo2_fall}', false) FROM hersys.patient p WHERE p.id = p_patient
$$;
CREATE FUNCTION t.list(p_kid text, p_state text DEFAULT 'open', p_after bigint DEFAULT NULL, p_limit integer DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
    SELECT t.ask(t.by(p_kid, 'alerts'), format('v1_alerts_list($1, %L, %L, %L)', p_state, p_after, p_limit))
$$;
CREATE FUNCTION t.ids(p_answer jsonb) RETURNS bigint[] LANGUAGE sql AS $$
    SELECT coalesce(array_agg((a ->> 'id')::bigint ORDER BY place), '{}') FROM jsonb_array_elements(p_answer -> 'alerts') WITH ORDINALITY AS g (a, place)
$$;
CREATE FUNCTION t.settle(p_kid text, p_act text, p_id bigint, p_key text DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
    SELECT t.ask(t.by(p_kid, 'alerts', p_key), format('v1_alert_%s($1, %s)', p_act, p_id))
$$;

-- ------------------------------------------------------------------ listed

SELECT is(t.list(:'sato'), '{"status": 200, "alerts": [], "next": null}', 'where there are none there is none');
SELECT t.raise(:alice, 'watch') AS a1 \gset
SELECT t.raise(:alice, 'urgent') AS a2 \gset
SELECT t.raise(:carol, 'urgent') AS theirs \gset
SELECT t.raise(:alice, 'watch') AS a3 \gset
SELECT t.raise(:alice, 'urgent') AS a4 \gset
SELECT is(t.list(:'sato') -> 'alerts' -> 0, jsonb_build_object('id', :a2, 'level', 'urgent', 'reasons', ARRAY['spo2_fall'], 'patient', :alice,
    'report', (SELECT report_id FROM hersys.alert WHERE id = :a2), 'report_superseded', false, 'unconfirmed', false, 'raised_at', '2022-08-01T03:00:00.000Z', 'told_times', 0,
    'seen_by', NULL, 'seen_at', NULL, 'closed_by', NULL, 'closed_at', NULL), 'an alert is given, every item');
SELECT is(t.ids(t.list(:'sato')), ARRAY[:a2, :a4, :a1, :a3]::bigint[], 'the open ones: urgent and oldest first');
SELECT is(t.ids(t.list(:'sato', NULL)), ARRAY[:a2, :a4, :a1, :a3]::bigint[], 'which is what is asked for where nothing is said');
SELECT is(t.ids(t.list(:'sato', 'all')), ARRAY[:a1, :a2, :a3, :a4]::bigint[], 'all: in the order in which they were raised');
SELECT is(t.ids(t.list(:'tanaka', s)), ARRAY[:theirs]::bigint[], 'to each centre its own: ' || s) FROM unnest(ARRAY['open', 'all']) AS s;
CREATE FUNCTION t.pages(p_kid text, p_state text, p_limit integer) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    v_page jsonb;
    v_after bigint := 0;
    v_ids bigint[] := '{}';
BEGIN
    WHILE v_after IS NOT NULL LOOP
        v_page := t.list(p_kid, p_state, v_after, p_limit);
        v_ids := v_ids || t.ids(v_page);
        v_after := (v_page ->> 'next')::bigint;
    END LOOP;
    RETURN v_ids;
END
$$;
SELECT is(t.pages(:'sato', s, n), t.ids(t.list(:'sato', s)), format('%s in pages of %s: each once, in the same order', s, n))
FROM unnest(ARRAY['open', 'all']) AS s, unnest(ARRAY[1, 2, 3, 4]) AS n;
SELECT is(t.list(:'sato', 'all', 0, 4) -> 'next', 'null', 'a page that is just full is the last');
SELECT is(t.refusal(t.list(:'sato', 'open', :theirs)), 'HS010 this is no cursor /after', 'another centre''s alert is no place to go on from');
SELECT is(t.ids(t.list(:'sato', 'all', :theirs)), ARRAY[:a3, :a4]::bigint[], 'its number is nothing but a number');
SELECT is(t.refusal(t.list(:'sato', 'some')), 'HS010 alerts are asked for as open or all /state', 'there are two lists');
SELECT t.report_row(:alice) AS newer \gset
UPDATE hersys.status_report SET superseded_by = :newer WHERE id = (SELECT report_id FROM hersys.alert WHERE id = :a2);
UPDATE hersys.status_report SET withdrawn_at = hersys.clock_now() WHERE id = (SELECT report_id FROM hersys.alert WHERE id = :a4);
SELECT is((SELECT jsonb_object_agg(a ->> 'id', a -> 'report_superseded') FROM jsonb_array_elements(t.list(:'sato') -> 'alerts') AS a),
          jsonb_build_object(:'a1', false, :'a2', true, :'a3', false, :'a4', true), 'a report that was corrected, or taken back, is told, and its alert stands');
SELECT is((SELECT count(*) > 0 FROM hersys.audit WHERE action = 'alerts_list' AND actor = 'api:sato' AND subject_id = :east), true, 'who looked is in the audit trail');

-- ------------------------------------------------------------------ seen and closed

SELECT t.settle(:'sato', 'seen', :a2) AS seen \gset
SELECT is(:'seen'::jsonb @> jsonb_build_object('status', 200, 'id', :a2, 'seen_by', 'api:sato', 'seen_at', '2022-08-01T03:00:00.000Z', 'closed_at', NULL), true, 'who looks after it stands there');
SELECT is(t.ids(t.list(:'sato')), ARRAY[:a2, :a4, :a1, :a3]::bigint[], 'it stays open');
SELECT t.later('1 hour') \g /dev/null
SELECT is(t.settle(:'suzuki', 'seen', :a2), :'seen'::jsonb, 'somebody else changes nothing');
SELECT t.settle(:'suzuki', 'close', :a2) AS closed \gset
SELECT is(:'closed'::jsonb @> jsonb_build_object('seen_by', 'api:sato', 'seen_at', '2022-08-01T03:00:00.000Z', 'closed_by', 'api:suzuki', 'closed_at', '2022-08-01T04:00:00.000Z'), true,
          'who closes it stands there, too');
SELECT is(t.ids(t.list(:'sato')), ARRAY[:a4, :a1, :a3]::bigint[], 'it is not open any more');
SELECT is(t.ids(t.list(:'sato', 'all')), ARRAY[:a1, :a2, :a3, :a4]::bigint[], 'and not lost');
SELECT is(t.ids(t.list(:'sato', 'open', :a2)), ARRAY[:a4, :a1, :a3]::bigint[], 'a page goes on behind one that was closed meanwhile');
SELECT is(t.settle(:'sato', 'close', :a2), :'closed'::jsonb, 'closed again: nothing changes');
SELECT is(t.settle(:'sato', 'seen', :a2), :'closed'::jsonb, 'nor is it seen anew');
SELECT is(t.settle(:'sato', 'close', :a1) @> '{"seen_by": "api:sato", "seen_at": "2022-08-01T04:00:00.000Z", "closed_by": "api:sato"}', true, 'who closes one has seen it');
SELECT results_eq('SELECT action, actor, subject_id FROM hersys.audit WHERE subject = ''alert'' ORDER BY id', format(
    $$VALUES ('alert_seen', 'api:sato', %1$s::bigint), ('alert_close', 'api:suzuki', %1$s), ('alert_close', 'api:sato', %2$s)$$, :a2, :a1), 'what was changed is in the audit trail');
SELECT is(t.refusal(t.settle(:'tanaka', act, :a3)), 'HS002 there is no alert N', 'another centre''s is not there: ' || act) FROM unnest(ARRAY['seen', 'close']) AS act;
SELECT is(t.refusal(t.settle(:'sato', act, 999999)), 'HS002 there is no alert N', 'as one that is nobody''s: ' || act) FROM unnest(ARRAY['seen', 'close']) AS act;
SELECT t.settle(:'sato', 'seen', :a3, 'once') AS once \gset
SELECT is(t.settle(:'sato', 'seen', :a3, 'once'), :'once'::jsonb, 'a key answers as it did');
SELECT is(t.refusal(t.settle(:'sato', 'close', :a3, 'once')), 'HS008 the idempotency key was used for another request', 'and for nothing else');
SELECT is(t.refusal(t.ask(t.by(t.token(:east, 'reader', '{reports}'), 'alerts'), 'v1_alerts_list($1, NULL, NULL, NULL)')), 'HS006 the token has not the scope of this request', 'who may read reports may not read alerts');

-- What a page costs, also with the plan that a session keeps.
SET LOCAL plan_cache_mode = force_generic_plan;
SELECT t.raise(:alice, 'watch') FROM generate_series(1, 500) \g /dev/null
SELECT max(id) AS late FROM hersys.alert \gset
CREATE FUNCTION t.cost(p_kid text, p_state text, p_after bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_before bigint;
BEGIN
    FOR i IN 1..8 LOOP
        v_before := t.rows_read('hersys.alert');
        PERFORM t.list(p_kid, p_state, p_after, 5);
    END LOOP;
    RETURN t.rows_read('hersys.alert') - v_before;
END
$$;
SELECT cmp_ok(t.cost(:'sato', 'all', :late), '<=', 6::bigint, 'a page reads the alerts that it shows, not those before them');
SELECT cmp_ok(t.cost(:'sato', 'open', NULL), '<=', 6::bigint, 'nor those behind them');
SELECT finish();
ROLLBACK;
