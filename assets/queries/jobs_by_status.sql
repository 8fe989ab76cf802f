-- title: Jobs by status
-- description: How many jobs there are of each status, in each account and Region, and when the last one was created.
SELECT
  account_id,
  SPLIT_PART(job_arn, ':', 4) AS region,
  status,
  COUNT(*) AS jobs,
  MAX(creation_time) AS last_created
FROM aws.bedrock_model_customization_job
GROUP BY account_id, SPLIT_PART(job_arn, ':', 4), status
ORDER BY account_id, region, jobs DESC
