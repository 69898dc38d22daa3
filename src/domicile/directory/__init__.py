"""The global authority: owners, apps, releases, placements, clusters."""
