-- title: Failed this week, and why
-- description: Jobs that failed in the last seven days with AWS's message, newest first.
SELECT
  end_time,
  job_name,
  tags->'team' AS team,
  SPLIT_PART(base_model_arn, '/', 2) AS base_model,
  failure_message
FROM aws.bedrock_model_customization_job
WHERE status = 'Failed' AND end_time > NOW() - INTERVAL '7 days'
ORDER BY end_time DESC
