"""Every kind of weight with every number of columns that it can share sums of."""

from golden.mac.params import SHARES
from golden.weights import WEIGHT_KINDS

KINDS = [(kind, share) for kind in WEIGHT_KINDS for share in range(1, SHARES.get(kind, 1) + 1)]
