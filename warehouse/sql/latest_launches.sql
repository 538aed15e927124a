-- One row per server configuration: its latest launch that came up or was imported.
SELECT *
FROM launches
WHERE load_ms IS NOT NULL OR source IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY server_id ORDER BY started_at DESC, launch_id) = 1
