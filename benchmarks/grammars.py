"""Grammars at real size: acceptance token by token, rejection at the right byte, and time per mask beside other engines.

    python benchmarks/grammars.py --engines latticework,llguidance --output benchmarks/records/DATE-grammars.json

The grammars are those of `latticework.grammar.library`; llguidance gets the same text without what its dialect lacks, and
XGrammar too (it reads the dialect of llguidance). Those named `...-gbnf` (`grammar_gbnf.py`) are one text for Latticework
and XGrammar. Texts: MaskBench's instances, random SQL statements and C programs.
"""

from __future__ import annotations

import gc
import json
import random
import re
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from corpus import END_TOKEN, TOKENIZER_FILE
from engines import (
    LatticeworkSession,
    LlguidanceSession,
    Session,
    XgrammarSession,
    empty_bitmask,
    load_tokenizer,
)
from grammar_corpus import c_texts, changed, json_texts, sql_texts
from grammar_gbnf import GRAMMARS
from grammar_truth import LarkTruth, begins_json, leaves_at
from lark import Lark
from machine import describe, peak_memory_mib
from maskbench import DATA, PACKAGES, split
from summary import percentile
from typer import Option
from typer import run as run_command
from walk import SlowLog, Stopwatch, Walk, walk_text

import latticework as lw
from latticework.grammar import library

Figures = dict[str, Any]


class Engines:
    """The tokenizer as each engine wants it, and sessions for a grammar."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._vocabulary = lw.Vocabulary.from_huggingface(tokenizer)
        self._bitmask = empty_bitmask(self._vocabulary.size)

    def latticework(self, name: str) -> Session:
        """Read, compile."""
        grammar = lw.gbnf(GRAMMARS[language(name)]) if is_gbnf(name) else library.grammar(name)
        return LatticeworkSession(lw, lw.Compiler(self._vocabulary).compile(grammar), self._bitmask)

    def llguidance(self, name: str) -> Session:
        """An `LLMatcher` for the grammar in its dialect."""
        if is_gbnf(name):
            raise ValueError("llguidance reads no GBNF")
        module: Any = import_module("llguidance")
        tokenizer = import_module("llguidance.hf").from_tokenizer(self._tokenizer)
        matcher = module.LLMatcher(tokenizer, module.LLMatcher.grammar_from_lark(dialect(name)), log_level=0)
        if matcher.is_error():
            raise RuntimeError(str(matcher.get_error()))
        return LlguidanceSession(matcher, self._bitmask)

    def xgrammar(self, name: str) -> Session:
        """A compiled grammar, from GBNF or from Lark's dialect."""
        module: Any = import_module("xgrammar")
        info = module.TokenizerInfo.from_huggingface(self._tokenizer, vocab_size=len(self._tokenizer))
        compiler = module.GrammarCompiler(info, max_threads=1, cache_enabled=False)
        if is_gbnf(name):
            grammar = module.Grammar.from_ebnf(GRAMMARS[language(name)])
        else:
            grammar = module.Grammar.from_lark(dialect(name))
        tensor = module.allocate_token_bitmask(1, info.vocab_size)
        return XgrammarSession(module.GrammarMatcher, compiler.compile_grammar(grammar), tensor)


def is_gbnf(name: str) -> bool:
    """Whether a grammar of this benchmark is written in GBNF."""
    return name.endswith("-gbnf")


def language(name: str) -> str:
    """What its texts are written in."""
    return name.removesuffix("-gbnf")


def dialect(name: str) -> str:
    """A grammar in what llguidance reads: no priorities, key words taken out of the names, C's `#` lines anywhere."""
    text = re.sub(r"^(_?[A-Z][A-Z_0-9]*)\.\d+:", r"\1:", library.text(name), flags=re.MULTILINE)
    if library.lexer(name) == "basic":
        words = "|".join(sorted(set(re.findall(r'"([A-Za-z_]\w*)"', text))))
        flag = "(?i)" if '"i' in text else ""
        text = re.sub(r"^(NAME: /.*/)i?$", rf"\1 & ~/{flag}({words})/", text, flags=re.MULTILINE)
        text = text.replace("NAME: /[a-z_][a-z0-9_]*/", "NAME: /[A-Za-z_][A-Za-z0-9_]*/")
    if name == "c":
        text = text.replace("FIRST_LINE? ", "").replace("FIRST_LINE: _DIRECTIVE\n", "")
        text = re.sub(r"^LINE: .*\n", "", text, flags=re.MULTILINE).replace("%ignore LINE", "%ignore /#[^\\n]*/")
    return text


def main(
    data: Annotated[Path, Option(envvar="LATTICEWORK_DATA", help="Folder with tokenizers/ and maskbench/.")] = DATA,
    engines: Annotated[str, Option(help="Comma-separated.")] = "latticework,llguidance,xgrammar",
    grammars: Annotated[str, Option(help="Comma-separated.")] = "json,sql,c,json-gbnf,sql-gbnf,c-gbnf",
    texts: Annotated[int, Option(help="Texts of each grammar.")] = 500,
    mutated: Annotated[int, Option(help="Changed texts of each grammar; 0 for none.")] = 500,
    output: Annotated[Path | None, Option(help="Write the figures as JSON.")] = None,
) -> None:
    """Run, print and perhaps record; times are CPU time."""
    tokenizer = load_tokenizer(str(data / TOKENIZER_FILE), END_TOKEN)
    made = Engines(tokenizer)
    corpora = {"json": json_texts(data, texts), "sql": sql_texts(texts), "c": c_texts(texts)}
    record: Figures = {"benchmark": "grammars", **describe(PACKAGES), "settings": {"texts": texts, "mutated": mutated}}
    record["grammars"] = {}
    for name in split(grammars):
        samples = [Sample(text, tokenizer) for text in corpora[language(name)]]
        found: Figures = {"bytes": sum(len(sample.data) for sample in samples), "engines": {}}
        for engine in split(engines):
            found["engines"][engine] = timed(made, engine, name, samples)
            print(name, engine, json.dumps(found["engines"][engine]), flush=True)
        usable = [engine for engine, row in found["engines"].items() if "error" not in row]
        if mutated and "latticework" in usable and name not in ("sql-gbnf", "c-gbnf"):
            found["rejection"] = rejections(made.latticework(name), name, samples, mutated, tokenizer)
            print(name, "rejection", json.dumps(found["rejection"])[:2000], flush=True)
        if mutated and is_gbnf(name) and {"latticework", "xgrammar"} <= set(usable):
            found["agreement"] = agreement((made.latticework(name), made.xgrammar(name)), samples, mutated, tokenizer)
            print(name, "agreement", json.dumps(found["agreement"])[:2000], flush=True)
        record["grammars"][name] = found
    record["peak_rss_mib"] = peak_memory_mib()
    if output is not None:
        output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


class Sample:
    """A text, its bytes, its tokens, and where each token ends."""

    def __init__(self, text: str, tokenizer: Any) -> None:
        encoding = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False)
        self.text, self.data, self.tokens = text, text.encode(), tuple(encoding.ids)


# -------------------------------------------------------------------------------------------------------------- times


def timed(made: Engines, engine: str, name: str, samples: list[Sample]) -> Figures:
    """Compile, walk all texts, and walk them once more."""
    gc.collect()
    compiling = Stopwatch()
    try:
        session = compiling.run(getattr(made, engine), name)
    except Exception as error:  # noqa: BLE001 - whatever an engine raises is its result
        return {"error": f"{type(error).__name__}: {error}"[:300]}
    slow = SlowLog(5_000_000)
    found: Figures = {"compile_ms": round(compiling.cpu[0] / 1e6, 2)}
    for kind in ("cold", "warm"):
        try:
            walks = [walk_text(session, one.tokens, _END, index, slow) for index, one in enumerate(samples)]
        except lw.LimitError as error:
            return found | {"error": str(error)[:300]}
        found[kind] = _figures(walks)
    found["slowest"] = [{"text": one.text, "at": one.position, "us": one.cpu_ns // 1000} for one in slow.masks]
    return found


_END = 128009  # <|eot_id|>


def _figures(walks: list[Walk]) -> Figures:
    masks = np.sort(np.concatenate([walk.masks.cpu for walk in walks]))
    points = {f"p{point}_us": round(percentile(masks, point) / 1e3, 2) for point in (50, 90, 99, 99.9)}
    accepted = sum(walk.accepted for walk in walks)
    rejected = [(index, walk.rejected_at) for index, walk in enumerate(walks) if not walk.accepted][:5]
    contradictions = sorted({walk.contradiction or walk.fault for walk in walks} - {""})[:3]
    mean = {
        "masks": len(masks),
        "mean_us": round(float(masks.mean()) / 1e3, 3),
        "max_us": round(int(masks[-1]) / 1e3, 1),
    }
    return {"accepted": accepted, "texts": len(walks), **mean, **points, "rejected": rejected, "faults": contradictions}


# --------------------------------------------------------------------------------------------------------- rejection


def rejections(session: Session, name: str, samples: list[Sample], number: int, tokenizer: Any) -> Figures:
    """Changed texts: whether the first token that is not allowed is the one with the first byte that nothing can follow."""
    rng = random.Random(1)
    truth = _truth(name)
    found: Figures = {"texts": 0, "right": 0, "wrong": []}
    tried = 0
    while found["texts"] < number and tried < 20 * number:
        tried += 1
        source = rng.choice(samples).text
        if len(source) > _LONGEST:
            continue
        sample = Sample(changed(source, rng), tokenizer)
        expected = truth(sample)
        walk = walk_text(session, sample.tokens, _END, 0, SlowLog(1 << 60))
        if expected == len(sample.data) and walk.rejected_at is None:
            continue  # still the beginning of a text
        found["texts"] += 1
        ends = np.cumsum([len(tokenizer.backend_tokenizer.id_to_token(token)) for token in sample.tokens])
        at = walk.rejected_at
        if at is not None and (ends[at - 1] if at else 0) <= expected < ends[at]:
            found["right"] += 1
        elif len(found["wrong"]) < 10:
            place = None if at is None else int(ends[at - 1]) if at else 0
            found["wrong"].append({"text": sample.text, "expected": expected, "rejected_token_from": place})
    return found


def agreement(sessions: tuple[Session, Session], samples: list[Sample], number: int, tokenizer: Any) -> Figures:
    """Changed texts: whether two engines refuse the same token of the same grammar, and end alike."""
    rng = random.Random(2)
    short = [sample.text for sample in samples if len(sample.text) <= _LONGEST]
    found: Figures = {"texts": 0, "rejected": 0, "different": []}
    for _ in range(number):
        sample = Sample(changed(rng.choice(short), rng), tokenizer)
        walks = [walk_text(session, sample.tokens, _END, 0, SlowLog(1 << 60)) for session in sessions]
        outcomes = [(walk.accepted, walk.rejected_at) for walk in walks]
        found["texts"] += 1
        found["rejected"] += not walks[0].accepted
        if outcomes[0] != outcomes[1] and len(found["different"]) < 10:
            found["different"].append({"text": sample.text, "outcomes": outcomes})
    return found


_LONGEST = 1500


def _truth(name: str) -> Any:
    """The number of bytes of the longest viable beginning of a sample."""
    if language(name) == "json":
        return lambda sample: _viable_json(sample.data)
    lark = LarkTruth(Lark(library.text(name), parser="lalr", lexer=library.lexer(name)))
    return lambda sample: len(sample.text[: leaves_at(lark.begins, sample.text)].encode())


def _viable_json(data: bytes) -> int:
    low, high = 0, len(data)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if begins_json(data[:middle]) else (low, middle - 1)
    return low


if __name__ == "__main__":
    run_command(main)
