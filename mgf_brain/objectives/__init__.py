"""One file an objective: its head, its loss, its logged figures."""
