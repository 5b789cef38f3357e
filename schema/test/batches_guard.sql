-- batches_guard.sql - a batch whose numbers repeat, or look shifted by a row, waits for a second person; a family's does not.
BEGIN;
\ir fixture.psql
\ir api.psql
SELECT plan(51);

SELECT t.centre('東保健所') AS east \gset
SELECT t.centre('西保健所') AS west \gset
SELECT t.token(:east, 'sato') AS sato, t.token(:east, 'suzuki') AS suzuki \gset

-- Somebody with this family name and telephone.
CREATE FUNCTION t.person(p_family text, p_phone text, p_centre bigint DEFAULT NULL) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_id bigint := t.patient(coalesce(p_centre, (SELECT min(id) FROM hersys.centre)), p_phone);
BEGIN
    -- Their input IDs do not stand side by side.
    UPDATE hersys.patient SET family_name = p_family, input_id = lpad((v_id * 10)::text, 8, '0') WHERE id = v_id;
    RETURN v_id;
END
$$;
CREATE FUNCTION t.send(p_kid text, p_ids bigint[], p_channel text DEFAULT 'sms', p_phones text[] DEFAULT NULL, p_input_ids text[] DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS $$
    SELECT t.ask(t.by(p_kid, 'links'), format('v1_links_send($1, $3, %L, 1, %L, %L, %L)', p_channel, t.salts(cardinality(p_ids)), p_phones, p_input_ids), NULL, p_ids)
$$;
-- What a batch comes to: 'sent', or why it is held.
CREATE FUNCTION t.came_to(p_ids bigint[], p_channel text DEFAULT 'sms', p_phones text[] DEFAULT NULL, p_input_ids text[] DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(s ->> 'held_for', s ->> 'state', s ->> 'error') FROM t.send((SELECT kid FROM hersys.api_token WHERE actor = 'sato'), p_ids, p_channel, p_phones, p_input_ids) AS s
$$;
CREATE FUNCTION t.reasons(p_batch jsonb) RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(regexp_replace(l ->> 'reason', '[0-9]+', 'N') ORDER BY place) FROM jsonb_array_elements(p_batch -> 'links') WITH ORDINALITY AS g (l, place)
$$;
CREATE FUNCTION t.input_id(p_patient bigint) RETURNS text LANGUAGE sql AS $$ SELECT input_id FROM hersys.patient WHERE id = p_patient $$;

-- ------------------------------------------------------------------ one telephone, two families

SELECT t.person('見本', '+817000000001') AS a, t.person('試験', '+817000000002') AS b, t.person('例', '+817000000003') AS c \gset
SELECT is(t.came_to(ARRAY[:a, :b, :c]), 'sent', 'people with a telephone each are sent their links');
SELECT t.person('家族', '+817000000010') AS f1, t.person('家族', '+817000000010') AS f2, t.person('家　族', '+817000000010') AS f3 \gset
SELECT is(t.came_to(ARRAY[:f1, :f2, :f3, :a]), 'sent', 'so is a family on one telephone, however its name is spaced');
SELECT t.person('Sample', '+817000000011') AS s1, t.person('ｓａｍｐｌｅ', '+817000000011') AS s2 \gset
SELECT is(t.came_to(ARRAY[:s1, :s2]), 'sent', 'or how wide it is written');
SELECT t.person('見本', '+817000000012') AS m1, t.person('別姓', '+817000000012') AS m2 \gset
SELECT t.send(:'sato', ARRAY[:a, :m1, :b, :m2]) AS held \gset
SELECT is(:'held'::jsonb ->> 'held_for', 'repeated_phone', 'a couple with two names on one telephone stops the batch: a person has to look');
SELECT is((SELECT array_agg(DISTINCT l ->> 'state') FROM jsonb_array_elements(:'held'::jsonb -> 'links') AS l), '{held}', 'all of it');
SELECT is((SELECT count(*) FROM hersys.outbox WHERE patient_id IN (:m1, :m2)), 0::bigint, 'nothing goes out');
SELECT (:'held'::jsonb ->> 'id')::bigint AS id \gset
SELECT results_eq('SELECT batch_id, links, held_for FROM hersys.batch_list()', format($$VALUES (%s::bigint, 4::bigint, 'repeated_phone')$$, :id), 'the operator sees why');
SELECT is((SELECT string_agg(actor || ' ' || action, ', ' ORDER BY id) FROM hersys.audit WHERE subject = 'batch' AND subject_id = :id), 'api:sato batch_hold', 'it is in the audit trail');
SELECT is(t.refusal(t.ask(t.by(:'sato', 'release'), format('v1_batch_release($1, %s)', :id))), 'HS004 who asked for it cannot release it', 'who asked cannot release it');
SELECT is(t.ask(t.by(:'suzuki', 'release'), format('v1_batch_release($1, %s)', :id)) - 'links' - 'id',
          '{"status": 200, "state": "sent", "held_for": "repeated_phone", "requested_by": "api:sato", "released_by": "api:suzuki", "created_at": "2022-08-01T03:00:00.000Z"}'::jsonb,
          'a second person does');
SELECT is((SELECT count(*) FROM hersys.outbox WHERE patient_id IN (:m1, :m2)), 2::bigint, 'and the links go out');
SELECT is(t.came_to(ARRAY[:m1]), 'sent', 'one of the two alone is no batch that repeats');
SELECT is(t.came_to(ARRAY[:m1, :a]), 'sent', 'nor is one of them among others: a single shared telephone is a couple''s');
UPDATE hersys.patient SET ended_at = hersys.clock_now() WHERE id = :m2;
SELECT is(t.came_to(ARRAY[:m1, :m2]), 'sent', 'who gets no link repeats nothing');
UPDATE hersys.patient SET ended_at = NULL WHERE id = :m2;
UPDATE hersys.patient SET email = 'x@example.jp' WHERE id IN (:a, :b, :f1, :f2);
SELECT is(t.came_to(ARRAY[:f1, :f2], 'email'), 'sent', 'a family may share an e-mail address');
SELECT is(t.came_to(ARRAY[:a, :b], 'email'), 'repeated_phone', 'two families may not');
SELECT is(t.came_to(ARRAY[:a, :b]), 'sent', 'which says nothing of their telephones');
UPDATE hersys.centre SET daily_cap = 0;
SELECT is(t.came_to(ARRAY[:a, :b]), 'daily_cap', 'the cap still holds');
SELECT is(t.came_to(ARRAY[:m1, :m2]), 'repeated_phone', 'what looks wrong is said first');
UPDATE hersys.centre SET daily_cap = 2000;

-- ------------------------------------------------------------------ what the caller's own list says

SELECT is(t.came_to(ARRAY[:a, :b], 'sms', '{+817000000001,+817000000002}', ARRAY[t.input_id(:a), t.input_id(:b)]), 'sent', 'a list that says what the register says is sent');
SELECT is(t.came_to(ARRAY[:a, :b], 'sms', '{+817000000001,NULL}', '{NULL,NULL}'), 'sent', 'and one that says it of some');
SELECT is(t.came_to(ARRAY[:a, :b, :c], 'sms', '{+817000000002,+817000000003,+817000000001}'), 'shifted', 'telephones that have slipped by a row stop it');
SELECT is(t.came_to(ARRAY[:a, :c], 'sms', '{+817000000001,+817000000002}'), 'shifted', 'also one alone, and of a patient outside the batch');
SELECT is(t.came_to(ARRAY[:a], 'sms', NULL, ARRAY[t.input_id(:b)]), 'shifted', 'so does another patient''s input ID');
SELECT is(t.came_to(ARRAY[:f1, :f2], 'sms', NULL, ARRAY[t.input_id(:f2), t.input_id(:f1)]), 'shifted', 'within a family as well');
SELECT t.send(:'sato', ARRAY[:a, :b], 'sms', '{+817000000777,+817000000002}') AS mixed \gset
SELECT is(:'mixed'::jsonb ->> 'state', 'sent', 'a telephone that is nobody''s does not stop the others');
SELECT is(t.reasons(:'mixed'), ARRAY['the telephone that was given for patient N is not the one in the register', NULL], 'but its patient gets no link');
SELECT t.send(:'sato', ARRAY[:a, :b], 'sms', NULL, '{99999999,NULL}') AS mixed \gset
SELECT is(t.reasons(:'mixed'), ARRAY['the input ID that was given for patient N is not the one in the register', NULL], 'nor with an input ID that is nobody''s');
SELECT t.person('家族', '+817000000013') AS f4 \gset
SELECT t.send(:'sato', ARRAY[:f4, :a], 'sms', '{+817000000010,NULL}') AS mixed \gset
SELECT is(:'mixed'::jsonb ->> 'state' || ' ' || (t.reasons(:'mixed'))[1], 'sent the telephone that was given for patient N is not the one in the register', 'a relative''s telephone is no slip, yet not this patient''s');
SELECT t.person('例', NULL) AS silent \gset
SELECT is(t.came_to(ARRAY[:silent, :a], 'sms', '{+817000000002,NULL}'), 'shifted', 'a slip shows also beside a patient without telephone');
SELECT t.person('西', '+817000000020', :west) AS theirs \gset
SELECT t.send(:'sato', ARRAY[:theirs, :a], 'sms', '{+817000000001,NULL}') AS mixed \gset
SELECT is(:'mixed'::jsonb ->> 'state' || ' ' || (t.reasons(:'mixed'))[1], 'sent there is no patient N', 'another centre''s patient is one who is not there');
SELECT t.send(:'sato', ARRAY[:a, :b, :c], 'sms', '{+817000000002,+817000000888,NULL}') AS mixed \gset
SELECT is(:'mixed'::jsonb ->> 'held_for' || ' ' || (t.reasons(:'mixed'))[2], 'shifted the telephone that was given for patient N is not the one in the register', 'who is refused stays so in a batch that is held');
SELECT is((SELECT count(*) FROM jsonb_array_elements(t.ask(t.by(:'suzuki', 'release'), format('v1_batch_release($1, %s)', :'mixed'::jsonb ->> 'id')) -> 'links') AS l WHERE l ->> 'link' IS NOT NULL),
          2::bigint, 'and when it is released');
SELECT is((SELECT array_agg(recipient ORDER BY id) FROM (SELECT id, recipient FROM hersys.outbox ORDER BY id DESC LIMIT 2) AS o), ARRAY['+817000000001', '+817000000003'], 'which goes to the numbers of the register');
SELECT is(t.refusal(t.send(:'sato', ARRAY[:a, :b], 'sms', '{+817000000001}')), 'HS001 a list to compare with has a place for each patient', 'a list of telephones has one for each patient');
SELECT is(t.refusal(t.send(:'sato', ARRAY[:a, :b], 'sms', NULL, '{1234567}')), 'HS001 a list to compare with has a place for each patient', 'so has one of input IDs');
SELECT is((SELECT state || ' ' || held_for FROM hersys.link_batch(ARRAY[:a], 'sms', 1, t.salts(1), 'os:root', '{+817000000002}')), 'held shifted', 'the operator''s list is looked at in the same way');

-- ------------------------------------------------------------------ the register alone: whose telephones were they?

SELECT array_agg(t.person('甲' || n, '+8170000001' || lpad(n::text, 2, '0')) ORDER BY n) AS rows FROM generate_series(1, 4) AS n \gset
SELECT is(t.came_to(:'rows'), 'sent', 'a list of four');
UPDATE hersys.patient p SET phone = NULL WHERE p.id = ANY (:'rows');
UPDATE hersys.patient p SET phone = '+8170000001' || lpad((w.n % 4 + 1)::text, 2, '0') FROM unnest(:'rows'::bigint[]) WITH ORDINALITY AS w (id, n) WHERE p.id = w.id;
SELECT is(t.came_to(:'rows'), 'shifted', 'whose telephones slip by a row');
SELECT is(t.came_to((:'rows'::bigint[])[1:1]), 'sent', 'one that changed hands is no slip');
SELECT is(t.came_to((:'rows'::bigint[])[1:2]), 'shifted', 'two are');
UPDATE hersys.patient SET email = 'p' || id || '@example.jp' WHERE id = ANY (:'rows');
SELECT is(t.came_to((:'rows'::bigint[])[1:2], 'email'), 'sent', 'which does not matter to e-mail');
SELECT t.later('6 days 23 hours') \g /dev/null
SELECT is(t.came_to(:'rows'), 'shifted', 'for nearly seven days');
SELECT t.later('1 hour') \g /dev/null
SELECT is(t.came_to(:'rows'), 'sent', 'not after');
SELECT t.at('2022-08-01 12:00+09') \g /dev/null
SELECT array_agg(t.person('一家', '+8170000002' || lpad(n::text, 2, '0')) ORDER BY n) AS rows FROM generate_series(1, 3) AS n \gset
UPDATE hersys.patient p SET phone = NULL WHERE p.id = ANY (:'rows');
UPDATE hersys.patient p SET phone = '+8170000002' || lpad((w.n % 3 + 1)::text, 2, '0') FROM unnest(:'rows'::bigint[]) WITH ORDINALITY AS w (id, n) WHERE p.id = w.id;
SELECT is(t.came_to(:'rows'), 'sent', 'a family that hands its telephones round is no slip');

-- Or whose are they still?
SELECT array_agg(t.person('旧' || n, '+8170000003' || lpad(n::text, 2, '0')) ORDER BY n) AS old FROM generate_series(1, 3) AS n \gset
SELECT array_agg(t.person('新' || n, '+8170000003' || lpad(n::text, 2, '0')) ORDER BY n) AS new FROM generate_series(1, 3) AS n \gset
SELECT is(t.came_to(:'new'), 'shifted', 'new patients with the telephones of others are a list that has slipped');
SELECT is(t.came_to((:'new'::bigint[])[1:1]), 'sent', 'one of them may live together');
UPDATE hersys.patient SET family_name = '旧' || right(family_name, 1) WHERE id = ANY (:'new');
SELECT is(t.came_to(:'new'), 'sent', 'relatives do');
UPDATE hersys.patient SET family_name = '新' || right(family_name, 1) WHERE id = ANY (:'new');
UPDATE hersys.patient SET ended_at = hersys.clock_now() WHERE id = ANY (:'old');
SELECT is(t.came_to(:'new'), 'sent', 'the telephones of those who have recovered are not counted');
UPDATE hersys.patient SET input_id = '7000' || lpad((2 * w.n)::text, 3, '0') FROM unnest(:'old'::bigint[]) WITH ORDINALITY AS w (id, n) WHERE patient.id = w.id;
UPDATE hersys.patient SET input_id = '7000' || lpad((2 * w.n + 1)::text, 3, '0') FROM unnest(:'new'::bigint[]) WITH ORDINALITY AS w (id, n) WHERE patient.id = w.id;
SELECT is(t.came_to(:'new'), 'shifted', 'but where their input IDs stand side by side');
SELECT t.person('旧1', '+817000000401', :west), t.person('旧2', '+817000000402', :west) \g /dev/null
SELECT is(t.came_to(ARRAY[t.person('新1', '+817000000401'), t.person('新2', '+817000000402')]), 'sent', 'other centres'' patients are not seen');
SELECT finish();
ROLLBACK;
