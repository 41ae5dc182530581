"""Every kind of weight with every number of columns that it can share sums of, and some of those
kinds for structures beside."""

from golden.mac.params import SHARES
from golden.weights import WEIGHT_KINDS

#: Planes of bits are the same for all widths: of two.
KINDS = [(kind, share) for kind in WEIGHT_KINDS for share in range(1, SHARES.get(kind, 1) + 1)
         if share == 1 or not kind.startswith("int") or kind in ("int2", "int5")]
SERIAL = [("binary", 1), ("binary", 3), ("ternary", 1), ("ternary", 2), ("int4", 1), ("int3", 2),
          ("int2", 3), ("powers3", 1)]
