"""Imports what tools need before any session exists: a session can open no file, so it can import nothing else."""

from __future__ import annotations

import contextlib
import importlib
import time

_MODULES = """
    abc argparse array ast base64 binascii bisect bz2 calendar cmath codecs collections collections.abc colorsys
    contextlib contextvars copy csv ctypes dataclasses datetime decimal difflib email.utils enum errno fnmatch
    fractions functools gc glob graphlib gzip hashlib heapq hmac html html.parser http importlib importlib.resources
    inspect io ipaddress itertools json keyword locale logging lzma math numbers operator os pathlib pickle platform
    pprint queue random re reprlib secrets select shlex shutil signal socket sqlite3 stat statistics string stringprep
    struct sys tempfile textwrap threading time timeit token tokenize tomllib traceback types typing unicodedata
    urllib.parse uuid warnings weakref xml.etree.ElementTree zlib zoneinfo
    _strptime encodings.ascii encodings.cp1252 encodings.idna encodings.latin_1 encodings.punycode
    encodings.raw_unicode_escape encodings.unicode_escape encodings.utf_16 encodings.utf_32 encodings.utf_8_sig
"""


def preload() -> None:
    """Imports every module, and does what others do at their first use."""
    for name in _MODULES.split():
        with contextlib.suppress(ImportError):  # distributions leave some out
            importlib.import_module(name)
    time.localtime()  # the C library reads the time zone
    "a".encode("idna")
