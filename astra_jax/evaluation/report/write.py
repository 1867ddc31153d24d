"""Puts a view into the page's template."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from astra_jax.evaluation.report.dataset import read_dataset
from astra_jax.evaluation.report.run import read_run
from astra_jax.evaluation.report.view import View
from data_synthesis.whole_file import whole_file

_HERE = Path(__file__).parent
_SCRIPTS = ("dom", "charts", "browser", "conversation", "episodes", "arenas", "main")


def write_report(path: str | Path, out: str | Path | None = None, *, limit: int = 200) -> Path:
    """Writes the report of a run folder or of a JSONL file of records as one HTML file.

    Args:
        path: a run folder (of the quickstart, of SFT or of RL), or a file of arenas, trajectories or episodes.
        out: the file to write; by default `report.html` in the folder, or `NAME.report.html` beside the file.
        limit: how many episodes or records the page embeds for its browser.

    Returns:
        The path written.

    Raises:
        FileNotFoundError: there is nothing at `path`.
        NothingToReport: what is there is neither a run nor records.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: give a run folder or a JSONL file of records")
    view = read_run(path, limit) if path.is_dir() else read_dataset(path, limit)
    default = path / "report.html" if path.is_dir() else path.with_name(f"{path.stem}.report.html")
    target = Path(out) if out else default
    with whole_file(target) as page:
        page.write(render(view).encode("utf-8", "replace").decode("utf-8"))
    return target


def render(view: View) -> str:
    """The page. All text of the view is escaped; only the page's own style and scripts may run in it."""
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (_HERE / "style.css").read_text(encoding="utf-8")
    script = "\n".join(['"use strict";', *((_HERE / f"{name}.js").read_text() for name in _SCRIPTS)])
    documents = {
        name: json.dumps(document, indent=2, ensure_ascii=False) for name, document in view.documents.items()
    }
    return environment.get_template("page.html").render(
        view=view,
        documents=documents,
        style=Markup(style),
        style_hash=_hash(style),
        script=Markup(script),
        script_hash=_hash(script),
        data=_embedded({"charts": view.charts, "browser": vars(view.browser) if view.browser else None}),
    )


def _embedded(value: Any) -> Markup:
    """JSON that cannot end the script element that holds it, whatever the data says."""
    text = json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e"))


def _finite(value: Any) -> Any:
    """`value` with null for NaN and infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _hash(text: str) -> str:
    """A content-security-policy source: the browser runs exactly this text."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
