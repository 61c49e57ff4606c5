"""The task "structured-generation" of `transformers.pipeline`: prompt and schema in, validated value out.

import latticework                       # registers the task: registration.py says how
from transformers import pipeline

generate = pipeline("structured-generation", model="path or name")
generate("A person:", schema=Person)     # -> Person(...)
"""

from __future__ import annotations

from collections.abc import Sequence, Sized
from itertools import count
from typing import Any, Unpack

from torch.utils.data import DataLoader
from transformers import AutoModelForCausalLM
from transformers.pipelines import PIPELINE_REGISTRY
from transformers.pipelines.base import Pipeline
from transformers.pipelines.pt_utils import PipelineDataset, PipelineIterator

from latticework.decoding.generate import TextStream, complete, start, stream
from latticework.decoding.generation import Generation, GenerationIncomplete
from latticework.decoding.options import Options, Request
from latticework.decoding.prompts import Prompt, encode_prompt, single_prompt
from latticework.decoding.sampling import row_generator

from .builtin import PATH as BUILTIN_MODEL
from .streaming import fed

TASK = "structured-generation"


class StructuredGenerationPipeline(Pipeline):
    """A pipeline whose outputs hold to a schema, a regular expression, or a list of choices.

    Takes what every pipeline takes: one text or chat, a list of them, a generator or a dataset; `batch_size`; a model
    and a tokenizer as objects, names or folders. The options are those of `latticework.generate` (`schema`, `regex`,
    `choice`, `constraint`, `max_new_tokens`, `temperature`, `top_k`, `top_p`, `min_p`, `seed`, `property_order`,
    `whitespace`, `compiler`), given to the pipeline or to a call, where those of the call win; and `streamer`, which is
    fed as transformers feeds it, for one prompt at a time.

    Gives the value for each prompt: an instance of the Python type, the JSON value of a schema, or the text. An output
    that `max_new_tokens` cut off raises `GenerationIncomplete`; `complete` gives it back instead.
    """

    # which parts are loaded with a model; transformers types them as None
    _load_tokenizer: Any = True
    _load_processor: Any = False
    _load_image_processor: Any = False
    _load_video_processor: Any = False
    _load_feature_extractor: Any = False

    def complete(self, prompt: Prompt | Sequence[Prompt], **options: Unpack[Options]) -> list[Generation]:
        """One `Generation` per prompt, in one batch: text, tokens, probabilities, and whether it was finished."""
        merged: Any = {**self._given, **options}
        return complete(self.model, self.tokenizer, prompt, **merged)

    def stream(self, prompt: Prompt, **options: Unpack[Options]) -> TextStream:
        """The pieces of the text for one prompt, as they are written; the `result` of the iterator is the value."""
        merged: Any = {**self._given, **options}
        return stream(self.model, self.tokenizer, prompt, **merged)

    @property
    def _given(self) -> dict[str, Any]:
        """The options that were given to the pipeline itself."""
        return {name: value for name, value in self._forward_params.items() if name in Options.__annotations__}

    def _sanitize_parameters(
        self, streamer: Any = None, **options: Any
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """The arguments for `preprocess`, `_forward` and `postprocess`; called for the pipeline, then for each call."""
        unknown = options.keys() - Options.__annotations__.keys()
        if unknown:
            raise TypeError(f"the pipeline {TASK!r} has no option {', '.join(sorted(unknown))}")
        if streamer is not None:
            options["streamer"] = streamer
        return {}, {**options, "rows": count()}, {}  # the rows of one call are numbered across its batches

    def preprocess(self, input_: Any, **_: Any) -> dict[str, Any]:
        """One prompt as a batch of one: a text, or transformers' own `Chat`."""
        prompt = single_prompt(getattr(input_, "messages", input_))
        return {"prompt_ids": [encode_prompt(self.tokenizer, prompt)]}

    def _forward(self, input_tensors: dict[str, Any], **forward_parameters: Any) -> Any:
        rows, streamer = forward_parameters.pop("rows"), forward_parameters.pop("streamer", None)
        request = Request.of(**forward_parameters)
        prompts: list[list[int]] = input_tensors["prompt_ids"]
        numbers = [next(rows) for _ in prompts]
        generators = None
        if request.seed is not None:
            generators = [row_generator(request.seed, number) for number in numbers]
        steps, running = start(self.model, self.tokenizer, prompts, request, generators)
        if streamer is not None:
            steps = fed(streamer, prompts, steps, running[0])
        for _ in steps:
            pass
        return {"generations": [row.generation() for row in running]}

    def postprocess(self, model_outputs: Any, **_: Any) -> Any:
        """The value of one generation."""
        found = model_outputs["generations"]  # alone if a batch was taken apart, else in a list
        generation: Generation = found[0] if isinstance(found, list) else found
        if not generation.finished:
            raise GenerationIncomplete((generation,))
        return generation.value

    def get_iterator(
        self,
        inputs: Any,
        num_workers: int,
        batch_size: int,
        preprocess_params: dict[str, Any],
        forward_params: dict[str, Any],
        postprocess_params: dict[str, Any],
    ) -> Any:
        """As in every pipeline, but prompts are batched as they are, so the tokenizer needs no padding token."""
        iterate: Any = PipelineIterator  # untyped in transformers
        prompts = (PipelineDataset if isinstance(inputs, Sized) else iterate)(
            inputs, self.preprocess, preprocess_params
        )
        batches = DataLoader(prompts, batch_size=batch_size, num_workers=num_workers, collate_fn=_joined)
        outputs = iterate(batches, self.forward, forward_params, loader_batch_size=batch_size)
        return iterate(outputs, self.postprocess, postprocess_params)


def register() -> None:
    """Put the task into the registry of transformers; the built-in model is its default. May be called again."""
    known = PIPELINE_REGISTRY.supported_tasks.get(TASK)
    if known is not None and known["impl"] is StructuredGenerationPipeline:
        return
    PIPELINE_REGISTRY.register_pipeline(
        TASK,
        pipeline_class=StructuredGenerationPipeline,
        pt_model=AutoModelForCausalLM,
        default={"model": (str(BUILTIN_MODEL), "main")},
        type="text",
    )
    # With it, save_pretrained would copy this file beside the model and have it loaded from there as remote code.
    del StructuredGenerationPipeline._registered_impl  # type: ignore[attr-defined]  # noqa: SLF001 - put there just now


def _joined(items: list[dict[str, list[list[int]]]]) -> dict[str, list[list[int]]]:
    return {"prompt_ids": [prompt for item in items for prompt in item["prompt_ids"]]}
