"""The table `aws.bedrock_model_customization_job`: rows, PostgreSQL, DDSQL. Needs the extra `sql`."""
