-- One row per host, engine and step of its calibrations: the latest noise floor (`herd calibrate`).
-- A difference of two launches that is smaller than floor_pct shows nothing on that host.
-- calibrations: calibrations of that step so far
-- floor_pct: two launches, one a side, that differ by less show nothing (95 %)
SELECT
    host_id, hardware_class, engine_build, engine_sha256, metric, step, depth, floor_pct,
    between_sd_pct, within_sd_pct, tok_s, launches,
    count(*) OVER (PARTITION BY host_id, hardware_class, engine_sha256, metric, step, depth) AS calibrations,
    server_id, calibration_id, calibrated_at
FROM calibrations
WHERE kind = 'a_a'
QUALIFY row_number() OVER (
    PARTITION BY host_id, hardware_class, engine_sha256, metric, step, depth
    ORDER BY calibrated_at DESC, calibration_id
) = 1
ORDER BY host_id, engine_build, metric, step, depth
