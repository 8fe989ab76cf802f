"""Loss curves and the data check's report: reading them, and their mathematics. Pure; imports nothing else of ours."""
