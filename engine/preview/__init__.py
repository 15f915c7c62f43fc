"""A look at the beginning of an object: read-only, bounded, and safe with hostile bytes."""
