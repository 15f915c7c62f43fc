"""The one TinyDB file: plans, policies, bookmarks, datasets that the operator keeps."""


class Workspace:
    """Opened by the engine; see the methods."""
