"""What is wrong with a checkpoint."""


class CheckpointError(ValueError):
    """A checkpoint that is not what it should be, or cannot be written; the message names the tensor or the file."""
