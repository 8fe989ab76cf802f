"""One scope, one poll: list the jobs, describe those that changed, work out what happened to each, remember it."""
