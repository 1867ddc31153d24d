"""Requests that are not met, with the status that says so."""

from __future__ import annotations


class Refused(Exception):
    """Answered with `status` and the message.

    Args:
        code: OpenAI's word for it, such as `model_not_found`.
        retry_after: seconds after which the same request may be met.
    """

    def __init__(self, status: int, message: str, code: str | None = None, retry_after: int | None = None):
        super().__init__(message)
        self.status, self.code, self.retry_after = status, code, retry_after

    @property
    def body(self) -> dict:
        kind = "invalid_request_error" if self.status < 500 and self.status != 429 else "server_error"
        return {"error": {"message": str(self), "type": kind, "param": None, "code": self.code}}
