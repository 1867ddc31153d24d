"""Ways round Python itself, and lies to the caller."""

from __future__ import annotations

import colorsys
import math

from .case import Attack, Outcome, gives_secret, made, made_later
from .world import World


def smuggled(world: World, _: Outcome) -> bool:
    return b"smuggled" in world.smuggled()


def forged(_: World, outcome: Outcome) -> bool:
    return outcome.value == "forged"


def broke_caller(_: World, outcome: Outcome) -> bool:
    return outcome.broke_caller


def patched(_: World, __: Outcome) -> bool:
    return colorsys.ONE_THIRD == "patched"


def gave_nan(_: World, outcome: Outcome) -> bool:
    return isinstance(outcome.value, float) and math.isnan(outcome.value)


# Answers in the tool's place, in the way of a naive caller and in the sandbox's own.
_ANSWER = """
os.write(1, b'\\n' + reply + b'\\n')
try:
    os.write(3, struct.pack('>I', len(reply)) + reply)
except OSError:
    pass
os._exit(0)
"""

ATTACKS = [
    Attack(
        "walk the classes to os.system",
        "for c in ().__class__.__base__.__subclasses__():\n"
        "    if c.__name__ == '_wrap_close':\n"
        "        c.__init__.__globals__['system']('mkdir ' + w['made'])",
        made,
    ),
    Attack("system through ctypes", "libc.system(('mkdir ' + w['made']).encode())", made),
    Attack(
        "import os again",
        "sys.modules.pop('os')\nimport os as fresh\nfresh.mkdir(w['made'])",
        made,
    ),
    Attack("the C module below os", "import posix\nposix.mkdir(w['made'])", made),
    Attack(
        "unpickle a payload",
        "import pickle\n"
        "payload = b'cposix\\nmkdir\\n(V' + w['made'].encode() + b'\\ntR.'\n"
        "pickle.loads(payload)",
        made,
    ),
    Attack(
        "search the heap for secrets",
        "import gc\n"
        "for thing in gc.get_objects():\n"
        "    if type(thing) is dict and 'api_key_of_the_owner' in thing:\n"
        "        return thing['api_key_of_the_owner']",
        gives_secret,
        in_process=True,
    ),
    Attack(
        "walk the callers' frames",
        "frame = sys._getframe()\n"
        "while frame:\n"
        "    if hasattr(frame.f_locals.get('world'), 'vault'):\n"
        "        return frame.f_locals['world'].vault['api_key_of_the_owner']\n"
        "    frame = frame.f_back",
        gives_secret,
        in_process=True,
    ),
    Attack(
        "patch a module under its caller",
        "import colorsys\ncolorsys.ONE_THIRD = 'patched'",
        patched,
        in_process=True,
    ),
    Attack(
        "write to inherited descriptors",
        "for fd in range(3, 256):\n"
        "    try:\n        os.write(fd, b'smuggled')\n    except OSError:\n        pass",
        smuggled,
    ),
    Attack(
        "forge a reply",
        'reply = b\'{"id": "0000000000000000", "result": "forged", "value": "forged"}\'' + _ANSWER,
        forged,
    ),
    Attack("answer with a nest too deep", "reply = b'[' * 50_000" + _ANSWER, broke_caller),
    Attack(
        "answer with a number too long",
        "reply = b'{\"value\": ' + b'9' * 5000 + b'}'" + _ANSWER,
        broke_caller,
    ),
    Attack("answer with bytes that are no text", 'reply = b\'{"value": "\\xff"}\'' + _ANSWER, broke_caller),
    Attack("answer with NaN", "return float('nan')", gave_nan),
    Attack("run at exit", "import atexit\natexit.register(os.mkdir, w['made'])", made_later),
    Attack(
        "run when collected",
        "class Trap:\n    def __del__(self, mkdir=os.mkdir, path=w['made']):\n        mkdir(path)\n"
        "sys.kept_until_exit = Trap()",
        made_later,
    ),
]
