"""The tour: a demo of its own, in which the whole story is told, done and checked."""
