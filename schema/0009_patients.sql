-- 0009_patients.sql - what health centres do with patients by their interface, and the reports that they read out.

SET LOCAL ROLE hersys_owner;

-- ------------------------------------------------------------------ patients

CREATE INDEX patient_by_centre ON hersys.patient (centre_id, id);

-- Those of some numbers that get an SMS: not of a landline, not quarantined, not stopped. Each once. Internal.
CREATE FUNCTION hersys.phones_reached(p_numbers text[]) RETURNS TABLE (number text)
LANGUAGE plpgsql STABLE
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
SECURITY DEFINER
AS $$
#variable_conflict use_column
DECLARE
    v_prefixes text[] := (SELECT array_agg(d.prefix) FROM hersys.sms_destination d);
BEGIN
    RETURN QUERY
        SELECT DISTINCT n FROM unnest(p_numbers) AS n
        WHERE hersys.sms_number_fits(n, v_prefixes)
          AND NOT EXISTS (SELECT FROM hersys.phone f WHERE f.number = n AND f.quarantined_at IS NOT NULL OFFSET 0)
          AND NOT EXISTS (SELECT FROM hersys.suppression s WHERE s.channel = 'sms' AND s.address = n AND s.ended_at IS NULL OFFSET 0);
END
$$;

-- A patient as the interface shows it. These two are internal, and without a search path, so that PostgreSQL can put the first into the
-- statement that uses it.
CREATE FUNCTION hersys.patient_json(p hersys.patient, p_takes_sms boolean) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
    SELECT jsonb_build_object(
        'id', p.id, 'input_id', p.input_id, 'family_name', p.family_name, 'given_name', p.given_name,
        'date_of_birth', p.date_of_birth, 'language', p.language,
        'phone', p.phone, 'phone_confirmed', p.phone_confirmed_at IS NOT NULL, 'takes_sms', p_takes_sms,
        'member_number', p.member_number, 'email', p.email, 'onset_on', p.onset_on, 'diagnosed_on', p.diagnosed_on,
        'entered_japan_on', p.entered_japan_on, 'passport_number', p.passport_number,
        'monitoring_from', p.monitoring_from, 'monitoring_until', p.monitoring_until,
        'ended_at', hersys.api_time(p.ended_at), 'created_at', hersys.api_time(p.created_at))
$$;
CREATE FUNCTION hersys.patient_json(p hersys.patient) RETURNS jsonb
LANGUAGE sql STABLE
AS $$ SELECT hersys.patient_json(p, EXISTS (SELECT FROM hersys.phones_reached(ARRAY[p.phone::text]))) $$;

/*
 * Lays the items of a request over a patient: what is absent stays, null removes. A new telephone is not confirmed, unless the same
 * request says so. HS010 for what no such column can hold; that columns are filled, and fit together, is the caller's. Internal.
 */
CREATE FUNCTION hersys.patient_merge(p_patient hersys.patient, p_body jsonb) RETURNS hersys.patient
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
                        'diagnosed_on', 'entered_japan_on', 'passport_number', 'monitoring_from', 'monitoring_until', 'ended')) THEN
        PERFORM hersys.value_refuse('', 'the request has an item that is not known');
    END IF;
    FOR v_key, v_value IN SELECT e.key, e.value FROM jsonb_each_text(p_body) AS e LOOP
        IF jsonb_typeof(p_body -> v_key) NOT IN ('null', CASE WHEN v_key IN ('phone_confirmed', 'ended') THEN 'boolean' ELSE 'string' END) THEN
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

-- Refuses a patient whose items cannot be so, looking at those of the request. Internal.
CREATE FUNCTION hersys.patient_check(p_patient hersys.patient, p_body jsonb, p_today date) RETURNS void
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

-- Writes a patient: a new one where it has no id. What a row refuses is refused in the words of the interface. Internal.
CREATE FUNCTION hersys.patient_write(p_patient hersys.patient) RETURNS hersys.patient
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
                                         onset_on, diagnosed_on, entered_japan_on, passport_number, monitoring_from, monitoring_until, ended_at)
        VALUES (v.centre_id, v.input_id, v.family_name, v.given_name, v.date_of_birth, v.language, v.phone, v.phone_confirmed_at, v.email,
                v.onset_on, v.diagnosed_on, v.entered_japan_on, v.passport_number, v.monitoring_from, v.monitoring_until, v.ended_at)
        RETURNING p.* INTO v;
    ELSE
        -- The telephone before the input ID: who holds the lock of a telephone waits for nobody who changes a key.
        UPDATE hersys.patient p SET phone = v.phone WHERE p.id = v.id AND p.phone IS DISTINCT FROM v.phone;
        UPDATE hersys.patient p
        SET input_id = v.input_id, family_name = v.family_name, given_name = v.given_name, date_of_birth = v.date_of_birth,
            language = v.language, phone_confirmed_at = v.phone_confirmed_at, email = v.email, onset_on = v.onset_on,
            diagnosed_on = v.diagnosed_on, entered_japan_on = v.entered_japan_on, passport_number = v.passport_number,
            monitoring_from = v.monitoring_from, monitoring_until = v.monitoring_until, ended_at = v.ended_at
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
            WHEN 'patient_check' THEN '/monitoring_until' ELSE '' END);
END
$$;

CREATE FUNCTION hersys.v1_patient_create(p_caller hersys.caller, p_body jsonb) RETURNS hersys.reply
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
    PERFORM hersys.audit_note(v_call.actor, 'patient_create', 'patient', v.id, v_call.centre_id);
    RETURN hersys.call_end(p_caller, v_call, 201, hersys.patient_json(v));
END
$$;

-- A link that was sent to an address which is not the patient's any more is ended: whoever has it is somebody else. So is one whose
-- message names another input ID: where that waits in a batch it would still go out, with an ID that may be a stranger's.
CREATE FUNCTION hersys.v1_patient_change(p_caller hersys.caller, p_id bigint, p_body jsonb) RETURNS hersys.reply
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
    UPDATE hersys.registration_link l SET revoked_at = hersys.clock_now()
    WHERE l.patient_id = p_id AND l.consumed_at IS NULL AND l.revoked_at IS NULL
      AND (l.recipient IS DISTINCT FROM CASE l.channel WHEN 'sms' THEN v.phone ELSE v.email END OR v.input_id <> v_before.input_id);
    PERFORM hersys.audit_note(v_call.actor, 'patient_change', 'patient', p_id, v_call.centre_id);
    RETURN hersys.call_end(p_caller, v_call, 200, hersys.patient_json(v));
END
$$;

CREATE FUNCTION hersys.v1_patient_get(p_caller hersys.caller, p_id bigint) RETURNS hersys.reply
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_call hersys.api_call := hersys.call_open(p_caller, 'patients');
    v hersys.patient;
BEGIN
    SELECT p.* INTO v FROM hersys.patient p WHERE p.id = p_id AND p.centre_id = v_call.centre_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no patient %', p_id USING ERRCODE = 'HS002';
    END IF;
    PERFORM hersys.audit_note(v_call.actor, 'patient_get', 'patient', p_id, v_call.centre_id);
    RETURN ROW(200, hersys.patient_json(v))::hersys.reply;
END
$$;

CREATE FUNCTION hersys.v1_patient_list(p_caller hersys.caller, p_after bigint, p_limit integer) RETURNS hersys.reply
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v_call hersys.api_call := hersys.call_open(p_caller, 'patients');
    v_limit integer := hersys.page_size(p_limit, 1000);
    -- Beside row-level security a coalesce() in the statement would keep the condition out of the index.
    v_after bigint := coalesce(p_after, 0);
    v_patients jsonb;
    v_last bigint;
    v_more boolean;
BEGIN
    WITH page AS MATERIALIZED (
        SELECT p.* FROM hersys.patient p WHERE p.centre_id = v_call.centre_id AND p.id > v_after ORDER BY p.id LIMIT v_limit + 1
    ), shown AS MATERIALIZED (
        SELECT * FROM page ORDER BY id LIMIT v_limit
    )
    SELECT coalesce(jsonb_agg(hersys.patient_json(ROW(s.*)::hersys.patient, r.number IS NOT NULL) ORDER BY s.id), '[]'),
           max(s.id), (SELECT count(*) FROM page) > v_limit
    INTO v_patients, v_last, v_more
    FROM shown s LEFT JOIN hersys.phones_reached(ARRAY(SELECT q.phone::text FROM shown q)) AS r ON r.number = s.phone;
    PERFORM hersys.audit_note(v_call.actor, 'patient_list', 'centre', v_call.centre_id, v_call.centre_id);
    RETURN ROW(200, jsonb_build_object('patients', v_patients, 'next', CASE WHEN v_more THEN v_last END))::hersys.reply;
END
$$;

-- ------------------------------------------------------------------ reports, read out

-- Whoever reads reports by cursor gets one that was changed again.
CREATE FUNCTION hersys.report_come_again() RETURNS trigger
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
AS $$
BEGIN
    NEW.xact := pg_current_xact_id();
    RETURN NEW;
END
$$;
CREATE TRIGGER come_again BEFORE UPDATE ON hersys.status_report
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION hersys.report_come_again();

/*
 * Reports after a cursor (xact, id), in its order, and the cursor after them. Only those below the oldest transaction that is still
 * running: one that commits late is never passed by. No cursor of ours is above that: one that is comes from the database that a dump
 * was made of, and what is written now would stand before it, unread.
 */
CREATE FUNCTION hersys.v1_reports_list(p_caller hersys.caller, p_after_xact text, p_after_id bigint, p_limit integer) RETURNS hersys.reply
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v_call hersys.api_call := hersys.call_open(p_caller, 'reports');
    v_limit integer := hersys.page_size(p_limit, 1000);
    v_xact xid8;
    v_id bigint := coalesce(p_after_id, 0);
    v_below xid8 := pg_snapshot_xmin(pg_current_snapshot());
    v_reports jsonb;
    v_next text;
    v_more boolean;
BEGIN
    IF coalesce(p_after_xact, '0') !~ '^[0-9]{1,19}$' OR v_id < 0 THEN
        PERFORM hersys.value_refuse('/after', 'this is no cursor');
    END IF;
    v_xact := coalesce(p_after_xact, '0')::xid8;
    IF v_xact >= v_below THEN
        PERFORM hersys.value_refuse('/after', 'this cursor is not of this database: begin again without one');
    END IF;
    WITH page AS MATERIALIZED (
        SELECT r.* FROM hersys.status_report r
        WHERE r.centre_id = v_call.centre_id AND (r.xact, r.id) > (v_xact, v_id) AND r.xact < v_below
        ORDER BY r.xact, r.id LIMIT v_limit + 1
    ), shown AS MATERIALIZED (
        SELECT * FROM page ORDER BY xact, id LIMIT v_limit
    )
    SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'id', s.id, 'patient', s.patient_id, 'reported_at', hersys.api_time(s.reported_at), 'source', s.source,
                        'temperature_c', trim_scale(s.temperature_c), 'spo2', s.spo2, 'symptoms', s.symptoms, 'red_flag', s.red_flag,
                        'needs_review', s.needs_review, 'unconfirmed', s.unconfirmed, 'superseded_by', s.superseded_by,
                        'alert', (SELECT min(a.level) FROM hersys.alert a WHERE a.report_id = s.id))
                    ORDER BY s.xact, s.id), '[]'),
           coalesce((array_agg(s.xact::text || '-' || s.id ORDER BY s.xact DESC, s.id DESC))[1], v_xact::text || '-' || v_id),
           (SELECT count(*) FROM page) > v_limit
    INTO v_reports, v_next, v_more FROM shown s;
    IF v_reports <> '[]' THEN
        PERFORM hersys.audit_note(v_call.actor, 'reports_list', 'centre', v_call.centre_id, v_call.centre_id);
    END IF;
    RETURN ROW(200, jsonb_build_object('reports', v_reports, 'next', v_next, 'more', v_more))::hersys.reply;
END
$$;

/*
 * Who has not reported for a slot: of those who are monitored on its day and whose monitoring was not ended. Without slot and day the
 * slot whose window it is now; without day, today.
 */
CREATE FUNCTION hersys.v1_unreported(p_caller hersys.caller, p_slot bigint, p_day date, p_after bigint, p_limit integer) RETURNS hersys.reply
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v_call hersys.api_call := hersys.call_open(p_caller, 'reports');
    v_limit integer := hersys.page_size(p_limit, 1000);
    v_after bigint := coalesce(p_after, 0);
    v_now timestamptz := hersys.clock_now();
    v_today date := hersys.centre_today(v_call.centre_id);
    v_slot record;
    v_patients jsonb;
    v_last bigint;
    v_more boolean;
BEGIN
    IF p_slot IS NULL AND p_day IS NOT NULL THEN
        PERFORM hersys.value_refuse('/slot', 'a day is asked for together with its slot');
    ELSIF p_day NOT BETWEEN v_today - 400 AND v_today + 400 THEN
        PERFORM hersys.value_refuse('/day', 'the day is too far away');
    END IF;
    SELECT s.id, s.remind_at, s.due_at, d.day, w.since, w.until INTO v_slot
    FROM hersys.slot s
    CROSS JOIN LATERAL (SELECT coalesce(p_day, v_today) AS day UNION ALL SELECT v_today + n FROM unnest(ARRAY[-1, 1]) AS n WHERE p_slot IS NULL) AS d
    CROSS JOIN LATERAL hersys.slot_window(s.id, d.day) AS w
    WHERE s.centre_id = v_call.centre_id
      AND CASE WHEN p_slot IS NULL THEN v_now > w.since AND v_now <= w.until ELSE s.id = p_slot END
    ORDER BY w.until LIMIT 1;
    IF NOT FOUND THEN
        IF p_slot IS NOT NULL THEN
            RAISE EXCEPTION 'there is no slot %', p_slot USING ERRCODE = 'HS002';
        END IF;
        RAISE EXCEPTION 'the centre has no slots' USING ERRCODE = 'HS004';
    END IF;

    WITH page AS MATERIALIZED (
        SELECT p.id, p.input_id, p.phone_confirmed_at FROM hersys.patient p
        WHERE p.centre_id = v_call.centre_id AND p.id > v_after AND p.ended_at IS NULL
          AND v_slot.day BETWEEN p.monitoring_from AND p.monitoring_until
          AND NOT EXISTS (SELECT FROM hersys.reports_within(p.id, v_slot.since, v_slot.until) OFFSET 0)
        ORDER BY p.id LIMIT v_limit + 1
    ), shown AS MATERIALIZED (
        SELECT * FROM page ORDER BY id LIMIT v_limit
    )
    SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'id', s.id, 'input_id', s.input_id, 'phone_confirmed', s.phone_confirmed_at IS NOT NULL,
                        'last_report_at', hersys.api_time(last.at), 'reminded_at', hersys.api_time(m.sent_at), 'reminder_state', m.state)
                    ORDER BY s.id), '[]'),
           max(s.id), (SELECT count(*) FROM page) > v_limit
    INTO v_patients, v_last, v_more
    FROM shown s
    LEFT JOIN LATERAL (SELECT r.reported_at AS at FROM hersys.status_report r
                       WHERE r.patient_id = s.id AND r.superseded_by IS NULL ORDER BY r.reported_at DESC LIMIT 1) AS last ON true
    LEFT JOIN hersys.reminder d ON d.patient_id = s.id AND d.day = v_slot.day AND d.slot_id = v_slot.id
    LEFT JOIN LATERAL (SELECT o.state, NULL::timestamptz AS sent_at FROM hersys.outbox o WHERE o.id = d.message_id
                       UNION ALL
                       SELECT h.state, CASE WHEN h.carrier_link IS NOT NULL AND h.parts > 0 THEN h.finished_at END FROM hersys.outbox_history h
                       WHERE h.id = d.message_id AND h.finished_on BETWEEN v_slot.day - 1 AND v_slot.day + 2
                       LIMIT 1) AS m ON true;
    PERFORM hersys.audit_note(v_call.actor, 'unreported_list', 'slot', v_slot.id, v_call.centre_id);
    RETURN ROW(200, jsonb_build_object(
        'slot', jsonb_build_object('id', v_slot.id, 'remind_at', to_char(v_slot.remind_at, 'HH24:MI'), 'due_at', to_char(v_slot.due_at, 'HH24:MI'),
                                   'day', v_slot.day, 'since', hersys.api_time(v_slot.since), 'until', hersys.api_time(v_slot.until)),
        'patients', v_patients, 'next', CASE WHEN v_more THEN v_last END))::hersys.reply;
END
$$;

GRANT EXECUTE ON FUNCTION
    hersys.v1_patient_create(hersys.caller, jsonb),
    hersys.v1_patient_change(hersys.caller, bigint, jsonb),
    hersys.v1_patient_get(hersys.caller, bigint),
    hersys.v1_patient_list(hersys.caller, bigint, integer),
    hersys.v1_reports_list(hersys.caller, text, bigint, integer),
    hersys.v1_unreported(hersys.caller, bigint, date, bigint, integer) TO hersys_gateway;
CALL hersys.settle_rights();
