-- title: Jobs without a VPC
-- description: Jobs that reach their data over the public network of AWS, newest first. Listed jobs that were never
--   described (no role is known) are left out, as nothing is known of their network.
SELECT
  job_name,
  account_id,
  SPLIT_PART(job_arn, ':', 4) AS region,
  status,
  tags->'team' AS team,
  creation_time,
  json_extract_path_text(training_data_config, 's3_uri') AS training_data
FROM aws.bedrock_model_customization_job
WHERE vpc_config IS NULL AND role_arn IS NOT NULL
ORDER BY creation_time DESC
