"""What can be wrong with a selection."""


class SelectionError(ValueError):
    """What a user asked for cannot be had. The message is one sentence."""
