-- title: Running now
-- description: Jobs that have not ended, the phase each is in, and for how many hours it has run.
SELECT
  job_name,
  status,
  CASE
    WHEN json_extract_path_text(status_details, 'training_details', 'status') IN ('InProgress', 'Stopping') THEN 'training'
    WHEN json_extract_path_text(status_details, 'data_processing_details', 'status') IN ('InProgress', 'Stopping') THEN 'data processing'
    WHEN json_extract_path_text(status_details, 'validation_details', 'status') IN ('InProgress', 'Stopping') THEN 'validation'
    ELSE 'waiting'
  END AS phase,
  ROUND(EXTRACT(epoch FROM NOW() - creation_time) / 360) / 10.0 AS hours,
  SPLIT_PART(base_model_arn, '/', 2) AS base_model,
  tags->'team' AS team
FROM aws.bedrock_model_customization_job
WHERE status IN ('InProgress', 'Stopping')
ORDER BY creation_time
