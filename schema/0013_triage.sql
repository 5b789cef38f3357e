-- 0013_triage.sql - what a value means, and who is told: alerts from the report to their end.
--
-- An alert is raised in the transaction of the report or message that it is about. An urgent one is told at once, and again and again
-- until somebody says that it was seen; one to be watched stands in the next hourly digest. It is open until it is closed.

SET LOCAL ROLE hersys_owner;

-- Read by level and id, and by the cursor of all.
DROP INDEX hersys.alert_open;
CREATE INDEX alert_open ON hersys.alert (centre_id, level, id) WHERE closed_at IS NULL;
CREATE INDEX alert_by_centre ON hersys.alert (centre_id, id);
-- What nobody has looked at yet, and what no digest has had.
CREATE INDEX alert_unseen ON hersys.alert (told_at) WHERE level = 'urgent' AND seen_at IS NULL AND closed_at IS NULL;
CREATE INDEX alert_untold ON hersys.alert (centre_id, raised_at)
    WHERE level = 'watch' AND told_at IS NULL AND seen_at IS NULL AND closed_at IS NULL;

-- Centres with alerts of which nobody can be told, for they have neither a contact nor an address.
CREATE TABLE hersys.alert_unheard (
    centre_id bigint PRIMARY KEY REFERENCES hersys.centre,
    noted_at  timestamptz NOT NULL
);
COMMENT ON COLUMN hersys.alert_unheard.noted_at IS 'when the operator was last told';
CALL hersys.bind_to_centre('hersys.alert_unheard');

-- ------------------------------------------------------------------ telling staff

/*
 * Tells the centres of urgent alerts, which the caller has locked: the first time the first contact by e-mail, after that each time the
 * next one, by SMS as well where that is possible. No health data, no name, no telephone: staff looks at the console. Returns of
 * how many alerts each centre was told; a centre without any address is not in it, and its alerts stand. Internal.
 */
CREATE FUNCTION hersys.alerts_tell(p_alert_ids bigint[]) RETURNS TABLE (centre_id bigint, told integer)
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET jit = off
SECURITY DEFINER
AS $$
#variable_conflict use_column
DECLARE
    v record;
    v_centres bigint[] := '{}';
BEGIN
    FOR v IN
        UPDATE hersys.alert a SET told_at = hersys.clock_now(), told_times = whom.times
        FROM (SELECT b.id, b.told_times + 1 AS times, c.short_name, c.language, coalesce(k.email, c.email) AS email,
                     CASE WHEN b.told_times > 0 AND hersys.sms_allowed(k.phone) THEN k.phone END AS phone
              FROM hersys.alert b
              JOIN hersys.centre c ON c.id = b.centre_id
              LEFT JOIN LATERAL (
                  SELECT o.email, o.phone FROM hersys.contact o WHERE o.centre_id = b.centre_id ORDER BY o.place
                  OFFSET b.told_times % greatest((SELECT count(*) FROM hersys.contact n WHERE n.centre_id = b.centre_id), 1)
                  LIMIT 1) AS k ON true
              WHERE b.id = ANY (p_alert_ids)) AS whom
        WHERE a.id = whom.id AND whom.email IS NOT NULL
        RETURNING a.id, a.centre_id, a.patient_id, whom.times, whom.short_name, whom.language, whom.email, whom.phone
    LOOP
        PERFORM hersys.outbox_enqueue(
            'alert_urgent', v.language,
            jsonb_strip_nulls(jsonb_build_object('centre', v.short_name, 'alert', v.id::text, 'patient', v.patient_id::text,
                                                 'again', v.times > 1)),
            m.channel, m.recipient, 'alert:' || v.id || ':' || v.times || m.mark, v.centre_id, v.patient_id)
        FROM (VALUES ('email', v.email::text, ''), ('sms', v.phone::text, ':sms')) AS m (channel, recipient, mark)
        WHERE m.recipient IS NOT NULL;
        v_centres := v_centres || v.centre_id;
    END LOOP;
    IF v_centres <> '{}' THEN
        PERFORM hersys.outbox_wake();
    END IF;
    RETURN QUERY SELECT u, count(*)::integer FROM unnest(v_centres) AS u GROUP BY u ORDER BY u;
END
$$;

-- Some reasons, each once and in the order of their weight; what is low need not be watched, too. Internal.
CREATE FUNCTION hersys.triage_reasons(p_reasons text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE
AS $$
    SELECT coalesce(array_agg(o.reason ORDER BY o.place), '{}')
    FROM unnest(ARRAY['red_flag', 'spo2_low', 'spo2_watch', 'spo2_fall', 'temperature_high', 'fever_days', 'wrong_number'])
         WITH ORDINALITY AS o (reason, place)
    WHERE o.reason = ANY (p_reasons) AND NOT (o.reason = 'spo2_watch' AND p_reasons @> ARRAY['spo2_low'])
$$;

-- The level that reasons give. Internal.
CREATE FUNCTION hersys.triage_level(p_reasons text[]) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$ SELECT CASE WHEN p_reasons && ARRAY['red_flag', 'spo2_low'] THEN 'urgent' WHEN cardinality(p_reasons) > 0 THEN 'watch' END $$;

/*
 * Adds reasons to an alert, and returns its level. One that was to be watched and is urgent by them is told at once: whoever has looked
 * at it has seen something else. Internal.
 */
CREATE FUNCTION hersys.alert_add(p_alert_id bigint, p_reasons text[]) RETURNS text
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v hersys.alert;
    v_rises boolean;
BEGIN
    SELECT a.* INTO v FROM hersys.alert a WHERE a.id = p_alert_id FOR NO KEY UPDATE;
    v.reasons := hersys.triage_reasons(v.reasons || p_reasons);
    v_rises := v.level = 'watch' AND hersys.triage_level(v.reasons) = 'urgent';
    UPDATE hersys.alert a SET reasons = v.reasons WHERE a.id = p_alert_id;
    IF v_rises THEN
        UPDATE hersys.alert a SET level = 'urgent', seen_by = NULL, seen_at = NULL, told_at = NULL, told_times = 0 WHERE a.id = p_alert_id;
        PERFORM hersys.alerts_tell(ARRAY[p_alert_id]);
        RETURN 'urgent';
    END IF;
    RETURN v.level;
END
$$;

/*
 * Raises the alert of a report, or of a message that is none (p_report_id null), never twice, and tells the centre at once where it is
 * urgent. Returns its id, null where it was there: then the one of a message has these reasons, too. Internal.
 */
CREATE FUNCTION hersys.alert_raise(p_centre_id bigint, p_patient_id bigint, p_report_id bigint, p_inbound_id bigint,
                                   p_level text, p_reasons text[], p_unconfirmed boolean) RETURNS bigint
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_id bigint;
BEGIN
    INSERT INTO hersys.alert (centre_id, patient_id, report_id, inbound_id, level, reasons, unconfirmed)
    VALUES (p_centre_id, p_patient_id, p_report_id, p_inbound_id, p_level, p_reasons, p_unconfirmed)
    ON CONFLICT DO NOTHING
    RETURNING id INTO v_id;
    IF v_id IS NOT NULL AND p_level = 'urgent' THEN
        PERFORM hersys.alerts_tell(ARRAY[v_id]);
    ELSIF v_id IS NULL AND p_report_id IS NULL THEN
        PERFORM hersys.alert_add(a.id, p_reasons) FROM hersys.alert a
        WHERE a.inbound_id = p_inbound_id AND a.centre_id = p_centre_id AND a.patient_id IS NOT DISTINCT FROM p_patient_id
          AND a.report_id IS NULL AND NOT a.reasons @> p_reasons;
    END IF;
    RETURN v_id;
END
$$;

/*
 * Tells the next contact of up to p_limit urgent alerts that nobody has seen within 15 minutes, once however long that is ago; at once
 * where nobody could be told so far. Returns of how many each centre was told: 0 where a centre has no address at all, which is said once
 * a day. To be called again while that many were told.
 */
CREATE FUNCTION hersys.alerts_escalate(p_limit integer) RETURNS TABLE (centre_id bigint, told integer)
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET jit = off
SECURITY DEFINER
AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz := hersys.clock_now();
    v_due bigint[] := ARRAY(
        SELECT a.id FROM hersys.alert a
        WHERE a.level = 'urgent' AND a.seen_at IS NULL AND a.closed_at IS NULL
          AND (a.told_at IS NULL OR a.told_at <= v_now - interval '15 minutes')
          AND (EXISTS (SELECT FROM hersys.contact k WHERE k.centre_id = a.centre_id)
               OR EXISTS (SELECT FROM hersys.centre c WHERE c.id = a.centre_id AND c.email IS NOT NULL))
        ORDER BY a.told_at NULLS FIRST, a.id
        LIMIT greatest(p_limit, 1)
        FOR UPDATE OF a SKIP LOCKED);
BEGIN
    RETURN QUERY SELECT t.centre_id, t.told FROM hersys.alerts_tell(v_due) AS t;
    RETURN QUERY
        INSERT INTO hersys.alert_unheard AS u (centre_id, noted_at)
        SELECT c.id, v_now FROM hersys.centre c
        WHERE c.email IS NULL AND NOT EXISTS (SELECT FROM hersys.contact k WHERE k.centre_id = c.id)
          AND EXISTS (SELECT FROM hersys.alert a
                      WHERE a.centre_id = c.id AND a.closed_at IS NULL AND a.seen_at IS NULL
                        AND (a.level = 'urgent' OR a.level = 'watch' AND a.told_at IS NULL) OFFSET 0)
        ORDER BY c.id
        ON CONFLICT (centre_id) DO UPDATE SET noted_at = EXCLUDED.noted_at WHERE u.noted_at <= v_now - interval '1 day'
        RETURNING u.centre_id, 0;
END
$$;

/*
 * Tells each centre of the alerts that are to be watched, that no digest has had, and that nobody has seen: those that were raised before
 * the hour that it is there, in one mail. Not in its quiet hours; the first full hour after them has what they kept back. Returns of how many
 * alerts each centre is told.
 */
CREATE FUNCTION hersys.alerts_digest() RETURNS TABLE (centre_id bigint, told integer)
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET jit = off
SECURITY DEFINER
AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz := hersys.clock_now();
    v_centre hersys.centre;
    v_email text;
    v_last bigint;
    v_alerts jsonb;
    v_any boolean := false;
BEGIN
    -- The lock keeps a second daemon from telling the same hour.
    FOR v_centre IN
        SELECT c.* FROM hersys.centre c
        WHERE c.id IN (SELECT a.centre_id FROM hersys.alert a
                       WHERE a.level = 'watch' AND a.told_at IS NULL AND a.seen_at IS NULL AND a.closed_at IS NULL)
          AND (SELECT bool_and(hersys.quiet_release(c, m.at) = m.at)
               FROM unnest(ARRAY[v_now, date_trunc('hour', v_now, c.time_zone)]) AS m (at))
        ORDER BY c.id
        FOR NO KEY UPDATE OF c SKIP LOCKED
    LOOP
        v_email := coalesce((SELECT k.email FROM hersys.contact k WHERE k.centre_id = v_centre.id ORDER BY k.place LIMIT 1), v_centre.email);
        CONTINUE WHEN v_email IS NULL;
        WITH marked AS (
            UPDATE hersys.alert a SET told_at = v_now, told_times = 1
            WHERE a.centre_id = v_centre.id AND a.raised_at < date_trunc('hour', v_now, v_centre.time_zone)
              AND a.level = 'watch' AND a.told_at IS NULL AND a.seen_at IS NULL AND a.closed_at IS NULL
            RETURNING a.id, a.patient_id
        ), counted AS (
            SELECT m.id, m.patient_id, row_number() OVER (ORDER BY m.id) AS place FROM marked m
        )
        SELECT count(*), max(m.id),
               jsonb_agg(jsonb_strip_nulls(jsonb_build_object('alert', m.id::text, 'patient', m.patient_id::text)) ORDER BY m.id)
                   FILTER (WHERE m.place <= 50)
        INTO told, v_last, v_alerts FROM counted m;
        CONTINUE WHEN told = 0;
        PERFORM hersys.outbox_enqueue(
            'alert_digest', v_centre.language,
            jsonb_strip_nulls(jsonb_build_object('centre', v_centre.short_name, 'count', told::text, 'alerts', v_alerts,
                                                 'more', CASE WHEN told > 50 THEN (told - 50)::text END)),
            'email', v_email, 'digest:' || v_centre.id || ':' || v_last, v_centre.id, NULL);
        centre_id := v_centre.id;
        v_any := true;
        RETURN NEXT;
    END LOOP;
    IF v_any THEN
        PERFORM hersys.outbox_wake();
    END IF;
END
$$;

-- ------------------------------------------------------------------ triage

-- What counts for a patient: the own thresholds before the centre's. What is urgent is always watched as well. Internal, and without a
-- search path, so that PostgreSQL can put it into the statement that uses it.
CREATE FUNCTION hersys.triage_limits(p hersys.patient, c hersys.centre)
RETURNS TABLE (spo2_urgent smallint, spo2_watch smallint, temperature_watch numeric)
LANGUAGE sql IMMUTABLE
AS $$
    SELECT coalesce(p.spo2_urgent, c.spo2_urgent),
           greatest(coalesce(p.spo2_watch, c.spo2_watch), coalesce(p.spo2_urgent, c.spo2_urgent)),
           coalesce(p.temperature_watch, c.temperature_watch)
$$;

/*
 * Looks at a report that has just been stored, and raises its alert where it needs one: 'urgent', 'watch', or null. p_inbound_ids: the
 * earlier messages that became this report (what was missing, whose it is); an open alert of theirs for this patient becomes the report's.
 * Where such a report is none to look at, their alerts stand as they are. Internal.
 */
CREATE FUNCTION hersys.triage_report(p_report_id bigint, p_inbound_ids bigint[]) RETURNS text
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v hersys.status_report;
    v_centre hersys.centre;
    v_limits record;
    v_day date;
    v_reasons text[];
    v_level text;
    v_earlier bigint[];
BEGIN
    SELECT r.* INTO v FROM hersys.status_report r WHERE r.id = p_report_id;
    SELECT c.* INTO v_centre FROM hersys.centre c WHERE c.id = v.centre_id;
    SELECT l.* INTO v_limits FROM hersys.patient p, LATERAL hersys.triage_limits(p, v_centre) AS l WHERE p.id = v.patient_id;
    v_day := (v.reported_at AT TIME ZONE v_centre.time_zone)::date;
    v_reasons := hersys.triage_reasons(ARRAY[
        CASE WHEN v.red_flag THEN 'red_flag' END,
        CASE WHEN v.spo2 <= v_limits.spo2_urgent THEN 'spo2_low' END,
        CASE WHEN v.spo2 <= v_limits.spo2_watch THEN 'spo2_watch' END,
        CASE WHEN v.spo2 + v_centre.spo2_fall <= (
            SELECT max(r.spo2) FROM hersys.status_report r
            WHERE r.patient_id = v.patient_id AND r.reported_at BETWEEN v.reported_at - interval '24 hours' AND v.reported_at
              AND r.id <> v.id AND r.superseded_by IS NULL AND r.withdrawn_at IS NULL) THEN 'spo2_fall' END,
        CASE WHEN v.temperature_c >= v_limits.temperature_watch THEN 'temperature_high' END,
        CASE WHEN v.temperature_c >= v_centre.fever AND v_centre.fever_days <= (
            SELECT count(DISTINCT (r.reported_at AT TIME ZONE v_centre.time_zone)::date) FROM hersys.status_report r
            WHERE r.patient_id = v.patient_id AND r.temperature_c >= v_centre.fever
              AND r.reported_at BETWEEN ((v_day - 6)::timestamp AT TIME ZONE v_centre.time_zone) AND v.reported_at
              AND r.superseded_by IS NULL AND r.withdrawn_at IS NULL) THEN 'fever_days' END]);
    v_level := hersys.triage_level(v_reasons);
    IF v_level IS NULL THEN
        RETURN NULL;
    END IF;

    v_earlier := ARRAY(
        SELECT a.id FROM hersys.alert a
        WHERE a.inbound_id = ANY (p_inbound_ids) AND a.report_id IS NULL AND a.closed_at IS NULL AND a.centre_id = v.centre_id
          AND (a.patient_id = v.patient_id OR a.patient_id IS NULL) AND a.reasons <> ARRAY['wrong_number']
        ORDER BY a.level, a.id
        FOR NO KEY UPDATE);
    IF v_earlier = '{}' THEN
        PERFORM hersys.alert_raise(v.centre_id, v.patient_id, v.id, v.inbound_id, v_level, v_reasons, v.unconfirmed);
        RETURN v_level;
    END IF;
    UPDATE hersys.alert a SET report_id = v.id, patient_id = v.patient_id, unconfirmed = v.unconfirmed WHERE a.id = v_earlier[1];
    -- Several messages, one report, one alert.
    UPDATE hersys.alert a SET closed_at = hersys.clock_now(), closed_by = 'report' WHERE a.id = ANY (v_earlier[2:]);
    RETURN hersys.alert_add(v_earlier[1],
                            v_reasons || ARRAY(SELECT unnest(a.reasons) FROM hersys.alert a WHERE a.id = ANY (v_earlier[2:])));
END
$$;

/*
 * Looks at a message that became no report, of a telephone of these patients: what is dangerous by the most cautious of their thresholds
 * alerts each centre of theirs, unconfirmed. p_about: the patient that it names, if it is clear; then it is by that one's. Beside a text of ours
 * only a red flag counts, and in a command nothing. 'urgent', 'watch', or null. Internal.
 */
CREATE FUNCTION hersys.triage_message(p_inbound_id bigint, p_patients hersys.patient[], p_about bigint, p_parsed jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v_outcome text := p_parsed ->> 'outcome';
    v_about hersys.patient;
    v_lowest integer;
    v_highest numeric;
    v_limits record;
    v_reasons text[];
    v_level text;
BEGIN
    IF v_outcome = 'command' THEN
        RETURN NULL;
    END IF;
    IF v_outcome IS DISTINCT FROM 'own_text' THEN
        -- Also of reports of which it is not clear whose they are.
        SELECT least((p_parsed ->> 'lowest_spo2')::integer, min((r ->> 'spo2')::integer)),
               greatest((p_parsed ->> 'highest_temperature_c')::numeric, max((r ->> 'temperature_c')::numeric))
        INTO v_lowest, v_highest FROM jsonb_array_elements(p_parsed -> 'reports') AS r;
    END IF;
    SELECT a.* INTO v_about FROM unnest(p_patients) AS a WHERE a.id = p_about;
    SELECT max(l.spo2_urgent) AS spo2_urgent, max(l.spo2_watch) AS spo2_watch, min(l.temperature_watch) AS temperature_watch INTO v_limits
    FROM unnest(p_patients) AS p
    JOIN hersys.centre c ON c.id = p.centre_id
    CROSS JOIN LATERAL hersys.triage_limits(p, c) AS l
    WHERE v_about.id IS NULL OR p.id = v_about.id;
    v_reasons := hersys.triage_reasons(ARRAY[
        CASE WHEN (p_parsed ->> 'red_flag')::boolean THEN 'red_flag' END,
        CASE WHEN v_lowest <= v_limits.spo2_urgent THEN 'spo2_low' END,
        CASE WHEN v_lowest <= v_limits.spo2_watch THEN 'spo2_watch' END,
        CASE WHEN v_highest >= v_limits.temperature_watch THEN 'temperature_high' END]);
    v_level := hersys.triage_level(v_reasons);
    IF v_level IS NOT NULL THEN
        PERFORM hersys.alert_raise(u.centre_id, CASE WHEN u.centre_id = v_about.centre_id THEN v_about.id END, NULL, p_inbound_id,
                                   v_level, v_reasons, true)
        FROM (SELECT DISTINCT p.centre_id FROM unnest(p_patients) AS p ORDER BY 1) AS u;
    END IF;
    RETURN v_level;
END
$$;

-- ------------------------------------------------------------------ tokens

ALTER TABLE hersys.api_token
    DROP CONSTRAINT api_token_scopes_known,
    ADD CONSTRAINT api_token_scopes_known CHECK (scopes <@ ARRAY['patients', 'links', 'codes', 'reports', 'alerts', 'release']);

CREATE OR REPLACE FUNCTION hersys.token_create(p_kid text, p_secret_hash bytea, p_centre_id bigint, p_actor text, p_scopes text[], p_days integer, p_by text)
RETURNS timestamptz
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_now timestamptz := hersys.clock_now();
    v_id bigint;
    v_constraint text;
BEGIN
    IF NOT EXISTS (SELECT FROM hersys.centre c WHERE c.id = p_centre_id) THEN
        RAISE EXCEPTION 'there is no centre %', p_centre_id USING ERRCODE = 'HS002';
    END IF;
    IF (p_days BETWEEN 1 AND 90) IS NOT TRUE THEN
        PERFORM hersys.value_refuse('/days', 'a token lives for 1 to 90 days');
    END IF;
    IF (cardinality(p_scopes) > 0 AND array_position(p_scopes, NULL) IS NULL
        AND p_scopes <@ ARRAY['patients', 'links', 'codes', 'reports', 'alerts', 'release']) IS NOT TRUE THEN
        PERFORM hersys.value_refuse('/scopes', 'the scopes are patients, links, codes, reports, alerts, release');
    END IF;
    -- One after the other, for each counts the others of its actor.
    PERFORM pg_advisory_xact_lock(hashtextextended('hersys.actor ' || p_centre_id || ' ' || p_actor, 0));
    IF (SELECT count(*) FROM hersys.api_token t
        WHERE t.centre_id = p_centre_id AND t.actor = p_actor AND t.revoked_at IS NULL AND t.expires_at > v_now) >= 2 THEN
        RAISE EXCEPTION 'this actor has two tokens already: revoke one' USING ERRCODE = 'HS004';
    END IF;
    BEGIN
        INSERT INTO hersys.api_token (kid, secret_hash, centre_id, actor, scopes, created_at, expires_at)
        VALUES (p_kid, p_secret_hash, p_centre_id, p_actor, ARRAY(SELECT DISTINCT s FROM unnest(p_scopes) AS s ORDER BY s), v_now,
                v_now + p_days * interval '24 hours')
        RETURNING id INTO v_id;
    EXCEPTION
        WHEN unique_violation THEN
            RAISE EXCEPTION 'this key id is taken' USING ERRCODE = 'HS009', DETAIL = '/kid';
        WHEN check_violation OR not_null_violation THEN
            GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
            PERFORM hersys.value_refuse(CASE v_constraint WHEN 'api_token_actor_check' THEN '/actor'
                                                          WHEN 'api_token_kid_check' THEN '/kid' ELSE '' END);
    END;
    PERFORM hersys.audit_note(p_by, 'token_create', 'token', v_id, p_centre_id);
    RETURN v_now + p_days * interval '24 hours';
END
$$;

-- ------------------------------------------------------------------ patients, with thresholds of their own

CREATE OR REPLACE FUNCTION hersys.patient_json(p hersys.patient, p_takes_sms boolean) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
    SELECT jsonb_build_object(
        'id', p.id, 'input_id', p.input_id, 'family_name', p.family_name, 'given_name', p.given_name,
        'date_of_birth', p.date_of_birth, 'language', p.language,
        'phone', p.phone, 'phone_confirmed', p.phone_confirmed_at IS NOT NULL, 'takes_sms', p_takes_sms,
        'member_number', p.member_number, 'email', p.email, 'onset_on', p.onset_on, 'diagnosed_on', p.diagnosed_on,
        'entered_japan_on', p.entered_japan_on, 'passport_number', p.passport_number,
        'monitoring_from', p.monitoring_from, 'monitoring_until', p.monitoring_until,
        'spo2_urgent', p.spo2_urgent, 'spo2_watch', p.spo2_watch, 'temperature_watch', trim_scale(p.temperature_watch),
        'ended_at', hersys.api_time(p.ended_at), 'created_at', hersys.api_time(p.created_at))
$$;

CREATE OR REPLACE FUNCTION hersys.patient_merge(p_patient hersys.patient, p_body jsonb) RETURNS hersys.patient
LANGUAGE plpgsql STABLE
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v hersys.patient := p_patient;
    v_key text;
    v_value text;
    v_on date;
    v_yes boolean;
BEGIN
    IF jsonb_typeof(p_body) IS DISTINCT FROM 'object' OR EXISTS (
        SELECT FROM jsonb_object_keys(p_body) AS k
        WHERE k NOT IN ('input_id', 'family_name', 'given_name', 'date_of_birth', 'language', 'phone', 'phone_confirmed', 'email', 'onset_on',
                        'diagnosed_on', 'entered_japan_on', 'passport_number', 'monitoring_from', 'monitoring_until', 'spo2_urgent', 'spo2_watch', 'temperature_watch',
                        'ended')) THEN
        PERFORM hersys.value_refuse('', 'the request has an item that is not known');
    END IF;
    FOR v_key, v_value IN SELECT e.key, e.value FROM jsonb_each_text(p_body) AS e LOOP
        IF jsonb_typeof(p_body -> v_key) NOT IN ('null', CASE WHEN v_key IN ('phone_confirmed', 'ended') THEN 'boolean'
                                                              WHEN v_key IN ('spo2_urgent', 'spo2_watch', 'temperature_watch') THEN 'number'
                                                              ELSE 'string' END) THEN
            PERFORM hersys.value_refuse('/' || v_key);
        END IF;
        v_on := NULL;
        IF v_key ~ '(_on|_from|_until|_birth)$' THEN
            IF v_value !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' THEN
                PERFORM hersys.value_refuse('/' || v_key, 'a date is YYYY-MM-DD');
            END IF;
            v_on := v_value::date;
        END IF;
        CASE v_key
            WHEN 'input_id' THEN v.input_id := v_value;
            WHEN 'family_name' THEN v.family_name := v_value;
            WHEN 'given_name' THEN v.given_name := v_value;
            WHEN 'date_of_birth' THEN v.date_of_birth := v_on;
            WHEN 'language' THEN v.language := v_value;
            WHEN 'phone' THEN v.phone := v_value;
            WHEN 'email' THEN v.email := v_value;
            WHEN 'onset_on' THEN v.onset_on := v_on;
            WHEN 'diagnosed_on' THEN v.diagnosed_on := v_on;
            WHEN 'entered_japan_on' THEN v.entered_japan_on := v_on;
            WHEN 'passport_number' THEN v.passport_number := v_value;
            WHEN 'monitoring_from' THEN v.monitoring_from := v_on;
            WHEN 'monitoring_until' THEN v.monitoring_until := v_on;
            WHEN 'spo2_urgent' THEN v.spo2_urgent := v_value;
            WHEN 'spo2_watch' THEN v.spo2_watch := v_value;
            WHEN 'temperature_watch' THEN v.temperature_watch := v_value;
            WHEN 'phone_confirmed' THEN v_yes := coalesce(v_value::boolean, false);
            WHEN 'ended' THEN v.ended_at := CASE WHEN v_value::boolean THEN coalesce(v.ended_at, hersys.clock_now()) END;
        END CASE;
    END LOOP;
    IF v_yes AND v.phone IS NULL THEN
        PERFORM hersys.value_refuse('/phone_confirmed', 'there is no telephone');
    END IF;
    IF v.phone IS DISTINCT FROM p_patient.phone THEN
        v.phone_confirmed_at := NULL;
    END IF;
    v.phone_confirmed_at := CASE WHEN v_yes THEN coalesce(v.phone_confirmed_at, hersys.clock_now()) WHEN v_yes IS NULL THEN v.phone_confirmed_at END;
    RETURN v;
EXCEPTION WHEN check_violation OR data_exception THEN
    PERFORM hersys.value_refuse('/' || v_key);
END
$$;

CREATE OR REPLACE FUNCTION hersys.patient_check(p_patient hersys.patient, p_body jsonb, p_today date) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_all jsonb := to_jsonb(p_patient);
    v_key text;
BEGIN
    FOREACH v_key IN ARRAY ARRAY['input_id', 'family_name', 'given_name', 'date_of_birth', 'language', 'monitoring_from', 'monitoring_until'] LOOP
        IF v_all ->> v_key IS NULL THEN
            PERFORM hersys.value_refuse('/' || v_key, 'there has to be a value');
        END IF;
    END LOOP;
    FOREACH v_key IN ARRAY ARRAY['date_of_birth', 'onset_on', 'diagnosed_on', 'entered_japan_on'] LOOP
        IF p_body ? v_key AND (v_all ->> v_key)::date > p_today THEN
            PERFORM hersys.value_refuse('/' || v_key, 'the day has not come yet');
        END IF;
    END LOOP;
    -- Only where the patient has both of its own: the centre may change the other one at any time, and triage heeds the higher.
    IF p_patient.spo2_urgent > p_patient.spo2_watch THEN
        PERFORM hersys.value_refuse('/spo2_watch', 'what is urgent is to be watched as well: this is below it');
    END IF;
    -- A slip in the year would remind for a lifetime, or never.
    IF p_patient.monitoring_until < p_patient.monitoring_from THEN
        PERFORM hersys.value_refuse('/monitoring_until', 'monitoring would end before it begins');
    ELSIF p_body ? 'monitoring_from' AND p_patient.monitoring_from > p_today + 366 THEN
        PERFORM hersys.value_refuse('/monitoring_from', 'monitoring begins within a year');
    ELSIF p_body ?| ARRAY['monitoring_from', 'monitoring_until'] AND p_patient.monitoring_until > p_patient.monitoring_from + 366 THEN
        PERFORM hersys.value_refuse('/monitoring_until', 'monitoring lasts a year at most');
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION hersys.patient_write(p_patient hersys.patient) RETURNS hersys.patient
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v hersys.patient := p_patient;
    v_constraint text;
BEGIN
    IF v.id IS NULL THEN
        INSERT INTO hersys.patient AS p (centre_id, input_id, family_name, given_name, date_of_birth, language, phone, phone_confirmed_at, email,
                                         onset_on, diagnosed_on, entered_japan_on, passport_number, monitoring_from, monitoring_until, ended_at,
                                         spo2_urgent, spo2_watch, temperature_watch)
        VALUES (v.centre_id, v.input_id, v.family_name, v.given_name, v.date_of_birth, v.language, v.phone, v.phone_confirmed_at, v.email,
                v.onset_on, v.diagnosed_on, v.entered_japan_on, v.passport_number, v.monitoring_from, v.monitoring_until, v.ended_at,
                v.spo2_urgent, v.spo2_watch, v.temperature_watch)
        RETURNING p.* INTO v;
    ELSE
        -- The telephone before the input ID: who holds the lock of a telephone waits for nobody who changes a key.
        UPDATE hersys.patient p SET phone = v.phone WHERE p.id = v.id AND p.phone IS DISTINCT FROM v.phone;
        UPDATE hersys.patient p
        SET input_id = v.input_id, family_name = v.family_name, given_name = v.given_name, date_of_birth = v.date_of_birth,
            language = v.language, phone_confirmed_at = v.phone_confirmed_at, email = v.email, onset_on = v.onset_on,
            diagnosed_on = v.diagnosed_on, entered_japan_on = v.entered_japan_on, passport_number = v.passport_number,
            monitoring_from = v.monitoring_from, monitoring_until = v.monitoring_until, ended_at = v.ended_at,
            spo2_urgent = v.spo2_urgent, spo2_watch = v.spo2_watch, temperature_watch = v.temperature_watch
        WHERE p.id = v.id RETURNING p.* INTO v;
    END IF;
    RETURN v;
EXCEPTION
    WHEN unique_violation THEN
        GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
        IF v_constraint <> 'patient_input_id_key' THEN
            RAISE;
        END IF;
        RAISE EXCEPTION '%', coalesce('the input ID is that of patient '
                                      || (SELECT p.id FROM hersys.patient p WHERE p.input_id = p_patient.input_id AND p.centre_id = p_patient.centre_id),
                                      'the input ID is taken')
            USING ERRCODE = 'HS009', DETAIL = '/input_id';
    WHEN check_violation THEN
        GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
        PERFORM hersys.value_refuse(CASE v_constraint
            WHEN 'patient_family_name_check' THEN '/family_name' WHEN 'patient_given_name_check' THEN '/given_name'
            WHEN 'patient_date_of_birth_check' THEN '/date_of_birth' WHEN 'patient_passport_number_check' THEN '/passport_number'
            WHEN 'patient_spo2_urgent_check' THEN '/spo2_urgent' WHEN 'patient_spo2_watch_check' THEN '/spo2_watch'
            WHEN 'patient_temperature_watch_check' THEN '/temperature_watch'
            WHEN 'patient_check' THEN '/monitoring_until' ELSE '' END);
END
$$;

-- Who leaves a telephone need not be vouched for any more. The rows of the telephones are locked by patient_take_member_number().
CREATE OR REPLACE FUNCTION hersys.phone_note_member() RETURNS trigger
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE hersys.phone SET members = array_remove(members, OLD.member_number), wrong_for = array_remove(wrong_for, OLD.id)
        WHERE number = OLD.phone;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        UPDATE hersys.phone SET members = array_append(members, NEW.member_number) WHERE number = NEW.phone;
    END IF;
    RETURN NULL;
END
$$;

-- Staff says that a telephone is this patient's: then it is not somebody else's. It stays in quarantine while another patient has it who was
-- not vouched for: that one's messages, with the name, would go to this one. Its row is locked after the patient's. Internal.
CREATE FUNCTION hersys.patient_vouch(p_patient hersys.patient, p_body jsonb, p_by text) RETURNS void
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
BEGIN
    IF p_body -> 'phone_confirmed' = 'true' THEN
        UPDATE hersys.phone SET wrong_for = array_remove(wrong_for, p_patient.id),
                                quarantined_at = CASE WHEN array_remove(wrong_for, p_patient.id) <> '{}' THEN quarantined_at END
        WHERE number = p_patient.phone AND quarantined_at IS NOT NULL;
        PERFORM hersys.call_end(p_patient.id, ARRAY['wrong_number'], p_by);
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION hersys.v1_patient_create(p_caller hersys.caller, p_body jsonb) RETURNS hersys.reply
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_call hersys.api_call := hersys.call_begin(p_caller, 'patients', 'patient_create');
    v_body jsonb := jsonb_strip_nulls(p_body);
    v_today date := hersys.centre_today(v_call.centre_id);
    v_centre hersys.centre;
    v hersys.patient;
BEGIN
    IF v_call.reply IS NOT NULL THEN
        RETURN v_call.reply;
    END IF;
    SELECT c.* INTO v_centre FROM hersys.centre c WHERE c.id = v_call.centre_id;
    v.centre_id := v_centre.id;
    v.language := v_centre.language;
    v.monitoring_from := v_today;
    v := hersys.patient_merge(v, v_body);
    v.monitoring_until := coalesce(v.monitoring_until,
                                   greatest(v.monitoring_from, coalesce(v.onset_on, v.monitoring_from) + v_centre.monitoring_days));
    PERFORM hersys.patient_check(v, v_body, v_today);
    v := hersys.patient_write(v);
    PERFORM hersys.patient_vouch(v, v_body, v_call.actor);
    PERFORM hersys.audit_note(v_call.actor, 'patient_create', 'patient', v.id, v_call.centre_id);
    RETURN hersys.call_end(p_caller, v_call, 201, hersys.patient_json(v));
END
$$;

CREATE OR REPLACE FUNCTION hersys.v1_patient_change(p_caller hersys.caller, p_id bigint, p_body jsonb) RETURNS hersys.reply
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_call hersys.api_call := hersys.call_begin(p_caller, 'patients', 'patient_change ' || p_id);
    v_before hersys.patient;
    v hersys.patient;
BEGIN
    IF v_call.reply IS NOT NULL THEN
        RETURN v_call.reply;
    END IF;
    SELECT p.* INTO v_before FROM hersys.patient p WHERE p.id = p_id AND p.centre_id = v_call.centre_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no patient %', p_id USING ERRCODE = 'HS002';
    END IF;
    v := hersys.patient_merge(v_before, p_body);
    PERFORM hersys.patient_check(v, p_body, hersys.centre_today(v_call.centre_id));
    v := hersys.patient_write(v);
    PERFORM hersys.patient_vouch(v, p_body, v_call.actor);
    UPDATE hersys.registration_link l SET revoked_at = hersys.clock_now()
    WHERE l.patient_id = p_id AND l.consumed_at IS NULL AND l.revoked_at IS NULL
      AND (l.recipient IS DISTINCT FROM CASE l.channel WHEN 'sms' THEN v.phone ELSE v.email END OR v.input_id <> v_before.input_id);
    PERFORM hersys.audit_note(v_call.actor, 'patient_change', 'patient', p_id, v_call.centre_id);
    RETURN hersys.call_end(p_caller, v_call, 200, hersys.patient_json(v));
END
$$;

-- ------------------------------------------------------------------ alerts, by the interface

-- An alert as the interface shows it. Internal, and without a search path, so that PostgreSQL can put it into the statement that uses it.
CREATE FUNCTION hersys.alert_json(a hersys.alert) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
    SELECT jsonb_build_object(
        'id', a.id, 'level', a.level, 'reasons', a.reasons, 'patient', a.patient_id, 'report', a.report_id,
        'report_superseded', EXISTS (SELECT FROM hersys.status_report r
                                     WHERE r.id = a.report_id AND (r.superseded_by IS NOT NULL OR r.withdrawn_at IS NOT NULL)),
        'unconfirmed', a.unconfirmed, 'raised_at', hersys.api_time(a.raised_at), 'told_times', a.told_times,
        'seen_by', a.seen_by, 'seen_at', hersys.api_time(a.seen_at), 'closed_by', a.closed_by, 'closed_at', hersys.api_time(a.closed_at))
$$;

-- The alerts of a centre behind one of them: the open ones, urgent and oldest first, or all in the order of their ids.
CREATE FUNCTION hersys.v1_alerts_list(p_caller hersys.caller, p_state text, p_after bigint, p_limit integer) RETURNS hersys.reply
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v_call hersys.api_call := hersys.call_open(p_caller, 'alerts');
    v_limit integer := hersys.page_size(p_limit, 1000);
    v_after bigint := coalesce(p_after, 0);
    v_level text := '';
    v_page hersys.alert[];
    v_alerts jsonb;
BEGIN
    IF coalesce(p_state, 'open') = 'open' THEN
        IF v_after <> 0 THEN
            SELECT a.level INTO v_level FROM hersys.alert a WHERE a.id = v_after AND a.centre_id = v_call.centre_id;
            IF NOT FOUND THEN
                PERFORM hersys.value_refuse('/after', 'this is no cursor');
            END IF;
        END IF;
        v_page := ARRAY(SELECT a FROM hersys.alert a
                        WHERE a.centre_id = v_call.centre_id AND a.closed_at IS NULL AND (a.level, a.id) > (v_level, v_after)
                        ORDER BY a.level, a.id LIMIT v_limit + 1);
    ELSIF p_state = 'all' THEN
        v_page := ARRAY(SELECT a FROM hersys.alert a WHERE a.centre_id = v_call.centre_id AND a.id > v_after ORDER BY a.id LIMIT v_limit + 1);
    ELSE
        PERFORM hersys.value_refuse('/state', 'alerts are asked for as open or all');
    END IF;
    SELECT coalesce(jsonb_agg(hersys.alert_json(v_page[n]) ORDER BY n), '[]') INTO v_alerts
    FROM generate_series(1, least(cardinality(v_page), v_limit)) AS n;
    PERFORM hersys.audit_note(v_call.actor, 'alerts_list', 'centre', v_call.centre_id, v_call.centre_id);
    RETURN ROW(200, jsonb_build_object('alerts', v_alerts, 'next', CASE WHEN cardinality(v_page) > v_limit THEN v_page[v_limit].id END))::hersys.reply;
END
$$;

-- Notes that somebody has seen an alert, or is done with it: the first one who says so. Internal.
CREATE FUNCTION hersys.alert_settle(p_caller hersys.caller, p_id bigint, p_act text) RETURNS hersys.reply
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_call hersys.api_call := hersys.call_begin(p_caller, 'alerts', p_act || ' ' || p_id);
    v_now timestamptz := hersys.clock_now();
    v hersys.alert;
    v_changed boolean;
BEGIN
    IF v_call.reply IS NOT NULL THEN
        RETURN v_call.reply;
    END IF;
    SELECT a.* INTO v FROM hersys.alert a WHERE a.id = p_id AND a.centre_id = v_call.centre_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no alert %', p_id USING ERRCODE = 'HS002';
    END IF;
    v_changed := CASE p_act WHEN 'alert_close' THEN v.closed_at IS NULL ELSE v.seen_at IS NULL END;
    IF v_changed THEN
        UPDATE hersys.alert a
        SET seen_at = coalesce(a.seen_at, v_now), seen_by = coalesce(a.seen_by, v_call.actor),
            closed_at = CASE WHEN p_act = 'alert_close' THEN v_now ELSE a.closed_at END,
            closed_by = CASE WHEN p_act = 'alert_close' THEN v_call.actor ELSE a.closed_by END
        WHERE a.id = p_id RETURNING a.* INTO v;
        PERFORM hersys.audit_note(v_call.actor, p_act, 'alert', p_id, v_call.centre_id);
    END IF;
    RETURN hersys.call_end(p_caller, v_call, 200, hersys.alert_json(v));
END
$$;

CREATE FUNCTION hersys.v1_alert_seen(p_caller hersys.caller, p_id bigint) RETURNS hersys.reply
LANGUAGE sql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$ SELECT hersys.alert_settle(p_caller, p_id, 'alert_seen') $$;

CREATE FUNCTION hersys.v1_alert_close(p_caller hersys.caller, p_id bigint) RETURNS hersys.reply
LANGUAGE sql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$ SELECT hersys.alert_settle(p_caller, p_id, 'alert_close') $$;

GRANT EXECUTE ON FUNCTION
    hersys.alerts_escalate(integer),
    hersys.alerts_digest(),
    hersys.v1_alerts_list(hersys.caller, text, bigint, integer),
    hersys.v1_alert_seen(hersys.caller, bigint),
    hersys.v1_alert_close(hersys.caller, bigint) TO hersys_gateway;
CALL hersys.settle_rights();
