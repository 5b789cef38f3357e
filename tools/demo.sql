-- demo.sql - a made-up health centre and a few made-up patients, for the quick start. The numbers are of no real telephone.
-- It has no quiet hours: the story is told at any time of the day.
INSERT INTO hersys.centre (id, name, short_name, phone, email, quiet_from, quiet_until) VALUES
    (1, '見本市保健所', '見本市保健所', '03-0000-0000', 'centre@example.jp', '00:00', '00:00');
INSERT INTO hersys.contact (centre_id, place, email, phone) VALUES
    (1, 1, 'nurse@example.jp', '+817000000081'), (1, 2, 'doctor@example.jp', '+817000000082');

INSERT INTO hersys.patient (id, centre_id, input_id, family_name, given_name, date_of_birth, language, phone,
                            phone_confirmed_at, onset_on, diagnosed_on, monitoring_from, monitoring_until)
SELECT v.id, 1, v.input_id, v.family_name, v.given_name, v.born::date, v.language, v.phone, now(),
       today - 2, today - 1, today - 1, today + 8
FROM (SELECT (now() AT TIME ZONE 'Asia/Tokyo')::date AS today) AS t,
     (VALUES
         (1, '1000001', '見本', '花子', '1980-04-01', 'ja',      '+817000000001'),
         (2, '1000002', 'Sample', 'Mary', '1975-09-12', 'en',    '+817000000002'),
         (3, '1000003', '样本', '小明', '1990-01-30', 'zh-Hans', '+817000000003'),
         (4, '1000004', 'Muestra', 'Juan', '1968-11-05', 'es',   '+817000000004'),
         (5, '1000005', '例', '一郎', '1985-02-20', 'ja',        '+817000000005'),
         (6, '1000006', '例', '桜', '2015-07-07', 'ja',          '+817000000005'),
         (7, '1000007', '見本', '次郎', '1971-03-03', 'ja',      '+817000000007')
     ) AS v (id, input_id, family_name, given_name, born, language, phone);
