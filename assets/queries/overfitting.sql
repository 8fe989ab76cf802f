-- title: Validation loss far above training loss
-- description: Completed jobs by how much their average validation loss is above the training loss: a wide gap means
--   that a model learned its training data by heart.
WITH losses AS (
  SELECT
    job.job_name AS job_name,
    job.output_model_name AS model,
    CAST(json_extract_path_text(job.training_metrics, 'training_loss') AS DECIMAL) AS training_loss,
    CAST(json_extract_path_text(metric, 'validation_loss') AS DECIMAL) AS validation_loss
  FROM aws.bedrock_model_customization_job AS job, json_array_elements(job.validation_metrics) AS metric
  WHERE job.status = 'Completed'
)
SELECT
  job_name,
  model,
  training_loss,
  AVG(validation_loss) AS validation_loss,
  AVG(validation_loss) - training_loss AS gap
FROM losses
WHERE training_loss IS NOT NULL AND validation_loss IS NOT NULL
GROUP BY job_name, model, training_loss
ORDER BY gap DESC
LIMIT 25
