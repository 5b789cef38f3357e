-- 0003_messages.sql - what goes out and what comes in: tables.

SET LOCAL ROLE hersys_owner;

-- ------------------------------------------------------------------ daemons

CREATE TABLE hersys.gateway_instance (
    id         uuid PRIMARY KEY,
    host       text NOT NULL CHECK (length(host) BETWEEN 1 AND 255),
    pid        integer NOT NULL,
    version    text NOT NULL CHECK (length(version) BETWEEN 1 AND 40),
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE hersys.gateway_instance IS 'daemons: an id lives as long as its process';

-- ------------------------------------------------------------------ kinds of messages

-- What the gateway can say. The texts are files of templates/, one a language; the daemon refuses to start when it has no
-- text for a kind.
CREATE TABLE hersys.message_kind (
    kind         text PRIMARY KEY CHECK (kind ~ '^[a-z_]+$'),
    priority     smallint NOT NULL CHECK (priority BETWEEN 0 AND 3),
    lifetime     interval NOT NULL CHECK (lifetime > interval '0'),
    begun_by_us  boolean NOT NULL,
    at_most_once boolean NOT NULL DEFAULT false
);
COMMENT ON COLUMN hersys.message_kind.priority IS
    '0 red-flag answers and codes, 1 answers, 2 links, 3 reminders: the lower goes first';
COMMENT ON COLUMN hersys.message_kind.lifetime IS 'after it the message is not sent any more';
COMMENT ON COLUMN hersys.message_kind.begun_by_us IS 'held back by a suppression; an answer is not';
COMMENT ON COLUMN hersys.message_kind.at_most_once IS 'goes to unknown where a second sending could be a duplicate';

INSERT INTO hersys.message_kind (kind, priority, lifetime, begun_by_us) VALUES
    ('registration_link', 2, '24 hours',   true),
    ('reminder',          3, '12 hours',   true),
    ('report_stored',     1, '6 hours',    false),
    ('report_urgent',     0, '6 hours',    false),
    ('incomplete',        1, '30 minutes', false),
    ('out_of_range',      1, '6 hours',    false),
    ('ambiguous',         1, '6 hours',    false),
    ('which_member',      1, '6 hours',    false),
    ('not_understood',    1, '6 hours',    false),
    ('command_later',     1, '6 hours',    false),
    ('not_watched',       1, '6 hours',    false),
    ('unknown_sender',    1, '6 hours',    false);

-- ------------------------------------------------------------------ the outbox and its history

CREATE SEQUENCE hersys.message_id;

-- Only what still has to be sent: a small, hot table.
CREATE TABLE hersys.outbox (
    id           bigint PRIMARY KEY DEFAULT nextval('hersys.message_id'),
    kind         text NOT NULL REFERENCES hersys.message_kind,
    language     hersys.language_code NOT NULL,
    params       jsonb NOT NULL CHECK (jsonb_typeof(params) = 'object'),
    channel      hersys.channel NOT NULL,
    recipient    text NOT NULL CHECK (length(recipient) BETWEEN 1 AND 254),
    centre_id    bigint REFERENCES hersys.centre,
    patient_id   bigint REFERENCES hersys.patient,
    link_id      bigint REFERENCES hersys.registration_link,
    priority     smallint NOT NULL CHECK (priority BETWEEN 0 AND 3),
    begun_by_us  boolean NOT NULL,
    at_most_once boolean NOT NULL,
    not_before   timestamptz NOT NULL,
    not_after    timestamptz NOT NULL,
    state        hersys.message_state NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sending', 'retry')),
    attempts     smallint NOT NULL DEFAULT 0,
    epoch        integer NOT NULL DEFAULT 0,
    owner        uuid,
    lease_until  timestamptz,
    error        text,
    created_at   timestamptz NOT NULL DEFAULT hersys.clock_now(),
    CHECK (not_before < not_after),
    CHECK ((state = 'sending') = (owner IS NOT NULL)),
    CHECK ((state = 'sending') = (lease_until IS NOT NULL)),
    CHECK (channel <> 'sms' OR recipient ~ '^\+[1-9][0-9]{5,14}$')
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX outbox_due ON hersys.outbox (channel, priority, not_before, id) WHERE state <> 'sending';
CREATE INDEX outbox_lease ON hersys.outbox (lease_until) WHERE state = 'sending';
COMMENT ON COLUMN hersys.outbox.epoch IS 'rises with each claim and each lapse of a lease: the fence against a stale worker';
COMMENT ON COLUMN hersys.outbox.params IS 'what the template needs; the text itself is rendered when it is sent';

-- Asking twice is harmless. Kept 7 days.
CREATE TABLE hersys.outbox_dedupe (
    key        text PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 200),
    message_id bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT hersys.clock_now()
);

-- Messages that need no sending any more, by the day on which that came about.
CREATE TABLE hersys.outbox_history (
    id           bigint NOT NULL,
    finished_on  date NOT NULL,
    kind         text NOT NULL,
    language     hersys.language_code NOT NULL,
    params       jsonb NOT NULL,
    channel      hersys.channel NOT NULL,
    recipient    text NOT NULL,
    centre_id    bigint,
    patient_id   bigint,
    link_id      bigint,
    priority     smallint NOT NULL,
    begun_by_us  boolean NOT NULL,
    at_most_once boolean NOT NULL,
    not_before   timestamptz NOT NULL,
    not_after    timestamptz NOT NULL,
    state        hersys.message_state NOT NULL CHECK (state NOT IN ('queued', 'sending', 'retry')),
    attempts     smallint NOT NULL,
    epoch        integer NOT NULL,
    error        text,
    created_at   timestamptz NOT NULL,
    carrier_link text,
    parts        smallint NOT NULL DEFAULT 0,
    finished_at  timestamptz NOT NULL DEFAULT hersys.clock_now(),
    PRIMARY KEY (id, finished_on)
) PARTITION BY RANGE (finished_on);
CREATE TABLE hersys.outbox_history_default PARTITION OF hersys.outbox_history DEFAULT;
CREATE INDEX outbox_history_by_patient ON hersys.outbox_history (patient_id, id);
CREATE INDEX outbox_history_awaiting ON hersys.outbox_history (finished_at) WHERE state = 'sent';
COMMENT ON COLUMN hersys.outbox_history.carrier_link IS 'the link by which it was handed to a carrier';
COMMENT ON COLUMN hersys.outbox_history.parts IS 'in how many parts it went out: delivered when all of them are';

-- Makes the partitions of today and the coming days, so that nothing falls into the default one; returns how many. A new
-- partition wants the default one to itself for a moment: where a long transaction is in the way it is left to the next call,
-- for everything that is sent would queue behind it.
CREATE FUNCTION hersys.history_prepare(p_days integer DEFAULT 3) RETURNS integer
LANGUAGE plpgsql
SET search_path = hersys, pg_temp
SET lock_timeout = '500ms'
SECURITY DEFINER
AS $$
DECLARE
    v_day date;
    v_name text;
    v_made integer := 0;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('hersys.history_prepare')) THEN
        RETURN 0;
    END IF;
    FOR v_day IN SELECT (now() AT TIME ZONE 'UTC')::date + n FROM generate_series(0, least(p_days, 30)) AS n LOOP
        v_name := 'outbox_history_' || to_char(v_day, 'YYYYMMDD');
        IF to_regclass('hersys.' || v_name) IS NULL
           AND NOT EXISTS (SELECT FROM hersys.outbox_history_default WHERE finished_on = v_day) THEN
            EXECUTE format('CREATE TABLE hersys.%I PARTITION OF hersys.outbox_history FOR VALUES FROM (%L) TO (%L)',
                           v_name, v_day, v_day + 1);
            v_made := v_made + 1;
        END IF;
    END LOOP;
    RETURN v_made;
EXCEPTION WHEN lock_not_available THEN
    RETURN 0;
END
$$;

-- A row for each part that a carrier took, and for each receipt, whichever comes first: the key makes them meet.
CREATE TABLE hersys.message_part (
    carrier_link text NOT NULL CHECK (length(carrier_link) BETWEEN 1 AND 40),
    provider_id  text NOT NULL CHECK (length(provider_id) BETWEEN 1 AND 200),
    message_id   bigint,
    finished_on  date,
    state        hersys.message_state CHECK (state IN ('delivered', 'undelivered', 'expired')),
    error        text,
    created_at   timestamptz NOT NULL DEFAULT hersys.clock_now(),
    PRIMARY KEY (carrier_link, provider_id),
    CHECK ((message_id IS NULL) = (finished_on IS NULL)),
    CHECK (message_id IS NOT NULL OR state IS NOT NULL)
);
CREATE INDEX message_part_by_message ON hersys.message_part (message_id);
COMMENT ON COLUMN hersys.message_part.message_id IS 'null while a receipt waits for the answer to its submit';

-- ------------------------------------------------------------------ who gets nothing

CREATE TABLE hersys.suppression (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel    hersys.channel NOT NULL,
    address    text NOT NULL CHECK (length(address) BETWEEN 1 AND 254),
    reason     text NOT NULL CHECK (reason IN ('stop', 'carrier_opt_out', 'wrong_number', 'dead_number', 'bounce', 'staff')),
    since      timestamptz NOT NULL DEFAULT hersys.clock_now(),
    ended_at   timestamptz
);
CREATE UNIQUE INDEX suppression_one_open ON hersys.suppression (channel, address) WHERE ended_at IS NULL;

-- ------------------------------------------------------------------ what came in

CREATE TABLE hersys.inbound (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    link        text NOT NULL CHECK (length(link) BETWEEN 1 AND 40),
    provider_id text NOT NULL CHECK (length(provider_id) BETWEEN 1 AND 200),
    sender      text NOT NULL CHECK (length(sender) <= 254),
    recipient   text NOT NULL CHECK (length(recipient) <= 254),
    raw         bytea,
    outcome     text NOT NULL CHECK (outcome ~ '^[a-z_]+$'),
    parsed      jsonb,
    answer_kind text REFERENCES hersys.message_kind,
    received_at timestamptz NOT NULL DEFAULT hersys.clock_now(),
    UNIQUE (link, provider_id)
);
CREATE INDEX inbound_by_sender ON hersys.inbound (sender, id);
COMMENT ON COLUMN hersys.inbound.raw IS 'the bytes as the patient sent them, whatever they are; removed after 30 days';
COMMENT ON COLUMN hersys.inbound.outcome IS 'what the parser found (doc/reply-grammar.md), own_text for an echo of ours, failed for one that an operator has to look at';

CALL hersys.bind_to_centre('hersys.outbox');
CALL hersys.bind_to_centre('hersys.outbox_history');
CALL hersys.settle_rights();
SELECT hersys.history_prepare();
