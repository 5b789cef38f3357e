-- members.sql - the numbers by which a household's members are told apart: one lowest free number a telephone, whatever centre follows them.
BEGIN;
\ir fixture.psql
SELECT plan(26);

SELECT t.centre('東保健所') AS east \gset
SELECT t.centre('西保健所') AS west \gset
SELECT t.patient(:east, '+817000000001') AS first \gset
SELECT t.patient(:west, '+817000000001') AS second \gset
SELECT t.patient(:east, '+817000000001') AS third \gset
SELECT is(ARRAY[t.member(:first), t.member(:second), t.member(:third)], '{1,2,3}'::smallint[], 'the members of a phone are counted across centres');
SELECT is(t.member(t.patient(:east, '+817000000002')), 1::smallint, 'another phone begins anew');
SELECT is(t.member(t.patient(:east, NULL)), NULL, 'who has no phone has no number');

DELETE FROM hersys.patient WHERE id = :second;
SELECT is((SELECT members FROM hersys.phone WHERE number = '+817000000001'), '{1,3}', 'who goes gives the number back');
SELECT is(t.member(:third), 3::smallint, 'the others keep theirs');
SELECT is(t.member(t.patient(:west, '+817000000001')), 2::smallint, 'and the next one gets the lowest that is free');

-- Another phone.
SELECT ok((SELECT phone_confirmed_at IS NOT NULL FROM hersys.patient WHERE id = :first), 'the first one''s phone is confirmed');
UPDATE hersys.patient SET phone = '+817000000002' WHERE id = :first;
SELECT is(t.member(:first), 2::smallint, 'whoever changes the phone gets a number of the new one');
SELECT is((SELECT members FROM hersys.phone WHERE number = '+817000000001'), '{3,2}', 'the number at the old one is free');
SELECT ok((SELECT phone_confirmed_at IS NULL FROM hersys.patient WHERE id = :first), 'and the new phone is not confirmed');
UPDATE hersys.patient SET phone = phone, phone_confirmed_at = hersys.clock_now() WHERE id = :first;
SELECT ok((SELECT phone_confirmed_at IS NOT NULL FROM hersys.patient WHERE id = :first), 'the same phone again is no change');
SELECT is(t.member(:first), 2::smallint, 'and the number stays');
UPDATE hersys.patient SET phone = NULL WHERE id = :first;
SELECT is(t.member(:first), NULL, 'without a phone there is no number');
SELECT is((SELECT members FROM hersys.phone WHERE number = '+817000000002'), '{1}', 'nor one taken');
UPDATE hersys.patient SET phone = '+817000000003' WHERE id = :first;
SELECT is(t.member(:first), 1::smallint, 'with one again there is');

-- Whoever asks for a number has no say in it.
INSERT INTO hersys.patient (centre_id, input_id, family_name, given_name, date_of_birth, phone, member_number, monitoring_from, monitoring_until)
VALUES (:east, '9999999', '試験', '見本', '1980-01-01', '+817000000004', 7, '2022-08-01', '2022-08-02');
SELECT is((SELECT member_number FROM hersys.patient WHERE input_id = '9999999'), 1::smallint, 'a number that is asked for is not given');
SELECT throws_ok(format($$UPDATE hersys.patient SET member_number = 3 WHERE phone = '+817000000001' AND member_number = 2$$), '23505', NULL,
                 'two members of a phone never have the same number');

-- Nine, and no tenth.
SELECT t.patient(:east, '+817000000005') FROM generate_series(1, 8) \g /dev/null
SELECT is(t.member(t.patient(:west, '+817000000005')), 9::smallint, 'a phone has nine members');
SELECT throws_ok(format('SELECT t.patient(%s, ''+817000000005'')', :east), 'HS003', NULL, 'and no tenth');
SELECT throws_ok(format('UPDATE hersys.patient SET phone = ''+817000000005'' WHERE id = %s', :first), 'HS003', NULL, 'nor one who changes to it');
SELECT is((SELECT phone FROM hersys.patient WHERE id = :first)::text, '+817000000003', 'who keeps the old phone');

-- Several in one statement, and an insert that comes to nothing.
INSERT INTO hersys.patient (centre_id, input_id, family_name, given_name, date_of_birth, phone, monitoring_from, monitoring_until)
SELECT :east, (8000000 + n)::text, '試験', '見本', '1980-01-01', '+817000000006', '2022-08-01', '2022-08-02' FROM generate_series(1, 3) AS n;
SELECT is((SELECT array_agg(member_number ORDER BY member_number) FROM hersys.patient WHERE phone = '+817000000006'), '{1,2,3}',
          'a family that is registered by one statement');
INSERT INTO hersys.patient (centre_id, input_id, family_name, given_name, date_of_birth, phone, monitoring_from, monitoring_until)
SELECT :east, '8000001', '試験', '見本', '1980-01-01', '+817000000006', '2022-08-01', '2022-08-02' FROM generate_series(1, 20)
ON CONFLICT (input_id) DO NOTHING;
SELECT is((SELECT members FROM hersys.phone WHERE number = '+817000000006'), '{1,2,3}', 'a patient who is there already takes no number');
UPDATE hersys.patient SET phone = '+817000000007' WHERE phone = '+817000000006';
SELECT is((SELECT array_agg(member_number ORDER BY member_number) FROM hersys.patient WHERE phone = '+817000000007'), '{1,2,3}',
          'a family that changes its phone together');
SELECT is((SELECT members FROM hersys.phone WHERE number = '+817000000006'), '{}', 'leaves nobody behind');

-- A session of one centre does not see the other members, and counts them all the same.
SELECT t.patient(:west, '+817000000008') \g /dev/null
SELECT set_config('hersys.centre', :'east', true) \g /dev/null
SET LOCAL ROLE hersys_definer;
INSERT INTO hersys.patient (centre_id, input_id, family_name, given_name, date_of_birth, phone, monitoring_from, monitoring_until)
VALUES (:east, '7000001', '試験', '見本', '1980-01-01', '+817000000008', '2022-08-01', '2022-08-02');
RESET ROLE;
SELECT set_config('hersys.centre', '', true) \g /dev/null
SELECT is((SELECT member_number FROM hersys.patient WHERE input_id = '7000001'), 2::smallint,
          'a centre that does not see the other''s patient gives hers the next number');
SELECT finish();
ROLLBACK;
