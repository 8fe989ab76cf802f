-- title: Newest model of each team
-- description: For each team and base model, the model that was completed last, with its losses.
WITH ranked AS (
  SELECT
    COALESCE(tags->'team', '(no team)') AS team,
    SPLIT_PART(base_model_arn, '/', 2) AS base_model,
    output_model_name,
    output_model_arn,
    end_time,
    json_extract_path_text(training_metrics, 'training_loss') AS training_loss,
    ROW_NUMBER() OVER (
      PARTITION BY COALESCE(tags->'team', '(no team)'), SPLIT_PART(base_model_arn, '/', 2)
      ORDER BY end_time DESC
    ) AS position
  FROM aws.bedrock_model_customization_job
  WHERE status = 'Completed' AND end_time IS NOT NULL
)
SELECT
  team,
  base_model,
  output_model_name,
  output_model_arn,
  end_time,
  training_loss
FROM ranked
WHERE position = 1
ORDER BY team, base_model
