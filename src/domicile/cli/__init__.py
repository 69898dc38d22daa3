"""The command line: thin clients of the HTTP API."""
