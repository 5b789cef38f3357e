-- standstill.sql - what must not follow from a standstill of the daemon, or of a carrier.
BEGIN;
\ir fixture.psql
\ir ladder.psql
SELECT plan(4);

-- ------------------------------------------------------------------ the call list

SELECT t.at('2022-08-01 06:00+09') \g /dev/null
SELECT t.centre('東保健所') AS east \gset
SELECT t.slot(:east, '07:00', '08:30'), t.slot(:east, '14:00', '16:00') \g /dev/null
SELECT t.patient(:east, '+817000000001', 'morning') AS morning, t.patient(:east, '+817000000002', 'both') AS both,
       t.patient(:east, '+817000000003', 'stored') AS stored \gset
SELECT t.reports_at(p, '2022-08-01 07:50+09') FROM unnest(ARRAY[:morning, :both]) AS p \g /dev/null
SELECT t.reports_at(:both, '2022-08-01 15:00+09') \g /dev/null
SELECT t.at('2022-08-01 17:00+09'), t.chore('calls_due') \g /dev/null
SELECT is(t.listed(), '{"morning silent","stored silent"}', 'a daemon that comes back after two slots lists who is silent in the second');
SELECT t.reports_at(:stored, '2022-08-01 16:59:59+09') \g /dev/null
SELECT t.at('2022-08-01 17:05+09'), t.chore('calls_due') \g /dev/null
SELECT is(t.listed(), '{"morning silent"}', 'whom the second look at the first slot does not take off: that report was of the first');

SELECT t.at('2022-08-03 17:00+09') \g /dev/null
SELECT t.reports_at(:morning, '2022-08-03 08:00+09'), t.reports_at(:morning, '2022-08-02 15:30+09') \g /dev/null
UPDATE hersys.call_task SET closed_at = hersys.clock_now(), closed_by = 'tester' WHERE closed_at IS NULL;
SELECT t.chore('calls_due') \g /dev/null
SELECT ok('morning silent' = ANY (t.listed()), 'nor where a day and a half are made up for');
SELECT t.later('5 min'), t.chore('calls_due') \g /dev/null
SELECT ok('morning silent' = ANY (t.listed()), 'the call stays');

SELECT * FROM finish();
ROLLBACK;
