"""Lets `python -m bedrock_jobs.cli` run `bedrock-jobs`."""

from . import main

main()
