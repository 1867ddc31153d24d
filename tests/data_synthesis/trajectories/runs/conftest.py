import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "teacher" / "server"))  # for the scripted server
