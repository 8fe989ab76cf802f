"""Datadog's vocabulary: tags, metrics and events made from jobs. Builds values; the check submits them."""
