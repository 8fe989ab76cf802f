"""Tools around the check: a command line, a Bedrock simulator, SQL, reports, and Datadog assets.

They import the check; the check never imports them.
"""
