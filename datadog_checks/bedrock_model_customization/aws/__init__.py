"""Speaks to AWS and knows nothing of Datadog: credentials and clients, Bedrock, tags."""
