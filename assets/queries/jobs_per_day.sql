-- title: Jobs per day
-- description: Jobs created on each of the last 30 days, how many of them failed, and the average of the
--   last seven days on which there were any.
WITH days AS (
  SELECT
    DATE_TRUNC('day', creation_time) AS day,
    COUNT(*) AS created,
    SUM(CASE WHEN status = 'Failed' THEN 1 ELSE 0 END) AS failed
  FROM aws.bedrock_model_customization_job
  WHERE creation_time > NOW() - INTERVAL '30 days'
  GROUP BY DATE_TRUNC('day', creation_time)
)
SELECT
  day,
  created,
  failed,
  AVG(created) OVER (ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS average_created
FROM days
ORDER BY day DESC
