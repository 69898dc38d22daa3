"""A cluster's container management service: makes it so and reports."""
