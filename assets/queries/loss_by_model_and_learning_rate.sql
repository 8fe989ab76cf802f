-- title: Loss by base model and learning rate
-- description: Best and average training loss of completed jobs for each base model, learning rate and number of epochs.
--   Parameter names are those that AWS documents for Amazon Nova; other models may use others.
SELECT
  SPLIT_PART(base_model_arn, '/', 2) AS base_model,
  hyper_parameters->'learningRate' AS learning_rate,
  hyper_parameters->'epochCount' AS epochs,
  COUNT(*) AS jobs,
  MIN(CAST(json_extract_path_text(training_metrics, 'training_loss') AS DECIMAL)) AS best_loss,
  AVG(CAST(json_extract_path_text(training_metrics, 'training_loss') AS DECIMAL)) AS average_loss
FROM aws.bedrock_model_customization_job
WHERE status = 'Completed' AND json_extract_path_text(training_metrics, 'training_loss') IS NOT NULL
GROUP BY SPLIT_PART(base_model_arn, '/', 2), hyper_parameters->'learningRate', hyper_parameters->'epochCount'
ORDER BY base_model, best_loss
