"""Transfers of zones to secondaries: one process keeps what is given, and gives it."""
