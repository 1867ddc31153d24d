"""Installs real MCP servers, each in an environment of its own, with the folder that its runs begin in.

    python tools/mcp_servers/install.py .mcp

leaves `.mcp/servers.jsonl` for `config.live`: servers that do their work offline, and servers that want an account,
which list their tools offline and are emulated. Releases 1 and 2 of the MCP SDK break each other, so no two servers
share an environment. Those that are written for Node are left out where there is no npm.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import venv
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

_DATE = "2026-01-05T09:00:00+0000"  # as GitPython reads it too
# So that a commit has the same hash in every run.
_DATED = {"GIT_AUTHOR_DATE": _DATE, "GIT_COMMITTER_DATE": _DATE}
_INSTALL_SECONDS = 600.0


@dataclass(frozen=True)
class Server:
    """
    Args:
        packages: from PyPI, or from npm where `node` is set.
        command: a program that they install, and its arguments.
        begin: writes what the folder of each run begins with.
        reset: how it is fresh for the next run, as `Reach` says.
        emulated: whether it lists its tools only.
        chinese: title and description of the same server for people who ask in Chinese.
    """

    title: str
    description: str
    domain: str
    packages: tuple[str, ...]
    command: tuple[str, ...]
    begin: Callable[[Path], None]
    node: bool = False
    env: dict[str, str] = field(default_factory=dict)
    reset: str = "process"
    emulated: bool = False
    chinese: tuple[str, str] | None = None


def main(folder: Path) -> None:
    folder = folder.resolve()
    lines = []
    for server in SERVERS:
        if server.node and not shutil.which("npm"):
            print(f"{server.title}: left out, as npm is not installed")
            continue
        home = folder / server.title.lower().replace(" ", "_")
        programs = _install_node(home, server) if server.node else _install_python(home, server)
        seed = home / "seed"
        shutil.rmtree(seed, ignore_errors=True)
        seed.mkdir(parents=True)
        server.begin(seed)
        command = [str(programs / server.command[0]), *server.command[1:]]
        # A program of Node is a script that looks for `node` in the PATH, which sessions pass on.
        reach = {"kind": "stdio", "command": command, "env": server.env, "reset": server.reset}
        reach["seed_folder"] = str(seed)
        for title, description in filter(None, [(server.title, server.description), server.chinese]):
            about = {"title": title, "description": description, "domain": server.domain}
            lines.append(
                json.dumps({**about, "emulated": server.emulated, "reach": reach}, ensure_ascii=False)
            )
        print(f"{server.title}: installed in {home}")
    (folder / "servers.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _install_python(home: Path, server: Server) -> Path:
    programs = home / "venv" / "bin"
    if not (programs / server.command[0]).exists():
        venv.create(home / "venv", with_pip=True, clear=True)
        pip = [str(programs / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *server.packages], check=True, timeout=_INSTALL_SECONDS)
    return programs


def _install_node(home: Path, server: Server) -> Path:
    programs = home / "node_modules" / ".bin"
    if not (programs / server.command[0]).exists():
        home.mkdir(parents=True, exist_ok=True)
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        npm = ["npm", "install", "--prefix", str(home), *options]
        subprocess.run([*npm, *server.packages], check=True, timeout=_INSTALL_SECONDS)
    return programs


def _repository(folder: Path) -> None:
    """Three commits on `main`, a branch, and a change that is not committed yet."""
    # Nothing of the user's own configuration, such as signing.
    author = {**_DATED, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    def git(*words: str) -> None:
        identity = [
            "-c",
            "user.name=Ines Okafor",
            "-c",
            "user.email=ines@example.org",
            "-c",
            "init.defaultBranch=main",
        ]
        subprocess.run(
            ["git", *identity, *words], cwd=folder, check=True, capture_output=True, env=os.environ | author
        )

    def write(name: str, text: str) -> None:
        (folder / name).write_text(text, encoding="utf-8")

    git("init", "-q")
    git("config", "user.name", "Ines Okafor")
    git("config", "user.email", "ines@example.org")
    write("README.md", "# Tide tables\n\nComputes high water for small harbours.\n")
    git("add", ".")
    git("commit", "-qm", "Begin the tide tables")
    write("tides.py", "def high_water(day):\n    return 6.2 + 0.8 * day\n")
    git("add", ".")
    git("commit", "-qm", "Compute high water")
    git("branch", "metric")
    write("CHANGELOG.md", "- 0.1: high water\n")
    git("add", ".")
    git("commit", "-qm", "Add a changelog")
    write("tides.py", "def high_water(day):\n    return 6.2 + 0.84 * day\n")


def _shop(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "shop.db")) as db, db:
        db.execute("CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT, price REAL, stock INTEGER)")
        db.execute(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, product_id INTEGER, quantity INTEGER, customer TEXT)"
        )
        products = [(1, "kettle", 34.5, 12), (2, "lamp", 19.0, 3), (3, "rug", 88.0, 0), (4, "clock", 25.0, 7)]
        orders = [(1, 2, 1, "Ann"), (2, 1, 2, "Bo"), (3, 2, 2, "Chandra"), (4, 4, 1, "Ann")]
        db.executemany("INSERT INTO products VALUES (?, ?, ?, ?)", products)
        db.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", orders)


def _notes(folder: Path) -> None:
    (folder / "minutes").mkdir()
    texts = {
        "minutes/2026-01.txt": "January\nPresent: Ann, Bo\nDecided: paint the fence green\n",
        "minutes/2026-02.txt": "February\nPresent: Bo, Chandra\nDecided: buy two benches\n",
        "budget.txt": "fence 120\nbenches 300\nplants 45\n",
        "todo.md": "- order paint\n- ask about benches\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def _memory(folder: Path) -> None:
    people = [
        {"type": "entity", "name": "Ann", "entityType": "person", "observations": ["plays the cello"]},
        {
            "type": "entity",
            "name": "Harbour Choir",
            "entityType": "group",
            "observations": ["meets on Tuesdays"],
        },
        {"type": "relation", "from": "Ann", "to": "Harbour Choir", "relationType": "is a member of"},
    ]
    (folder / "memory.jsonl").write_text("\n".join(map(json.dumps, people)) + "\n", encoding="utf-8")


def _nothing(folder: Path) -> None:
    """Begins empty."""


_NPM = "@modelcontextprotocol/server-"

SERVERS = (
    Server(
        "Git", "Reads and changes the Git repository in the current folder.", "Version control",
        ("mcp-server-git==2026.10.19",), ("mcp-server-git", "--repository", "{folder}"), _repository,
        env=_DATED, reset="folder",
        chinese=("Git 仓库", "读取和修改当前文件夹中的 Git 仓库。"),
    ),
    # It keeps a memo in its memory, so it cannot be put back.
    Server(
        "Shop database", "Queries and changes the SQLite database of a small shop.", "Databases",
        ("mcp-server-sqlite==2025.4.25", "mcp<2"), ("mcp-server-sqlite", "--db-path", "{folder}/shop.db"), _shop,
        chinese=("商店数据库", "查询和修改一家小商店的 SQLite 数据库。"),
    ),
    Server(
        "Arithmetic", "Does arithmetic and statistics on numbers.", "Mathematics",
        ("mcp-server-math==0.1.0", "mcp<2"), ("mcp-server-math",), _nothing, reset="folder",
        chinese=("算术", "对数字做算术和统计。"),
    ),
    Server(
        "Files", "Reads, writes and searches files in the allowed folder.", "Files",
        (f"{_NPM}filesystem@2026.8.31",), ("mcp-server-filesystem", "{folder}"), _notes, node=True, reset="folder",
        chinese=("文件", "读取、写入和搜索允许的文件夹中的文件。"),
    ),
    Server(
        "Memory", "Keeps a knowledge graph of people and things.", "Knowledge",
        (f"{_NPM}memory@2026.8.31",), ("mcp-server-memory",), _memory, node=True,
        env={"MEMORY_FILE_PATH": "{folder}/memory.jsonl"}, reset="folder",
        chinese=("记忆", "保存人和事物的知识图谱。"),
    ),
    Server(
        "GitHub", "Repositories, issues and pull requests on GitHub.", "Software development",
        (f"{_NPM}github@2025.4.8",), ("mcp-server-github",), _nothing, node=True, emulated=True,
        env={"GITHUB_PERSONAL_ACCESS_TOKEN": "none"},
    ),
    Server(
        "GitLab", "Repositories, issues and merge requests on GitLab.", "Software development",
        (f"{_NPM}gitlab@2025.4.25",), ("mcp-server-gitlab",), _nothing, node=True, emulated=True,
        env={"GITLAB_PERSONAL_ACCESS_TOKEN": "none"},
    ),
    Server(
        "Slack", "Channels, messages and people of a Slack workspace.", "Communication",
        (f"{_NPM}slack@2025.4.25",), ("mcp-server-slack",), _nothing, node=True, emulated=True,
        env={"SLACK_BOT_TOKEN": "none", "SLACK_TEAM_ID": "none"},
    ),
    Server(
        "Google Maps", "Places, directions and distances.", "Travel",
        (f"{_NPM}google-maps@0.6.2",), ("mcp-server-google-maps",), _nothing, node=True, emulated=True,
        env={"GOOGLE_MAPS_API_KEY": "none"},
    ),
    Server(
        "Notion", "Pages, blocks, comments and data sources of a Notion workspace.", "Office",
        ("@notionhq/notion-mcp-server@2.5.2",), ("notion-mcp-server",), _nothing, node=True, emulated=True,
        env={"NOTION_TOKEN": "none"},
    ),
)  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ".mcp"))
