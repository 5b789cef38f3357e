-- 0011_verification.sql - confirmation codes by the interface: asked for, tried, consumed; and what is cleared away.

SET LOCAL ROLE hersys_owner;

-- A row for each code that was sent, under a keyed hash of its address, and of the client that asked. It outlives the code, so that
-- ending or clearing away codes forgets no limit, and knows no address. Kept 24 hours.
CREATE TABLE hersys.code_counter (
    name bytea NOT NULL CHECK (octet_length(name) BETWEEN 16 AND 64),
    at   timestamptz NOT NULL DEFAULT hersys.clock_now()
);
CREATE INDEX code_counter_by_name ON hersys.code_counter (name, at);
CREATE INDEX code_counter_by_age ON hersys.code_counter (at);

-- How long until p_name may be counted again, if p_most in p_window are the most; null where it may now. Internal.
CREATE FUNCTION hersys.code_wait(p_name bytea, p_most integer, p_window interval) RETURNS interval
LANGUAGE sql STABLE
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SECURITY DEFINER
AS $$
    SELECT c.at + p_window - hersys.clock_now() FROM hersys.code_counter c
    WHERE c.name = p_name AND c.at > hersys.clock_now() - p_window
    ORDER BY c.at DESC OFFSET p_most - 1 LIMIT 1
$$;

/*
 * Sends a code to an address, in place of the open one of this centre and address. The limits are over all centres; p_address_name and
 * p_client_name are keyed hashes under which they are counted, the second null for a client that is not known. Locks the two names and
 * the address, in the order of their hashes.
 */
CREATE FUNCTION hersys.v1_code_request(
    p_caller hersys.caller, p_channel text, p_recipient text, p_language text, p_digits integer, p_key_id integer, p_salt bytea,
    p_address_name bytea, p_client_name bytea)
RETURNS hersys.reply
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
SECURITY DEFINER
AS $$
DECLARE
    v_call hersys.api_call := hersys.call_begin(p_caller, 'codes', 'code_request');
    v_now timestamptz := hersys.clock_now();
    v_minutes integer := CASE p_channel WHEN 'sms' THEN 10 ELSE 30 END;
    v_centre hersys.centre;
    v_wait interval;
    v_lock bigint;
    v_generation integer;
    v_id bigint;
    v_message_id bigint;
BEGIN
    IF v_call.reply IS NOT NULL THEN
        RETURN v_call.reply;
    END IF;
    IF (p_channel IN ('sms', 'email')) IS NOT TRUE THEN
        PERFORM hersys.value_refuse('/channel', 'a code goes by sms or email');
    END IF;
    IF (coalesce(p_digits, 6) IN (6, 8)) IS NOT TRUE THEN
        PERFORM hersys.value_refuse('/digits', 'a code has 6 or 8 digits');
    END IF;
    BEGIN
        PERFORM p_language::hersys.language_code;
    EXCEPTION WHEN check_violation THEN
        PERFORM hersys.value_refuse('/language');
    END;
    BEGIN
        PERFORM CASE p_channel WHEN 'sms' THEN p_recipient::hersys.e164::text ELSE p_recipient::hersys.email_address::text END;
    EXCEPTION WHEN check_violation THEN
        PERFORM hersys.value_refuse('/recipient');
    END;
    IF p_recipient IS NULL THEN
        PERFORM hersys.value_refuse('/recipient', 'there has to be a value');
    END IF;
    IF (octet_length(p_address_name) BETWEEN 16 AND 64 AND octet_length(coalesce(p_client_name, p_address_name)) BETWEEN 16 AND 64
        AND octet_length(p_salt) = 16 AND p_key_id BETWEEN 1 AND 32767) IS NOT TRUE THEN
        RAISE EXCEPTION 'a code wants a key, a salt, and names to count by' USING ERRCODE = 'HS001';
    END IF;
    IF p_channel = 'sms' AND NOT hersys.sms_allowed(p_recipient) THEN
        RAISE EXCEPTION 'this number takes no SMS' USING ERRCODE = 'HS004';
    END IF;
    IF p_channel = 'sms' AND EXISTS (SELECT FROM hersys.phone f WHERE f.number = p_recipient AND f.quarantined_at IS NOT NULL) THEN
        RAISE EXCEPTION 'this number is quarantined: somebody else answered from it' USING ERRCODE = 'HS004';
    END IF;
    IF EXISTS (SELECT FROM hersys.suppression s WHERE s.channel = p_channel AND s.address = p_recipient AND s.ended_at IS NULL) THEN
        RAISE EXCEPTION 'this address takes no messages' USING ERRCODE = 'HS004';
    END IF;

    FOR v_lock IN
        SELECT DISTINCT hashtextextended(n, 0) FROM unnest(ARRAY[
            'hersys.code ' || p_channel || ' ' || p_recipient, 'hersys.count ' || encode(p_address_name, 'hex'),
            'hersys.count ' || encode(p_client_name, 'hex')]) AS n
        WHERE n IS NOT NULL ORDER BY 1
    LOOP
        PERFORM pg_advisory_xact_lock(v_lock);
    END LOOP;
    v_wait := greatest(hersys.code_wait(p_address_name, 1, interval '60 seconds'), hersys.code_wait(p_address_name, 5, interval '10 minutes'),
                       hersys.code_wait(p_address_name, 10, interval '24 hours'), hersys.code_wait(p_client_name, 60, interval '1 hour'));
    IF v_wait IS NOT NULL THEN
        RAISE EXCEPTION 'too many codes were asked for' USING ERRCODE = 'HS007', DETAIL = greatest(ceil(extract(epoch FROM v_wait)), 1)::bigint::text;
    END IF;
    INSERT INTO hersys.code_counter (name, at) SELECT n, v_now FROM unnest(ARRAY[p_address_name, p_client_name]) AS n WHERE n IS NOT NULL;

    SELECT c.* INTO v_centre FROM hersys.centre c WHERE c.id = v_call.centre_id;
    UPDATE hersys.confirmation c SET revoked_at = v_now
    WHERE c.channel = p_channel AND c.recipient = p_recipient AND c.centre_id = v_centre.id AND c.consumed_at IS NULL AND c.revoked_at IS NULL;
    SELECT coalesce(max(c.generation), 0) + 1 INTO v_generation
    FROM hersys.confirmation c WHERE c.channel = p_channel AND c.recipient = p_recipient;
    INSERT INTO hersys.confirmation (channel, recipient, centre_id, key_id, salt, generation, digits, created_at, expires_at)
    VALUES (p_channel, p_recipient, v_centre.id, p_key_id, p_salt, v_generation, coalesce(p_digits, 6), v_now, v_now + v_minutes * interval '1 minute')
    RETURNING id INTO v_id;
    v_message_id := hersys.outbox_enqueue(
        'confirmation_code', coalesce(p_language, v_centre.language),
        jsonb_build_object('centre', v_centre.short_name, 'centre_phone', v_centre.phone, 'minutes', v_minutes),
        p_channel, p_recipient, 'code:' || v_id, v_centre.id, NULL, NULL, v_now + v_minutes * interval '1 minute');
    UPDATE hersys.confirmation c SET message_id = v_message_id WHERE c.id = v_id;
    PERFORM hersys.audit_note(v_call.actor, 'code_request', 'code', v_id, v_centre.id);
    PERFORM hersys.outbox_wake();
    RETURN hersys.call_end(p_caller, v_call, 202, jsonb_build_object(
        'id', v_id, 'channel', p_channel, 'expires_at', hersys.api_time(v_now + v_minutes * interval '1 minute'),
        'resend_after', hersys.api_time(v_now + interval '60 seconds')));
END
$$;

-- Where a code stands. Internal.
CREATE FUNCTION hersys.code_state(c hersys.confirmation) RETURNS text
LANGUAGE sql STABLE
AS $$
    SELECT CASE WHEN c.consumed_at IS NOT NULL THEN 'verified' WHEN c.revoked_at IS NOT NULL THEN 'ended'
                WHEN c.expires_at <= hersys.clock_now() THEN 'expired' WHEN c.attempts >= 5 THEN 'locked' ELSE 'open' END
$$;

-- A code of the caller's centre; HS002. Internal.
CREATE FUNCTION hersys.code_find(p_id bigint, p_centre_id bigint) RETURNS hersys.confirmation
LANGUAGE plpgsql STABLE
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_code hersys.confirmation;
BEGIN
    SELECT c.* INTO v_code FROM hersys.confirmation c WHERE c.id = p_id AND c.centre_id = p_centre_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no code %', p_id USING ERRCODE = 'HS002';
    END IF;
    RETURN v_code;
END
$$;

-- Why a code cannot be used: HS004 in the words of its state. Internal.
CREATE FUNCTION hersys.code_refuse(p_state text) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RAISE EXCEPTION '%', CASE p_state WHEN 'verified' THEN 'verified already' WHEN 'locked' THEN 'locked: five wrong tries' ELSE p_state END
        USING ERRCODE = 'HS004';
END
$$;

CREATE FUNCTION hersys.v1_code_get(p_caller hersys.caller, p_id bigint) RETURNS hersys.reply
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_call hersys.api_call := hersys.call_open(p_caller, 'codes');
    v_code hersys.confirmation := hersys.code_find(p_id, v_call.centre_id);
BEGIN
    RETURN ROW(200, jsonb_build_object(
        'id', v_code.id, 'channel', v_code.channel, 'state', hersys.code_state(v_code), 'attempts_left', 5 - v_code.attempts,
        'expires_at', hersys.api_time(v_code.expires_at), 'message', hersys.message_json(v_code.message_id, v_code.created_at)))::hersys.reply;
END
$$;

-- Counts a try, before anybody compares anything, and gives what the code is minted from. There is no sixth, however many come at once.
CREATE FUNCTION hersys.v1_code_try(p_caller hersys.caller, p_id bigint)
RETURNS TABLE (channel text, recipient text, digits integer, key_id integer, salt text, generation integer, attempts_left integer)
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
#variable_conflict use_column
DECLARE
    v_call hersys.api_call := hersys.call_open(p_caller, 'codes');
BEGIN
    RETURN QUERY
        UPDATE hersys.confirmation c SET attempts = c.attempts + 1
        WHERE c.id = p_id AND c.centre_id = v_call.centre_id AND c.attempts < 5 AND c.consumed_at IS NULL AND c.revoked_at IS NULL
          AND c.expires_at > hersys.clock_now()
        RETURNING c.channel::text, c.recipient, c.digits::integer, c.key_id::integer, encode(c.salt, 'hex'), c.generation, 5 - c.attempts;
    IF NOT FOUND THEN
        PERFORM hersys.code_refuse(hersys.code_state(hersys.code_find(p_id, v_call.centre_id)));
    END IF;
END
$$;

-- Uses a code up that the caller has compared. Only one of several is first.
CREATE FUNCTION hersys.v1_code_consume(p_caller hersys.caller, p_id bigint) RETURNS hersys.reply
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_call hersys.api_call := hersys.call_begin(p_caller, 'codes', 'code_verify ' || p_id);
BEGIN
    IF v_call.reply IS NOT NULL THEN
        RETURN v_call.reply;
    END IF;
    UPDATE hersys.confirmation c SET consumed_at = hersys.clock_now()
    WHERE c.id = p_id AND c.centre_id = v_call.centre_id AND c.attempts > 0 AND c.consumed_at IS NULL AND c.revoked_at IS NULL
      AND c.expires_at > hersys.clock_now();
    IF NOT FOUND THEN
        PERFORM hersys.code_refuse(hersys.code_state(hersys.code_find(p_id, v_call.centre_id)));
    END IF;
    PERFORM hersys.audit_note(v_call.actor, 'code_verify', 'code', p_id, v_call.centre_id);
    RETURN hersys.call_end(p_caller, v_call, 200, jsonb_build_object('id', p_id, 'verified', true));
END
$$;

-- ------------------------------------------------------------------ clearing away

/*
 * Clears away what has had its time, up to p_limit rows of each: counters and replies after 24 hours, dedupe keys after 7 days, codes 24
 * hours after they expired; and cancels batches that nobody released within 24 hours. Reports of transactions that are still to come were
 * restored from a dump: they are written anew, or no reader would see them. How many rows; less than p_limit: nothing is left.
 */
CREATE FUNCTION hersys.housekeeping(p_limit integer DEFAULT 5000) RETURNS integer
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
CREATE INDEX outbox_dedupe_by_age ON hersys.outbox_dedupe (created_at);

GRANT EXECUTE ON FUNCTION
    hersys.v1_code_request(hersys.caller, text, text, text, integer, integer, bytea, bytea, bytea),
    hersys.v1_code_get(hersys.caller, bigint),
    hersys.v1_code_try(hersys.caller, bigint),
    hersys.v1_code_consume(hersys.caller, bigint),
    hersys.housekeeping(integer) TO hersys_gateway;
CALL hersys.settle_rights();
