"""Reads and analyses loss curves and the data check's report. Pure; no imports of ours from outside this folder."""
