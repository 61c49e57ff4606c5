"""The contract of the native core (`grammar/native/bind.cpp`); a test compares it with the build."""

from collections.abc import Iterable, Sequence
from typing import Any

class Vocabulary:
    """Token id -> bytes, the end tokens, and the token trie. Immutable, shared by every grammar compiled for it."""

    def __init__(
        self, token_bytes: Sequence[bytes | None], eos_token_ids: Iterable[int], size: int | None = None
    ) -> None:
        """`token_bytes[i]` is the exact text of token i; None or b"" means that it has none (special, padding) and is
        never allowed. End tokens are treated as special whatever their bytes. `size` is the width of the model's logits
        when it is larger than the tokenizer: the rows beyond are never allowed. Raises `VocabularyError`."""

    @property
    def size(self) -> int: ...
    @property
    def bitmask_words(self) -> int:
        """ceil(size / 32), the width of a bitmask row in int32 words."""

    @property
    def eos_token_ids(self) -> tuple[int, ...]: ...
    def token_bytes(self, token_id: int) -> bytes: ...

class CompiledGrammar:
    """A grammar for a vocabulary: the token automaton. States are small integers; -1 is dead.

    An integer that is no state is an IndexError. So is a state that was dropped because the byte budget was full; the
    states of live matchers, and those passed to a call, are not dropped by it. A regular expression that turns out to
    need more work or memory than the limits allow is a LimitError, from any method that goes where nobody was before.
    """

    def __init__(self, vocabulary: Vocabulary, program: bytes, text: bytes, limits: dict[str, int]) -> None: ...
    @property
    def vocabulary(self) -> Vocabulary: ...
    @property
    def start(self) -> int: ...
    def step(self, state: int, token_id: int) -> int:
        """The state after a token, -1 if the bitmask of `state` forbids it."""

    def step_bytes(self, state: int, data: bytes) -> int:
        """The state after some text, -1 if no text of the language goes on like this.

        Where terminals count tokens, it is the beginning of one token, which the next text or token goes on with."""

    @property
    def counts_tokens(self) -> bool:
        """Whether it depends on where tokens end what may come next: some terminal takes only so many tokens."""

    def is_accepting(self, state: int) -> bool:
        """Whether the text may end here: exactly then the end tokens are allowed."""

    def is_terminated(self, state: int) -> bool:
        """Whether an end token has been accepted."""

    def forced_bytes(self, state: int) -> bytes:
        """The longest text that every way to go on begins with.

        A special token that is demanded stands in it as its name between two bytes 0xFF, which are in no text."""

    def next_bytes(self, state: int) -> bytes:
        """Every byte that may come next, ascending."""

    def allowed_tokens(self, state: int) -> list[int]:
        """The tokens of the bitmask, ascending."""

    def fill_bitmask(self, states: Sequence[int], bitmask: Any) -> None:
        """Write row i of `bitmask` for states[i]. `bitmask`: int32[batch, >= bitmask_words], C order, CPU, batch ==
        len(states); bit i of word w allows token 32 * w + i. Words beyond the vocabulary become 0. Releases the GIL. Raises TypeError for a wrong dtype, shape, order or device."""

    def distance(self, state: int) -> int:
        """An upper bound of the tokens of a shortest completion, the end token included; 0 once that was accepted.

        From a state with distance n > 0, some token (or the end) leads to one with a smaller distance. -1 if the
        vocabulary cannot spell the completion that was found. Raises LimitError where finding one takes too much work."""

    def fill_bitmask_within(self, state: int, remaining: int, bitmask: Any, row: int = 0) -> None:
        """Write bitmask[row]: the tokens of the bitmask of `state` behind which the distance is less than `remaining`.

        So that `remaining` tokens, this one and the end token included, are enough. Otherwise as `fill_bitmask`; costs a
        walk over the vocabulary."""

    def statistics(self) -> dict[str, int]:
        """Counts and sizes: states, masks, bytes, ..."""

class Matcher:
    """Where one sequence stands in a grammar."""

    def __init__(self, grammar: CompiledGrammar, token_ids: Sequence[int] = ()) -> None:
        """Starts behind `token_ids`. Raises TokenRejected if the grammar forbids one of them."""

    @property
    def grammar(self) -> CompiledGrammar: ...
    @property
    def state(self) -> int: ...
    @property
    def token_ids(self) -> list[int]:
        """The tokens accepted so far, end tokens included."""

    @property
    def is_accepting(self) -> bool: ...
    @property
    def is_terminated(self) -> bool:
        """An end token was accepted. From then on only end tokens are allowed, and accepting one moves nothing."""

    def accept_token(self, token_id: int) -> None:
        """Move by one token. Raises TokenRejected, and stays where it is, if the bitmask forbids it."""

    def peek(self, state: int, token_id: int) -> int:
        """As `CompiledGrammar.step`, from any state; the state that is reached is not dropped before this matcher moves.
        For drafts: the states of what may come next."""

    def validate_tokens(self, token_ids: Sequence[int]) -> int:
        """How many of these would be accepted one after the other; moves nothing."""

    def fill_bitmask(self, bitmask: Any, row: int = 0) -> None:
        """Write bitmask[row]; the same rules as `CompiledGrammar.fill_bitmask`. IndexError if there is no such row."""

    def forced_bytes(self) -> bytes: ...
    def rollback(self, count: int) -> None:
        """Take back the last `count` accepted tokens. ValueError if there are fewer."""

    def fork(self) -> Matcher:
        """An independent matcher at the same place; costs a copy of its list of states."""

    def reset(self) -> None: ...
