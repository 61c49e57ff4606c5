"""Make the built-in model: train its tokenizer and its weights on synthetic records, and save both.

    python -m latticework.integrations.builtin.train --steps 4000 --output model

Needs the extra `train` (Faker). One core is enough: a batch holds about `--batch-tokens` tokens of prompts of similar
length, and only the answers are predicted, which saves the largest matrix product for half of the positions. Equal
arguments on equal machines give equal files.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
from collections.abc import Iterator
from pathlib import Path

import torch
from rich.progress import Progress, TextColumn, TimeRemainingColumn
from torch import Tensor
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from .prime import prime_copying
from .records import Example, examples
from .tokenizer import train_tokenizer

CONTEXT = 512
LONGEST = 256  # tokens of a training text
IGNORED = -100


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    options = parse_arguments(arguments)
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    if options.start:
        model = LlamaForCausalLM.from_pretrained(options.start)
        tokenizer = PreTrainedTokenizerFast.from_pretrained(options.start)
    else:
        texts = (spell_out(example) for example in itertools.islice(examples(options.seed + 1), 20_000))
        tokenizer = train_tokenizer(texts, options.vocabulary, CONTEXT)
        model = make_model(tokenizer, options)
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} million parameters, {len(tokenizer)} tokens")
    train(model, tokenizer, options)


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """The options, with the values that the packaged model was made with."""
    parser = argparse.ArgumentParser(prog="latticework.integrations.builtin.train", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder for the model and its tokenizer")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--batch-tokens", type=int, default=1500)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--vocabulary", type=int, default=2048)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--inner", type=int, default=320)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--start", type=Path, help="continue from the model and tokenizer in this folder")
    parser.add_argument("--constant", action="store_true", help="keep the learning rate, for a run to continue from")
    parser.add_argument("--save-every", type=int, default=250)
    return parser.parse_args(arguments)


def make_model(tokenizer: PreTrainedTokenizerFast, options: argparse.Namespace) -> LlamaForCausalLM:
    """An untrained Llama of the given size with its copying heads set."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=options.hidden,
        intermediate_size=options.inner,
        num_hidden_layers=options.layers,
        num_attention_heads=options.heads,
        max_position_embeddings=CONTEXT,
        attention_bias=True,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 500_000.0},
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    config.dtype = torch.float32
    model = LlamaForCausalLM(config)
    prime_copying(model, options.seed)
    return model


def train(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, options: argparse.Namespace) -> None:
    """AdamW with warm-up and cosine decay over `options.steps` batches; saves now and then, and at the end."""
    decay = [p for p in model.parameters() if p.ndim == 2]
    rest = [p for p in model.parameters() if p.ndim != 2]
    groups = [{"params": decay, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=options.learning_rate, betas=(0.9, 0.98), fused=True)
    batches = make_batches(tokenizer, options.seed + 2, options.batch_tokens)
    average = math.nan
    with Progress(*Progress.get_default_columns()[:2], TextColumn("{task.fields[loss]}"), TimeRemainingColumn()) as bar:
        task = bar.add_task("training", total=options.steps, loss="")
        for step in range(1, options.steps + 1):
            for group in optimizer.param_groups:
                group["lr"] = options.learning_rate * schedule(step, options.steps, options.constant)
            loss = train_step(model, optimizer, *next(batches))
            average = loss if math.isnan(average) else 0.97 * average + 0.03 * loss
            bar.update(task, advance=1, loss=f"loss {average:.3f}")
            if step % 50 == 0:
                bar.console.print(f"step {step}: loss {average:.4f}")
            if step % options.save_every == 0 or step == options.steps:
                save(model, tokenizer, options.output)


def train_step(model: LlamaForCausalLM, optimizer: torch.optim.Optimizer, ids: Tensor, targets: Tensor) -> float:
    """One step on `ids` and `targets`, both int64 (batch, length); targets of -100 do not count."""
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state  # (batch, length, hidden)
    counted = targets != IGNORED
    logits = model.lm_head(hidden[counted])  # (positions, vocabulary)
    loss = torch.nn.functional.cross_entropy(logits, targets[counted])
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(loss.detach())


def schedule(step: int, steps: int, constant: bool, warm_up: int = 50) -> float:
    """The share of the full learning rate at `step`: a linear start, then constant or half a cosine to a fiftieth."""
    if step < warm_up or constant:
        return min(1.0, step / warm_up)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def make_batches(tokenizer: PreTrainedTokenizerFast, seed: int, batch_tokens: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches (ids, targets) of texts of similar length, at most `batch_tokens` tokens with their padding."""
    source, rng = examples(seed), random.Random(seed)
    while True:
        texts = [encode(tokenizer, example) for example in itertools.islice(source, 1024)]
        texts = sorted((text for text in texts if len(text[0]) <= LONGEST), key=lambda text: len(text[0]))
        groups: list[list[tuple[list[int], int]]] = [[]]
        for text in texts:
            if len(text[0]) * (len(groups[-1]) + 1) > batch_tokens:
                groups.append([])
            groups[-1].append(text)
        rng.shuffle(groups)
        yield from (stack(group, tokenizer.pad_token_id) for group in groups)


def encode(tokenizer: PreTrainedTokenizerFast, example: Example) -> tuple[list[int], int]:
    """The token ids of an example, and how many of them belong to the prompt."""
    if example.chat:
        text = str(tokenizer.apply_chat_template(list(example.chat), tokenize=False, add_generation_prompt=True))
        prompt = tokenizer.encode(text, add_special_tokens=False)
    else:
        prompt = tokenizer.encode(example.prompt)
    answer = tokenizer.encode(example.completion, add_special_tokens=False)
    return [*prompt, *answer, tokenizer.eos_token_id], len(prompt)


def stack(texts: list[tuple[list[int], int]], pad: int) -> tuple[Tensor, Tensor]:
    """Texts as a batch: ids and targets, int64 (batch, length), padded at the right; prompts are not targets."""
    length = max(len(ids) for ids, _ in texts) - 1
    inputs = torch.full((len(texts), length), pad)
    targets = torch.full((len(texts), length), IGNORED)
    for row, (ids, start) in enumerate(texts):
        inputs[row, : len(ids) - 1] = torch.tensor(ids[:-1])
        targets[row, start - 1 : len(ids) - 1] = torch.tensor(ids[start:])
    return inputs, targets


def spell_out(example: Example) -> str:
    """An example as one text, for the tokenizer."""
    prompt = "\n".join(message["content"] for message in example.chat) if example.chat else example.prompt
    return prompt + example.completion


def save(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write the files; weights are stored in half precision, which halves the package, and load as float32."""
    config = GenerationConfig(  # type: ignore[no-untyped-call]
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        max_new_tokens=200,
    )
    weights = {name: value.to(torch.float16) for name, value in model.state_dict().items() if name != "lm_head.weight"}
    model.save_pretrained(folder, state_dict=weights)
    (folder / "model.safetensors").chmod(0o644)
    model.config.save_pretrained(folder)
    config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main()
