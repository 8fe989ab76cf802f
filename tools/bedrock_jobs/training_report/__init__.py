"""Reports on training runs: a page that stands by itself, a picture, a plot in a terminal. Needs the extra `report`."""
