"""`python -m bedrock_jobs.cli` is `bedrock-jobs`."""

from . import main

main()
