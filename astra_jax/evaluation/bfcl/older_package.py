"""Runs in the environment of `nvidia-bfcl`, which has BFCL v3, and is `worker_program` there.

What that takes from `bfcl-eval`, which has v4, it finds here under the same names. Multi-turn items alone: by those
scores of v3 are compared.
"""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace


def _stand_in(name, **content):
    module = ModuleType(name)
    vars(module).update(content)
    sys.modules[name] = module


# As for `bfcl-eval`: parsers of models that write Java or JavaScript, which are not installed.
_stand_in("bfcl.model_handler.parser.java_parser", parse_java_function_call=None)
_stand_in("bfcl.model_handler.parser.js_parser", parse_javascript_function_call=None)

from bfcl import constant, utils  # noqa: E402
from bfcl.eval_checker.multi_turn_eval import multi_turn_checker, multi_turn_utils  # noqa: E402
from bfcl.model_handler import constant as handler_constant  # noqa: E402
from bfcl.model_handler.model_style import ModelStyle  # noqa: E402
from bfcl.model_handler.utils import convert_to_tool  # noqa: E402


def load_dataset_entry(category, **_):
    """Items with the documents of their functions, but for those that are revealed in a later turn."""
    entries = utils.load_file(constant.PROMPT_PATH / constant.TEST_FILE_MAPPING[category])
    for entry in entries:
        names = [constant.MULTI_TURN_FUNC_DOC_FILE_MAPPING[name] for name in entry["involved_classes"]]
        entry["function"] = [
            document
            for name in names
            for document in utils.load_file(constant.MULTI_TURN_FUNC_DOC_PATH / name)
        ]
        for turn, hidden in entry.get("missed_function", {}).items():
            documents = {document["name"]: document for document in entry["function"]}
            entry["missed_function"][turn] = [documents[name] for name in hidden]
            entry["function"] = [each for each in entry["function"] if each["name"] not in hidden]
    return entries


def load_ground_truth_entry(category):
    return utils.load_file(constant.POSSIBLE_ANSWER_PATH / constant.TEST_FILE_MAPPING[category])


# What `worker_program` imports. What only items of one turn need is None.
_NAMES = {
    "utils": {
        **vars(utils),
        "load_dataset_entry": load_dataset_entry,
        "load_ground_truth_entry": load_ground_truth_entry,
    },
    "constants.category_mapping": {
        "MULTI_TURN_CATEGORY": constant.TEST_COLLECTION_MAPPING["multi_turn"],
        "NON_LIVE_CATEGORY": [],
        "LIVE_CATEGORY": [],
    },
    "constants.default_prompts": vars(handler_constant),
    "constants.executable_backend_config": vars(multi_turn_utils),
    "constants.enums": {
        "Language": None,
        "ModelStyle": SimpleNamespace(OPENAI_COMPLETIONS=ModelStyle.OpenAI),
    },
    "constants.type_mappings": {"GORILLA_TO_OPENAPI": handler_constant.GORILLA_TO_OPENAPI},
    "eval_checker.ast_eval.ast_checker": {"ast_checker": None},
    "eval_checker.multi_turn_eval": {"multi_turn_checker": multi_turn_checker},
    "model_handler.utils": {"convert_to_tool": convert_to_tool},
}

if __name__ == "__main__":
    for package in ("", ".constants", ".eval_checker", ".eval_checker.ast_eval", ".model_handler"):
        _stand_in(f"bfcl_eval{package}", __path__=[])
    for name, content in _NAMES.items():
        _stand_in(f"bfcl_eval.{name}", **content)
    runpy.run_path(str(Path(__file__).with_name("worker_program.py")), run_name="__main__")
