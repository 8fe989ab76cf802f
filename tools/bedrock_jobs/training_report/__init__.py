"""Reports on training runs: a self-contained page, a picture, a plot in a terminal. Needs the extra `report`."""
