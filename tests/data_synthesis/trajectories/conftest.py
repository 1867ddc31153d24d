"""Makes the helpers beside this file importable by the tests of the parts."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
