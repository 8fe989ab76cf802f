"""`python -m datadog_checks.bedrock_model_customization.cli` is `bedrock-jobs`."""

from . import main

main()
