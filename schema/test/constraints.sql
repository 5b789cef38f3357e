-- constraints.sql - what the tables themselves refuse: every CHECK, domain and unique index, with a value that is just inside and
-- one that is just outside. The last tests fail when a constraint is added that nobody tries here.
BEGIN;
\ir fixture.psql

INSERT INTO hersys.centre (id, name, short_name, phone) VALUES (900, '試験保健所', '試験', '03-0000-0000');
INSERT INTO hersys.slot (id, centre_id, remind_at, due_at) VALUES (900, 900, '07:00', '08:30');
INSERT INTO hersys.patient (id, centre_id, input_id, family_name, given_name, date_of_birth, phone, monitoring_from, monitoring_until)
VALUES (900, 900, '9000000', '試験', '一郎', '1980-01-01', '+817000000090', '2022-08-01', '2022-08-10'),
       (901, 900, '9000001', '試験', '二郎', '1980-01-01', NULL, '2022-08-01', '2022-08-10');
INSERT INTO hersys.account (id, email) VALUES (900, 'taken@example.org'), (901, 'other@example.org');
INSERT INTO hersys.inbound (id, link, provider_id, sender, recipient, outcome) OVERRIDING SYSTEM VALUE
VALUES (900, 'link', 'taken', '+817000000090', '', 'report'), (901, 'link', 'other', '+817000000090', '', 'report');
INSERT INTO hersys.status_report (id, patient_id, centre_id, source, inbound_id, reported_at, temperature_c, symptoms) OVERRIDING SYSTEM VALUE
VALUES (900, 900, 900, 'sms', 900, '2022-08-01 12:00+09', 36.9, false);
INSERT INTO hersys.api_token (kid, secret_hash, centre_id, actor, scopes, expires_at)
VALUES ('takentaken', decode(repeat('00', 32), 'hex'), 900, 'tester', '{links}', '2022-08-02 12:00+09');
INSERT INTO hersys.api_reply (kid, key, centre_id, act, request_hash, status, body)
VALUES ('takentaken', 'taken', 900, 'links_send', decode(repeat('00', 32), 'hex'), 202, '{}');
INSERT INTO hersys.send_batch (id, centre_id, channel, key_id, state, requested_by) VALUES (900, 900, 'sms', 1, 'sent', 'tester');
INSERT INTO hersys.send_request (batch_id, patient_id, centre_id, place) VALUES (900, 900, 900, 1);
INSERT INTO hersys.centre (id, name, short_name, phone) VALUES (901, '試験保健所', '試験', '03-0000-0000');
INSERT INTO hersys.send_pace (centre_id, day, sent, next_at) VALUES (901, '2022-08-01', 0, '2022-08-01 12:00+09');
INSERT INTO hersys.gateway_instance (id, host, pid, version) VALUES (t.ours(), 'host', 1, '1');
INSERT INTO hersys.outbox_dedupe (key, message_id) VALUES ('taken', 1);
INSERT INTO hersys.message_part (carrier_link, provider_id, state) VALUES ('link', 'taken', 'delivered');
INSERT INTO hersys.contact (centre_id, place, email) VALUES (900, 1, 'first@example.org');
INSERT INTO hersys.reminder (patient_id, day, slot_id, centre_id, message_id) VALUES (900, '2022-08-01', 900, 900, 1);
INSERT INTO hersys.reminder_pass (slot_id, day) VALUES (900, '2022-08-01');

-- A row of each table that is all right.
CREATE TABLE t.good (of regclass PRIMARY KEY, value jsonb NOT NULL);
INSERT INTO t.good VALUES
    ('centre', '{"name": "名", "short_name": "名", "phone": "03-0000-0000"}'),
    ('slot', '{"centre_id": 900, "remind_at": "15:00", "due_at": "16:00"}'),
    ('phone', '{"number": "+817000000099"}'),
    ('patient', '{"centre_id": 900, "input_id": "1234567", "family_name": "試験", "given_name": "花子", "date_of_birth": "1980-01-01",
                  "phone": "+817000000091", "monitoring_from": "2022-08-01", "monitoring_until": "2022-08-10"}'),
    ('account', '{"email": "someone@example.org"}'),
    ('account_member', '{"account_id": 900, "patient_id": 900, "centre_id": 900}'),
    ('registration_link', '{"patient_id": 900, "centre_id": 900, "recipient": "+817000000090", "key_id": 1, "generation": 1,
                            "salt": "\\x000102030405060708090a0b0c0d0e0f", "requested_by": "tester", "expires_at": "2022-08-02 12:00+09"}'),
    ('confirmation', '{"channel": "email", "recipient": "someone@example.org", "key_id": 1, "generation": 1,
                       "salt": "\\x000102030405060708090a0b0c0d0e0f", "expires_at": "2022-08-01 12:30+09"}'),
    ('api_token', '{"kid": "abcdefgh", "centre_id": 900, "actor": "tester", "scopes": ["links"], "expires_at": "2022-08-02 12:00+09",
                    "secret_hash": "\\x000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f"}'),
    ('api_reply', '{"kid": "takentaken", "key": "new", "centre_id": 900, "act": "links_send", "status": 202, "body": {},
                    "request_hash": "\\x000102030405060708090a0b0c0d0e0f"}'),
    ('send_batch', '{"centre_id": 900, "channel": "sms", "key_id": 1, "state": "held", "held_for": "daily_cap", "requested_by": "tester"}'),
    ('send_request', '{"batch_id": 900, "patient_id": 901, "centre_id": 900, "place": 2, "salt": "\\x000102030405060708090a0b0c0d0e0f"}'),
    ('phone_history', '{"patient_id": 900, "centre_id": 900, "phone": "+817000000092"}'),
    ('send_pace', '{"centre_id": 900, "day": "2022-08-01", "sent": 0, "next_at": "2022-08-01 12:00+09"}'),
    ('code_counter', '{"name": "\\x000102030405060708090a0b0c0d0e0f"}'),
    ('audit', '{"actor": "tester", "action": "retry", "subject": "message", "subject_id": 1}'),
    ('gateway_instance', '{"id": "00000000-0000-4000-8000-000000000002", "host": "host", "pid": 1, "version": "1.0"}'),
    ('message_kind', '{"kind": "new_kind", "priority": 1, "lifetime": "1 hour", "begun_by_us": true}'),
    ('outbox', '{"kind": "reminder", "language": "ja", "params": {}, "channel": "sms", "recipient": "+817000000001", "priority": 3,
                 "begun_by_us": true, "at_most_once": false, "not_before": "2022-08-01 12:00+09", "not_after": "2022-08-01 13:00+09"}'),
    ('outbox_dedupe', '{"key": "new", "message_id": 1}'),
    ('outbox_history', '{"id": 1, "finished_on": "2022-08-01", "kind": "reminder", "language": "ja", "params": {}, "channel": "sms",
                         "recipient": "+817000000001", "priority": 3, "begun_by_us": true, "at_most_once": false,
                         "not_before": "2022-08-01 12:00+09", "not_after": "2022-08-01 13:00+09", "state": "sent", "attempts": 1,
                         "epoch": 1, "created_at": "2022-08-01 12:00+09"}'),
    ('message_part', '{"carrier_link": "link", "provider_id": "new", "message_id": 1, "finished_on": "2022-08-01"}'),
    ('suppression', '{"channel": "sms", "address": "+817000000001", "reason": "stop"}'),
    ('inbound', '{"link": "link", "provider_id": "new", "sender": "+817000000001", "recipient": "+817000000002", "outcome": "report"}'),
    ('status_report', '{"patient_id": 900, "centre_id": 900, "source": "page", "reported_at": "2022-08-01 12:00+09", "temperature_c": 36.9,
                        "symptoms": false}'),
    ('alert', '{"centre_id": 900, "patient_id": 900, "report_id": 900, "level": "urgent", "reasons": ["spo2_low"]}'),
    ('contact', '{"centre_id": 900, "place": 2, "email": "nurse@example.org", "phone": "+817000000098"}'),
    ('call_task', '{"centre_id": 900, "patient_id": 900, "reason": "stopped"}'),
    ('alert_unheard', '{"centre_id": 901, "noted_at": "2022-08-01 12:00+09"}'),
    ('dialogue', '{"phone": "+817000000090", "question": "missing", "pending": {}, "inbound_ids": [900], "expires_at": "2022-08-01 12:30+09"}'),
    ('reminder', '{"patient_id": 901, "day": "2022-08-01", "slot_id": 900, "centre_id": 900, "message_id": 1}'),
    ('reminder_pass', '{"slot_id": 900, "day": "2022-08-02"}'),
    ('sms_destination', '{"prefix": "+1"}');

-- Puts that row, with some values changed, into its table; 'twice': after the good one, 'again': two times; anything else is the
-- condition of an update. 'ok', or the name of what refused it (the SQLSTATE where it has none). Nothing stays.
CREATE FUNCTION t.put(p_table regclass, p_value jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE (SELECT format('INSERT INTO %1$s (%2$s) OVERRIDING SYSTEM VALUE SELECT %2$s FROM jsonb_populate_record(NULL::%1$s, $1)',
                           p_table, string_agg(quote_ident(k), ', ')) FROM jsonb_object_keys(p_value) AS k) USING p_value;
END
$$;
CREATE FUNCTION t.refusal(p_table regclass, p_change jsonb, p_how text DEFAULT 'insert') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_good jsonb := (SELECT value FROM t.good WHERE of = p_table);
    v_name text;
    v_answer text;
BEGIN
    BEGIN
        IF p_how = 'insert' THEN
            PERFORM t.put(p_table, v_good || p_change);
        ELSIF p_how = 'twice' THEN
            PERFORM t.put(p_table, v_good);
            PERFORM t.put(p_table, v_good || p_change);
        ELSIF p_how = 'again' THEN
            PERFORM t.put(p_table, v_good || p_change);
            PERFORM t.put(p_table, v_good || p_change);
        ELSE
            PERFORM t.put(p_table, v_good);
            EXECUTE (SELECT format('UPDATE %1$s x SET (%2$s) = ROW(%3$s) FROM jsonb_populate_record(NULL::%1$s, $1) AS n WHERE %4$s', p_table,
                                   string_agg(quote_ident(k), ', '), string_agg('n.' || quote_ident(k), ', '), p_how)
                     FROM jsonb_object_keys(p_change) AS k) USING p_change;
        END IF;
        RAISE EXCEPTION USING ERRCODE = 'TT000';
    EXCEPTION
        WHEN SQLSTATE 'TT000' THEN
            v_answer := 'ok';
        WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS v_name = CONSTRAINT_NAME;
            v_answer := coalesce(nullif(v_name, ''), SQLSTATE);
    END;
    RETURN v_answer;
END
$$;

CREATE TABLE t.tried (of regclass, change jsonb, refused_by text, how text DEFAULT 'insert', about text, place serial);
INSERT INTO t.tried (of, change, refused_by, about) VALUES
    -- words of the field
    ('patient', '{"language": "zh-Hant"}', NULL, 'traditional Chinese is a language'),
    ('patient', '{"language": "zh"}', 'language_code_check', 'zh alone is none'),
    ('patient', '{"language": "JA"}', 'language_code_check', 'a language tag keeps its case'),
    ('phone', '{"number": "+123456"}', NULL, 'the shortest number has six digits'),
    ('phone', '{"number": "+12345"}', 'e164_check', 'five digits are no number'),
    ('phone', '{"number": "+123456789012345"}', NULL, 'the longest number has fifteen digits'),
    ('phone', '{"number": "+1234567890123456"}', 'e164_check', 'sixteen digits are no number'),
    ('phone', '{"number": "+0123456"}', 'e164_check', 'no country begins with 0'),
    ('phone', '{"number": "09000000000"}', 'e164_check', 'a number without its country is none'),
    ('phone', '{"number": "+8190000000１"}', 'e164_check', 'a wide digit is none'),
    ('phone', '{"number": "+81900000000\n"}', 'e164_check', 'a newline ends no number'),
    ('account', '{"email": "a@b"}', NULL, 'the shortest address'),
    ('account', '{"email": "some..one.@example.org"}', NULL, 'dots that Japanese carriers gave out'),
    ('account', '{"email": "A@example.org"}', 'email_address_check', 'addresses are kept in lower case'),
    ('account', '{"email": "a b@example.org"}', 'email_address_check', 'no white space in an address'),
    ('account', '{"email": "a,b@example.org"}', 'email_address_check', 'a comma would make two addresses of a header'),
    ('account', '{"email": "<a@example.org"}', 'email_address_check', 'nor a bracket'),
    ('account', '{"email": "a@example.org\n"}', 'email_address_check', 'nor a newline'),
    ('account', '{"email": "a@-example.org"}', 'email_address_check', 'no label begins with a hyphen'),
    ('account', '{"email": "a@example..org"}', 'email_address_check', 'no label is empty'),
    ('patient', '{"input_id": "123456"}', NULL, 'six digits were the first input IDs'),
    ('patient', '{"input_id": "12345"}', 'input_id_check', 'five are too few'),
    ('patient', '{"input_id": "12345678"}', NULL, 'eight digits are the latest'),
    ('patient', '{"input_id": "123456789"}', 'input_id_check', 'nine are too many'),
    ('patient', '{"input_id": "12345a"}', 'input_id_check', 'an input ID is digits'),
    ('confirmation', '{"channel": "sms"}', NULL, 'SMS is a channel'),
    ('confirmation', '{"channel": "fax"}', 'channel_check', 'fax is none'),
    -- centres
    ('centre', '{"name": ""}', 'centre_name_check', 'a centre has a name'),
    ('centre', '{"name": "two\nlines"}', 'centre_name_check', 'of one line'),
    ('centre', '{"short_name": "一二三四五六七八九十一二"}', NULL, 'twelve units stand in an SMS'),
    ('centre', '{"short_name": "一二三四五六七八九十一二三"}', 'centre_short_name_check', 'thirteen do not'),
    ('centre', '{"short_name": "𠮷野"}', 'centre_short_name_check', 'a character beyond the basic plane counts twice'),
    ('centre', '{"short_name": "a\tb"}', 'centre_short_name_check', 'no control characters in an SMS'),
    ('centre', '{"phone": "119"}', NULL, 'the shortest number to dial'),
    ('centre', '{"phone": "11"}', 'centre_phone_check', 'two digits are none'),
    ('centre', '{"phone": "03-0000-000012"}', NULL, 'a telephone fits an SMS'),
    ('centre', '{"phone": "03-0000-00001234"}', 'centre_phone_check', 'one of sixteen characters does not'),
    ('centre', '{"monitoring_days": 1}', NULL, 'monitoring lasts a day'),
    ('centre', '{"monitoring_days": 0}', 'centre_monitoring_days_check', 'at least'),
    ('centre', '{"monitoring_days": 90}', NULL, 'and ninety days'),
    ('centre', '{"monitoring_days": 91}', 'centre_monitoring_days_check', 'at most'),
    ('centre', '{"time_zone": "America/New_York"}', NULL, 'a time zone of the list'),
    ('centre', '{"time_zone": "Asia/Nowhere"}', '23514', 'one that is not in it'),
    ('centre', '{"time_zone": "JST-9"}', '23514', 'nor one by its offset'),
    ('centre', '{"daily_cap": 0}', NULL, 'a centre whose every link is released by a second person'),
    ('centre', '{"daily_cap": -1}', 'centre_daily_cap_check', 'there is nothing below it'),
    ('centre', '{"daily_cap": 1000000}', NULL, 'the highest cap'),
    ('centre', '{"daily_cap": 1000001}', 'centre_daily_cap_check', 'above it there is none'),
    ('centre', '{"links_per_second": 1}', NULL, 'a link a second'),
    ('centre', '{"links_per_second": 0}', 'centre_links_per_second_check', 'at the least'),
    ('centre', '{"links_per_second": 1000}', NULL, 'a thousand'),
    ('centre', '{"links_per_second": 1001}', 'centre_links_per_second_check', 'at the most'),
    ('slot', '{"remind_at": "15:59:59"}', NULL, 'the reminder comes before the report is due'),
    ('slot', '{"remind_at": "16:00"}', 'slot_check', 'not with it'),
    ('slot', '{"due_at": "24:00"}', NULL, 'a report may be due at midnight'),
    ('slot', '{"remind_at": "08:00", "due_at": "08:30"}', 'slot_centre_id_due_at_key', 'two slots of a centre are not due at once'),
    -- patients
    ('patient', '{"family_name": ""}', 'patient_family_name_check', 'a patient has a family name'),
    ('patient', '{"given_name": ""}', 'patient_given_name_check', 'and a given name'),
    ('patient', '{"given_name": "a\nb"}', 'patient_given_name_check', 'of one line'),
    ('patient', '{"date_of_birth": "1890-01-01"}', NULL, 'the oldest patient'),
    ('patient', '{"date_of_birth": "1889-12-31"}', 'patient_date_of_birth_check', 'an older one is a slip'),
    ('patient', '{"passport_number": "AB1234567"}', NULL, 'a passport number of nine'),
    ('patient', '{"passport_number": "AB12345678"}', 'patient_passport_number_check', 'not ten'),
    ('patient', '{"passport_number": "ab1234567"}', 'patient_passport_number_check', 'in upper case'),
    ('patient', '{"monitoring_until": "2022-08-01"}', NULL, 'monitored for a day'),
    ('patient', '{"monitoring_until": "2022-07-31"}', 'patient_check', 'not for less'),
    ('patient', '{"phone": null, "phone_confirmed_at": "2022-08-01 12:00+09"}', 'patient_check1', 'no phone is not confirmed'),
    ('patient', '{"input_id": "9000000"}', 'patient_input_id_key', 'an input ID is one patient''s'),
    -- accounts, links, codes
    ('account', '{"email": "taken@example.org"}', 'account_email_key', 'an address has one account'),
    ('account', '{"password_hash": "$argon2id$v=19$m=65536"}', NULL, 'a password is kept as argon2id'),
    ('account', '{"password_hash": "password"}', 'account_password_hash_check', 'never as it is'),
    ('registration_link', '{"key_id": 0}', 'registration_link_key_id_check', 'keys are counted from one'),
    ('registration_link', '{"salt": "\\x00"}', 'registration_link_salt_check', 'a salt has sixteen bytes'),
    ('registration_link', '{"generation": 0}', 'registration_link_generation_check', 'generations are counted from one'),
    ('registration_link', '{"requested_by": ""}', 'registration_link_requested_by_check', 'somebody asked for a link'),
    ('registration_link', '{"expires_at": "2022-08-01 12:00+09"}', 'registration_link_check', 'a link lives for a while'),
    ('registration_link', '{"recipient": "someone@example.org"}', 'registration_link_recipient_check', 'an SMS goes to a number'),
    ('registration_link', '{"channel": "email", "recipient": "someone@example.org"}', NULL, 'a link may go by e-mail'),
    ('registration_link', '{"wrong_tries": 5}', NULL, 'five wrong tries lock a link'),
    ('registration_link', '{"wrong_tries": 6}', 'registration_link_wrong_tries_check', 'there is no sixth'),
    ('registration_link', '{"consumed_at": "2022-08-01 12:00+09", "revoked_at": "2022-08-01 12:00+09"}', 'registration_link_check1',
     'a link ends in one way'),
    ('confirmation', '{"recipient": ""}', NULL, 'an address may be empty here'),
    ('confirmation', '{"key_id": 0}', 'confirmation_key_id_check', 'keys of codes are counted from one'),
    ('confirmation', '{"salt": "\\x00"}', 'confirmation_salt_check', 'the salt of a code has sixteen bytes'),
    ('confirmation', '{"generation": 0}', 'confirmation_generation_check', 'generations of codes too'),
    ('confirmation', '{"digits": 8}', NULL, 'a code may have eight digits'),
    ('confirmation', '{"digits": 7}', 'confirmation_digits_check', 'not seven'),
    ('confirmation', '{"attempts": 5}', NULL, 'five attempts'),
    ('confirmation', '{"attempts": 6}', 'confirmation_attempts_check', 'and no sixth'),
    ('confirmation', '{"expires_at": "2022-08-01 12:00+09"}', 'confirmation_check', 'a code lives for a while'),
    ('confirmation', '{"consumed_at": "2022-08-01 12:00+09", "revoked_at": "2022-08-01 12:00+09"}', 'confirmation_check1', 'a code ends in one way'),
    ('api_token', '{"kid": "abcdefg"}', 'api_token_kid_check', 'a key id has eight characters'),
    ('api_token', '{"kid": "Abcdefgh"}', 'api_token_kid_check', 'in lower case'),
    ('api_token', '{"secret_hash": "\\x00"}', 'api_token_secret_hash_check', 'a hash has 32 bytes'),
    ('api_token', '{"actor": ""}', 'api_token_actor_check', 'a token is somebody''s'),
    ('api_token', '{"scopes": []}', 'api_token_scopes_check', 'a token is for something'),
    ('api_token', '{"expires_at": "2022-10-30 12:00+09"}', NULL, 'a token lives for ninety days'),
    ('api_token', '{"expires_at": "2022-10-30 12:00:01+09"}', 'api_token_check', 'and no longer'),
    ('api_token', '{"actor": "two\nlines"}', 'api_token_actor_check', 'of one line'),
    ('api_token', '{"scopes": ["patients", "links", "codes", "reports", "alerts", "release"]}', NULL, 'a token may be for all there is'),
    ('api_token', '{"scopes": ["links", "everything"]}', 'api_token_scopes_known', 'and for nothing else'),
    ('api_reply', '{"kid": ""}', 'api_reply_kid_check', 'a reply was given to a token'),
    ('api_reply', '{"key": ""}', 'api_reply_key_check', 'under a key'),
    ('api_reply', '{"key": "taken"}', 'api_reply_pkey', 'once'),
    ('api_reply', '{"act": ""}', 'api_reply_act_check', 'for something'),
    ('api_reply', '{"request_hash": "\\x000102030405060708090a0b0c0d0e"}', 'api_reply_request_hash_check', 'a hash of fifteen bytes is none'),
    ('api_reply', '{"status": 200}', NULL, 'what is kept went well'),
    ('api_reply', '{"status": 199}', 'api_reply_status_check', 'not before'),
    ('api_reply', '{"status": 299}', NULL, 'in any way'),
    ('api_reply', '{"status": 300}', 'api_reply_status_check', 'a refusal is never kept'),
    ('code_counter', '{"name": "\\x000102030405060708090a0b0c0d0e"}', 'code_counter_name_check', 'a name to count by is a hash'),
    ('audit', '{"actor": ""}', 'audit_actor_check', 'somebody did it'),
    -- what staff sends
    ('send_batch', '{"key_id": 0}', 'send_batch_key_id_check', 'keys of batches are counted from one'),
    ('send_batch', '{"state": "gone"}', 'send_batch_state_check', 'a batch has a state of the list'),
    ('send_batch', '{"held_for": "mood"}', 'send_batch_held_for_check', 'and is held for a reason of the list'),
    ('send_batch', '{"held_for": "repeated_phone"}', NULL, 'such as a telephone of two families'),
    ('send_batch', '{"held_for": "shifted"}', NULL, 'or a list that has slipped'),
    ('send_batch', '{"held_for": null}', 'send_batch_check', 'never for none'),
    ('send_batch', '{"state": "sent", "held_for": null}', NULL, 'what is sent at once was never held'),
    ('send_batch', '{"state": "sent", "held_for": null, "released_by": "tester"}', 'send_batch_check1', 'and is released by nobody'),
    ('send_batch', '{"requested_by": ""}', 'send_batch_requested_by_check', 'somebody asked for it'),
    ('send_batch', '{"released_by": ""}', 'send_batch_released_by_check', 'and somebody released it'),
    ('send_request', '{"place": 0}', 'send_request_place_check', 'places are counted from one'),
    ('send_request', '{"salt": "\\x00"}', 'send_request_salt_check', 'the salt of a link to come has sixteen bytes'),
    ('send_request', '{"reason": ""}', 'send_request_reason_check', 'a refusal says why'),
    ('send_request', '{"link_id": 1}', 'send_request_check1', 'a link has its message'),
    ('send_request', '{"link_id": 1, "message_id": 1}', NULL, 'always'),
    ('send_request', '{"link_id": 1, "message_id": 1, "reason": "x"}', 'send_request_check', 'who is refused has no link'),
    ('send_request', '{"patient_id": 900}', 'send_request_pkey', 'a patient stands in a batch once'),
    ('send_pace', '{"sent": -1}', 'send_pace_sent_check', 'nobody sends less than nothing'),
    ('send_pace', '{"centre_id": 901}', 'send_pace_pkey', 'a centre has one pace'),
    ('audit', '{"action": "link send"}', 'audit_action_check', 'an action is a word'),
    ('audit', '{"subject": "+817000000001"}', 'audit_subject_check', 'and so is its subject: no number, no name'),
    -- messages
    ('gateway_instance', '{"host": ""}', 'gateway_instance_host_check', 'a daemon runs somewhere'),
    ('gateway_instance', '{"version": ""}', 'gateway_instance_version_check', 'in a version'),
    ('message_kind', '{"kind": "New Kind"}', 'message_kind_kind_check', 'a kind is a word'),
    ('message_kind', '{"priority": 3}', NULL, 'the last priority'),
    ('message_kind', '{"priority": 4}', 'message_kind_priority_check', 'no claim would look for a later one'),
    ('message_kind', '{"lifetime": "0"}', 'message_kind_lifetime_check', 'a message has time to be sent'),
    ('outbox', '{"params": []}', 'outbox_params_check', 'parameters have names'),
    ('outbox', '{"recipient": "09000000000"}', 'outbox_check3', 'an SMS goes to a whole number'),
    ('outbox', '{"channel": "email", "recipient": ""}', 'outbox_recipient_check', 'a mail goes to somebody'),
    ('outbox', '{"priority": 4}', 'outbox_priority_check', 'a message with no known priority would wait for ever'),
    ('outbox', '{"not_after": "2022-08-01 12:00+09"}', 'outbox_check', 'a message has time'),
    ('outbox', '{"state": "sent"}', 'outbox_state_check', 'what is sent is history'),
    ('outbox', '{"owner": "00000000-0000-4000-8000-000000000001"}', 'outbox_check1', 'what waits is nobody''s'),
    ('outbox', '{"lease_until": "2022-08-01 12:00+09"}', 'outbox_check2', 'and has no lease'),
    ('outbox', '{"state": "sending", "owner": "00000000-0000-4000-8000-000000000001", "lease_until": "2022-08-01 12:00+09"}', NULL,
     'what is being sent has both'),
    ('outbox_dedupe', '{"key": ""}', 'outbox_dedupe_key_check', 'a dedupe key says something'),
    ('outbox_dedupe', '{"key": "taken"}', 'outbox_dedupe_pkey', 'once'),
    ('outbox_history', '{"state": "retry"}', 'outbox_history_state_check', 'what waits is no history'),
    ('message_part', '{"carrier_link": ""}', 'message_part_carrier_link_check', 'a part went by some link'),
    ('message_part', '{"provider_id": ""}', 'message_part_provider_id_check', 'under some name'),
    ('message_part', '{"provider_id": "taken"}', 'message_part_pkey', 'of its own'),
    ('message_part', '{"finished_on": null}', 'message_part_check', 'a message is found by its day'),
    ('message_part', '{"message_id": null, "finished_on": null}', 'message_part_check1', 'a part without message is a receipt'),
    ('message_part', '{"state": "sent"}', 'message_part_state_check', 'a receipt says how it ended'),
    ('suppression', '{"address": ""}', 'suppression_address_check', 'somebody gets nothing'),
    ('suppression', '{"reason": "mood"}', 'suppression_reason_check', 'for a reason of the list'),
    ('inbound', '{"link": ""}', 'inbound_link_check', 'a message came by some link'),
    ('inbound', '{"provider_id": ""}', 'inbound_provider_id_check', 'under some name there'),
    ('inbound', '{"provider_id": "taken"}', 'inbound_link_provider_id_key', 'once'),
    ('inbound', '{"outcome": "Report"}', 'inbound_outcome_check', 'an outcome is a word'),
    ('inbound', '{"sender": ""}', NULL, 'a sender may be withheld'),
    -- reports
    ('status_report', '{"source": "sms", "inbound_id": 901}', NULL, 'a report by SMS has its message'),
    ('status_report', '{"source": "sms"}', 'status_report_check1', 'never without'),
    ('status_report', '{"source": "sms", "inbound_id": 900}', 'status_report_inbound_id_patient_id_key', 'a message reports once for a patient'),
    ('status_report', '{"source": "rumour"}', 'status_report_source_check', 'a report has a source of the list'),
    ('status_report', '{"temperature_c": 34}', NULL, 'the lowest temperature'),
    ('status_report', '{"temperature_c": 33.99}', 'status_report_temperature_c_check', 'below it nothing is stored'),
    ('status_report', '{"temperature_c": 42}', NULL, 'the highest temperature'),
    ('status_report', '{"temperature_c": 42.01}', 'status_report_temperature_c_check', 'above it nothing is stored'),
    ('status_report', '{"spo2": 50}', NULL, 'the lowest SpO2'),
    ('status_report', '{"spo2": 49}', 'status_report_spo2_check', 'below it nothing is stored'),
    ('status_report', '{"spo2": 100}', NULL, 'the highest SpO2'),
    ('status_report', '{"spo2": 101}', 'status_report_spo2_check', 'above it nothing is stored'),
    ('status_report', '{"id": 901, "superseded_by": 900}', 'status_report_check', 'a report is replaced by a later one'),
    ('alert', '{"level": "panic"}', 'alert_level_check', 'an alert has a level of the list'),
    ('alert', '{"reasons": ["low SpO2"]}', 'alert_reasons_check', 'its reasons are words of triage'),
    ('alert', '{"reasons": []}', 'alert_reasons_check', 'there is one at least'),
    ('alert', '{"reasons": ["spo2_watch", "spo2_fall"], "level": "watch"}', NULL, 'there may be several'),
    ('alert', '{"closed_at": "2022-08-01 12:00+09"}', 'alert_closed_check', 'who closes it has a name'),
    ('alert', '{"closed_at": "2022-08-01 12:00+09", "closed_by": "tester"}', NULL, 'which stands there'),
    ('alert', '{"closed_at": "2022-08-01 12:00+09", "closed_by": ""}', 'alert_closed_by_check', 'and is one'),
    ('alert', '{"told_times": -1}', 'alert_told_times_check', 'nobody is told less than never'),
    ('alert', '{"report_id": null}', 'alert_check1', 'it is about something'),
    ('alert', '{"seen_by": "nurse"}', 'alert_check', 'who saw it saw it at some time'),
    ('alert', '{"seen_by": "", "seen_at": "2022-08-01 12:00+09"}', 'alert_seen_by_check', 'and is somebody'),
    ('reminder', '{"patient_id": 900}', 'reminder_pkey', 'reminded once a day and slot'),
    ('reminder', '{"patient_id": 900, "step": 2}', NULL, 'and nudged twice'),
    ('reminder', '{"step": 3}', 'reminder_step_check', 'a third nudge is none'),
    ('reminder_pass', '{"step": 3}', NULL, 'the last step is the call list'),
    ('reminder_pass', '{"step": 4}', 'reminder_pass_step_check', 'there is none behind it'),
    -- telephones, questions, calls
    ('centre', '{"spo2_urgent": 49}', 'centre_spo2_urgent_check', 'a threshold is an SpO2'),
    ('centre', '{"spo2_urgent": 90, "spo2_watch": 101}', 'centre_spo2_watch_check', 'not more than all'),
    ('centre', '{"spo2_urgent": 95}', NULL, 'urgent and watched from the same value on'),
    ('centre', '{"spo2_urgent": 96}', 'centre_spo2_order', 'what is urgent is watched'),
    ('centre', '{"temperature_watch": 43}', 'centre_temperature_watch_check', 'a temperature that nobody has'),
    ('centre', '{"spo2_fall": 0}', 'centre_spo2_fall_check', 'no fall is none'),
    ('centre', '{"fever": 33.9}', 'centre_fever_check', 'no fever'),
    ('centre', '{"fever_days": 0}', 'centre_fever_days_check', 'fever on no day'),
    ('patient', '{"spo2_urgent": 88, "spo2_watch": 90, "temperature_watch": 39}', NULL, 'own thresholds'),
    ('patient', '{"spo2_urgent": 49}', 'patient_spo2_urgent_check', 'an SpO2'),
    ('patient', '{"spo2_watch": 101}', 'patient_spo2_watch_check', 'nor more than all'),
    ('patient', '{"temperature_watch": 33.9}', 'patient_temperature_watch_check', 'a temperature'),
    ('contact', '{"place": 0}', 'contact_place_check', 'the first place is 1'),
    ('phone', '{"failures": -1}', 'phone_failures_check', 'fewer failures than none'),
    ('phone', '{"unreachable_at": "2022-08-01 12:00+09"}', 'phone_unreachable_check', 'unreachable for a reason'),
    ('phone', '{"unreachable_at": "2022-08-01 12:00+09", "unreachable_for": "mood"}', 'phone_unreachable_for_check', 'of the list'),
    ('phone', '{"unreachable_at": "2022-08-01 12:00+09", "unreachable_for": "number_dead"}', NULL, 'such as this'),
    ('dialogue', '{"question": "why"}', 'dialogue_question_check', 'a question of the list'),
    ('dialogue', '{"pending": []}', 'dialogue_pending_check', 'what is known is an object'),
    ('dialogue', '{"inbound_ids": []}', 'dialogue_inbound_ids_check', 'known from a message'),
    ('dialogue', '{"expires_at": "2022-08-01 12:00+09"}', 'dialogue_check', 'a question has time to be answered'),
    ('dialogue', '{"question": "wrong"}', 'dialogue_check1', 'a wrong what? is about no report'),
    ('dialogue', '{"question": "wrong", "pending": null}', NULL, 'and nothing is known'),
    ('call_task', '{"reason": "bored"}', 'call_task_reason_check', 'a reason to call'),
    ('call_task', '{"closed_at": "2022-08-01 12:00+09"}', 'call_task_check', 'who called has a name'),
    ('call_task', '{"closed_at": "2022-08-01 12:00+09", "closed_by": ""}', 'call_task_closed_by_check', 'which is one'),
    ('reminder_pass', '{"day": "2022-08-01"}', 'reminder_pass_pkey', 'a slot has one pass a day'),
    ('sms_destination', '{"prefix": "81"}', 'sms_destination_prefix_check', 'a destination begins with +');
-- The longest that fits and the shortest that does not, for every column whose length is bounded.
INSERT INTO t.tried (of, change, refused_by, about)
SELECT b.of::regclass, jsonb_build_object(b.col, repeat('a', b.most + over)),
       CASE over WHEN 1 THEN coalesce(b.name, b.of || '_' || b.col || '_check') END, format('%s.%s of %s characters', b.of, b.col, b.most + over)
FROM (VALUES ('centre', 'name', 100, NULL), ('patient', 'family_name', 60, NULL), ('patient', 'given_name', 60, NULL),
             ('registration_link', 'requested_by', 100, NULL), ('confirmation', 'recipient', 254, NULL), ('api_token', 'actor', 96, NULL),
             ('api_reply', 'kid', 32, NULL), ('api_reply', 'key', 255, NULL), ('api_reply', 'act', 100, NULL),
             ('send_batch', 'requested_by', 100, NULL), ('send_batch', 'released_by', 100, NULL), ('send_request', 'reason', 200, NULL),
             ('api_token', 'kid', 32, NULL), ('audit', 'actor', 100, NULL), ('gateway_instance', 'host', 255, NULL),
             ('gateway_instance', 'version', 40, NULL), ('outbox_dedupe', 'key', 200, NULL), ('message_part', 'carrier_link', 40, NULL),
             ('message_part', 'provider_id', 200, NULL), ('suppression', 'address', 254, NULL), ('inbound', 'link', 40, NULL),
             ('inbound', 'provider_id', 200, NULL), ('inbound', 'sender', 254, NULL), ('inbound', 'recipient', 254, NULL),
             ('status_report', 'note', 6000, NULL)) AS b (of, col, most, name), generate_series(0, 1) AS over;
INSERT INTO t.tried (of, change, refused_by, about)
SELECT 'account', jsonb_build_object('email', repeat('a', 64) || '@' || repeat('b', 63) || '.' || repeat('c', 63) || '.' || repeat('d', n)),
       CASE n WHEN 62 THEN 'email_address_check' END, 'an address of ' || 193 + n || ' characters'
FROM generate_series(61, 62) AS n;
INSERT INTO t.tried (of, change, refused_by, about)
SELECT 'account', jsonb_build_object('email', repeat('a', n) || '@example.org'), CASE n WHEN 65 THEN 'email_address_check' END,
       'a local part of ' || n || ' characters'
FROM generate_series(64, 65) AS n;
INSERT INTO t.tried (of, change, refused_by, about)
SELECT 'outbox', jsonb_build_object('channel', 'email', 'recipient', repeat('a', n)), CASE n WHEN 255 THEN 'outbox_recipient_check' END,
       'a mail''s recipient of ' || n || ' characters'
FROM generate_series(254, 255) AS n;
INSERT INTO t.tried (of, change, refused_by, how, about) VALUES
    ('patient', '{"member_number": 9}', NULL, 'x.input_id = ''1234567''', 'a household has nine members'),
    ('patient', '{"member_number": 10}', 'patient_member_number_check', 'x.input_id = ''1234567''', 'not ten'),
    ('patient', '{"member_number": null}', 'patient_check2', 'x.input_id = ''1234567''', 'whoever has a phone has a number in its household'),
    ('patient', '{"member_number": 2}', NULL, 'x.input_id = ''1234567''', 'a number that is free'),
    ('account_member', '{}', NULL, 'insert', 'a patient is enrolled'),
    ('account_member', '{}', 'account_member_pkey', 'twice', 'once'),
    ('account_member', '{"account_id": 901}', 'account_member_patient_id_key', 'twice', 'in one account'),
    ('registration_link', '{"generation": 2}', 'registration_link_one_open', 'twice', 'a patient has one open link'),
    ('registration_link', '{"revoked_at": "2022-08-01 12:00+09"}', 'registration_link_patient_id_generation_key', 'twice',
     'a generation is never minted twice'),
    ('registration_link', '{"generation": 2, "revoked_at": "2022-08-01 12:00+09"}', NULL, 'twice', 'any number of links that are over'),
    ('confirmation', '{}', 'confirmation_one_open', 'twice', 'an address has one open code'),
    ('confirmation', '{"consumed_at": "2022-08-01 12:00+09"}', NULL, 'twice', 'any number of codes that are over'),
    ('confirmation', '{"message_id": 1, "consumed_at": "2022-08-01 12:00+09"}', 'confirmation_by_message', 'again',
     'a message carries one code'),
    ('suppression', '{}', 'suppression_one_open', 'twice', 'an address is suppressed once'),
    ('suppression', '{"ended_at": "2022-08-01 12:00+09"}', NULL, 'twice', 'and again after it ended'),
    ('outbox_history', '{}', 'outbox_history_default_pkey', 'twice', 'a message is history once a day'),
    ('alert', '{}', 'alert_once_a_report', 'twice', 'an alert is raised once for a report'),
    ('contact', '{"place": 1}', 'contact_centre_id_place_key', 'insert', 'a place is one contact''s'),
    ('alert_unheard', '{}', 'alert_unheard_pkey', 'twice', 'a centre is unheard once'),
    ('call_task', '{}', 'call_task_one_open', 'twice', 'a patient is on the call list once for a reason'),
    ('call_task', '{"reason": "silent"}', NULL, 'twice', 'and for each reason'),
    ('call_task', '{"closed_at": "2022-08-01 12:00+09", "closed_by": "tester"}', NULL, 'twice', 'and again when the call was made'),
    ('dialogue', '{"phone": "+817000000090"}', 'dialogue_pkey', 'twice', 'a telephone has one open question'),
    ('alert', '{"report_id": null, "inbound_id": 900}', 'alert_once_a_message', 'again', 'and once for a message that was none'),
    ('alert', '{"report_id": null, "inbound_id": 900, "patient_id": null}', 'alert_once_a_message', 'again', 'whoever it is about'),
    ('sms_destination', '{"prefix": "+8190"}', 'sms_destination_pkey', 'insert', 'a destination stands once'),
    ('message_kind', '{"kind": "reminder"}', 'message_kind_pkey', 'insert', 'a kind stands once'),
    ('phone', '{"number": "+817000000090"}', 'phone_pkey', 'insert', 'a number stands once'),
    ('api_token', '{"kid": "takentaken"}', 'api_token_pkey', 'insert', 'a key id is given once'),
    ('gateway_instance', '{"id": "00000000-0000-4000-8000-000000000001"}', 'gateway_instance_pkey', 'insert', 'a daemon has an id of its own');
SELECT plan((SELECT count(*) FROM t.tried)::integer + 3);

SELECT is(t.refusal(r.of, r.change, r.how), coalesce(r.refused_by, 'ok'), format('%s (%s %s)', r.about, r.of, left(r.change::text, 60)))
FROM t.tried r ORDER BY r.place;

SELECT is_empty($$
    SELECT c.conname FROM pg_constraint c
    WHERE c.connamespace = 'hersys'::regnamespace AND c.contype = 'c' AND c.coninhcount = 0 AND c.conname NOT LIKE 'migration_%'
      AND c.conname <> 'clock_only_row_check' AND c.conname NOT IN (SELECT refused_by FROM t.tried WHERE refused_by IS NOT NULL)
    $$, 'every CHECK of the schema has refused something here');

-- Identities are given by PostgreSQL and random enough for nobody to try twice.
SELECT is_empty($$
    SELECT i.indexrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class k ON k.oid = i.indrelid
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
    WHERE i.indisunique AND c.relnamespace = 'hersys'::regnamespace AND NOT k.relispartition AND k.relkind = 'r'
      AND NOT (i.indisprimary AND i.indnkeyatts = 1 AND (a.attidentity <> '' OR k.relname IN ('outbox', 'migration', 'clock')))
      AND c.relname NOT IN (SELECT refused_by FROM t.tried WHERE refused_by IS NOT NULL)
      AND c.relname NOT IN ('patient_member')
    $$, 'and so has every unique index (patient_member: members.sql)');

SELECT is_empty($$
    SELECT g.of, a.attname FROM t.good g JOIN pg_attribute a ON a.attrelid = g.of
    WHERE a.attnum > 0 AND a.attnotnull AND t.refusal(g.of, jsonb_build_object(a.attname, NULL)) <> CASE a.attname WHEN 'time_zone' THEN '23514' ELSE '23502' END
    $$, 'what has to be there is never null');

SELECT finish();
ROLLBACK;
