-- story.sql - why: what is told of a patient, in the order of time, and nothing personal of it.
BEGIN;
\ir fixture.psql
SELECT plan(50);

SELECT t.centre('東保健所') AS east, t.centre('西保健所') AS west \gset
SELECT t.slot(:east, '11:00', '16:00') AS slot \gset

-- One line for each event of a patient whose word fits, without the held time: word, number, and what is said of it.
CREATE FUNCTION t.story(p_patient bigint, p_what text, p_but text[] DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(what || coalesce((SELECT ' ' || string_agg(key || '=' || value, ' ' ORDER BY key) FROM jsonb_each_text(detail - p_but)), ''), ', ' ORDER BY place)
    FROM hersys.patient_story(p_patient, 'os:tester') WITH ORDINALITY AS s (at, what, id, detail, place) WHERE what ~ ('^(' || p_what || ')$')
$$;
-- As t.receive(), and what came before keeps its time.
CREATE FUNCTION t.take(p_sender text, p_parsed jsonb DEFAULT t.report(), p_more jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
    SELECT answer_kind FROM hersys.inbound_store(jsonb_build_array(t.message(p_sender, p_parsed, NULL, p_more)))
$$;
CREATE FUNCTION t.patient_of(p_phone text, p_from date DEFAULT '2022-07-28') RETURNS bigint LANGUAGE sql AS $$
    SELECT t.patient((SELECT min(id) FROM hersys.centre), p_phone, '例', true, 'ja', p_from)
$$;

SELECT throws_ok('SELECT * FROM hersys.patient_story(999999, ''os:tester'')', 'HS002', 'there is no patient 999999', 'a patient who is not there has no story');
SELECT is_empty('SELECT * FROM hersys.audit WHERE action = ''why''', 'nor is one noted');
SELECT t.at('2022-08-01 10:00+09') \g /dev/null
SELECT t.patient_of('+817000000001') AS one \gset
SELECT is(t.story(:one, '.*'), 'monitored_from day=2022-07-28, registered centre=' || :east || ', phone_confirmed, now reach=sms, monitored_until day=2022-08-10', 'a story begins with the monitoring');
SELECT is((SELECT string_agg(actor || ' ' || subject || ' ' || subject_id, ',') FROM hersys.audit WHERE action = 'why'), 'os:tester patient ' || :one, 'who asks for it is in the audit trail');
SELECT is(t.told('t_gateway', format('SELECT count(*) > 0 FROM hersys.patient_story(%s, ''os:tester'')', :one)), 'true', 'the operator''s command may ask');
SELECT is(t.told('t_gateway', format('SELECT count(*) FROM hersys.patient_story(%s, ''os:tester'')', :one), :'west'), 'HS002', 'but not for another centre''s patient');

-- ------------------------------------------------------------------ a day that goes well

SELECT t.at('2022-08-01 11:00+09') \g /dev/null
SELECT t.remind() \g /dev/null
SELECT is(t.story(:one, 'reminder', '{slot}'), 'reminder day=2022-08-01 due=16:00 step=0', 'that a reminder was made');
SELECT max(id) AS m FROM hersys.outbox \gset
SELECT is(t.story(:one, 'message', '{waits_until}'), 'message attempts=0 channel=sms kind=reminder state=queued', 'its message');
SELECT t.claim() \g /dev/null
SELECT t.finish(:m, 'accepted', 's-1') \g /dev/null
SELECT t.later('2 minutes') \g /dev/null
SELECT t.receipt('s-1', 'delivered') \g /dev/null
SELECT is(t.story(:one, 'message', '{ended}'), 'message attempts=1 channel=sms kind=reminder state=delivered', 'what became of it');
SELECT is(t.story(:one, 'receipt'), 'receipt carrier=link state=delivered', 'and the receipt');
SELECT is((SELECT at FROM hersys.patient_story(:one, 'os:tester') WHERE what = 'receipt'), hersys.clock_now(), 'with its time');
SELECT t.later('2 minutes') \g /dev/null
SELECT t.receive('+817000000001') \g /dev/null
SELECT is(t.story(:one, 'received', '{message}'), 'received answer=report_stored outcome=report', 'what came in, and that it was answered');
SELECT is(t.story(:one, 'message', '{waits_until,ended}'), 'message attempts=1 channel=sms kind=reminder state=delivered, message attempts=0 channel=sms kind=report_stored state=queued', 'by which message');
SELECT is(t.story(:one, 'report', '{received}'), 'report source=sms', 'and the report, without its values');
SELECT is((SELECT string_agg(what, ' ' ORDER BY place) FROM hersys.patient_story(:one, 'x') WITH ORDINALITY AS s (at, what, id, detail, place)),
          'monitored_from registered phone_confirmed message reminder receipt received report message now monitored_until', 'all in the order of time');

-- ------------------------------------------------------------------ why there was no reminder

SELECT t.at('2022-08-02 10:00+09') \g /dev/null
SELECT t.receive('+817000000001') \g /dev/null
SELECT t.patient_of('+817000000002') AS stopped, t.patient_of('+817000000003') AS quarantined, t.patient_of(NULL) AS silent, t.patient_of('+817000000004', '2022-08-03') AS later,
       t.patient_of('+81300000000') AS landline, t.patient_of('+817000000005') AS ended, t.patient_of('+817000000006') AS dead \gset
INSERT INTO hersys.suppression (channel, address, reason) VALUES ('sms', '+817000000002', 'stop');
UPDATE hersys.phone SET quarantined_at = hersys.clock_now() WHERE number = '+817000000003';
UPDATE hersys.phone SET unreachable_at = hersys.clock_now(), unreachable_for = 'number_dead' WHERE number = '+817000000006';
UPDATE hersys.patient SET ended_at = hersys.clock_now() WHERE id = :ended;
SELECT is(t.story(:stopped, 'no_reminder'), NULL, 'of a reminder that is still to come nothing is said');
SELECT t.at('2022-08-02 11:00+09') \g /dev/null
SELECT is(t.story(:later, 'no_.*'), NULL, 'nor of one before monitoring begins');
SELECT t.patient_of('+817000000007') AS early \gset
SELECT is(t.story(:early, 'no_reminder', '{slot,day,due,step}'), 'no_reminder why=nobody_ran', 'where no daemon ran');
SELECT t.remind() \g /dev/null
SELECT is(t.story(:one, 'no_reminder', '{slot}'), 'no_reminder day=2022-08-02 due=16:00 step=0 why=reported', 'where the report was in');
SELECT is(t.story(:stopped, 'no_reminder|suppressed', '{slot,day,due,step}'), 'suppressed channel=sms why=stop, no_reminder why=stop', 'where the patient had stopped messages');
SELECT is(t.story(:quarantined, 'no_reminder|phone_quarantined', '{slot,day,due,step}'), 'phone_quarantined, no_reminder why=quarantined', 'where somebody else has the telephone');
SELECT is(t.story(:silent, 'no_reminder', '{slot,day,due,step}'), 'no_reminder why=no_sms_no_email', 'where there is neither telephone nor address');
SELECT is(t.story(:landline, 'no_reminder|now', '{slot,day,due,step}'), 'no_reminder why=no_sms_no_email, now reach=none', 'nor at a landline');
SELECT is(t.story(:dead, 'phone_out_of_reach|now'), 'phone_out_of_reach why=number_dead, now reach=none', 'that SMS does not reach the number');
SELECT is(t.story(:ended, 'no_reminder|monitoring_ended'), 'monitoring_ended', 'after the end there is nothing to explain');
SELECT is(t.story(:early, 'reminder|no_reminder', '{slot,day,due,step}'), 'reminder', 'and where there was a reminder, nothing');
UPDATE hersys.suppression SET ended_at = hersys.clock_now() + interval '1 minute' WHERE address = '+817000000002';
SELECT t.later('1 hour') \g /dev/null
SELECT is(t.story(:stopped, 'no_reminder|suppress.*', '{slot,day,due,step}'), 'suppressed channel=sms why=stop, no_reminder why=stop, suppression_ended channel=sms why=stop', 'a stop that is over still explains its day');

-- Nudges: those that went out, and those that did not.
SELECT t.at('2022-08-02 13:30+09') \g /dev/null
SELECT t.receive('+817000000007') \g /dev/null
SELECT is(t.story(:early, 'no_nudge', '{slot,day,due}'), NULL, 'a report after a nudge would have gone out does not explain that none did');
SELECT t.patient_of('+817000000008') AS prompt \gset
INSERT INTO hersys.reminder (patient_id, day, slot_id, centre_id, message_id, goes_at) VALUES (:prompt, '2022-08-02', :slot, :east, 900001, '2022-08-02 12:00+09');
SELECT t.receive('+817000000008') \g /dev/null
SELECT t.at('2022-08-02 14:00+09') \g /dev/null
SELECT is(t.story(:prompt, 'no_nudge', '{slot,day,due}'), 'no_nudge step=1 why=reported', 'one before does');
INSERT INTO hersys.reminder (patient_id, day, slot_id, centre_id, message_id, goes_at, step) VALUES (:early, '2022-08-02', :slot, :east, 900002, '2022-08-02 13:00+09', 1);
SELECT is(t.story(:early, 'nudge', '{slot,day,due}'), 'nudge step=1', 'a nudge that went out is told');
UPDATE hersys.centre SET quiet_from = '13:00', quiet_until = '15:00' WHERE id = :east;
SELECT t.patient_of('+817000000009') AS quiet \gset
INSERT INTO hersys.reminder (patient_id, day, slot_id, centre_id, message_id, goes_at) VALUES (:quiet, '2022-08-02', :slot, :east, 900003, '2022-08-02 11:30+09');
SELECT is(t.story(:quiet, 'no_nudge', '{slot,day,due}'), 'no_nudge step=1 why=quiet_hours', 'quiet hours hold nudges back');
UPDATE hersys.centre SET quiet_from = '00:00', quiet_until = '00:00' WHERE id = :east;

-- ------------------------------------------------------------------ links, batches, calls, alerts

SELECT t.at('2022-08-03 09:00+09') \g /dev/null
SELECT t.patient_of('+817000000091') AS link_to \gset
UPDATE hersys.patient SET email = 'sample@example.jp' WHERE id = :link_to;
SELECT batch_id AS batch FROM hersys.link_batch(ARRAY[:link_to], 'sms', 1, array_fill(decode(repeat('00', 16), 'hex'), ARRAY[1]), 'os:tester') \gset
SELECT message_id AS sms, link_id AS link FROM hersys.send_request WHERE batch_id = :batch \gset
SELECT is(t.story(:link_to, 'batch|link', '{link,message,until}'), 'batch channel=sms state=sent, link channel=sms', 'that a link was sent');
SELECT t.claim() \g /dev/null
SELECT t.finish(:sms, 'rejected', NULL, 'no_such_number') \g /dev/null
SELECT max(message_id) AS mail FROM hersys.registration_link WHERE patient_id = :link_to \gset
SELECT is(t.story(:link_to, 'message', '{waits_until,ended,link}'),
          format('message attempts=1 channel=sms error=no_such_number kind=registration_link mailed_as=%s state=dead, message attempts=0 channel=email kind=registration_link state=queued', :mail),
          'that it did not arrive, why, and as what it was mailed');
SELECT is(t.story(:link_to, 'call'), 'call why=number_dead', 'that the patient is to be called');
SELECT is(t.story(:link_to, 'link|link_ended', '{message,until}'), 'link channel=sms, link_ended, link channel=email', 'and that the link was ended');
UPDATE hersys.registration_link SET consumed_at = hersys.clock_now() + interval '1 s' WHERE patient_id = :link_to AND channel = 'email';
SELECT is(t.story(:link_to, 'link_consumed'), 'link_consumed', 'or used');
SELECT hersys.call_end(:link_to, '{number_dead}', 'api:somebody') \g /dev/null
SELECT is(t.story(:link_to, 'call_closed'), 'call_closed by=staff', 'who closed a call has no name');
SELECT hersys.call_add(:east, :link_to, 'undelivered') \g /dev/null
SELECT hersys.number_reached('+817000000091', 'reply') \g /dev/null
SELECT is(t.story(:link_to, 'call_closed'), 'call_closed by=staff, call_closed by=reply', 'what closed it has');
SELECT t.patient_of(NULL) AS refused \gset
SELECT hersys.link_batch(ARRAY[:refused], 'sms', 1, array_fill(decode(repeat('00', 16), 'hex'), ARRAY[1]), 'os:tester') \g /dev/null
SELECT is(t.story(:refused, 'batch'), format('batch channel=sms refused=patient %s has no telephone state=sent', :refused), 'why a link was refused');
UPDATE hersys.centre SET daily_cap = 0;
SELECT hersys.link_batch(ARRAY[:link_to], 'sms', 1, array_fill(decode(repeat('00', 16), 'hex'), ARRAY[1]), 'os:tester') \g /dev/null
SELECT is(t.story(:link_to, 'batch', '{link}'), 'batch channel=sms state=sent, batch channel=sms held_for=daily_cap state=held', 'or held');

SELECT t.patient_of('+817000000010') AS ill \gset
SELECT t.receive('+817000000010', t.report(88)) \g /dev/null
UPDATE hersys.alert SET told_at = hersys.clock_now(), told_times = 2, seen_at = hersys.clock_now() + interval '1 minute', seen_by = 'api:somebody', closed_at = hersys.clock_now() + interval '2 minutes', closed_by = 'api:somebody'
WHERE patient_id = :ill;
SELECT is(t.story(:ill, 'alert.*', '{report,received}'), 'alert level=urgent, alert_told times=2, alert_seen, alert_closed', 'an alert from end to end');
SELECT is(t.story(:ill, 'report', '{received}'), 'report source=sms', 'by a report whose values are not told');
UPDATE hersys.status_report SET withdrawn_at = hersys.clock_now(), red_flag = true, unconfirmed = true WHERE patient_id = :ill;
SELECT is(t.story(:ill, 'report.*', '{received}'), 'report red_flag=true source=sms unconfirmed=true, report_withdrawn', 'what was taken back, and what is to be doubted');
UPDATE hersys.patient SET end_held_at = hersys.clock_now() WHERE id = :ill;
SELECT is(t.story(:ill, 'end_held'), 'end_held', 'that the end waits for the centre');

-- ------------------------------------------------------------------ a telephone that is shared, or was another's

SELECT t.take('+817000000011') \g /dev/null
SELECT t.later('1 minute') \g /dev/null
SELECT t.patient_of('+817000000011') AS mother, t.patient_of('+817000000011') AS child \gset
SELECT is(t.story(:mother, 'received'), NULL, 'what came from a telephone before it was the patient''s is not of the story');
SELECT t.later('1 minute') \g /dev/null
SELECT t.take('+817000000011', t.report(97, '2')) \g /dev/null
SELECT is(t.story(:mother, 'received|message', '{message,waits_until}') || ' / ' || t.story(:child, 'received|message', '{message,waits_until}'),
          'received answer=report_stored outcome=report, message attempts=0 channel=sms kind=report_stored state=queued / received answer=report_stored outcome=report, message attempts=0 channel=sms kind=report_stored state=queued',
          'what comes from a shared one, and its answer, are of each who has it');
SELECT is(coalesce(t.story(:mother, 'report'), 'none') || ' / ' || t.story(:child, 'report', '{received}'), 'none / report source=sms', 'but the report is one''s');
SELECT t.later('1 minute') \g /dev/null
UPDATE hersys.patient SET phone = '+817000000012' WHERE id = :mother;
SELECT t.later('1 minute') \g /dev/null
SELECT t.take('+817000000011') \g /dev/null
SELECT t.take('+817000000012', jsonb_build_object('outcome', 'not_understood'), '{"own_text": true}') \g /dev/null
SELECT is(t.story(:mother, 'received|phone_changed', '{message}'), 'received answer=report_stored outcome=report, phone_changed, received answer=none outcome=own_text why=own_text',
          'another telephone: each for its time, and why there was no answer');
SELECT hersys.inbound_store_raw('link', 'broken', '+817000000012', '', '\x00') \g /dev/null
SELECT is(t.story(:mother, 'received', '{message}'), 'received answer=report_stored outcome=report, received answer=none outcome=own_text why=own_text, received answer=none outcome=failed why=failed', 'and what could not be read');

-- ------------------------------------------------------------------ nothing personal

SELECT is((SELECT count(*) FROM hersys.patient p CROSS JOIN LATERAL hersys.patient_story(p.id, 'os:tester') AS s
           WHERE (s.what || s.detail)::text ~ 'example|試験|例|見本|\+81|0700000|36\.9|3336|somebody'), 0::bigint, 'no name, number, address, text or value stands in any story');
SELECT finish();
ROLLBACK;
