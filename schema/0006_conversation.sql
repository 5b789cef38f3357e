-- 0006_conversation.sql - links sent, reminders made due, messages taken in: one act of the domain, one function.

SET LOCAL ROLE hersys_owner;

-- ------------------------------------------------------------------ where messages may go

CREATE TABLE hersys.sms_destination (
    prefix text PRIMARY KEY CHECK (prefix ~ '^\+[1-9][0-9]{0,8}$')
);
INSERT INTO hersys.sms_destination (prefix) VALUES ('+8160'), ('+8170'), ('+8180'), ('+8190');
COMMENT ON TABLE hersys.sms_destination IS 'numbers that begin so may get an SMS: Japan''s mobiles, and what the operator adds';

-- The rule, given the prefixes. Internal.
CREATE FUNCTION hersys.sms_number_fits(p_number text, p_prefixes text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT p_number OPERATOR(pg_catalog.^@) ANY (p_prefixes) AND (p_number !~ '^\+81' OR p_number ~ '^\+81[6-9]0[0-9]{8}$') $$;

CREATE FUNCTION hersys.sms_allowed(p_number text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
    SELECT coalesce(hersys.sms_number_fits(p_number, (SELECT array_agg(d.prefix) FROM hersys.sms_destination d)), false)
$$;

-- ------------------------------------------------------------------ registration links

/*
 * Sends a patient the registration link: number and ID come from one locked row. A new link ends the one before. The caller
 * brings the id of the key that mints it and a random salt. Errors: HS002 no such patient (or of another centre), HS004 not
 * possible for this patient, with the reason as message.
 */
CREATE FUNCTION hersys.link_send(p_patient_id bigint, p_key_id integer, p_salt bytea, p_actor text)
RETURNS TABLE (link_id bigint, message_id bigint)
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
#variable_conflict use_column
DECLARE
    v_patient hersys.patient;
    v_centre hersys.centre;
    v_generation integer;
    v_expires_at timestamptz := hersys.clock_now() + interval '72 hours';
BEGIN
    SELECT p.* INTO v_patient FROM hersys.patient p WHERE p.id = p_patient_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no patient %', p_patient_id USING ERRCODE = 'HS002';
    END IF;
    SELECT c.* INTO v_centre FROM hersys.centre c WHERE c.id = v_patient.centre_id;
    IF v_patient.phone IS NULL THEN
        RAISE EXCEPTION 'patient % has no telephone', p_patient_id USING ERRCODE = 'HS004';
    END IF;
    IF NOT hersys.sms_allowed(v_patient.phone) THEN
        RAISE EXCEPTION 'the telephone of patient % takes no SMS', p_patient_id USING ERRCODE = 'HS004';
    END IF;
    IF EXISTS (SELECT FROM hersys.phone f WHERE f.number = v_patient.phone AND f.quarantined_at IS NOT NULL) THEN
        RAISE EXCEPTION 'the telephone of patient % is quarantined: somebody else answered from it', p_patient_id USING ERRCODE = 'HS004';
    END IF;
    IF EXISTS (SELECT FROM hersys.suppression s WHERE s.channel = 'sms' AND s.address = v_patient.phone AND s.ended_at IS NULL) THEN
        RAISE EXCEPTION 'patient % has stopped messages', p_patient_id USING ERRCODE = 'HS004';
    END IF;
    IF v_patient.ended_at IS NOT NULL
       OR v_patient.monitoring_until < (hersys.clock_now() AT TIME ZONE v_centre.time_zone)::date THEN
        RAISE EXCEPTION 'the monitoring of patient % has ended', p_patient_id USING ERRCODE = 'HS004';
    END IF;

    UPDATE hersys.registration_link l SET revoked_at = hersys.clock_now()
    WHERE l.patient_id = p_patient_id AND l.consumed_at IS NULL AND l.revoked_at IS NULL;
    SELECT coalesce(max(l.generation), 0) + 1 INTO v_generation
    FROM hersys.registration_link l WHERE l.patient_id = p_patient_id;
    INSERT INTO hersys.registration_link (patient_id, centre_id, recipient, key_id, salt, generation, requested_by, expires_at)
    VALUES (p_patient_id, v_patient.centre_id, v_patient.phone, p_key_id, p_salt, v_generation, p_actor, v_expires_at)
    RETURNING id INTO link_id;
    message_id := hersys.outbox_enqueue(
        'registration_link', v_patient.language,
        jsonb_build_object('centre', v_centre.short_name, 'centre_phone', v_centre.phone, 'input_id', v_patient.input_id),
        'sms', v_patient.phone, 'link:' || link_id, v_patient.centre_id, p_patient_id, link_id);
    INSERT INTO hersys.audit (actor, action, subject, subject_id, centre_id)
    VALUES (p_actor, 'link_send', 'patient', p_patient_id, v_patient.centre_id);
    PERFORM hersys.outbox_wake();
    RETURN NEXT;
END
$$;

-- ------------------------------------------------------------------ who writes

-- The patients whom a number may report for: monitored today, in their centre's time zone. Internal.
CREATE FUNCTION hersys.phone_watched(p_number text, p_now timestamptz) RETURNS SETOF hersys.patient
LANGUAGE sql STABLE
AS $$
    SELECT p.* FROM hersys.patient p JOIN hersys.centre c ON c.id = p.centre_id
    WHERE p.phone = p_number AND p.ended_at IS NULL
      AND (p_now AT TIME ZONE c.time_zone)::date BETWEEN p.monitoring_from AND p.monitoring_until
$$;

-- The one of these patients that a member number or name means; null where it is none or not clear. Internal.
CREATE FUNCTION hersys.member_find(p_watched hersys.patient[], p_member text) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE
AS $$
DECLARE
    v_wanted text := lower(regexp_replace(normalize(p_member, NFKC), '[[:space:]]', '', 'g'));
BEGIN
    IF p_member IS NULL THEN
        RETURN CASE WHEN cardinality(p_watched) = 1 THEN (p_watched[1]).id END;
    END IF;
    RETURN (
        SELECT CASE WHEN count(*) = 1 THEN min(w.id) END
        FROM unnest(p_watched) AS w
        WHERE w.member_number::text = v_wanted
           OR v_wanted IN (lower(regexp_replace(normalize(w.given_name, NFKC), '[[:space:]]', '', 'g')),
                           lower(regexp_replace(normalize(w.family_name || w.given_name, NFKC), '[[:space:]]', '', 'g')),
                           lower(regexp_replace(normalize(w.given_name || w.family_name, NFKC), '[[:space:]]', '', 'g'))));
END
$$;

-- What a message says of a member: the number, and the name only where the number is confirmed to be that patient's. Internal.
CREATE FUNCTION hersys.member_label(p hersys.patient) RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = hersys, pg_temp
AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'number', p.member_number::text,
        'name', CASE WHEN p.phone_confirmed_at IS NOT NULL THEN left(p.given_name, 10) END))
$$;

-- ------------------------------------------------------------------ triage

-- SpO2 of 93 % or less is urgent.
CREATE FUNCTION hersys.triage_spo2_is_urgent(p_spo2 integer) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT coalesce(p_spo2 <= 93, false) $$;

-- Raises one urgent alert; never twice for one report or message. Internal.
CREATE FUNCTION hersys.alert_raise(p_centre_id bigint, p_patient_id bigint, p_report_id bigint, p_inbound_id bigint,
                                   p_reason text, p_unconfirmed boolean) RETURNS void
LANGUAGE sql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
    INSERT INTO hersys.alert (centre_id, patient_id, report_id, inbound_id, level, reason, unconfirmed)
    VALUES (p_centre_id, p_patient_id, p_report_id, p_inbound_id, 'urgent', p_reason, p_unconfirmed)
    ON CONFLICT DO NOTHING
$$;

-- ------------------------------------------------------------------ messages that come in

-- Stores the reports of a message that the parser read as such; null where it is not clear whose they are (then nothing is
-- stored), else what the echo says of each. Internal.
CREATE FUNCTION hersys.inbound_store_reports(p_inbound_id bigint, p_parsed jsonb, p_watched hersys.patient[]) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_whose bigint[];
    v_report jsonb;
    v_patient hersys.patient;
    v_report_id bigint;
    v_echo jsonb := '[]';
    v_index integer := 0;
BEGIN
    SELECT array_agg(hersys.member_find(p_watched, r.value ->> 'member') ORDER BY r.ordinality)
    INTO v_whose FROM jsonb_array_elements(p_parsed -> 'reports') WITH ORDINALITY AS r;
    IF v_whose IS NULL OR array_position(v_whose, NULL) IS NOT NULL
       OR (SELECT count(DISTINCT id) FROM unnest(v_whose) AS id) < cardinality(v_whose) THEN
        RETURN NULL;
    END IF;
    FOR v_report IN SELECT r.value FROM jsonb_array_elements(p_parsed -> 'reports') WITH ORDINALITY AS r ORDER BY r.ordinality LOOP
        v_index := v_index + 1;
        SELECT w.* INTO v_patient FROM unnest(p_watched) AS w WHERE w.id = v_whose[v_index];
        INSERT INTO hersys.status_report (patient_id, centre_id, source, inbound_id, reported_at, temperature_c, spo2, symptoms,
                                          note, red_flag, needs_review, unconfirmed)
        VALUES (v_patient.id, v_patient.centre_id, 'sms', p_inbound_id, hersys.clock_now(),
                (v_report ->> 'temperature_c')::numeric, (v_report ->> 'spo2')::smallint, (v_report ->> 'symptoms')::boolean,
                v_report ->> 'note', coalesce((p_parsed ->> 'red_flag')::boolean, false),
                coalesce((p_parsed ->> 'needs_review')::boolean, false), v_patient.phone_confirmed_at IS NULL)
        RETURNING id INTO v_report_id;
        IF coalesce((p_parsed ->> 'replaces')::boolean, false) THEN
            UPDATE hersys.status_report SET superseded_by = v_report_id
            WHERE id = (SELECT r.id FROM hersys.status_report r
                        JOIN hersys.inbound i ON i.id = r.inbound_id AND i.sender = v_patient.phone
                        WHERE r.patient_id = v_patient.id AND r.superseded_by IS NULL AND r.id < v_report_id
                          AND r.reported_at > hersys.clock_now() - interval '24 hours'
                        ORDER BY r.reported_at DESC, r.id DESC LIMIT 1);
        END IF;
        IF coalesce((p_parsed ->> 'red_flag')::boolean, false) THEN
            PERFORM hersys.alert_raise(v_patient.centre_id, v_patient.id, v_report_id, p_inbound_id, 'red_flag', v_patient.phone_confirmed_at IS NULL);
        END IF;
        IF hersys.triage_spo2_is_urgent((v_report ->> 'spo2')::integer) THEN
            PERFORM hersys.alert_raise(v_patient.centre_id, v_patient.id, v_report_id, p_inbound_id, 'spo2_low', v_patient.phone_confirmed_at IS NULL);
        END IF;
        v_echo := v_echo || jsonb_strip_nulls(
            CASE WHEN cardinality(p_watched) > 1 THEN
                jsonb_build_object('member', hersys.member_label(v_patient) ->> 'number', 'name', hersys.member_label(v_patient) ->> 'name')
            ELSE '{}' END
            || jsonb_build_object(
                'temperature', to_char((v_report ->> 'temperature_c')::numeric, 'FM90.09'),
                'spo2', v_report ->> 'spo2',
                CASE WHEN (v_report ->> 'symptoms')::boolean THEN 'yes' ELSE 'no' END, true));
    END LOOP;
    RETURN v_echo;
END
$$;

-- Which message answers an outcome that is no report. Internal.
CREATE FUNCTION hersys.answer_for(p_outcome text) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
    SELECT CASE p_outcome
        WHEN 'incomplete' THEN 'incomplete'
        WHEN 'out_of_range' THEN 'out_of_range'
        WHEN 'ambiguous' THEN 'ambiguous'
        WHEN 'conflict' THEN 'ambiguous'
        WHEN 'command' THEN 'command_later'
        ELSE 'not_understood'
    END
$$;

-- What the answer says of a message that is no report. Internal.
CREATE FUNCTION hersys.answer_params(p_parsed jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$
    SELECT jsonb_strip_nulls(CASE p_parsed ->> 'outcome'
        WHEN 'incomplete' THEN (
            SELECT coalesce(jsonb_object_agg(
                CASE m WHEN 'temperature_c' THEN 'missing_temperature' ELSE 'missing_' || m END, true), '{}')
            FROM jsonb_array_elements_text(p_parsed -> 'missing') AS m)
        WHEN 'out_of_range' THEN jsonb_build_object(
            CASE p_parsed ->> 'field' WHEN 'temperature_c' THEN 'temperature' ELSE 'spo2' END, true,
            'value', left(p_parsed ->> 'value', 16))
        WHEN 'conflict' THEN jsonb_build_object('conflict', true)
        ELSE '{}'
    END)
$$;

-- Stores what follows from one message, which is stored already; the sender's telephone is locked by the caller. Returns the
-- kind of the answer, null where there is none. Internal.
CREATE FUNCTION hersys.inbound_follow_up(p_inbound_id bigint, p_message jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
#variable_conflict use_column
DECLARE
    v_sender text := p_message ->> 'sender';
    v_parsed jsonb := p_message -> 'parsed';
    -- A text of ours that comes back is no report and gets no answer, or two machines would talk for ever. What a patient
    -- has written beside it can still be a cry for help.
    v_own_text boolean := coalesce((p_message ->> 'own_text')::boolean, false);
    v_outcome text := CASE WHEN v_own_text THEN 'own_text' ELSE v_parsed ->> 'outcome' END;
    v_answer text;
    v_answerable boolean := coalesce((p_message ->> 'answerable')::boolean, false);
    v_reachable boolean;
    v_phone hersys.phone;
    v_known hersys.patient[];
    v_watched hersys.patient[];
    v_centre hersys.centre;
    v_echo jsonb;
    v_params jsonb := '{}';
    v_danger text;
    v_about hersys.patient;
BEGIN
    IF NOT v_answerable THEN
        RETURN NULL;
    END IF;

    -- Whoever writes from a number to which we send nothing is heard, and not answered: an answer can be what a fraud is after.
    v_reachable := hersys.sms_allowed(v_sender);
    SELECT f.* INTO v_phone FROM hersys.phone f WHERE f.number = v_sender;
    IF v_phone.quarantined_at IS NULL THEN
        SELECT array_agg(p ORDER BY p.member_number) INTO v_known FROM hersys.patient p WHERE p.phone = v_sender;
        SELECT array_agg(w ORDER BY w.member_number) INTO v_watched FROM hersys.phone_watched(v_sender, hersys.clock_now()) AS w;
    END IF;
    IF v_known IS NULL THEN
        -- A stranger, or a number that is not the patient's: once a day, and without a word about anybody.
        IF v_reachable AND NOT v_own_text
           AND (v_phone.stranger_answered_at IS NULL OR v_phone.stranger_answered_at <= hersys.clock_now() - interval '1 day') THEN
            UPDATE hersys.phone SET stranger_answered_at = hersys.clock_now() WHERE number = v_sender;
            v_answer := 'unknown_sender';
            PERFORM hersys.outbox_enqueue(v_answer, 'ja', '{}', 'sms', v_sender, 'answer:' || p_inbound_id, NULL, NULL);
        END IF;
        RETURN v_answer;
    END IF;

    v_danger := CASE
        WHEN v_outcome <> 'command' AND (v_parsed ->> 'red_flag')::boolean THEN 'red_flag'
        WHEN v_own_text THEN NULL
        WHEN hersys.triage_spo2_is_urgent((v_parsed ->> 'lowest_spo2')::integer) THEN 'spo2_low'
        WHEN v_outcome = 'report' AND EXISTS (
            SELECT FROM jsonb_array_elements(v_parsed -> 'reports') AS r
            WHERE hersys.triage_spo2_is_urgent((r ->> 'spo2')::integer)) THEN 'spo2_low'
    END;
    IF v_outcome = 'report' AND v_watched IS NOT NULL THEN
        v_echo := hersys.inbound_store_reports(p_inbound_id, v_parsed, v_watched);
    END IF;
    -- Danger in a message that became no report is somebody's all the same: each centre that follows this number looks at it.
    IF v_danger IS NOT NULL AND v_echo IS NULL THEN
        SELECT k.* INTO v_about FROM unnest(coalesce(v_watched, v_known)) AS k
        WHERE k.id = hersys.member_find(coalesce(v_watched, v_known), v_parsed ->> 'member');
        PERFORM hersys.alert_raise(k.centre_id, CASE WHEN v_about.centre_id = k.centre_id THEN v_about.id END, NULL, p_inbound_id, v_danger, true)
        FROM (SELECT DISTINCT u.centre_id FROM unnest(coalesce(v_watched, v_known)) AS u) AS k;
    END IF;

    IF NOT v_reachable OR v_own_text THEN
        RETURN NULL;
    END IF;
    -- The answer speaks the language, and for the centre, of the patient whom the message is about; the most urgent of several.
    IF v_echo IS NOT NULL THEN
        SELECT w.* INTO v_about FROM unnest(v_watched) AS w
        JOIN hersys.status_report r ON r.inbound_id = p_inbound_id AND r.patient_id = w.id
        ORDER BY hersys.triage_spo2_is_urgent(r.spo2) DESC, r.id LIMIT 1;
    ELSIF v_about.id IS NULL THEN
        v_about := (coalesce(v_watched, v_known))[1];
    END IF;
    SELECT c.* INTO v_centre FROM hersys.centre c WHERE c.id = v_about.centre_id;
    IF v_watched IS NULL AND v_danger IS NULL THEN
        v_answer := 'not_watched';
    ELSIF v_danger IS NOT NULL THEN
        v_answer := 'report_urgent';
        v_params := CASE WHEN v_echo IS NULL THEN '{}' ELSE jsonb_build_object('reports', v_echo) END;
    ELSIF v_echo IS NOT NULL THEN
        v_answer := 'report_stored';
        v_params := jsonb_build_object('reports', v_echo, 'needs_review', coalesce((v_parsed ->> 'needs_review')::boolean, false));
    ELSIF v_outcome = 'report' THEN
        v_answer := 'which_member';
        v_params := jsonb_build_object('members', (SELECT jsonb_agg(hersys.member_label(w) ORDER BY w.member_number) FROM unnest(v_watched) AS w));
    ELSE
        v_answer := hersys.answer_for(v_outcome);
        -- In a household the example carries the number of the member who was named.
        v_params := hersys.answer_params(v_parsed) || coalesce(
            (SELECT jsonb_build_object('member', w.member_number::text) FROM unnest(v_watched) AS w
             WHERE cardinality(v_watched) > 1 AND v_parsed ? 'member'
               AND w.id = hersys.member_find(v_watched, v_parsed ->> 'member')), '{}');
    END IF;
    PERFORM hersys.outbox_enqueue(
        v_answer, v_about.language, v_params || jsonb_build_object('centre', v_centre.short_name, 'centre_phone', v_centre.phone),
        'sms', v_sender, 'answer:' || p_inbound_id, v_about.centre_id, v_about.id);
    RETURN v_answer;
END
$$;

/*
 * Takes in messages that arrived together: an array of objects
 *   link, provider_id   the carrier link and its name of the message: stored once, however often it is brought
 *   sender, recipient   E.164, or what the carrier gave
 *   answerable          whether the sender is a telephone that can be answered
 *   raw                 the text's bytes in hexadecimal
 *   parsed              what the parser says (doc/reply-grammar.md, section 4)
 *   own_text            it contains a text of ours; parsed is then what is left without it
 * at most one of each sender. The senders' telephones are locked in the order of their numbers, so that two messages of a
 * conversation never race, whichever daemons they reach. All or none are stored. Refused in a session that is bound to one
 * centre: the patients of the others would be strangers to it.
 */
CREATE FUNCTION hersys.inbound_store(p_messages jsonb)
RETURNS TABLE (ordinal integer, inbound_id bigint, stored boolean, answer_kind text)
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
        answer_kind := CASE WHEN stored THEN hersys.inbound_follow_up(inbound_id, v_message.m) END;
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

-- Keeps a message that inbound_store() could not take, for the operator; nothing follows from it.
CREATE FUNCTION hersys.inbound_store_raw(p_link text, p_provider_id text, p_sender text, p_recipient text, p_raw bytea)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_id bigint;
BEGIN
    -- The last resort takes whatever a carrier gave, cut to what a row can hold.
    INSERT INTO hersys.inbound (link, provider_id, sender, recipient, raw, outcome)
    VALUES (p_link, p_provider_id, left(coalesce(p_sender, ''), 254), left(coalesce(p_recipient, ''), 254), p_raw, 'failed')
    ON CONFLICT (link, provider_id) DO NOTHING RETURNING id INTO v_id;
    IF v_id IS NULL THEN
        SELECT id INTO v_id FROM hersys.inbound WHERE link = p_link AND provider_id = p_provider_id;
    END IF;
    RETURN v_id;
END
$$;

-- ------------------------------------------------------------------ reminders

/*
 * Queues reminders for up to p_limit telephones of one slot that is due for reminding now, one message a telephone and centre, and
 * returns how many messages it queued; null when no slot has anything left to do. To be called again until then; each call commits
 * what it did, and a pass that is cut off is taken up where it stopped.
 */
CREATE FUNCTION hersys.remind_due(p_limit integer DEFAULT 5000) RETURNS integer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v_now timestamptz := hersys.clock_now();
    v_pass record;
    v_since timestamptz;
    v_until timestamptz;
    v_prefixes text[];
    v_to text;
    v_limit integer := greatest(coalesce(p_limit, 5000), 1);
    v_last text;
    v_queued integer;
BEGIN
    INSERT INTO hersys.reminder_pass (slot_id, day)
    SELECT o.slot_id, o.day FROM hersys.slots_open(v_now) AS o
    ORDER BY 1, 2
    ON CONFLICT DO NOTHING;

    SELECT r.slot_id, r.day, r.after_phone, s.centre_id, s.due_at, c.short_name INTO v_pass
    FROM hersys.slots_open(v_now) AS o
    JOIN hersys.reminder_pass r ON r.slot_id = o.slot_id AND r.day = o.day
    JOIN hersys.slot s ON s.id = r.slot_id JOIN hersys.centre c ON c.id = s.centre_id
    WHERE r.completed_at IS NULL OR r.completed_at <= v_now - interval '5 minutes'
    ORDER BY (r.day + s.due_at) AT TIME ZONE c.time_zone, r.slot_id LIMIT 1
    FOR UPDATE OF r SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT w.since, w.until INTO v_since, v_until FROM hersys.slot_window(v_pass.slot_id, v_pass.day) AS w;
    SELECT array_agg(d.prefix) INTO v_prefixes FROM hersys.sms_destination d;
    SELECT max(n.phone), CASE WHEN count(*) = v_limit THEN max(n.phone) END INTO v_to, v_last
    FROM (SELECT DISTINCT p.phone::text AS phone FROM hersys.patient p
          WHERE p.centre_id = v_pass.centre_id AND p.phone > v_pass.after_phone
          ORDER BY 1 LIMIT v_limit) AS n;

    -- OFFSET 0 keeps each of these questions a look by index, whatever the planner believes of the tables.
    WITH due AS MATERIALIZED (
        SELECT p.* FROM hersys.patient p
        WHERE p.centre_id = v_pass.centre_id AND p.phone > v_pass.after_phone AND p.phone <= v_to AND p.ended_at IS NULL
          AND v_pass.day BETWEEN p.monitoring_from AND p.monitoring_until
          AND hersys.sms_number_fits(p.phone, v_prefixes)
          AND NOT EXISTS (SELECT FROM hersys.phone f WHERE f.number = p.phone AND f.quarantined_at IS NOT NULL OFFSET 0)
          AND NOT EXISTS (SELECT FROM hersys.suppression s
                          WHERE s.channel = 'sms' AND s.address = p.phone AND s.ended_at IS NULL OFFSET 0)
          AND NOT EXISTS (SELECT FROM hersys.reminder r
                          WHERE r.patient_id = p.id AND r.day = v_pass.day AND r.slot_id = v_pass.slot_id OFFSET 0)
          AND NOT EXISTS (SELECT FROM hersys.reports_within(p.id, v_since, v_until) OFFSET 0)
    ), households AS MATERIALIZED (
        SELECT d.phone, nextval('hersys.message_id') AS message_id, array_agg(d.id) AS patient_ids,
               (array_agg(d.id ORDER BY d.member_number))[1] AS first_id,
               (array_agg(d.language ORDER BY d.member_number))[1] AS language,
               jsonb_agg(hersys.member_label(ROW(d.*)::hersys.patient) ORDER BY d.member_number) AS members
        FROM due d GROUP BY d.phone
    ), noted AS (
        INSERT INTO hersys.reminder (patient_id, day, slot_id, centre_id, message_id)
        SELECT unnest(h.patient_ids), v_pass.day, v_pass.slot_id, v_pass.centre_id, h.message_id FROM households h
    ), queued AS (
        INSERT INTO hersys.outbox (id, kind, language, params, channel, recipient, centre_id, patient_id, priority,
                                   begun_by_us, at_most_once, not_before, not_after, created_at)
        SELECT h.message_id, k.kind, h.language,
               jsonb_build_object('centre', v_pass.short_name, 'due', to_char(v_pass.due_at, 'HH24:MI'))
               -- Whoever shares the number has to say whom the report is for, even when the others have reported.
               || CASE WHEN (SELECT count(*) FROM hersys.phone_watched(h.phone, v_now)) > 1
                       THEN jsonb_build_object('family', true, 'members', h.members) ELSE '{}' END,
               'sms', h.phone, v_pass.centre_id, h.first_id, k.priority, k.begun_by_us, k.at_most_once, v_now, v_until, v_now
        FROM households h, hersys.message_kind k WHERE k.kind = 'reminder'
        RETURNING 1
    )
    SELECT count(*) INTO v_queued FROM queued;

    UPDATE hersys.reminder_pass r
    SET after_phone = coalesce(v_last, ''), completed_at = CASE WHEN v_last IS NULL THEN v_now END
    WHERE r.slot_id = v_pass.slot_id AND r.day = v_pass.day;
    IF v_queued > 0 THEN
        PERFORM hersys.outbox_wake();
    END IF;
    RETURN v_queued;
END
$$;

GRANT EXECUTE ON FUNCTION
    hersys.link_send(bigint, integer, bytea, text),
    hersys.inbound_store(jsonb),
    hersys.inbound_store_raw(text, text, text, text, bytea),
    hersys.remind_due(integer) TO hersys_gateway;
GRANT EXECUTE ON FUNCTION hersys.sms_allowed(text) TO hersys_gateway, hersys_portal;
CALL hersys.settle_rights();
