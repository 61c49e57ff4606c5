"""The command line: `latticework generate`, `latticework check`, `latticework inspect`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .cli_constraint import ConstraintOptions, with_constraint
from .cli_options import (
    EXIT_CODES,
    EndToken,
    Exit,
    OptionalTokenizer,
    Tokenizer,
    UsageError,
    errors,
    escape,
    exit_codes,
    read_bytes,
)

app = typer.Typer(
    name="latticework",
    help="Structured generation: text that matches a JSON Schema, a regular expression, a list of choices or a grammar, always.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_GENERATE_EXAMPLES = """Examples:

latticework generate --choice yes --choice no --prompt "Is water wet?"

latticework generate --schema person.json --prompt "A nurse from Oslo" --temperature 0.8 --seed 1

latticework generate --grammar iso_date --prompt "The war ended on "

cat letter.txt | latticework generate --schema address.json --model ./my-model --json"""

_CHECK_EXAMPLES = """Examples:

latticework check --regex '\\[a-z]+-[0-9]{3}' --text abc-12

latticework check --schema person.json answer.json

latticework check --grammar sql --text 'SELECT name FORM users'

latticework check --lark query.lark --start query query.txt --tokenizer tokenizer.json

cat answer.json | latticework check --schema person.json --property-order any --json"""

_INSPECT_EXAMPLES = """Examples:

latticework inspect --schema person.json

latticework inspect --schema person.json --tokenizer tokenizer.json --sample answer.json

latticework inspect --gbnf moves.gbnf --tokenizer tokenizer.json --text '1. e4 e5'

latticework inspect --regex '(a|b)*c' --text abac --json"""


def _version(wanted: bool) -> None:
    if wanted:
        from . import __version__

        typer.echo(f"latticework {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    pass


@app.command(epilog=f"{_GENERATE_EXAMPLES}\n\n{EXIT_CODES}")
@with_constraint
def generate(
    given: dict[str, Any],
    prompt: Annotated[str, typer.Option(help="The prompt; '-' reads it from standard input.")] = "-",
    model: Annotated[
        str, typer.Option(metavar="PATH|builtin", help="A Hugging Face model: folder or name; or 'builtin'.")
    ] = "builtin",
    device: Annotated[str, typer.Option(help="Where the model runs, e.g. cpu, cuda, cuda:1.")] = "cpu",
    max_new_tokens: Annotated[int, typer.Option(min=1, help="The most tokens to write.")] = 512,
    temperature: Annotated[float, typer.Option(min=0.0, help="0 takes the likeliest token each time.")] = 0.0,
    top_p: Annotated[float | None, typer.Option(min=0.0, max=1.0, help="Sample from the likeliest part only.")] = None,
    seed: Annotated[int | None, typer.Option(help="Makes sampling repeatable.")] = None,
    finish: Annotated[
        bool, typer.Option(help="Lead the text to its end within --max-new-tokens; otherwise it may be cut off.")
    ] = True,
    drafts: Annotated[
        list[str] | None, typer.Option(help="forced, copy, recycle, counts, all or none; several may be given.")
    ] = None,
    canonical: Annotated[
        bool, typer.Option("--canonical", help="Write what is forced as the tokenizer does, without asking the model.")
    ] = False,
    stop: Annotated[list[str] | None, typer.Option(help="End the text where this is written; may be repeated.")] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Print the text while it is written.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object: text, value, tokens, times.")] = False,
) -> None:
    """Write a text that matches the constraint, with a language model. The text goes to standard output."""
    from .cli_generate import Request, write_streamed, write_whole

    with exit_codes():
        if stream and as_json:
            raise UsageError("--stream prints text and --json prints one object at the end: choose one")
        options = ConstraintOptions(**given)
        if prompt == "-" and options.from_stdin:
            raise UsageError(f"--prompt and {options.from_stdin} cannot both be read from standard input")
        constraint = options.constraint()
        text = read_bytes("-", what="the prompt").decode() if prompt == "-" else prompt
        request = Request(
            constraint,
            text,
            model,
            device,
            max_new_tokens,
            temperature,
            top_p,
            seed,
            finish,
            tuple(drafts or ("forced",)),
            canonical,
            tuple(stop or ()),
        )
        is_finished = write_streamed(request) if stream else write_whole(request, as_json=as_json)
    if not is_finished:
        errors.print("[bold yellow]incomplete:[/] the text was cut off; raise --max-new-tokens, or leave --finish on")
        raise typer.Exit(int(Exit.MISMATCH))


@app.command(epilog=f"{_CHECK_EXAMPLES}\n\n{EXIT_CODES}")
@with_constraint
def check(
    given: dict[str, Any],
    file: Annotated[str, typer.Argument(help="The text: a file, or '-' for standard input.")] = "-",
    text: Annotated[str | None, typer.Option(help="The text itself, instead of a file.")] = None,
    keep_newline: Annotated[
        bool, typer.Option("--keep-newline", help="The newline at the end of the file belongs to the text.")
    ] = False,
    tokenizer: OptionalTokenizer = None,
    end_token: EndToken = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Tell whether a text is one that generation could write; if not, where and why, and what could stand there.

    This is stricter than validation: the order of properties, the white space and the spelling of strings count.
    """
    from .cli_check import byte_grammar, check_text, report, schema_note, with_terminals, with_tokens
    from .cli_vocabulary import load_vocabulary

    with exit_codes():
        options = ConstraintOptions(**given)
        if text is None and file == "-" and options.from_stdin:
            raise UsageError(f"the text and {options.from_stdin} cannot both be read from standard input")
        constraint = options.constraint()
        data = text.encode() if text is not None else read_bytes(file, what="the text")
        if text is None and not keep_newline:
            data = data.removesuffix(b"\n").removesuffix(b"\r")
        finding = check_text(byte_grammar(constraint), data)
        note = "" if finding.matches else schema_note(constraint, data)
        finding = finding if finding.matches else with_terminals(finding, constraint, data)
        if tokenizer is not None and not finding.matches:
            finding = with_tokens(finding, constraint, load_vocabulary(tokenizer, end_token), data)
        report(finding, note, as_json=as_json)
    if not finding.matches:
        raise typer.Exit(int(Exit.MISMATCH))


@app.command(epilog=f"{_INSPECT_EXAMPLES}\n\n{EXIT_CODES}")
@with_constraint
def inspect(
    given: dict[str, Any],
    tokenizer: Tokenizer = "builtin",
    end_token: EndToken = None,
    sample: Annotated[
        str | None, typer.Option(help="Follow this text (a file, or '-') token by token, and show each mask.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="The same, with the text itself.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what a constraint costs on a vocabulary: compile time, time to the first mask, states, sizes, masks."""
    from .cli_inspect import inspect_grammar, report
    from .cli_vocabulary import load_vocabulary

    with exit_codes():
        if sample is not None and text is not None:
            raise UsageError("give --sample or --text, not both")
        options = ConstraintOptions(**given)
        if sample == "-" and options.from_stdin:
            raise UsageError(f"--sample and {options.from_stdin} cannot both be read from standard input")
        constraint = options.constraint()
        data = read_bytes(sample, what="the sample") if sample is not None else (text or "").encode()
        inspection = inspect_grammar(constraint, load_vocabulary(tokenizer, end_token), data)
        report(inspection, as_json=as_json)
    if inspection.rejected_at is not None:
        errors.print(f"[bold yellow]note:[/] {escape(inspection.rejection())}")
        raise typer.Exit(int(Exit.MISMATCH))
