-- title: Stuck before training
-- description: Jobs that say InProgress, whose training has not started an hour after they were created. Their data
--   was validated, and they wait for capacity. Real jobs have waited for days.
SELECT
  job_name,
  account_id,
  SPLIT_PART(job_arn, ':', 4) AS region,
  json_extract_path_text(status_details, 'validation_details', 'status') AS validation,
  json_extract_path_text(status_details, 'training_details', 'status') AS training,
  ROUND(EXTRACT(epoch FROM NOW() - creation_time) / 360) / 10.0 AS hours_since_creation
FROM aws.bedrock_model_customization_job
WHERE status = 'InProgress'
  AND COALESCE(json_extract_path_text(status_details, 'training_details', 'status'), 'NotStarted') = 'NotStarted'
  AND creation_time < NOW() - INTERVAL '1 hour'
ORDER BY creation_time
