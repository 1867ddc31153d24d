"""Runs in the environment of `bfcl-eval` and imports nothing of this project: a JSON object a line in, one out.

A request is `{"op": NAME, ...}`, its answer `{"ok": ...}` or `{"error": SENTENCE}`. No request depends on an earlier
one: a rollout's state is made anew from its calls each time, so that no rollout sees another's, and any worker can
answer.
Data, classes and checkers are the package's own. What is not is how calls are executed: by name, with parsed arguments,
where the package evaluates text.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import json
import os
import resource
import sys
from collections import defaultdict
from functools import cache
from types import ModuleType, SimpleNamespace

_MEMORY = 4 << 30  # bytes: arithmetic of thousands of digits must not take the machine
_MODEL = "astra"


def _stand_in(name, **content):
    module = ModuleType(name)
    vars(module).update(content)
    sys.modules[name] = module


# What these three modules import is not installed: every vendor's client, and parsers of models that write Java or
# JavaScript. Names of functions hold no dot for models that are served, as OpenAI's protocol allows none.
_stand_in(
    "bfcl_eval.constants.model_config",
    MODEL_CONFIG_MAPPING=defaultdict(lambda: SimpleNamespace(underscore_to_dot=True)),
)
_stand_in("bfcl_eval.model_handler.parser.java_parser", parse_java_function_call=None)
_stand_in("bfcl_eval.model_handler.parser.js_parser", parse_javascript_function_call=None)

from bfcl_eval import utils  # noqa: E402
from bfcl_eval.constants import category_mapping, default_prompts, executable_backend_config  # noqa: E402
from bfcl_eval.constants.enums import Language, ModelStyle  # noqa: E402
from bfcl_eval.constants.type_mappings import GORILLA_TO_OPENAPI  # noqa: E402
from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker  # noqa: E402
from bfcl_eval.eval_checker.multi_turn_eval import multi_turn_checker  # noqa: E402
from bfcl_eval.model_handler.utils import convert_to_tool  # noqa: E402


def categories():
    """Each category that needs neither a network nor a model of its own, by group."""
    return {
        "multi_turn": category_mapping.MULTI_TURN_CATEGORY,
        "non_live": category_mapping.NON_LIVE_CATEGORY,
        "live": category_mapping.LIVE_CATEGORY,
    }


def items(category):
    """What a model is shown of each item."""
    entries = utils.load_dataset_entry(category, include_prereq=False)
    return [_shown(entry, category) for entry in entries]


def answers(category):
    """The calls of the ground truth: of each item, a list of turns of calls; or of what each parameter may be."""
    if utils.is_relevance_or_irrelevance(category):
        return {}
    truth = utils.load_ground_truth_entry(category)
    turns = {
        entry["id"]: answer["ground_truth"] for entry, answer in zip(_entries(category), truth, strict=True)
    }
    if not utils.is_multi_turn(category):
        return turns
    return {id: [[_named(call, _entry(id)) for call in _parsed(turn)] for turn in turns[id]] for id in turns}


def execute(id, steps):
    """What the calls of the last of `steps` return, in a fresh world in which the steps before were done."""
    world = _World(_entry(id))
    outputs = []
    for step in steps:
        outputs = [world.call(call["name"], [], call["arguments"]) for call in step]
    return outputs


def check(id, turns):
    """The package's verdict on a rollout.

    Args:
        turns: of steps of calls; a call is `{"name", "arguments"}`. An item with one turn has one step, or none where
            what the model called could not be read.
    """
    category = _category(id)
    if utils.is_multi_turn(category):
        return _check_turns(id, turns)
    calls = [call for step in turns[0] for call in step]
    if utils.is_relevance_or_irrelevance(category):
        called = not utils.is_empty_output(_as_decoded(calls))
        return _verdict(called == ("irrelevance" not in category), "called" if called else "no_call")
    return _check_calls(id, category, calls)


def _check_turns(id, turns):
    truth = _truth(id)
    if len(turns) != len(truth):  # as the package's own runner
        return _verdict(
            False, "multi_turn:force_terminated", f"{len(turns)} of {len(truth)} turns were played"
        )
    worlds = {}

    def execute_calls(func_call_list, model_name, **_):
        world = worlds.setdefault(model_name, _World(_entry(id)))
        return [world.call(*_as_call(call)) for call in func_call_list], world.instances

    multi_turn_checker.execute_multi_turn_func_call = execute_calls
    result = multi_turn_checker.multi_turn_checker(turns, truth, _entry(id), _category(id), _MODEL)
    return _verdict(result["valid"], result.get("error_type", ""), result.get("error_message", ""))


def _check_calls(id, category, calls):
    if not calls:
        return _verdict(False, "ast_decoder:decoder_failed", "no calls that can be read")
    language = Language.PYTHON
    if utils.is_java(category) or utils.is_js(category):
        language = Language.JAVA if utils.is_java(category) else Language.JAVASCRIPT
    functions = copy.deepcopy(_entry(id)["function"])
    try:
        result = ast_checker(functions, _as_decoded(calls), _truth(id), language, category, _MODEL)
    except Exception as error:  # of answers whose shape it does not expect; the right one's it does
        return _verdict(False, "checker_raised", f"{type(error).__name__}: {error}")
    return _verdict(result["valid"], result.get("error_type", ""), json.dumps(result.get("error", "")))


class _World:
    """The objects that an item's calls act upon, fresh."""

    def __init__(self, entry):
        self.instances, self._methods = {}, {}
        long_context = "long_context" in entry["id"]
        for name in entry["involved_classes"]:
            instance = _class(name)()
            if name not in executable_backend_config.STATELESS_CLASSES:
                scenario = copy.deepcopy(entry["initial_config"].get(name, {}))
                instance._load_scenario(scenario, long_context=long_context)
            self.instances[name] = instance
            for method, function in inspect.getmembers(instance, predicate=inspect.ismethod):
                if not method.startswith("_"):
                    self._methods[method] = function

    def call(self, name, positional, arguments):
        """The text that the package gives a model for this call."""
        if name not in self._methods:
            return f"Error during execution: name '{name}' is not defined"
        try:
            result = self._methods[name](*positional, **copy.deepcopy(arguments))
        except Exception as error:
            return f"Error during execution: {error}"
        return _as_text(result)


def _as_text(result):
    if isinstance(result, str):
        return result
    if type(result) is not dict:
        return str(result)
    try:
        return json.dumps(result)
    except (TypeError, ValueError):
        return str(result)


def _as_call(call):
    """Name and arguments: a model's calls are parsed already, the ground truth's are text."""
    if isinstance(call, dict):
        return call["name"], [], call["arguments"]
    (parsed,) = _parsed([call])
    return parsed


@cache
def _class(name):
    return getattr(importlib.import_module(executable_backend_config.CLASS_FILE_PATH_MAPPING[name]), name)


def _parsed(texts):
    """Names, positional and other arguments of calls such as `cd(folder='a')`; their values must be literals."""
    calls = [ast.parse(text, mode="eval").body for text in texts]
    return [
        (
            call.func.id,
            [ast.literal_eval(value) for value in call.args],
            {argument.arg: ast.literal_eval(argument.value) for argument in call.keywords},
        )
        for call in calls
    ]


def _named(call, entry):
    """The call with all arguments by name, as a model writes it."""
    name, positional, arguments = call
    owner = next(each for each in map(_class, entry["involved_classes"]) if hasattr(each, name))
    names = list(inspect.signature(getattr(owner, name)).parameters)[1:]
    return {"name": name, "arguments": {**dict(zip(names, positional, strict=False)), **arguments}}


def _as_decoded(calls):
    return [{call["name"]: call["arguments"]} for call in calls]


def _verdict(valid, kind, message=""):
    return {"valid": valid, "kind": "" if valid else kind, "message": "" if valid else message}


def _shown(entry, category):
    turns = entry["question"]
    later = {int(turn): _tools(functions) for turn, functions in entry.get("missed_function", {}).items()}
    for turn in later:
        text = default_prompts.DEFAULT_USER_PROMPT_FOR_ADDITIONAL_FUNCTION_FC
        turns[turn] = [{"role": "user", "content": text}]
    return {
        "id": entry["id"],
        "category": category,
        "turns": turns,
        "tools": _tools(entry["function"]),
        "revealed": later,
        "most_steps": default_prompts.MAXIMUM_STEP_LIMIT,
    }


def _tools(functions):
    tools = convert_to_tool(functions, GORILLA_TO_OPENAPI, ModelStyle.OPENAI_COMPLETIONS)
    return [tool["function"] for tool in tools]


@cache
def _entries(category):
    """Without the documents of classes, of which each item of several turns has a copy that checkers do not read."""
    entries = utils.load_dataset_entry(category, include_prereq=False, include_language_specific_hint=False)
    if utils.is_multi_turn(category):
        for entry in entries:
            del entry["function"]
    return entries


@cache
def _places(category):
    return {entry["id"]: place for place, entry in enumerate(_entries(category))}


@cache
def _truths(category):
    return utils.load_ground_truth_entry(category)


def _category(id):
    return id.rsplit("_", 1)[0]


def _entry(id):
    return _entries(_category(id))[_places(_category(id))[id]]


def _truth(id):
    """Items and answers are aligned by their order; some of their ids differ."""
    return _truths(_category(id))[_places(_category(id))[id]]["ground_truth"]


OPS = {each.__name__: each for each in (categories, items, answers, execute, check)}


def main():
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    # Whatever else is printed must not stand between the answers.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"ok": OPS[request.pop("op")](**request)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        out.write(json.dumps(answer) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
