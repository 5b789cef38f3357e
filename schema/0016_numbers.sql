-- 0016_numbers.sql - the health of numbers: those that SMS does not reach, those that are somebody else's, batches that look wrong.

SET LOCAL ROLE hersys_owner;

-- ------------------------------------------------------------------ whom SMS reaches

-- Those of some numbers that get an SMS: not of a landline, not quarantined, not stopped, not out of reach. Each once. Internal.
CREATE OR REPLACE FUNCTION hersys.phones_reached(p_numbers text[]) RETURNS TABLE (number text)
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
          AND NOT EXISTS (SELECT FROM hersys.phone f
                          WHERE f.number = n AND (f.quarantined_at IS NOT NULL OR f.unreachable_at IS NOT NULL) OFFSET 0)
          AND NOT EXISTS (SELECT FROM hersys.suppression s WHERE s.channel = 'sms' AND s.address = n AND s.ended_at IS NULL OFFSET 0);
END
$$;

-- The address at which a patient can be written to; null where there is none, or mail to it comes back. Internal.
CREATE FUNCTION hersys.patient_mailbox(p hersys.patient) RETURNS text
LANGUAGE sql STABLE
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
    SELECT p.email::text
    WHERE p.email IS NOT NULL
      AND NOT EXISTS (SELECT FROM hersys.suppression s WHERE s.channel = 'email' AND s.address = p.email AND s.ended_at IS NULL)
$$;

-- How a patient is reached: reach_of(), for one. Internal.
CREATE FUNCTION hersys.patient_sms_reach(p hersys.patient) RETURNS text
LANGUAGE sql STABLE
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$ SELECT h.reach FROM hersys.reach_of(p.phone, p.email, (SELECT array_agg(d.prefix) FROM hersys.sms_destination d)) AS h $$;

-- ------------------------------------------------------------------ what is learnt of a number

-- Whether a carrier's reason says that the number is at fault, not the text, the account or the moment: the words of our own carriers, which
-- a generic one's rules can use (doc/carriers.md). What is not known says nothing: a fault of the configuration must not make all numbers
-- dead. Internal.
CREATE FUNCTION hersys.error_is_of_number(p_error text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT coalesce(p_error IN ('no_such_number', 'invalid_number', 'unknown_number', 'unreachable_number', 'landline', 'no_mobile_number',
                                'short_code', 'number_is_sender'), false)
$$;

-- SMS does not reach this telephone: it is remembered, and each patient whom it would remind goes on the call list. The telephone is
-- locked by the caller. Internal.
CREATE FUNCTION hersys.number_failed(p_phone text, p_reason text) RETURNS void
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
BEGIN
    -- What is known for certain is not made less so by one more message that did not arrive.
    UPDATE hersys.phone f SET unreachable_at = coalesce(f.unreachable_at, hersys.clock_now()), unreachable_for = p_reason
    WHERE f.number = p_phone AND f.unreachable_for IS DISTINCT FROM p_reason AND (f.unreachable_at IS NULL OR p_reason <> 'undelivered');
    PERFORM hersys.call_add(w.centre_id, w.id, p_reason)
    FROM (SELECT p.centre_id, p.id FROM hersys.phone_watched(p_phone, hersys.clock_now()) AS p ORDER BY p.id) AS w;
END
$$;

-- SMS reaches this telephone again; p_by: what shows it. Its row is locked by the caller. Internal.
CREATE FUNCTION hersys.number_reached(p_phone text, p_by text) RETURNS void
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
BEGIN
    UPDATE hersys.phone SET failures = 0, unreachable_at = NULL, unreachable_for = NULL
    WHERE number = p_phone AND (failures > 0 OR unreachable_at IS NOT NULL);
    IF FOUND THEN
        PERFORM hersys.call_end(p.id, ARRAY['number_dead', 'undelivered'], p_by)
        FROM (SELECT q.id FROM hersys.patient q WHERE q.phone = p_phone ORDER BY q.id) AS p;
    END IF;
END
$$;

-- ------------------------------------------------------------------ falling over to e-mail

/*
 * Sends by e-mail what did not go through by SMS, to those whom it was for and who have an address; to nobody who is not to be written
 * to, or has another telephone by now. A registration link is a new one, which ends the one that did not arrive; its patient is locked by
 * the caller. Whether it queued something. Internal.
 */
CREATE FUNCTION hersys.message_fall_over(p hersys.outbox_history) RETURNS boolean
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_now timestamptz := hersys.clock_now();
    v_patient hersys.patient;
    v_link hersys.registration_link;
    v_mail record;
    v_id bigint;
    v_any boolean := false;
BEGIN
    IF p.kind IN ('reminder', 'nudge') THEN
        IF p.not_after <= v_now THEN
            RETURN false;
        END IF;
        -- A family's goes to each member who has an address; what the claim looks at goes with it.
        FOR v_mail IN
            SELECT m.address, array_agg((m.t).id ORDER BY (m.t).member_number) AS ids,
                   (array_agg((m.t).language ORDER BY (m.t).member_number))[1] AS language,
                   jsonb_agg(hersys.member_label(m.t) ORDER BY (m.t).member_number) AS members
            FROM (SELECT t, hersys.patient_mailbox(t) AS address
                  FROM (SELECT m.patient_id FROM hersys.reminder m WHERE m.message_id = p.id OFFSET 0) AS r JOIN hersys.patient t ON t.id = r.patient_id
                  WHERE t.phone = p.recipient AND t.ended_at IS NULL
                    AND hersys.patient_sms_reach(t) <> 'held') AS m
            WHERE m.address IS NOT NULL GROUP BY m.address ORDER BY m.address
        LOOP
            v_id := hersys.outbox_enqueue(
                p.kind, v_mail.language,
                p.params - ARRAY['family', 'member', 'members'] || jsonb_build_object('centre_phone', (SELECT c.phone FROM hersys.centre c WHERE c.id = p.centre_id))
                || CASE WHEN cardinality(v_mail.ids) > 1 THEN jsonb_build_object('family', true, 'members', v_mail.members) ELSE '{}' END,
                'email', v_mail.address, format('fall:%s:%s', p.id, v_mail.ids[1]), p.centre_id, v_mail.ids[1], NULL, p.not_after);
            IF v_id IS NOT NULL THEN
                UPDATE hersys.reminder r SET message_id = v_id WHERE r.message_id = p.id AND r.patient_id = ANY (v_mail.ids);
                v_any := true;
            END IF;
        END LOOP;
        RETURN v_any;
    END IF;

    SELECT t.* INTO v_patient FROM hersys.patient t
    WHERE t.id = p.patient_id AND t.phone = p.recipient AND hersys.patient_mailbox(t) IS NOT NULL AND hersys.patient_sms_reach(t) <> 'held';
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF p.link_id IS NULL THEN
        RETURN hersys.outbox_enqueue(p.kind, v_patient.language, p.params, 'email', v_patient.email, format('fall:%s:%s', p.id, v_patient.id),
                                     p.centre_id, v_patient.id) IS NOT NULL;
    END IF;
    SELECT l.* INTO v_link FROM hersys.registration_link l
    WHERE l.id = p.link_id AND l.consumed_at IS NULL AND l.revoked_at IS NULL FOR UPDATE;
    IF NOT FOUND OR EXISTS (SELECT FROM hersys.link_objections(v_patient.centre_id, ARRAY[v_patient.id], 'email') AS o WHERE o.objection IS NOT NULL) THEN
        RETURN false;
    END IF;
    SELECT m.message_id INTO v_id
    FROM hersys.links_make(v_patient.centre_id, ARRAY[v_patient.id], 'email', v_link.key_id, ARRAY[uuid_send(gen_random_uuid())], 'hersys',
                           v_now, interval '0') AS m;
    INSERT INTO hersys.outbox_dedupe (key, message_id) VALUES (format('fall:%s:%s', p.id, v_patient.id), v_id) ON CONFLICT DO NOTHING;
    RETURN true;
END
$$;

/*
 * What the ends of SMS say of their numbers. Verdicts: 'delivered'; 'undelivered', which counts where it is the second in a row;
 * 'number_dead'; 'carrier_opt_out'; 'rejected', which says nothing of the number. Whatever did not arrive falls over to e-mail. The messages are
 * in the history, on these days. Comes last in its transaction: whoever holds a patient, a telephone or a link waits for no message. Internal.
 */
CREATE FUNCTION hersys.numbers_learn(p_ids bigint[], p_days date[], p_verdicts text[]) RETURNS void
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v_messages hersys.outbox_history[];
    v_failed bigint[];
    v_hurt text[];
    v_each record;
    v_message hersys.outbox_history;
    v_failures integer;
    v_queued boolean := false;
BEGIN
    IF coalesce(cardinality(p_ids), 0) = 0 THEN
        RETURN;
    END IF;
    -- By their keys, so that of the days' partitions only these are looked at.
    SELECT array_agg(h ORDER BY h.recipient, h.id) INTO v_messages
    FROM hersys.outbox_history h WHERE h.id = ANY (p_ids) AND h.finished_on = ANY (p_days);
    v_failed := ARRAY(SELECT g.id FROM unnest(p_ids, p_verdicts) AS g (id, verdict) WHERE g.verdict <> 'delivered');
    -- As everybody does: patients, then telephones.
    PERFORM FROM hersys.patient t
    WHERE t.id = ANY (ARRAY(SELECT m.patient_id FROM unnest(v_messages) AS m WHERE m.id = ANY (v_failed) AND m.link_id IS NOT NULL))
    ORDER BY t.id FOR NO KEY UPDATE;
    v_hurt := ARRAY(SELECT m.recipient FROM unnest(v_messages) AS m WHERE m.id = ANY (v_failed));
    PERFORM FROM hersys.phone f
    WHERE f.number = ANY (ARRAY(SELECT m.recipient FROM unnest(v_messages) AS m))
      AND (f.number = ANY (v_hurt) OR f.failures > 0 OR f.unreachable_at IS NOT NULL)
    ORDER BY f.number FOR UPDATE;
    FOR v_each IN
        SELECT m AS message, g.verdict FROM unnest(v_messages) AS m
        JOIN unnest(p_ids, p_verdicts) AS g (id, verdict) ON g.id = m.id ORDER BY m.recipient, m.id
    LOOP
        v_message := v_each.message;
        CASE v_each.verdict
            WHEN 'delivered' THEN
                IF EXISTS (SELECT FROM hersys.phone f WHERE f.number = v_message.recipient AND (f.failures > 0 OR f.unreachable_at IS NOT NULL)
                                                        AND f.unreachable_for IS DISTINCT FROM 'carrier_opt_out') THEN
                    PERFORM hersys.number_reached(v_message.recipient, 'delivered');
                END IF;
                CONTINUE;
            WHEN 'undelivered' THEN
                UPDATE hersys.phone f SET failures = least(f.failures + 1, 1000) WHERE f.number = v_message.recipient RETURNING f.failures INTO v_failures;
                IF v_failures >= 2 THEN
                    PERFORM hersys.number_failed(v_message.recipient, 'undelivered');
                END IF;
            WHEN 'carrier_opt_out' THEN
                INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', v_message.recipient, 'carrier_opt_out') ON CONFLICT DO NOTHING;
                PERFORM hersys.number_failed(v_message.recipient, v_each.verdict);
            WHEN 'number_dead' THEN
                PERFORM hersys.number_failed(v_message.recipient, v_each.verdict);
            WHEN 'rejected' THEN
                NULL;
        END CASE;
        IF (SELECT k.falls_over FROM hersys.message_kind k WHERE k.kind = v_message.kind) THEN
            v_queued := hersys.message_fall_over(v_message) OR v_queued;
        END IF;
    END LOOP;
    IF v_queued THEN
        PERFORM hersys.outbox_wake();
    END IF;
END
$$;

ALTER TABLE hersys.message_part ADD COLUMN told_at timestamptz;
COMMENT ON COLUMN hersys.message_part.told_at IS 'when the carrier said so';

-- What a receipt says of a number; null where it says nothing. Internal.
CREATE FUNCTION hersys.receipt_verdict(p_state hersys.message_state, p_error text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN p_state = 'delivered' THEN 'delivered'
                WHEN p_state = 'undelivered' AND hersys.error_is_of_number(p_error) THEN 'number_dead'
                WHEN p_state = 'undelivered' THEN 'undelivered' END
$$;

/*
 * Records what became of messages on the wire. A row is touched only where id and epoch are those of the claim and it is still
 * being sent: a worker that was frozen past its lease finishes nothing. Outcomes:
 *   accepted   the carrier took it: history, state sent; provider_id is its name there
 *   retry      refused for now: later, one attempt spent
 *   throttled, link_down  nothing wrong with the message: after p_pause, no attempt spent
 *   rejected   refused for good: dead        opted_out  dead, and the address is suppressed
 *   unknown    the wire broke after the submit: later, or unknown for good where a duplicate would do harm or no time is left
 * A message that went out in several parts stands in one call once for each part, with the provider id of each; as soon as
 * one part was accepted it is sent, for a retry would repeat that part. Returns the messages that it touched, once each, with
 * their new state.
 */
CREATE OR REPLACE FUNCTION hersys.outbox_finish(
    p_carrier_link text, p_ids bigint[], p_epochs integer[], p_outcomes text[], p_provider_ids text[], p_errors text[],
    p_pause interval DEFAULT interval '5 seconds')
RETURNS TABLE (id bigint, state text)
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET jit = off
SECURITY DEFINER
AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz := hersys.clock_now();
    v_today date := (v_now AT TIME ZONE 'UTC')::date;
    v_ids bigint[];
    v_states text[];
    v_learnt bigint[];
    v_verdicts text[];
BEGIN
    IF EXISTS (SELECT FROM unnest(p_ids, p_outcomes) AS g (id, outcome)
               WHERE (g.outcome IN ('accepted', 'retry', 'throttled', 'link_down', 'rejected', 'opted_out', 'unknown')) IS NOT TRUE) THEN
        RAISE EXCEPTION 'unknown outcome' USING ERRCODE = 'HS001';
    END IF;
    WITH given AS MATERIALIZED (
        SELECT g.id, g.epoch, count(*) AS parts, min(g.error) AS new_error,
               (array_agg(g.outcome ORDER BY g.outcome = 'accepted' DESC, g.outcome = 'unknown' DESC, g.part))[1] AS outcome,
               array_agg(g.provider_id) FILTER (WHERE g.outcome = 'accepted' AND length(g.provider_id) BETWEEN 1 AND 200) AS provider_ids
        FROM unnest(p_ids, p_epochs, p_outcomes, p_errors, p_provider_ids) WITH ORDINALITY AS g (id, epoch, outcome, error, provider_id, part)
        GROUP BY g.id, g.epoch
    ), mine AS MATERIALIZED (
        SELECT o.*, g.outcome, g.parts, g.provider_ids, g.new_error
        FROM given g JOIN hersys.outbox o ON o.id = g.id AND o.epoch = g.epoch AND o.state = 'sending'
        ORDER BY o.id
        FOR UPDATE OF o
    ), judged AS MATERIALIZED (
        SELECT m.*,
               CASE
                   WHEN m.outcome = 'accepted' AND m.channel = 'email' THEN 'sent_unconfirmed'
                   WHEN m.outcome = 'accepted' THEN 'sent'
                   WHEN m.outcome IN ('rejected', 'opted_out') THEN 'dead'
                   WHEN m.outcome = 'unknown' AND (m.at_most_once OR m.not_after <= v_now + interval '1 second') THEN 'unknown'
                   WHEN m.not_after <= v_now + interval '1 second' THEN 'expired'
                   ELSE 'retry'
               END::hersys.message_state AS next_state,
               m.attempts + CASE WHEN m.outcome IN ('throttled', 'link_down') THEN 0 ELSE 1 END AS spent,
               CASE WHEN m.outcome IN ('throttled', 'link_down') THEN coalesce(p_pause, interval '5 seconds')
                    ELSE hersys.outbox_retry_delay(m.attempts) END AS delay
        FROM mine m
    ), kept AS (
        -- The last attempt falls just before not_after, never past it.
        UPDATE hersys.outbox o
        SET state = 'retry', owner = NULL, lease_until = NULL, error = j.new_error, attempts = j.spent,
            not_before = least(v_now + j.delay, o.not_after - interval '1 second')
        FROM judged j WHERE o.id = j.id AND j.next_state = 'retry'
    ), gone AS (
        DELETE FROM hersys.outbox o USING judged j WHERE o.id = j.id AND j.next_state <> 'retry'
    ), part AS (
        -- A receipt that came before this answer is waiting under the same key. A name that no row can have, or that a carrier
        -- gave twice, must not fail the batch: its messages would all go out again.
        INSERT INTO hersys.message_part AS p (carrier_link, provider_id, message_id, finished_on, created_at)
        SELECT DISTINCT ON (g.provider_id) p_carrier_link, g.provider_id, j.id, v_today, v_now
        FROM judged j, unnest(j.provider_ids) AS g (provider_id)
        ORDER BY g.provider_id, j.id
        ON CONFLICT (carrier_link, provider_id) DO UPDATE
            SET message_id = EXCLUDED.message_id, finished_on = EXCLUDED.finished_on
            WHERE p.message_id IS NULL
        RETURNING p.message_id, p.state, p.error
    ), told AS MATERIALIZED (
        -- Few or none: joined to all by comparing each with each, which the planner will do whatever it is told.
        SELECT p.message_id, bool_or(p.state = 'undelivered') AS undelivered, bool_or(p.state = 'expired') AS expired,
               count(*) FILTER (WHERE p.state = 'delivered') AS delivered, max(p.error) AS error
        FROM part p WHERE p.state IS NOT NULL GROUP BY p.message_id
    ), refused AS (
        INSERT INTO hersys.suppression (channel, address, reason)
        SELECT DISTINCT j.channel, j.recipient, 'carrier_opt_out' FROM judged j WHERE j.outcome = 'opted_out' AND j.channel <> 'sms'
        ORDER BY 1, 2
        ON CONFLICT DO NOTHING
    ), ended AS MATERIALIZED (
        SELECT j.*, coalesce(t.error, j.new_error) AS end_error,
               coalesce(hersys.message_state_of_parts(t.undelivered, t.expired, t.delivered, j.parts), j.next_state) AS end_state
        FROM judged j LEFT JOIN told t ON t.message_id = j.id
    ), archived AS (
        INSERT INTO hersys.outbox_history (
            id, finished_on, kind, language, params, channel, recipient, centre_id, patient_id, link_id, priority,
            begun_by_us, at_most_once, not_before, not_after, state, attempts, epoch, error, created_at,
            carrier_link, parts, finished_at)
        SELECT e.id, v_today, e.kind, e.language, e.params, e.channel, e.recipient, e.centre_id, e.patient_id,
               e.link_id, e.priority, e.begun_by_us, e.at_most_once, e.not_before, e.not_after,
               e.end_state, e.spent, e.epoch, e.end_error, e.created_at, p_carrier_link,
               CASE WHEN e.outcome = 'accepted' THEN e.parts ELSE 0 END, v_now
        FROM ended e
        WHERE e.next_state <> 'retry'
    )
    SELECT array_agg(e.id ORDER BY e.id), array_agg(e.end_state::text ORDER BY e.id),
           array_agg(e.id ORDER BY e.id) FILTER (WHERE e.verdict IS NOT NULL),
           array_agg(e.verdict ORDER BY e.id) FILTER (WHERE e.verdict IS NOT NULL)
    INTO v_ids, v_states, v_learnt, v_verdicts
    FROM (SELECT d.id, d.end_state,
                 CASE
                     WHEN d.channel <> 'sms' OR d.next_state = 'retry' THEN NULL
                     WHEN d.outcome = 'opted_out' THEN 'carrier_opt_out'
                     WHEN d.outcome = 'rejected' THEN
                         CASE WHEN d.begun_by_us AND hersys.error_is_of_number(d.new_error) THEN 'number_dead' ELSE 'rejected' END
                     ELSE hersys.receipt_verdict(d.end_state, d.end_error)
                 END AS verdict
          FROM ended d) AS e;
    PERFORM hersys.numbers_learn(v_learnt, array_fill(v_today, ARRAY[coalesce(cardinality(v_learnt), 0)]), v_verdicts);
    RETURN QUERY SELECT g.id, g.state FROM unnest(v_ids, v_states) AS g (id, state);
END
$$;

/*
 * Stores receipts of one carrier link: provider id and state ('delivered', 'undelivered', 'expired') of each. One whose message is not
 * known yet waits. A message of several parts is delivered when all its parts are. Returns how many parts were known.
 */
CREATE OR REPLACE FUNCTION hersys.receipt_store(p_carrier_link text, p_provider_ids text[], p_states text[], p_errors text[])
RETURNS integer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v_messages bigint[];
    v_days date[];
    v_verdicts text[];
BEGIN
    IF EXISTS (SELECT FROM unnest(p_provider_ids, p_states) AS g (provider_id, state)
               WHERE (g.state IN ('delivered', 'undelivered', 'expired') AND length(g.provider_id) BETWEEN 1 AND 200) IS NOT TRUE) THEN
        RAISE EXCEPTION 'no receipt' USING ERRCODE = 'HS001';
    END IF;
    WITH given AS (
        -- Of several receipts for one part in one call, the furthest counts.
        SELECT DISTINCT ON (g.provider_id) g.provider_id, g.state::hersys.message_state AS state, g.error
        FROM unnest(p_provider_ids, p_states, p_errors) AS g (provider_id, state, error)
        ORDER BY g.provider_id, hersys.message_state_rank(g.state::hersys.message_state) DESC
    ), stored AS (
        INSERT INTO hersys.message_part AS p (carrier_link, provider_id, state, error, told_at)
        SELECT p_carrier_link, g.provider_id, g.state, g.error, hersys.clock_now() FROM given g ORDER BY g.provider_id
        ON CONFLICT (carrier_link, provider_id) DO UPDATE SET state = EXCLUDED.state, error = EXCLUDED.error, told_at = EXCLUDED.told_at
            WHERE p.state IS NULL
               OR hersys.message_state_rank(p.state) < hersys.message_state_rank(EXCLUDED.state)
        RETURNING p.message_id
    )
    SELECT array_agg(DISTINCT message_id) FILTER (WHERE message_id IS NOT NULL) INTO v_messages FROM stored;

    -- Each of the following is a statement of its own, with a snapshot that sees what a finish that was under way has written
    -- meanwhile. First the messages' rows: two receipts for two parts of one message count them one after the other.
    PERFORM FROM hersys.outbox_history h
    WHERE (h.id, h.finished_on) IN (SELECT p.message_id, p.finished_on FROM hersys.message_part p WHERE p.message_id = ANY (v_messages))
    ORDER BY h.id FOR UPDATE;

    WITH told AS (
        SELECT p.message_id, p.finished_on,
               bool_or(p.state = 'undelivered') AS undelivered, bool_or(p.state = 'expired') AS expired,
               count(*) FILTER (WHERE p.state = 'delivered') AS delivered, max(p.error) AS error
        FROM hersys.message_part p WHERE p.message_id = ANY (v_messages)
        GROUP BY p.message_id, p.finished_on
    ), known AS (
        SELECT t.*, hersys.message_state_of_parts(t.undelivered, t.expired, t.delivered, h.parts) AS state
        FROM told t JOIN hersys.outbox_history h ON h.id = t.message_id AND h.finished_on = t.finished_on
    ), moved AS (
        UPDATE hersys.outbox_history h SET state = k.state, error = k.error
        FROM known k
        WHERE h.id = k.message_id AND h.finished_on = k.finished_on AND k.state IS NOT NULL
          AND hersys.message_state_rank(h.state) < hersys.message_state_rank(k.state)
        RETURNING h.id, h.finished_on, h.channel, h.state, h.error
    )
    SELECT array_agg(m.id), array_agg(m.finished_on), array_agg(m.verdict) INTO v_messages, v_days, v_verdicts
    FROM (SELECT u.id, u.finished_on, hersys.receipt_verdict(u.state, u.error) AS verdict FROM moved u WHERE u.channel = 'sms') AS m
    WHERE m.verdict IS NOT NULL;
    PERFORM hersys.numbers_learn(v_messages, v_days, v_verdicts);
    RETURN (SELECT count(*) FROM hersys.message_part p
            WHERE p.carrier_link = p_carrier_link AND p.provider_id = ANY (p_provider_ids) AND p.message_id IS NOT NULL);
END
$$;

-- ------------------------------------------------------------------ whose number it was

-- Which telephones were a patient's until not long ago: a list that has slipped by a row shows there. Kept seven days.
CREATE TABLE hersys.phone_history (
    patient_id bigint NOT NULL REFERENCES hersys.patient ON DELETE CASCADE,
    centre_id  bigint NOT NULL REFERENCES hersys.centre,
    phone      hersys.e164 NOT NULL,
    until      timestamptz NOT NULL DEFAULT hersys.clock_now()
);
CREATE INDEX phone_history_by_phone ON hersys.phone_history (centre_id, phone);
CREATE INDEX phone_history_by_age ON hersys.phone_history (until);
CREATE INDEX phone_history_by_patient ON hersys.phone_history (patient_id);
CALL hersys.bind_to_centre('hersys.phone_history');

-- Another telephone: what was known of the old one is no reason to call any more.
CREATE FUNCTION hersys.patient_leave_phone() RETURNS trigger
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SECURITY DEFINER
AS $$
BEGIN
    PERFORM hersys.call_end(NEW.id, ARRAY['number_dead', 'undelivered', 'carrier_opt_out', 'no_sms', 'wrong_number'], 'new_number');
    INSERT INTO hersys.phone_history (patient_id, centre_id, phone) SELECT OLD.id, OLD.centre_id, OLD.phone WHERE OLD.phone IS NOT NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER leave_phone AFTER UPDATE OF phone ON hersys.patient
    FOR EACH ROW WHEN (NEW.phone IS DISTINCT FROM OLD.phone) EXECUTE FUNCTION hersys.patient_leave_phone();

-- ------------------------------------------------------------------ links, outside quiet hours

-- Takes p_count links out of what a centre may send today: when the first may go out (not in quiet hours), and how long after it each of the others. No time
-- where the cap is in the way; p_released passes it. Locks the centre's pace. Internal.
CREATE OR REPLACE FUNCTION hersys.pace_take(p_centre_id bigint, p_count integer, p_released boolean, OUT starts_at timestamptz, OUT step interval)
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_now timestamptz := hersys.clock_now();
    v_today date := hersys.centre_today(p_centre_id);
    v_centre hersys.centre;
    v_pace hersys.send_pace;
BEGIN
    INSERT INTO hersys.send_pace (centre_id, day, sent, next_at) VALUES (p_centre_id, v_today, 0, v_now) ON CONFLICT DO NOTHING;
    SELECT s.* INTO v_pace FROM hersys.send_pace s WHERE s.centre_id = p_centre_id FOR UPDATE;
    SELECT c.* INTO v_centre FROM hersys.centre c WHERE c.id = p_centre_id;
    IF v_pace.day <> v_today THEN
        v_pace.sent := 0;
    END IF;
    step := interval '1 second' / v_centre.links_per_second;
    IF p_count > 0 AND NOT p_released AND v_pace.sent + p_count > v_centre.daily_cap THEN
        RETURN;
    END IF;
    starts_at := hersys.quiet_release(v_centre, greatest(v_now, v_pace.next_at));
    UPDATE hersys.send_pace s SET day = v_today, sent = v_pace.sent + p_count, next_at = starts_at + p_count * step
    WHERE s.centre_id = p_centre_id;
END
$$;

/*
 * Makes links for patients whom the caller has locked and found without objection, and queues their messages: the first at p_from, each
 * p_step after the one before, but in quiet hours. A new link ends the open one. Number and ID come from one row. Internal.
 */
CREATE OR REPLACE FUNCTION hersys.links_make(p_centre_id bigint, p_patient_ids bigint[], p_channel text, p_key_id integer, p_salts bytea[], p_actor text,
                                  p_from timestamptz, p_step interval)
RETURNS TABLE (patient_id bigint, link_id bigint, message_id bigint)
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
SECURITY DEFINER
AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz := hersys.clock_now();
    v_open bigint[];
BEGIN
    SELECT array_agg(o.id) INTO v_open
    FROM (SELECT l.id FROM hersys.registration_link l
          WHERE l.patient_id = ANY (p_patient_ids) AND l.consumed_at IS NULL AND l.revoked_at IS NULL ORDER BY l.id FOR UPDATE) AS o;
    UPDATE hersys.registration_link l SET revoked_at = v_now WHERE l.id = ANY (v_open);
    RETURN QUERY
        WITH planned AS (
            SELECT g.id, g.salt, g.place, f.at, hersys.quiet_release(c, f.at) AS release
            FROM unnest(p_patient_ids, p_salts) WITH ORDINALITY AS g (id, salt, place)
            CROSS JOIN LATERAL (SELECT p_from + (g.place - 1) * p_step AS at) AS f
            CROSS JOIN hersys.centre c WHERE c.id = p_centre_id
        ), wanted AS MATERIALIZED (
            -- What falls into quiet hours goes out after them, at the same pace; a link lives from when it goes out.
            SELECT g.place, g.salt, p.id AS patient_id, p.language, p.input_id,
                   CASE WHEN g.release > g.at THEN g.release + (row_number() OVER (PARTITION BY g.release ORDER BY g.place) - 1) * p_step
                        ELSE g.at END AS at,
                   CASE p_channel WHEN 'sms' THEN p.phone::text ELSE p.email::text END AS recipient,
                   coalesce((SELECT max(l.generation) FROM hersys.registration_link l WHERE l.patient_id = p.id), 0) + 1 AS generation,
                   nextval('hersys.registration_link_id_seq') AS link_id, nextval('hersys.message_id') AS message_id
            FROM planned g JOIN hersys.patient p ON p.id = g.id AND p.centre_id = p_centre_id
        ), made AS (
            INSERT INTO hersys.registration_link (id, patient_id, centre_id, recipient, channel, key_id, salt, generation, requested_by,
                                                  created_at, expires_at, message_id)
            SELECT w.link_id, w.patient_id, p_centre_id, w.recipient, p_channel, p_key_id, w.salt, w.generation, p_actor,
                   v_now, w.at + interval '72 hours', w.message_id
            FROM wanted w
        ), queued AS (
            INSERT INTO hersys.outbox (id, kind, language, params, channel, recipient, centre_id, patient_id, link_id, priority,
                                       begun_by_us, at_most_once, not_before, not_after, created_at)
            SELECT w.message_id, k.kind, w.language,
                   jsonb_build_object('centre', c.short_name, 'centre_phone', c.phone, 'input_id', w.input_id),
                   p_channel, w.recipient, p_centre_id, w.patient_id, w.link_id, k.priority, k.begun_by_us, k.at_most_once,
                   w.at, w.at + k.lifetime, v_now
            FROM wanted w, hersys.message_kind k, hersys.centre c WHERE k.kind = 'registration_link' AND c.id = p_centre_id
        ), noted AS (
            INSERT INTO hersys.audit (actor, action, subject, subject_id, centre_id)
            SELECT p_actor, 'link_send', 'patient', w.patient_id, p_centre_id FROM wanted w ORDER BY w.place
        )
        SELECT w.patient_id, w.link_id, w.message_id FROM wanted w ORDER BY w.place;
    PERFORM hersys.outbox_wake();
END
$$;

-- ------------------------------------------------------------------ batches that look wrong

ALTER TABLE hersys.send_batch
    DROP CONSTRAINT send_batch_held_for_check,
    ADD CONSTRAINT send_batch_held_for_check CHECK (held_for IN ('daily_cap', 'repeated_phone', 'shifted'));
COMMENT ON COLUMN hersys.send_batch.held_for IS
    'daily_cap: more than a day''s; repeated_phone: patients of different families share a telephone or address; shifted: numbers or IDs '
    'are those of other patients';

-- A family's name, however it is written. Internal.
CREATE FUNCTION hersys.family_key(p_family_name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT lower(regexp_replace(normalize(p_family_name, NFKC), '[[:space:]]', '', 'g')) $$;

/*
 * Compares what the caller's own list says of the patients of a batch with the register (null: it says nothing). A value that is another
 * patient's is a list that has slipped by a row: true. One that is nobody's refuses its patient. A telephone that is a relative's is no
 * slip: relatives share theirs. Internal.
 */
CREATE FUNCTION hersys.batch_compare(p_batch hersys.send_batch, p_patient_ids bigint[], p_phones text[], p_input_ids text[]) RETURNS boolean
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v_ids bigint[];
    v_reasons text[];
    v_shifted boolean;
BEGIN
    WITH wrong AS MATERIALIZED (
        SELECT p.id, p.family_name,
               CASE WHEN g.phone IS DISTINCT FROM p.phone THEN g.phone END AS phone,
               CASE WHEN g.input_id <> p.input_id THEN g.input_id END AS input_id
        FROM unnest(p_patient_ids, p_phones, p_input_ids) AS g (id, phone, input_id)
        JOIN hersys.patient p ON p.id = g.id AND p.centre_id = p_batch.centre_id
        WHERE g.phone IS DISTINCT FROM p.phone AND g.phone IS NOT NULL OR g.input_id <> p.input_id
    ), judged AS (
        SELECT w.*,
               EXISTS (SELECT FROM hersys.patient o WHERE o.centre_id = p_batch.centre_id AND o.phone = w.phone AND o.id <> w.id
                                                      AND hersys.family_key(o.family_name) <> hersys.family_key(w.family_name) OFFSET 0)
               OR EXISTS (SELECT FROM hersys.patient o WHERE o.input_id = w.input_id AND o.centre_id = p_batch.centre_id OFFSET 0) AS shifted
        FROM wrong w
    )
    SELECT array_agg(j.id) FILTER (WHERE NOT j.shifted),
           array_agg(CASE WHEN j.input_id IS NOT NULL THEN format('the input ID that was given for patient %s is not the one in the register', j.id)
                          ELSE format('the telephone that was given for patient %s is not the one in the register', j.id) END)
               FILTER (WHERE NOT j.shifted),
           coalesce(bool_or(j.shifted), false)
    INTO v_ids, v_reasons, v_shifted FROM judged j;
    UPDATE hersys.send_request r SET reason = e.reason, salt = NULL
    FROM unnest(v_ids, v_reasons) AS e (patient_id, reason)
    WHERE r.batch_id = p_batch.id AND r.patient_id = e.patient_id AND r.reason IS NULL;
    RETURN v_shifted;
END
$$;

/*
 * Why a batch should be looked at before it goes out, by the register alone; null where nothing is strange. One telephone (or address) with two
 * families' names, also where it is a couple's: 'repeated_phone'. 'shifted': two patients or more whose telephone was another family's
 * until less than seven days ago, or is another family's at present (one that is monitored, or whose input ID is the next one). Internal.
 */
CREATE FUNCTION hersys.batch_strangeness(p_batch hersys.send_batch) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v_today date := hersys.centre_today(p_batch.centre_id);
    v_week_ago timestamptz := hersys.clock_now() - interval '7 days';
    v_ids bigint[] := ARRAY(SELECT r.patient_id FROM hersys.send_request r WHERE r.batch_id = p_batch.id AND r.reason IS NULL);
BEGIN
    IF EXISTS (SELECT FROM hersys.patient p WHERE p.id = ANY (v_ids) AND p.centre_id = p_batch.centre_id
               GROUP BY CASE p_batch.channel WHEN 'sms' THEN p.phone::text ELSE p.email::text END
               HAVING count(DISTINCT hersys.family_key(p.family_name)) > 1) THEN
        RETURN 'repeated_phone';
    END IF;
    IF p_batch.channel = 'sms' AND (
        SELECT count(*) FROM hersys.patient p
        WHERE p.id = ANY (v_ids) AND p.centre_id = p_batch.centre_id
          AND (EXISTS (SELECT FROM hersys.phone_history h JOIN hersys.patient o ON o.id = h.patient_id
                       WHERE h.centre_id = p_batch.centre_id AND h.phone = p.phone AND h.until > v_week_ago AND o.id <> p.id
                         AND hersys.family_key(o.family_name) <> hersys.family_key(p.family_name) OFFSET 0)
               OR EXISTS (SELECT FROM hersys.patient o
                          WHERE o.centre_id = p_batch.centre_id AND o.phone = p.phone AND o.id <> p.id
                            AND hersys.family_key(o.family_name) <> hersys.family_key(p.family_name)
                            AND (o.ended_at IS NULL AND o.monitoring_until >= v_today
                                 OR length(o.input_id) = length(p.input_id) AND abs(o.input_id::bigint - p.input_id::bigint) = 1) OFFSET 0))) >= 2 THEN
        RETURN 'shifted';
    END IF;
    RETURN NULL;
END
$$;

DROP FUNCTION hersys.v1_links_send(hersys.caller, bigint[], text, integer, bytea[]);
DROP FUNCTION hersys.link_batch(bigint[], text, integer, bytea[], text);
DROP FUNCTION hersys.batch_make(bigint, bigint[], text, integer, bytea[], text);
DROP FUNCTION hersys.batch_list();

-- A batch of a centre: sent, or held whole where it looks wrong or would pass the cap. A patient for whom a link is not possible is
-- refused, the others go on. p_phones, p_input_ids: what the caller's own list says of each patient, where it says something. Internal.
CREATE FUNCTION hersys.batch_make(p_centre_id bigint, p_patient_ids bigint[], p_channel text, p_key_id integer, p_salts bytea[], p_actor text,
                                  p_phones text[] DEFAULT NULL, p_input_ids text[] DEFAULT NULL)
RETURNS hersys.send_batch
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_batch hersys.send_batch;
    v_held_for text;
BEGIN
    IF (p_channel IN ('sms', 'email')) IS NOT TRUE THEN
        PERFORM hersys.value_refuse('/channel', 'links go by sms or email');
    END IF;
    IF (cardinality(p_patient_ids) BETWEEN 1 AND 5000) IS NOT TRUE THEN
        PERFORM hersys.value_refuse('/patients', 'a batch has 1 to 5000 patients');
    END IF;
    IF array_position(p_patient_ids, NULL) IS NOT NULL
       OR cardinality(p_patient_ids) <> (SELECT count(DISTINCT i) FROM unnest(p_patient_ids) AS i) THEN
        PERFORM hersys.value_refuse('/patients', 'a patient stands in a batch once');
    END IF;
    IF cardinality(p_salts) IS DISTINCT FROM cardinality(p_patient_ids) OR (p_key_id BETWEEN 1 AND 32767) IS NOT TRUE
       OR EXISTS (SELECT FROM unnest(p_salts) AS s WHERE (octet_length(s) = 16) IS NOT TRUE) THEN
        RAISE EXCEPTION 'a batch wants a key and a salt for each patient' USING ERRCODE = 'HS001';
    END IF;
    IF coalesce(cardinality(p_phones), cardinality(p_patient_ids)) <> cardinality(p_patient_ids)
       OR coalesce(cardinality(p_input_ids), cardinality(p_patient_ids)) <> cardinality(p_patient_ids) THEN
        RAISE EXCEPTION 'a list to compare with has a place for each patient' USING ERRCODE = 'HS001';
    END IF;
    INSERT INTO hersys.send_batch (centre_id, channel, key_id, state, requested_by)
    VALUES (p_centre_id, p_channel, p_key_id, 'sent', p_actor) RETURNING * INTO v_batch;
    INSERT INTO hersys.send_request (batch_id, patient_id, centre_id, place, salt)
    SELECT v_batch.id, g.id, p_centre_id, g.place, g.salt FROM unnest(p_patient_ids, p_salts) WITH ORDINALITY AS g (id, salt, place);
    PERFORM hersys.batch_examine(v_batch);
    v_held_for := CASE WHEN hersys.batch_compare(v_batch, p_patient_ids, p_phones, p_input_ids) THEN 'shifted'
                       ELSE hersys.batch_strangeness(v_batch) END;
    IF v_held_for IS NULL AND NOT hersys.batch_send(v_batch, p_actor, false) THEN
        v_held_for := 'daily_cap';
    END IF;
    IF v_held_for IS NOT NULL THEN
        UPDATE hersys.send_batch b SET state = 'held', held_for = v_held_for WHERE b.id = v_batch.id RETURNING b.* INTO v_batch;
    END IF;
    PERFORM hersys.audit_note(p_actor, CASE v_batch.state WHEN 'held' THEN 'batch_hold' ELSE 'batch_send' END, 'batch', v_batch.id, p_centre_id);
    RETURN v_batch;
END
$$;

CREATE FUNCTION hersys.link_batch(p_patient_ids bigint[], p_channel text, p_key_id integer, p_salts bytea[], p_actor text,
                                  p_phones text[] DEFAULT NULL, p_input_ids text[] DEFAULT NULL)
RETURNS TABLE (batch_id bigint, state text, held_for text)
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
#variable_conflict use_column
DECLARE
    v_centres bigint[];
BEGIN
    SELECT array_agg(DISTINCT p.centre_id) INTO v_centres FROM hersys.patient p WHERE p.id = ANY (p_patient_ids);
    IF v_centres IS NULL THEN
        RAISE EXCEPTION '%', CASE cardinality(p_patient_ids) WHEN 1 THEN format('there is no patient %s', p_patient_ids[1])
                                                             ELSE 'there is none of these patients' END USING ERRCODE = 'HS002';
    ELSIF cardinality(v_centres) > 1 THEN
        RAISE EXCEPTION 'these patients are of several centres: a batch is of one' USING ERRCODE = 'HS004';
    END IF;
    RETURN QUERY SELECT b.id, b.state, b.held_for FROM hersys.batch_make(v_centres[1], p_patient_ids, p_channel, p_key_id, p_salts, p_actor,
                                                                          p_phones, p_input_ids) AS b;
END
$$;
COMMENT ON FUNCTION hersys.link_batch(bigint[], text, integer, bytea[], text, text[], text[]) IS 'links to many patients of one centre, for the operator';

CREATE FUNCTION hersys.v1_links_send(p_caller hersys.caller, p_patient_ids bigint[], p_channel text, p_key_id integer, p_salts bytea[],
                                     p_phones text[] DEFAULT NULL, p_input_ids text[] DEFAULT NULL)
RETURNS hersys.reply
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_call hersys.api_call := hersys.call_begin(p_caller, 'links', 'links_send');
    v_batch hersys.send_batch;
BEGIN
    IF v_call.reply IS NOT NULL THEN
        RETURN v_call.reply;
    END IF;
    v_batch := hersys.batch_make(v_call.centre_id, p_patient_ids, p_channel, p_key_id, p_salts, v_call.actor, p_phones, p_input_ids);
    RETURN hersys.call_end(p_caller, v_call, 202, hersys.batch_json(v_batch.id));
END
$$;

-- The batches that wait for a second person, the oldest first, with how many links each would send, and why it waits.
CREATE FUNCTION hersys.batch_list()
RETURNS TABLE (batch_id bigint, centre_id bigint, channel text, requested_by text, created_at timestamptz, links bigint, held_for text)
LANGUAGE sql STABLE
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
    SELECT b.id, b.centre_id, b.channel::text, b.requested_by, b.created_at,
           (SELECT count(*) FROM hersys.send_request r WHERE r.batch_id = b.id AND r.reason IS NULL), b.held_for
    FROM hersys.send_batch b WHERE b.state = 'held' ORDER BY b.created_at, b.id
$$;

GRANT EXECUTE ON FUNCTION
    hersys.link_batch(bigint[], text, integer, bytea[], text, text[], text[]),
    hersys.v1_links_send(hersys.caller, bigint[], text, integer, bytea[], text[], text[]),
    hersys.batch_list() TO hersys_gateway;
CALL hersys.settle_rights();
