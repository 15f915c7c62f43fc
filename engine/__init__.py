"""The async engine of Astra: it lists, watches, decides and moves, without a screen."""

import os

# The matrices here are small: a second thread of numpy's BLAS only spins, and where other programs
# want the processor too, a solution takes twenty times as long. It is read when numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
