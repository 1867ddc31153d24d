"""A teacher over HTTP: SGLang, or any server that speaks OpenAI's chat completions."""

from data_synthesis.teacher.server.ledger import usage_table
from data_synthesis.teacher.server.settings import ServerSettings
from data_synthesis.teacher.server.teacher import ServerTeacher

__all__ = ["ServerSettings", "ServerTeacher", "usage_table"]
