-- title: Jobs without an owner
-- description: Jobs with neither a tag owner nor a tag team, newest first, with the tags that they do have.
SELECT
  job_name,
  account_id,
  SPLIT_PART(job_arn, ':', 4) AS region,
  status,
  role_arn,
  ARRAY_TO_STRING(akeys(tags), ', ') AS tag_keys,
  creation_time
FROM aws.bedrock_model_customization_job
WHERE tags->'owner' IS NULL AND tags->'team' IS NULL
ORDER BY creation_time DESC
