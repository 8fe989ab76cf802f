-- title: Waiting time before training
-- description: Minutes from the end of validation to the start of training, by base model and month.
WITH waits AS (
  SELECT
    SPLIT_PART(base_model_arn, '/', 2) AS base_model,
    DATE_TRUNC('month', creation_time) AS month,
    EXTRACT(epoch FROM
      CAST(json_extract_path_text(status_details, 'training_details', 'creation_time') AS TIMESTAMP)
      - CAST(json_extract_path_text(status_details, 'validation_details', 'last_modified_time') AS TIMESTAMP)
    ) / 60 AS minutes
  FROM aws.bedrock_model_customization_job
  WHERE json_extract_path_text(status_details, 'validation_details', 'status') = 'Completed'
    AND json_extract_path_text(status_details, 'training_details', 'creation_time') IS NOT NULL
    AND json_extract_path_text(status_details, 'data_processing_details', 'status') IS NULL
)
SELECT
  base_model,
  month,
  COUNT(*) AS jobs,
  ROUND(APPROX_PERCENTILE(0.5) WITHIN GROUP (ORDER BY minutes)) AS median_minutes,
  ROUND(MAX(minutes)) AS longest_minutes
FROM waits
GROUP BY base_model, month
ORDER BY month DESC, median_minutes DESC
