-- What the example computes, in plain SQL: the independent side of its test.
--
-- Tables, read from CSV files with a header line:
--   flights   flights.csv   missing values are written NA
--   airlines  airlines.csv  carrier, name
--
-- The casts accept columns read as text as well as columns with inferred types.
-- `time_hour` is the scheduled hour of departure in UTC; `dep_delay` is in minutes,
-- negative when a flight left early, and NA exactly where `dep_time` is: the flight
-- was cancelled. A group of cancelled flights only has no mean delay (NULL).
WITH departures AS (
    SELECT
        date_trunc('hour', CAST(time_hour AS TIMESTAMP))                AS hour,
        origin,
        carrier,
        NULLIF(CAST(dep_time AS VARCHAR), 'NA')                         AS dep_time,
        CAST(NULLIF(CAST(dep_delay AS VARCHAR), 'NA') AS DOUBLE)        AS dep_delay
    FROM flights
)
SELECT
    d.hour                          AS hour,
    d.origin                        AS origin,
    d.carrier                       AS carrier,
    a.name                          AS airline,
    COUNT(*)                        AS scheduled,
    COUNT(*) - COUNT(d.dep_time)    AS cancelled,
    AVG(d.dep_delay)                AS mean_dep_delay
FROM departures d
LEFT JOIN airlines a ON a.carrier = d.carrier
GROUP BY d.hour, d.origin, d.carrier, a.name
ORDER BY d.hour, d.origin, d.carrier
