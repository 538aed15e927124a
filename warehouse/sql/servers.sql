-- One row per server configuration that was planned, measured or imported: its axes.
-- engine_flags: flags of the engine that change results, JSON
SELECT
    server_id,
    any_value(model) AS model,
    any_value(quant) AS quant,
    any_value(context) AS context,
    any_value(cache_k) AS cache_k,
    any_value(cache_v) AS cache_v,
    any_value(pairing) AS pairing,
    any_value(split) AS split,
    any_value(split_mode) AS split_mode,
    any_value(engine) AS engine,
    any_value(engine_build) AS engine_build,
    any_value(engine_sha256) AS engine_sha256,
    any_value(model_sha256) AS model_sha256,
    any_value(hardware_class) AS hardware_class,
    json_extract(any_value(server_config), '$.engine')::VARCHAR AS engine_flags
FROM (SELECT * FROM planned_cells UNION ALL BY NAME SELECT * FROM cells)
GROUP BY server_id
