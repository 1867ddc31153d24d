"""The built-in domains: each module here defines one `DOMAIN`, and is found by being here."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from data_synthesis.teacher.procedural.domain import Domain


def _discover() -> dict[str, Domain]:
    modules = [import_module(f"{__name__}.{name}") for name in sorted(m.name for m in iter_modules(__path__))]
    return {module.DOMAIN.name: module.DOMAIN for module in modules}


DOMAINS = _discover()

# Kept from training, so that evaluation meets domains that were never seen. Their attributes (city, phone, price,
# rating, status ...) are mostly known from other domains; what they belong to is not.
HELD_OUT = ("car_rental", "clinic", "hotels", "library")
TRAINING = tuple(name for name in DOMAINS if name not in HELD_OUT)
