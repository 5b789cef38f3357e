-- 0015_ladder.sql - what happens because time passes: reminders, nudges, the call list, the end of monitoring.
--
-- A slot's day has four steps: 0 the reminder, 1 and 2 the nudges, 3 the call list. Each is a pass over a centre's patients in chunks;
-- a chunk is a transaction, and reminder_pass says where the next one goes on.

SET LOCAL ROLE hersys_owner;

-- ------------------------------------------------------------------ tables

-- A report that was due before there was the slot is nobody's silence.
ALTER TABLE hersys.slot ADD COLUMN created_at timestamptz NOT NULL DEFAULT hersys.clock_now();

ALTER TABLE hersys.patient ADD COLUMN changed_at timestamptz NOT NULL DEFAULT hersys.clock_now();
COMMENT ON COLUMN hersys.patient.changed_at IS 'when last something changed that decides about reminders';
CREATE INDEX patient_by_change ON hersys.patient (centre_id, changed_at) WHERE ended_at IS NULL;
CREATE INDEX patient_without_phone ON hersys.patient (centre_id, id) WHERE phone IS NULL AND ended_at IS NULL;
CREATE INDEX patient_to_end ON hersys.patient (centre_id, monitoring_until) WHERE ended_at IS NULL AND end_held_at IS NULL;
COMMENT ON COLUMN hersys.patient.ended_at IS 'monitoring has ended; nothing is sent afterwards';

-- A report of six hours ago is due for the second nudge: they are found in the order in which the reminders went out.
CREATE INDEX reminder_by_going ON hersys.reminder (slot_id, day, goes_at, message_id) WHERE step = 0;

ALTER TABLE hersys.reminder_pass
    ADD COLUMN begun_at timestamptz NOT NULL DEFAULT hersys.clock_now(),
    ADD COLUMN after_patient bigint NOT NULL DEFAULT 0,
    ADD COLUMN after_at timestamptz NOT NULL DEFAULT '-infinity',
    ADD COLUMN after_message bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN hersys.reminder_pass.completed_at IS
    'reminders: everybody was looked at, since then only who has changed; call list: complete, infinity: and looked over once more';
COMMENT ON COLUMN hersys.reminder_pass.after_phone IS 'reminders and call list: the telephones up to this one are done';
COMMENT ON COLUMN hersys.reminder_pass.after_patient IS 'and of the patients without one, those up to this one';
COMMENT ON COLUMN hersys.reminder_pass.after_at IS 'nudges: the reminders that went out up to then, and after_message of that moment, are done';

-- ------------------------------------------------------------------ calls

-- Puts a patient on the call list of the centre, once for each reason. Internal.
CREATE FUNCTION hersys.call_add(p_centre_id bigint, p_patient_id bigint, p_reason text) RETURNS void
LANGUAGE sql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
    INSERT INTO hersys.call_task (centre_id, patient_id, reason) VALUES (p_centre_id, p_patient_id, p_reason) ON CONFLICT DO NOTHING
$$;

-- Takes a patient off the call list, where it was for one of these reasons. p_by: who, or what ('report', 'start'). Internal.
CREATE FUNCTION hersys.call_end(p_patient_id bigint, p_reasons text[], p_by text) RETURNS void
LANGUAGE sql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
    UPDATE hersys.call_task c SET closed_at = hersys.clock_now(), closed_by = p_by
    WHERE c.patient_id = p_patient_id AND c.reason = ANY (p_reasons) AND c.closed_at IS NULL
$$;

-- ------------------------------------------------------------------ who is monitored

-- The patients whom a number may report for: monitoring has begun, in their centre's time zone, and was not ended. Internal.
CREATE OR REPLACE FUNCTION hersys.phone_watched(p_number text, p_now timestamptz) RETURNS SETOF hersys.patient
LANGUAGE sql STABLE
AS $$
    -- OFFSET 0: by the telephone, never by what else is indexed of those who are monitored.
    SELECT p.* FROM (SELECT q.* FROM hersys.patient q WHERE q.phone = p_number OFFSET 0) AS p JOIN hersys.centre c ON c.id = p.centre_id
    WHERE p.ended_at IS NULL AND (p_now AT TIME ZONE c.time_zone)::date >= p.monitoring_from
$$;

-- Whoever writes a patient's row, the same follows from it: a later day, or the end, decides what was held; one who is taken up again
-- after the last day goes on until the centre decides.
CREATE FUNCTION hersys.patient_turn() RETURNS trigger
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
AS $$
BEGIN
    NEW.changed_at := hersys.clock_now();
    IF NEW.ended_at IS NOT NULL OR NEW.monitoring_until > OLD.monitoring_until THEN
        NEW.end_held_at := NULL;
    ELSIF OLD.ended_at IS NOT NULL AND NEW.monitoring_until < hersys.centre_today(NEW.centre_id) THEN
        NEW.end_held_at := coalesce(NEW.end_held_at, hersys.clock_now());
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER turn BEFORE UPDATE OF phone, phone_confirmed_at, email, monitoring_from, monitoring_until, ended_at, end_held_at ON hersys.patient
    FOR EACH ROW
    WHEN ((NEW.phone, NEW.phone_confirmed_at, NEW.email, NEW.monitoring_from, NEW.monitoring_until, NEW.ended_at, NEW.end_held_at)
          IS DISTINCT FROM
          (OLD.phone, OLD.phone_confirmed_at, OLD.email, OLD.monitoring_from, OLD.monitoring_until, OLD.ended_at, OLD.end_held_at))
    EXECUTE FUNCTION hersys.patient_turn();

CREATE FUNCTION hersys.patient_note_turn() RETURNS trigger
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
BEGIN
    IF NEW.ended_at IS NOT NULL THEN
        UPDATE hersys.call_task c SET closed_at = hersys.clock_now(), closed_by = 'ended' WHERE c.patient_id = NEW.id AND c.closed_at IS NULL;
        -- Nothing goes to this one any more: whoever else has the telephone may be vouched for.
        UPDATE hersys.phone SET wrong_for = array_remove(wrong_for, NEW.id) WHERE number = NEW.phone AND NEW.id = ANY (wrong_for);
    ELSIF NEW.end_held_at IS NULL THEN
        PERFORM hersys.call_end(NEW.id, '{end_of_monitoring}', 'prolonged');
    ELSE
        PERFORM hersys.call_add(NEW.centre_id, NEW.id, 'end_of_monitoring');
    END IF;
    RETURN NULL;
END
$$;
-- Of no column: the trigger before it changes one that the statement does not name.
CREATE TRIGGER note_turn AFTER UPDATE ON hersys.patient
    FOR EACH ROW
    WHEN ((NEW.ended_at IS NULL) <> (OLD.ended_at IS NULL) OR (NEW.end_held_at IS NULL) <> (OLD.end_held_at IS NULL))
    EXECUTE FUNCTION hersys.patient_note_turn();

-- Registration links: a patient whose monitoring goes on after its last day is not over.
CREATE OR REPLACE FUNCTION hersys.link_objections(p_centre_id bigint, p_patient_ids bigint[], p_channel text) RETURNS TABLE (patient_id bigint, objection text)
LANGUAGE plpgsql STABLE
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v_prefixes text[] := (SELECT array_agg(d.prefix) FROM hersys.sms_destination d);
BEGIN
    RETURN QUERY
        SELECT g.id, CASE
            WHEN p.id IS NULL THEN format('there is no patient %s', g.id)
            WHEN p_channel = 'sms' AND p.phone IS NULL THEN format('patient %s has no telephone', p.id)
            WHEN p_channel = 'email' AND p.email IS NULL THEN format('patient %s has no e-mail address', p.id)
            WHEN p_channel = 'sms' AND hersys.sms_number_fits(p.phone, v_prefixes) IS NOT TRUE THEN format('the telephone of patient %s takes no SMS', p.id)
            WHEN p_channel = 'sms' AND EXISTS (SELECT FROM hersys.phone f WHERE f.number = p.phone AND f.quarantined_at IS NOT NULL OFFSET 0)
                THEN format('the telephone of patient %s is quarantined: somebody else answered from it', p.id)
            WHEN p_channel = 'sms' AND EXISTS (SELECT FROM hersys.suppression s
                                               WHERE s.channel = 'sms' AND s.address = p.phone AND s.ended_at IS NULL OFFSET 0)
                THEN format('patient %s has stopped messages', p.id)
            WHEN p_channel = 'email' AND EXISTS (SELECT FROM hersys.suppression s
                                                 WHERE s.channel = 'email' AND s.address = p.email AND s.ended_at IS NULL OFFSET 0)
                THEN format('the e-mail address of patient %s takes no messages', p.id)
            WHEN p.ended_at IS NOT NULL THEN format('the monitoring of patient %s has ended', p.id)
        END
        FROM unnest(p_patient_ids) WITH ORDINALITY AS g (id, place)
        LEFT JOIN hersys.patient p ON p.id = g.id AND p.centre_id = p_centre_id
        ORDER BY g.place;
END
$$;

/*
 * Who has not reported for a slot: of those who are monitored on its day and whose monitoring was not ended. Without slot and day the
 * slot whose window it is now; without day, today.
 */
CREATE OR REPLACE FUNCTION hersys.v1_unreported(p_caller hersys.caller, p_slot bigint, p_day date, p_after bigint, p_limit integer) RETURNS hersys.reply
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
          AND v_slot.day >= p.monitoring_from AND (v_slot.day <= p.monitoring_until OR p.end_held_at IS NOT NULL)
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
                       WHERE r.patient_id = s.id AND r.superseded_by IS NULL AND r.withdrawn_at IS NULL
                       ORDER BY r.reported_at DESC LIMIT 1) AS last ON true
    LEFT JOIN hersys.reminder d ON d.patient_id = s.id AND d.day = v_slot.day AND d.slot_id = v_slot.id AND d.step = 0
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

-- ------------------------------------------------------------------ who can be reached

/*
 * How a patient can be written to: sms; email where SMS does not reach, and there is an address; none; held: stopped, or the number is
 * somebody else's, and then nothing goes any other way either. Where SMS does not reach, reason is that of the call task. Internal, and
 * without a search path, so that PostgreSQL puts it into the statement that uses it.
 */
CREATE FUNCTION hersys.reach_of(p_phone text, p_email text, p_prefixes text[]) RETURNS TABLE (reach text, reason text)
LANGUAGE sql STABLE
AS $$
    SELECT CASE
               WHEN w.reason = 'held' THEN 'held'
               WHEN w.reason IS NULL THEN 'sms'
               WHEN p_email IS NULL OR EXISTS (SELECT FROM hersys.suppression s
                                               WHERE s.channel = 'email' AND s.address = p_email AND s.ended_at IS NULL OFFSET 0) THEN 'none'
               ELSE 'email'
           END, w.reason
    FROM (SELECT CASE
                     WHEN f.quarantined_at IS NOT NULL OR s.reason NOT IN ('carrier_opt_out', 'dead_number') THEN 'held'
                     WHEN s.reason = 'dead_number' THEN 'number_dead'
                     WHEN s.reason IS NOT NULL THEN 'carrier_opt_out'
                     WHEN f.unreachable_at IS NOT NULL THEN f.unreachable_for
                     WHEN hersys.sms_number_fits(p_phone, p_prefixes) IS NOT TRUE THEN 'no_sms'
                 END AS reason
          FROM (SELECT) AS always
          LEFT JOIN LATERAL (SELECT n.quarantined_at, n.unreachable_at, n.unreachable_for FROM hersys.phone n WHERE n.number = p_phone OFFSET 0) AS f ON true
          LEFT JOIN LATERAL (SELECT x.reason FROM hersys.suppression x
                             WHERE x.channel = 'sms' AND x.address = p_phone AND x.ended_at IS NULL OFFSET 0) AS s ON true
          OFFSET 0) AS w
$$;

-- ------------------------------------------------------------------ passes

/*
 * The next patients of a pass over a centre: of p_limit telephones after p_after_phone, and at their end of as many patients without one
 * after p_after_patient. With p_changed_since only those who have changed since then. Internal.
 */
CREATE FUNCTION hersys.pass_chunk(p_centre_id bigint, p_changed_since timestamptz, p_limit integer, INOUT after_phone text, INOUT after_patient bigint,
                                  OUT patient_ids bigint[], OUT is_last boolean)
LANGUAGE plpgsql STABLE
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
SECURITY DEFINER
AS $$
#variable_conflict use_column
DECLARE
    v_after_phone text := after_phone;
    v_after_patient bigint := after_patient;
    v_to text;
    v_without bigint[];
BEGIN
    IF p_changed_since IS NULL THEN
        SELECT max(n.phone), count(*) < p_limit INTO v_to, is_last
        FROM (SELECT DISTINCT p.phone::text AS phone FROM hersys.patient p
              WHERE p.centre_id = p_centre_id AND p.phone > v_after_phone ORDER BY 1 LIMIT p_limit) AS n;
        patient_ids := ARRAY(SELECT p.id FROM hersys.patient p
                             WHERE p.centre_id = p_centre_id AND p.phone > v_after_phone AND p.phone <= v_to AND p.ended_at IS NULL);
    ELSE
        WITH changed AS MATERIALIZED (
            SELECT p.id, p.phone::text AS phone FROM hersys.patient p
            WHERE p.centre_id = p_centre_id AND p.changed_at > p_changed_since AND p.ended_at IS NULL
        ), chunk AS MATERIALIZED (
            SELECT DISTINCT c.phone FROM changed c WHERE c.phone > v_after_phone ORDER BY 1 LIMIT p_limit
        )
        SELECT (SELECT max(k.phone) FROM chunk k), (SELECT count(*) FROM chunk) < p_limit,
               coalesce((SELECT array_agg(c.id) FROM changed c WHERE c.phone IN (SELECT k.phone FROM chunk k)), '{}')
        INTO v_to, is_last, patient_ids;
    END IF;
    after_phone := coalesce(v_to, v_after_phone);
    IF is_last THEN
        v_without := ARRAY(SELECT p.id FROM hersys.patient p
                           WHERE p.centre_id = p_centre_id AND p.phone IS NULL AND p.ended_at IS NULL AND p.id > v_after_patient
                           ORDER BY p.id LIMIT p_limit);
        is_last := cardinality(v_without) < p_limit;
        after_patient := coalesce(v_without[cardinality(v_without)], v_after_patient);
        patient_ids := patient_ids || v_without;
    END IF;
END
$$;

/*
 * Queues a step of a slot's day for some of its centre's patients, each at its moment: one message a telephone, or where SMS does not reach
 * one mail a patient; who has reported, is not monitored or had this step gets none. With the reminder whoever SMS does not reach is put on the
 * call list, once a day. How many messages. Internal.
 */
CREATE FUNCTION hersys.step_queue(p_slot hersys.slot, p_centre hersys.centre, p_day date, p_step integer, p_patient_ids bigint[], p_goes_at timestamptz[])
RETURNS integer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v_now timestamptz := hersys.clock_now();
    v_today timestamptz := (hersys.centre_today(p_centre.id)::timestamp) AT TIME ZONE p_centre.time_zone;
    v_since timestamptz;
    v_until timestamptz;
    v_prefixes text[] := (SELECT array_agg(d.prefix) FROM hersys.sms_destination d);
    v_queued integer;
BEGIN
    SELECT w.since, w.until INTO v_since, v_until FROM hersys.slot_window(p_slot.id, p_day) AS w;
    -- OFFSET 0 keeps each of these questions a look by index, whatever the planner believes of the tables.
    WITH due AS MATERIALIZED (
        SELECT p.patient, h.reach, h.reason, g.goes_at
        FROM unnest(p_patient_ids, p_goes_at) AS g (id, goes_at)
        CROSS JOIN LATERAL (SELECT q AS patient, q.* FROM hersys.patient q WHERE q.id = g.id OFFSET 0) AS p
        CROSS JOIN LATERAL hersys.reach_of(p.phone, p.email, v_prefixes) AS h
        WHERE p.centre_id = p_centre.id AND p.ended_at IS NULL
          AND p_day >= p.monitoring_from AND (p_day <= p.monitoring_until OR p.end_held_at IS NOT NULL)
          AND NOT EXISTS (SELECT FROM (SELECT b.slot_id, b.step FROM hersys.reminder b WHERE b.patient_id = p.id AND b.day = p_day OFFSET 0) AS r
                          WHERE r.slot_id = p_slot.id AND r.step = p_step OFFSET 0)
          AND NOT EXISTS (SELECT FROM hersys.reports_within(p.id, v_since, v_until) OFFSET 0)
    ), listed AS (
        INSERT INTO hersys.call_task (centre_id, patient_id, reason, raised_at)
        SELECT p_centre.id, (d.patient).id, d.reason, v_now FROM due d
        WHERE p_step = 0 AND d.reach IN ('email', 'none')
          AND NOT EXISTS (SELECT FROM hersys.call_task t
                          WHERE t.patient_id = (d.patient).id AND t.reason = d.reason AND t.raised_at >= v_today OFFSET 0)
        ON CONFLICT DO NOTHING
    ), messages AS MATERIALIZED (
        SELECT nextval('hersys.message_id') AS id, d.reach AS channel,
               CASE d.reach WHEN 'sms' THEN (d.patient).phone::text ELSE min((d.patient).email::text) END AS recipient,
               (d.patient).phone AS phone, max(d.goes_at) AS goes_at, array_agg((d.patient).id) AS patient_ids,
               (array_agg((d.patient).id ORDER BY (d.patient).member_number))[1] AS first_id,
               (array_agg((d.patient).language ORDER BY (d.patient).member_number))[1] AS language,
               jsonb_agg(hersys.member_label(d.patient) ORDER BY (d.patient).member_number) AS members
        FROM due d WHERE d.reach IN ('sms', 'email') AND d.goes_at < v_until
        GROUP BY d.reach, (d.patient).phone, CASE d.reach WHEN 'email' THEN (d.patient).id END
    ), noted AS (
        INSERT INTO hersys.reminder (patient_id, day, slot_id, step, centre_id, message_id, goes_at)
        SELECT unnest(m.patient_ids), p_day, p_slot.id, p_step, p_centre.id, m.id, m.goes_at FROM messages m
    ), queued AS (
        INSERT INTO hersys.outbox (id, kind, language, params, channel, recipient, centre_id, patient_id, priority,
                                   begun_by_us, at_most_once, not_before, not_after, created_at)
        SELECT m.id, k.kind, m.language,
               jsonb_build_object('centre', p_centre.short_name, 'due', to_char(p_slot.due_at, 'HH24:MI'))
               -- Whoever shares the number has to say whom the report is for, even when the others have reported.
               || CASE WHEN (SELECT count(*) FROM hersys.phone_watched(m.phone, v_now)) > 1
                       THEN jsonb_build_object('family', true, 'member', m.members #> '{0,number}', 'members', m.members) ELSE '{}' END
               || CASE m.channel WHEN 'email' THEN jsonb_build_object('centre_phone', p_centre.phone) ELSE '{}' END,
               m.channel, m.recipient, p_centre.id, m.first_id, k.priority, k.begun_by_us, k.at_most_once, m.goes_at, v_until, v_now
        FROM messages m, hersys.message_kind k WHERE k.kind = CASE p_step WHEN 0 THEN 'reminder' ELSE 'nudge' END
        RETURNING 1
    )
    SELECT count(*) INTO v_queued FROM queued;
    IF v_queued > 0 THEN
        PERFORM hersys.outbox_wake();
    END IF;
    RETURN v_queued;
END
$$;

-- Puts those of some patients on the call list who are monitored on a slot's day and have not reported since its window began; how many.
-- Internal.
CREATE FUNCTION hersys.silent_list(p_slot_id bigint, p_day date, p_patient_ids bigint[]) RETURNS integer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v_now timestamptz := hersys.clock_now();
    v_since timestamptz;
    v_until timestamptz;
    v_listed integer;
BEGIN
    SELECT w.since, w.until INTO v_since, v_until FROM hersys.slot_window(p_slot_id, p_day) AS w;
    INSERT INTO hersys.call_task (centre_id, patient_id, reason, raised_at)
    SELECT p.centre_id, p.id, 'silent', v_now FROM hersys.patient p
    WHERE p.id = ANY (p_patient_ids) AND p.ended_at IS NULL AND p.created_at < v_until
      AND p_day >= p.monitoring_from AND (p_day <= p.monitoring_until OR p.end_held_at IS NOT NULL)
      AND NOT EXISTS (SELECT FROM hersys.reports_within(p.id, v_since, v_now) OFFSET 0)
    ORDER BY p.id
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS v_listed = ROW_COUNT;
    RETURN v_listed;
END
$$;

-- ------------------------------------------------------------------ reminders

/*
 * Queues reminders for up to p_limit telephones of one slot that is due for reminding now, and returns how many messages it queued; null
 * when no slot has anything left to do. To be called again until then; each call commits what it did, and a pass that is cut off is taken
 * up where it stopped. When everybody has been looked at, it looks every five minutes at those who have changed since shortly before it
 * began. In quiet hours a reminder is queued for their end; where that is too late, not at all.
 */
CREATE OR REPLACE FUNCTION hersys.remind_due(p_limit integer DEFAULT 5000) RETURNS integer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v_now timestamptz := hersys.clock_now();
    v_pass hersys.reminder_pass;
    v_slot hersys.slot;
    v_centre hersys.centre;
    v_chunk record;
    v_queued integer;
BEGIN
    INSERT INTO hersys.reminder_pass (slot_id, day)
    SELECT o.slot_id, o.day FROM hersys.slots_open(v_now) AS o
    ORDER BY 1, 2
    ON CONFLICT DO NOTHING;

    SELECT r.* INTO v_pass
    FROM hersys.slots_open(v_now) AS o
    JOIN hersys.reminder_pass r ON r.slot_id = o.slot_id AND r.day = o.day AND r.step = 0
    JOIN hersys.slot s ON s.id = r.slot_id JOIN hersys.centre c ON c.id = s.centre_id
    WHERE r.completed_at IS NULL OR r.completed_at <= v_now - interval '5 minutes'
    ORDER BY (r.day + s.due_at) AT TIME ZONE c.time_zone, r.slot_id LIMIT 1
    FOR UPDATE OF r SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT s.* INTO v_slot FROM hersys.slot s WHERE s.id = v_pass.slot_id;
    SELECT c.* INTO v_centre FROM hersys.centre c WHERE c.id = v_slot.centre_id;
    -- An hour is more than any transaction takes that wrote a patient before the pass began, and was not seen by it.
    SELECT k.* INTO v_chunk
    FROM hersys.pass_chunk(v_centre.id, CASE WHEN v_pass.completed_at IS NOT NULL THEN v_pass.begun_at - interval '1 hour' END,
                           greatest(coalesce(p_limit, 5000), 1), v_pass.after_phone, v_pass.after_patient) AS k;
    v_queued := hersys.step_queue(v_slot, v_centre, v_pass.day, 0, v_chunk.patient_ids,
                                  array_fill(hersys.quiet_release(v_centre, v_now), ARRAY[cardinality(v_chunk.patient_ids)]));
    UPDATE hersys.reminder_pass r
    SET after_phone = CASE WHEN v_chunk.is_last THEN '' ELSE v_chunk.after_phone END,
        after_patient = CASE WHEN v_chunk.is_last THEN 0 ELSE v_chunk.after_patient END,
        completed_at = CASE WHEN v_chunk.is_last THEN v_now ELSE v_pass.completed_at END
    WHERE r.slot_id = v_pass.slot_id AND r.day = v_pass.day AND r.step = 0;
    RETURN v_queued;
END
$$;

-- ------------------------------------------------------------------ nudges

/*
 * Queues nudges for up to p_limit reminders of one slot, two and six hours after they went out, and returns how many messages it
 * queued; null when nothing is left to do. A reminder that has not gone out, because a carrier is away, has its hours from when it does. Two
 * nudges are two hours apart, also where both are late. One whose moment lies in quiet hours is dropped, and the patient put on the call list.
 */
CREATE FUNCTION hersys.nudge_due(p_limit integer DEFAULT 5000) RETURNS integer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v_now timestamptz := hersys.clock_now();
    v_pass record;
    v_slot hersys.slot;
    v_centre hersys.centre;
    v_messages bigint[];
    v_left timestamptz[];
    v_last_at timestamptz;
    v_last_message bigint;
    v_patients bigint[];
    v_goes_at timestamptz[];
    v_quiet bigint[];
    v_queued integer := 0;
BEGIN
    INSERT INTO hersys.reminder_pass (slot_id, day, step)
    SELECT o.slot_id, o.day, n.step FROM hersys.slots_open(v_now) AS o CROSS JOIN (VALUES (1), (2)) AS n (step)
    ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING;

    -- The second nudge follows the first: what that one has not looked at may not have gone out yet.
    SELECT r.slot_id, r.day, r.step, r.after_at, r.after_message, n.after, least(v_now - n.after, CASE r.step WHEN 2 THEN one.after_at END) AS until_at,
           CASE WHEN r.step = 2 AND one.after_at <= v_now - n.after THEN one.after_message ELSE 9223372036854775807 END AS until_message
    INTO v_pass
    FROM hersys.slots_open(v_now) AS o
    JOIN hersys.reminder_pass r ON r.slot_id = o.slot_id AND r.day = o.day
    JOIN (VALUES (1, interval '2 hours'), (2, interval '6 hours')) AS n (step, after) ON n.step = r.step
    JOIN hersys.reminder_pass one ON one.slot_id = o.slot_id AND one.day = o.day AND one.step = 1
    JOIN hersys.slot s ON s.id = r.slot_id JOIN hersys.centre c ON c.id = s.centre_id
    WHERE EXISTS (SELECT FROM hersys.reminder m
                  WHERE m.slot_id = r.slot_id AND m.day = r.day AND m.step = 0 AND (m.goes_at, m.message_id) > (r.after_at, r.after_message)
                    AND m.goes_at <= v_now - n.after AND (r.step = 1 OR (m.goes_at, m.message_id) <= (one.after_at, one.after_message)) OFFSET 0)
    ORDER BY (r.day + s.due_at) AT TIME ZONE c.time_zone, r.slot_id, r.step LIMIT 1
    FOR UPDATE OF r SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT s.* INTO v_slot FROM hersys.slot s WHERE s.id = v_pass.slot_id;
    SELECT c.* INTO v_centre FROM hersys.centre c WHERE c.id = v_slot.centre_id;

    -- When each of the next reminders left us: null while it has not.
    WITH next AS MATERIALIZED (
        SELECT DISTINCT m.goes_at, m.message_id FROM hersys.reminder m
        WHERE m.slot_id = v_pass.slot_id AND m.day = v_pass.day AND m.step = 0
          AND (m.goes_at, m.message_id) > (v_pass.after_at, v_pass.after_message)
          AND (m.goes_at, m.message_id) <= (v_pass.until_at, v_pass.until_message)
        ORDER BY m.goes_at, m.message_id LIMIT greatest(coalesce(p_limit, 5000), 1)
    )
    SELECT array_agg(n.message_id ORDER BY n.goes_at, n.message_id),
           array_agg(CASE WHEN NOT EXISTS (SELECT FROM hersys.outbox w WHERE w.id = n.message_id OFFSET 0) THEN greatest(n.goes_at, h.finished_at) END
                     ORDER BY n.goes_at, n.message_id),
           max(n.goes_at), (array_agg(n.message_id ORDER BY n.goes_at DESC, n.message_id DESC))[1]
    INTO v_messages, v_left, v_last_at, v_last_message
    FROM next n
    LEFT JOIN LATERAL (SELECT f.finished_at FROM hersys.outbox_history f
                       WHERE f.id = n.message_id AND f.finished_on BETWEEN v_pass.day - 1 AND v_pass.day + 2 LIMIT 1) AS h ON true;

    -- Whose first nudge is too early comes again when it is time.
    UPDATE hersys.reminder r SET goes_at = coalesce(l.at, v_now)
    FROM unnest(v_messages, v_left) AS l (id, at)
    WHERE v_pass.step = 1 AND r.message_id = l.id AND (l.at IS NULL OR l.at > v_now - v_pass.after);

    SELECT array_agg(q.patient_id) FILTER (WHERE NOT q.quiet), array_agg(q.goes_at) FILTER (WHERE NOT q.quiet), array_agg(q.patient_id) FILTER (WHERE q.quiet)
    INTO v_patients, v_goes_at, v_quiet
    FROM (SELECT d.patient_id, d.goes_at,
                 hersys.quiet_release(v_centre, d.moment) > d.moment OR hersys.quiet_release(v_centre, d.goes_at) > d.goes_at AS quiet
          FROM (SELECT r.patient_id, l.at + v_pass.after AS moment,
                       greatest(v_now, l.at + v_pass.after,
                                (SELECT b.goes_at + interval '2 hours' FROM hersys.reminder b
                                 WHERE b.patient_id = r.patient_id AND b.day = r.day AND b.slot_id = r.slot_id AND b.step = 1 AND v_pass.step = 2)) AS goes_at
                FROM unnest(v_messages, v_left) AS l (id, at)
                -- By the message, whatever the planner believes of a table that has just grown.
                CROSS JOIN LATERAL (SELECT m.patient_id, m.day, m.slot_id FROM hersys.reminder m WHERE m.message_id = l.id OFFSET 0) AS r
                WHERE l.at IS NOT NULL AND (v_pass.step = 2 OR l.at <= v_now - v_pass.after)) AS d) AS q;
    IF v_patients IS NOT NULL THEN
        v_queued := hersys.step_queue(v_slot, v_centre, v_pass.day, v_pass.step, v_patients, v_goes_at);
    END IF;
    IF v_quiet IS NOT NULL THEN
        PERFORM hersys.silent_list(v_slot.id, v_pass.day, v_quiet);
    END IF;
    UPDATE hersys.reminder_pass r SET after_at = v_last_at, after_message = v_last_message
    WHERE r.slot_id = v_pass.slot_id AND r.day = v_pass.day AND r.step = v_pass.step;
    RETURN v_queued;
END
$$;

-- ------------------------------------------------------------------ the call list

-- The slots whose report was due within the last day and a half, and the instant at which it was: as long a daemon may be away. Internal.
CREATE FUNCTION hersys.slots_over(p_now timestamptz) RETURNS TABLE (slot_id bigint, day date, due timestamptz)
LANGUAGE sql STABLE
AS $$
    SELECT s.id, d.day, d.due
    FROM hersys.slot s
    JOIN hersys.centre c ON c.id = s.centre_id
    CROSS JOIN LATERAL (SELECT a.day, (a.day + s.due_at) AT TIME ZONE c.time_zone AS due
                        FROM (SELECT (p_now AT TIME ZONE c.time_zone)::date - n AS day FROM generate_series(0, 2) AS n) AS a) AS d
    WHERE d.due <= p_now AND d.due > p_now - interval '36 hours' AND d.due > s.created_at
$$;

-- Tells a centre by e-mail that its call list is not empty, once a day; its first contact, or the centre's own address. Internal.
CREATE FUNCTION hersys.call_list_tell(p_centre hersys.centre, p_day date) RETURNS void
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_email text := coalesce((SELECT k.email::text FROM hersys.contact k WHERE k.centre_id = p_centre.id ORDER BY k.place LIMIT 1), p_centre.email::text);
    v_count bigint := (SELECT count(DISTINCT t.patient_id) FROM hersys.call_task t WHERE t.centre_id = p_centre.id AND t.closed_at IS NULL);
BEGIN
    IF v_email IS NOT NULL AND v_count > 0 THEN
        PERFORM hersys.outbox_enqueue('call_list', p_centre.language,
                                      jsonb_build_object('centre', p_centre.short_name, 'day', to_char(p_day, 'YYYY-MM-DD'), 'count', v_count::text),
                                      'email', v_email, format('calls:%s:%s', p_centre.id, to_char(p_day, 'YYYY-MM-DD')), p_centre.id, NULL);
        PERFORM hersys.outbox_wake();
    END IF;
END
$$;

/*
 * When the report of a slot was due: puts those on the call list who were monitored and have not reported, up to p_limit telephones a call;
 * how many, null when nothing is left to do. Who is monitored beyond the last day is there until the centre has decided. After the day's
 * last slot the centre is told. Five minutes later it looks once more for those whose report was being stored meanwhile.
 */
CREATE FUNCTION hersys.calls_due(p_limit integer DEFAULT 5000) RETURNS integer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v_now timestamptz := hersys.clock_now();
    v_pass hersys.reminder_pass;
    v_slot hersys.slot;
    v_centre hersys.centre;
    v_since timestamptz;
    v_until timestamptz;
    v_chunk record;
    v_listed integer;
BEGIN
    INSERT INTO hersys.reminder_pass (slot_id, day, step)
    SELECT o.slot_id, o.day, 3 FROM hersys.slots_over(v_now) AS o
    ORDER BY 1, 2
    ON CONFLICT DO NOTHING;

    SELECT r.* INTO v_pass
    FROM hersys.slots_over(v_now) AS o
    JOIN hersys.reminder_pass r ON r.slot_id = o.slot_id AND r.day = o.day AND r.step = 3
    WHERE r.completed_at IS NULL OR r.completed_at <= v_now - interval '5 minutes'
    ORDER BY o.due, r.slot_id LIMIT 1
    FOR UPDATE OF r SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT s.* INTO v_slot FROM hersys.slot s WHERE s.id = v_pass.slot_id;
    SELECT c.* INTO v_centre FROM hersys.centre c WHERE c.id = v_slot.centre_id;
    IF v_pass.completed_at IS NOT NULL THEN
        SELECT w.since, w.until INTO v_since, v_until FROM hersys.slot_window(v_slot.id, v_pass.day) AS w;
        UPDATE hersys.call_task t SET closed_at = v_now, closed_by = 'report'
        WHERE t.centre_id = v_centre.id AND t.closed_at IS NULL AND t.reason = 'silent' AND t.raised_at >= v_until
          -- No transaction that the list has not seen is older; a report that it has seen was of another slot.
          AND EXISTS (SELECT FROM hersys.reports_within(t.patient_id, greatest(v_since, t.raised_at - interval '10 minutes'), v_now) OFFSET 0);
        UPDATE hersys.reminder_pass r SET completed_at = 'infinity'
        WHERE r.slot_id = v_pass.slot_id AND r.day = v_pass.day AND r.step = 3;
        RETURN 0;
    END IF;

    SELECT k.* INTO v_chunk
    FROM hersys.pass_chunk(v_centre.id, NULL, greatest(coalesce(p_limit, 5000), 1), v_pass.after_phone, v_pass.after_patient) AS k;
    v_listed := hersys.silent_list(v_slot.id, v_pass.day, v_chunk.patient_ids);
    INSERT INTO hersys.call_task (centre_id, patient_id, reason, raised_at)
    SELECT p.centre_id, p.id, 'end_of_monitoring', v_now FROM hersys.patient p
    WHERE p.id = ANY (v_chunk.patient_ids) AND p.ended_at IS NULL AND p.end_held_at IS NOT NULL
    ORDER BY p.id
    ON CONFLICT DO NOTHING;
    UPDATE hersys.reminder_pass r
    SET after_phone = v_chunk.after_phone, after_patient = v_chunk.after_patient, completed_at = CASE WHEN v_chunk.is_last THEN v_now END
    WHERE r.slot_id = v_pass.slot_id AND r.day = v_pass.day AND r.step = 3;
    IF v_chunk.is_last AND v_slot.due_at = (SELECT max(s.due_at) FROM hersys.slot s WHERE s.centre_id = v_centre.id) THEN
        PERFORM hersys.call_list_tell(v_centre, v_pass.day);
    END IF;
    RETURN v_listed;
END
$$;

-- ------------------------------------------------------------------ the end of monitoring

/*
 * On the day after the last one, when the centre's quiet hours are over (8:00 where it has none), ends the monitoring of up to p_limit patients
 * who are well, and tells them; of whom it is not sure, the centre decides: they are monitored on. How many were ended; null when nobody is left
 * to look at. Locks the patients, skips those that are locked.
 */
CREATE FUNCTION hersys.monitoring_end(p_limit integer DEFAULT 500) RETURNS integer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v_now timestamptz := hersys.clock_now();
    v_prefixes text[] := (SELECT array_agg(d.prefix) FROM hersys.sms_destination d);
    v_ids bigint[];
    v_well bigint[];
BEGIN
    -- The last days beforehand: a value of the other side, not a sum with time zones, is what the index is asked for beside row-level security.
    WITH over AS MATERIALIZED (
        SELECT c.id, (v_now AT TIME ZONE c.time_zone - CASE WHEN c.quiet_from = c.quiet_until THEN time '08:00' ELSE c.quiet_until END)::date - 1 AS last_day
        FROM hersys.centre c
    )
    SELECT array_agg(l.id) INTO v_ids
    FROM (SELECT p.id
          FROM over o JOIN hersys.patient p ON p.centre_id = o.id AND p.monitoring_until <= o.last_day
          WHERE p.ended_at IS NULL AND p.end_held_at IS NULL
          LIMIT greatest(coalesce(p_limit, 500), 1)
          FOR NO KEY UPDATE OF p SKIP LOCKED) AS l;
    IF v_ids IS NULL THEN
        RETURN NULL;
    END IF;
    v_well := ARRAY(
        SELECT p.id FROM hersys.patient p
        JOIN hersys.centre c ON c.id = p.centre_id
        CROSS JOIN LATERAL hersys.reach_of(p.phone, p.email, v_prefixes) AS h
        WHERE p.id = ANY (v_ids) AND h.reach <> 'held'
          AND NOT EXISTS (SELECT FROM hersys.alert a WHERE a.patient_id = p.id AND a.closed_at IS NULL OFFSET 0)
          -- What came from the patient's telephone without saying whom it was about.
          -- By the messages: the planner would go through all open alerts of the centre, for each patient.
          AND NOT EXISTS (SELECT FROM hersys.inbound i
                          CROSS JOIN LATERAL (SELECT b.centre_id, b.patient_id, b.closed_at FROM hersys.alert b WHERE b.inbound_id = i.id OFFSET 0) AS a
                          WHERE i.sender = p.phone AND a.centre_id = p.centre_id AND a.patient_id IS NULL AND a.closed_at IS NULL OFFSET 0)
          AND NOT EXISTS (SELECT FROM hersys.call_task t
                          WHERE t.patient_id = p.id AND t.closed_at IS NULL AND t.reason IN ('stopped', 'carrier_opt_out', 'wrong_number') OFFSET 0)
          AND NOT EXISTS (SELECT FROM hersys.status_report r
                          WHERE r.patient_id = p.id AND r.reported_at > v_now - interval '72 hours'
                            AND r.superseded_by IS NULL AND r.withdrawn_at IS NULL
                            AND (r.spo2 <= 95 OR r.temperature_c >= 37.5 OR r.symptoms OR r.red_flag) OFFSET 0)
          -- Silence is not health: a report in each of the last three times 24 hours, as far as there was monitoring.
          AND NOT EXISTS (SELECT FROM generate_series(1, 3) AS n
                          WHERE v_now - n * interval '24 hours' >= p.monitoring_from::timestamp AT TIME ZONE c.time_zone
                            AND NOT EXISTS (SELECT FROM hersys.reports_within(p.id, v_now - n * interval '24 hours',
                                                                              v_now - (n - 1) * interval '24 hours') OFFSET 0) OFFSET 0));
    PERFORM hersys.outbox_enqueue(
                'monitoring_ended', p.language,
                jsonb_build_object('centre', c.short_name, 'centre_phone', c.phone)
                || CASE WHEN cardinality(f.members) > 1
                        THEN jsonb_strip_nulls(jsonb_build_object('member', k.label ->> 'number', 'name', k.label ->> 'name')) ELSE '{}' END,
                h.reach, CASE h.reach WHEN 'sms' THEN p.phone::text ELSE p.email::text END,
                format('ended:%s:%s', p.id, to_char(p.monitoring_until, 'YYYY-MM-DD')), p.centre_id, p.id)
    FROM hersys.patient p
    JOIN hersys.centre c ON c.id = p.centre_id
    LEFT JOIN hersys.phone f ON f.number = p.phone
    CROSS JOIN LATERAL hersys.reach_of(p.phone, p.email, v_prefixes) AS h
    CROSS JOIN LATERAL hersys.member_label(p) AS k (label)
    WHERE p.id = ANY (v_well) AND h.reach IN ('sms', 'email');
    UPDATE hersys.patient p SET ended_at = v_now WHERE p.id = ANY (v_well);
    UPDATE hersys.patient p SET end_held_at = v_now WHERE p.id = ANY (v_ids) AND p.ended_at IS NULL;
    IF cardinality(v_well) > 0 THEN
        PERFORM hersys.outbox_wake();
    END IF;
    RETURN cardinality(v_well);
END
$$;

-- ------------------------------------------------------------------ the call list, read out

/*
 * Whom to call: patients with an open task, those first whose last SpO2 of the past 72 hours is 95 % or less, the lowest first; then the
 * oldest. A page begins after the place that a patient has now, also one who is off the list by then.
 */
CREATE FUNCTION hersys.v1_calls_list(p_caller hersys.caller, p_after bigint, p_limit integer) RETURNS hersys.reply
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
    v_now timestamptz := hersys.clock_now();
    v_patients jsonb;
    v_last bigint;
    v_more boolean;
BEGIN
    IF v_after > 0 AND NOT EXISTS (SELECT FROM hersys.patient p WHERE p.id = v_after AND p.centre_id = v_call.centre_id) THEN
        PERFORM hersys.value_refuse('/after', 'this is no cursor');
    END IF;
    WITH listed AS MATERIALIZED (
        SELECT t.patient_id,
               jsonb_agg(jsonb_build_object('id', t.id, 'reason', t.reason, 'raised_at', hersys.api_time(t.raised_at)) ORDER BY t.id) AS reasons
        FROM hersys.call_task t WHERE t.centre_id = v_call.centre_id AND t.closed_at IS NULL GROUP BY t.patient_id
    ), placed AS MATERIALIZED (
        SELECT p.id, l.reasons, p.phone_confirmed_at, p.date_of_birth,
               coalesce((SELECT CASE WHEN s.spo2 <= 95 THEN s.spo2 END
                         FROM (SELECT r.spo2 FROM hersys.status_report r
                               WHERE r.patient_id = p.id AND r.reported_at > v_now - interval '72 hours' AND r.spo2 IS NOT NULL
                                 AND r.superseded_by IS NULL AND r.withdrawn_at IS NULL
                               ORDER BY r.reported_at DESC, r.id DESC LIMIT 1) AS s), 101) AS spo2
        FROM hersys.patient p LEFT JOIN listed l ON l.patient_id = p.id
        WHERE p.id = ANY (ARRAY(SELECT q.patient_id FROM listed q) || v_after) AND p.centre_id = v_call.centre_id
    ), page AS MATERIALIZED (
        SELECT s.*, row_number() OVER (ORDER BY s.spo2, s.date_of_birth, s.id) AS place FROM placed s
        WHERE s.reasons IS NOT NULL
          AND (v_after = 0 OR (s.spo2, s.date_of_birth, s.id) > (SELECT a.spo2, a.date_of_birth, a.id FROM placed a WHERE a.id = v_after))
        ORDER BY place LIMIT v_limit + 1
    )
    SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'patient', s.id, 'reasons', s.reasons, 'last_report_at', hersys.api_time(last.at),
                        'phone_confirmed', s.phone_confirmed_at IS NOT NULL) ORDER BY s.place), '[]'),
           (array_agg(s.id ORDER BY s.place DESC))[1], (SELECT count(*) FROM page) > v_limit
    INTO v_patients, v_last, v_more
    FROM page s
    LEFT JOIN LATERAL (SELECT r.reported_at AS at FROM hersys.status_report r
                       WHERE r.patient_id = s.id AND r.superseded_by IS NULL AND r.withdrawn_at IS NULL
                       ORDER BY r.reported_at DESC LIMIT 1) AS last ON true
    WHERE s.place <= v_limit;
    PERFORM hersys.audit_note(v_call.actor, 'calls_list', 'centre', v_call.centre_id, v_call.centre_id);
    RETURN ROW(200, jsonb_build_object('calls', v_patients, 'next', CASE WHEN v_more THEN v_last END))::hersys.reply;
END
$$;

-- Closes one task of the caller's centre; one that is closed already stays as it is.
CREATE FUNCTION hersys.v1_call_close(p_caller hersys.caller, p_id bigint) RETURNS hersys.reply
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_call hersys.api_call := hersys.call_begin(p_caller, 'alerts', 'call_close ' || p_id);
    v_task hersys.call_task;
BEGIN
    IF v_call.reply IS NOT NULL THEN
        RETURN v_call.reply;
    END IF;
    SELECT t.* INTO v_task FROM hersys.call_task t WHERE t.id = p_id AND t.centre_id = v_call.centre_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no call %', p_id USING ERRCODE = 'HS002';
    END IF;
    IF v_task.closed_at IS NULL THEN
        UPDATE hersys.call_task t SET closed_at = hersys.clock_now(), closed_by = v_call.actor WHERE t.id = p_id RETURNING t.* INTO v_task;
        PERFORM hersys.audit_note(v_call.actor, 'call_close', 'call', p_id, v_call.centre_id);
    END IF;
    RETURN hersys.call_end(p_caller, v_call, 200, jsonb_build_object(
        'id', v_task.id, 'patient', v_task.patient_id, 'reason', v_task.reason, 'raised_at', hersys.api_time(v_task.raised_at),
        'closed_at', hersys.api_time(v_task.closed_at), 'closed_by', v_task.closed_by));
END
$$;

GRANT EXECUTE ON FUNCTION
    hersys.nudge_due(integer),
    hersys.calls_due(integer),
    hersys.monitoring_end(integer),
    hersys.v1_calls_list(hersys.caller, bigint, integer),
    hersys.v1_call_close(hersys.caller, bigint) TO hersys_gateway;
CALL hersys.settle_rights();
