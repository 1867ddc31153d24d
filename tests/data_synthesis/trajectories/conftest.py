"""Makes the helpers beside this file, and the scripted server, importable by the tests of the parts."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "teacher" / "server")]
