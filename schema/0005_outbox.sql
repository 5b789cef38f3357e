-- 0005_outbox.sql - a message's life: queued, claimed, finished, and what its receipts say.
--
-- Every change of a message's state goes through a function of this file.

SET LOCAL ROLE hersys_owner;

-- ------------------------------------------------------------------ asking for a message

-- Queues one message of a kind. Returns its id, or null where the dedupe key was used before. Internal.
CREATE FUNCTION hersys.outbox_enqueue(
    p_kind text, p_language text, p_params jsonb, p_channel text, p_recipient text, p_dedupe_key text,
    p_centre_id bigint, p_patient_id bigint, p_link_id bigint DEFAULT NULL, p_not_after timestamptz DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_id bigint := nextval('hersys.message_id');
BEGIN
    INSERT INTO hersys.outbox_dedupe (key, message_id) VALUES (p_dedupe_key, v_id) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO hersys.outbox (id, kind, language, params, channel, recipient, centre_id, patient_id, link_id,
                               priority, begun_by_us, at_most_once, not_before, not_after)
    SELECT v_id, k.kind, p_language, p_params, p_channel, p_recipient, p_centre_id, p_patient_id, p_link_id,
           k.priority, k.begun_by_us, k.at_most_once, hersys.clock_now(),
           coalesce(p_not_after, hersys.clock_now() + k.lifetime)
    FROM hersys.message_kind k WHERE k.kind = p_kind;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'message kind "%" is not known', p_kind USING ERRCODE = 'HS001';
    END IF;
    RETURN v_id;
END
$$;

-- Wakes the daemons; once a batch, for a notification takes a lock of the whole instance at commit. Internal.
CREATE FUNCTION hersys.outbox_wake() RETURNS void
LANGUAGE sql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$ SELECT pg_notify('hersys_outbox', '') $$;

-- ------------------------------------------------------------------ leaving the outbox

-- Takes messages that did not go out, and that the caller has locked, into the history, with the state and error of each. Internal.
CREATE FUNCTION hersys.outbox_end(p_ids bigint[], p_states hersys.message_state[], p_errors text[]) RETURNS void
LANGUAGE sql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
    WITH ended AS (
        SELECT * FROM unnest(p_ids, p_states, p_errors) AS e (id, state, error)
    ), gone AS (
        DELETE FROM hersys.outbox o USING ended e WHERE o.id = e.id
        RETURNING o.*, e.state AS end_state, e.error AS end_error
    ), clock AS MATERIALIZED (
        SELECT hersys.clock_now() AS at
    )
    INSERT INTO hersys.outbox_history (
        id, finished_on, kind, language, params, channel, recipient, centre_id, patient_id, link_id, priority, begun_by_us,
        at_most_once, not_before, not_after, state, attempts, epoch, error, created_at, finished_at)
    SELECT id, (clock.at AT TIME ZONE 'UTC')::date, kind, language, params, channel, recipient, centre_id,
           patient_id, link_id, priority, begun_by_us, at_most_once, not_before, not_after, end_state, attempts, epoch,
           coalesce(end_error, error), created_at, clock.at
    FROM gone, clock
$$;

-- ------------------------------------------------------------------ claim

/*
 * Takes up to p_limit messages that are due on a channel, the most urgent first, for p_lease from now, and returns what
 * their sending needs. Those that should not go out any more are ended instead and count for nothing; only where thousands
 * of them stand in a row does a call stop early (and wakes the daemons, so that the next one goes on). The plan is pinned to
 * the index of what is due, and the objections (OFFSET 0) to a look by index for each message: on a table that was never analysed
 * it would sort the whole backlog.
 */
CREATE FUNCTION hersys.outbox_claim(p_instance uuid, p_channel text, p_limit integer, p_lease interval)
RETURNS TABLE (id bigint, epoch integer, kind text, language text, recipient text, params jsonb, attempts integer,
               link_id bigint, link_key_id integer, link_salt text, link_generation integer)
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET jit = off
SET enable_bitmapscan = off
SECURITY DEFINER
AS $$
#variable_conflict use_column
DECLARE
    v_claimed bigint[] := '{}';
    v_good bigint[];
    v_ended bigint[];
    v_states hersys.message_state[];
    v_now timestamptz := hersys.clock_now();
    v_left integer := p_limit;
    v_looked_at integer := 0;
BEGIN
    FOR v_priority IN 0..3 LOOP
        WHILE v_left > 0 LOOP
            IF v_looked_at >= p_limit + 5000 THEN
                PERFORM hersys.outbox_wake();
                EXIT;
            END IF;
            SELECT coalesce(array_agg(j.id) FILTER (WHERE j.objection IS NULL), '{}'),
                   coalesce(array_agg(j.id) FILTER (WHERE j.objection IS NOT NULL), '{}'),
                   array_agg(j.objection) FILTER (WHERE j.objection IS NOT NULL)
            INTO v_good, v_ended, v_states
            FROM (SELECT due.id,
                         -- Whether it should still be sent, asked immediately before: the state in which it ends otherwise.
                         CASE
                             WHEN due.not_after <= v_now THEN 'expired'
                             WHEN due.begun_by_us AND EXISTS (
                                 SELECT FROM hersys.suppression s
                                 WHERE s.channel = due.channel AND s.address = due.recipient AND s.ended_at IS NULL OFFSET 0)
                                 THEN 'suppressed'
                             WHEN due.begun_by_us AND due.channel = 'sms' AND EXISTS (
                                 SELECT FROM hersys.phone f
                                 WHERE f.number = due.recipient AND f.quarantined_at IS NOT NULL OFFSET 0)
                                 THEN 'suppressed'
                             WHEN due.link_id IS NOT NULL AND NOT EXISTS (
                                 SELECT FROM hersys.registration_link l JOIN hersys.patient t ON t.id = l.patient_id
                                 WHERE l.id = due.link_id AND l.consumed_at IS NULL AND l.revoked_at IS NULL
                                   AND l.expires_at > v_now AND t.phone = l.recipient AND t.ended_at IS NULL OFFSET 0)
                                 THEN 'cancelled'
                             WHEN due.kind = 'reminder' AND NOT EXISTS (
                                 SELECT FROM hersys.reminder r JOIN hersys.patient t ON t.id = r.patient_id,
                                      LATERAL hersys.slot_window(r.slot_id, r.day) AS w
                                 WHERE r.message_id = due.id AND t.phone = due.recipient AND t.ended_at IS NULL
                                   AND r.day BETWEEN t.monitoring_from AND t.monitoring_until
                                   AND NOT EXISTS (SELECT FROM hersys.reports_within(t.id, w.since, w.until) OFFSET 0) OFFSET 0)
                                 THEN 'cancelled'
                         END::hersys.message_state AS objection
                  FROM (SELECT o.* FROM hersys.outbox o
                        WHERE o.channel = p_channel AND o.priority = v_priority AND o.state <> 'sending' AND o.not_before <= v_now
                        ORDER BY o.not_before, o.id
                        LIMIT v_left
                        FOR UPDATE SKIP LOCKED) AS due
                  OFFSET 0) AS j;
            UPDATE hersys.outbox o
            SET state = 'sending', owner = p_instance, lease_until = clock_timestamp() + p_lease, epoch = o.epoch + 1
            WHERE o.id = ANY (v_good);
            v_claimed := v_claimed || v_good;
            v_left := v_left - cardinality(v_good);
            v_looked_at := v_looked_at + cardinality(v_good) + cardinality(v_ended);
            EXIT WHEN cardinality(v_ended) = 0;
            PERFORM hersys.outbox_end(v_ended, v_states, array_fill(NULL::text, ARRAY[cardinality(v_ended)]));
        END LOOP;
    END LOOP;
    RETURN QUERY
        SELECT c.id, c.epoch, c.kind, c.language::text, c.recipient, c.params, c.attempts::integer,
               l.id, l.key_id::integer, encode(l.salt, 'hex'), l.generation
        FROM hersys.outbox c LEFT JOIN hersys.registration_link l ON l.id = c.link_id
        WHERE c.id = ANY (v_claimed)
        ORDER BY c.priority, c.not_before, c.id;
END
$$;
COMMENT ON FUNCTION hersys.outbox_claim(uuid, text, integer, interval) IS
    'claims due messages of a channel under a lease; ends those that must not go out any more';

-- ------------------------------------------------------------------ finish

-- States only move forward, and what a carrier says in the end beats our waiting. Internal.
CREATE FUNCTION hersys.message_state_rank(p hersys.message_state) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE p WHEN 'sent' THEN 1 WHEN 'sent_unconfirmed' THEN 2 WHEN 'unknown' THEN 2
                    WHEN 'expired' THEN 3 WHEN 'undelivered' THEN 3 WHEN 'delivered' THEN 4 ELSE 0 END $$;

-- What the receipts of its parts say of a message; null while they say nothing yet. Internal.
CREATE FUNCTION hersys.message_state_of_parts(p_undelivered boolean, p_expired boolean, p_delivered bigint, p_parts bigint)
RETURNS hersys.message_state
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN p_undelivered THEN 'undelivered' WHEN p_expired THEN 'expired'
                  WHEN p_delivered >= p_parts THEN 'delivered' END::hersys.message_state $$;

-- Full jitter (a random part of 5 s * 2^attempts, at most 15 min). Internal.
CREATE FUNCTION hersys.outbox_retry_delay(p_attempts integer) RETURNS interval
LANGUAGE sql VOLATILE
SET search_path = hersys, pg_temp
AS $$ SELECT least(interval '15 minutes', interval '5 seconds' * (2 ^ least(p_attempts, 20))) * random() $$;

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
CREATE FUNCTION hersys.outbox_finish(
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
BEGIN
    IF EXISTS (SELECT FROM unnest(p_ids, p_outcomes) AS g (id, outcome)
               WHERE (g.outcome IN ('accepted', 'retry', 'throttled', 'link_down', 'rejected', 'opted_out', 'unknown')) IS NOT TRUE) THEN
        RAISE EXCEPTION 'unknown outcome' USING ERRCODE = 'HS001';
    END IF;
    RETURN QUERY
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
            SELECT DISTINCT j.channel, j.recipient, 'carrier_opt_out' FROM judged j WHERE j.outcome = 'opted_out'
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
        SELECT e.id, e.end_state::text FROM ended e ORDER BY e.id;
END
$$;

-- ------------------------------------------------------------------ leases

-- Extends the leases of what is still on the wire; returns those that still belong to the caller.
CREATE FUNCTION hersys.outbox_renew(p_instance uuid, p_ids bigint[], p_epochs integer[], p_lease interval)
RETURNS SETOF bigint
LANGUAGE sql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET jit = off
SECURITY DEFINER
AS $$
    WITH mine AS MATERIALIZED (
        SELECT o.id FROM unnest(p_ids, p_epochs) AS g (id, epoch)
        JOIN hersys.outbox o ON o.id = g.id AND o.epoch = g.epoch AND o.state = 'sending' AND o.owner = p_instance
                                AND o.lease_until > clock_timestamp()
        ORDER BY o.id FOR UPDATE OF o
    )
    UPDATE hersys.outbox o SET lease_until = clock_timestamp() + p_lease FROM mine WHERE o.id = mine.id
    RETURNING o.id
$$;

-- Gives back what was claimed and never put on the wire (a daemon that stops): as if it had not been claimed.
CREATE FUNCTION hersys.outbox_release(p_instance uuid, p_ids bigint[], p_epochs integer[]) RETURNS integer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v_count integer;
BEGIN
    WITH mine AS MATERIALIZED (
        SELECT o.id FROM unnest(p_ids, p_epochs) AS g (id, epoch)
        JOIN hersys.outbox o ON o.id = g.id AND o.epoch = g.epoch AND o.state = 'sending' AND o.owner = p_instance
        ORDER BY o.id FOR UPDATE OF o
    )
    UPDATE hersys.outbox o
    SET state = CASE WHEN o.attempts = 0 THEN 'queued' ELSE 'retry' END::hersys.message_state, owner = NULL, lease_until = NULL
    FROM mine WHERE o.id = mine.id;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    IF v_count > 0 THEN
        PERFORM hersys.outbox_wake();
    END IF;
    RETURN v_count;
END
$$;

-- Settles leases that ran out, whoever held them: again after a while (the message may be what its sender died of), or unknown
-- for good. Returns how many.
CREATE FUNCTION hersys.outbox_reap(p_limit integer DEFAULT 500) RETURNS integer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v_real_now timestamptz := clock_timestamp();
    v_now timestamptz := hersys.clock_now();
    v_again bigint[];
    v_ended bigint[];
BEGIN
    WITH lapsed AS MATERIALIZED (
        SELECT o.id, o.at_most_once FROM hersys.outbox o
        WHERE o.state = 'sending' AND o.lease_until < v_real_now
        ORDER BY o.lease_until LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    )
    SELECT array_agg(id) FILTER (WHERE NOT at_most_once), array_agg(id) FILTER (WHERE at_most_once)
    INTO v_again, v_ended FROM lapsed;
    IF v_again IS NOT NULL THEN
        UPDATE hersys.outbox o SET state = 'retry', owner = NULL, lease_until = NULL, epoch = o.epoch + 1,
               attempts = o.attempts + 1, error = 'lease_lapsed',
               not_before = least(v_now + hersys.outbox_retry_delay(o.attempts), o.not_after - interval '1 second')
        WHERE o.id = ANY (v_again);
        PERFORM hersys.outbox_wake();
    END IF;
    IF v_ended IS NOT NULL THEN
        PERFORM hersys.outbox_end(v_ended, array_fill('unknown'::hersys.message_state, ARRAY[cardinality(v_ended)]),
                                  array_fill('lease_lapsed'::text, ARRAY[cardinality(v_ended)]));
    END IF;
    RETURN coalesce(cardinality(v_again), 0) + coalesce(cardinality(v_ended), 0);
END
$$;

-- ------------------------------------------------------------------ receipts

/*
 * Stores receipts of one carrier link: provider id and state ('delivered', 'undelivered', 'expired') of each. One whose message is not
 * known yet waits. A message of several parts is delivered when all its parts are. Returns how many parts were known.
 */
CREATE FUNCTION hersys.receipt_store(p_carrier_link text, p_provider_ids text[], p_states text[], p_errors text[])
RETURNS integer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v_messages bigint[];
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
        INSERT INTO hersys.message_part AS p (carrier_link, provider_id, state, error)
        SELECT p_carrier_link, g.provider_id, g.state, g.error FROM given g ORDER BY g.provider_id
        ON CONFLICT (carrier_link, provider_id) DO UPDATE SET state = EXCLUDED.state, error = EXCLUDED.error
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
    )
    UPDATE hersys.outbox_history h SET state = k.state, error = k.error
    FROM known k
    WHERE h.id = k.message_id AND h.finished_on = k.finished_on AND k.state IS NOT NULL
      AND hersys.message_state_rank(h.state) < hersys.message_state_rank(k.state);
    RETURN (SELECT count(*) FROM hersys.message_part p
            WHERE p.carrier_link = p_carrier_link AND p.provider_id = ANY (p_provider_ids) AND p.message_id IS NOT NULL);
END
$$;

-- Ends the waiting for receipts that did not come within p_window. Returns how many.
CREATE FUNCTION hersys.receipt_give_up(p_window interval DEFAULT interval '72 hours', p_limit integer DEFAULT 5000)
RETURNS integer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_count integer;
    v_before timestamptz := hersys.clock_now() - p_window;
BEGIN
    UPDATE hersys.outbox_history h SET state = 'sent_unconfirmed'
    FROM (SELECT id, finished_on FROM hersys.outbox_history
          WHERE state = 'sent' AND finished_at < v_before
          ORDER BY finished_at LIMIT p_limit FOR UPDATE SKIP LOCKED) AS w
    WHERE h.id = w.id AND h.finished_on = w.finished_on;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;

-- ------------------------------------------------------------------ the operator

-- How many messages are in which state, and how long the oldest that is due has been waiting (seconds). History: the last 24 hours.
CREATE FUNCTION hersys.queue_summary()
RETURNS TABLE (channel text, state text, count bigint, oldest_seconds double precision)
LANGUAGE sql STABLE
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
    SELECT o.channel::text, o.state::text, count(*),
           extract(epoch FROM greatest(interval '0', hersys.clock_now() - min(o.not_before)))::double precision
    FROM hersys.outbox o GROUP BY 1, 2
    UNION ALL
    SELECT h.channel::text, h.state::text, count(*), NULL
    FROM hersys.outbox_history h WHERE h.finished_on >= ((hersys.clock_now() - interval '24 hours') AT TIME ZONE 'UTC')::date
      AND h.finished_at > hersys.clock_now() - interval '24 hours'
    GROUP BY 1, 2
    ORDER BY 1, 2
$$;

/*
 * Sends a message again that ended without arriving (dead, unknown, undelivered, expired), under the same id and with a new lifetime; or
 * at once what waits for its next attempt. Returns 'queued', or why not: 'not_found', 'sending', 'delivered', 'sent', ….
 */
CREATE FUNCTION hersys.outbox_retry(p_id bigint, p_actor text) RETURNS text
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_state text;
    v_centre_id bigint;
    v_row hersys.outbox_history;
BEGIN
    SELECT o.state::text, o.centre_id INTO v_state, v_centre_id FROM hersys.outbox o WHERE o.id = p_id FOR UPDATE;
    IF FOUND THEN
        IF v_state = 'sending' THEN
            RETURN v_state;
        END IF;
        UPDATE hersys.outbox SET not_before = least(not_before, hersys.clock_now()) WHERE id = p_id;
    ELSE
        -- Parts before history, in the order in which receipts lock them.
        PERFORM FROM hersys.message_part p WHERE p.message_id = p_id ORDER BY p.carrier_link, p.provider_id FOR UPDATE;
        SELECT h.* INTO v_row FROM hersys.outbox_history h WHERE h.id = p_id FOR UPDATE;
        IF NOT FOUND THEN
            RETURN 'not_found';
        END IF;
        IF v_row.state NOT IN ('dead', 'unknown', 'undelivered', 'expired') THEN
            RETURN v_row.state::text;
        END IF;
        v_centre_id := v_row.centre_id;
        DELETE FROM hersys.outbox_history WHERE id = v_row.id AND finished_on = v_row.finished_on;
        UPDATE hersys.message_part SET state = coalesce(state, 'undelivered'), message_id = NULL, finished_on = NULL
        WHERE message_id = p_id;
        INSERT INTO hersys.outbox (id, kind, language, params, channel, recipient, centre_id, patient_id, link_id, priority,
                                   begun_by_us, at_most_once, not_before, not_after, epoch, created_at)
        SELECT v_row.id, v_row.kind, v_row.language, v_row.params, v_row.channel, v_row.recipient, v_row.centre_id,
               v_row.patient_id, v_row.link_id, v_row.priority, v_row.begun_by_us, v_row.at_most_once,
               hersys.clock_now(), hersys.clock_now() + k.lifetime, v_row.epoch, v_row.created_at
        FROM hersys.message_kind k WHERE k.kind = v_row.kind;
    END IF;
    INSERT INTO hersys.audit (actor, action, subject, subject_id, centre_id) VALUES (p_actor, 'retry', 'message', p_id, v_centre_id);
    PERFORM hersys.outbox_wake();
    RETURN 'queued';
END
$$;

-- ------------------------------------------------------------------ daemons

-- Says that a daemon lives, and makes the coming days' partitions. Returns the held clock, null in production.
CREATE FUNCTION hersys.instance_beat(p_id uuid, p_host text, p_pid integer, p_version text) RETURNS timestamptz
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
BEGIN
    INSERT INTO hersys.gateway_instance (id, host, pid, version) VALUES (p_id, p_host, p_pid, p_version)
    ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp();
    PERFORM hersys.history_prepare();
    RETURN (SELECT held_at FROM hersys.clock);
END
$$;

GRANT EXECUTE ON FUNCTION hersys.history_prepare(integer) TO hersys_definer, hersys_gateway;
GRANT EXECUTE ON FUNCTION
    hersys.outbox_claim(uuid, text, integer, interval),
    hersys.outbox_finish(text, bigint[], integer[], text[], text[], text[], interval),
    hersys.outbox_renew(uuid, bigint[], integer[], interval),
    hersys.outbox_release(uuid, bigint[], integer[]),
    hersys.outbox_reap(integer),
    hersys.receipt_store(text, text[], text[], text[]),
    hersys.receipt_give_up(interval, integer),
    hersys.outbox_retry(bigint, text),
    hersys.instance_beat(uuid, text, integer, text) TO hersys_gateway;
GRANT EXECUTE ON FUNCTION hersys.queue_summary() TO hersys_gateway, hersys_readonly;
CALL hersys.settle_rights();
