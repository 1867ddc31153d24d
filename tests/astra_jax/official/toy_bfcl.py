"""Speaks as the worker program of BFCL does, of a benchmark of sums: where that is not installed, paths are tested."""

import json
import os
import sys

COUNT = 4
ADD = {
    "name": "add",
    "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
}


def item(category, number, turns):
    openings = [[{"role": "user", "content": text}] for text in turns]
    shown = {"id": f"{category}_{number}", "category": category, "turns": openings, "tools": [ADD]}
    return {**shown, "revealed": {}, "most_steps": 3}


def answer(op, request):
    if op == "categories":
        return {"multi_turn": ["multi_turn_toy", "multi_turn_deadly"], "non_live": ["toy"]}
    if op == "items":
        category = request["category"]
        turns = [[f"Add {n}.", f"Add {n + 1}."] for n in range(COUNT)]
        return [item(category, n, turns[n][:1] if category == "toy" else turns[n]) for n in range(COUNT)]
    if op == "answers":
        category = request["category"]
        if category == "toy":
            return {f"toy_{n}": [{"add": {"n": [n]}}] for n in range(COUNT)}
        call = [[[{"name": "add", "arguments": {"n": n + i}}] for i in (0, 1)] for n in range(COUNT)]
        return {f"{category}_{n}": call[n] for n in range(COUNT)}
    number = int(request["id"].rsplit("_", 1)[1])
    if op == "execute":
        if "deadly" in request["id"] and number == 1:
            os._exit(9)
        return [f"done, total {sum_of(request['steps'])}" for _ in request["steps"][-1]]
    totals = [sum_of(steps) for steps in request["turns"]]
    expected = [number] if request["id"].startswith("toy") else [number, number + 1]
    return {"valid": totals == expected, "kind": "" if totals == expected else "wrong_sum", "message": ""}


def sum_of(steps):
    return sum(call["arguments"]["n"] for step in steps for call in step)


for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({"ok": answer(request.pop("op"), request)}), flush=True)
