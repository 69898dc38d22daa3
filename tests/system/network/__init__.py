"""A package, so that the relayed demo ends with its last test."""
