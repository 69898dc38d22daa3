"""The product, pure: records, changes, names, placement, routing, moves."""
