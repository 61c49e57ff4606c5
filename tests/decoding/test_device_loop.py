"""The loop on the device draws token by token what a plain loop draws that feeds the whole text again at each step."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from tiny_models import TableModel, bpe_tokenizer, gpt2, llama
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import DynamicCache, StaticCache

import latticework as lw
from latticework.decoding import Sampling, allocate_token_bitmask, apply_token_bitmask_, draw, probabilities
from latticework.decoding.budget import BudgetTooSmall
from latticework.decoding.device_automaton import DeviceAutomaton
from latticework.decoding.device_loop import DeviceLoop
from latticework.decoding.fused_sampling import NOT_A_NUMBER
from latticework.decoding.sampling import RowRandom, row_generator
from latticework.grammar import CompiledGrammar

COMPILER = lw.Compiler(lw.Vocabulary.from_huggingface(bpe_tokenizer()))
WIDE = lw.Compiler(lw.Vocabulary.from_huggingface(bpe_tokenizer(), size=len(bpe_tokenizer()) + 5))
CONSTRAINTS = [
    lw.regex("[a-z]{2,20}( [a-z]+){0,3}"),
    lw.choice(["anna", "annette", "true", "日本"]),
    lw.json_schema({"enum": [{"age": 12}, {"name": "anna"}, [1, 2, 3]]}),
]
GRAMMARS = [WIDE.compile(constraint) for constraint in CONSTRAINTS]
AUTOMATON = DeviceAutomaton.join([DeviceAutomaton.from_grammar(grammar) for grammar in GRAMMARS])
PROMPTS = [[5, 60, 7], [80], [9, 10, 11, 12, 13, 14, 15]]
MOST = 14


@torch.no_grad()
def plainly(
    model, prompt: list[int], grammar: CompiledGrammar, uniform: list[float] | None, temperature: float, most: int
):
    """(token ids, log-probabilities, log-masses) of one row, without a cache, a batch, or a device automaton."""
    state, tokens, figures = grammar.start, [], []
    while len(tokens) < most and not grammar.is_terminated(state):
        logits = model(input_ids=torch.tensor([prompt + tokens])).logits[:, -1]
        free = logits.double().log_softmax(dim=-1)
        bitmask = allocate_token_bitmask(1, grammar.vocabulary.size)
        grammar.fill_bitmask([state], bitmask)
        held = logits.clone()
        apply_token_bitmask_(held, bitmask)
        if uniform is None:
            token = int(held.argmax())
        else:
            place = torch.tensor([uniform[len(tokens)]], dtype=torch.float64)
            token = int(draw(probabilities(held, Sampling(temperature)), place))
        apply_token_bitmask_(free, bitmask)
        figures.append((float(free[0, token]), float(free.logsumexp(dim=-1))))
        state = grammar.step(state, token)
        tokens.append(token)
    return tokens, figures


def agree(model, output, grammars, uniform, temperature, limits, near: float) -> None:
    for row, grammar in enumerate(grammars):
        places = None if uniform is None else uniform[row].tolist()
        tokens, figures = plainly(model, PROMPTS[row], grammar, places, temperature, limits[row])
        assert output.token_ids[row].tolist() == tokens + [-1] * (output.token_ids.shape[1] - len(tokens))
        for index, (log_probability, log_mass) in enumerate(figures):
            assert float(output.log_probabilities[row, index]) == pytest.approx(log_probability, abs=near)
            assert float(output.log_masses[row, index]) == pytest.approx(log_mass, abs=near)
        assert output.log_probabilities[row, len(tokens) :].isnan().all()
        assert output.log_masses[row, len(tokens) :].isnan().all()


@pytest.mark.parametrize("temperature", [0, 1.0, 0.6])
@pytest.mark.parametrize("steps_per_check", [1, 5, 100])
def test_draws_what_a_plain_loop_draws(temperature, steps_per_check):
    model = llama()
    loop = DeviceLoop(
        model,
        StaticCache(config=model.config, max_cache_len=40),
        AUTOMATON,
        batch=3,
        max_new_tokens=MOST,
        temperature=temperature,
        finish=False,
        steps_per_check=steps_per_check,
    )
    for seed, limits in ((0, None), (1, [MOST, 3, 1])):  # the second run begins with what the first left
        generator = torch.Generator().manual_seed(seed)
        uniform = torch.rand(3, MOST, dtype=torch.float64, generator=generator) if temperature else None
        output = loop.run(PROMPTS, AUTOMATON.starts, uniform=uniform, limits=limits)
        assert output.statuses.tolist() == [0, 0, 0]
        assert output.passes <= MOST
        agree(model, output, GRAMMARS, uniform, temperature, limits or [MOST] * 3, 1e-9)


@pytest.mark.parametrize("finish", [False, True])
@pytest.mark.parametrize("temperature", [0, 0.8])
@pytest.mark.parametrize("most", [9, MOST, 30])
def test_draws_what_generation_draws(temperature, finish, most):
    """Given the random numbers of the same seed, far from the limit and near it."""
    model, texts = llama(), ["anna", "12, ", '{"name": "']
    options = {"temperature": temperature, "seed": 5} if temperature else {}
    right = lw.complete(
        model,
        bpe_tokenizer(),
        texts,
        constraint=CONSTRAINTS,
        max_new_tokens=most,
        compiler=WIDE,
        finish=finish,
        **options,
    )
    randoms = [RowRandom(row_generator(5, row)) for row in range(3)]
    uniform = torch.tensor([[random.ahead(step) for step in range(most)] for random in randoms], dtype=torch.float64)
    cache = StaticCache(config=model.config, max_cache_len=50)
    loop = DeviceLoop(model, cache, AUTOMATON, batch=3, max_new_tokens=most, temperature=temperature, finish=finish)
    prompts = [bpe_tokenizer()(text)["input_ids"] for text in texts]
    output = loop.run(prompts, AUTOMATON.starts, uniform=uniform if temperature else None)
    for row, generation in enumerate(right):
        count = len(generation.token_ids)
        assert output.token_ids[row].tolist() == [*generation.token_ids, *[-1] * (most - count)]
        found = output.log_probabilities[row, :count].sum().item()
        assert found == pytest.approx(generation.log_probability, abs=1e-9)
        assert output.log_masses[row, :count].sum().item() == pytest.approx(generation.log_weight, abs=1e-9)


def test_models_in_float32_with_absolute_positions():
    model = gpt2()
    grammars = [COMPILER.compile(constraint) for constraint in CONSTRAINTS]
    automaton = DeviceAutomaton.join([DeviceAutomaton.from_grammar(grammar) for grammar in grammars])
    single = type(model)(model.config).eval()
    single.load_state_dict({name: value.float() for name, value in model.state_dict().items()})
    cache = StaticCache(config=model.config, max_cache_len=20)
    loop = DeviceLoop(single, cache, automaton, batch=3, max_new_tokens=MOST, temperature=0.9, finish=False)
    uniform = torch.rand(3, MOST, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    output = loop.run(PROMPTS, automaton.starts, uniform=uniform)
    agree(single, output, grammars, uniform, 0.9, [MOST] * 3, 1e-4)


@pytest.mark.parametrize("temperature", [0, 5.0])
def test_a_token_that_leads_too_far_is_drawn_again(temperature):
    """Where the mask alone allows what cannot be finished: as generation does, and not as it would without the budget."""
    model, constraint = llama(), lw.choice(["a!", "b!", *(letter + "rain" * 5 for letter in "cdefghijklmnop")])
    grammar = WIDE.compile(constraint)
    cache = StaticCache(config=model.config, max_cache_len=20)
    options = {"batch": 8, "max_new_tokens": 4, "temperature": temperature}
    loops = [
        DeviceLoop(model, cache, DeviceAutomaton.from_grammar(grammar), finish=finish, **options)
        for finish in (True, False)
    ]
    texts = list("abcdefgh")
    randoms = [RowRandom(row_generator(1, row)) for row in range(8)]
    uniform = torch.tensor([[random.ahead(step) for step in range(4)] for random in randoms], dtype=torch.float64)
    prompts = [bpe_tokenizer()(text)["input_ids"] for text in texts]
    kept, free = (loop.run(prompts, [0] * 8, uniform=uniform if temperature else None).token_ids for loop in loops)
    seed = {"temperature": temperature, "seed": 1} if temperature else {}
    right = lw.complete(model, bpe_tokenizer(), texts, constraint=constraint, max_new_tokens=4, compiler=WIDE, **seed)
    for row, generation in enumerate(right):
        assert [token for token in kept[row].tolist() if token >= 0] == list(generation.token_ids)
        assert generation.text in ("a!", "b!")
    assert (kept[:, 0] != free[:, 0]).any()


def test_a_budget_that_cannot_be_kept():
    model, grammar = llama(), GRAMMARS[2]
    automaton = DeviceAutomaton.from_grammar(grammar)
    needed = grammar.distance(grammar.start) - 1
    cache = StaticCache(config=model.config, max_cache_len=40)
    loop = DeviceLoop(model, cache, automaton, batch=2, max_new_tokens=MOST)
    for row in loop.run([[5], [6]], [0, 0], limits=[needed, MOST]).token_ids.tolist():
        matcher = lw.Matcher(grammar, [token for token in row if token >= 0])
        assert matcher.is_accepting or matcher.is_terminated
    with pytest.raises(BudgetTooSmall, match="the shortest text"):
        loop.run([[5], [6]], [0, 0], limits=[MOST, needed - 1])


def test_starts_anywhere_and_stops_early():
    model, grammar = llama(), GRAMMARS[1]
    automaton = DeviceAutomaton.from_grammar(grammar)
    state = grammar.step_bytes(grammar.start, b"ann")
    cache = StaticCache(config=model.config, max_cache_len=60)
    loop = DeviceLoop(model, cache, automaton, batch=1, max_new_tokens=50, steps_per_check=4)
    output = loop.run([[5]], [automaton.number(grammar, state)])
    tokens = [token for token in output.token_ids[0].tolist() if token >= 0]
    text = b"ann" + b"".join(grammar.vocabulary.token_bytes(token) for token in tokens[:-1])
    assert text in (b"anna", b"annette")
    assert tokens[-1] == bpe_tokenizer().eos_token_id
    assert len(tokens) <= output.passes < len(tokens) + 4


class Broken(torch.nn.Module):
    """Gives logits that are no numbers for the second row from the third call on."""

    def __init__(self, model):
        super().__init__()
        self.model, self.config, self.calls = model, model.config, 0

    def forward(self, *, position_ids, **inputs):
        output = self.model(position_ids=position_ids, **inputs)
        self.calls += 1
        if self.calls > 2:
            output.logits[1] = math.nan
        return output


def test_a_row_that_fails_leaves_the_others_alone():
    model = llama()
    cache = StaticCache(config=model.config, max_cache_len=40)
    loop = DeviceLoop(Broken(model), cache, AUTOMATON, batch=3, max_new_tokens=MOST, finish=False)
    states = [AUTOMATON.starts[0]] * 3
    output = loop.run(PROMPTS, states)
    assert output.statuses.tolist() == [0, NOT_A_NUMBER, 0]
    assert (output.token_ids[1] >= 0).sum() == 2
    for row in (0, 2):
        tokens, _ = plainly(model, PROMPTS[row], GRAMMARS[0], None, 0, MOST)
        assert output.token_ids[row, : len(tokens)].tolist() == tokens


def test_what_it_refuses():
    model = llama()
    cache = StaticCache(config=model.config, max_cache_len=20)
    sizes = {"batch": 3, "max_new_tokens": MOST}
    for wrong in ({"batch": 0}, {"max_new_tokens": 0}, {"steps_per_check": 0}):
        with pytest.raises(ValueError, match="at least 1"):
            DeviceLoop(model, cache, AUTOMATON, **(sizes | wrong))
    with pytest.raises(ValueError, match="a static cache"):
        DeviceLoop(model, DynamicCache(config=model.config), AUTOMATON, **sizes)
    with pytest.raises(ValueError, match="a static cache"):
        DeviceLoop(model, None, AUTOMATON, **sizes)
    with pytest.raises(ValueError, match="position_ids"):
        DeviceLoop(TableModel(torch.zeros(9, 9)), cache, AUTOMATON, **sizes)
    loop = DeviceLoop(model, cache, AUTOMATON, **sizes)
    starts = AUTOMATON.starts
    for prompts, states, options, message in (
        (PROMPTS[:2], starts[:2], {}, "3 prompts expected"),
        (PROMPTS, starts[:2], {}, "3 prompts expected"),
        (PROMPTS, starts, {"limits": [1]}, "3 prompts expected"),
        (PROMPTS, starts, {"limits": [1, 0, 1]}, "limits from 1 to 14"),
        (PROMPTS, [0, 0, -1], {}, "states"),
        (PROMPTS, [0, 0, AUTOMATON.size], {}, "states"),
        ([[5], [], [6]], starts, {}, "without tokens"),
        ([[5] * 8, [5], [5]], starts, {}, "21 positions are needed; the cache has 20"),
        (PROMPTS, starts, {"uniform": torch.zeros(3, MOST, dtype=torch.float64)}, "a positive one"),
    ):
        with pytest.raises(ValueError, match=message):
            loop.run(prompts, states, **options)
    sampling = DeviceLoop(model, cache, AUTOMATON, temperature=1.0, **sizes)
    for uniform in (None, torch.zeros(3, MOST), torch.zeros(3, 2, dtype=torch.float64)):
        with pytest.raises(ValueError, match="uniform"):
            sampling.run(PROMPTS, starts, uniform=uniform)


class HostWatch(TorchDispatchMode):
    """Notes every operation that reads a number to the host, or mixes tensors of two devices."""

    READS = ("_local_scalar_dense", "nonzero")

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, torch.Tensor)]
        if len({tensor.device.type for tensor in tensors}) > 1 or any(name in str(function) for name in self.READS):
            self.found.append(str(function))
        return result


@pytest.mark.parametrize("near", [False, True])
@pytest.mark.parametrize("temperature", [0, 0.8])
def test_a_step_never_asks_the_host(temperature, near):
    """On a device that computes nothing, so that a number cannot be read; a capture would forbid the same."""
    model = copy.deepcopy(llama()).to("meta")
    cache = StaticCache(config=model.config, max_cache_len=40)
    loop = DeviceLoop(model, cache, AUTOMATON, batch=3, max_new_tokens=MOST, temperature=temperature)
    with torch.no_grad():
        loop._step(near=near)  # in which the cache makes its tensors
        with HostWatch() as watch:
            loop._step(near=near)
    assert watch.found == []
    numbers = torch.zeros(3, device="meta")
    with HostWatch() as watch:
        torch.add(numbers, torch.tensor(1.0))
        numbers.nonzero_static(size=1)
    assert len(watch.found) == 2, "what it is there to find"


@pytest.mark.gpu
@pytest.mark.parametrize("temperature", [0, 0.8])
def test_a_captured_loop_draws_what_a_cpu_draws(temperature):
    """In float64, where rounding leaves the tokens as they are; the second run replays what the first captured."""
    model = type(llama())(llama().config).double().eval()
    model.load_state_dict(llama().state_dict())
    outputs = []
    for device in ("cpu", "cuda"):
        model = model.to(device)
        cache = StaticCache(config=model.config, max_cache_len=40)
        options = {"batch": 3, "max_new_tokens": MOST, "temperature": temperature, "steps_per_check": 4}
        loop = DeviceLoop(model, cache, AUTOMATON, **options)
        uniform = torch.rand(2, 3, MOST, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
        runs = [loop.run(PROMPTS, AUTOMATON.starts, uniform=part if temperature else None) for part in uniform]
        outputs.append(runs)
    for here, there in zip(*outputs, strict=True):
        assert torch.equal(here.token_ids, there.token_ids)
        torch.testing.assert_close(here.log_masses, there.log_masses, equal_nan=True)
