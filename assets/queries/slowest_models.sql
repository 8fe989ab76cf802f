-- title: Slowest models
-- description: Hours from creation to completion by base model and type of customization: median, 95th percentile, longest.
WITH durations AS (
  SELECT
    SPLIT_PART(base_model_arn, '/', 2) AS base_model,
    customization_type,
    EXTRACT(epoch FROM end_time - creation_time) / 3600 AS hours
  FROM aws.bedrock_model_customization_job
  WHERE status = 'Completed' AND end_time IS NOT NULL
)
SELECT
  base_model,
  customization_type,
  COUNT(*) AS jobs,
  ROUND(10 * APPROX_PERCENTILE(0.5) WITHIN GROUP (ORDER BY hours)) / 10.0 AS median_hours,
  ROUND(10 * APPROX_PERCENTILE(0.95) WITHIN GROUP (ORDER BY hours)) / 10.0 AS p95_hours,
  ROUND(10 * MAX(hours)) / 10.0 AS longest_hours
FROM durations
GROUP BY base_model, customization_type
ORDER BY median_hours DESC
