"""Where programs written by a model run: fresh processes that can reach nothing."""
