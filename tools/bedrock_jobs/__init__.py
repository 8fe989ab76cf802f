"""Tools around the check: a command line, a simulator of Bedrock, SQL, reports, and Datadog's assets.

They import the check; the check never imports them.
"""
