"""From a request on the command line to text on standard output: the work behind `latticework generate`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .cli_options import ModelError, UsageError, errors

if TYPE_CHECKING:
    from .decoding import Generation
    from .grammar import Constraint


@dataclass(frozen=True)
class Request:
    """What is asked for; the fields are the options of the command."""

    constraint: Constraint
    prompt: str
    model: str
    device: str
    max_new_tokens: int
    temperature: float
    top_p: float | None
    seed: int | None
    finish: bool = True
    drafts: tuple[str, ...] = ("forced",)
    canonical: bool = False
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.temperature == 0 and (self.seed is not None or self.top_p is not None):
            raise UsageError("--seed and --top-p have a meaning only when sampling: give a --temperature above 0")
        if not self.prompt:
            raise UsageError("the prompt is empty: give --prompt, or a text on standard input")

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments of `complete` and `stream`."""
        return {
            "constraint": self.constraint,
            "max_new_tokens": self.max_new_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "seed": self.seed,
            "finish": self.finish,
            "drafts": None if self.drafts == ("none",) else "all" if self.drafts == ("all",) else self.drafts,
            "canonical": self.canonical,
            "stop": self.stop,
        }


def write_whole(request: Request, *, as_json: bool) -> bool:
    """Generate, then print the text, or everything that is known of it. False if it was cut off."""
    from .decoding import complete

    model, tokenizer, loading = load(request)
    with _usage(), errors.status("writing"):
        start = time.perf_counter()
        (generation,) = complete(model, tokenizer, request.prompt, **request.options)
        seconds = time.perf_counter() - start
    if as_json:
        _print_json(_details(generation, loading, seconds))
    else:
        _print_text(generation.text)
    return generation.finished


def write_streamed(request: Request) -> bool:
    """Print the text piece by piece. False if it was cut off."""
    from .decoding import GenerationIncomplete, stream

    model, tokenizer, _ = load(request)
    try:
        with _usage():
            for piece in stream(model, tokenizer, request.prompt, **request.options):
                sys.stdout.write(piece)
                sys.stdout.flush()
    except GenerationIncomplete:
        return False
    finally:
        _print_text("")
    return True


def load(request: Request) -> tuple[Any, Any, float]:
    """Model, tokenizer, and the seconds that loading took. Raises `ModelError`."""
    start = time.perf_counter()
    with errors.status(f"loading {request.model}"):
        try:
            model, tokenizer = _load(request.model)
            return model.to(request.device), tokenizer, time.perf_counter() - start
        except (OSError, ValueError, RuntimeError, ImportError) as error:
            raise ModelError(f"cannot load the model {request.model} on {request.device}: {error}") from None


def _load(name: str) -> tuple[Any, Any]:
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # this command shows its own
    if name == "builtin":
        from .integrations.builtin import load as load_builtin

        return load_builtin()
    from .integrations.huggingface import load as load_huggingface

    return load_huggingface(name)


def _details(generation: Generation, loading: float, seconds: float) -> dict[str, Any]:
    from .grammar import ToolMessage

    tokens, value = len(generation.token_ids), generation.value
    return {
        "text": generation.text,
        "value": asdict(value) if isinstance(value, ToolMessage) else value,
        "finish_reason": generation.finish_reason,
        "tokens": tokens,
        "token_ids": list(generation.token_ids),
        "log_probability": generation.log_probability,
        "log_weight": generation.log_weight,
        "forward_passes": generation.report.forward_passes,
        "drafted": generation.report.drafted,
        "accepted": generation.report.accepted,
        "seconds": {"loading": round(loading, 4), "generating": round(seconds, 4)},
        "tokens_per_second": round(tokens / seconds, 1) if seconds > 0 else None,
    }


@contextmanager
def _usage() -> Iterator[None]:
    """A `ValueError` of generation that is not a constraint's is an option out of range: say so without a traceback."""
    from .grammar import ConstraintError

    try:
        yield
    except ConstraintError:
        raise
    except ValueError as error:
        raise UsageError(str(error)) from None


def _print_text(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _print_json(value: object) -> None:
    _print_text(json.dumps(value, ensure_ascii=False, indent=2))
