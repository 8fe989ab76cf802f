-- title: Hours by team
-- description: Hours that jobs of each team and base model ran, by month, and how many of them led to no model. AWS
--   charges for tokens or hours by model, so hours are a share of the bill and not the bill.
WITH runs AS (
  SELECT
    COALESCE(tags->'team', '(no team)') AS team,
    SPLIT_PART(base_model_arn, '/', 2) AS base_model,
    DATE_TRUNC('month', creation_time) AS month,
    status,
    EXTRACT(epoch FROM COALESCE(end_time, NOW()) - creation_time) / 3600 AS hours
  FROM aws.bedrock_model_customization_job
)
SELECT
  month,
  team,
  base_model,
  COUNT(*) AS jobs,
  ROUND(10 * SUM(hours)) / 10.0 AS total_hours,
  ROUND(10 * SUM(CASE WHEN status IN ('Failed', 'Stopped') THEN hours ELSE 0 END)) / 10.0 AS hours_without_model
FROM runs
GROUP BY month, team, base_model
ORDER BY month DESC, total_hours DESC
