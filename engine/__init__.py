"""The async engine of Astra: it lists, watches, decides and moves, without a screen."""
