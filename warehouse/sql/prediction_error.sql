-- One row per architecture, kind of device, part and basis: how far predictions of memory were off.
-- device_kind: Host or GPU
-- part: weights, kv, recurrent, compute, overhead or total
-- basis: what the predictions rest on (exact, history or estimate)
-- launches: launches that were predicted and measured
-- median_error_pct [%]: median of (predicted - measured) / measured: above 0 is too high
-- worst_error_pct [%]: the one that is farthest off
-- worst_low_mib: the most that a prediction was too low; 0 where none was
-- worst_high_mib: the most that one was too high
SELECT
    architecture,
    CASE device WHEN 'Host' THEN 'Host' ELSE 'GPU' END AS device_kind,
    part,
    basis,
    count(DISTINCT launch_id) AS launches,
    median(error_pct) AS median_error_pct,
    arg_max(error_pct, abs(error_pct)) AS worst_error_pct,
    greatest(0, max(-error_mib)) AS worst_low_mib,
    greatest(0, max(error_mib)) AS worst_high_mib
FROM predicted_vs_measured
GROUP BY ALL
ORDER BY architecture, device_kind, part, basis
