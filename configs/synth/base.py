"""Arenas from the built-in generators, or from recorded replies: every field, with where its default is from."""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.teacher = "procedural"  # procedural, transcript or server
    config.out_dir = (
        "runs/arenas_procedural"  # arenas.jsonl goes here, and the rejects and the funnel of steps
    )
    config.sandbox_level = "LANDLOCK"  # least confinement accepted: NAMESPACES, LANDLOCK, SECCOMP, NONE

    # What the procedural teacher makes.
    config.count = 200  # arenas to make
    config.seed = 0  # the same seed gives the same bytes
    config.domains = "training"  # training, held_out, all, or names separated by commas
    config.options = ConfigDict()
    config.options.docs = "full"  # full is realistic; brief suits a model trained from nothing
    config.options.min_sub_questions = 1  # gold calls of an arena, 1 to 6
    config.options.max_sub_questions = 6
    config.options.siblings = (1, 3)  # fewest and most unneeded tools of the same domain
    config.options.distractors = (0, 2)  # fewest and most unneeded tools of other domains
    config.options.missing_function = 0.1  # share in which a needed tool comes with the user's second message
    config.options.missing_parameter = 0.1  # share in which a needed value does

    # What the transcript teacher answers from.
    config.transcripts = ""  # folder of transcripts; empty: the ones that come along

    # What the server teacher is asked, and where.
    config.seeds = ConfigDict()
    config.seeds.path = (
        ""  # the file: for questions, JSONL with `question` and, if known, `domain` and `language`
    )
    config.seeds.mode = "question"  # question, context, domain, taxonomy, env_base, env_call_state,
    # env_call_state_loose or env_tool_name: what is in the file, and how questions are made of it
    config.seeds.language = (
        "en"  # of what is invented, where the line does not say: en, zh, or any other in words
    )
    config.seeds.min_hops = 3  # layers of an invented question, as upstream
    config.seeds.max_hops = 5
    config.seeds.repeats = 1  # questions for one line; in the env_ modes for one tool
    config.seeds.mask_examples = False  # taxonomy: hide half of the examples
    config.seeds.seed = 0  # of that, and of the languages in env_call_state_loose
    config.seeds.skip_bad_lines = False  # say which lines cannot be read and go on, instead of stopping
    config.server = ConfigDict()
    config.server.model = "Qwen/Qwen3-32B"  # as the server names it
    config.server.base_urls = ("http://127.0.0.1:30000/v1",)  # of each server, or of one router
    config.server.api_key_env = "OPENAI_API_KEY"  # environment variable with the key, if the server wants one
    config.server.answer = (
        "json_schema"  # how the server constrains answers: json_schema, json_object or text
    )
    config.server.temperature = 0.6  # of answers. Paper: not stated
    config.server.max_tokens = 8192  # of one answer, its thinking included
    config.server.attempts = 3  # answers to one question; each is told what was wrong with those before it
    config.server.deadline_s = 600.0  # one request, wall clock
    config.server.patience = 5  # how often a request that was not served (429, 5xx, silence) is sent again
    config.server.backoff_s = 1.0  # before the first repetition; doubles with each
    config.server.concurrency = 16  # requests in flight per server at the start
    config.server.most_concurrency = 256  # what that may grow to while the server keeps up
    config.server.input_price = 0.0  # money for a million tokens
    config.server.output_price = 0.0
    config.server.budget = 0.0  # money that all runs in out_dir may spend; 0: no bound
    config.server.extra_body = ConfigDict()  # more fields of a request

    # The steps from seeds to arenas: decompose, necessity, verify, cut, synthesise, merge, prove.
    config.from_step = "decompose"  # a later one takes what the step before it left in out_dir
    config.to_step = "prove"
    config.entering = (
        ""  # records of others, or upstream's, that take the place of the step before --from STEP
    )
    config.executor = "local"  # where the steps run: local is this process, ray a cluster (extra `ray`)
    config.ray = ConfigDict()
    config.ray.workers = 2  # processes, each with a teacher and a sandbox of its own
    config.ray.address = ""  # of a cluster that runs, such as auto; empty starts one on this machine
    config.records_at_once = 256  # seeds in work at a time; requests are bounded by the server's limits
    config.record_deadline_s = (
        7200.0  # one step of one record, waiting for the server included, before it has failed;
    )
    # keep it above budget.answers times server.deadline_s
    config.attempts = 3  # answers to a question until one holds by rule. Paper: not stated; upstream 4 to 21
    config.minimum_score = 0.85  # mean of a decomposition's four scores at least. Upstream's example value
    config.score_quantile = (
        -1.0
    )  # cut at this quantile of the run's means instead (upstream's guide: 0.9); -1: no
    config.budget = ConfigDict()  # of one sub-question's tool; upstream: up to 900 answers
    config.budget.answers = 12  # of the teacher, those refused for their content included
    config.budget.documents = 2  # of these for the document, and as many for a richer one
    config.budget.calls = 2  # for a call
    config.budget.codes = 3  # for code that answers one call
    config.budget.rounds = 2  # calls that code is asked for
    config.budget.call_seconds = 2.0  # wall clock of one call of the tool
    config.proof = ConfigDict()  # what the proof demands; the paper names none of these
    config.proof.call_seconds = 2.0  # wall clock of a gold call, as in an episode
    config.proof.changed_call_seconds = 0.5  # the same of a call with other arguments
    config.proof.traced_call_seconds = 20.0  # the same while executed lines are noted
    config.proof.breaches = 3  # changed calls that may break a bound before the rest are taken as refused
    config.proof.cpu_seconds = 0.5  # processor time of a gold call
    config.proof.load_cpu_seconds = 1.0  # processor time of loading an arena's sources
    config.proof.tool_bytes = 32768  # source of a tool
    config.proof.arena_bytes = 262144  # sources of an arena
    config.proof.tools = 64  # tools and distractors
    config.proof.gold_calls = 32  # of an arena
    config.proof.output_chars = 8192  # of a gold call's output; what an agent sees of it
    config.proof.coverage = 0.5  # share of a tool's statements that its gold calls execute, at least
    config.proof.guesses = 1000  # answers as long as the expected one that make it specific by itself
    config.proof.answered = 2  # changed calls that must have been answered where it is not
    config.proof.common = 0.4  # share of those that may give the same answer
    return config
