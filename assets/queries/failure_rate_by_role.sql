-- title: Failure rate by role
-- description: For each IAM role, how many jobs ended and which share of them failed. A role at 100 % lacks a permission.
SELECT
  role_arn,
  COUNT(*) AS ended,
  SUM(CASE WHEN status = 'Failed' THEN 1 ELSE 0 END) AS failed,
  ROUND(100.0 * SUM(CASE WHEN status = 'Failed' THEN 1 ELSE 0 END) / COUNT(*)) AS failed_percent
FROM aws.bedrock_model_customization_job
WHERE status IN ('Completed', 'Failed', 'Stopped')
GROUP BY role_arn
HAVING COUNT(*) >= 3
ORDER BY failed_percent DESC, ended DESC
