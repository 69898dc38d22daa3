"""A local copy of a store: a snapshot plus the changes since."""
