"""The order in which the words of several memories are loaded over one stream."""

import numpy as np

from golden.check import require_int

__all__ = ["check_memories", "image", "word_beats"]


def check_memories(memories, beat):
    """Raise unless ``memories``, a list of (width, depth), can be loaded by beats of that width."""
    require_int("Loader memories", len(memories), 1)
    require_int("Loader beat", beat, 1, 63)
    for width, depth in memories:
        require_int("Loader memory width", width, 1)
        require_int("Loader memory depth", depth, 1)


def word_beats(width, beat=32):
    """Beats of one word.

    >>> word_beats(33)
    2
    """
    return -(-width // beat)


def image(contents, beat=32):
    """The beats that load ``contents``: int64 array [beats, 1], for a stream of unsigned beats.

    contents: list of (width, words), one for each memory. Memories follow each other, then words
    from address 0; each word is padded with zeros to whole beats, least significant beat first.

    >>> [hex(v) for v in image([(8, [1, 2]), (40, [0xABCDEF0123])]).ravel().tolist()]
    ['0x1', '0x2', '0xcdef0123', '0xab']
    """
    check_memories([(width, len(words)) for width, words in contents], beat)
    beats = []
    for width, words in contents:
        for address, word in enumerate(words):
            word = int(word)
            if not 0 <= word < 1 << width:
                raise ValueError(f"Word {address} must have {width} bits, not {word!r}")
            beats += [(word >> (beat * part)) & ((1 << beat) - 1)
                      for part in range(word_beats(width, beat))]
    return np.array(beats, dtype=np.int64).reshape(-1, 1)
