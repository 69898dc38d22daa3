"""The directory's HTTP API from outside: for the command line and the demo."""
