"""All the services of one host, in the foreground."""
