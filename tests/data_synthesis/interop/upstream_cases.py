"""Records as upstream's steps write them, with content of our own: a trip to an island that does not exist."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from textwrap import dedent
from typing import Any

Json = dict[str, Any]

FIRST_FERRY = dedent(
    '''
    def find_first_ferry(origin, island, day):
        """The first ferry of a day."""
        timetable = [
            {"from": "Norvik", "to": "Aldo", "day": "2031-05-03", "ferry": "Tern", "leaves": "07:40"},
            {"from": "Norvik", "to": "Aldo", "day": "2031-05-04", "ferry": "Gannet", "leaves": "09:05"},
            {"from": "Norvik", "to": "Skaro", "day": "2031-05-03", "ferry": "Puffin", "leaves": "08:20"},
            {"from": "Mosby", "to": "Aldo", "day": "2031-05-03", "ferry": "Kittiwake", "leaves": "10:15"},
        ]
        for row in timetable:
            if (row["from"], row["to"], row["day"]) == (origin, island, day):
                return {"ferry": row["ferry"], "leaves": row["leaves"]}
        raise ValueError("no ferry")
    '''
).lstrip()

PIER = dedent(
    """
    def arrival_pier(ferry: str) -> dict:
        piers = {"Tern": "Sund Pier", "Gannet": "North Quay", "Puffin": "Old Slip"}
        if ferry not in piers:
            raise ValueError("no such ferry")
        return {"ferry": ferry, "pier": piers[ferry]}
    """
).lstrip()

CABIN = dedent(
    """
    def cabin_price(pier, nights=1):
        nightly = {"Sund Pier": 83, "North Quay": 112, "Old Slip": 64}
        if pier not in nightly:
            raise ValueError("no cabin there")
        return {"pier": pier, "total": nightly[pier] * nights}
    """
).lstrip()

BIKE_FARE = dedent(
    """
    def fare(vehicle):
        fares = {"bicycle": 38.5, "tandem": 52.25}
        if vehicle not in fares:
            raise ValueError("unknown vehicle")
        return "The fare is " + str(fares[vehicle])
    """
).lstrip()

CAR_FARE = BIKE_FARE.replace('"bicycle": 38.5, "tandem": 52.25', '"car": 214.0, "van": 298.75')
ANY_FARE = BIKE_FARE.replace('"tandem": 52.25', '"tandem": 52.25, "car": 214.0, "van": 298.75')


def node(number: int, question: str, answer: Any, dependency: Any = None, hop: int = 1, **more: Any) -> Json:
    return {
        "_uuid": number,
        "hop_level": hop,
        "sub_question": question,
        "is_parallel": False,
        "dependency": dependency,
        "sub_answer": answer,
        **more,
    }


def document(name: str, **properties: str) -> Json:
    fields = {each: {"type": kind, "description": f"The {each}."} for each, kind in properties.items()}
    required = [each for each in properties if each != "nights"]
    parameters = {"type": "object", "properties": fields, "required": required}
    return {"name": name, "description": f"Looks up: {name}.", "parameters": parameters}


def environment(of: Mapping[str, Any], tool: Json, statement: Any, code: Any, printed: str = "") -> Json:
    content = {"content": "...", "analysis": "..."}
    return {
        "question": of["sub_question"],
        "answer": of["sub_answer"],
        "env_synthesis_result": {
            "data": {
                "tool_document": tool,
                "tool_call_statement": statement,
                "code": code,
                "tool_call_ans": printed,
            },
            "extra_info": {
                "tool_document_generation_result": content,
                "tool_document_complexity_scaling_result": content,
                "tool_call_statement_result": content,
                "tool_deployment_result": content,
            },
        },
    }


def instance(nodes: Sequence[Json], **fields: Any) -> Json:
    """What step 1 writes."""
    return {
        "uuid": "6f1c0d5e-0000-4000-8000-000000000001",
        "scenario_type": "Parallel Multi-Hop",
        "main_question": "From Norvik to Aldo on 3 May 2031: what are two nights in a cabin at my pier, and my fare?",
        "final_answer": "Two nights at Sund Pier are 166, and the bicycle is 38.5.",
        "decomposition_trace": list(nodes),
        "_metadata": {
            "domain": "travel",
            "language": "en",
            "knowledge_corpus": None,
            "model_name": "some-model",
            "num_hops": 4,
        },
        **fields,
    }


TRIP = (
    node(1, "Which ferry goes first from Norvik to Aldo on 2031-05-03?", "Tern", is_parallel=True),
    node(2, "What does a bicycle cost?", "38.5", [], is_parallel=True),
    node(3, "At which pier does it arrive?", "Sund Pier", [1], 2),
    node(4, "What are two nights at that pier?", "166", [3], 3),
    node(5, "Say both prices.", "166 and 38.5", [2, 4], 4),
)


def step_1(**fields: Any) -> Json:
    return instance(deepcopy(TRIP), **fields)


def step_2(**fields: Any) -> Json:
    record = step_1(tool_necessity_legitimacy=True, **fields)
    for each in record["decomposition_trace"]:
        each |= {
            "tool_necessity": each["_uuid"] != 5,
            "reason": "looked up" if each["_uuid"] != 5 else "words",
        }
    return record


def step_3(**scores: Any) -> Json:
    parts = {"dependency": 1.0, "data_quality": 0.8, "forced_serialization": 1.0, "completeness": 1} | scores
    return step_2(verify_result={"score": 0.95, "extra_info": parts})


def step_4() -> Json:
    """Four sub-questions with a tool, one without. All is well with it."""
    record = step_3()
    one, two, three, four, _ = record["decomposition_trace"]
    ferry = document("find_first_ferry", origin="string", island="string", day="string")
    pier, cabin = (
        document("arrival_pier", ferry="string"),
        document("cabin_price", pier="string", nights="integer"),
    )
    first = 'find_first_ferry("Norvik", "Aldo", day="2031-05-03")'
    record["env_result"] = {
        "1": environment(one, ferry, first, FIRST_FERRY, "{'ferry': 'Tern', 'leaves': '07:40'}\n"),
        "2": environment(two, document("fare", vehicle="string"), "fare(vehicle='bicycle')", BIKE_FARE),
        "3": environment(three, pier, "print(arrival_pier(ferry='Tern'))", PIER),
        "4": environment(four, cabin, "cabin_price(pier='Sund Pier', nights=2)", CABIN),
        "5": None,
    }
    return record


def fares() -> Json:
    """Two tools of step 4 that have one name and different code, as step 5 finds them."""
    nodes = [
        node(1, "What does a bicycle cost?", "38.5", is_parallel=True, tool_necessity=True, reason=""),
        node(2, "What does a car cost?", "214.0", is_parallel=True, tool_necessity=True, reason=""),
    ]
    record = instance(
        nodes, scenario_type="Parallel Single-Hop", main_question="What do a bicycle and a car cost?"
    )
    tool = document("fare", vehicle="string")
    record["env_result"] = {
        "1": environment(nodes[0], tool, "fare(vehicle='bicycle')", BIKE_FARE, "The fare is 38.5\n"),
        "2": environment(nodes[1], tool, "fare(vehicle='car')", CAR_FARE, "The fare is 214.0\n"),
    }
    return record


def step_5(status: str = "success") -> Json:
    """`fares` after step 5. A merge that worked replaces the members' code, and leaves their old output."""
    record, tool = fares(), document("fare", vehicle="string")
    statements = {1: "fare(vehicle='bicycle')", 2: "fare(vehicle='car')"}
    cluster = {
        "intent_summary": "fare of a vehicle",
        "reason": "the same table",
        "main_uuid": 1,
        "_uuids": [1, 2],
        "status": status,
        "merged_code": ANY_FARE if status == "success" else None,
        "tool_names": ["fare"],
        "tool_document": tool,
        "tool_call_statements": [
            {"_uuid": i, "tool_call_statement": text, "question": "...", "answer": "..."}
            for i, text in statements.items()
        ],
        "original_qa_code": [BIKE_FARE, CAR_FARE],
    }
    record["clusters"] = [
        {"intent_summary": "fare of a vehicle", "_uuids": [1, 2], "reason": "the same table"}
    ]
    record["aggregated_env"] = [cluster]
    if status == "success":
        cluster["verification"] = {"all_tests_passed": True, "test_results": [], "retry_count": 1}
        for key, text in statements.items():
            data = record["env_result"][str(key)]["env_synthesis_result"]["data"]
            data |= {"code": ANY_FARE, "tool_document": tool, "tool_call_statement": text, "merge_flag": True}
            data["tool_call_ans"] = "from the code before\n"
    return record


def jsonl(*records: Any) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
