-- 0007_codes.sql - confirmation codes, links by e-mail, and what a claim needs to know for both.

SET LOCAL ROLE hersys_owner;

-- ------------------------------------------------------------------ links by e-mail

ALTER TABLE hersys.registration_link ALTER COLUMN recipient TYPE text;
ALTER TABLE hersys.registration_link
    ADD COLUMN channel hersys.channel NOT NULL DEFAULT 'sms',
    ADD CONSTRAINT registration_link_recipient_check
        CHECK (CASE channel WHEN 'sms' THEN recipient ~ '^\+[1-9][0-9]{5,14}$' ELSE length(recipient) BETWEEN 1 AND 254 END);

-- The message that carries a link, so that its way can be followed.
ALTER TABLE hersys.registration_link ADD COLUMN message_id bigint;
UPDATE hersys.registration_link l SET message_id = d.message_id FROM hersys.outbox_dedupe d WHERE d.key = 'link:' || l.id;

-- ------------------------------------------------------------------ codes

INSERT INTO hersys.message_kind (kind, priority, lifetime, begun_by_us) VALUES ('confirmation_code', 0, '30 minutes', false);

-- The message that carries the code: what is minted is minted for it, and its state is that of the code's way.
ALTER TABLE hersys.confirmation ADD COLUMN message_id bigint;
CREATE UNIQUE INDEX confirmation_by_message ON hersys.confirmation (message_id);

-- One open code an address and centre: centres do not see, and so cannot end, each other's.
DROP INDEX hersys.confirmation_one_open;
CREATE UNIQUE INDEX confirmation_one_open ON hersys.confirmation (channel, recipient, coalesce(centre_id, 0))
    WHERE consumed_at IS NULL AND revoked_at IS NULL;
CREATE INDEX confirmation_by_recipient ON hersys.confirmation (channel, recipient, generation);
CREATE INDEX confirmation_by_age ON hersys.confirmation (expires_at);

-- ------------------------------------------------------------------ asking for a message, claiming it

DROP FUNCTION hersys.outbox_enqueue(text, text, jsonb, text, text, text, bigint, bigint, bigint, timestamptz);
-- Queues one message of a kind. Returns its id, or null where the dedupe key was used before. Internal.
CREATE FUNCTION hersys.outbox_enqueue(
    p_kind text, p_language text, p_params jsonb, p_channel text, p_recipient text, p_dedupe_key text,
    p_centre_id bigint, p_patient_id bigint, p_link_id bigint DEFAULT NULL, p_not_after timestamptz DEFAULT NULL,
    p_not_before timestamptz DEFAULT NULL)
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
           k.priority, k.begun_by_us, k.at_most_once, coalesce(p_not_before, hersys.clock_now()),
           coalesce(p_not_after, coalesce(p_not_before, hersys.clock_now()) + k.lifetime)
    FROM hersys.message_kind k WHERE k.kind = p_kind;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'message kind "%" is not known', p_kind USING ERRCODE = 'HS001';
    END IF;
    RETURN v_id;
END
$$;

DROP FUNCTION hersys.outbox_claim(uuid, text, integer, interval);
/*
 * Takes up to p_limit messages that are due on a channel, the most urgent first, for p_lease from now, and returns what
 * their sending needs. Those that should not go out any more are ended instead and count for nothing; only where thousands
 * of them stand in a row does a call stop early (and wakes the daemons, so that the next one goes on). The plan is pinned to
 * the index of what is due, and the objections (OFFSET 0) to a look by index for each message: on a table that was never analysed
 * it would sort the whole backlog.
 */
CREATE FUNCTION hersys.outbox_claim(p_instance uuid, p_channel text, p_limit integer, p_lease interval)
RETURNS TABLE (id bigint, epoch integer, kind text, language text, recipient text, params jsonb, attempts integer,
               link_id bigint, link_key_id integer, link_salt text, link_generation integer,
               code_digits integer, code_key_id integer, code_salt text, code_generation integer)
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
                                   AND l.expires_at > v_now AND t.ended_at IS NULL
                                   AND l.recipient = CASE l.channel WHEN 'sms' THEN t.phone ELSE t.email END OFFSET 0)
                                 THEN 'cancelled'
                             WHEN due.kind = 'confirmation_code' AND NOT EXISTS (
                                 SELECT FROM hersys.confirmation c
                                 WHERE c.message_id = due.id AND c.consumed_at IS NULL AND c.revoked_at IS NULL
                                   AND c.expires_at > v_now AND c.attempts < 5 OFFSET 0)
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
               l.id, l.key_id::integer, encode(l.salt, 'hex'), l.generation,
               k.digits::integer, k.key_id::integer, encode(k.salt, 'hex'), k.generation
        FROM hersys.outbox c
        LEFT JOIN hersys.registration_link l ON l.id = c.link_id
        LEFT JOIN hersys.confirmation k ON c.kind = 'confirmation_code' AND k.message_id = c.id
        WHERE c.id = ANY (v_claimed)
        ORDER BY c.priority, c.not_before, c.id;
END
$$;
COMMENT ON FUNCTION hersys.outbox_claim(uuid, text, integer, interval) IS
    'claims due messages of a channel under a lease; ends those that must not go out any more';
GRANT EXECUTE ON FUNCTION hersys.outbox_claim(uuid, text, integer, interval) TO hersys_gateway;
CALL hersys.settle_rights();
