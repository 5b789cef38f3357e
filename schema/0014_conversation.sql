-- 0014_conversation.sql - what follows from a message: reports, and what happens around them.
--
-- A message is stored by inbound_store() and answered by inbound_follow_up(), which sees that the sender is a patient's telephone, hands
-- the message to what it is for (talk_report, or a command of talk_command), looks whether somebody is in danger, and queues one answer.

SET LOCAL ROLE hersys_owner;

-- Limits count what a telephone has sent of late, undo looks for its last report.
CREATE INDEX inbound_by_sender_time ON hersys.inbound (sender, received_at);

-- Whom the question was put to: a draft of theirs is nobody else's.
ALTER TABLE hersys.dialogue ADD COLUMN household bigint[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN hersys.dialogue.household IS
    'who had the telephone, with their member numbers: where it is another household by now, the question is not open';

-- A message and what is known of who sent it.
CREATE TYPE hersys.talk AS (
    inbound_id bigint,
    sender     text,
    message    jsonb,            -- as inbound_store() got it
    parsed     jsonb,            -- of it: what the parser says
    watched    hersys.patient[], -- whom it may report for, by member number; null where nobody
    patients   hersys.patient[], -- those, or all who have this telephone
    open       hersys.dialogue,  -- the question that is open with it
    muted      boolean           -- an answer that is not urgent will not be sent
);
-- What it is answered, and what has become of it.
CREATE TYPE hersys.talk_answer AS (
    kind      text,    -- null: nothing is answered
    params    jsonb,
    about     bigint,  -- the patient, where that is clear
    stored    boolean, -- it is a report
    level     text,    -- of the most urgent alert of its reports
    centre_id bigint   -- for which it speaks, where that is not the patient's
);

-- What a message says of a member: the number, and the name only where the number is confirmed to be that patient's. A name has 10 UCS-2
-- units there (src/flow/wording_kinds.c), of which characters beyond the basic plane take two; what parts lines is none. Internal.
CREATE OR REPLACE FUNCTION hersys.member_label(p hersys.patient) RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = hersys, pg_temp
AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'number', p.member_number::text,
        'name', CASE
            WHEN p.phone_confirmed_at IS NULL THEN NULL
            WHEN g.name !~ '[\U00010000-\U0010FFFF]' THEN left(g.name, 10)
            ELSE (SELECT left(g.name, max(n)) FROM generate_series(1, 10) AS n
                  WHERE n + length(regexp_replace(left(g.name, n), '[^\U00010000-\U0010FFFF]', '', 'g')) <= 10) END))
    FROM (SELECT translate(p.given_name, E'\u2028\u2029', '  ') AS name) AS g
$$;

-- ------------------------------------------------------------------ reports

-- What a message says of a report. Internal.
CREATE FUNCTION hersys.report_echo(r hersys.status_report, p hersys.patient, p_several boolean) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = hersys, pg_temp
AS $$
    SELECT jsonb_strip_nulls(
        CASE WHEN p_several THEN
            jsonb_build_object('member', hersys.member_label(p) ->> 'number', 'name', hersys.member_label(p) ->> 'name')
        ELSE '{}' END
        || jsonb_build_object('temperature', to_char(r.temperature_c, 'FM90.09'), 'spo2', r.spo2::text,
                              CASE WHEN r.symptoms THEN 'yes' ELSE 'no' END, true))
$$;

DROP FUNCTION hersys.inbound_store_reports(bigint, jsonb, hersys.patient[]);
/*
 * Stores drafts as reports, all of them; none where it is not clear whose one is. p_earlier: the messages from which a part of them is
 * known. Internal.
 */
CREATE FUNCTION hersys.talk_store(t hersys.talk, p_drafts jsonb, p_earlier bigint[]) RETURNS hersys.talk_answer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_whose bigint[];
    v_draft jsonb;
    v_patient hersys.patient;
    v_report hersys.status_report;
    v_level text;
    v_echo jsonb := '[]';
    v_replaced boolean := false;
    v_index integer := 0;
    v_answer hersys.talk_answer;
BEGIN
    v_answer.stored := false;
    SELECT array_agg(hersys.member_find(t.watched, d.value ->> 'member') ORDER BY d.ordinality)
    INTO v_whose FROM jsonb_array_elements(p_drafts) WITH ORDINALITY AS d;
    IF v_whose IS NULL OR array_position(v_whose, NULL) IS NOT NULL
       OR (SELECT count(DISTINCT id) FROM unnest(v_whose) AS id) < cardinality(v_whose) THEN
        RETURN v_answer;
    END IF;
    FOR v_draft IN SELECT d.value FROM jsonb_array_elements(p_drafts) WITH ORDINALITY AS d ORDER BY d.ordinality LOOP
        v_index := v_index + 1;
        SELECT w.* INTO v_patient FROM unnest(t.watched) AS w WHERE w.id = v_whose[v_index];
        INSERT INTO hersys.status_report (patient_id, centre_id, source, inbound_id, reported_at, temperature_c, spo2, symptoms,
                                          note, red_flag, needs_review, unconfirmed)
        VALUES (v_patient.id, v_patient.centre_id, 'sms', t.inbound_id, hersys.clock_now(),
                (v_draft ->> 'temperature_c')::numeric, (v_draft ->> 'spo2')::smallint, (v_draft ->> 'symptoms')::boolean,
                v_draft ->> 'note', v_draft ? 'red_flag', v_draft ? 'needs_review', v_patient.phone_confirmed_at IS NULL)
        RETURNING * INTO v_report;
        IF v_draft ? 'replaces' THEN
            -- Of the last one only: where that was taken back, or corrected by staff, the one before it was right.
            UPDATE hersys.status_report SET superseded_by = v_report.id
            WHERE superseded_by IS NULL AND withdrawn_at IS NULL
              AND id = (SELECT r.id FROM hersys.status_report r
                        JOIN hersys.inbound i ON i.id = r.inbound_id AND i.sender = t.sender
                        WHERE r.patient_id = v_patient.id AND r.id < v_report.id
                          AND r.reported_at > hersys.clock_now() - interval '24 hours'
                        ORDER BY r.reported_at DESC, r.id DESC LIMIT 1);
            v_replaced := v_replaced OR FOUND;
        END IF;
        v_level := hersys.triage_report(v_report.id, p_earlier);
        PERFORM hersys.call_end(v_patient.id, ARRAY['silent'], 'report');
        -- The answer is about the most urgent of them, the first of equals.
        IF v_answer.about IS NULL OR (v_level = 'urgent' AND v_answer.level IS DISTINCT FROM 'urgent')
           OR (v_level = 'watch' AND v_answer.level IS NULL) THEN
            v_answer.about := v_patient.id;
            v_answer.level := v_level;
        END IF;
        v_echo := v_echo || hersys.report_echo(v_report, v_patient, cardinality(t.watched) > 1);
    END LOOP;
    v_answer.stored := true;
    v_answer.kind := CASE WHEN v_answer.level = 'urgent' THEN 'report_urgent' ELSE 'report_stored' END;
    v_answer.params := jsonb_build_object('reports', v_echo);
    IF v_answer.kind = 'report_stored' THEN
        v_answer.params := v_answer.params || jsonb_build_object(
            'replaced', v_replaced,
            'needs_review', EXISTS (SELECT FROM jsonb_array_elements(p_drafts) AS d WHERE d ? 'needs_review'),
            'how_to_stop', EXISTS (SELECT FROM jsonb_array_elements(p_drafts) AS d WHERE d ? 'how_to_stop'));
    END IF;
    RETURN v_answer;
END
$$;

-- ------------------------------------------------------------------ what is missing, whose it is

/*
 * The reports that a message is, or would be with what they lack: of each its values, member and note, the flags that are set, and
 * what is missing. Null where it is none; where one of several lacks something, too, for they are taken all or not at all. Internal.
 */
CREATE FUNCTION hersys.talk_drafts(p_message jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$
    SELECT (SELECT jsonb_agg(jsonb_strip_nulls(d.draft) || f.flags ORDER BY d.place)
            FROM (SELECT r.value || '{"missing": []}' AS draft, r.ordinality AS place
                  FROM jsonb_array_elements(p_message #> '{parsed,reports}') WITH ORDINALITY AS r
                  WHERE p_message #>> '{parsed,outcome}' = 'report'
                  UNION ALL
                  SELECT coalesce(p_message #> '{parsed,partial}', '{}') || jsonb_build_object(
                             'member', p_message #> '{parsed,member}', 'note', nullif(p_message ->> 'note', ''),
                             'missing', coalesce(p_message #> '{parsed,missing}', '[]')), 1
                  WHERE p_message #>> '{parsed,outcome}' = 'incomplete' AND (p_message -> 'several') IS DISTINCT FROM 'true') AS d)
    FROM (SELECT coalesce(jsonb_object_agg(s.flag, true) FILTER (WHERE s.is_set = 'true'), '{}') AS flags
          FROM (VALUES ('red_flag', p_message #> '{parsed,red_flag}'), ('replaces', p_message #> '{parsed,replaces}'),
                       ('needs_review', coalesce(p_message #> '{parsed,needs_review}', p_message -> 'needs_review')),
                       ('how_to_stop', p_message -> 'stop_word')) AS s (flag, is_set)) AS f
$$;

-- Whether a draft adds to what is remembered, and contradicts nothing of it. Internal.
CREATE FUNCTION hersys.draft_fits(p_pending jsonb, p_draft jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE
AS $$
    SELECT coalesce(p_pending ->> 'member', p_draft ->> 'member', '') = coalesce(p_draft ->> 'member', p_pending ->> 'member', '')
       AND NOT EXISTS (SELECT FROM unnest(ARRAY['temperature_c', 'spo2', 'symptoms']) AS f WHERE p_pending ? f AND p_draft ? f)
$$;

-- Both of them. Internal.
CREATE FUNCTION hersys.draft_join(p_pending jsonb, p_draft jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$
    SELECT p_pending || p_draft || jsonb_strip_nulls(jsonb_build_object(
        'missing', (p_draft -> 'missing') - ARRAY(SELECT jsonb_object_keys(p_pending)),
        'note', nullif(left(concat_ws(' ', p_pending ->> 'note', p_draft ->> 'note'), 6000), '')))
$$;

-- Who has the telephone, and under which numbers. Internal.
CREATE FUNCTION hersys.talk_household(t hersys.talk) RETURNS bigint[]
LANGUAGE sql IMMUTABLE
AS $$
    SELECT array_agg(p.id ORDER BY p.member_number) || array_agg(p.member_number::bigint ORDER BY p.member_number) FROM unnest(t.patients) AS p
$$;

-- Remembers a question that is open with the sender. Internal.
CREATE FUNCTION hersys.talk_ask(t hersys.talk, p_question text, p_pending jsonb, p_inbound_ids bigint[], p_time interval) RETURNS void
LANGUAGE sql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
    INSERT INTO hersys.dialogue (phone, question, pending, inbound_ids, household, asked_at, expires_at)
    VALUES (t.sender, p_question, p_pending, p_inbound_ids, hersys.talk_household(t), hersys.clock_now(), hersys.clock_now() + p_time)
    ON CONFLICT (phone) DO UPDATE SET question = excluded.question, pending = excluded.pending, inbound_ids = excluded.inbound_ids,
                                      household = excluded.household, asked_at = excluded.asked_at, expires_at = excluded.expires_at
$$;

CREATE FUNCTION hersys.talk_forget(t hersys.talk) RETURNS void
LANGUAGE sql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$ DELETE FROM hersys.dialogue WHERE phone = t.sender $$;

-- What is asked for, in the words of the template. Internal.
CREATE FUNCTION hersys.missing_params(p_missing jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$
    SELECT coalesce(jsonb_object_agg(CASE m WHEN 'temperature_c' THEN 'missing_temperature' ELSE 'missing_' || m END, true), '{}')
    FROM jsonb_array_elements_text(p_missing) AS m
$$;

DROP FUNCTION hersys.answer_for(text), hersys.answer_params(jsonb);
/*
 * What becomes of a message that is no draft of a report: it is asked about, with the number of the member who was named, in a household. Nothing
 * of it is remembered: of several reports of which one lacks something, all are asked for again.
 * Internal.
 */
CREATE FUNCTION hersys.talk_no_report(t hersys.talk) RETURNS hersys.talk_answer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
AS $$
DECLARE
    v_answer hersys.talk_answer;
BEGIN
    v_answer.stored := false;
    v_answer.about := hersys.member_find(t.watched, t.parsed ->> 'member');
    SELECT k.kind, k.params INTO v_answer.kind, v_answer.params
    FROM (VALUES
        ('incomplete',   'incomplete',     hersys.missing_params(coalesce(t.parsed -> 'missing', '[]')) || '{"again": true}'),
        ('out_of_range', 'out_of_range',   jsonb_build_object(CASE t.parsed ->> 'field' WHEN 'temperature_c' THEN 'temperature' ELSE 'spo2' END,
                                                              true, 'value', left(t.parsed ->> 'value', 16))),
        ('ambiguous',    'ambiguous',      '{}'),
        ('conflict',     'ambiguous',      '{"conflict": true}'),
        ('unrecognised', 'not_understood', '{}'),
        ('empty',        'not_understood', '{}')) AS k (outcome, kind, params)
    WHERE k.outcome = t.parsed ->> 'outcome';
    IF v_answer.kind <> 'not_understood' AND cardinality(t.watched) > 1 AND t.parsed ? 'member' THEN
        v_answer.params := v_answer.params || coalesce(
            (SELECT jsonb_build_object('member', w.member_number::text) FROM unnest(t.watched) AS w WHERE w.id = v_answer.about), '{}');
    END IF;
    RETURN v_answer;
END
$$;

-- Asks whose report it is. Internal.
CREATE FUNCTION hersys.talk_which_member(t hersys.talk, p_again boolean) RETURNS hersys.talk_answer
LANGUAGE sql STABLE
SET search_path = hersys, pg_temp
AS $$
    SELECT 'which_member'::text,
           jsonb_build_object('again', p_again, 'members', (SELECT jsonb_agg(hersys.member_label(w) ORDER BY w.member_number) FROM unnest(t.watched) AS w)),
           NULL::bigint, false, NULL::text, NULL::bigint
$$;

-- Whether a carrier may have brought a message twice, under two names: the same text within half an hour, and a report since the first. What
-- it says was recorded then, and must not be a part of the next report, too. Internal.
CREATE FUNCTION hersys.talk_is_copy(t hersys.talk) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SECURITY DEFINER
AS $$
    SELECT EXISTS (
        SELECT FROM hersys.inbound e JOIN hersys.inbound m ON m.id = t.inbound_id AND m.raw = e.raw
        WHERE e.sender = t.sender AND e.id < t.inbound_id AND e.received_at > hersys.clock_now() - interval '30 minutes'
          AND EXISTS (SELECT FROM hersys.inbound l JOIN hersys.status_report r ON r.inbound_id = l.id
                      WHERE l.sender = t.sender AND l.id >= e.id AND l.received_at > hersys.clock_now() - interval '30 minutes'))
$$;

/*
 * A message that is no command, of a telephone of watched patients: a report, a part of one, the answer to what was asked of one, or
 * nothing of the kind. Internal.
 */
CREATE FUNCTION hersys.talk_report(t hersys.talk) RETURNS hersys.talk_answer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_drafts jsonb := hersys.talk_drafts(t.message);
    v_draft jsonb := CASE WHEN jsonb_array_length(v_drafts) = 1 THEN v_drafts -> 0 END;
    v_nobody boolean;
    v_whose hersys.patient;
    v_earlier bigint[] := '{}';
    v_answer hersys.talk_answer;
BEGIN
    -- While it is asked whose report it is, a name alone is an answer.
    IF (t.open).question = 'member' AND t.parsed ->> 'outcome' = 'unrecognised' AND NOT t.parsed ? 'red_flag' AND t.message ->> 'name' <> '' THEN
        v_draft := jsonb_build_object('member', t.message -> 'name', 'missing', (t.open).pending -> 'missing');
    ELSIF v_drafts IS NULL AND t.parsed ->> 'outcome' <> 'report' THEN
        RETURN hersys.talk_no_report(t);
    ELSIF v_draft IS NULL THEN
        v_answer := hersys.talk_store(t, coalesce(v_drafts, '[]'), '{}');
        RETURN CASE WHEN v_answer.stored THEN v_answer ELSE hersys.talk_which_member(t, true) END;
    END IF;

    v_nobody := v_draft ? 'member' AND hersys.member_find(t.watched, v_draft ->> 'member') IS NULL;
    IF v_nobody THEN
        v_draft := v_draft - 'member';
    ELSIF v_draft ? 'member' THEN
        v_draft := v_draft || (SELECT jsonb_build_object('member', w.member_number::text) FROM unnest(t.watched) AS w
                               WHERE w.id = hersys.member_find(t.watched, v_draft ->> 'member'));
    END IF;
    IF (t.open).pending IS NOT NULL AND hersys.draft_fits((t.open).pending, v_draft) AND NOT (v_nobody AND (t.open).pending ? 'member') THEN
        v_draft := hersys.draft_join((t.open).pending, v_draft);
        v_earlier := (t.open).inbound_ids;
    END IF;

    SELECT w.* INTO v_whose FROM unnest(t.watched) AS w WHERE w.id = hersys.member_find(t.watched, v_draft ->> 'member') AND NOT v_nobody;
    IF v_nobody OR (v_draft -> 'missing' = '[]' AND v_whose.id IS NULL) THEN
        IF v_draft ?| ARRAY['temperature_c', 'spo2', 'symptoms'] THEN
            PERFORM hersys.talk_ask(t, 'member', v_draft, v_earlier || t.inbound_id, interval '30 minutes');
            RETURN hersys.talk_which_member(t, false);
        END IF;
        RETURN hersys.talk_which_member(t, true);
    ELSIF v_draft -> 'missing' <> '[]' THEN
        IF v_earlier <> '{}' OR NOT hersys.talk_is_copy(t) THEN
            PERFORM hersys.talk_ask(t, 'missing', v_draft, v_earlier || t.inbound_id, interval '30 minutes');
        END IF;
        v_answer.stored := false;
        v_answer.kind := 'incomplete';
        v_answer.about := v_whose.id;
        v_answer.params := hersys.missing_params(v_draft -> 'missing')
            || CASE WHEN cardinality(t.watched) > 1 AND v_whose.id IS NOT NULL THEN jsonb_build_object('member', v_whose.member_number::text) ELSE '{}' END;
        RETURN v_answer;
    END IF;
    PERFORM hersys.talk_forget(t);
    RETURN hersys.talk_store(t, jsonb_build_array(v_draft), v_earlier);
END
$$;

-- ------------------------------------------------------------------ commands

-- An answer that says no more than its kind. Internal.
CREATE FUNCTION hersys.talk_say(p_kind text, p_params jsonb DEFAULT '{}', p_about bigint DEFAULT NULL) RETURNS hersys.talk_answer
LANGUAGE sql IMMUTABLE
AS $$ SELECT p_kind, p_params, p_about, false, NULL::text, NULL::bigint $$;

-- What undo takes back: the reports of the last message of this telephone that became any. Internal.
CREATE FUNCTION hersys.talk_last_reports(t hersys.talk) RETURNS SETOF hersys.status_report
LANGUAGE sql STABLE
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SECURITY DEFINER
AS $$
    WITH mine AS MATERIALIZED (
        SELECT r.* FROM hersys.inbound i CROSS JOIN LATERAL (
            SELECT s.* FROM hersys.status_report s WHERE s.inbound_id = i.id OFFSET 0) AS r
        WHERE i.sender = t.sender AND i.received_at > hersys.clock_now() - interval '24 hours'
          AND r.withdrawn_at IS NULL AND r.patient_id IN (SELECT p.id FROM hersys.patient p WHERE p.phone = t.sender)
          -- What staff has put right is staff's; it is the last one all the same, and what came before it was not meant.
          AND (r.superseded_by IS NULL OR EXISTS (SELECT FROM hersys.status_report c WHERE c.id = r.superseded_by AND c.source = 'staff'))
    )
    SELECT m.* FROM mine m WHERE m.inbound_id = (SELECT max(n.inbound_id) FROM mine n) AND m.superseded_by IS NULL ORDER BY m.id
$$;

CREATE FUNCTION hersys.talk_undo(t hersys.talk) RETURNS hersys.talk_answer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_echo jsonb;
    v_about bigint;
    v_patients bigint[];
BEGIN
    WITH undone AS (
        UPDATE hersys.status_report r SET withdrawn_at = hersys.clock_now()
        WHERE r.id = ANY (ARRAY(SELECT l.id FROM hersys.talk_last_reports(t) AS l)) RETURNING r.*
    )
    SELECT jsonb_agg(hersys.report_echo(ROW(u.*)::hersys.status_report, p, cardinality(t.patients) > 1) ORDER BY u.id),
           (array_agg(u.patient_id ORDER BY u.id))[1], array_agg(u.patient_id)
    INTO v_echo, v_about, v_patients FROM undone u JOIN hersys.patient p ON p.id = u.patient_id;
    -- Whose report was due, and who is silent without this one, is called.
    PERFORM hersys.silent_list(d.slot_id, d.day, ARRAY[p.id])
    FROM hersys.patient p
    CROSS JOIN LATERAL (SELECT o.slot_id, o.day FROM hersys.slots_over(hersys.clock_now()) AS o JOIN hersys.slot s ON s.id = o.slot_id
                        WHERE s.centre_id = p.centre_id ORDER BY o.due DESC LIMIT 1) AS d
    WHERE p.id = ANY (v_patients);
    RETURN CASE WHEN v_echo IS NULL THEN hersys.talk_say('nothing_to_undo')
                ELSE hersys.talk_say('undone', jsonb_build_object('reports', v_echo), v_about) END;
END
$$;

-- Nothing that we begin goes to this telephone any more; whether that is new. What the patient says goes before what the carrier has
-- said, for it is never got round by another way. Internal.
CREATE FUNCTION hersys.phone_stop(p_phone text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
BEGIN
    INSERT INTO hersys.suppression AS s (channel, address, reason, since) VALUES ('sms', p_phone, 'stop', hersys.clock_now())
    ON CONFLICT (channel, address) WHERE ended_at IS NULL DO UPDATE SET reason = 'stop', since = hersys.clock_now()
    WHERE s.reason IN ('carrier_opt_out', 'dead_number');
    RETURN FOUND;
END
$$;

CREATE FUNCTION hersys.phone_start(p_phone text) RETURNS void
LANGUAGE sql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
    UPDATE hersys.suppression s SET ended_at = hersys.clock_now()
    WHERE s.channel = 'sms' AND s.address = p_phone AND s.ended_at IS NULL AND s.reason IN ('stop', 'carrier_opt_out')
$$;

-- "cancel" can also mean the report that was sent last: that is asked, where it can be asked. Internal.
CREATE FUNCTION hersys.talk_stop(t hersys.talk) RETURNS hersys.talk_answer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_new boolean;
BEGIN
    IF t.message -> 'cancel' = 'true' AND NOT t.muted AND EXISTS (SELECT FROM hersys.talk_last_reports(t)) THEN
        RETURN hersys.talk_say('cancel_which');
    END IF;
    v_new := hersys.phone_stop(t.sender);
    PERFORM hersys.call_add(w.centre_id, w.id, 'stopped') FROM unnest(t.watched) AS w;
    RETURN hersys.talk_say(CASE WHEN v_new THEN 'stopped' END);
END
$$;

CREATE FUNCTION hersys.talk_start(t hersys.talk) RETURNS hersys.talk_answer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
BEGIN
    PERFORM hersys.phone_start(t.sender);
    PERFORM hersys.call_end(p.id, ARRAY['stopped', 'carrier_opt_out'], 'start') FROM unnest(t.patients) AS p;
    RETURN hersys.talk_say('started');
END
$$;

-- inbound_store() has locked the patients. One who has come to this telephone since then is left out sooner than waited for. Internal.
CREATE FUNCTION hersys.talk_language(t hersys.talk) RETURNS hersys.talk_answer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
BEGIN
    UPDATE hersys.patient p SET language = t.parsed ->> 'language'
    WHERE p.id = ANY (ARRAY(SELECT q.id FROM hersys.patient q WHERE q.id IN (SELECT u.id FROM unnest(t.patients) AS u)
                            FOR NO KEY UPDATE SKIP LOCKED));
    RETURN hersys.talk_say('language_changed');
END
$$;

-- Somebody else has this telephone. Each centre is told, and links that were sent to it open nothing any more; what is still queued for
-- it ends when it is claimed. Internal.
CREATE FUNCTION hersys.talk_wrong_number(t hersys.talk) RETURNS hersys.talk_answer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
BEGIN
    UPDATE hersys.phone
    SET quarantined_at = hersys.clock_now(),
        wrong_for = ARRAY(SELECT p.id FROM hersys.patient p WHERE p.phone = t.sender AND p.ended_at IS NULL ORDER BY p.id)
    WHERE number = t.sender;
    PERFORM hersys.talk_forget(t);
    UPDATE hersys.registration_link l SET revoked_at = hersys.clock_now()
    WHERE l.id = ANY (ARRAY(SELECT o.id FROM hersys.registration_link o
                            WHERE o.patient_id IN (SELECT p.id FROM hersys.patient p WHERE p.phone = t.sender) AND o.recipient = t.sender
                              AND o.consumed_at IS NULL AND o.revoked_at IS NULL
                            ORDER BY o.id FOR UPDATE));
    PERFORM hersys.alert_raise(c.centre_id, c.only_one, NULL, t.inbound_id, 'watch', ARRAY['wrong_number'], false)
    FROM (SELECT p.centre_id, CASE WHEN count(*) = 1 THEN min(p.id) END AS only_one
          FROM hersys.patient p WHERE p.phone = t.sender GROUP BY p.centre_id ORDER BY p.centre_id) AS c;
    PERFORM hersys.call_add(p.centre_id, p.id, 'wrong_number') FROM unnest(t.patients) AS p;
    RETURN hersys.talk_say('wrong_number');
END
$$;

-- A wrong report, or a wrong number? Who has never reported, and is not about to,
-- has no value that could be wrong. Internal.
CREATE FUNCTION hersys.talk_wrong(t hersys.talk) RETURNS hersys.talk_answer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
BEGIN
    IF (t.open).pending IS NULL
       AND NOT EXISTS (SELECT FROM hersys.inbound i JOIN hersys.status_report r ON r.inbound_id = i.id WHERE i.sender = t.sender) THEN
        RETURN hersys.talk_wrong_number(t);
    END IF;
    -- Not to be asked, it is not open: a "2" that means something else would be taken for the answer.
    IF NOT t.muted THEN
        PERFORM hersys.talk_ask(t, 'wrong', NULL, ARRAY[t.inbound_id], interval '24 hours');
    END IF;
    RETURN hersys.talk_say('wrong_which');
END
$$;

-- How a wrong value is corrected; in a household with the number of who reported last. Internal.
CREATE FUNCTION hersys.talk_correct(t hersys.talk) RETURNS hersys.talk_answer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_about hersys.patient;
BEGIN
    SELECT p.* INTO v_about FROM unnest(t.patients) AS p
    ORDER BY p.id = (SELECT min(l.patient_id) FROM hersys.talk_last_reports(t) AS l) DESC NULLS LAST, p.member_number LIMIT 1;
    RETURN hersys.talk_say('correct_how', CASE WHEN cardinality(t.patients) > 1 THEN jsonb_build_object('member', v_about.member_number::text)
                                               ELSE '{}' END, v_about.id);
END
$$;

/*
 * The code that the sender wrote was compared by the caller. Where it is right it is used up, if nobody was first. It proves that the
 * telephone got it, not whose telephone it is. Internal.
 */
CREATE FUNCTION hersys.talk_code(t hersys.talk) RETURNS hersys.talk_answer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_answer hersys.talk_answer := hersys.talk_say('code_wrong');
    v_code hersys.confirmation;
BEGIN
    IF t.message ->> 'code' IS DISTINCT FROM 'right' AND t.message ->> 'code' IS DISTINCT FROM 'wrong' THEN
        RETURN hersys.talk_say('not_understood');
    END IF;
    SELECT c.* INTO v_code FROM hersys.confirmation c
    WHERE c.id = (t.message ->> 'code_id')::bigint AND c.channel = 'sms' AND c.recipient = t.sender;
    IF v_code.centre_id IS NULL THEN
        -- To nobody whom we know: there is no centre to speak for.
        RETURN hersys.talk_say(CASE WHEN t.patients IS NOT NULL THEN 'not_understood' END);
    END IF;
    v_answer.centre_id := v_code.centre_id;
    SELECT p.id INTO v_answer.about FROM unnest(t.patients) AS p ORDER BY p.centre_id = v_code.centre_id DESC, p.member_number LIMIT 1;
    IF t.message ->> 'code' = 'right' THEN
        UPDATE hersys.confirmation c SET consumed_at = hersys.clock_now()
        WHERE c.id = v_code.id AND c.attempts > 0 AND c.consumed_at IS NULL AND c.revoked_at IS NULL AND c.expires_at > hersys.clock_now();
        IF FOUND THEN
            v_answer.kind := 'code_confirmed';
            PERFORM hersys.audit_note('sms', 'code_verify', 'code', v_code.id, v_code.centre_id);
        END IF;
    END IF;
    RETURN v_answer;
END
$$;

-- What each command does. Internal.
CREATE FUNCTION hersys.talk_command(t hersys.talk) RETURNS hersys.talk_answer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
AS $$
BEGIN
    RETURN CASE t.parsed ->> 'command'
        WHEN 'stop'         THEN hersys.talk_stop(t)
        WHEN 'start'        THEN hersys.talk_start(t)
        WHEN 'undo'         THEN hersys.talk_undo(t)
        WHEN 'wrong'        THEN hersys.talk_wrong(t)
        WHEN 'wrong_number' THEN hersys.talk_wrong_number(t)
        WHEN 'lang'         THEN hersys.talk_language(t)
        WHEN 'confirm'      THEN hersys.talk_code(t)
        ELSE hersys.talk_say('help')
    END;
END
$$;

-- The answer to "a wrong report (1), or a wrong number (2)?", where the message is one. In a household a reminder that went out since asks for
-- numbers, too: then a number is a member's. Internal.
CREATE FUNCTION hersys.talk_wrong_answered(t hersys.talk) RETURNS text
LANGUAGE sql STABLE
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
    SELECT t.parsed ->> 'member'
    WHERE (t.open).question = 'wrong' AND t.parsed ->> 'outcome' = 'incomplete' AND t.parsed -> 'partial' = '{}'
      AND t.parsed ->> 'member' IN ('1', '2') AND NOT t.parsed ? 'red_flag' AND NOT t.parsed ? 'replaces'
      AND NOT (cardinality(t.patients) > 1
               AND EXISTS (SELECT FROM hersys.reminder r
                           WHERE r.patient_id IN (SELECT p.id FROM unnest(t.patients) AS p)
                             AND r.goes_at > (t.open).asked_at AND r.goes_at <= hersys.clock_now()))
$$;

-- ------------------------------------------------------------------ limits

/*
 * Whether an answer to this message may still be sent: 'muted' where its sender got ten within the hour, or says the same again and again;
 * 'flood' above 60 messages an hour; else null. It looks at the last 60 alone. Internal.
 */
CREATE FUNCTION hersys.talk_limit(p_inbound_id bigint, p_sender text) RETURNS text
LANGUAGE sql STABLE
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SECURITY DEFINER
AS $$
    SELECT CASE WHEN count(*) >= 60 THEN 'flood'
                WHEN count(l.answer_kind) >= 10
                     OR count(*) FILTER (WHERE l.same AND l.received_at > hersys.clock_now() - interval '10 minutes') >= 4 THEN 'muted' END
    FROM (SELECT i.answer_kind, i.received_at, i.raw = m.raw AS same
          FROM hersys.inbound m CROSS JOIN LATERAL (
              SELECT o.* FROM hersys.inbound o
              WHERE o.sender = p_sender AND o.received_at > hersys.clock_now() - interval '1 hour' AND o.id <> p_inbound_id
              ORDER BY o.received_at DESC LIMIT 60) AS i
          WHERE m.id = p_inbound_id) AS l
$$;

-- ------------------------------------------------------------------ one message

-- A stranger, or a number that is not the patient's: answered once a day, again where somebody is in danger, and without a word about
-- anybody. What we begin stops for whoever asks. Internal.
CREATE FUNCTION hersys.talk_stranger(t hersys.talk, p_answered_at timestamptz) RETURNS hersys.talk_answer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_own_text boolean := coalesce((t.message ->> 'own_text')::boolean, false);
    v_danger text;
BEGIN
    IF t.parsed ->> 'outcome' <> 'command' OR v_own_text THEN
        v_danger := hersys.triage_message(t.inbound_id, coalesce(t.patients, '{}'), NULL, hersys.talk_danger(t));
    ELSIF t.parsed ->> 'command' = 'stop' THEN
        PERFORM hersys.phone_stop(t.sender);
    ELSIF t.parsed ->> 'command' = 'start' THEN
        PERFORM hersys.phone_start(t.sender);
    END IF;
    IF v_own_text OR t.muted
       OR (p_answered_at > hersys.clock_now() - interval '1 day' AND v_danger IS DISTINCT FROM 'urgent') THEN
        RETURN hersys.talk_say(NULL);
    END IF;
    UPDATE hersys.phone SET stranger_answered_at = hersys.clock_now() WHERE number = t.sender;
    RETURN hersys.talk_say('unknown_sender');
END
$$;

-- What is looked at for danger: of a text of ours that comes back only what the patient has cried beside it. Internal.
CREATE FUNCTION hersys.talk_danger(t hersys.talk) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$
    SELECT CASE WHEN t.message -> 'own_text' = 'true' THEN jsonb_build_object('red_flag', t.parsed -> 'red_flag', 'outcome', 'own_text')
                ELSE t.parsed END
$$;

-- Queues the answer, in the language and for the centre of the patient whom it is about, the first of several where that is not
-- clear. Internal.
CREATE FUNCTION hersys.talk_send(t hersys.talk, p_answer hersys.talk_answer) RETURNS void
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_about hersys.patient;
    v_centre hersys.centre;
BEGIN
    IF p_answer.kind = 'unknown_sender' THEN
        PERFORM hersys.outbox_enqueue(p_answer.kind, 'ja', '{}', 'sms', t.sender, 'answer:' || t.inbound_id, NULL, NULL);
        RETURN;
    END IF;
    -- As it is now: its language may have been changed by this very message.
    SELECT p.* INTO v_about FROM hersys.patient p WHERE p.id = coalesce(p_answer.about, (t.patients[1]).id);
    SELECT c.* INTO v_centre FROM hersys.centre c WHERE c.id = coalesce(p_answer.centre_id, v_about.centre_id);
    PERFORM hersys.outbox_enqueue(
        p_answer.kind, coalesce(v_about.language, v_centre.language),
        p_answer.params || jsonb_build_object('centre', v_centre.short_name)
        || CASE WHEN p_answer.kind IN ('report_stored', 'report_urgent', 'not_understood', 'not_watched', 'nothing_to_undo', 'wrong_number',
                                       'stopped', 'help') THEN jsonb_build_object('centre_phone', v_centre.phone) ELSE '{}' END,
        'sms', t.sender, 'answer:' || t.inbound_id, v_centre.id, v_about.id);
END
$$;

DROP FUNCTION hersys.inbound_follow_up(bigint, jsonb);
-- Does what follows from one message, which is stored already; the sender's telephone is locked by the caller. `answer_kind`: null where
-- nothing is answered; `note`: null, or what the operator has to be told. Internal.
CREATE FUNCTION hersys.inbound_follow_up(p_inbound_id bigint, p_message jsonb, OUT answer_kind text, OUT note text)
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    t hersys.talk;
    v_answer hersys.talk_answer;
    v_phone hersys.phone;
    v_open hersys.dialogue;
    v_limit text;
    v_outcome text := p_message #>> '{parsed,outcome}';
    -- A text of ours that comes back is no report and gets no answer, or two machines would talk for ever. What a patient
    -- has written beside it can still be a cry for help.
    v_own_text boolean := coalesce((p_message ->> 'own_text')::boolean, false);
    v_reachable boolean;
BEGIN
    IF (p_message ->> 'answerable')::boolean IS NOT TRUE THEN
        RETURN;
    END IF;
    t.inbound_id := p_inbound_id;
    t.sender := p_message ->> 'sender';
    t.message := p_message;
    t.parsed := p_message -> 'parsed';
    PERFORM hersys.number_reached(t.sender, 'reply');
    SELECT f.* INTO v_phone FROM hersys.phone f WHERE f.number = t.sender;
    v_limit := hersys.talk_limit(p_inbound_id, t.sender);
    IF v_limit = 'flood' AND (v_phone.flood_noted_at > hersys.clock_now() - interval '1 hour') IS NOT TRUE THEN
        UPDATE hersys.phone SET flood_noted_at = hersys.clock_now() WHERE number = t.sender;
        note := 'flood';
    END IF;
    -- Whoever writes from a number to which we send nothing is heard, and not answered: an answer can be what a fraud is after.
    v_reachable := hersys.sms_allowed(t.sender);
    t.muted := NOT v_reachable OR v_limit IS NOT NULL;
    SELECT array_agg(p ORDER BY p.member_number) INTO t.patients FROM hersys.patient p WHERE p.phone = t.sender;

    IF v_phone.quarantined_at IS NULL AND v_outcome = 'command' AND p_message ->> 'code' IN ('right', 'wrong') AND NOT v_own_text THEN
        v_answer := hersys.talk_code(t);
    ELSIF t.patients IS NULL OR v_phone.quarantined_at IS NOT NULL THEN
        v_answer := hersys.talk_stranger(t, v_phone.stranger_answered_at);
    ELSE
        SELECT array_agg(w ORDER BY w.member_number) INTO t.watched FROM hersys.phone_watched(t.sender, hersys.clock_now()) AS w;
        t.patients := coalesce(t.watched, t.patients);
        -- What was asked of another household is not answered by this one: a member may have come, gone, or got another's number.
        SELECT d.* INTO v_open FROM hersys.dialogue d
        WHERE d.phone = t.sender AND d.expires_at > hersys.clock_now() AND d.household = hersys.talk_household(t);
        t.open := v_open;
        -- What is no answer closes the question, but for what says nothing and what asks for help with it.
        IF NOT (v_own_text OR v_outcome IN ('unrecognised', 'empty')
                OR (v_outcome = 'command' AND t.parsed ->> 'command' IN ('help', 'lang'))) THEN
            PERFORM hersys.talk_forget(t);
        END IF;
        v_answer := CASE
            WHEN v_own_text THEN hersys.talk_say(NULL)
            WHEN v_outcome = 'command' THEN hersys.talk_command(t)
            WHEN hersys.talk_wrong_answered(t) = '1' THEN hersys.talk_correct(t)
            WHEN hersys.talk_wrong_answered(t) = '2' THEN hersys.talk_wrong_number(t)
            WHEN t.watched IS NULL THEN hersys.talk_say('not_watched')
            ELSE hersys.talk_report(t) END;
        -- Danger in a message that became no report is somebody's all the same: each centre that follows this number looks at it.
        IF NOT v_answer.stored AND (v_own_text OR v_outcome <> 'command') THEN
            v_answer.level := hersys.triage_message(
                p_inbound_id, t.patients, coalesce(v_answer.about, hersys.member_find(t.patients, t.parsed ->> 'member')), hersys.talk_danger(t));
            IF v_answer.level = 'urgent' AND NOT v_own_text THEN
                v_answer.kind := 'report_urgent';
                v_answer.params := '{}';
            END IF;
        END IF;
    END IF;

    IF v_answer.kind IS NULL OR NOT v_reachable OR v_limit = 'flood' OR (t.muted AND v_answer.kind <> 'report_urgent') THEN
        RETURN;
    END IF;
    PERFORM hersys.talk_send(t, v_answer);
    answer_kind := v_answer.kind;
END
$$;

-- ------------------------------------------------------------------ messages that arrive

DROP FUNCTION hersys.inbound_store(jsonb);
/*
 * Takes in messages that arrived together: an array of objects
 *   link, provider_id   the carrier link and its name of the message: stored once, however often it is brought
 *   sender, recipient   E.164, or what the carrier gave
 *   answerable          whether the sender is a telephone that can be answered
 *   raw                 the text's bytes in hexadecimal
 *   parsed              what the parser says (doc/reply-grammar.md, section 4)
 *   own_text            it contains a text of ours; parsed is then what is left without it
 * and what more the parser knows, each absent where it does not apply; none of it is stored but as a part of a report:
 *   note, needs_review  of an incomplete report: the words left over
 *   stop_word           one of the words left over is that of a command to stop
 *   several             it was to be several reports, and one failed
 *   cancel              the command to stop was the word "cancel"
 *   name                the text may be a lone name
 *   code, code_id       the confirmation that a lone code was compared with: right or wrong
 * at most one of each sender. The senders' telephones are locked in the order of their numbers, so that two messages of a
 * conversation never race, whichever daemons they reach; before them the patients whose language is to be changed. All or none are
 * stored. Refused in a session that is bound to one centre: the patients of the others would be strangers to it.
 */
CREATE FUNCTION hersys.inbound_store(p_messages jsonb)
RETURNS TABLE (ordinal integer, inbound_id bigint, stored boolean, answer_kind text, note text)
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET jit = off
SECURITY DEFINER
AS $$
#variable_conflict use_column
DECLARE
    v_message record;
    v_kept bigint[];
    v_answered bigint[] := '{}';
    v_answers text[] := '{}';
BEGIN
    IF NOT hersys.scope_all() THEN
        RAISE EXCEPTION 'messages are taken in for all centres together' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM FROM hersys.patient p
    WHERE p.id = ANY (ARRAY(SELECT q.id FROM jsonb_array_elements(p_messages) AS m JOIN hersys.patient q ON q.phone = m ->> 'sender'
                            WHERE (m ->> 'answerable')::boolean AND m #>> '{parsed,command}' = 'lang'))
    ORDER BY p.id FOR NO KEY UPDATE;
    INSERT INTO hersys.phone (number)
    SELECT DISTINCT m ->> 'sender' FROM jsonb_array_elements(p_messages) AS m WHERE (m ->> 'answerable')::boolean
    ORDER BY 1 ON CONFLICT DO NOTHING;
    PERFORM FROM hersys.phone f
    WHERE f.number IN (SELECT m ->> 'sender' FROM jsonb_array_elements(p_messages) AS m WHERE (m ->> 'answerable')::boolean)
    ORDER BY f.number FOR UPDATE;
    -- In the order of their names, so that two calls that bring the same messages wait for each other and never in a circle.
    WITH kept AS (
        INSERT INTO hersys.inbound (link, provider_id, sender, recipient, raw, outcome, parsed)
        SELECT m ->> 'link', m ->> 'provider_id', m ->> 'sender', m ->> 'recipient', decode(m ->> 'raw', 'hex'),
               CASE WHEN (m ->> 'own_text')::boolean THEN 'own_text' ELSE m -> 'parsed' ->> 'outcome' END, m -> 'parsed'
        FROM jsonb_array_elements(p_messages) WITH ORDINALITY AS g (m, place)
        ORDER BY m ->> 'link', m ->> 'provider_id', place
        ON CONFLICT (link, provider_id) DO NOTHING
        RETURNING id
    )
    SELECT coalesce(array_agg(id), '{}') INTO v_kept FROM kept;
    FOR v_message IN
        SELECT g.m, g.place::integer AS place, i.id,
               i.id = ANY (v_kept) AND row_number() OVER (PARTITION BY i.id ORDER BY g.place) = 1 AS is_new
        FROM jsonb_array_elements(p_messages) WITH ORDINALITY AS g (m, place)
        JOIN hersys.inbound i ON i.link = g.m ->> 'link' AND i.provider_id = g.m ->> 'provider_id'
        ORDER BY g.place
    LOOP
        ordinal := v_message.place;
        inbound_id := v_message.id;
        stored := v_message.is_new;
        answer_kind := NULL;
        note := NULL;
        IF stored THEN
            SELECT u.answer_kind, u.note INTO answer_kind, note FROM hersys.inbound_follow_up(inbound_id, v_message.m) AS u;
        END IF;
        IF answer_kind IS NOT NULL THEN
            v_answered := v_answered || inbound_id;
            v_answers := v_answers || answer_kind;
        END IF;
        RETURN NEXT;
    END LOOP;
    IF cardinality(v_answered) > 0 THEN
        UPDATE hersys.inbound i SET answer_kind = a.kind FROM unnest(v_answered, v_answers) AS a (id, kind) WHERE i.id = a.id;
        PERFORM hersys.outbox_wake();
    END IF;
END
$$;

/*
 * Counts a try of the newest open code that went by SMS to this telephone, whatever centre sent it, before anybody compares anything, and
 * gives what it is minted from; no row where there is none. A message that is stored already tries nothing.
 */
CREATE FUNCTION hersys.inbound_code_try(p_link text, p_provider_id text, p_sender text)
RETURNS TABLE (id bigint, recipient text, digits integer, key_id integer, generation integer, salt text)
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET jit = off
SECURITY DEFINER
AS $$
#variable_conflict use_column
BEGIN
    IF NOT hersys.scope_all() THEN
        RAISE EXCEPTION 'messages are taken in for all centres together' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY
        UPDATE hersys.confirmation c SET attempts = c.attempts + 1
        WHERE c.id = (SELECT o.id FROM hersys.confirmation o
                      WHERE o.channel = 'sms' AND o.recipient = p_sender AND o.attempts < 5 AND o.consumed_at IS NULL AND o.revoked_at IS NULL
                        AND o.expires_at > hersys.clock_now()
                      ORDER BY o.created_at DESC, o.id DESC LIMIT 1)
          AND c.attempts < 5 AND c.consumed_at IS NULL AND c.revoked_at IS NULL
          AND NOT EXISTS (SELECT FROM hersys.inbound i WHERE i.link = p_link AND i.provider_id = p_provider_id)
        RETURNING c.id, c.recipient, c.digits::integer, c.key_id::integer, c.generation, encode(c.salt, 'hex');
END
$$;

-- ------------------------------------------------------------------ reports, read out

/*
 * Reports after a cursor (xact, id), in its order, and the cursor after them. Only those below the oldest transaction that is still
 * running: one that commits late is never passed by. No cursor of ours is above that: one that is comes from the database that a dump
 * was made of, and what is written now would stand before it, unread.
 */
CREATE OR REPLACE FUNCTION hersys.v1_reports_list(p_caller hersys.caller, p_after_xact text, p_after_id bigint, p_limit integer) RETURNS hersys.reply
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
                        'withdrawn_at', hersys.api_time(s.withdrawn_at),
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

-- ------------------------------------------------------------------ clearing away

/*
 * Clears away what has had its time, up to p_limit rows of each: counters and replies after 24 hours, dedupe keys and the telephones that
 * patients had after 7 days, codes 24 hours after they expired, questions when their time is over; and cancels batches that nobody released
 * within 24 hours. Reports of transactions that are still to come were restored from a dump: they are written anew, or no reader would see
 * them. How many rows; less than p_limit: nothing is left.
 */
CREATE OR REPLACE FUNCTION hersys.housekeeping(p_limit integer DEFAULT 5000) RETURNS integer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v_day_ago timestamptz := hersys.clock_now() - interval '24 hours';
    v_batch record;
    v_count integer;
    v_all integer := 0;
BEGIN
    DELETE FROM hersys.code_counter WHERE ctid = ANY (ARRAY(
        SELECT c.ctid FROM hersys.code_counter c WHERE c.at <= v_day_ago ORDER BY c.at LIMIT p_limit FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_all := v_all + v_count;
    DELETE FROM hersys.api_reply WHERE (kid, key) IN (
        SELECT r.kid, r.key FROM hersys.api_reply r WHERE r.created_at <= v_day_ago ORDER BY r.created_at LIMIT p_limit FOR UPDATE SKIP LOCKED);
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_all := v_all + v_count;
    DELETE FROM hersys.outbox_dedupe WHERE key = ANY (ARRAY(
        SELECT d.key FROM hersys.outbox_dedupe d WHERE d.created_at <= v_day_ago - interval '6 days'
        ORDER BY d.created_at LIMIT p_limit FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_all := v_all + v_count;
    DELETE FROM hersys.confirmation WHERE id = ANY (ARRAY(
        SELECT c.id FROM hersys.confirmation c WHERE c.expires_at <= v_day_ago ORDER BY c.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_all := v_all + v_count;
    DELETE FROM hersys.dialogue WHERE phone = ANY (ARRAY(
        SELECT d.phone FROM hersys.dialogue d WHERE d.expires_at <= hersys.clock_now() ORDER BY d.expires_at LIMIT p_limit FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_all := v_all + v_count;
    DELETE FROM hersys.phone_history WHERE ctid = ANY (ARRAY(
        SELECT h.ctid FROM hersys.phone_history h WHERE h.until <= v_day_ago - interval '6 days'
        ORDER BY h.until LIMIT p_limit FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_all := v_all + v_count;
    UPDATE hersys.status_report SET xact = DEFAULT WHERE id = ANY (ARRAY(
        SELECT f.id FROM hersys.centre c CROSS JOIN LATERAL (
            SELECT r.id FROM hersys.status_report r WHERE r.centre_id = c.id AND r.xact >= pg_snapshot_xmax(pg_current_snapshot())
            ORDER BY r.xact, r.id LIMIT p_limit) AS f
        LIMIT p_limit));
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_all := v_all + v_count;
    FOR v_batch IN
        SELECT b.id FROM hersys.send_batch b WHERE b.state = 'held' AND b.created_at <= v_day_ago
        ORDER BY b.created_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    LOOP
        PERFORM hersys.batch_cancel(v_batch.id, 'hersys');
        v_all := v_all + 1;
    END LOOP;
    RETURN v_all;
END
$$;

DROP FUNCTION hersys.alert_raise(bigint, bigint, bigint, bigint, text, boolean), hersys.triage_spo2_is_urgent(integer);

GRANT EXECUTE ON FUNCTION
    hersys.inbound_store(jsonb),
    hersys.inbound_code_try(text, text, text) TO hersys_gateway;
CALL hersys.settle_rights();
