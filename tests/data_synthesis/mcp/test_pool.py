import asyncio
import os
import signal
import time

import pytest

from data_synthesis.mcp import SessionFailed, SessionPool, WorkingFolder
from data_synthesis.mcp import pool as pool_module


def pooled(work, most=2):
    async def run():
        pool = SessionPool(start_deadline=20.0, most=most)
        try:
            return await work(pool)
        finally:
            await pool.close()

    return asyncio.run(run())


@pytest.fixture
def seeded(reach, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "begin.txt").write_text("as it was")

    def make(reset="folder", *ways):
        return reach(*ways, seed=str(tmp_path)).model_copy(update={"reset": reset})

    return make


async def pid(lease) -> int:
    return int((await lease.session.call("pid", {}, 10.0, 100)).text)


def ended(number: int) -> bool:
    """Or waits only for its parent to look."""
    try:
        with open(f"/proc/{number}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


async def one_run(pool, reach, *, fit=True, after=None) -> int:
    lease = await pool.take(reach)
    number = await pid(lease)
    await lease.session.call("note", {"text": "left behind"}, 10.0, 100)
    await lease.session.call("row", {"text": "left behind"}, 10.0, 100)
    (lease.session.folder.path / "sub" / "begin.txt").unlink()
    lease.fit = fit
    await pool.give(lease)
    if after:
        after(number, lease)
        await asyncio.sleep(0.5)
    return number


def gone(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_server_that_can_be_put_back_serves_the_next_run_as_if_it_were_the_first(seeded):
    async def work(pool):
        first = await one_run(pool, seeded())
        lease = await pool.take(seeded())
        folder = lease.session.folder.path
        left = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
        again = await pid(lease)
        other = await pool.take(seeded())
        both = again != await pid(other)
        await pool.give(lease)
        await pool.give(other)
        return first == again, left, both, dict(pool.counts)

    same, left, both, counts = pooled(work)
    assert same
    assert both
    assert left == ["sub", "sub/begin.txt"]
    assert counts == {"started": 2, "used again": 1}


def test_what_cannot_be_put_back_ends_with_its_run(seeded):
    async def work(pool):
        first = await one_run(pool, seeded("process"))
        return first, await one_run(pool, seeded("process"))

    first, second = pooled(work)
    assert first != second
    assert gone(first)


def kill(number, _):
    os.kill(number, signal.SIGKILL)


def write(_, lease):
    """As a server does that was not done when its run was."""
    (lease.session.folder.path / "late.txt").write_text("late")


@pytest.mark.parametrize(("fit", "after"), [(False, None), (True, kill), (True, write)])
def test_a_server_in_doubt_is_not_used_again(seeded, fit, after):
    async def work(pool):
        first = await one_run(pool, seeded(), fit=fit, after=after)
        return first, await one_run(pool, seeded())

    first, second = pooled(work)
    assert first != second
    assert gone(first)


@pytest.mark.parametrize("text", ["here", "away", "bare"])
def test_a_server_with_something_still_at_work_is_not_used_again(seeded, text):
    async def work(pool):
        lease = await pool.take(seeded())
        child = int((await lease.session.call("child", {"text": text}, 10.0, 100)).text)
        lease.fit = True
        await pool.give(lease)
        other = await pool.take(seeded())
        deadline = time.monotonic() + 10  # a killed process takes its time on a full machine
        while not ended(child) and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        return ended(child), other.session is lease.session

    assert pooled(work) == (True, False)


def test_who_gives_up_while_the_folder_is_read_leaves_no_server(seeded, monkeypatch):
    snapshot = pool_module._snapshot
    seen = []

    async def slow(session):
        seen.append(session)
        await asyncio.sleep(30)
        return await snapshot(session)

    monkeypatch.setattr(pool_module, "_snapshot", slow)

    async def work(pool):
        taking = asyncio.create_task(pool.take(seeded()))
        while not seen:
            await asyncio.sleep(0.02)
        number = int((await seen[0].call("pid", {}, 10.0, 100)).text)
        taking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await taking
        return gone(number), seen[0].folder.path.exists()

    assert pooled(work) == (True, False)


def test_several_may_take_at_once_what_waits_in_doubt(seeded):
    async def work(pool):
        leases = [await pool.take(seeded()) for _ in range(3)]
        for lease in leases:
            lease.fit = True
            await pool.give(lease)
            write(0, lease)
        await asyncio.gather(*(pool.take(seeded()) for _ in range(3)))
        return dict(pool.counts)

    assert pooled(work, most=3) == {"started": 6}


def test_a_pool_ends_also_what_is_in_use(seeded):
    async def work(pool):
        lease = await pool.take(seeded())
        number = await pid(lease)
        await pool.close()
        left = gone(number), lease.session.folder.path.exists()
        await pool.give(lease)
        return left

    assert pooled(work) == (True, False)


def test_who_is_cancelled_while_giving_back_leaves_no_server(seeded, monkeypatch):
    reset = WorkingFolder.reset
    monkeypatch.setattr(WorkingFolder, "reset", lambda folder: [time.sleep(0.5), reset(folder)])

    async def work(pool):
        lease = await pool.take(seeded())
        number = await pid(lease)
        lease.fit = True
        giving = asyncio.create_task(pool.give(lease))
        await asyncio.sleep(0.2)
        giving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await giving
        return gone(number), lease.session.folder.path.exists()

    assert pooled(work) == (True, False)


def test_no_more_servers_wait_than_may_run_and_none_is_left(seeded, reach):
    async def work(pool):
        leases = [await pool.take(seeded()) for _ in range(3)]
        numbers = [await pid(lease) for lease in leases]
        for lease in leases:
            lease.fit = True
            await pool.give(lease)
        return numbers, [gone(number) for number in numbers]

    numbers, after = pooled(work, most=2)
    assert after == [True, False, False]
    assert all(gone(number) for number in numbers)


def test_a_server_that_does_not_start_is_told_to_whoever_wanted_it(seeded):
    with pytest.raises(SessionFailed, match="does not start"):
        pooled(lambda pool: pool.take(seeded("folder", "exit")))


def test_a_pool_without_room_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        SessionPool(1.0, most=0)
