-- title: Reasons of failures
-- description: Messages of failed jobs, with numbers and S3 locations taken out so that equal reasons are counted
--   together, and the last job each of them hit.
WITH failures AS (
  SELECT
    REGEXP_REPLACE(REGEXP_REPLACE(failure_message, 's3://[^ ]+', 's3://...', 'g'), ' [0-9]+', ' N', 'g') AS reason,
    end_time,
    job_name
  FROM aws.bedrock_model_customization_job
  WHERE status = 'Failed' AND failure_message IS NOT NULL
)
SELECT
  reason,
  COUNT(*) AS jobs,
  MAX(end_time) AS last_time
FROM failures
GROUP BY reason
ORDER BY jobs DESC, last_time DESC
