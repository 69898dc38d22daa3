"""The proxy: routes each request by Host to app, hold, tombstone or page."""
