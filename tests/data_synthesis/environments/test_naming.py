import ast
import math

from hypothesis import given
from hypothesis import strategies as st

from data_synthesis.environments.naming import with_unique_names
from data_synthesis.records import ArenaTool, ToolSpec

SOURCE = '''
"""find knows what find finds."""
import math  # find


def find(find_all, depth={number}):
    """Uses find, math.find and str.find."""
    if depth > 1:
        return find(find_all, depth - 1)  # find again
    return ["find", find_all.find("x"), math.pi, f"{{find_all}} find"]


ALIAS = find
'''


def tool(name: str, number: int) -> ArenaTool:
    source = (
        SOURCE.format(number=number)
        .replace("def find(", f"def {name}(")
        .replace("return find(", f"return {name}(")
        .replace("= find\n", f"= {name}\n")
    )
    return ArenaTool(spec=ToolSpec(name=name), source=source)


@given(st.lists(st.tuples(st.sampled_from(["find", "seek", "find_2"]), st.integers(1, 3)), max_size=6))
def test_names_are_unique_and_equal_tools_stay_one(made):
    tools = [tool(name, number) for name, number in made]
    named = with_unique_names(tools)
    by_name = {}
    for old, new in zip(tools, named, strict=True):
        assert by_name.setdefault(new.name, old) == old
        assert new.name in {
            node.name for node in ast.parse(new.source).body if isinstance(node, ast.FunctionDef)
        }


def test_a_renamed_tool_works_as_before():
    first, second = with_unique_names([tool("find", 1), tool("find", 2)])
    assert (first.name, second.name) == ("find", "find_2")
    assert second.source.count('"find"') == 1
    space: dict = {}
    exec(second.source, space)
    assert space["find_2"]("x") == ["find", 0, math.pi, "x find"]
    assert space["ALIAS"] is space["find_2"]


def test_text_inside_wide_characters_is_kept():
    source = "def find(x):\n    return 'ünïcödé 東京 find', find\n"
    wide = ArenaTool(spec=ToolSpec(name="find"), source=source)
    renamed = with_unique_names([tool("find", 1), wide])[1]
    assert renamed.source == "def find_2(x):\n    return 'ünïcödé 東京 find', find_2\n"
