"""Trees of files in the layouts of the benchmarks' packages and checkouts, with contents made up here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FERRY = "Which ferry leaves the northern harbour after the market closes on the second Sunday of May?"
LANTERN = (
    "Order nine paper lanterns for the courtyard and have them delivered before the guests arrive on Friday."
)
KILN = "The kiln in the back room lost its heat overnight and you want a technician to look at it today."
SHORT = "Water the ferns"


def write_lines(path: Path, records: Iterable[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), "utf-8")


def function(name: str, *parameters: str, key: str = "parameters", kind: str = "dict") -> dict[str, Any]:
    schema = {"type": kind, "properties": {each: {"type": "string"} for each in parameters}}
    return {"name": name, "description": "Made up.", key: schema}


def write_bfcl(root: Path) -> None:
    """What `bfcl_eval` holds: questions in nested lists, documents of functions, answers, and a file of ids."""
    data = root / "data"
    turns = [[{"role": "system", "content": "Be brief."}, {"role": "user", "content": FERRY}]]
    more = [
        [{"role": "user", "content": SHORT}],
        [{"role": "user", "content": "再帮我查一下明天早上去北岛的渡轮时刻"}],
    ]
    write_lines(
        data / "BFCL_v4_simple_python.json",
        [
            {"id": "simple_0", "question": turns, "function": [function("ferry.find", "harbour", "weekday")]},
            {"id": "multi_0", "question": more, "involved_classes": ["Garden"]},
            {"question": "Just text.", "function": ""},
        ],
    )
    write_lines(
        data / "multi_turn_func_doc" / "garden.json", [function("water_plants", "plant"), function("rest")]
    )
    write_lines(
        data / "possible_answer" / "BFCL_v4_simple_python.json",
        [{"question": [[{"role": "user", "content": "An answer is no prompt."}]]}],
    )
    (data / "BFCL_v4_format_sensitivity.json").write_text(json.dumps({"simple": ["simple_0"]}, indent=2))


def write_tau2(root: Path) -> None:
    """What `tau2` holds: tasks as JSON lists, and toolkits as Python that cannot be imported here."""
    task = {"id": "0", "user_scenario": {"instructions": {"reason_for_call": KILN, "unknown_info": None}}}
    told = {
        "id": "1",
        "user_scenario": {"instructions": "Ask about the opening hours."},
        "ticket": "Hours wanted.",
    }
    domain = root / "data" / "tau2" / "domains" / "pottery"
    domain.mkdir(parents=True)
    (domain / "tasks.json").write_text(json.dumps([task, told], indent=1))
    (domain / "split_tasks.json").write_text('{"test": ["0"]}')
    toolkit = root / "domains" / "pottery" / "tools.py"
    toolkit.parent.mkdir(parents=True)
    toolkit.write_text(
        "import a_package_that_nobody_has\n\n\nclass Tools:\n    @is_tool(ToolType.READ)\n"
        "    def find_kiln(self, kiln_id: str, *, room: str = 'back'): ...\n\n    def helper(self, x): ...\n"
    )


def write_acebench(root: Path) -> None:
    """What a checkout of ACEBench holds: conversations as text, `arguments` in some documents, two languages."""
    talk = f"user: {LANTERN}\nsystem: Which colour?\nuser: Any that is left.\n"
    functions = [function("shop.order", "item", "count", key="arguments", kind="object")]
    write_lines(
        root / "data_all/data_en/data_normal_atom_bool.json",
        [{"id": "0", "question": talk, "function": functions}],
    )
    write_lines(
        root / "data_all/data_zh/data_agent_multi_step.json",
        [{"id": "1", "question": "我想订购九个纸灯笼装饰院子，请在星期五客人到来之前送达", "function": []}],
    )
    write_lines(
        root / "data_all/data_en/possible_answer/data_normal_atom_bool.json",
        [{"id": "0", "ground_truth": {}}],
    )
    write_lines(root / "result_all/result_en/model/other.json", ["not a record"])
