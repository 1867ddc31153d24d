"""SFT rows from MCP servers, asking language models behind OpenAI-compatible servers: every field.

python -m sglang.launch_server --model-path Qwen/Qwen3-32B --tool-call-parser qwen25 --port 30000
astra synth trajectories --config=configs/synth/trajectories.py --config.sources='("mcp_servers.jsonl",)'

Another model for a role: a copy of this file with `config.servers.strong = server("Qwen/Qwen3-235B-A22B", ...)` and
`config.roles.judge = "strong"`.
"""

from ml_collections import ConfigDict


def server(model: str, *base_urls: str) -> ConfigDict:
    """A server that answers for some roles. The fields are those of configs/synth/base.py."""
    config = ConfigDict()
    config.model = model  # as the server names it
    config.base_urls = base_urls  # of each server, or of one router
    config.api_key_env = "OPENAI_API_KEY"  # environment variable with the key, if the server wants one
    config.answer = "json_schema"  # how the server constrains typed answers: json_schema, json_object or text
    config.temperature = 0.6  # of answers. Paper: not stated; upstream 1
    config.max_tokens = 8192  # of one answer, its thinking included
    config.attempts = 3  # answers to one question; each is told what was wrong with those before it
    config.deadline_s = 600.0  # one request, wall clock
    config.patience = 5  # how often a request that was not served (429, 5xx, silence) is sent again
    config.backoff_s = 1.0  # before the first repetition; doubles with each
    config.concurrency = 16  # requests in flight per server at the start
    config.most_concurrency = 256  # what that may grow to while the server keeps up
    config.input_price = 0.0  # money for a million tokens
    config.output_price = 0.0
    config.budget = 0.0  # money that all runs in out_dir may spend on this server; 0: no bound
    config.extra_body = ConfigDict()  # more fields of a request
    return config


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.out_dir = "runs/trajectories"  # rows.jsonl goes here, and the rejects and the funnel of steps

    # Where tools come from.
    # Files of documents, whose tools are emulated, or run in the sandbox where they are code: upstream's
    # mcp_servers.jsonl, OpenAPI 3, OpenAI tool lists, our own, arenas.
    config.sources = ()
    config.live = ()  # files of servers to be started or called: JSONL of `title`, `domain` and `reach`
    config.most_servers = 0  # of all sources, in their order; 0: all
    config.intake = ConfigDict()  # what a server's documents must be
    config.intake.min_tools = 3  # of a server, at least. Paper: 3
    config.intake.min_words = 3  # of a tool's description, at least. Paper: neither missing nor too vague

    # Who plays which role: the name of a server below, or `rehearsed`, which needs no model.
    config.roles = ConfigDict()
    config.roles.proposer = "default"  # proposes chains, votes on them, translates them back
    config.roles.writer = "default"  # writes requests, varies and scores them
    config.roles.agent = "default"  # does the work
    config.roles.emulator = "default"  # is the tools that cannot be run
    config.roles.judge = "default"  # scores the runs
    config.servers = ConfigDict()
    config.servers.default = server("Qwen/Qwen3-32B", "http://127.0.0.1:30000/v1")
    config.rehearsals = ""  # folder of rehearsals; empty: the ones that come along

    # The steps: propose, walk, verify, write, vary, score, distinct, run, judge, accept.
    config.from_step = "propose"  # a later one takes what the step before it left in out_dir
    config.to_step = "accept"
    config.executor = "local"  # where the steps run: local is this process, ray a cluster (extra `ray`)
    config.ray = ConfigDict()
    config.ray.workers = 2  # processes, each with connections and a sandbox of its own
    config.ray.address = ""  # of a cluster that runs, such as auto; empty starts one on this machine
    config.sandbox_level = "LANDLOCK"  # for tools that are code: NAMESPACES, LANDLOCK, SECCOMP, NONE
    config.records_at_once = 128  # records in work at a time; requests are bounded by the servers' limits
    config.record_deadline_s = 3600.0  # one step of one record before it has failed; above run.deadline_s
    config.attempts = 3  # answers to a question until one holds by rule. Paper: not stated
    config.seed = 0  # of walks, personas and injected failures

    config.graph = ConfigDict()  # of a server's tools: what can follow what. graphs.html shows them
    config.graph.embedder = (
        "none"  # compares what tools return and what parameters are: minilm, a URL, or none
    )
    config.graph.embedding_model = ""  # as the server at that URL names it
    config.graph.least_evidence = (
        0.5  # 0 to 1, that an output can fill a parameter. Paper: edges have weights, no more
    )
    config.graph.proposal_weight = 1.0  # of an edge, for each proposal in which its tools are neighbours
    config.graph.evidence_weight = 1.0  # times the best evidence that the one feeds the other
    config.graph.evidence_adds_edges = False  # whether evidence makes an edge that nobody proposed
    config.graph.drawn = 50  # of the first servers, in graphs.html

    config.walks = ConfigDict()  # chains of one server. The paper names none of these
    config.walks.count = 20
    config.walks.least_length = 2  # upstream: 2 to 5
    config.walks.most_length = 5
    config.walks.acyclic = True  # no tool twice. Paper: optional
    config.walks.tries = 10  # walks sampled for one that is wanted; many repeat others or end too early
    config.walks.enumerated = 20  # where there are at most so many walks in all, each is taken

    config.verify = ConfigDict()  # of a chain
    config.verify.votes = 3  # whether it makes sense; more must say yes than no
    config.verify.back_translations = 1  # chain to request to chain; 0: not done

    config.plan = ConfigDict()  # upstream's launcher: 2 samples, 2 and 3 open tools, 3 ways, 2 variations
    config.plan.samples = 2  # requests for one chain
    config.plan.open_tools = (2, 3)  # tool counts for which requests are written without a chain
    config.plan.augmentations = ("diverse", "complicate", "persona")
    config.plan.variations = 1  # of each request in each way
    config.personas = ""  # file of persons, JSONL or Parquet, as Nemotron-Personas; empty: put together
    config.least_scores = ConfigDict()  # 1 to 5. The paper has thresholds and does not give them
    config.least_scores.question_quality = 3.0
    config.least_scores.scenario_realism = 3.0
    config.least_scores.tool_selection_uniqueness = 2.0
    config.near_duplicate = 0.8  # shared shingles of two requests from which on they are one

    config.run = ConfigDict()
    config.run.model_calls = 20  # of one run. Upstream: 20
    config.run.deadline_s = 240.0  # of one run. Upstream's launcher: 240
    config.run.calls_a_turn = 16  # more are refused
    config.run.output_chars = 8192  # of one observation
    config.start_deadline_s = 30.0  # of a live server, to start and to list its tools
    config.live_at_once = (
        16  # programs of live servers that run at a time, in each process that does the steps
    )
    config.call_deadline_s = 30.0  # of one call of a real tool
    config.failure_rate = 0.2  # of emulated calls. Paper: 0.2
    config.emulator = ConfigDict()
    config.emulator.wish_rate = 0.5  # of runs in which it knows what was asked for. Upstream: half
    config.emulator.history_chars = 24_000  # of what it said before, as it is shown again

    config.judge = ConfigDict()
    config.judge.failed_call = 0.0  # what a call that failed is worth. Paper: 0; upstream's code: 0.5
    config.judge.fault_cap = 0.5  # overall score at most where a rule finds a fault in the answer
    config.judge.attempts = 3  # answers until one is about all calls
    config.judge.output_chars = 8192  # of one result, as a judge sees it: no less than run.output_chars

    config.accept = ConfigDict()
    config.accept.least_overall = 0.7  # mean of the seven scores. The paper names none
    config.accept.least = ConfigDict({"final_answer": 0.75})  # dimension: score that it must have
    config.accept.nulls = False  # whether a run with dimensions that a judge left open is taken by the others

    config.agreement = ConfigDict()  # of two judgements, which `astra synth agreement` measures
    config.agreement.judge = "default"  # who judges again, as in config.roles; may be the same one
    config.agreement.runs = 100  # of those that were judged
    return config
