"""Jobs, their phases and what happens to them. Pure: no I/O, no clock, nothing of ours from outside this folder."""
