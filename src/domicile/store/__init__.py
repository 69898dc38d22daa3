"""The truth: a database of records that change by numbered changes."""
