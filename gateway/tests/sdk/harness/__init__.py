"""Starts, watches and ends the real programs that the tests put together."""
