"""Everything that calls AWS, independent of Datadog: credentials, clients, Bedrock, tags, S3, errors and advice."""
