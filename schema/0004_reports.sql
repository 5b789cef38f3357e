-- 0004_reports.sql - what patients reported, what has to be looked at, and who has been reminded: tables.

SET LOCAL ROLE hersys_owner;

CREATE TABLE hersys.status_report (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patient_id     bigint NOT NULL REFERENCES hersys.patient,
    centre_id      bigint NOT NULL REFERENCES hersys.centre,
    source         text NOT NULL CHECK (source IN ('sms', 'page', 'staff')),
    inbound_id     bigint REFERENCES hersys.inbound,
    reported_at    timestamptz NOT NULL,
    temperature_c  numeric(4,2) NOT NULL CHECK (temperature_c BETWEEN 34 AND 42),
    spo2           smallint CHECK (spo2 BETWEEN 50 AND 100),
    symptoms       boolean NOT NULL,
    note           text CHECK (length(note) <= 6000),
    red_flag       boolean NOT NULL DEFAULT false,
    needs_review   boolean NOT NULL DEFAULT false,
    unconfirmed    boolean NOT NULL DEFAULT false,
    superseded_by  bigint REFERENCES hersys.status_report CHECK (superseded_by > id),
    -- The transaction that wrote it: a reader's cursor is (xact, id), served below the oldest one still running.
    xact           xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CHECK ((source = 'sms') = (inbound_id IS NOT NULL)),
    UNIQUE (inbound_id, patient_id)
);
CREATE INDEX status_report_by_patient ON hersys.status_report (patient_id, reported_at);
CREATE INDEX status_report_by_cursor ON hersys.status_report (centre_id, xact, id);
COMMENT ON COLUMN hersys.status_report.unconfirmed IS 'it came from a number that is not confirmed to be the patient''s';

CREATE TABLE hersys.alert (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    centre_id   bigint NOT NULL REFERENCES hersys.centre,
    patient_id  bigint REFERENCES hersys.patient,
    report_id   bigint REFERENCES hersys.status_report,
    inbound_id  bigint REFERENCES hersys.inbound,
    level       text NOT NULL CHECK (level IN ('urgent', 'watch')),
    reason      text NOT NULL CHECK (reason ~ '^[a-z0-9_]+$'),
    unconfirmed boolean NOT NULL DEFAULT false,
    raised_at   timestamptz NOT NULL DEFAULT hersys.clock_now(),
    seen_by     text CHECK (length(seen_by) BETWEEN 1 AND 100),
    seen_at     timestamptz,
    closed_at   timestamptz,
    CHECK ((seen_by IS NULL) = (seen_at IS NULL)),
    CHECK (report_id IS NOT NULL OR inbound_id IS NOT NULL)
);
-- Never twice for one report, nor for one message that was none.
CREATE UNIQUE INDEX alert_once_a_report ON hersys.alert (report_id, reason) WHERE report_id IS NOT NULL;
CREATE UNIQUE INDEX alert_once_a_message ON hersys.alert (inbound_id, centre_id, coalesce(patient_id, 0), reason)
    WHERE report_id IS NULL;
CREATE INDEX alert_open ON hersys.alert (centre_id, raised_at) WHERE closed_at IS NULL;

-- A patient is reminded once a day and slot; one message may remind a family.
CREATE TABLE hersys.reminder (
    patient_id bigint NOT NULL REFERENCES hersys.patient,
    day        date NOT NULL,
    slot_id    bigint NOT NULL REFERENCES hersys.slot,
    centre_id  bigint NOT NULL REFERENCES hersys.centre,
    message_id bigint NOT NULL,
    PRIMARY KEY (patient_id, day, slot_id)
);
CREATE INDEX reminder_by_message ON hersys.reminder (message_id);

-- How far the reminders of one slot and day have come: a tick that is cut off is taken up here. The pass over the
-- telephones is repeated until the slot is due, for those who were registered meanwhile.
CREATE TABLE hersys.reminder_pass (
    slot_id      bigint NOT NULL REFERENCES hersys.slot,
    day          date NOT NULL,
    after_phone  text NOT NULL DEFAULT '',
    completed_at timestamptz,
    PRIMARY KEY (slot_id, day)
);

-- ------------------------------------------------------------------ windows

-- The functions of this section are internal; they have no rights and no search path of their own, so that PostgreSQL puts
-- them into the statement that uses them instead of calling them for each row.

-- The slots that are open: their time to remind has come and the report is not due yet, on today's date where the centre is.
-- Compared as instants, so that a time which a change to summer time leaves out is the one an hour later.
CREATE FUNCTION hersys.slots_open(p_now timestamptz) RETURNS TABLE (slot_id bigint, day date)
LANGUAGE sql STABLE
AS $$
    SELECT s.id, t.today
    FROM hersys.slot s
    JOIN hersys.centre c ON c.id = s.centre_id
    CROSS JOIN LATERAL (SELECT (p_now AT TIME ZONE c.time_zone)::date AS today) AS t
    WHERE p_now >= (t.today + s.remind_at) AT TIME ZONE c.time_zone
      AND p_now < (t.today + s.due_at) AT TIME ZONE c.time_zone
$$;

-- The window of a slot on a day: after the centre's previous due_at, up to this one.
CREATE FUNCTION hersys.slot_window(p_slot_id bigint, p_day date) RETURNS TABLE (since timestamptz, until timestamptz)
LANGUAGE sql STABLE
AS $$
    SELECT coalesce(p_day + before.due_at, p_day - 1 + last.due_at) AT TIME ZONE c.time_zone,
           (p_day + s.due_at) AT TIME ZONE c.time_zone
    FROM hersys.slot s
    JOIN hersys.centre c ON c.id = s.centre_id
    CROSS JOIN LATERAL (SELECT max(due_at) AS due_at FROM hersys.slot WHERE centre_id = s.centre_id AND due_at < s.due_at) AS before
    CROSS JOIN LATERAL (SELECT max(due_at) AS due_at FROM hersys.slot WHERE centre_id = s.centre_id) AS last
    WHERE s.id = p_slot_id
$$;

-- The reports of a patient that count for a window.
CREATE FUNCTION hersys.reports_within(p_patient_id bigint, p_since timestamptz, p_until timestamptz) RETURNS TABLE (id bigint)
LANGUAGE sql STABLE
AS $$
    SELECT r.id FROM hersys.status_report r
    WHERE r.patient_id = p_patient_id AND r.superseded_by IS NULL AND r.reported_at > p_since AND r.reported_at <= p_until
$$;

CALL hersys.bind_to_centre('hersys.status_report');
CALL hersys.bind_to_centre('hersys.alert');
CALL hersys.bind_to_centre('hersys.reminder');
CALL hersys.settle_rights();
