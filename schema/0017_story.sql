-- 0017_story.sql - why: what happened around a patient, for the operator.

SET LOCAL ROLE hersys_owner;

CREATE INDEX send_request_by_patient ON hersys.send_request (patient_id);

-- Why nothing was sent to a patient at a moment, as far as it is still known: a suppression's reason, 'quarantined', 'no_sms_no_email'; null
-- where nothing spoke against it. Internal.
CREATE FUNCTION hersys.story_objection(p hersys.patient, p_at timestamptz) RETURNS text
LANGUAGE sql STABLE
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
    SELECT coalesce(
        (SELECT 'quarantined' FROM hersys.phone f WHERE f.number = p.phone AND f.quarantined_at <= p_at),
        (SELECT s.reason FROM hersys.suppression s
         WHERE s.channel = 'sms' AND s.address = p.phone AND s.since <= p_at AND (s.ended_at IS NULL OR s.ended_at > p_at)
           AND s.reason NOT IN ('carrier_opt_out', 'dead_number')
         ORDER BY s.id DESC LIMIT 1),
        (SELECT 'no_sms_no_email'
         WHERE hersys.patient_mailbox(p) IS NULL
           AND (p.phone IS NULL OR NOT hersys.sms_allowed(p.phone)
                OR EXISTS (SELECT FROM hersys.phone f WHERE f.number = p.phone AND f.unreachable_at <= p_at)
                OR EXISTS (SELECT FROM hersys.suppression s
                           WHERE s.channel = 'sms' AND s.address = p.phone AND s.since <= p_at AND (s.ended_at IS NULL OR s.ended_at > p_at)))))
$$;

-- The reminders of a patient, a row for each slot, day and step: what went out, or why nothing did. Of steps that are still to come, and of
-- nudges that nothing explains, there is none. Internal.
CREATE FUNCTION hersys.story_reminders(p hersys.patient) RETURNS TABLE (at timestamptz, what text, id bigint, detail jsonb)
LANGUAGE sql STABLE
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
    WITH slots AS (
        SELECT s.id AS slot_id, d.day::date AS day, to_char(s.due_at, 'HH24:MI') AS due, w.since, w.until, c AS centre,
               (d.day::date + s.remind_at) AT TIME ZONE c.time_zone AS remind_at
        FROM hersys.centre c JOIN hersys.slot s ON s.centre_id = c.id
        CROSS JOIN LATERAL generate_series(
            greatest(p.monitoring_from, (p.created_at AT TIME ZONE c.time_zone)::date, (hersys.clock_now() AT TIME ZONE c.time_zone)::date - 30)::timestamp,
            least(CASE WHEN p.end_held_at IS NULL THEN p.monitoring_until ELSE 'infinity' END,
                  (hersys.clock_now() AT TIME ZONE c.time_zone)::date)::timestamp,
            interval '1 day') AS d (day)
        CROSS JOIN LATERAL hersys.slot_window(s.id, d.day::date) AS w
        WHERE c.id = p.centre_id
    ), steps AS (
        SELECT s.*, n.step, r.message_id, r.goes_at,
               CASE n.step WHEN 0 THEN s.remind_at ELSE first.goes_at + CASE n.step WHEN 1 THEN interval '2 hours' ELSE interval '6 hours' END END AS planned_at
        FROM slots s CROSS JOIN generate_series(0, 2) AS n (step)
        LEFT JOIN hersys.reminder r ON r.patient_id = p.id AND r.day = s.day AND r.slot_id = s.slot_id AND r.step = n.step
        LEFT JOIN hersys.reminder first ON first.patient_id = p.id AND first.day = s.day AND first.slot_id = s.slot_id AND first.step = 0
    ), told AS (
        SELECT s.*, CASE
            WHEN s.message_id IS NOT NULL THEN NULL
            WHEN EXISTS (SELECT FROM hersys.reports_within(p.id, s.since, s.until) AS w JOIN hersys.status_report q ON q.id = w.id
                         WHERE q.reported_at <= greatest(s.planned_at, CASE s.step WHEN 0 THEN s.until END)) THEN 'reported'
            WHEN hersys.story_objection(p, s.planned_at) IS NOT NULL THEN hersys.story_objection(p, s.planned_at)
            WHEN hersys.quiet_release(s.centre, s.planned_at) > s.planned_at THEN 'quiet_hours'
            WHEN s.step = 0 AND NOT EXISTS (SELECT FROM hersys.reminder_pass r WHERE r.slot_id = s.slot_id AND r.day = s.day) THEN 'nobody_ran'
            WHEN s.step = 0 THEN 'not_known'
        END AS why
        FROM steps s
        WHERE s.message_id IS NOT NULL
           OR s.planned_at <= hersys.clock_now() AND s.until > p.created_at AND (p.ended_at IS NULL OR p.ended_at > s.planned_at)
    )
    SELECT coalesce(t.goes_at, t.planned_at),
           CASE WHEN t.message_id IS NULL THEN 'no_' ELSE '' END || CASE t.step WHEN 0 THEN 'reminder' ELSE 'nudge' END,
           t.message_id,
           jsonb_build_object('day', t.day, 'due', t.due, 'slot', t.slot_id, 'step', t.step, 'why', t.why)
    FROM told t WHERE t.message_id IS NOT NULL OR t.why IS NOT NULL
$$;

/*
 * What happened around a patient, in the order of time: monitoring, links, messages out and in, reports, alerts, reminders and why there was
 * none, calls. Ids, states and words of ours, nothing personal: no name, no number, no text, no value. Messages of a telephone that is shared
 * belong to the story of each who has it. Noted in the audit trail. HS002.
 */
CREATE FUNCTION hersys.patient_story(p_patient_id bigint, p_actor text) RETURNS TABLE (at timestamptz, what text, id bigint, detail jsonb)
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET jit = off
SECURITY DEFINER
AS $$
#variable_conflict use_column
DECLARE
    p hersys.patient;
    v_zone text;
    v_phone_since timestamptz;
    v_inbound bigint[];
    v_messages bigint[];
BEGIN
    SELECT q.* INTO p FROM hersys.patient q WHERE q.id = p_patient_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no patient %', p_patient_id USING ERRCODE = 'HS002';
    END IF;
    PERFORM hersys.audit_note(p_actor, 'why', 'patient', p.id, p.centre_id);
    v_zone := (SELECT c.time_zone FROM hersys.centre c WHERE c.id = p.centre_id);
    v_phone_since := greatest(p.created_at, (SELECT max(h.until) FROM hersys.phone_history h WHERE h.patient_id = p.id));
    v_inbound := ARRAY(
        SELECT i.id FROM hersys.inbound i WHERE i.sender = p.phone AND i.received_at >= v_phone_since
        UNION
        SELECT i.id FROM hersys.phone_history h JOIN hersys.inbound i ON i.sender = h.phone
        WHERE h.patient_id = p.id AND i.received_at BETWEEN p.created_at AND h.until
        UNION
        SELECT r.inbound_id FROM hersys.status_report r WHERE r.patient_id = p.id AND r.inbound_id IS NOT NULL);
    v_messages := ARRAY(
        SELECT o.id FROM hersys.outbox o WHERE o.patient_id = p.id
        UNION SELECT h.id FROM hersys.outbox_history h WHERE h.patient_id = p.id
        UNION SELECT r.message_id FROM hersys.reminder r WHERE r.patient_id = p.id
        UNION SELECT d.message_id FROM hersys.outbox_dedupe d WHERE d.key = ANY (ARRAY(SELECT 'answer:' || i FROM unnest(v_inbound) AS i)));
    RETURN QUERY
        WITH message AS MATERIALIZED (
            SELECT o.id, o.kind, o.channel, o.state, o.attempts, o.error, o.link_id, o.created_at, NULL::timestamptz AS finished_at, o.not_before
            FROM hersys.outbox o WHERE o.id = ANY (v_messages)
            UNION ALL
            SELECT h.id, h.kind, h.channel, h.state, h.attempts, h.error, h.link_id, h.created_at, h.finished_at, NULL
            FROM hersys.outbox_history h WHERE h.id = ANY (v_messages)
        ), alerted AS MATERIALIZED (
            SELECT a.* FROM hersys.alert a WHERE a.patient_id = p.id
            UNION
            SELECT a.* FROM hersys.alert a WHERE a.patient_id IS NULL AND a.centre_id = p.centre_id AND a.inbound_id = ANY (v_inbound)
        ), event (at, what, id, detail) AS (
            SELECT p.created_at, 'registered', p.id, jsonb_build_object('centre', p.centre_id)
            UNION ALL SELECT p.phone_confirmed_at, 'phone_confirmed', p.id, '{}' WHERE p.phone_confirmed_at IS NOT NULL
            UNION ALL SELECT h.until, 'phone_changed', p.id, '{}' FROM hersys.phone_history h WHERE h.patient_id = p.id
            UNION ALL SELECT p.monitoring_from::timestamp AT TIME ZONE v_zone, 'monitored_from', p.id, jsonb_build_object('day', p.monitoring_from)
            UNION ALL SELECT (p.monitoring_until + 1)::timestamp AT TIME ZONE v_zone, 'monitored_until', p.id, jsonb_build_object('day', p.monitoring_until)
            UNION ALL SELECT p.end_held_at, 'end_held', p.id, '{}' WHERE p.end_held_at IS NOT NULL
            UNION ALL SELECT p.ended_at, 'monitoring_ended', p.id, '{}' WHERE p.ended_at IS NOT NULL
            UNION ALL
            SELECT f.quarantined_at, 'phone_quarantined', p.id, '{}' FROM hersys.phone f WHERE f.number = p.phone AND f.quarantined_at IS NOT NULL
            UNION ALL
            SELECT f.unreachable_at, 'phone_out_of_reach', p.id, jsonb_build_object('why', f.unreachable_for)
            FROM hersys.phone f WHERE f.number = p.phone AND f.unreachable_at IS NOT NULL
            UNION ALL
            SELECT s.since, 'suppressed', p.id, jsonb_build_object('channel', s.channel, 'why', s.reason)
            FROM hersys.suppression s WHERE s.channel = 'sms' AND s.address = p.phone AND coalesce(s.ended_at, 'infinity') >= v_phone_since
                                         OR s.channel = 'email' AND s.address = p.email
            UNION ALL
            SELECT s.ended_at, 'suppression_ended', p.id, jsonb_build_object('channel', s.channel, 'why', s.reason)
            FROM hersys.suppression s WHERE s.ended_at IS NOT NULL
              AND (s.channel = 'sms' AND s.address = p.phone AND s.ended_at >= v_phone_since OR s.channel = 'email' AND s.address = p.email)
            UNION ALL
            SELECT b.created_at, 'batch', b.id,
                   jsonb_build_object('channel', b.channel, 'state', b.state, 'held_for', b.held_for, 'link', r.link_id, 'refused', r.reason)
            FROM hersys.send_request r JOIN hersys.send_batch b ON b.id = r.batch_id WHERE r.patient_id = p.id AND r.centre_id = p.centre_id
            UNION ALL
            SELECT l.created_at, 'link', l.id, jsonb_build_object('channel', l.channel, 'message', l.message_id, 'until', hersys.api_time(l.expires_at))
            FROM hersys.registration_link l WHERE l.patient_id = p.id
            UNION ALL SELECT l.consumed_at, 'link_consumed', l.id, '{}' FROM hersys.registration_link l WHERE l.patient_id = p.id AND l.consumed_at IS NOT NULL
            UNION ALL SELECT l.revoked_at, 'link_ended', l.id, '{}' FROM hersys.registration_link l WHERE l.patient_id = p.id AND l.revoked_at IS NOT NULL
            UNION ALL
            SELECT m.created_at, 'message', m.id,
                   jsonb_build_object('kind', m.kind, 'channel', m.channel, 'state', m.state, 'attempts', m.attempts, 'error', m.error,
                                      'link', m.link_id, 'waits_until', hersys.api_time(m.not_before), 'ended', hersys.api_time(m.finished_at),
                                      'mailed_as', d.message_id)
            FROM message m LEFT JOIN hersys.outbox_dedupe d ON d.key = format('fall:%s:%s', m.id, p.id)
            UNION ALL
            SELECT coalesce(r.told_at, r.created_at), 'receipt', r.message_id, jsonb_build_object('state', r.state, 'error', r.error, 'carrier', r.carrier_link)
            FROM hersys.message_part r WHERE r.message_id = ANY (v_messages) AND r.state IS NOT NULL
            UNION ALL
            SELECT i.received_at, 'received', i.id,
                   jsonb_build_object('outcome', i.outcome, 'answer', coalesce(i.answer_kind, 'none'), 'message', d.message_id,
                                      'why', CASE WHEN i.answer_kind IS NOT NULL THEN NULL
                                                  WHEN i.outcome IN ('own_text', 'failed') THEN i.outcome
                                                  WHEN NOT hersys.sms_allowed(i.sender) THEN 'no_sms_number'
                                                  ELSE 'withheld' END)
            FROM hersys.inbound i LEFT JOIN hersys.outbox_dedupe d ON d.key = 'answer:' || i.id
            WHERE i.id = ANY (v_inbound)
            UNION ALL
            SELECT r.reported_at, 'report', r.id,
                   jsonb_build_object('source', r.source, 'received', r.inbound_id, 'unconfirmed', nullif(r.unconfirmed, false),
                                      'red_flag', nullif(r.red_flag, false), 'needs_review', nullif(r.needs_review, false), 'superseded_by', r.superseded_by)
            FROM hersys.status_report r WHERE r.patient_id = p.id
            UNION ALL SELECT r.withdrawn_at, 'report_withdrawn', r.id, '{}' FROM hersys.status_report r WHERE r.patient_id = p.id AND r.withdrawn_at IS NOT NULL
            UNION ALL
            SELECT a.raised_at, 'alert', a.id,
                   jsonb_build_object('level', a.level, 'report', a.report_id, 'received', a.inbound_id, 'unconfirmed', nullif(a.unconfirmed, false))
            FROM alerted a
            UNION ALL SELECT a.told_at, 'alert_told', a.id, jsonb_build_object('times', a.told_times) FROM alerted a WHERE a.told_at IS NOT NULL
            UNION ALL SELECT a.seen_at, 'alert_seen', a.id, '{}' FROM alerted a WHERE a.seen_at IS NOT NULL
            UNION ALL SELECT a.closed_at, 'alert_closed', a.id, '{}' FROM alerted a WHERE a.closed_at IS NOT NULL
            UNION ALL SELECT s.* FROM hersys.story_reminders(p) AS s
            UNION ALL SELECT k.raised_at, 'call', k.id, jsonb_build_object('why', k.reason) FROM hersys.call_task k WHERE k.patient_id = p.id
            UNION ALL
            -- Who closed it may be a person, and is no business of this page.
            SELECT k.closed_at, 'call_closed', k.id, jsonb_build_object('by', CASE WHEN k.closed_by ~ ':' THEN 'staff' ELSE k.closed_by END)
            FROM hersys.call_task k WHERE k.patient_id = p.id AND k.closed_at IS NOT NULL
            UNION ALL SELECT hersys.clock_now(), 'now', p.id, jsonb_build_object('reach', hersys.patient_sms_reach(p))
        )
        SELECT e.at, e.what, e.id, jsonb_strip_nulls(e.detail) FROM event e
        -- What happened at one moment stands as one thing follows from the other.
        ORDER BY e.at, coalesce(array_position(ARRAY['now', '', 'alert_told', 'alert', 'report', 'received', 'registered'], e.what), 2) DESC,
                 e.id, e.what;
END
$$;
COMMENT ON FUNCTION hersys.patient_story(bigint, text) IS 'what happened around a patient, without anything personal';

GRANT EXECUTE ON FUNCTION hersys.patient_story(bigint, text) TO hersys_gateway;
CALL hersys.settle_rights();
