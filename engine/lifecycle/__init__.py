"""What of a policy a provider can carry out by itself, as its own lifecycle configuration."""
