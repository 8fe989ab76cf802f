"""Makes `tools.tests` a name of its own, beside `tests`."""
