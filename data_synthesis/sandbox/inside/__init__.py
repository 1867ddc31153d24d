"""What runs on the far side of the sandbox's wall. Standard library alone: no third-party import can be made there."""
