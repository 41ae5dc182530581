"""Streams as golden sees them: what packs, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.design import Stream
from golden.formats import Format


@given(st.integers(2, 40), st.booleans(), st.integers(1, 5), st.data())
def test_what_is_packed_unpacks(width, signed, elements, data):
    stream = Stream(Format(width, 0, signed=signed), elements)
    code = st.integers(stream.format.minimum, stream.format.maximum)
    beats = np.array(data.draw(st.lists(st.lists(code, min_size=elements, max_size=elements),
                                        min_size=1, max_size=4)))
    words = stream.pack(beats)
    assert all(0 <= word < 1 << stream.width for word in words)
    np.testing.assert_array_equal(stream.unpack(words), beats)


@pytest.mark.parametrize("code", [-9, 8])
def test_codes_outside_the_format_are_refused(code):
    """Cut to four bits, -9 and 8 would be 7 and -8: two wrong answers would be equal."""
    with pytest.raises(ValueError, match=rf"^Stream code must lie between -8 and 7 in .*, "
                                         rf"not {code}$"):
        Stream(Format(4, 0), 3).pack([[0, 1, 2], [7, code, -8]])
