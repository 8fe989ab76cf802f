"""Jobs, their phases and transitions. Pure: no I/O, no clock, and no imports of ours from outside this folder."""
