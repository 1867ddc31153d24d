"""What can go wrong with servers that others run."""

from __future__ import annotations

from data_synthesis.arenas.backend import InfrastructureFailure


class ServersDown(ConnectionError):
    """No server can be asked; the message names each with what is wrong."""


class UnfitServer(ConnectionError):
    """A server answers, and cannot do what is needed of it."""


class Unserved(InfrastructureFailure):
    """A request that servers which are up did not meet, however often they were asked."""


class NoAnswer(Exception):
    """One server could not be reached, went away, took too long, or sent what cannot be read."""


class Refusal(Exception):
    """One server answered that it will not.

    Args:
        status: of HTTP.
    """

    def __init__(self, url: str, status: int, message: str):
        super().__init__(f"{url} answered {status}: {message}")
        self.status, self.message = status, message
