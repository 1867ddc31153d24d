"""Speaks as the worker program of tau2-bench does, of two tasks in which a light is to be switched on."""

import json
import os
import sys

SWITCH = {"name": "switch", "parameters": {"type": "object", "properties": {}, "required": []}}
state = {}


def answer(op, request):
    if op == "tasks":
        return ["0", "1"]
    if op == "open":
        state.update(on=False)
        roles = {name: {"system": f"You are the {name}.", "tools": []} for name in ("agent", "user")}
        roles["agent"]["tools"] = [SWITCH]
        bounds = {"first": "Hi!", "stops": ["###STOP###"], "most_steps": 20, "most_errors": 3}
        return {**roles, **bounds}
    if op == "golden":
        return {"actions": [{"requestor": "assistant", "name": "switch", "arguments": {}}], "tell": ["on"]}
    if op == "call":
        if request["requestor"] == "user":
            os._exit(9)
        state.update(on=not state["on"])
        return [{"content": f"on: {state['on']}", "error": False} for _ in request["calls"]]
    good = state["on"] and request["ended"] == "user_stop"
    return {"reward": float(good), "parts": {"DB": float(good)}}


for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({"ok": answer(request.pop("op"), request)}), flush=True)
