"""Texts for the grammar benchmark: real JSON instances, random SQL statements and C programs, and changed ones."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from corpus import MASKBENCH_FILE, read_rows

_NAMES = "id name user_id total price status created_at count index value buffer length node result flags".split()
_STRINGS = ["active", "O''Brien", "2024-01-31", "it was late", ""]
_TABLES = "users orders products line_items sessions audit_log countries".split()


def json_texts(data: Path, number: int, seed: int = 0) -> list[str]:
    """Instances of MaskBench, in the layouts that writers of JSON use."""
    rows = read_rows(data / MASKBENCH_FILE)
    instances = [test["data"] for row in rows for test in row["tests"]]
    rng = random.Random(seed)
    chosen = rng.sample(instances, min(number, len(instances)))
    return [json.dumps(one, ensure_ascii=False, indent=rng.choice([None, None, 2, 4])) for one in chosen]


@dataclass(slots=True)
class SqlWriter:
    """Writes SQL as people do."""

    rng: random.Random

    def text(self) -> str:
        """One statement."""
        kinds: list[Callable[[], str]] = [
            self._query,
            self._query,
            self._query,
            self._insert,
            self._update,
            self._delete,
        ]
        return self.rng.choice(kinds)() + self.rng.choice([";", "", ";\n"])

    def _query(self) -> str:
        start = f"WITH recent AS (\n  {self._select(0)}\n)\n" if self.rng.random() < 0.2 else ""
        end = f"\nUNION ALL\n{self._select(0)}" if self.rng.random() < 0.15 else ""
        order = f"\nORDER BY {self._column()} DESC, 2" if self.rng.random() < 0.4 else ""
        limit = f"\nLIMIT {self.rng.randint(1, 500)} OFFSET 10" if self.rng.random() < 0.4 else ""
        return start + self._select(2) + end + order + limit

    def _select(self, depth: int) -> str:
        columns = ", ".join(self._item(depth) for _ in range(self.rng.randint(1, 5)))
        text = f"SELECT {self.rng.choice(['', '', 'DISTINCT '])}{columns}\nFROM {self.rng.choice(_TABLES)} AS t"
        for number in range(self.rng.choice([0, 0, 1, 2])):
            kind = self.rng.choice(["JOIN", "LEFT JOIN", "INNER JOIN", "left outer join"])
            text += f"\n{kind} {self.rng.choice(_TABLES)} j{number} ON j{number}.id = t.{self.rng.choice(_NAMES)}"
        if self.rng.random() < 0.7:
            text += f"\nWHERE {self._condition(depth)}"
        if self.rng.random() < 0.25:
            text += f"\nGROUP BY {self._column()}, {self._column()} HAVING COUNT(*) > {self.rng.randint(1, 9)}"
        return text + self.rng.choice(["", "", "", " -- done\n"])

    def _item(self, depth: int) -> str:
        kinds = [
            self._column(),
            f"{self.rng.choice(['SUM', 'max', 'COUNT', 'coalesce'])}({self._value(depth)}) AS {self.rng.choice(_NAMES)}",
            f'CASE WHEN {self._condition(0)} THEN {self._value(0)} ELSE NULL END "Some Name"',
            f"CAST({self._column()} AS decimal(10, 2))",
            f"row_number() OVER (PARTITION BY {self._column()} ORDER BY {self._column()})",
        ]
        return self.rng.choice([kinds[0], kinds[0], *kinds])

    def _column(self) -> str:
        return self.rng.choice(["", "t.", "t."]) + self.rng.choice(_NAMES)

    def _value(self, depth: int) -> str:
        kinds = [
            self._column(),
            str(self.rng.randint(0, 99999)),
            f"'{self.rng.choice(_STRINGS)}'",
            f"{self._column()} * {self.rng.random():.3f}",
            f"({self._column()} + 1) % 7",
            ":parameter",
        ]
        if depth and self.rng.random() < 0.1:
            return f"({self._select(depth - 1)})"
        return self.rng.choice(kinds)

    def _condition(self, depth: int) -> str:
        kinds = [
            f"{self._column()} {self.rng.choice(['=', '<', '>=', '<>'])} {self._value(depth)}",
            f"{self._column()} LIKE '%{self.rng.choice(_NAMES)}%'",
            f"{self._column()} BETWEEN {self._value(0)} AND {self._value(0)}",
            f"{self._column()} IN ({self._value(0)}, {self._value(0)})",
            f"{self._column()} IS NOT NULL",
        ]
        if depth:
            kinds += [
                f"({self._condition(depth - 1)} OR {self._condition(depth - 1)})",
                f"{self._condition(depth - 1)} AND NOT {self._condition(depth - 1)}",
                f"EXISTS (SELECT 1 FROM orders o WHERE {self._condition(0)})",
            ]
        return self.rng.choice(kinds)

    def _insert(self) -> str:
        names = self.rng.sample(_NAMES, 3)
        rows = ",\n  ".join(f"({', '.join(self._value(0) for _ in names)})" for _ in range(self.rng.randint(1, 4)))
        return f"INSERT INTO {self.rng.choice(_TABLES)} ({', '.join(names)}) VALUES\n  {rows}"

    def _update(self) -> str:
        changes = ", ".join(f"{name} = {self._value(1)}" for name in self.rng.sample(_NAMES, 2))
        return f"update {self.rng.choice(_TABLES)} set {changes} where {self._condition(1)} returning *"

    def _delete(self) -> str:
        return f"DELETE FROM {self.rng.choice(_TABLES)} WHERE {self._condition(2)}"


@dataclass(slots=True)
class CWriter:
    """Writes C as people do."""

    rng: random.Random

    def text(self) -> str:
        """One translation unit."""
        parts = ["#include <stdio.h>\n#include <stdlib.h>\n"] if self.rng.random() < 0.6 else []
        if self.rng.random() < 0.4:
            parts.append("struct node {\n    struct node *next;\n    int value, flags : 3;\n    char name[32];\n};\n")
        if self.rng.random() < 0.3:
            parts.append(
                "enum kind { KIND_A, KIND_B = 4, KIND_C };\n\nstatic const double table[] = { 1.0, 2.5e-3, .5f };\n"
            )
        parts += [self._function(number) for number in range(self.rng.randint(1, 3))]
        return "\n".join(parts)

    def _function(self, number: int) -> str:
        kind = self.rng.choice(["int", "static void", "unsigned long", "const char *", "struct node *"])
        arguments = self.rng.choice(
            ["void", "int argc, char **argv", "struct node *node, size_t length", "int (*f)(int)"]
        )
        comment = self.rng.choice(["", "/* Does something\n * useful. */\n", "// a helper\n"])
        return f"{comment}{kind} function_{number}({arguments})\n{{\n{self._block(1, 3)}}}\n"

    def _block(self, level: int, depth: int) -> str:
        return "".join(self._statement(level, depth) for _ in range(self.rng.randint(1, 4)))

    def _statement(self, level: int, depth: int) -> str:
        pad = "    " * level
        name = self.rng.choice(_NAMES)
        simple = [
            f"{self.rng.choice(['int', 'unsigned char', 'double', 'size_t'])} {name} = {self._expression(2)};",
            f"{name} {self.rng.choice(['=', '+=', '<<=', '|='])} {self._expression(3)};",
            f"{name}->{self.rng.choice(_NAMES)}[{self._expression(1)}] = {self._expression(2)};",
            f'printf("%d: %s\\n", {self._expression(2)}, {name});',
            f"return {self._expression(2)};",
            f"*{name}++ = (char){self._expression(1)};",
        ]
        if depth and self.rng.random() < 0.45:
            inner = self._block(level + 1, depth - 1)
            heads = [
                f"if ({self._expression(2)})",
                f"for (int i = 0; i < {self._expression(1)}; ++i)",
                f"while ({self._expression(2)} && {name} != NULL)",
            ]
            text = f"{pad}{self.rng.choice(heads)} {{\n{inner}{pad}}}"
            is_if = text.strip().startswith("if")
            other = f" else {{\n{self._block(level + 1, depth - 1)}{pad}}}" if is_if and self.rng.random() < 0.4 else ""
            return text + other + "\n"
        return pad + self.rng.choice(simple) + self.rng.choice(["", "", "  // note"]) + "\n"

    def _expression(self, depth: int) -> str:
        if depth == 0 or self.rng.random() < 0.25:
            return self.rng.choice(
                [self.rng.choice(_NAMES), str(self.rng.randint(0, 999)), "0x1F", "'a'", "1.5f", "sizeof(int)"]
            )
        left, right = self._expression(depth - 1), self._expression(depth - 1)
        kinds = [
            f"{left} {self.rng.choice(['+', '-', '*', '/', '<', '==', '&&', '||', '&', '>>'])} {right}",
            f"({left} + {right})",
            f"{self.rng.choice(_NAMES)}({left}, {right})",
            f"{self.rng.choice(_NAMES)}[{left}]",
            f"!{self.rng.choice(_NAMES)}",
            f"({left} > {right} ? {left} : {right})",
            f"(unsigned int)({left})",
            f"&{self.rng.choice(_NAMES)}.{self.rng.choice(_NAMES)}",
        ]
        return self.rng.choice(kinds)


def sql_texts(number: int, seed: int = 0) -> list[str]:
    """Random statements."""
    writer = SqlWriter(random.Random(seed))
    return [writer.text() for _ in range(number)]


def c_texts(number: int, seed: int = 0) -> list[str]:
    """Random programs."""
    writer = CWriter(random.Random(seed))
    return [writer.text() for _ in range(number)]


def changed(text: str, rng: random.Random) -> str:
    """`text` with one ASCII character deleted, inserted, replaced or swapped."""
    at = rng.randrange(len(text))
    letter = chr(rng.randint(32, 126))
    kinds = [
        text[:at] + text[at + 1 :],
        text[:at] + letter + text[at:],
        text[:at] + letter + text[at + 1 :],
        text[:at] + text[at + 1 : at + 2] + text[at] + text[at + 2 :],
    ]
    return rng.choice(kinds)
