"""Hosting across many clusters behind one set of names."""
