"""Polls one scope: lists its jobs, describes those that changed, works out what happened to each, and remembers it."""
