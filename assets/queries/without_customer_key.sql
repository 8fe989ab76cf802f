-- title: Models without a customer managed key
-- description: Completed jobs whose model is encrypted with a key that AWS owns, newest first.
SELECT
  output_model_name,
  output_model_arn,
  job_name,
  account_id,
  tags->'team' AS team,
  end_time
FROM aws.bedrock_model_customization_job
WHERE status = 'Completed' AND output_model_kms_key_arn IS NULL AND role_arn IS NOT NULL
ORDER BY end_time DESC
