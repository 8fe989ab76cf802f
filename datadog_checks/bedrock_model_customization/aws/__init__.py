"""Speaks to AWS and knows nothing of Datadog: credentials and clients, Bedrock, tags, S3, errors and advice."""
