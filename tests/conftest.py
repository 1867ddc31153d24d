"""What all tests share.

No property has a time limit of its own, as machines are busy. XLA has as many threads in every process, as it splits
sums by their number: a machine that lends more processors to one process than to another would give other bits.
"""

import os

from hypothesis import HealthCheck, settings

os.environ.setdefault("PJRT_NPROC", "2")
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
