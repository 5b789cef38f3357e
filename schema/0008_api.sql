-- 0008_api.sql - the interface of the health centres: who calls, with which token, and what was answered before.
--
-- A call is one function, v1_…(caller, …): it checks the token, binds the transaction to the token's centre, does what it is
-- asked for, and returns status and body. A refusal is an error (doc/schema.md), which leaves nothing behind; its message has
-- ids and words of ours only, its DETAIL a JSON pointer or seconds.

SET LOCAL ROLE hersys_owner;

CREATE TYPE hersys.caller AS (kid text, secret_hash bytea, scope text, idempotency_key text, request_hash bytea);
COMMENT ON TYPE hersys.caller IS
    'what a request brings: its token, the scope that its route needs, and where it has an idempotency key, that and a hash of method, path and body';
CREATE TYPE hersys.reply AS (status integer, body jsonb);
COMMENT ON TYPE hersys.reply IS 'HTTP status and JSON body';
-- What a function knows of its call: the token's centre and actor, what it does, and the reply where it was done before.
CREATE TYPE hersys.api_call AS (centre_id bigint, actor text, act text, reply hersys.reply);

ALTER TABLE hersys.centre
    ADD COLUMN daily_cap integer NOT NULL DEFAULT 2000 CHECK (daily_cap BETWEEN 0 AND 1000000),
    ADD COLUMN links_per_second smallint NOT NULL DEFAULT 10 CHECK (links_per_second BETWEEN 1 AND 1000);
COMMENT ON COLUMN hersys.centre.daily_cap IS 'links that staff may send in a day of the centre; above it a second person releases';
COMMENT ON COLUMN hersys.centre.links_per_second IS 'how fast links sent by staff go out';

-- An actor stands in the audit trail behind "api:".
ALTER TABLE hersys.api_token
    ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY,
    ADD COLUMN last_used_on date,
    DROP CONSTRAINT api_token_actor_check,
    ADD CONSTRAINT api_token_actor_check CHECK (length(actor) BETWEEN 1 AND 96 AND actor !~ '[[:cntrl:]]'),
    ADD CONSTRAINT api_token_scopes_known CHECK (scopes <@ ARRAY['patients', 'links', 'codes', 'reports', 'release']);
COMMENT ON COLUMN hersys.api_token.id IS 'its name in the audit trail';
COMMENT ON COLUMN hersys.api_token.last_used_on IS 'the day (UTC) of its last call';

-- What was answered to a request with an idempotency key. Kept 24 hours: replies speak of patients.
CREATE TABLE hersys.api_reply (
    kid          text NOT NULL CHECK (length(kid) BETWEEN 1 AND 32),
    key          text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    centre_id    bigint NOT NULL REFERENCES hersys.centre,
    act          text NOT NULL CHECK (length(act) BETWEEN 1 AND 100),
    request_hash bytea NOT NULL CHECK (octet_length(request_hash) BETWEEN 16 AND 64),
    status       smallint NOT NULL CHECK (status BETWEEN 200 AND 299),
    body         jsonb NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT hersys.clock_now(),
    PRIMARY KEY (kid, key)
);
CREATE INDEX api_reply_by_age ON hersys.api_reply (created_at);
COMMENT ON COLUMN hersys.api_reply.act IS 'what was done, with the id of what it was done to: a key answers for nothing else';
CALL hersys.bind_to_centre('hersys.api_reply');

-- ------------------------------------------------------------------ words of the interface

-- An instant in RFC 3339. Internal.
CREATE FUNCTION hersys.api_time(p_at timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT pg_catalog.to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') $$;

-- Refuses a value of a request, named by the JSON pointer. Internal.
CREATE FUNCTION hersys.value_refuse(p_pointer text, p_why text DEFAULT 'the value is not possible') RETURNS void
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RAISE EXCEPTION '%', p_why USING ERRCODE = 'HS010', DETAIL = coalesce(p_pointer, '');
END
$$;

-- How many rows a page has that was asked for so. Internal.
CREATE FUNCTION hersys.page_size(p_limit integer, p_most integer) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT least(greatest(coalesce(p_limit, p_most), 1), p_most) $$;

-- The day on which it is at a centre. Internal.
CREATE FUNCTION hersys.centre_today(p_centre_id bigint) RETURNS date
LANGUAGE sql STABLE
AS $$ SELECT (hersys.clock_now() AT TIME ZONE c.time_zone)::date FROM hersys.centre c WHERE c.id = p_centre_id $$;

-- ------------------------------------------------------------------ calls

-- The token of a caller, if it is good for the scope. No such token, a wrong secret, expired, revoked: never told apart. Internal.
CREATE FUNCTION hersys.call_token(p_caller hersys.caller, p_scope text) RETURNS hersys.api_token
LANGUAGE plpgsql STABLE
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_token hersys.api_token;
BEGIN
    SELECT t.* INTO v_token FROM hersys.api_token t
    WHERE t.kid = p_caller.kid AND t.secret_hash = p_caller.secret_hash AND t.revoked_at IS NULL AND t.expires_at > hersys.clock_now();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the token is not valid' USING ERRCODE = 'HS005';
    END IF;
    -- The route's scope and the function's own: a route in the wrong place of a table opens nothing.
    IF (v_token.scopes @> ARRAY[p_caller.scope, p_scope]) IS NOT TRUE OR p_caller.scope IS NULL OR p_scope IS NULL THEN
        RAISE EXCEPTION 'the token has not the scope of this request' USING ERRCODE = 'HS006';
    END IF;
    RETURN v_token;
END
$$;

CREATE FUNCTION hersys.call_admit(p_caller hersys.caller) RETURNS text
LANGUAGE sql STABLE
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$ SELECT (hersys.call_token(p_caller, p_caller.scope)).actor $$;
COMMENT ON FUNCTION hersys.call_admit(hersys.caller) IS 'whether a caller may do what its scope says: the actor; changes nothing';

-- Lets a caller in and binds the rest of the transaction to its centre. A token that is being revoked waits for the calls that
-- are under way, so that nothing is done with it once it is. Internal.
CREATE FUNCTION hersys.call_open(p_caller hersys.caller, p_scope text) RETURNS hersys.api_call
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_token hersys.api_token;
    v_call hersys.api_call;
    v_today date := (hersys.clock_now() AT TIME ZONE 'UTC')::date;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('hersys.token ' || p_caller.kid, 0));
    v_token := hersys.call_token(p_caller, p_scope);
    IF v_token.last_used_on IS DISTINCT FROM v_today THEN
        UPDATE hersys.api_token SET last_used_on = v_today
        WHERE kid = (SELECT t.kid FROM hersys.api_token t WHERE t.kid = v_token.kid FOR NO KEY UPDATE SKIP LOCKED);
    END IF;
    PERFORM set_config('hersys.centre', v_token.centre_id::text, true);
    v_call.centre_id := v_token.centre_id;
    v_call.actor := 'api:' || v_token.actor;
    RETURN v_call;
END
$$;

-- The same for what changes something: where the request was done before, under its idempotency key, the call has the reply. Two
-- with the same key wait for each other. Internal.
CREATE FUNCTION hersys.call_begin(p_caller hersys.caller, p_scope text, p_act text) RETURNS hersys.api_call
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_call hersys.api_call := hersys.call_open(p_caller, p_scope);
    v_known hersys.api_reply;
BEGIN
    v_call.act := p_act;
    IF p_caller.idempotency_key IS NULL THEN
        RETURN v_call;
    END IF;
    IF length(p_caller.idempotency_key) NOT BETWEEN 1 AND 255 THEN
        PERFORM hersys.value_refuse('', 'an idempotency key has 1 to 255 characters');
    END IF;
    IF (octet_length(p_caller.request_hash) BETWEEN 16 AND 64) IS NOT TRUE THEN
        RAISE EXCEPTION 'an idempotency key without the hash of its request' USING ERRCODE = 'HS001';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('hersys.call ' || p_caller.kid || ' ' || p_caller.idempotency_key, 0));
    SELECT r.* INTO v_known FROM hersys.api_reply r
    WHERE r.kid = p_caller.kid AND r.key = p_caller.idempotency_key AND r.created_at > hersys.clock_now() - interval '24 hours';
    IF FOUND THEN
        IF v_known.request_hash <> p_caller.request_hash OR v_known.act <> p_act THEN
            RAISE EXCEPTION 'the idempotency key was used for another request' USING ERRCODE = 'HS008';
        END IF;
        v_call.reply := ROW(v_known.status, v_known.body)::hersys.reply;
    END IF;
    RETURN v_call;
END
$$;

-- Keeps the reply of what was done, in the same transaction. Internal.
CREATE FUNCTION hersys.call_end(p_caller hersys.caller, p_call hersys.api_call, p_status integer, p_body jsonb) RETURNS hersys.reply
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
BEGIN
    IF p_caller.idempotency_key IS NOT NULL THEN
        INSERT INTO hersys.api_reply AS r (kid, key, centre_id, act, request_hash, status, body)
        VALUES (p_caller.kid, p_caller.idempotency_key, p_call.centre_id, p_call.act, p_caller.request_hash, p_status, p_body)
        ON CONFLICT (kid, key) DO UPDATE
            SET act = EXCLUDED.act, request_hash = EXCLUDED.request_hash, status = EXCLUDED.status, body = EXCLUDED.body,
                created_at = EXCLUDED.created_at;
    END IF;
    RETURN ROW(p_status, p_body)::hersys.reply;
END
$$;

-- Notes who did what. Internal.
CREATE FUNCTION hersys.audit_note(p_actor text, p_action text, p_subject text, p_subject_id bigint, p_centre_id bigint) RETURNS void
LANGUAGE sql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
    INSERT INTO hersys.audit (actor, action, subject, subject_id, centre_id)
    VALUES (p_actor, p_action, p_subject, p_subject_id, p_centre_id)
$$;

-- ------------------------------------------------------------------ tokens, for the operator

CREATE FUNCTION hersys.token_create(p_kid text, p_secret_hash bytea, p_centre_id bigint, p_actor text, p_scopes text[], p_days integer, p_by text)
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
        AND p_scopes <@ ARRAY['patients', 'links', 'codes', 'reports', 'release']) IS NOT TRUE THEN
        PERFORM hersys.value_refuse('/scopes', 'the scopes are patients, links, codes, reports, release');
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
COMMENT ON FUNCTION hersys.token_create(text, bytea, bigint, text, text[], integer, text) IS
    'a token of a centre and a named actor; the secret itself is never seen here';

CREATE FUNCTION hersys.token_list()
RETURNS TABLE (kid text, centre_id bigint, actor text, scopes text[], created_at timestamptz, expires_at timestamptz,
               revoked_at timestamptz, last_used_on date)
LANGUAGE sql STABLE
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
    SELECT t.kid, t.centre_id, t.actor, t.scopes, t.created_at, t.expires_at, t.revoked_at, t.last_used_on
    FROM hersys.api_token t ORDER BY t.centre_id, t.actor, t.created_at, t.kid
$$;

-- Ends a token: once this has returned nothing is done with it any more. False where there is none that is alive.
CREATE FUNCTION hersys.token_revoke(p_kid text, p_by text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SECURITY DEFINER
AS $$
DECLARE
    v_token hersys.api_token;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('hersys.token ' || p_kid, 0));
    UPDATE hersys.api_token t SET revoked_at = hersys.clock_now() WHERE t.kid = p_kid AND t.revoked_at IS NULL RETURNING t.* INTO v_token;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM hersys.audit_note(p_by, 'token_revoke', 'token', v_token.id, v_token.centre_id);
    RETURN true;
END
$$;

GRANT EXECUTE ON FUNCTION
    hersys.call_admit(hersys.caller),
    hersys.token_create(text, bytea, bigint, text, text[], integer, text),
    hersys.token_list(),
    hersys.token_revoke(text, text) TO hersys_gateway;
CALL hersys.settle_rights();
