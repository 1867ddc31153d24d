import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from astra_jax.pods.place import NoPod, Place, find_place


class Metadata(BaseHTTPRequestHandler):
    """As a TPU VM's metadata server; `attributes` of the server is what it knows."""

    def do_GET(self):
        name = self.path.removeprefix("/computeMetadata/v1/instance/attributes/")
        known = self.server.attributes.get(name) if self.headers["Metadata-Flavor"] == "Google" else None
        self.send_response(404 if known is None else 200)
        self.end_headers()
        self.wfile.write((known or "").encode())

    def log_message(self, *arguments):
        pass


@pytest.fixture
def metadata():
    with HTTPServer(("127.0.0.1", 0), Metadata) as server:
        server.attributes = {}
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def environ(server) -> dict[str, str]:
    return {"GCE_METADATA_HOST": f"127.0.0.1:{server.server_port}"}


@pytest.mark.parametrize(
    "endpoints",
    ["10.0.0.5,10.0.0.6,10.0.0.7,10.0.0.8", "a:1:10.0.0.5,b:2:10.0.0.6,c:3:10.0.0.7,d:4:10.0.0.8"],
)
def test_a_tpu_vm_reads_its_place_from_its_metadata(metadata, endpoints):
    metadata.attributes = {
        "agent-worker-number": "2",
        "worker-network-endpoints": endpoints,
        "tpu-env": "ACCELERATOR_TYPE: 'v5litepod-16'\nWORKER_ID: '2'\n",
    }
    assert find_place(environ(metadata), 8476) == Place(2, 4, "10.0.0.5:8476")


def test_slices_of_one_job_are_counted_one_after_the_other(metadata):
    metadata.attributes = {
        "agent-worker-number": "1",
        "worker-network-endpoints": "10.0.1.5,10.0.1.6",
        "tpu-env": "MEGASCALE_COORDINATOR_ADDRESS: '10.0.0.5:8080'\nMEGASCALE_NUM_SLICES: '3'\n"
        "MEGASCALE_SLICE_ID: '1'\n",
    }
    assert find_place(environ(metadata)) == Place(3, 6, "10.0.0.5:8476")


def test_a_pod_of_gke_reads_its_place_from_the_environment():
    gke = {"TPU_WORKER_ID": "1", "TPU_WORKER_HOSTNAMES": "job-0.svc,job-1.svc"}
    assert find_place(gke, 9000) == Place(1, 2, "job-0.svc:9000")
    slices = {
        "MEGASCALE_NUM_SLICES": "2",
        "MEGASCALE_SLICE_ID": "1",
        "MEGASCALE_COORDINATOR_ADDRESS": "first.svc",
    }
    assert find_place(gke | slices) == Place(3, 4, "first.svc:8476")


def test_a_machine_that_is_no_tpu_host_is_told_what_to_say(metadata):
    with pytest.raises(NoPod, match=r"no TPU host.*--coordinator, --processes and --process"):
        find_place(environ(metadata))
    with pytest.raises(NoPod, match=r"no TPU host"):
        find_place({"GCE_METADATA_HOST": "127.0.0.1:1"})


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ((0, 2, "host"), "the coordinator is 'host': write HOST:PORT"),
        ((0, 2, "host:x"), "write HOST:PORT"),
        ((2, 2, "host:1"), "process 2 of 2: processes are numbered from 0 to 1"),
        ((-1, 2, "host:1"), "process -1 of 2"),
    ],
)
def test_a_place_that_cannot_be_is_refused(place, sentence):
    with pytest.raises(NoPod, match=sentence):
        Place(*place)
