import errno

import pytest

from data_synthesis.whole_file import naming, whole_file


def test_a_file_is_there_when_it_is_complete(tmp_path):
    path = tmp_path / "folder" / "file.txt"
    with whole_file(path) as out:
        out.write("all of it\n")
        assert not path.exists()
    assert path.read_text() == "all of it\n"
    assert list(path.parent.iterdir()) == [path]


def test_what_stops_half_way_leaves_the_file_that_was_there(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("before")
    with pytest.raises(TypeError), whole_file(path) as out:
        out.write(None)
    assert path.read_text() == "before"


def test_a_full_disk_names_the_file(tmp_path):
    path = tmp_path / "file.txt"
    (tmp_path / "file.txt.partial").symlink_to("/dev/full")
    with pytest.raises(OSError, match=rf"No space left on device: '{path}'"), whole_file(path) as out:
        out.write("x")
    assert not path.exists()


def test_an_error_that_is_not_of_a_disk_stays_what_it_is(tmp_path):
    with pytest.raises(ConnectionRefusedError) as raised, naming(tmp_path):
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")
    assert raised.value.filename is None
